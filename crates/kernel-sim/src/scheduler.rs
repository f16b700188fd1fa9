use crate::TaskId;
use crate::rng::Rng;

/// How the next task is chosen among the runnable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schedule {
    /// In the order in which they became runnable.
    Fifo,
    /// At random, the same for the same seed, on every machine and in every version.
    Seeded(u64),
}

/// Chooses who runs next. This is the only place where a run can differ from another with the same inputs, so
/// the list of its answers is the run.
pub trait Scheduler {
    /// The index of the task to run. `runnable` is not empty and in the order in which the tasks became
    /// runnable; it has one entry when there is nothing to choose. An index beyond the end means the last.
    fn choose(&mut self, runnable: &[TaskId]) -> usize;
}

impl Schedule {
    pub(crate) fn scheduler(self) -> Box<dyn Scheduler> {
        match self {
            Self::Fifo => Box::new(Fifo),
            Self::Seeded(seed) => Box::new(Seeded(Rng::new(seed))),
        }
    }
}

struct Fifo;

impl Scheduler for Fifo {
    fn choose(&mut self, _runnable: &[TaskId]) -> usize {
        0
    }
}

struct Seeded(Rng);

impl Scheduler for Seeded {
    fn choose(&mut self, runnable: &[TaskId]) -> usize {
        // Where there is no choice no number is drawn: one more task in a quiet phase changes nothing later.
        if runnable.len() == 1 { 0 } else { self.0.below(runnable.len()) }
    }
}
