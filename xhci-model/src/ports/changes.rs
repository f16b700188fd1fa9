//! Change bits and the Port Status Change event (xHCI 4.19.2).

use super::port::Port;
use crate::core::Core;
use crate::event::Event;
use sim_time::Instant;
use xhci_spec::registers::port::Portsc;

/// What is still to be told of a port's changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Reporting {
    /// PSCEG went from 0 to 1: a Port Status Change event is to be written (PRT-58).
    event_due: bool,
    /// Changes that software cannot have seen: a clear in the cycle in which they came leaves them (PRT-55).
    fresh: Option<(Instant, Portsc)>,
}

impl Port {
    /// Sets change bits; the first of them makes an event.
    pub(super) fn change(&mut self, bits: Portsc, now: Instant, core: &mut Core) {
        let had_changes = self.portsc.has_changes();
        self.portsc = Portsc::from_bits(self.portsc.into_bits() | bits.into_bits());
        let fresh = self.reporting.fresh.filter(|(at, _)| *at == now).map_or(0, |(_, bits)| bits.into_bits());
        self.reporting.fresh = Some((now, Portsc::from_bits(fresh | bits.into_bits())));
        core.log.record(now, Event::Port { port: self.id, portsc: self.portsc.into_bits() });
        if !had_changes {
            core.status.set_pcd(true);
            self.reporting.event_due = true;
        }
        self.arm(now, core);
        self.wake_by_changes(now, core);
    }

    /// PRT-55: exactly the bits written as 1 are cleared; where a set comes in the same cycle, it wins.
    pub(super) fn clear_changes(&mut self, written: Portsc, now: Instant) {
        let kept = self.reporting.fresh.filter(|(at, _)| *at == now).map_or(0, |(_, bits)| bits.into_bits());
        let cleared = written.changes().into_bits() & !kept;
        self.portsc = Portsc::from_bits(self.portsc.into_bits() & !cleared);
    }

    /// Software may have seen all changes by now. While halted no event is written: the change bits keep it for the
    /// start (EVR-20, PRT-60).
    pub(super) fn settle_changes(&mut self, core: &Core) {
        self.reporting.fresh = None;
        self.reporting.event_due &= core.running();
    }

    /// Whether a Port Status Change event is to be written.
    pub(crate) fn owes_event(&self) -> bool {
        self.reporting.event_due
    }

    /// The Port Status Change event is written.
    pub(crate) fn event_written(&mut self) {
        self.reporting.event_due = false;
    }

    /// There is room for the event again (EVR-14), if software has not cleared the changes meanwhile.
    pub(crate) fn look_again(&mut self, now: Instant, core: &mut Core) {
        self.reporting.event_due &= self.portsc.has_changes();
        if self.reporting.event_due {
            self.arm(now, core);
        }
    }

    /// PRT-60
    pub(super) fn controller_started(&mut self, now: Instant, core: &mut Core) {
        if self.portsc.has_changes() {
            self.reporting.event_due = true;
            self.arm(now, core);
        }
    }

    pub(super) fn forget_changes(&mut self) {
        self.reporting = Reporting::default();
    }
}
