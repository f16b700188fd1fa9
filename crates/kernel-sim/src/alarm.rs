use crate::Kernel;
use crate::timer::TimerSide;
use crate::timer_queue::{TimerAction, TimerKey};
use sim_time::Instant;

/// The timer of one wait. Dropping it takes it back.
pub(crate) struct Alarm<'a> {
    kernel: &'a Kernel,
    timer: Option<(TimerSide, TimerKey)>,
}

impl<'a> Alarm<'a> {
    pub(crate) fn new(kernel: &'a Kernel) -> Self {
        Self { kernel, timer: None }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.timer.is_some()
    }

    /// Wakes the running task at `at`. Each alarm is set once.
    pub(crate) fn set(&mut self, at: Instant) {
        self.set_action(self.kernel.timer_side(), at, TimerAction::Wake(self.kernel.context()));
    }

    pub(crate) fn set_action(&mut self, side: TimerSide, at: Instant, action: TimerAction) {
        self.timer = Some((side, self.kernel.set_timer(side, at, action)));
    }

    pub(crate) fn timer(&self) -> Option<(TimerSide, TimerKey)> {
        self.timer
    }

    pub(crate) fn has_fired(&self) -> bool {
        self.timer.is_some_and(|(side, key)| !self.kernel.is_timer_pending(side, key))
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if let Some((side, key)) = self.timer {
            self.kernel.cancel_timer(side, key);
        }
    }
}
