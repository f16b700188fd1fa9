use sim_time::{Duration, Instant};
use std::cell::{Cell, RefCell};

/// What can go wrong with the DSP, on request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Takes no events and queues nothing for `length`, from the first wake-up at or after `from` on; then places its
    /// TDs anew if its ring ran empty. With enough queued ahead the event ring fills meanwhile.
    Stall {
        /// When it begins.
        from: Instant,
        /// How long it lasts.
        length: Duration,
    },
    /// Sleeps `length` too long at the first wake-up at or after `from`, and goes on as if nothing was: with Frame IDs
    /// its next TDs come too late.
    Late {
        /// When it begins.
        from: Instant,
        /// How long it lasts.
        length: Duration,
    },
}

/// The faults that wait for their time, and the states that last.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pending: RefCell<Vec<Fault>>,
    silent: Cell<bool>,
}

/// How a wake-up goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WakeUp {
    Normal,
    /// Asleep until then, and normal again.
    AsleepUntil(Instant),
    /// Asleep until then, and too late.
    LateUntil(Instant),
}

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.pending.borrow_mut().push(fault);
    }
    pub(super) fn set_silent(&self, silent: bool) {
        self.silent.set(silent);
    }
    pub(super) fn is_silent(&self) -> bool {
        self.silent.get()
    }

    /// Takes the fault that begins now, if one does.
    pub(super) fn at(&self, now: Instant) -> WakeUp {
        let mut pending = self.pending.borrow_mut();
        let due = pending.iter().position(|fault| match *fault {
            Fault::Stall { from, .. } | Fault::Late { from, .. } => from <= now,
        });
        match due.map(|index| pending.remove(index)) {
            Some(Fault::Stall { from, length }) => WakeUp::AsleepUntil((from + length).max(now)),
            Some(Fault::Late { length, .. }) => WakeUp::LateUntil(now + length),
            None => WakeUp::Normal,
        }
    }
}
