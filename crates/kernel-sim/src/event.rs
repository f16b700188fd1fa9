use crate::{LockDesc, LockOrderViolation, TaskId, TaskKind};
use sim_time::Instant;
use std::fmt;
use std::rc::Rc;

/// Takes the events of a kernel as they happen, with the time.
pub type TraceSink = Rc<dyn Fn(Instant, &Event)>;

/// Something that happened in the kernel, for traces. [`Kernel::task_name`](crate::Kernel::task_name) tells the names
/// of tasks.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are what their types and names say")]
pub enum Event {
    /// A task was started; it has not run yet.
    TaskSpawned { task: TaskId, name: Rc<str>, kind: TaskKind },
    /// A blocked task became ready.
    TaskWoken { task: TaskId },
    /// A task was chosen and runs.
    TaskSwitch { task: TaskId },
    /// A task has ended.
    TaskEnded { task: TaskId },
    /// A task begins to wait for a lock.
    LockWait { task: TaskId, lock: LockDesc },
    /// A task owns a lock from now on. Number 0: an interrupt handler or timer.
    LockAcquired { task: TaskId, lock: LockDesc },
    /// A task gave a lock up.
    LockReleased { task: TaskId, lock: LockDesc },
    /// A task closed a cycle in the order of lock classes.
    LockOrderViolation { task: TaskId, violation: LockOrderViolation },
    /// A work item was put into a queue.
    WorkQueued { queue: Rc<str>, work: Rc<str> },
    /// A worker begins an item.
    WorkStarted { worker: TaskId, work: Rc<str> },
    /// A worker has done an item.
    WorkFinished { worker: TaskId, work: Rc<str> },
    /// The freezing of processes begins, or that of kernel threads.
    Freeze { kernel_threads: bool },
    /// A task was frozen.
    TaskFrozen { task: TaskId },
    /// All tasks were thawed.
    Thaw,
    /// The host's processors go off.
    HostSleep { until: Instant },
    /// The host's processors are on again.
    HostWake,
}

impl fmt::Display for Event {
    /// One line, tasks by number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TaskSpawned { task, name, kind } => write!(f, "task {task} spawned: \"{name}\" ({kind})"),
            Self::TaskWoken { task } => write!(f, "task {task} woken"),
            Self::TaskSwitch { task } => write!(f, "task {task} runs"),
            Self::TaskEnded { task } => write!(f, "task {task} ended"),
            Self::LockWait { task, lock } => write!(f, "task {task} waits for {lock}"),
            Self::LockAcquired { task, lock } => write!(f, "task {task} acquired {lock}"),
            Self::LockReleased { task, lock } => write!(f, "task {task} released {lock}"),
            Self::LockOrderViolation { task, violation } => write!(f, "task {task}: {violation}"),
            Self::WorkQueued { queue, work } => write!(f, "{queue}: \"{work}\" queued"),
            Self::WorkStarted { worker, work } => write!(f, "task {worker} begins \"{work}\""),
            Self::WorkFinished { worker, work } => write!(f, "task {worker} finished \"{work}\""),
            Self::Freeze { kernel_threads: false } => f.write_str("freezing processes"),
            Self::Freeze { kernel_threads: true } => f.write_str("freezing kernel threads"),
            Self::TaskFrozen { task } => write!(f, "task {task} frozen"),
            Self::Thaw => f.write_str("thawing tasks"),
            Self::HostSleep { until: Instant::MAX } => f.write_str("host sleeps"),
            Self::HostSleep { until } => write!(f, "host sleeps until {until}"),
            Self::HostWake => f.write_str("host wakes"),
        }
    }
}
