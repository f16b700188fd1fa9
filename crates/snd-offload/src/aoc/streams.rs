//! Setting a stream up and taking it down.

use super::{AocClient, Session};
use crate::AudioError;
use crate::card::Selection;
use crate::dsp::Request;
use crate::event::Event;
use crate::lending::{self, LentRings, PayloadBuffers};
use crate::stream::{StreamHandle, StreamState};
use offload_core::{EpIndex, Errno, Sideband, usb_offload_get, usb_offload_put};
use std::rc::Rc;

impl AocClient {
    pub(super) async fn open(
        &self,
        stream: Rc<StreamState>,
        pcm: Rc<[u8]>,
    ) -> Result<StreamHandle, AudioError> {
        let selection = self.chip.card.find(stream.direction, stream.format)?;
        // An open PCM device keeps the card awake.
        self.chip.autoresume().await.map_err(AudioError::kernel("snd_usb_autoresume"))?;
        let result = self.open_awake(&stream, &pcm, selection).await;
        match result {
            Ok(()) => Ok(StreamHandle(stream)),
            Err(error) => {
                self.chip.autosuspend().await;
                Err(error)
            }
        }
    }

    async fn open_awake(
        &self,
        stream: &Rc<StreamState>,
        pcm: &Rc<[u8]>,
        selection: Selection,
    ) -> Result<(), AudioError> {
        self.chip.lock_shutdown().await.map_err(AudioError::kernel("snd_usb_lock_shutdown"))?;
        let result = {
            let _chip_lock = self.chip.mutex.lock().await;
            self.set_up(stream, pcm, selection).await
        };
        self.chip.unlock_shutdown().await;
        result
    }

    async fn set_up(
        &self,
        stream: &Rc<StreamState>,
        pcm: &Rc<[u8]>,
        selection: Selection,
    ) -> Result<(), AudioError> {
        if self.sessions.borrow().iter().any(|session| session.stream.direction == stream.direction) {
            return Err(AudioError::Kernel { call: "snd_pcm_open", errno: Errno::EBUSY });
        }
        let no_endpoint = AudioError::Kernel { call: "endpoint", errno: Errno::EINVAL };
        let (data, feedback) = lending::endpoints(&selection.setting).ok_or(no_endpoint)?;
        let chip = &self.chip;
        chip.card.select(&selection, &chip.udev, &chip.pipe).await?;
        let (interface, alternate) = (selection.setting.interface, selection.setting.alternate);
        let format = Some(selection.format);
        chip.emit(|| Event::Selected { device: chip.name(), interface, alternate, format });
        let buffers = self.buffers(&selection);
        let buffers = match buffers {
            Ok(buffers) => buffers,
            Err(error) => {
                self.deselect(&selection).await;
                return Err(error);
            }
        };
        let session = Session { stream: stream.clone(), selection, data, feedback, buffers };
        let lent = self.lend(&session, pcm).await;
        if lent.is_err() {
            self.take_back(&session).await;
        } else {
            self.sessions.borrow_mut().push(session);
        }
        lent
    }

    fn buffers(&self, selection: &Selection) -> Result<PayloadBuffers, AudioError> {
        let ahead = self.dsp.config().queue_ahead;
        let buffers = PayloadBuffers::alloc(&self.chip.setup, &selection.setting, ahead, usize::MAX);
        buffers.map_err(AudioError::kernel("dma_alloc_coherent"))
    }

    /// Links the endpoints, takes what the first stream takes, and sends the DSP where everything is.
    async fn lend(&self, session: &Session, pcm: &Rc<[u8]>) -> Result<(), AudioError> {
        let chip = &self.chip;
        let sideband = self.sideband()?;
        for ep in session.endpoints() {
            let added = sideband.add_endpoint(ep).await;
            added.map_err(AudioError::kernel("xhci_sideband_add_endpoint"))?;
        }
        self.take_if_first(&sideband).await?;
        let rings = self.rings(&sideband, session).map_err(AudioError::kernel("sideband rings"))?;
        let Session { selection, buffers, stream, .. } = session;
        let start = lending::stream_start(&chip.setup, &rings, &selection.setting, buffers, stream, pcm);
        self.dsp.request(Request::Start(Box::new(start))).await?;
        Ok(())
    }

