//! The suspend callback, and the wait for the DSP that it shares with others.

use super::card::Locks;
use super::{DISCONNECT_TIMEOUT, QcClient};
use crate::Cause;
use crate::event::{Event, QmiMessage};

impl QcClient {
    /// The platform's suspend callback, for every message. A stream is torn down by the DSP's own disable request,
    /// which finds the usage count frozen (B1).
    pub(super) async fn suspend_card(&self) {
        let locks = self.lock().await;
        if self.in_use() {
            drop(self.have_dsp_stop(locks, Cause::Suspend).await);
        }
    }

    /// Sends the indication and waits (W1), with QD and CH given up meanwhile. Wakes at the release of the last
    /// stream or after 10 s, not at a DSP crash. Nothing is looked at again afterwards.
    pub(super) async fn have_dsp_stop<'a>(&'a self, locks: Locks<'a>, cause: Cause) -> Locks<'a> {
        drop(locks);
        let chip = &self.chip;
        // The slot for the message is read only here, without a lock.
        if self.uadev.borrow().udev.is_none() {
            chip.emit(|| Event::NullDereference { device: chip.name(), pointer: "uadev.udev" });
            return self.lock().await;
        }
        let message = QmiMessage::DisconnectIndication;
        chip.emit(|| Event::Qmi { device: chip.name(), message });
        self.service.indicate(self, cause);
        chip.emit(|| Event::WaitsForDsp { device: chip.name() });
        let begin = chip.setup.kernel.now();
        let stopped = || !self.uadev.borrow().in_use;
        let in_time = self.disconnect_wq.wait_until_timeout(DISCONNECT_TIMEOUT, stopped).await;
        let waited = chip.setup.kernel.now().since(begin);
        chip.emit(|| Event::WaitedForDsp { device: chip.name(), in_time, waited });
        if !in_time {
            self.uadev.borrow_mut().in_use = false;
        }
        self.lock().await
    }
}
