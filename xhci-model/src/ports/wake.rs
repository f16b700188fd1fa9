//! Waking the system: what a port may tell while the controller sleeps (xHCI 4.15, 4.19.8).

use super::Ports;
use super::port::{Phase, Port};
use crate::core::Core;
use sim_time::Instant;
use xhci_spec::{PortId, PortLinkState};

/// The power state of the controller as a PCI function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PowerState {
    /// Working.
    #[default]
    D0,
    /// D3hot: registers cannot be reached, nothing touches memory, the ports keep their links and may wake the
    /// system. What the controller knows stays (No_Soft_Reset).
    D3,
}

impl Port {
    /// PRT-56: which changes may wake is software's choice; PRT-62: they also do if they came just before.
    pub(super) fn wake_by_changes(&self, now: Instant, core: &mut Core) {
        let portsc = self.portsc;
        let seen = portsc.ccs() || portsc.cas();
        let wakes = portsc.csc() && (if seen { portsc.wce() } else { portsc.wde() })
            || portsc.occ() && portsc.woe()
            || portsc.plc() && portsc.pls() == PortLinkState::RESUME;
        if wakes {
            core.power_management_event(now);
        }
    }

    /// The device may have something to tell: if it sleeps, its resume signalling is recognised after a while.
    fn touch(&mut self, now: Instant, core: &mut Core) {
        let rests = self.phase().is_none();
        let asleep = self.portsc.pls() == PortLinkState::U3 && rests;
        let in_l1 = self.portsc.pls() == PortLinkState::U2 && rests && self.link_power.may_wake_from_l1();
        let Some(device) = &mut self.device else { return };
        // A hub passes on what its own ports do, asleep or not.
        if device.signals_wake(now) {
            if asleep {
                let takes = core.latency(|all| all.wake_detect);
                self.begin(Phase::Wake, takes, now, core);
            } else if in_l1 {
                self.leave_l1(now, core);
            }
        }
    }
}

impl Ports {
    pub(crate) fn touch(&mut self, id: PortId, now: Instant, core: &mut Core) {
        if let Some(port) = self.holder(id).and_then(|holder| self.get_mut(holder)) {
            port.touch(now, core);
        }
    }

    /// The controller went to sleep: changes that were not seen wake it at once.
    pub(crate) fn asleep(&self, now: Instant, core: &mut Core) {
        for port in &self.ports {
            port.wake_by_changes(now, core);
        }
    }
}
