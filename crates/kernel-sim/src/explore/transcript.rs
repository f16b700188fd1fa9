use crate::{LockDesc, TaskId};
use sim_time::Instant;
use std::rc::Rc;

/// What the tasks of one run did, step by step. Shown with a column for each task, in at most
/// [`LINES_MAX`](Self::LINES_MAX) lines; [`lines`](Self::lines) has all of it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Transcript {
    pub(crate) columns: Vec<Column>,
    pub(crate) lines: Vec<Line>,
    pub(crate) ending: String,
}

/// One task of a transcript.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Column {
    pub(crate) task: TaskId,
    pub(crate) name: Rc<str>,
}

/// Something that a task did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The step of the run, from 1. A step goes from one scheduling point of a task to its next.
    pub step: u32,
    /// The virtual time.
    pub at: Instant,
    /// Who; `None`: hardware, an interrupt handler or a timer.
    pub task: Option<TaskId>,
    /// What, in the words of the kernel.
    pub text: String,
    pub(crate) kind: LineKind,
}

/// What can be left out when a transcript is too long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum LineKind {
    Takes(LockDesc),
    Releases(LockDesc),
    /// Says nothing that does not follow from other lines.
    Minor,
    Major,
}

impl Transcript {
    /// The most lines that are shown, apart from the heading and the end.
    pub const LINES_MAX: usize = 40;

    /// Everything, in order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
    /// How the run ended.
    pub fn ending(&self) -> &str {
        &self.ending
    }
}
