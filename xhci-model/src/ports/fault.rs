//! What can go wrong at a port, done to it from outside.

use super::Protocol;
use super::port::Port;
use crate::core::Core;
use sim_time::Instant;
use xhci_spec::registers::port::Portsc;

/// Something that happens to a root hub port. What cannot happen in the port's state or protocol does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PortFault {
    /// The current is too high, or is not any more. A port with too high a current loses its power, and gets none
    /// until both the current is back and software asks for it (PRT-08).
    OverCurrent(bool),
    /// A USB 2 port in use is disabled, as babble at the end of a frame does it (PRT-51).
    PortError,
    /// An error of a USB 3 link in U0 that retraining repairs (PRT-37).
    LinkError,
    /// An error of a USB 3 link in U0 that ends in Inactive (PRT-34).
    LinkFailure,
    /// A USB 3 link in use could not exchange its port configuration (PRT-54).
    ConfigError,
    /// A USB 3 link that is to be trained does not come up, as long as this is on (PRT-35).
    TrainingFails(bool),
    /// The next training of a USB 3 link finds a device that is there and does not train (PRT-10).
    ColdAttach,
    /// The next hot reset of a USB 3 port does not reach the device: the port goes on with a warm one (PRT-29).
    HotResetFails,
}

/// Faults that show later.
#[derive(Clone, Debug, Default)]
pub(super) struct Defects {
    pub(super) training_fails: bool,
    pub(super) cold_attach: bool,
    pub(super) hot_reset_fails: bool,
}

impl Port {
    pub(super) fn fault(&mut self, fault: PortFault, now: Instant, core: &mut Core) {
        let usb3 = self.protocol == Protocol::Usb3;
        match fault {
            PortFault::OverCurrent(active) => self.over_current(active, now, core),
            PortFault::PortError if !usb3 => self.port_error(now, core),
            PortFault::LinkError if usb3 => self.link_error(false, now, core),
            PortFault::LinkFailure if usb3 => self.link_error(true, now, core),
            PortFault::ConfigError if usb3 && self.portsc.ped() => {
                self.fail_link(Portsc::new().with_cec(true), now, core);
            }
            PortFault::TrainingFails(fails) => self.defects.training_fails = fails,
            PortFault::ColdAttach => self.defects.cold_attach = true,
            PortFault::HotResetFails => self.defects.hot_reset_fails = true,
            PortFault::PortError | PortFault::LinkError | PortFault::LinkFailure | PortFault::ConfigError => {
            }
        }
    }

    /// PRT-08, PRT-54: OCC tells of either edge. What the power takes along was not software's doing.
    fn over_current(&mut self, active: bool, now: Instant, core: &mut Core) {
        if active == self.portsc.oca() {
            return;
        }
        let vanishes = active && self.portsc.ccs();
        self.portsc = self.portsc.with_oca(active);
        if active {
            self.power_off();
        }
        self.change(Portsc::new().with_occ(true).with_csc(vanishes), now, core);
    }
}
