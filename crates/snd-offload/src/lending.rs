//! Lending an endpoint's transfer ring and an event ring to the DSP.

use crate::ClientSetup;
use crate::card::{DataEndpoint, FeedbackEndpoint, StreamSetting};
use crate::dsp::{self, EndpointGrant, EventRingGrant, StreamStart};
use crate::stream::StreamState;
use host_bus::DmaBuffer;
use offload_core::{EpIndex, Errno, SgTable, Sideband, UsbDevice};
use sim_time::Duration;
use std::rc::Rc;
use usb_spec::EndpointAddress;
use xhcd::rings::EventSegment;
use xhci_spec::registers::doorbell;
use xhci_spec::registers::runtime;
use xhci_spec::{Dci, Gpa, InterrupterId, SlotId, Trb};

/// Payload memory for the endpoints of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PayloadBuffers {
    data: DmaBuffer,
    feedback: Option<DmaBuffer>,
}

impl PayloadBuffers {
    /// For what is queued ahead of a setting's endpoints, `limit` bytes for the data at most.
    pub(crate) fn alloc(
        setup: &ClientSetup,
        setting: &StreamSetting,
        queue_ahead: Duration,
        limit: usize,
    ) -> Result<Self, Errno> {
        let bytes = |payload, interval| dsp::buffer_bytes(payload, interval, queue_ahead);
        let len = bytes(setting.data.max_payload, setting.data.interval_microframes).min(limit);
        let data = alloc(setup, len)?;
        let feedback = setting.feedback.map(|feedback| {
            let payload = u32::try_from(feedback.format.packet_bytes()).unwrap_or(4);
            alloc(setup, bytes(payload, feedback.interval_microframes))
        });
        match feedback.transpose() {
            Ok(feedback) => Ok(Self { data, feedback }),
            Err(errno) => {
                setup.bus.free(data);
                Err(errno)
            }
        }
    }

    pub(crate) fn free(self, setup: &ClientSetup) {
        setup.bus.free(self.data);
        if let Some(buffer) = self.feedback {
            setup.bus.free(buffer);
        }
    }
}

fn alloc(setup: &ClientSetup, len: usize) -> Result<DmaBuffer, Errno> {
    // A packet begins at a multiple of its stride, which is 64 KiB at most.
    let align = len.next_power_of_two().min(0x1_0000);
    setup.bus.alloc(len, align, None).map_err(|_| Errno::ENOMEM)
}

/// The endpoints of a setting as the sideband knows them: data, and feedback.
pub(crate) fn endpoints(setting: &StreamSetting) -> Option<(EpIndex, Option<EpIndex>)> {
    let index = |address: EndpointAddress| EpIndex::from_address(address.0);
    let feedback = match setting.feedback {
        Some(feedback) => Some(index(feedback.address)?),
        None => None,
    };
    Some((index(setting.data.address)?, feedback))
}

/// What the DSP is sent: where everything is.
pub(crate) fn stream_start(
    setup: &ClientSetup,
    lent: &LentRings,
    setting: &StreamSetting,
    buffers: &PayloadBuffers,
    state: &Rc<StreamState>,
    pcm: &Rc<[u8]>,
) -> StreamStart {
    let capabilities = setup.hcd.capabilities();
    let data = lent.data_grant(setup, &setting.data, buffers.data);
    let feedback = setting.feedback.zip(lent.feedback).zip(buffers.feedback);
    let feedback = feedback.map(|((endpoint, ring), buffer)| {
        (lent.feedback_grant(setup, &endpoint, ring, buffer), endpoint.format)
    });
    StreamStart {
        state: state.clone(),
        pcm: pcm.clone(),
        data,
        feedback,
        events: lent.events.clone(),
        mfindex: capabilities.runtime + runtime::MFINDEX,
        ist_microframes: capabilities.ist_microframes,
        contiguous_frame_ids: capabilities.hccparams1.cfc(),
    }
}

/// Rings of one stream that the sideband gave.
#[derive(Clone, Debug)]
pub(crate) struct LentRings {
    slot: SlotId,
    data: Gpa,
    feedback: Option<Gpa>,
    events: EventRingGrant,
}

impl LentRings {
    pub(crate) fn new(
        udev: &UsbDevice,
        data: &SgTable,
        feedback: Option<&SgTable>,
        events: EventRingGrant,
    ) -> Result<Self, Errno> {
        let slot = udev.slot_id().and_then(|slot| SlotId::new(slot.get())).ok_or(Errno::ENODEV)?;
        let page = |table: &SgTable| table.dma_address().map(Gpa).ok_or(Errno::ENODEV);
        Ok(Self { slot, data: page(data)?, feedback: feedback.map(page).transpose()?, events })
    }

    fn data_grant(&self, setup: &ClientSetup, endpoint: &DataEndpoint, buffer: DmaBuffer) -> EndpointGrant {
        EndpointGrant {
            interval_microframes: endpoint.interval_microframes,
            max_packet_size: endpoint.max_packet_size,
            max_burst: endpoint.max_burst,
            max_payload: endpoint.max_payload,
            ..self.grant(setup, endpoint.address, self.data, buffer)
        }
    }

    fn feedback_grant(
        &self,
        setup: &ClientSetup,
        endpoint: &FeedbackEndpoint,
        ring: Gpa,
        buffer: DmaBuffer,
    ) -> EndpointGrant {
        let bytes = endpoint.format.packet_bytes();
        EndpointGrant {
            interval_microframes: endpoint.interval_microframes,
            max_packet_size: u16::try_from(bytes).unwrap_or(4),
            max_burst: 0,
            max_payload: u32::try_from(bytes).unwrap_or(4),
            ..self.grant(setup, endpoint.address, ring, buffer)
        }
    }

    fn grant(
        &self,
        setup: &ClientSetup,
        address: EndpointAddress,
        ring: Gpa,
        buffer: DmaBuffer,
    ) -> EndpointGrant {
        let dci = Dci::from_endpoint(address.number(), address.is_in()).unwrap_or(Dci::EP0);
        EndpointGrant {
            slot: self.slot,
            dci,
            ring,
            buffer,
            doorbell: setup.hcd.capabilities().doorbells + doorbell::slot_offset(self.slot),
            interval_microframes: 1,
            max_packet_size: 0,
            max_burst: 0,
            max_payload: 0,
        }
    }
}

/// The event ring of the sideband's interrupter.
pub(crate) fn event_ring(
    setup: &ClientSetup,
    sideband: &Sideband,
    memory: &SgTable,
) -> Result<EventRingGrant, Errno> {
    let interrupter = InterrupterId(sideband.interrupter_id()?);
    let trb_bytes = u32::try_from(Trb::BYTES).unwrap_or(u32::MAX);
    let segments = memory
        .segments
        .iter()
        .map(|segment| EventSegment { address: Gpa(segment.dma_address), trbs: segment.length / trb_bytes })
        .collect();
    let registers = setup.hcd.capabilities().runtime + runtime::interrupter_offset(interrupter);
    Ok(EventRingGrant { interrupter, segments, erdp: registers + runtime::ERDP })
}
