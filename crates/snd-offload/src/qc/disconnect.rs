//! The disconnect callback: reference sequence 3.1, steps 8 to 15.

use super::QcClient;
use crate::{AudioError, Cause};
use std::rc::Rc;

impl QcClient {
    /// The caller is usbcore, with the mutexes of device and interface.
    pub(super) async fn disconnect_card(&self) {
        let chip = &self.chip;
        let _register = chip.setup.register_mutex.lock().await;
        let cause = if chip.udev.is_attached() { Cause::Unbind } else { Cause::Unplug };
        let mut locks = self.lock().await;
        if self.uadev.borrow().udev.is_some() {
            if self.in_use() {
                locks = self.have_dsp_stop(locks, cause).await;
            }
            // A put follows whether or not there was a stream: `udev` is kept when a stream ends (X1, X3).
            self.clean_card().await;
        }
        // With the stream given up, or not: endpoints are stopped only here (B10).
        let sideband = self.uadev.borrow_mut().sideband.take();
        if let Some(sideband) = sideband {
            sideband.unregister().await;
        }
        drop(locks);
        self.service.0.cards.borrow_mut().retain(|card| !std::ptr::eq(Rc::as_ptr(card), self));
        self.service.forget_card(self, &AudioError::TornDown(cause));
        chip.shut_down().await;
    }
}
