//! The DSP's end of the service goes away: `bye`, `del_client`.

use super::{QcCard, QcService};
use offload_core::DeviceLock;

impl QcService {
    /// `qmi_stop_session`. `subs->opened` is not cleared (B11), and W1 is not woken.
    pub(crate) async fn handle_bye(&self) {
        for card in self.cards() {
            let Some(slot) = card.udev().slot_id() else { continue };
            card.seat.host.dsp_unmapped(slot, card.seat.endpoint);
        }
        let mut stopped = Vec::new();
        {
            let _qdev = self.qdev_mutex.lock().await;
            for card in self.cards() {
                let _busy = card.busy();
                if card.in_use.get() {
                    let had_stream = card.has_stream();
                    card.stop_session().await;
                    stopped.push(card.chip().filter(|_| had_stream && card.is_mended()));
                }
            }
        }
        // Mended: the reference that keeps the device awake goes last, and without QD.
        for chip in stopped.into_iter().flatten() {
            chip.autosuspend().await;
        }
    }
}

impl QcCard {
    async fn stop_session(&self) {
        let Some(chip) = self.chip() else { return };
        if self.has_stream() {
            let sideband = self.sideband.borrow().clone();
            if let Some(sideband) = sideband {
                let _unlinked = sideband.remove_endpoint(self.seat.endpoint).await;
            }
            self.disable_audio_stream(&chip).await;
        }
        self.in_use.set(false);
        if self.is_mended() {
            // Mended: the stream is closed, and who waits for it is told (B11).
            chip.opened.set(false);
            self.disconnect_wq.wake_all();
        }
        let _device_lock = match self.seat.machine.design.class_driver().device_lock {
            DeviceLock::Never => None,
            DeviceLock::Request | DeviceLock::Body => Some(self.udev().lock().await),
        };
        let _chip_lock = chip.mutex.lock().await;
        self.clean_card().await;
    }
}
