//! Setting a stream up, and what sleep and disconnect do to it.

use super::UrbClient;
use super::pump::Pump;
use crate::card::Selection;
use crate::event::Event;
use crate::stream::{StreamHandle, StreamState};
use crate::{AudioError, Cause};
use offload_core::Errno;
use std::rc::Rc;

impl UrbClient {
    pub(super) async fn open(
        &self,
        stream: Rc<StreamState>,
        pcm: Rc<[u8]>,
    ) -> Result<StreamHandle, AudioError> {
        let selection = self.chip.card.find(stream.direction, stream.format)?;
        // An open PCM device keeps the card awake.
        self.chip.autoresume().await.map_err(AudioError::kernel("snd_usb_autoresume"))?;
        let result = self.open_awake(&stream, pcm, selection).await;
        if result.is_err() {
            self.chip.autosuspend().await;
        }
        result.map(|()| StreamHandle(stream))
    }

    async fn open_awake(
        &self,
        stream: &Rc<StreamState>,
        pcm: Rc<[u8]>,
        selection: Selection,
    ) -> Result<(), AudioError> {
        let chip = &self.chip;
        chip.lock_shutdown().await.map_err(AudioError::kernel("snd_usb_lock_shutdown"))?;
        let result = {
            let _chip_lock = chip.mutex.lock().await;
            self.set_up(stream, pcm, selection).await
        };
        chip.unlock_shutdown().await;
        result
    }

    async fn set_up(
        &self,
        stream: &Rc<StreamState>,
        pcm: Rc<[u8]>,
        selection: Selection,
    ) -> Result<(), AudioError> {
        if self.pumps.borrow().iter().any(|pump| pump.stream().direction == stream.direction) {
            return Err(AudioError::Kernel { call: "snd_pcm_open", errno: Errno::EBUSY });
        }
        self.select(&selection).await?;
        match Pump::new(&self.chip, stream, pcm, selection.clone()) {
            Ok(pump) => {
                pump.start();
                self.pumps.borrow_mut().push(pump);
                Ok(())
            }
            Err(errno) => {
                self.deselect(&selection).await;
                Err(AudioError::Kernel { call: "usb_submit_urb", errno })
            }
        }
    }

    pub(super) async fn close(&self, handle: &StreamHandle) -> Result<(), AudioError> {
        let chip = &self.chip;
        let Some(pump) = self.take_pump(handle) else { return Ok(()) };
        pump.stop().await;
        let awake = chip.lock_shutdown().await;
        if awake.is_ok() {
            let _chip_lock = chip.mutex.lock().await;
            self.deselect(&pump.selection).await;
        }
        self.ended(&pump, None);
        if awake.is_ok() {
            chip.unlock_shutdown().await;
        }
        chip.autosuspend().await;
        awake.map_err(AudioError::kernel("snd_usb_lock_shutdown"))
    }

    pub(super) async fn suspend_streams(&self) {
        let pumps = self.pumps.borrow().clone();
        for pump in pumps {
            pump.pause().await;
        }
    }

    pub(super) fn resume_streams(&self) {
        for pump in self.pumps.borrow().iter() {
            pump.resume();
        }
    }

    /// The device lost its alternate settings.
    pub(super) async fn reopen_streams(&self) {
        let pumps = self.pumps.borrow().clone();
        for pump in pumps {
            let selected = self.select(&pump.selection).await;
            if selected.is_ok() && pump.reopen().is_ok() {
                pump.resume();
            } else {
                pump.stream().finish(Err(AudioError::TornDown(Cause::Suspend)));
            }
        }
    }

    pub(super) async fn disconnect_card(&self) {
        let chip = &self.chip;
        let _register = chip.setup.register_mutex.lock().await;
        let cause = if chip.udev.is_attached() { Cause::Unbind } else { Cause::Unplug };
        for pump in self.pumps.take() {
            pump.stop().await;
            self.ended(&pump, Some(cause));
            chip.autosuspend().await;
        }
        chip.shut_down().await;
    }

    fn ended(&self, pump: &Pump, cause: Option<Cause>) {
        let stream = pump.stream();
        stream.finish(Err(cause.map_or(AudioError::Stopped, AudioError::TornDown)));
        self.chip.emit(|| Event::Stopped { stream: stream.id, cause });
    }

    async fn select(&self, selection: &Selection) -> Result<(), AudioError> {
        let chip = &self.chip;
        chip.card.select(selection, &chip.udev, &chip.pipe).await?;
        let (interface, alternate) = (selection.setting.interface, selection.setting.alternate);
        let format = Some(selection.format);
        chip.emit(|| Event::Selected { device: chip.name(), interface, alternate, format });
        Ok(())
    }

    async fn deselect(&self, selection: &Selection) {
        let chip = &self.chip;
        let interface = selection.setting.interface;
        if chip.card.deselect(selection, &chip.udev).await.is_ok() {
            chip.emit(|| Event::Selected { device: chip.name(), interface, alternate: 0, format: None });
        }
    }

    fn take_pump(&self, handle: &StreamHandle) -> Option<Rc<Pump>> {
        let mut pumps = self.pumps.borrow_mut();
        let index = pumps.iter().position(|pump| Rc::ptr_eq(pump.stream(), &handle.0))?;
        Some(pumps.remove(index))
    }
}
