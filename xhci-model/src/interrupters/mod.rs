//! Interrupters: a register set, an event ring and an interrupt each (xHCI 4.17, 5.5.2).
//!
//! Interrupter 0 is hardly special here: commands and ports name it as their target, and a stream's TRBs name
//! whichever they like.

mod flow_control;
mod interrupter;
mod moderation;
mod signalling;

use crate::agenda::EndpointId;
use crate::core::Core;
use crate::dma::{Dma, DmaError};
use crate::event::Event;
use crate::violation::Violation;
use sim_time::Instant;
use xhci_spec::{CompletionCode, InterrupterId, Trb};

pub(crate) use interrupter::Interrupter;
pub use signalling::Signalling;
pub(crate) use signalling::Signals;

/// An event on its way to a ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    pub(crate) trb: Trb,
    /// INT-01: BEI of the TRB that caused it, where that counts.
    pub(crate) blocks_interrupt: bool,
}

impl Pending {
    /// An event that interrupts.
    pub(crate) fn interrupting(trb: Trb) -> Self {
        Self { trb, blocks_interrupt: false }
    }
}

/// All interrupters of the controller.
#[derive(Clone, Debug)]
pub(crate) struct Interrupters {
    all: Vec<Interrupter>,
    /// INT-17: every Interrupter Target means interrupter 0.
    only_primary: bool,
    /// INT-20: so does one that does not exist; the TRB Error of its TRB has to go somewhere.
    refuses: bool,
}

impl Interrupters {
    pub(crate) fn new(core: &Core) -> Self {
        let count = core.profile.interrupters;
        let all = (0..count).map(|index| Interrupter::new(InterrupterId(index))).collect();
        let mut interrupters =
            Self { all, only_primary: false, refuses: core.profile.policy.refuse_bad_targets };
        interrupters.choose_targets(core);
        interrupters
    }

    /// What was saved comes back (PWR-03).
    pub(crate) fn restore(&mut self, saved: &Self, now: Instant, core: &mut Core) {
        for (interrupter, saved) in self.all.iter_mut().zip(&saved.all) {
            interrupter.restore(saved);
        }
        self.recheck_all(now, core);
    }

    /// After a change of signalling: targets, and interrupts that wait for a way to be told.
    pub(crate) fn signalling_changed(&mut self, now: Instant, core: &mut Core) {
        self.choose_targets(core);
        self.recheck_all(now, core);
    }

    fn choose_targets(&mut self, core: &Core) {
        self.only_primary = self.all.len() == 1
            || (core.profile.policy.primary_without_messages && core.signals.mode.is_shared());
    }

    pub(crate) fn get(&self, id: InterrupterId) -> Option<&Interrupter> {
        self.all.get(id.index())
    }

    pub(crate) fn get_mut(&mut self, id: InterrupterId) -> Option<&mut Interrupter> {
        self.all.get_mut(id.index())
    }

    #[inline]
    fn target(&mut self, target: InterrupterId) -> Option<&mut Interrupter> {
        let refused = self.refuses && target.index() >= self.all.len();
        let index = if self.only_primary || refused { 0 } else { target.index() };
        self.all.get_mut(index)
    }

    /// Whether `target` can take an event now (EVR-13). A target that does not exist never holds anything up.
    #[inline]
    pub(crate) fn ready<D: Dma>(
        &mut self,
        target: InterrupterId,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<bool, DmaError> {
        self.target(target).map_or(Ok(true), |interrupter| interrupter.ready(now, core, dma))
    }

    /// Posts an event to `target`. INT-20: one for a target that does not exist is dropped.
    #[inline]
    pub(crate) fn post<D: Dma>(
        &mut self,
        target: InterrupterId,
        event: Pending,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        match self.target(target) {
            Some(interrupter) => interrupter.post(event, now, core, dma),
            None => {
                core.violation(now, Violation::BadInterrupterTarget);
                core.log.record(now, Event::EventLost { interrupter: target, trb: event.trb });
                Ok(())
            }
        }
    }

    /// Whether an event of that code waits for room at `id`.
    pub(crate) fn holds(&self, id: InterrupterId, code: CompletionCode) -> bool {
        self.get(id).is_some_and(|interrupter| interrupter.holds(code))
    }

    /// Keeps `endpoint` until the ring of `target` has room; [`Interrupters::next_waiting`] gives it back.
    pub(crate) fn wait(&mut self, target: InterrupterId, endpoint: EndpointId) {
        if let Some(interrupter) = self.target(target) {
            interrupter.wait(endpoint);
        }
    }

    /// Looks at one interrupter after a register write. Returns whether its ring has room for those who waited.
    pub(crate) fn service<D: Dma>(
        &mut self,
        id: InterrupterId,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<bool, DmaError> {
        self.get_mut(id).map_or(Ok(false), |interrupter| interrupter.service(now, core, dma))
    }

    /// The next endpoint that waited for room at `id`.
    pub(crate) fn next_waiting(&mut self, id: InterrupterId) -> Option<EndpointId> {
        self.get_mut(id)?.next_waiting()
    }

    /// The message of one interrupter leaves, if there still is a reason.
    pub(crate) fn send_message(&mut self, id: InterrupterId, now: Instant, core: &mut Core) {
        if let Some(interrupter) = self.get_mut(id) {
            interrupter.send_message(now, core);
        }
    }

    /// The moderation counter of one interrupter reached zero.
    pub(crate) fn moderation_over(&mut self, id: InterrupterId, now: Instant, core: &mut Core) {
        if let Some(interrupter) = self.get_mut(id) {
            interrupter.moderation_over(now, core);
        }
    }

    /// ERR-01: an error that has no event interrupts through IP of interrupter 0, at once.
    pub(crate) fn interrupt_for_error(&mut self, now: Instant, core: &mut Core) {
        if let Some(primary) = self.all.first_mut() {
            primary.interrupt_for_error(now, core);
        }
    }

    /// USBCMD.INTE was changed, or the controller starts: INT-05, OPR-18.
    pub(crate) fn recheck_all(&mut self, now: Instant, core: &mut Core) {
        for interrupter in self.all.iter_mut().filter(|interrupter| interrupter.has_news()) {
            interrupter.recheck(now, core);
        }
    }
}
