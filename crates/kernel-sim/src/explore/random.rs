use super::decider::{Candidate, Decider};
use super::footprint::Footprint;
use crate::rng::Rng;

/// Every answer at random, all alike.
pub(crate) struct RandomWalk(Rng);

impl RandomWalk {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Rng::new(seed))
    }
}

impl Decider for RandomWalk {
    fn begin(&mut self) {}
    fn task(&mut self, candidates: &[Candidate]) -> Option<usize> {
        Some(if candidates.len() == 1 { 0 } else { self.0.below(candidates.len()) })
    }
    fn value(&mut self, options: u16) -> u16 {
        below(&mut self.0, options)
    }
    fn slice_done(&mut self, _footprint: &Footprint, _leaving_costs: bool) {}
    fn rested(&mut self) {}
}

/// Probabilistic concurrency testing (Burckhardt and others, 2010): who has the highest priority runs; at `depth` - 1
/// random steps the one that would run falls below all others. With n tasks and k steps each run finds a bug of that
/// depth with a probability of at least 1/(n k^(depth-1)).
pub(crate) struct Pct {
    rng: Rng,
    depth: u32,
    /// The longest run so far, in steps.
    longest: usize,
    step: usize,
    /// At which steps priorities change.
    changes: Vec<usize>,
    /// A time-out counts as somebody of its own.
    priorities: Vec<(Candidate, u64)>,
}

impl Pct {
    /// `depth` is at least 1.
    pub(crate) fn new(depth: u32, seed: u64) -> Self {
        let rng = Rng::new(seed);
        Self { rng, depth: depth.max(1), longest: 1, step: 0, changes: Vec::new(), priorities: Vec::new() }
    }

    /// The priority of a candidate, drawn at first sight, above those that changes give.
    fn priority(&mut self, candidate: &Candidate) -> u64 {
        if candidate.yielded {
            return 0;
        }
        if let Some((_, priority)) = self.priorities.iter().find(|(known, _)| known.is_same(candidate)) {
            return *priority;
        }
        let priority = self.rng.next() | 1 << 63;
        self.priorities.push((*candidate, priority));
        priority
    }

    fn highest(&mut self, candidates: &[Candidate]) -> usize {
        let mut best = (0, 0);
        for (index, candidate) in candidates.iter().enumerate() {
            let priority = self.priority(candidate);
            if priority > best.1 {
                best = (index, priority);
            }
        }
        best.0
    }
}

impl Decider for Pct {
    fn begin(&mut self) {
        self.longest = self.longest.max(self.step);
        self.step = 0;
        self.priorities.clear();
        self.changes.clear();
        for _ in 1..self.depth {
            let at = 1 + self.rng.below(self.longest);
            self.changes.push(at);
        }
    }

    fn task(&mut self, candidates: &[Candidate]) -> Option<usize> {
        self.step += 1;
        let mut chosen = self.highest(candidates);
        for change in 0..self.changes.len() {
            if self.changes[change] == self.step {
                let fallen = candidates[chosen];
                let known = self.priorities.iter_mut().find(|(known, _)| known.is_same(&fallen));
                if let Some((_, priority)) = known {
                    *priority = 1 + change as u64;
                }
                chosen = self.highest(candidates);
            }
        }
        Some(chosen)
    }

    fn value(&mut self, options: u16) -> u16 {
        below(&mut self.rng, options)
    }
    fn slice_done(&mut self, _footprint: &Footprint, _leaving_costs: bool) {}
    fn rested(&mut self) {}
}

fn below(rng: &mut Rng, options: u16) -> u16 {
    u16::try_from(rng.below(usize::from(options))).unwrap_or(0)
}
