use crate::explore::{Pick, Place};
use crate::task::RunState;
use crate::timer::earlier;
use crate::{Deadlock, Event, JoinHandle, Kernel, LockDesc, TaskId, TaskName, Violation, WaitsFor};
use sim_time::Instant;
use std::task::{Context, Poll, Waker};

/// Steps in one instant of virtual time after which the world is taken to run in circles.
const STEPS_PER_INSTANT_MAX: u32 = 1_000_000;

/// Why a run ended before its time.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RunError {
    /// Tasks can't get on any more.
    #[error("{0}")]
    Deadlock(Deadlock),
    /// The task that was to end has not.
    #[error("{task} has not ended by {limit}")]
    TimeLimit {
        /// The task.
        task: TaskName,
        /// The end of the run.
        limit: Instant,
    },
    /// A task could sleep while it held a spinlock.
    #[error("sleep in atomic context at {at}: {task} holds spinlock {lock} and {}", sleeps(waits_for.as_deref()))]
    SleepInAtomic {
        /// When.
        at: Instant,
        /// Who.
        task: TaskName,
        /// The spinlock.
        lock: LockDesc,
        /// For what it would have slept; `None` if it only let others run.
        waits_for: Option<Box<WaitsFor>>,
    },
    /// An invariant does not hold.
    #[error("{0}")]
    Invariant(Violation),
    /// An explored run is longer than it may be: tasks may keep each other busy without end.
    #[error("not at rest at {at}, after {steps} steps, the last of them by {last}")]
    StepLimit {
        /// When.
        at: Instant,
        /// The limit.
        steps: u32,
        /// The task that ran last.
        last: TaskName,
    },
    /// Tasks, timers or hardware keep each other busy while time stands still.
    #[error("time stands still at {at}: {STEPS_PER_INSTANT_MAX} steps, the last of them by {last}")]
    Livelock {
        /// Since when.
        at: Instant,
        /// The task that ran last; number 0 if it was hardware or a timer.
        last: TaskName,
    },
}

fn sleeps(waits_for: Option<&WaitsFor>) -> String {
    waits_for.map_or_else(|| "lets others run".into(), ToString::to_string)
}

impl Kernel {
    /// Runs everything that is due up to and including `at`; the clock ends at `at`.
    ///
    /// # Errors
    /// Every [`RunError`] but the time limit. The clock stays where it happened. A later call goes on from there,
    /// for whoever is not concerned.
    ///
    /// # Panics
    /// When called from inside a run.
    pub fn run_until(&self, at: Instant) -> Result<(), RunError> {
        self.run(at, None)
    }

    /// Runs until `task` has ended, up to and including `limit`.
    ///
    /// # Errors
    /// [`RunError::TimeLimit`] if it has not ended by then, and as [`run_until`](Self::run_until).
    ///
    /// # Panics
    /// When called from inside a run.
    pub fn run_until_finished<T>(&self, task: &JoinHandle<T>, limit: Instant) -> Result<(), RunError> {
        self.run(limit, Some(task.id()))
    }

    fn run(&self, limit: Instant, target: Option<TaskId>) -> Result<(), RunError> {
        let _inside = Inside::enter(self);
        let mut steps = Steps { left: STEPS_PER_INSTANT_MAX, last: TaskId::SWAPPER };
        loop {
            if let TasksRan::Stop = self.run_tasks(target, &mut steps)? {
                return Ok(());
            }
            // Time stands still until nobody has anything to do: tasks, then hardware with its interrupt handlers,
            // then timers; each of them may give the ones before work.
            let now = self.now();
            self.advance_hardware(now);
            self.fire_timers(now);
            steps.count(self, TaskId::SWAPPER)?;
            self.note_rest();
            if self.anyone_runnable() {
                continue;
            }
            self.check_rest()?;
            match earlier(self.next_timer(), self.next_hardware_deadline()) {
                Some(next) if next <= now => {}
                Some(next) if next <= limit => {
                    self.0.clock.advance_to(next);
                    steps.left = STEPS_PER_INSTANT_MAX;
                }
                next => {
                    if next.is_none()
                        && let Some(deadlock) = self.deadlock_at_rest(target)
                    {
                        return Err(RunError::Deadlock(deadlock));
                    }
                    if !self.is_exploring() {
                        // A run that is explored ends when it comes to rest.
                        self.0.clock.advance_to(limit);
                    }
                    return match target {
                        Some(id) => Err(RunError::TimeLimit { task: self.named(id), limit }),
                        None => Ok(()),
                    };
                }
            }
        }
    }

