use super::invariant::Violation;
use crate::{BlockedTask, Deadlock, LockOrderViolation, RunError, TaskId};
use std::fmt;

/// What an exploration found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing wrong.
    Ok,
    /// Tasks that can't get on.
    Deadlock(Deadlock),
    /// Lock classes that are taken in a circle, though perhaps in different runs.
    LockOrder(LockOrderViolation),
    /// An invariant that does not hold.
    Invariant(Violation),
    /// An assertion of a task failed, or it panicked otherwise.
    Panic(String),
    /// Tasks keep each other busy without end: [`RunError::StepLimit`] or [`RunError::Livelock`].
    Livelock(RunError),
    /// Anything else that ends a run.
    Error(RunError),
}

impl Verdict {
    /// In a word: `ok`, `deadlock`, `lock-order`, `panic`, `livelock`, `error`, or the name of the invariant.
    pub fn name(&self) -> &str {
        match self {
            Self::Ok => "ok",
            Self::Deadlock(_) => "deadlock",
            Self::LockOrder(_) => "lock-order",
            Self::Invariant(violation) => violation.invariant,
            Self::Panic(_) => "panic",
            Self::Livelock(_) => "livelock",
            Self::Error(_) => "error",
        }
    }

    /// Whether two runs failed in the same way: where and when does not matter.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Deadlock(a), Self::Deadlock(b)) => stuck(a) == stuck(b),
            (Self::Panic(a), Self::Panic(b)) => a == b,
            (Self::LockOrder(a), Self::LockOrder(b)) => a == b,
            (Self::Invariant(a), Self::Invariant(b)) => (a.invariant, &a.what) == (b.invariant, &b.what),
            (Self::Error(a), Self::Error(b)) => std::mem::discriminant(a) == std::mem::discriminant(b),
            _ => self.name() == other.name() && std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// The tasks of the circle, or all that are stuck, by number, with the work items that they carry out.
fn stuck(deadlock: &Deadlock) -> Vec<(TaskId, Option<&str>)> {
    let in_cycle = |task: &&BlockedTask| deadlock.cycle.is_empty() || deadlock.cycle.contains(&task.task);
    let mut tasks: Vec<_> =
        deadlock.tasks.iter().filter(in_cycle).map(|task| (task.task, task.work.as_deref())).collect();
    tasks.sort_unstable();
    tasks
}

impl From<RunError> for Verdict {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Deadlock(deadlock) => Self::Deadlock(deadlock),
            RunError::Invariant(violation) => Self::Invariant(violation),
            RunError::StepLimit { .. } | RunError::Livelock { .. } => Self::Livelock(error),
            RunError::TimeLimit { .. } | RunError::SleepInAtomic { .. } => Self::Error(error),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Deadlock(deadlock) => deadlock.fmt(f),
            Self::LockOrder(violation) => violation.fmt(f),
            Self::Invariant(violation) => violation.fmt(f),
            Self::Panic(message) => write!(f, "panic: {message}"),
            Self::Livelock(error) | Self::Error(error) => error.fmt(f),
        }
    }
}
