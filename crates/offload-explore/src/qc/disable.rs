//! A request of the DSP to disable a stream: sequence 3.7.

use super::{Info, QcCard};
use crate::chip::Chip;
use offload_core::{DeviceLock, Errno};

impl QcCard {
    /// Carried out by the worker. `-EINVAL`: there is no stream; nothing is released then.
    pub(crate) async fn handle_disable(&self) -> Result<(), Errno> {
        let _busy = self.busy();
        let stopped = {
            let _qdev = self.service.qdev_mutex.lock().await;
            self.disable_locked().await
        };
        if self.is_mended()
            && let Some(chip) = stopped.as_ref().ok().cloned().flatten()
        {
            // Mended: the reference that keeps the device awake goes last, and without QD.
            chip.autosuspend().await;
        }
        stopped.map(|_chip| ())
    }

    /// The chip whose stream was stopped.
    async fn disable_locked(&self) -> Result<Option<std::rc::Rc<Chip>>, Errno> {
        let chip = self.chip().filter(|chip| !chip.is_shut_down()).ok_or(Errno::ENODEV)?;
        match self.info.get() {
            Some(Info { in_use: true }) => {}
            _ => return Err(Errno::EINVAL),
        }
        let _request_lock = self.device_lock(DeviceLock::Request).await;
        if let Some(slot) = self.udev().slot_id() {
            // The DSP has stopped before it asks.
            self.seat.host.dsp_unmapped(slot, self.seat.endpoint);
        }
        {
            let _body_lock = self.device_lock(DeviceLock::Body).await;
            self.stop_endpoint().await;
            self.disable_audio_stream(&chip).await;
            let _chip_lock = chip.mutex.lock().await;
            chip.opened.set(false);
        }
        {
            let _chip_lock = chip.mutex.lock().await;
            self.clean_entry();
            self.release().await;
        }
        Ok(Some(chip))
    }

    async fn stop_endpoint(&self) {
        let sideband = self.sideband.borrow().clone();
        let Some(sideband) = sideband else { return };
        // Stopped without the sideband's mutex first; the second stop finds the endpoint no longer Running.
        let _stopped = sideband.stop_endpoint(self.seat.endpoint).await;
        let _unlinked = sideband.remove_endpoint(self.seat.endpoint).await;
    }

    /// `disable_audio_stream`: `hw_free`, then `snd_usb_autosuspend`, which may drop the last reference while the usage count
    /// is still held (B7). Mended: whoever calls drops it, later.
    pub(super) async fn disable_audio_stream(&self, chip: &Chip) {
        self.hw_free(chip).await;
        if !self.is_mended() {
            chip.autosuspend().await;
        }
    }

    pub(super) async fn hw_free(&self, chip: &Chip) {
        {
            let _chip_lock = chip.mutex.lock().await;
            chip.has_format.set(false);
        }
        // A card that goes, or does not wake, keeps its endpoints open.
        if chip.lock_shutdown().await.is_err() {
            return;
        }
        {
            let _chip_lock = chip.mutex.lock().await;
            chip.deselect().await;
        }
        chip.unlock_shutdown().await;
    }

    /// `uaudio_dev_intf_cleanup`: unmaps and frees what the entry holds.
    pub(super) fn clean_entry(&self) {
        if let Some(slot) = self.udev().slot_id() {
            self.seat.host.dsp_unmapped(slot, self.seat.endpoint);
            self.seat.host.free_payload(slot, self.seat.endpoint);
        }
        if self.info.get().is_some() {
            self.info.set(Some(Info { in_use: false }));
        }
    }

    /// The `kref_put` of a stream. Skipped when a wait for the DSP has timed out before (S3 of reference 4).
    pub(super) async fn release(&self) {
        let _calling = self.seat.machine.ghosts.calling(self.seat.number);
        self.seat.machine.ghosts.sessions_end(self.seat.number);
        if !self.in_use.get() {
            return;
        }
        self.kref.set(self.kref.get() - 1);
        if self.kref.get() == 0 {
            self.clean_event_ring().await;
            self.in_use.set(false);
            self.disconnect_wq.wake_all();
        }
    }

    /// `uaudio_event_ring_cleanup_free`: only the last card of all gives its interrupter and its usage back (B8). Mended: every
    /// card its own.
    pub(super) async fn clean_event_ring(&self) {
        let service = &self.service;
        service.card_slot.set(service.card_slot.get() & !self.bit());
        let last = service.card_slot.get() == 0;
        if last {
            service.event_ring.set(None);
        }
        if !last && !self.is_mended() {
            return;
        }
        let sideband = self.sideband.borrow().clone();
        if let Some(sideband) = sideband {
            sideband.remove_interrupter().await;
        }
        self.event_ring.set(None);
        if self.has_udev.get() {
            self.put().await;
        }
    }
}
