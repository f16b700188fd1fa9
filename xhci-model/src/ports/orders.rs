//! What software orders by writing PORTSC (xHCI 5.4.8).

use super::Protocol;
use super::port::{Phase, Port, disabled_usb2, off};
use crate::core::Core;
use crate::event::Event;
use crate::violation::Violation;
use sim_time::Instant;
use xhci_spec::PortLinkState;
use xhci_spec::registers::port::Portsc;

impl Port {
    /// Software writes PORTSC (PRT-01 to PRT-14).
    pub(super) fn write(&mut self, value: Portsc, now: Instant, core: &mut Core) {
        // PRT-25
        if self.link_power.in_test_mode() {
            return;
        }
        // PRT-03: reset wins over disable; either with changes that are cleared looks like a blind write-back.
        let had_changes = value.changes().into_bits() & self.portsc.into_bits() != 0;
        if value.ped() && self.portsc.ped() && (value.pr() || had_changes) {
            core.violation(now, Violation::PortscWriteBack);
        }
        self.clear_changes(value, now);
        self.portsc = self.portsc.with_wce(value.wce()).with_wde(value.wde()).with_woe(value.woe());
        if core.profile.port_indicators {
            self.portsc.set_pic(value.pic());
        }
        if value.pp() != self.portsc.pp() {
            self.power(value.pp(), now, core);
        }
        if !self.portsc.pp() {
            return;
        }
        // PRT-04: what moves the link needs a running controller.
        let heard = core.running() || core.profile.policy.ports_work_while_halted;
        let warm = value.wpr() && self.protocol == Protocol::Usb3;
        if heard && (warm || value.pr()) {
            self.reset(warm, now, core);
        } else if value.ped() && self.portsc.ped() && !self.portsc.pr() {
            // PRT-19, PRT-31: writing 1 disables, and nothing reports it.
            self.disable(now, core);
        } else if heard && value.lws() && !self.portsc.pr() {
            self.set_link_state(value.pls(), now, core);
        }
    }

    fn reset(&mut self, warm: bool, now: Instant, core: &mut Core) {
        match self.protocol {
            Protocol::Usb2 => self.reset_usb2(now, core),
            Protocol::Usb3 => self.reset_usb3(warm, now, core),
        }
    }

    fn disable(&mut self, now: Instant, core: &mut Core) {
        self.cancel();
        self.portsc = match self.protocol {
            Protocol::Usb2 => disabled_usb2(self.portsc),
            Protocol::Usb3 => off(self.portsc).with_pls(PortLinkState::DISABLED),
        };
        core.log.record(now, Event::Port { port: self.id, portsc: self.portsc.into_bits() });
    }

    fn set_link_state(&mut self, wanted: PortLinkState, now: Instant, core: &mut Core) {
        // PRT-13
        if wanted == PortLinkState::U3 && self.portsc.ped() && self.portsc.pls().0 < 3 {
            if self.phase() != Some(Phase::Suspend) {
                let takes = core.latency(|all| match self.protocol {
                    Protocol::Usb2 => all.usb2_suspend,
                    Protocol::Usb3 => all.usb3_suspend,
                });
                self.begin(Phase::Suspend, takes, now, core);
            }
            return;
        }
        match self.protocol {
            Protocol::Usb2 => self.set_link_state_usb2(wanted, now, core),
            Protocol::Usb3 => self.set_link_state_usb3(wanted, now, core),
        }
    }

    /// PRT-41: what software causes makes no change bits.
    fn power(&mut self, on: bool, now: Instant, core: &mut Core) {
        if on && self.portsc.oca() {
            // PRT-08: not while the current is too high.
            return;
        }
        if on {
            self.portsc = self.portsc.with_pp(true).with_pls(PortLinkState::RX_DETECT);
            let takes = core.latency(|all| all.port_power_good);
            self.begin(Phase::PowerGood, takes, now, core);
        } else {
            self.power_off();
        }
    }
}
