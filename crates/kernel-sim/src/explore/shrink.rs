use super::decider::{Decider, Replay};
use super::depth_first::DepthFirst;
use super::engine::RunRecord;
use super::runner::Runner;
use super::verdict::Verdict;
use crate::Kernel;

/// Runs that a shrinking may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) runs: u64,
    pub(crate) reduction: bool,
}

/// A run that fails.
#[derive(Clone, Debug)]
pub(crate) struct Failing {
    pub(crate) choices: Vec<u16>,
    pub(crate) preemptions: u32,
    pub(crate) steps: u32,
}

impl Failing {
    pub(crate) fn of(run: &RunRecord) -> Self {
        let choices = trimmed(&run.choices).to_vec();
        Self { choices, preemptions: run.preemptions, steps: run.steps }
    }

    fn size(&self) -> (u32, u32) {
        (self.preemptions, self.steps)
    }
}

/// The shortest run that fails in the same way: the fewest preemptions, then the fewest steps. Whether it is known
/// that there is no shorter one.
pub(crate) fn shrink<P, W>(
    runner: &mut Runner<'_, P>,
    verdict: &Verdict,
    failing: Failing,
    effort: Effort,
) -> (Failing, bool)
where
    P: Fn(&Kernel) -> W,
{
    let limits = runner.engine().limits;
    let mut shrinking = Shrinking { runner, verdict, best: failing, left: effort.runs };
    // First what helps most: one unusual answer less at a time. Then a search below what is left.
    while shrinking.drop_an_answer() {}
    let minimal = shrinking.search(effort.reduction);
    let best = shrinking.best;
    runner.engine().limits = limits;
    (best, minimal)
}

struct Shrinking<'r, 'p, P> {
    runner: &'r mut Runner<'p, P>,
    verdict: &'r Verdict,
    best: Failing,
    left: u64,
}

impl<P, W> Shrinking<'_, '_, P>
where
    P: Fn(&Kernel) -> W,
{
    /// One run; true if it fails in the same way and is shorter than the best.
    fn improves(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        let verdict = self.runner.run();
        let found = Failing::of(&self.runner.engine().run);
        let better = verdict.is_like(self.verdict) && found.size() < self.best.size();
        if better {
            self.best = found;
        }
        better
    }

    /// Puts the usual answer in the place of an unusual one; true if that is shorter.
    fn drop_an_answer(&mut self) -> bool {
        for index in (0..self.best.choices.len()).rev() {
            if self.left == 0 {
                return false;
            }
            if self.best.choices[index] == 0 {
                continue;
            }
            let mut choices = self.best.choices.clone();
            choices[index] = 0;
            let replay: Box<dyn Decider> = Box::new(Replay::new(choices));
            self.runner.set_decider(replay);
            if self.improves() {
                return true;
            }
        }
        false
    }

    /// Looks through all runs that are shorter than the best, fewest preemptions first; false if there are too many.
    fn search(&mut self, reduction: bool) -> bool {
        let limit = self.runner.engine().limits.interesting_steps;
        let mut preemptions = 0;
        while preemptions <= self.best.preemptions {
            let decider: Box<dyn Decider> = Box::new(DepthFirst::new(Some(preemptions), reduction));
            self.runner.set_decider(decider);
            loop {
                // With as many preemptions as the best has, only fewer steps help.
                let as_many = preemptions == self.best.preemptions;
                self.runner.engine().limits.interesting_steps =
                    if as_many { self.best.steps.saturating_sub(1) } else { limit };
                if self.left == 0 {
                    return false;
                }
                self.improves();
                if !self.runner.engine().decider.advance() {
                    break;
                }
            }
            preemptions += 1;
        }
        true
    }
}

/// Without the usual answers at the end, which need not be said.
fn trimmed(choices: &[u16]) -> &[u16] {
    let end = choices.iter().rposition(|&choice| choice != 0).map_or(0, |last| last + 1);
    &choices[..end]
}
