//! Whether the bus that the controller sits on reaches it (OPR-08).

use crate::controller::Xhci;
use crate::ports::PowerState;
use sim_time::Instant;
use xhci_spec::Gpa;

/// What register accesses find.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Presence {
    Accessible,
    /// Memory space disabled, or D3: the registers are hidden, the controller goes on.
    Hidden,
    /// Pulled out.
    Removed,
}

impl Presence {
    pub(crate) fn is_accessible(self) -> bool {
        self == Self::Accessible
    }
}

impl Xhci {
    /// Hides or shows the registers, as Memory Space Enable and the power state D3hot do: hidden, they read all
    /// ones and drop writes. Nothing else changes. No effect on a controller that was removed.
    pub fn set_accessible(&mut self, accessible: bool) {
        if self.presence != Presence::Removed {
            self.presence = if accessible { Presence::Accessible } else { Presence::Hidden };
        }
    }

    /// Puts the controller to sleep, or wakes it. Asleep, its registers are hidden
    /// ([`set_accessible`](Self::set_accessible)), and [`Output::PowerManagementEvent`] tells of what software let
    /// wake the system. Drivers stop it before; one that still runs is stopped. All that it knows stays
    /// (No_Soft_Reset); [`lose_power`](Self::lose_power) takes that.
    ///
    /// [`Output::PowerManagementEvent`]: crate::Output::PowerManagementEvent
    pub fn set_power_state(&mut self, now: Instant, state: PowerState) {
        if state == self.core.power {
            return;
        }
        self.core.set_power_state(state);
        self.set_accessible(state == PowerState::D0);
        if state == PowerState::D3 {
            self.core.command.set_rs(false);
            if self.core.running() {
                self.core.halt(now);
                self.stop_service();
            }
            self.ports.asleep(now, &mut self.core);
        }
    }

    /// Surprise removal: registers read all ones, no memory is touched and no interrupt is sent any more. What
    /// is plugged into the controller can still be taken back.
    pub fn remove(&mut self, now: Instant) {
        self.presence = Presence::Removed;
        self.core.halt(now);
        self.stop_service();
        self.core.agenda.clear();
    }

    /// Where BAR 0 is in the guest's address space; `None`, as at first: nowhere, or not known. The controller
    /// does not reach its own registers: DMA to them fails as DMA to no memory does (ERR-11).
    pub fn set_bar(&mut self, base: Option<Gpa>) {
        self.own_addresses = base.map_or(0..0, |base| base.0..base.0.saturating_add(self.bar_size().into()));
    }
}
