//! MFINDEX Wrap events (xHCI 5.4.1, 6.4.2.8).

use crate::agenda::Task;
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use crate::interrupters::Pending;
use sim_time::Instant;
use xhci_spec::InterrupterId;
use xhci_spec::trb::event::MfindexWrap;

impl Xhci {
    /// The controller started, or USBCMD.EWE was written: the next wrap is waited for if somebody wants to know
    /// of it (OPR-21).
    pub(crate) fn arm_mfindex_wrap(&mut self, now: Instant) {
        if !self.core.running() || !self.core.command.ewe() {
            return;
        }
        let next = (self.core.microframes.index(now) | 0x3FFF).saturating_add(1);
        self.wrap_at = self.core.microframes.start_of(next);
        if !core::mem::replace(&mut self.wrap_armed, true) {
            self.core.agenda.push(self.wrap_at, Task::MfindexWrap);
        }
    }

    pub(crate) fn wrap_mfindex<D: Dma>(&mut self, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        self.wrap_armed = false;
        if !self.core.running() || !self.core.command.ewe() {
            return Ok(());
        }
        if now < self.wrap_at {
            // MFINDEX stood still for a while.
            self.wrap_armed = true;
            self.core.agenda.push(self.wrap_at, Task::MfindexWrap);
            return Ok(());
        }
        self.arm_mfindex_wrap(now);
        let event = Pending::interrupting(MfindexWrap.to_trb());
        self.interrupters.post(InterrupterId::PRIMARY, event, now, &mut self.core, dma)
    }
}
