//! Control, bulk and interrupt transfers: queue the TRBs, ring, wait, and act on what went wrong.

use crate::UrbError;
use crate::controller::{Controller, HcState};
use crate::device::VirtDevice;
use crate::endpoint::Endpoint;
use crate::urb::{Outcome, Shape, TRB_BYTES_MAX, Urb};
use host_bus::DmaBuffer;
use sim_time::Duration;
use std::rc::Rc;
use usb_spec::SetupPacket;
use xhci_spec::trb::packets::td_size;
use xhci_spec::trb::{TransferType, transfer};
use xhci_spec::{Dci, Gpa, Trb};

/// `USB_CTRL_GET_TIMEOUT`, and the same for requests that send.
pub(crate) const CONTROL_TIMEOUT: Duration = Duration::from_secs(5);

/// The data of a transfer.
pub(crate) enum Data<'a> {
    In(&'a mut [u8]),
    Out(&'a [u8]),
}

impl Data<'_> {
    fn len(&self) -> usize {
        match self {
            Data::In(bytes) => bytes.len(),
            Data::Out(bytes) => bytes.len(),
        }
    }
    fn is_in(&self) -> bool {
        matches!(self, Data::In(_))
    }
}

impl Controller {
    /// A control transfer on endpoint 0. Gives the bytes of its data stage.
    pub(crate) async fn control(
        &self,
        device: &VirtDevice,
        setup: SetupPacket,
        mut data: Data<'_>,
        timeout: Duration,
    ) -> Result<usize, UrbError> {
        let endpoint = device.endpoint(Dci::EP0).ok_or(UrbError::NoDevice)?;
        if data.len() != usize::from(setup.length) {
            return Err(UrbError::Invalid);
        }
        let length = u32::from(setup.length);
        let is_in = data.is_in();
        let buffer = self.map(&data)?;
        let stages = [
            transfer::setup_stage(
                setup.to_bytes(),
                match (length, is_in) {
                    (0, _) => TransferType::NO_DATA,
                    (_, true) => TransferType::IN,
                    (_, false) => TransferType::OUT,
                },
            ),
            transfer::data_stage(buffer.address, length, is_in).with_isp(is_in),
            // TRB-05: against the direction of the data, IN without any.
            transfer::status_stage(length == 0 || !is_in).with_ioc(true),
        ];
        let result = if length == 0 {
            self.perform(&endpoint, &[stages[0], stages[2]], Shape::Control, 0, Some(timeout)).await
        } else {
            self.perform(&endpoint, &stages, Shape::ControlWithData, length, Some(timeout)).await
        };
        self.unmap(buffer, &mut data, result)
    }

    /// A bulk or interrupt transfer. Gives the bytes that were moved.
    pub(crate) async fn transfer(
        &self,
        device: &VirtDevice,
        dci: Dci,
        mut data: Data<'_>,
        timeout: Option<Duration>,
    ) -> Result<usize, UrbError> {
        let endpoint = device.endpoint(dci).ok_or(UrbError::NoDevice)?;
        if data.is_in() != dci.is_in() || endpoint.context.ep_type().is_isoch() {
            return Err(UrbError::Invalid);
        }
        let length = u32::try_from(data.len()).map_err(|_| UrbError::Invalid)?;
        let buffer = self.map(&data)?;
        let trbs = data_trbs(buffer.address, length, &endpoint);
        let result = self.perform(&endpoint, &trbs, Shape::Data, length, timeout).await;
        self.unmap(buffer, &mut data, result)
    }

    async fn perform(
        &self,
        endpoint: &Rc<Endpoint>,
        trbs: &[Trb],
        shape: Shape,
        length: u32,
        timeout: Option<Duration>,
    ) -> Result<u32, UrbError> {
        if self.state() != HcState::Running {
            return Err(UrbError::Shutdown);
        }
        let urb = endpoint.queue(&*self.bus, trbs, Urb::new(&self.kernel, shape, length))?;
        self.registers.ring_doorbell(endpoint.slot, endpoint.dci);
        loop {
            let in_time = match timeout {
                Some(timeout) => urb.done().wait_timeout(timeout).await,
                None => {
                    urb.done().wait().await;
                    true
                }
            };
            if !in_time {
                self.cancel(endpoint, &urb).await;
            }
            match urb.take_outcome() {
                Some(Outcome::Done(result)) => return result,
                Some(Outcome::Halted(error)) => {
                    self.recover_halted(endpoint).await;
                    return Err(error);
                }
                Some(Outcome::SoftRetry) => {
                    urb.done().reinit();
                    self.retry_halted(endpoint).await;
                }
                None => return Err(UrbError::TimedOut),
            }
        }
    }

    fn map(&self, data: &Data<'_>) -> Result<DmaBuffer, UrbError> {
        let len = data.len();
        // Urb::bytes_through counts on it: longer buffers begin at a 64 KiB boundary.
        let chunk = TRB_BYTES_MAX as usize;
        let (align, boundary) = if len <= chunk { (64, Some(chunk)) } else { (chunk, None) };
        let buffer = self.bus.alloc(len, align, boundary)?;
        if let Data::Out(bytes) = data {
            self.bus.mem_write(buffer.address, bytes);
        }
        Ok(buffer)
    }

    fn unmap(
        &self,
        buffer: DmaBuffer,
        data: &mut Data<'_>,
        result: Result<u32, UrbError>,
    ) -> Result<usize, UrbError> {
        if let (Data::In(bytes), Ok(moved)) = (data, result) {
            let moved = bytes.len().min(moved as usize);
            self.bus.mem_read(buffer.address, &mut bytes[..moved]);
        }
        self.bus.free(buffer);
        result.map(|moved| moved as usize)
    }
}

fn data_trbs(buffer: Gpa, length: u32, endpoint: &Endpoint) -> Vec<Trb> {
    let packet = endpoint.context.max_packet_size();
    let is_in = endpoint.dci.is_in();
    let count = length.div_ceil(TRB_BYTES_MAX).max(1);
    (0..count)
        .map(|index| {
            let offset = index * TRB_BYTES_MAX;
            let bytes = (length - offset).min(TRB_BYTES_MAX);
            let last = index + 1 == count;
            transfer::normal(buffer.offset(u64::from(offset)), bytes)
                .with_td_size(td_size(length, offset + bytes, packet, last))
                .with_isp(is_in)
                .with_chain(!last)
                .with_ioc(last)
        })
        .collect()
}
