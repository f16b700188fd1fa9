use super::decider::{Candidate, Decider};
use super::footprint::Footprint;

/// Every run with at most so many preemptions, one after the other: the next one differs from the last in the last
/// answer that has an alternative left.
///
/// With reduction, sleep sets: what was tried at a node need not be tried below its later siblings before something
/// happens that it conflicts with, for the two orders of independent slices lead to the same state. With a bound on
/// preemptions the order that was tried may cost more of them than the one that is left out; where it could, nothing
/// is left out (see [`Branch::may_sleep_below`]).
pub(crate) struct DepthFirst {
    bound: Option<u32>,
    reduction: bool,
    nodes: Vec<Node>,
    /// Of the task nodes, in their order.
    branches: Vec<Branch>,
    /// Nodes passed in this run.
    depth: usize,
    /// The task node whose slice runs or ran last; none right after a rest, which conflicts with everything.
    current: Option<usize>,
    preemptions: u32,
    slice: Footprint,
    cut: bool,
}

#[derive(Clone, Copy)]
enum Node {
    Task { first: usize, count: usize, at: usize, preemptions: u32 },
    Value { options: u16, at: u16 },
}

/// What can be chosen at a task node.
#[derive(Clone, Copy)]
struct Branch {
    candidate: Candidate,
    /// Not to be tried here.
    asleep: bool,
    /// Of its slice from here, whatever values were chosen in it.
    footprint: Footprint,
    /// Whether the task could go on after that slice.
    leaving_costs: bool,
}

impl Branch {
    /// Whether this one, tried before at the same node, may sleep below `later`.
    ///
    /// Left out is: `later`, slices of others, this, rest. Tried was: this, `later`, slices of others, rest. The
    /// tried order costs at most so many preemptions more: the switch to this (for a time-out: the switch back out
    /// of the others), plus the switch from this to `later`, less the switch to `later`. Only if that is none, a run
    /// within the bound has its equal within the bound.
    fn may_sleep_below(&self, later: &Candidate) -> bool {
        let to_this = if self.candidate.time_out { 1 } else { self.candidate.cost };
        let from_this = if later.time_out { 1 } else { u32::from(self.leaving_costs) };
        to_this + from_this <= later.cost
    }
}

impl DepthFirst {
    /// All runs with at most `bound` preemptions, or all.
    pub(crate) fn new(bound: Option<u32>, reduction: bool) -> Self {
        Self {
            bound,
            reduction,
            nodes: Vec::new(),
            branches: Vec::new(),
            depth: 0,
            current: None,
            preemptions: 0,
            slice: Footprint::EMPTY,
            cut: false,
        }
    }

    fn is_open(&self, branch: usize, preemptions: u32) -> bool {
        let branch = &self.branches[branch];
        !branch.asleep && self.bound.is_none_or(|bound| preemptions + branch.candidate.cost <= bound)
    }

    /// The first branch from `from` that is to be tried.
    fn eligible(&mut self, first: usize, from: usize, count: usize, preemptions: u32) -> Option<usize> {
        for index in from..count {
            if self.is_open(first + index, preemptions) {
                return Some(index);
            }
            self.cut |= !self.branches[first + index].asleep;
        }
        None
    }

    /// Marks those of the branches from `first` that sleep because of the node before.
    fn put_to_sleep(&mut self, first: usize) {
        let Some(Node::Task { first: above, count, at, .. }) = self.current.map(|node| self.nodes[node])
        else {
            return;
        };
        let taken = self.branches[above + at].candidate;
        for index in (0..count).filter(|&index| index != at) {
            let branch = self.branches[above + index];
            let tried = index < at && (self.bound.is_none() || branch.may_sleep_below(&taken));
            if (branch.asleep || tried) && !branch.footprint.conflicts(&self.slice) {
                let here = self.branches[first..].iter_mut();
                if let Some(here) = here.into_iter().find(|here| here.candidate.is_same(&branch.candidate)) {
                    *here = Branch { candidate: here.candidate, asleep: true, ..branch };
                }
            }
        }
    }

    fn new_node(&mut self, candidates: &[Candidate]) -> Option<Node> {
        let first = self.branches.len();
        self.branches.extend(candidates.iter().map(|&candidate| Branch {
            candidate,
            asleep: false,
            footprint: Footprint::EMPTY,
            leaving_costs: false,
        }));
        if self.reduction {
            self.put_to_sleep(first);
        }
        let (count, preemptions) = (candidates.len(), self.preemptions);
        let Some(at) = self.eligible(first, 0, count, preemptions) else {
            self.branches.truncate(first);
            return None;
        };
        Some(Node::Task { first, count, at, preemptions })
    }
}

impl Decider for DepthFirst {
    fn begin(&mut self) {
        self.depth = 0;
        self.current = None;
        self.preemptions = 0;
    }

    fn task(&mut self, candidates: &[Candidate]) -> Option<usize> {
        if self.depth == self.nodes.len() {
            let node = self.new_node(candidates)?;
            self.nodes.push(node);
        }
        let Node::Task { first, count, at, .. } = self.nodes[self.depth] else { panic!("{DIFFERS}") };
        let known = self.branches[first..first + count].iter().map(|branch| &branch.candidate);
        assert!(known.eq(candidates), "{DIFFERS}");
        self.current = Some(self.depth);
        self.depth += 1;
        self.preemptions += candidates[at].cost;
        Some(at)
    }

    fn value(&mut self, options: u16) -> u16 {
        if self.depth == self.nodes.len() {
            self.nodes.push(Node::Value { options, at: 0 });
        }
        let Node::Value { at, options: known } = self.nodes[self.depth] else { panic!("{DIFFERS}") };
        assert_eq!(options, known, "{DIFFERS}");
        self.depth += 1;
        at
    }

    fn slice_done(&mut self, footprint: &Footprint, leaving_costs: bool) {
        self.slice = *footprint;
        if let Some(Node::Task { first, at, .. }) = self.current.map(|node| self.nodes[node]) {
            let branch = &mut self.branches[first + at];
            branch.footprint.merge(footprint);
            branch.leaving_costs |= leaving_costs;
        }
    }

    fn rested(&mut self) {
        self.current = None;
    }

    fn advance(&mut self) -> bool {
        while let Some(&node) = self.nodes.last() {
            let next = match node {
                Node::Value { options, at } => {
                    (at + 1 < options).then_some(Node::Value { options, at: at + 1 })
                }
                Node::Task { first, count, at, preemptions } => self
                    .eligible(first, at + 1, count, preemptions)
                    .map(|at| Node::Task { first, count, at, preemptions }),
            };
            self.nodes.pop();
            if let Some(next) = next {
                self.nodes.push(next);
                return true;
            }
            if let Node::Task { first, .. } = node {
                self.branches.truncate(first);
            }
        }
        false
    }

    fn is_cut(&self) -> bool {
        self.cut
    }

    /// As if all subtrees beside each other were alike.
    fn fraction(&self) -> Option<f64> {
        let mut share = 1.0;
        let mut done = 0.0;
        for node in &self.nodes {
            let (before, all) = match *node {
                Node::Value { options, at } => (usize::from(at), usize::from(options)),
                Node::Task { first, count, at, preemptions } => {
                    let open = |index: &usize| self.is_open(first + index, preemptions);
                    ((0..at).filter(open).count(), (0..count).filter(open).count().max(1))
                }
            };
            share /= small(all);
            done += share * small(before);
        }
        Some(done)
    }
}

/// The message of the panic when a program can't be explored.
pub(crate) const DIFFERS: &str = "the program behaves differently in two runs with the same choices";

fn small(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
