use crate::lock::HeldLock;
use crate::wait::Wait;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;

/// A task of one kernel. Numbers grow in the order of spawning, from 1, and are never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TaskId(u32);

impl TaskId {
    /// Whoever runs when no task does: interrupt handlers, timers, and the code that builds the world.
    pub(crate) const SWAPPER: Self = Self(0);

    pub(crate) fn from_index(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
    /// The number alone.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of execution a task is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskKind {
    /// A user process in a system call. Frozen by [`freeze_processes`](crate::Kernel::freeze_processes).
    User,
    /// A kernel thread that has an end: if it can't reach it, that is a deadlock.
    Kernel,
    /// A kernel thread that may wait for events forever. It may not wait for a lock forever.
    Daemon,
    /// Another processor. Never frozen; runs while the host sleeps. May wait for events forever.
    Firmware,
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::User => "user",
            Self::Kernel => "kernel",
            Self::Daemon => "daemon",
            Self::Firmware => "firmware",
        })
    }
}

pub(crate) type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RunState {
    /// Waits for a wake-up.
    Blocked,
    /// In the run queue.
    Queued,
    /// Woken, but frozen, or a host task while the host sleeps.
    Parked,
    /// Being polled.
    Running,
    /// Being polled, and woken meanwhile.
    RunningWoken,
    Finished,
}

pub(crate) struct Task {
    pub(crate) name: Rc<str>,
    pub(crate) kind: TaskKind,
    pub(crate) freezable: Freezable,
    pub(crate) frozen: bool,
    pub(crate) run: RunState,
    /// Absent while it is polled and after the end.
    pub(crate) future: Option<TaskFuture>,
    /// Oldest first.
    pub(crate) held: Vec<HeldLock>,
    /// Set while blocked.
    pub(crate) wait: Option<Wait>,
    /// The work item that a worker carries out.
    pub(crate) work: Option<Rc<str>>,
}

/// In which step of a freeze a task stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Freezable {
    Never,
    WithProcesses,
    WithKernelThreads,
}

impl Freezable {
    pub(crate) fn of(kind: TaskKind) -> Self {
        if kind == TaskKind::User { Self::WithProcesses } else { Self::Never }
    }
}

impl Task {
    pub(crate) fn new(name: Rc<str>, kind: TaskKind, freezable: Freezable, future: TaskFuture) -> Self {
        Self { freezable, run: RunState::Blocked, future: Some(future), ..Self::record(name, kind) }
    }

    /// The record of [`TaskId::SWAPPER`], which is never scheduled.
    pub(crate) fn swapper() -> Self {
        Self::record("swapper".into(), TaskKind::Daemon)
    }

    fn record(name: Rc<str>, kind: TaskKind) -> Self {
        Self {
            name,
            kind,
            freezable: Freezable::Never,
            frozen: false,
            run: RunState::Finished,
            future: None,
            held: Vec::new(),
            wait: None,
            work: None,
        }
    }

    /// Whether the world is not at rest before this task got on: it has an end to reach, has work in hand, or waits
    /// for a lock, which is never a way of being idle.
    pub(crate) fn must_finish(&self) -> bool {
        let has_an_end = matches!(self.kind, TaskKind::User | TaskKind::Kernel);
        self.run != RunState::Finished && (has_an_end || self.work.is_some() || self.wants_lock())
    }

    pub(crate) fn wants_lock(&self) -> bool {
        matches!(self.wait, Some(Wait::Lock { .. }))
    }
}
