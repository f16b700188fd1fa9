//! A disable request of the DSP: reference sequence 3.7.

use super::QcClient;
use super::card::Info;
use crate::StreamDirection;
use crate::event::Event;
use offload_core::Errno;

impl QcClient {
    /// Carried out by the worker. `-EINVAL`: no such stream; nothing is released then.
    pub(super) async fn handle_disable(&self, direction: StreamDirection) -> Result<(), Errno> {
        let _qdev = self.service.0.qdev_mutex.lock().await;
        if self.chip.is_shut_down() {
            return Err(Errno::ENODEV);
        }
        let index = self.entry_of(direction)?;
        self.stop_endpoints(index).await;
        self.disable_audio_stream(direction).await;
        // The worker can be preempted here; a device without autosuspend delay then goes to sleep before the put (B7).
        self.chip.setup.kernel.yield_now().await;
        {
            let _chip_lock = self.chip.mutex.lock().await;
            self.substream(direction).opened.set(false);
        }
        let _chip_lock = self.chip.mutex.lock().await;
        self.clean_entry(index);
        self.release().await;
        Ok(())
    }

    /// The entry for the interface of the current format.
    fn entry_of(&self, direction: StreamDirection) -> Result<usize, Errno> {
        let format = self.substream(direction).format.borrow();
        let interface = format.as_ref().map(|selection| selection.setting.interface).ok_or(Errno::EINVAL)?;
        let uadev = self.uadev.borrow();
        if uadev.info.is_none() && uadev.num_intf > 0 {
            // E5: the entries were never allocated, and are looked through all the same.
            self.chip.emit(|| Event::NullDereference { device: self.chip.name(), pointer: "uadev.info" });
        }
        let mut entries = uadev.info.iter().flatten();
        entries.position(|entry: &Info| entry.in_use && entry.interface == interface).ok_or(Errno::EINVAL)
    }

    async fn stop_endpoints(&self, index: usize) {
        let entry = self.uadev.borrow().info.as_ref().and_then(|info| info.get(index).cloned());
        let sideband = self.uadev.borrow().sideband.clone();
        let (Some(entry), Some(sideband)) = (entry, sideband) else { return };
        for endpoint in [entry.data, entry.sync].into_iter().flatten() {
            // Stopped without the sideband's mutex first; the second stop finds the endpoint no longer Running.
            let _stopped: Result<(), Errno> = sideband.stop_endpoint(endpoint.index).await;
            let _unlinked: Result<(), Errno> = sideband.remove_endpoint(endpoint.index).await;
        }
    }

    /// `disable_audio_stream`: `hw_free`, then `snd_usb_autosuspend`, which may drop the last reference while the usage
    /// count is still held (B7).
    pub(super) async fn disable_audio_stream(&self, direction: StreamDirection) {
        self.hw_free(direction).await;
        self.chip.autosuspend().await;
    }

    pub(super) async fn hw_free(&self, direction: StreamDirection) {
        let chip = &self.chip;
        let selection = {
            let _chip_lock = chip.mutex.lock().await;
            self.substream(direction).format.take()
        };
        // A card that goes, or does not wake, keeps its endpoints open.
        if chip.lock_shutdown().await.is_err() {
            return;
        }
        if let Some(selection) = selection {
            let _chip_lock = chip.mutex.lock().await;
            let interface = selection.setting.interface;
            if chip.card.deselect(&selection, &chip.udev).await.is_ok() {
                chip.emit(|| Event::Selected { device: chip.name(), interface, alternate: 0, format: None });
            }
        }
        chip.unlock_shutdown().await;
    }

    /// One stream less; the last one gives interrupter and usage back and wakes W1. `info[]` and `udev` are kept.
    async fn release(&self) {
        let last = {
            let mut uadev = self.uadev.borrow_mut();
            if !uadev.in_use {
                // S3: a wait that timed out has said so already; everything else stays as it is.
                return;
            }
            uadev.kref = uadev.kref.saturating_sub(1);
            uadev.kref == 0
        };
        if last {
            self.clean_event_ring().await;
            self.uadev.borrow_mut().in_use = false;
            self.disconnect_wq.wake_all();
        }
    }
}
