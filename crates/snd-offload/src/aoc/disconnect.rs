//! The card goes, or its driver.

use super::AocClient;
use crate::dsp::Request;
use crate::{AudioError, Cause};

impl AocClient {
    /// The caller is the disconnect callback of the control interface, with the mutexes of device and interface.
    pub(super) async fn disconnect_card(&self) {
        let chip = &self.chip;
        let _register = chip.setup.register_mutex.lock().await;
        let sessions = {
            let _chip_lock = chip.mutex.lock().await;
            let sessions = self.sessions.take();
            let cause = if chip.udev.is_attached() { Cause::Unbind } else { Cause::Unplug };
            for session in &sessions {
                // A DSP that does not answer no longer counts: its rings go.
                let _told = self.dsp.request(Request::TornDown(session.stream.id, cause)).await;
                session.stream.finish(Err(AudioError::TornDown(cause)));
            }
            if let Some(sideband) = self.sideband.take() {
                sideband.unregister().await;
            }
            if !sessions.is_empty() {
                self.put();
            }
            sessions
        };
        for session in &sessions {
            session.buffers.free(&chip.setup);
            chip.autosuspend().await;
        }
        chip.shut_down().await;
    }
}
