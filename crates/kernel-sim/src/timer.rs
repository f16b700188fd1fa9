use crate::timer_queue::{TimerAction, TimerKey, TimerQueue};
use crate::{Kernel, Object, TaskId, TaskKind};
use sim_time::{Duration, Instant};
use std::cell::{Cell, RefCell};
use std::fmt;

/// The timers of the host and those that run on while it sleeps.
#[derive(Default)]
pub(crate) struct Timers {
    host: RefCell<TimerQueue>,
    always_on: RefCell<TimerQueue>,
    /// While a timer's function runs.
    firing: Cell<Option<TimerSide>>,
}

/// Whose timer it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimerSide {
    /// The host's: stands still while the host sleeps and fires afterwards.
    Host,
    /// Another processor's, or the alarm that wakes the host.
    AlwaysOn,
}

/// A timer that was set with [`Kernel::after`]. Dropping it does not stop the timer.
pub struct TimerHandle {
    kernel: Kernel,
    side: TimerSide,
    at: Instant,
    key: TimerKey,
}

fn functions_due(at: Instant) -> Object {
    Object::new("timer functions").numbered(at.as_ticks())
}

impl Kernel {
    /// Calls `function` when `delay` has passed, outside of any task (a timer of the kernel, in softirq context).
    /// It may wake tasks and set timers, but not wait. What a firmware task sets is the firmware's timer.
    pub fn after(&self, delay: Duration, function: impl FnOnce() + 'static) -> TimerHandle {
        let side = self.timer_side();
        let at = self.now() + delay;
        // Functions that are due together are called in the order in which they were set. Of tasks that are woken
        // together the order makes no difference.
        self.touch(functions_due(at).write());
        let key = self.set_timer(side, at, TimerAction::Call(Box::new(function)));
        TimerHandle { kernel: self.clone(), side, at, key }
    }

    /// The side of the code that runs now.
    pub(crate) fn timer_side(&self) -> TimerSide {
        let context = self.context();
        if context == TaskId::SWAPPER {
            self.0.timers.firing.get().unwrap_or(TimerSide::Host)
        } else if self.0.tasks.borrow()[context.index()].kind == TaskKind::Firmware {
            TimerSide::AlwaysOn
        } else {
            TimerSide::Host
        }
    }

    pub(crate) fn set_timer(&self, side: TimerSide, at: Instant, action: TimerAction) -> TimerKey {
        self.0.timers.queue(side).borrow_mut().insert(at, action)
    }

    pub(crate) fn is_timer_pending(&self, side: TimerSide, key: TimerKey) -> bool {
        self.0.timers.queue(side).borrow().is_pending(key)
    }

    /// Whether the timer was pending.
    pub(crate) fn cancel_timer(&self, side: TimerSide, key: TimerKey) -> bool {
        // Taken out of the queue before it is dropped: the function may own handles of other timers.
        let action = self.0.timers.queue(side).borrow_mut().cancel(key);
        action.is_some()
    }

    /// The earliest timer that can fire in the present power state.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        let always_on = self.0.timers.always_on.borrow().next_deadline();
        if self.is_host_asleep() {
            return always_on;
        }
        earlier(always_on, self.0.timers.host.borrow().next_deadline())
    }

    /// Fires what is due at `now` and was not set by this very call.
    pub(crate) fn fire_timers(&self, now: Instant) {
        self.fire_side(TimerSide::AlwaysOn, now);
        if !self.is_host_asleep() {
            self.fire_side(TimerSide::Host, now);
        }
    }

    fn fire_side(&self, side: TimerSide, now: Instant) {
        let queue = self.0.timers.queue(side);
        let before = queue.borrow().next_order();
        loop {
            let due = queue.borrow_mut().pop_due(now, before);
            match due {
                Some(TimerAction::Wake(task)) => self.wake(task),
                Some(TimerAction::WakeHost) => self.wakeup(),
                Some(TimerAction::Call(function)) => {
                    self.0.timers.firing.set(Some(side));
                    function();
                    self.0.timers.firing.set(None);
                }
                None => break,
            }
        }
    }
}

impl Timers {
    fn queue(&self, side: TimerSide) -> &RefCell<TimerQueue> {
        match side {
            TimerSide::Host => &self.host,
            TimerSide::AlwaysOn => &self.always_on,
        }
    }

    pub(crate) fn clear(&self) {
        for queue in [&self.host, &self.always_on] {
            drop(queue.take());
        }
    }
}

impl TimerHandle {
    /// Stops the timer. False if it has fired or was stopped before.
    pub fn cancel(&self) -> bool {
        self.kernel.touch(functions_due(self.at).write());
        self.kernel.cancel_timer(self.side, self.key)
    }
    /// Whether the timer has yet to fire.
    pub fn is_pending(&self) -> bool {
        self.kernel.touch(functions_due(self.at).read());
        self.kernel.is_timer_pending(self.side, self.key)
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerHandle").field("pending", &self.is_pending()).finish_non_exhaustive()
    }
}

pub(crate) fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
