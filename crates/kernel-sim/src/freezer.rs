use crate::alarm::Alarm;
use crate::task::{Freezable, RunState, Task};
use crate::wait::Wait;
use crate::wait_list::WaitList;
use crate::{BlockedTask, Event, Kernel, TaskId, Touch};
use sim_time::Duration;
use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::task::Poll;

/// How long each step of [`Kernel::freeze_processes`] waits (`/sys/power/pm_freeze_timeout`).
pub const FREEZE_TIMEOUT: Duration = Duration::from_secs(20);

/// Some tasks could not be frozen in time. Everything was thawed again.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct FreezeTimeout {
    /// How long was waited.
    pub after: Duration,
    /// Who refused, in order of their numbers.
    pub refusing: Vec<BlockedTask>,
}

/// The freezing of tasks before a system sleep.
#[derive(Default)]
pub(crate) struct Freezer {
    step: Cell<Step>,
    /// Who freezes the others, and so is not frozen.
    caller: Cell<Option<TaskId>>,
    /// The caller waits here for the others.
    progress: WaitList<()>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Step {
    #[default]
    Thawed,
    Processes,
    KernelThreads,
}

impl Kernel {
    /// Freezes the user tasks, then the workers of freezable work queues, as system sleep does first of all. A frozen
    /// task does not run before [`thaw_processes`](Self::thaw_processes), whoever wakes it.
    ///
    /// A task is frozen where it waits or is about to run, but only while it neither holds a lock nor waits for one,
    /// and a worker only between two items. The calling task is exempt.
    ///
    /// # Errors
    /// [`FreezeTimeout`] if a step takes longer than [`FREEZE_TIMEOUT`]; all tasks are thawed then.
    pub async fn freeze_processes(&self) -> Result<(), FreezeTimeout> {
        self.touch(Touch::ANYTHING);
        self.0.freezer.caller.set(self.current());
        for step in [Step::Processes, Step::KernelThreads] {
            self.touch(Touch::ANYTHING);
            self.0.freezer.step.set(step.max(self.0.freezer.step.get()));
            self.emit(|| Event::Freeze { kernel_threads: step == Step::KernelThreads });
            for id in self.all_tasks() {
                self.freeze_if_asked(id);
            }
            self.requeue();
            if !self.wait_until_frozen().await {
                let refusing = self.all_tasks().filter(|&id| self.is_refusing(id));
                let refusing = refusing.map(|id| self.blocked_task(id)).collect();
                self.thaw_processes();
                return Err(FreezeTimeout { after: FREEZE_TIMEOUT, refusing });
            }
        }
        Ok(())
    }

    /// Lets all tasks run again.
    pub fn thaw_processes(&self) {
        self.touch(Touch::ANYTHING);
        if self.0.freezer.step.replace(Step::Thawed) == Step::Thawed {
            return;
        }
        self.0.freezer.caller.set(None);
        self.emit(|| Event::Thaw);
        for task in self.0.tasks.borrow_mut().iter_mut() {
            task.frozen = false;
        }
        self.requeue();
    }

    /// Freezes a task that is to be frozen and may be. It is not in the run queue, or the caller sorts that again.
    pub(crate) fn freeze_if_asked(&self, id: TaskId) {
        if self.0.freezer.step.get() == Step::Thawed {
            return;
        }
        if self.is_refusing(id) && self.0.tasks.borrow()[id.index()].may_freeze() {
            self.0.tasks.borrow_mut()[id.index()].frozen = true;
            self.emit(|| Event::TaskFrozen { task: id });
            self.freezer_progress();
        }
    }

    /// One task less may be left to freeze.
    pub(crate) fn freezer_progress(&self) {
        self.0.freezer.progress.wake_all(self);
    }

    fn all_tasks(&self) -> impl Iterator<Item = TaskId> + use<> {
        let count = self.0.tasks.borrow().len();
        (0..count).map(TaskId::from_index)
    }

    /// Whether the task is to be frozen and is not.
    fn is_refusing(&self, id: TaskId) -> bool {
        let tasks = self.0.tasks.borrow();
        let task = &tasks[id.index()];
        let asked = match task.freezable {
            Freezable::Never => false,
            Freezable::WithProcesses => self.0.freezer.step.get() >= Step::Processes,
            Freezable::WithKernelThreads => self.0.freezer.step.get() >= Step::KernelThreads,
        };
        asked && !task.frozen && task.run != RunState::Finished && self.0.freezer.caller.get() != Some(id)
    }

    async fn wait_until_frozen(&self) -> bool {
        let until = self.now() + FREEZE_TIMEOUT;
        let mut alarm = Alarm::new(self);
        poll_fn(|_| {
            if !self.all_tasks().any(|id| self.is_refusing(id)) {
                return Poll::Ready(true);
            }
            if alarm.has_fired() {
                return Poll::Ready(false);
            }
            if !alarm.is_set() {
                alarm.set(until);
            }
            self.0.freezer.progress.add_once(self.context(), ());
            self.block(Wait::Event { what: "tasks to freeze".into(), on: None, timed: true, alarm: None });
            Poll::Pending
        })
        .await
    }
}

impl Task {
    fn may_freeze(&self) -> bool {
        let is_polled = matches!(self.run, RunState::Running | RunState::RunningWoken);
        !is_polled && self.held.is_empty() && !self.wants_lock() && self.work.is_none()
    }
}

impl fmt::Display for FreezeTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { after, refusing } = self;
        write!(f, "freezing of tasks failed after {after}: {} refusing to freeze", refusing.len())?;
        refusing.iter().try_for_each(|task| write!(f, "\n  {task}"))
    }
}
