//! An enable request of the DSP: reference sequence 3.6.

use super::card::{Endpoint, Info};
use super::{EnableFault, QcClient, TRANSFER_BUFFER_MAX};
use crate::StreamDirection;
use crate::card::Selection;
use crate::dsp::StreamStart;
use crate::event::Event;
use crate::lending::{self, LentRings, PayloadBuffers};
use crate::stream::StreamState;
use offload_core::{EpIndex, Errno, SgTable, Sideband, usb_offload_get};
use std::rc::Rc;

/// What `prepare_qmi_response` has to lend.
struct Lent {
    data: SgTable,
    sync: Option<SgTable>,
}

impl QcClient {
    /// Carried out by the worker.
    pub(super) async fn handle_enable(
        &self,
        stream: &Rc<StreamState>,
        pcm: &Rc<[u8]>,
    ) -> Result<StreamStart, Errno> {
        let _qdev = self.service.0.qdev_mutex.lock().await;
        if self.chip.is_shut_down() {
            return Err(Errno::ENODEV);
        }
        let direction = stream.direction;
        let entry = self.free_entry();
        {
            let _chip_lock = self.chip.mutex.lock().await;
            let substream = self.substream(direction);
            if entry.is_none() || self.chip.is_system_suspended() || substream.opened.get() {
                return Err(Errno::EBUSY);
            }
            substream.opened.set(true);
        }
        let result = match self.enable_audio_stream(stream).await {
            // B4: whatever fails from here on, the stream stays enabled.
            Ok(selection) => self.prepare_response(entry.unwrap_or(0), stream, pcm, &selection).await,
            Err(errno) => Err(errno),
        };
        if result.is_err() {
            let _chip_lock = self.chip.mutex.lock().await;
            self.substream(direction).opened.set(false);
        }
        result
    }

    /// `enable_audio_stream`: the card awake, the format selected.
    async fn enable_audio_stream(&self, stream: &StreamState) -> Result<Selection, Errno> {
        let chip = &self.chip;
        chip.intf.pm().barrier().await;
        let _ignored = chip.autoresume().await;
        let result = match self.hw_params(stream).await {
            Ok(selection) => self.prepare_endpoints(&selection).await.map(|()| selection),
            Err(errno) => Err(errno),
        };
        if result.is_err() {
            // After a failed autoresume this counts below what was taken (B4b).
            self.disable_audio_stream(stream.direction).await;
        }
        result
    }

    async fn hw_params(&self, stream: &StreamState) -> Result<Selection, Errno> {
        let found = self.chip.card.find(stream.direction, stream.format);
        let selection = found.map_err(|_| Errno::EINVAL)?;
        self.chip.lock_shutdown().await?;
        {
            let _chip_lock = self.chip.mutex.lock().await;
            self.substream(stream.direction).format.replace(Some(selection.clone()));
        }
        self.chip.unlock_shutdown().await;
        Ok(selection)
    }

    async fn prepare_endpoints(&self, selection: &Selection) -> Result<(), Errno> {
        let chip = &self.chip;
        chip.lock_shutdown().await?;
        let result = {
            let _chip_lock = chip.mutex.lock().await;
            self.select(selection).await
        };
        chip.unlock_shutdown().await;
        result
    }

    /// Alternate setting 0 first, then clock and setting.
    async fn select(&self, selection: &Selection) -> Result<(), Errno> {
        let chip = &self.chip;
        let errno = |error| match error {
            crate::AudioError::Kernel { errno, .. } => errno,
            _ => Errno::EINVAL,
        };
        chip.card.deselect(selection, &chip.udev).await.map_err(errno)?;
        chip.card.select(selection, &chip.udev, &chip.pipe).await.map_err(errno)?;
        let (interface, alternate) = (selection.setting.interface, selection.setting.alternate);
        let format = Some(selection.format);
        chip.emit(|| Event::Selected { device: chip.name(), interface, alternate, format });
        Ok(())
    }

    /// `prepare_qmi_response`: endpoints, usage, interrupter, buffers.
    async fn prepare_response(
        &self,
        entry: usize,
        stream: &Rc<StreamState>,
        pcm: &Rc<[u8]>,
        selection: &Selection,
    ) -> Result<StreamStart, Errno> {
        let sideband = self.uadev.borrow().sideband.clone().ok_or(Errno::ENODEV)?;
        let (data, sync) = lending::endpoints(&selection.setting).ok_or(Errno::EINVAL)?;
        let lent = self.link(&sideband, data, sync).await?;
        let prepared = self.prepare_event_ring(&sideband, entry, stream, pcm, selection, &lent).await;
        if prepared.is_err() {
            unlink(&sideband, data, sync).await;
        }
        prepared
    }

