use crate::Instant;
use alloc::rc::Rc;
use core::cell::Cell;

/// The one clock of a simulated world. Clones show the same time; whoever runs the world sets it.
#[derive(Clone, Debug, Default)]
pub struct Clock(Rc<Cell<Instant>>);

impl Clock {
    /// A clock at [`Instant::ZERO`].
    pub fn new() -> Self {
        Self::default()
    }
    /// The present.
    pub fn now(&self) -> Instant {
        self.0.get()
    }
    /// Moves on to `at`. A time that has passed is ignored: the clock never runs backwards.
    pub fn advance_to(&self, at: Instant) {
        self.0.set(self.0.get().max(at));
    }
}
