use super::footprint::Footprint;
use crate::TaskId;

/// Answers the questions of one run after the other. The run is the list of its answers.
pub(crate) trait Decider {
    /// A run begins.
    fn begin(&mut self);
    /// Which of the candidates goes on; `None` ends the run, because what could follow is known.
    fn task(&mut self, candidates: &[Candidate]) -> Option<usize>;
    /// A number below `options`, which is at least 2.
    fn value(&mut self, options: u16) -> u16;
    /// The slice of the task chosen last is over. `leaving_costs`: it could go on.
    fn slice_done(&mut self, footprint: &Footprint, leaving_costs: bool);
    /// Nobody could run: hardware and timers had their turn.
    fn rested(&mut self);

    /// After a run: goes on to the next; false if there is none.
    fn advance(&mut self) -> bool {
        true
    }
    /// Whether runs were left out that have more preemptions than allowed.
    fn is_cut(&self) -> bool {
        false
    }
    /// The share of all runs that lies behind, as far as it can be told.
    fn fraction(&self) -> Option<f64> {
        None
    }
}

/// Somebody who can go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Candidate {
    pub(crate) task: TaskId,
    /// It goes on because its wait times out, while others could still run.
    pub(crate) time_out: bool,
    /// It ran last and has just let others go first.
    pub(crate) yielded: bool,
    /// Preemptions that this choice costs: 1 if who ran last could go on and does not, or if a time-out is early,
    /// for then everybody else is taken to have been held up for that long.
    pub(crate) cost: u32,
}

impl Candidate {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.task, self.time_out) == (other.task, other.time_out)
    }
}

/// Answers from a list, then always with the first: the list may be shorter than the run, and it may be a guess.
pub(crate) struct Replay {
    answers: Vec<u16>,
    next: usize,
}

impl Replay {
    pub(crate) fn new(answers: Vec<u16>) -> Self {
        Self { answers, next: 0 }
    }

    fn answer(&mut self, options: usize) -> usize {
        let answer = self.answers.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        usize::from(answer).min(options - 1)
    }
}

impl Decider for Replay {
    fn begin(&mut self) {
        self.next = 0;
    }
    fn task(&mut self, candidates: &[Candidate]) -> Option<usize> {
        // Only where there is a choice an answer is used up, as in the record of a run.
        Some(if candidates.len() == 1 { 0 } else { self.answer(candidates.len()) })
    }
    fn value(&mut self, options: u16) -> u16 {
        u16::try_from(self.answer(usize::from(options))).unwrap_or(0)
    }
    fn slice_done(&mut self, _footprint: &Footprint, _leaving_costs: bool) {}
    fn rested(&mut self) {}
}
