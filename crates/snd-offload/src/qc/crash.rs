//! The DSP's end of the service goes away: `bye`, `del_client`.

use super::card::Info;
use super::{QcClient, QcService};
use crate::event::{Event, QmiMessage};
use offload_core::Errno;
use std::rc::Rc;

impl QcService {
    /// Has the worker clean up behind a DSP that crashed.
    pub(super) fn dsp_crashed(&self) {
        self.dsp_side_crashed();
        let service = self.clone();
        self.0.queue.queue("QMI bye", async move { service.stop_session().await });
    }

    /// `qmi_stop_session`. `opened` is not cleared (B11), and W1 is not woken.
    async fn stop_session(&self) {
        let _qdev = self.0.qdev_mutex.lock().await;
        for card in self.cards() {
            if card.in_use() {
                let device = card.chip.name();
                self.emit(|| Event::Qmi { device, message: QmiMessage::Bye });
                card.stop_session().await;
            }
        }
    }
}

impl QcClient {
    async fn stop_session(self: &Rc<Self>) {
        let entries = self.uadev.borrow().info.clone().unwrap_or_default();
        for entry in entries.iter().filter(|entry| entry.in_use) {
            self.unlink(entry).await;
            if let Some((_, direction)) = entry.stream {
                self.disable_audio_stream(direction).await;
            }
        }
        self.uadev.borrow_mut().in_use = false;
        let _chip_lock = self.chip.mutex.lock().await;
        self.clean_card().await;
    }

    /// Stops and unlinks the endpoints of an entry.
    pub(super) async fn unlink(&self, entry: &Info) {
        let sideband = self.uadev.borrow().sideband.clone();
        let Some(sideband) = sideband else { return };
        for endpoint in [entry.data, entry.sync].into_iter().flatten() {
            let _not_linked: Result<(), Errno> = sideband.remove_endpoint(endpoint.index).await;
        }
    }
}