    fn rings(&self, sideband: &Sideband, session: &Session) -> Result<LentRings, Errno> {
        let data = sideband.get_endpoint_buffer(session.data).ok_or(Errno::ENODEV)?;
        let feedback = session.feedback.and_then(|feedback| sideband.get_endpoint_buffer(feedback));
        let events = sideband.get_event_buffer().ok_or(Errno::ENODEV)?;
        let events = lending::event_ring(&self.chip.setup, sideband, &events)?;
        LentRings::new(&self.chip.udev, &data, feedback.as_ref(), events)
    }

    /// The first of playback and capture takes the usage reference and the interrupter.
    async fn take_if_first(&self, sideband: &Sideband) -> Result<(), AudioError> {
        if sideband.interrupter().is_some() {
            return Ok(());
        }
        usb_offload_get(&self.chip.udev).map_err(AudioError::kernel("usb_offload_get"))?;
        let created = sideband.create_interrupter(1, false, 0, 0).await;
        if let Err(errno) = created {
            self.put();
            return Err(AudioError::Kernel { call: "xhci_sideband_create_interrupter", errno });
        }
        Ok(())
    }

    /// The last of playback and capture gives both back.
    async fn give_back_if_last(&self, sideband: &Sideband) {
        if self.sessions.borrow().is_empty() && sideband.interrupter().is_some() {
            sideband.remove_interrupter().await;
            self.put();
        }
    }

    pub(super) fn put(&self) {
        if let Err(errno) = usb_offload_put(&self.chip.udev) {
            self.chip.emit(|| Event::PutFailed { device: self.chip.name(), errno });
        }
    }

    pub(super) async fn close(&self, handle: &StreamHandle) -> Result<(), AudioError> {
        // A stream that was torn down has no session left.
        if !self.has_session(handle) {
            return Ok(());
        }
        let chip = &self.chip;
        chip.lock_shutdown().await.map_err(AudioError::kernel("snd_usb_lock_shutdown"))?;
        let result = {
            let _chip_lock = chip.mutex.lock().await;
            self.take_down(handle).await
        };
        chip.unlock_shutdown().await;
        match result {
            Some(result) => {
                chip.autosuspend().await;
                result
            }
            None => Ok(()),
        }
    }

    /// `None`: another task was faster.
    async fn take_down(&self, handle: &StreamHandle) -> Option<Result<(), AudioError>> {
        let session = {
            let mut sessions = self.sessions.borrow_mut();
            let index = sessions.iter().position(|session| Rc::ptr_eq(&session.stream, &handle.0))?;
            sessions.remove(index)
        };
        let stopped = self.dsp.request(Request::Stop(handle.id())).await;
        self.take_back(&session).await;
        Some(stopped.map(|_| ()).map_err(AudioError::from))
    }

    /// Everything that a stream was lent. Endpoints that are not linked are no matter.
    async fn take_back(&self, session: &Session) {
        if let Ok(sideband) = self.sideband() {
            for ep in session.endpoints() {
                let _not_linked = sideband.remove_endpoint(ep).await;
            }
            self.give_back_if_last(&sideband).await;
        }
        self.deselect(&session.selection).await;
        session.buffers.free(&self.chip.setup);
    }

    async fn deselect(&self, selection: &Selection) {
        let chip = &self.chip;
        let interface = selection.setting.interface;
        // A device that is gone, or asleep, has no alternate setting to leave.
        if chip.card.deselect(selection, &chip.udev).await.is_ok() {
            chip.emit(|| Event::Selected { device: chip.name(), interface, alternate: 0, format: None });
        }
    }

    fn has_session(&self, handle: &StreamHandle) -> bool {
        self.sessions.borrow().iter().any(|session| Rc::ptr_eq(&session.stream, &handle.0))
    }
}

impl Session {
    fn endpoints(&self) -> impl Iterator<Item = EpIndex> + use<> {
        [Some(self.data), self.feedback].into_iter().flatten()
    }
}