    /// Links the endpoints and reads their rings; every failure is -ENODEV.
    async fn link(&self, sideband: &Sideband, data: EpIndex, sync: Option<EpIndex>) -> Result<Lent, Errno> {
        sideband.add_endpoint(data).await.map_err(|_| Errno::ENODEV)?;
        let Some(data_ring) = sideband.get_endpoint_buffer(data) else {
            unlink(sideband, data, None).await;
            return Err(Errno::ENODEV);
        };
        let Some(sync) = sync else { return Ok(Lent { data: data_ring, sync: None }) };
        let ring = match sideband.add_endpoint(sync).await {
            Ok(()) => sideband.get_endpoint_buffer(sync),
            Err(_) => None,
        };
        match ring {
            Some(sync_ring) => Ok(Lent { data: data_ring, sync: Some(sync_ring) }),
            None => {
                unlink(sideband, data, Some(sync)).await;
                Err(Errno::ENODEV)
            }
        }
    }

    /// `uaudio_event_ring_setup` and what follows it.
    async fn prepare_event_ring(
        &self,
        sideband: &Sideband,
        entry: usize,
        stream: &Rc<StreamState>,
        pcm: &Rc<[u8]>,
        selection: &Selection,
        lent: &Lent,
    ) -> Result<StreamStart, Errno> {
        let udev = &self.chip.udev;
        usb_offload_get(udev)?;
        let intr_num = self.service.0.config.intr_num;
        // E6: a second stream of the card always ends here, with -EBUSY.
        if let Err(errno) = sideband.create_interrupter(1, false, 0, intr_num).await {
            self.put(udev);
            return Err(errno);
        }
        let prepared = self.map_and_fill(sideband, entry, stream, pcm, selection, lent);
        if prepared.is_err() {
            sideband.remove_interrupter().await;
            self.put(udev);
        }
        prepared
    }

    fn map_and_fill(
        &self,
        sideband: &Sideband,
        entry: usize,
        stream: &Rc<StreamState>,
        pcm: &Rc<[u8]>,
        selection: &Selection,
        lent: &Lent,
    ) -> Result<StreamStart, Errno> {
        let setup = &self.chip.setup;
        let ring = sideband.get_event_buffer().ok_or(Errno::ENOMEM)?;
        let mapped = {
            let mut qdev = self.service.0.qdev.borrow_mut();
            // There is one IO address for it: a mapping that was left behind stays (B5).
            qdev.event_ring.get_or_insert(ring).clone()
        };
        let events = lending::event_ring(setup, sideband, &mapped)?;
        let rings = LentRings::new(&self.chip.udev, &lent.data, lent.sync.as_ref(), events)?;
        if self.take_fault(EnableFault::TransferBuffer) {
            return Err(Errno::ENOMEM);
        }
        let ahead = self.service.0.dsp.config().queue_ahead;
        let buffers = PayloadBuffers::alloc(setup, &selection.setting, ahead, TRANSFER_BUFFER_MAX)?;
        self.count_stream()?;
        let start = lending::stream_start(setup, &rings, &selection.setting, &buffers, stream, pcm);
        self.fill_entry(entry, (stream.id, stream.direction), selection, buffers);
        self.service.0.qdev.borrow_mut().card_slot |= self.bit();
        Ok(start)
    }

    /// The first stream of the card sets it up anew, one more is counted. The transfer buffer of a failure is lost (E5).
    fn count_stream(&self) -> Result<(), Errno> {
        let mut uadev = self.uadev.borrow_mut();
        if uadev.in_use {
            uadev.kref += 1;
            return Ok(());
        }
        uadev.num_intf = self.chip.card.streaming_interfaces().len();
        if self.take_fault(EnableFault::Info) {
            uadev.info = None;
            return Err(Errno::ENOMEM);
        }
        uadev.kref = 1;
        // The array of the last stream is lost (B30).
        uadev.info = Some(vec![Info::default(); uadev.num_intf]);
        uadev.udev = Some(self.chip.udev.clone());
        uadev.in_use = true;
        Ok(())
    }

    fn fill_entry(
        &self,
        index: usize,
        stream: (crate::StreamId, StreamDirection),
        selection: &Selection,
        buffers: PayloadBuffers,
    ) {
        let setting = &selection.setting;
        let endpoint = |address: usb_spec::EndpointAddress| {
            EpIndex::from_address(address.0).map(|index| Endpoint { index, address: address.0 })
        };
        let mut uadev = self.uadev.borrow_mut();
        if let Some(entry) = uadev.info.as_mut().and_then(|info| info.get_mut(index)) {
            *entry = Info {
                in_use: true,
                interface: setting.interface,
                stream: Some(stream),
                data: endpoint(setting.data.address),
                sync: setting.feedback.and_then(|feedback| endpoint(feedback.address)),
                buffers: Some(buffers),
            };
        }
    }

    /// An entry that is free; before the first stream there are none, and the first one will do.
    fn free_entry(&self) -> Option<usize> {
        let uadev = self.uadev.borrow();
        match &uadev.info {
            Some(info) => info.iter().position(|entry| !entry.in_use),
            None => Some(0),
        }
    }

    fn take_fault(&self, fault: EnableFault) -> bool {
        let due = self.service.0.fault.get() == Some(fault);
        if due {
            self.service.0.fault.set(None);
        }
        due
    }
}

async fn unlink(sideband: &Sideband, data: EpIndex, sync: Option<EpIndex>) {
    for ep in [Some(data), sync].into_iter().flatten() {
        let _not_linked: Result<(), Errno> = sideband.remove_endpoint(ep).await;
    }
}