    fn run_tasks(&self, target: Option<TaskId>, steps: &mut Steps) -> Result<TasksRan, RunError> {
        loop {
            if target.is_some_and(|id| self.0.tasks.borrow()[id.index()].run == RunState::Finished) {
                return Ok(TasksRan::Stop);
            }
            let id = match self.pick() {
                Pick::Task(id) => id,
                Pick::Nobody => return Ok(TasksRan::UntilRest),
                Pick::Stop => return self.0.failure.take().map_or(Ok(TasksRan::Stop), Err),
            };
            self.poll(id);
            if self.is_exploring() {
                self.end_slice(id);
            }
            if let Some(failure) = self.0.failure.take() {
                return Err(failure);
            }
            self.check_step()?;
            steps.count(self, id)?;
        }
    }

    fn poll(&self, id: TaskId) {
        let future = {
            let mut tasks = self.0.tasks.borrow_mut();
            let task = &mut tasks[id.index()];
            task.run = RunState::Running;
            task.wait = None;
            task.future.take()
        };
        let Some(mut future) = future else { return };
        self.emit(|| Event::TaskSwitch { task: id });
        self.0.context.set(id);
        // Our waits wake tasks by number; a waker would only add a way that the scheduler does not see.
        let ended = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(());
        if ended {
            // Still in the task's name: what it owns is dropped by it.
            drop(future);
            self.0.context.set(TaskId::SWAPPER);
            self.touch_place(Place::task(id.index()), true);
            self.0.tasks.borrow_mut()[id.index()].run = RunState::Finished;
            self.emit(|| Event::TaskEnded { task: id });
            self.freezer_progress();
            return;
        }
        self.0.context.set(TaskId::SWAPPER);
        let woken = {
            let mut tasks = self.0.tasks.borrow_mut();
            let task = &mut tasks[id.index()];
            let woken = task.run == RunState::RunningWoken;
            task.run = RunState::Blocked;
            task.future = Some(future);
            if woken {
                task.wait = None;
            }
            woken
        };
        self.check_atomic(id);
        self.freeze_if_asked(id);
        if woken {
            self.enqueue(id);
        }
    }

    /// A task switched away with a spinlock held.
    fn check_atomic(&self, id: TaskId) {
        if let Some(lock) = self.spinlock_of(id) {
            let wait = self.0.tasks.borrow()[id.index()].wait.clone();
            let waits_for = wait.map(|wait| Box::new(self.waits_for(&wait)));
            self.fail(|| RunError::SleepInAtomic { at: self.now(), task: self.named(id), lock, waits_for });
        }
    }

    /// Ends the run after the present step. The first failure of a step counts.
    pub(crate) fn fail(&self, failure: impl FnOnce() -> RunError) {
        if self.0.failure.borrow().is_none() {
            let failure = failure();
            self.0.failure.replace(Some(failure));
        }
    }
}

/// Why no task runs.
enum TasksRan {
    /// Nobody can.
    UntilRest,
    /// The task that the run is for has ended, or the exploration has seen enough.
    Stop,
}

struct Steps {
    left: u32,
    last: TaskId,
}

impl Steps {
    fn count(&mut self, kernel: &Kernel, by: TaskId) -> Result<(), RunError> {
        if by != TaskId::SWAPPER || self.left == STEPS_PER_INSTANT_MAX {
            self.last = by;
        }
        self.left -= 1;
        if self.left == 0 {
            return Err(RunError::Livelock { at: kernel.now(), last: kernel.named(self.last) });
        }
        Ok(())
    }
}

/// While a run goes on. Also a panic in a task ends it.
struct Inside<'a>(&'a Kernel);

impl<'a> Inside<'a> {
    fn enter(kernel: &'a Kernel) -> Self {
        assert!(!kernel.0.running.replace(true), "a run from inside a run");
        Self(kernel)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.0.context.set(TaskId::SWAPPER);
        self.0.0.running.set(false);
    }
}
