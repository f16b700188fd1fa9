//! The state machine of a USB 2 port (xHCI 4.15, 4.19.1.1).

use super::port::{Phase, Port, disabled_usb2};
use crate::core::Core;
use crate::violation::Violation;
use sim_time::{Duration, Instant};
use xhci_spec::PortLinkState;
use xhci_spec::registers::port::Portsc;

/// USB 2.0 7.1.7.7, TDRSMDN: so long a hub signals resume at least.
const RESUME_SIGNALLING: Duration = Duration::from_millis(20);

impl Port {
    /// PRT-14, PRT-18: an empty port does not reset, and a reset under way goes on.
    pub(super) fn reset_usb2(&mut self, now: Instant, core: &mut Core) {
        if self.portsc.ccs() && !self.portsc.pr() {
            self.portsc = disabled_usb2(self.portsc).with_pr(true);
            let takes = core.latency(|all| all.usb2_port_reset);
            self.begin(Phase::Reset, takes, now, core);
        }
    }

    pub(super) fn set_link_state_usb2(&mut self, wanted: PortLinkState, now: Instant, core: &mut Core) {
        match (self.portsc.pls(), wanted, self.phase()) {
            // PRT-21: software holds the resume signal and ends it by writing U0.
            (PortLinkState::U3, PortLinkState::RESUME, None | Some(Phase::Wake)) => {
                self.cancel();
                self.resume_began = now;
                self.portsc = self.portsc.with_pls(PortLinkState::RESUME);
            }
            (PortLinkState::RESUME, PortLinkState::U0, None) => {
                if now.since(self.resume_began) < RESUME_SIGNALLING {
                    core.violation(now, Violation::ShortResume);
                }
                let takes = core.latency(|all| all.port_resume);
                self.begin(Phase::Resume, takes, now, core);
            }
            // PRT-53: without Resume, the port signals it as long as it has to.
            (PortLinkState::U3, PortLinkState::U0, None | Some(Phase::Wake)) => {
                let takes = RESUME_SIGNALLING + core.latency(|all| all.port_resume);
                self.begin(Phase::Resume, takes, now, core);
            }
            // The bus is not idle for 3 ms.
            (_, PortLinkState::U0, Some(Phase::Suspend)) => self.cancel(),
            (PortLinkState::U0, PortLinkState::U2, None) => self.request_l1(now, core),
            (PortLinkState::U2, PortLinkState::U0, None) => self.leave_l1(now, core),
            _ => {}
        }
    }

    /// PRT-51: a port error (babble at the end of a frame) disables the port.
    pub(super) fn port_error(&mut self, now: Instant, core: &mut Core) {
        if self.portsc.ped() {
            self.cancel();
            self.portsc = disabled_usb2(self.portsc);
            self.change(Portsc::new().with_pec(true), now, core);
        }
    }

    /// PRT-22, PRT-33: the device signals resume; software lets it go on by writing U0.
    pub(super) fn woken(&mut self, now: Instant, core: &mut Core) {
        self.resume_began = now;
        self.portsc = self.portsc.with_pls(PortLinkState::RESUME);
        self.change(Portsc::new().with_plc(true), now, core);
    }
}
