//! Errors that stop the controller: Host System Error and Host Controller Error (xHCI 4.10.2.6, 4.24.1).
//!
//! Neither has an event TRB. Only a reset makes the controller work again.

use crate::controller::Xhci;
use crate::event::Event;
use crate::output::Output;
use sim_time::Instant;
use xhci_spec::Gpa;

impl Xhci {
    /// Makes the controller fail as by a defect of its own: USBSTS.HCE, everything stops, only HCRST helps
    /// (ERR-05).
    pub fn inject_host_controller_error(&mut self, now: Instant) {
        self.host_controller_error(now);
    }

    /// ERR-05: an impossible state, or a command ring that leads nowhere (SEC-02).
    pub(crate) fn host_controller_error(&mut self, now: Instant) {
        self.core.status.set_hce(true);
        self.core.log.record(now, Event::HostControllerError);
        self.fail(now);
    }

    /// ERR-01: memory did not answer.
    pub(crate) fn host_system_error(&mut self, now: Instant, address: Gpa) {
        self.core.status.set_hse(true);
        self.core.log.record(now, Event::HostSystemError { address });
        if self.core.command.hsee() {
            // OPR-19, ERR-04
            self.core.outputs.push_back(Output::SystemError);
        }
        self.fail(now);
    }

    fn fail(&mut self, now: Instant) {
        self.core.failed = true;
        self.core.command.set_rs(false);
        self.core.halt(now);
        self.stop_service();
        if self.core.profile.policy.error_interrupt {
            self.interrupters.interrupt_for_error(now, &mut self.core);
        }
    }
}
