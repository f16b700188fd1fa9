use crate::explore::Place;
use crate::lock::LockInfo;
use crate::run::RunError;
use crate::task::RunState;
use crate::timer::TimerSide;
use crate::timer_queue::TimerKey;
use crate::{Kernel, TaskId};
use sim_time::Instant;
use std::rc::Rc;

/// What a blocked task waits for.
#[derive(Clone)]
pub(crate) enum Wait {
    Lock {
        lock: Rc<LockInfo>,
        subclass: u8,
    },
    Event {
        what: Rc<str>,
        /// Whose holder makes it happen, if that is known.
        on: Option<Rc<LockInfo>>,
        /// Ends by itself.
        timed: bool,
        /// An exploration may end it early, as if this had gone off.
        alarm: Option<(TimerSide, TimerKey)>,
    },
    Task(TaskId),
    Sleep {
        until: Instant,
        /// As that of an event.
        alarm: Option<(TimerSide, TimerKey)>,
    },
    HostWakeup,
}

impl Wait {
    /// The timer that ends it.
    pub(crate) fn alarm(&self) -> Option<(TimerSide, TimerKey)> {
        match self {
            Self::Event { alarm, .. } | Self::Sleep { alarm, .. } => *alarm,
            Self::Lock { .. } | Self::Task(_) | Self::HostWakeup => None,
        }
    }
}

impl Kernel {
    /// Notes what the running task waits for, and reports a cycle of waits that this closes.
    ///
    /// # Panics
    /// Outside of a task: only a task can wait.
    pub(crate) fn block(&self, wait: Wait) {
        let me = self.context();
        assert!(me != TaskId::SWAPPER, "a wait outside of a task of this kernel");
        self.touch_place(Place::task(me.index()), true);
        if !matches!(wait, Wait::Lock { .. }) {
            self.record(me, || self.waits_for(&wait).to_string());
        }
        self.0.tasks.borrow_mut()[me.index()].wait = Some(wait);
        if let Some(cycle) = self.wait_cycle(me) {
            let deadlock = self.deadlock_of_cycle(cycle);
            self.fail(|| RunError::Deadlock(deadlock));
        }
    }

    /// The task without which `id` can't go on, if it is a certain one.
    pub(crate) fn waits_for_task(&self, id: TaskId) -> Option<TaskId> {
        let tasks = self.0.tasks.borrow();
        match tasks[id.index()].wait.as_ref()? {
            Wait::Lock { lock, .. } => lock.owner.get(),
            Wait::Event { on: Some(map), timed: false, .. } => map.owner.get(),
            Wait::Task(task) => Some(*task).filter(|task| tasks[task.index()].run != RunState::Finished),
            Wait::Event { .. } | Wait::Sleep { .. } | Wait::HostWakeup => None,
        }
    }

    /// The tasks that wait for each other in a circle through `start`.
    pub(crate) fn wait_cycle(&self, start: TaskId) -> Option<Vec<TaskId>> {
        // Two walks, so that the usual one, which finds nothing, allocates nothing.
        let mut length = 1;
        let mut at = self.waits_for_task(start)?;
        let limit = self.0.tasks.borrow().len();
        while at != start {
            length += 1;
            if length > limit {
                return None;
            }
            at = self.waits_for_task(at)?;
        }
        let next = |&id: &TaskId| self.waits_for_task(id);
        Some(std::iter::successors(Some(start), next).take(length).collect())
    }
}
