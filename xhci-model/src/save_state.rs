//! Save State and Restore State (xHCI 4.23.2): what the controller keeps when its core loses power.
//!
//! Software saves the registers; what is behind them goes to the controller's own memory, which here is a copy
//! inside of the model that no loss of the core's power touches.

use crate::agenda::Task;
use crate::controller::Xhci;
use crate::interrupters::Interrupters;
use crate::microframes::MicroframeClock;
use crate::slots::Slots;
use sim_time::Instant;
use xhci_spec::registers::operational::Usbcmd;

/// What loses power ([`Xhci::lose_power`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PowerWell {
    /// The core: registers but those of the ports, slots, endpoints, event rings. The ports keep their links, and
    /// what was saved can be restored.
    Core,
    /// The auxiliary well, and the core with it: the ports find their devices anew, and what was saved is of no use
    /// (PWR-03).
    Auxiliary,
}

/// The state that Save State copies (PWR-03). Registers are no part of it, nor are the command ring (PWR-04) and the
/// ports.
#[derive(Clone, Debug)]
pub(crate) struct SavedState {
    slots: Slots,
    interrupters: Interrupters,
    microframes: MicroframeClock,
}

impl Xhci {
    /// Takes the power from a part of the controller, whatever it is doing, and gives it back. It is not ready
    /// (USBSTS.CNR) for a while.
    pub fn lose_power(&mut self, now: Instant, well: PowerWell) {
        match well {
            PowerWell::Core => self.reset_core(now),
            PowerWell::Auxiliary => self.power_on_reset(now),
        }
    }

    /// USBCMD.CSS and USBCMD.CRS: nothing without a halted controller that does neither (PWR-07).
    pub(crate) fn write_save_restore(&mut self, now: Instant, value: Usbcmd) {
        let status = self.core.status;
        if self.core.running() || status.sss() || status.rss() || value.rs() {
            return;
        }
        if value.css() {
            self.saved = None;
            // OPR-31: SRE tells of the last one.
            self.core.status = status.with_sss(true).with_sre(false);
            let takes = self.core.latency(|all| all.save);
            self.core.agenda.push(now + takes, Task::SaveState);
        } else if value.crs() {
            self.core.status = status.with_rss(true).with_sre(false);
            let takes = self.core.latency(|all| all.restore);
            self.core.agenda.push(now + takes, Task::RestoreState);
        }
    }

    /// PWR-01, PWR-06
    pub(crate) fn save_state(&mut self) {
        let fails = self.core.profile.policy.save_fails || self.core.running();
        self.saved = (!fails).then(|| {
            Box::new(SavedState {
                slots: self.slots.clone(),
                interrupters: self.interrupters.clone(),
                microframes: self.core.microframes.clone(),
            })
        });
        self.core.status = self.core.status.with_sss(false).with_sre(fails);
    }

    /// PWR-02, PWR-05: what was saved is there again, behind the registers that software has written.
    pub(crate) fn restore_state(&mut self, now: Instant) {
        let Self { core, slots, interrupters, saved, .. } = self;
        core.status.set_rss(false);
        match saved {
            Some(saved) if !core.profile.policy.restore_fails && !core.running() => {
                slots.restore(&saved.slots);
                interrupters.restore(&saved.interrupters, now, core);
                core.microframes = saved.microframes.clone();
            }
            _ => core.status.set_sre(true),
        }
    }
}
