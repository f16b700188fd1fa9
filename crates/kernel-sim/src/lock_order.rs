use crate::lock::HeldLock;
use crate::{LockClass, LockDesc, TaskId};
use sim_time::Instant;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

/// The graph of lock classes: an edge leads from a class to each class that was taken while it was held
/// (lockdep). A cycle is a possible deadlock even when no run met it. Subclasses are classes of their own.
#[derive(Clone, Default, Debug)]
pub struct LockOrder {
    classes: Vec<(LockClass, u8)>,
    /// By class held, then class wanted.
    matrix: Vec<Vec<Option<usize>>>,
    edges: Vec<LockOrderEdge>,
    violations: Vec<LockOrderViolation>,
}

/// Where one class was first taken while another was held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockOrderEdge {
    /// The lock that was held.
    pub held: LockDesc,
    /// The lock that was wanted, whether it was free or not.
    pub wanted: LockDesc,
    /// By whom.
    pub task: TaskId,
    /// Its name.
    pub task_name: Rc<str>,
    /// When.
    pub at: Instant,
}

/// A cycle of lock classes: each edge wants what the next one holds, the last what the first holds.
#[derive(Clone, PartialEq, Eq)]
pub struct LockOrderViolation {
    /// The shortest such cycle; its last edge is the one that closed it.
    pub cycle: Vec<LockOrderEdge>,
}

/// A class with a subclass, in the graph of one kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ClassNode(usize);

impl LockOrder {
    /// Every edge, in the order of first sight.
    pub fn edges(&self) -> &[LockOrderEdge] {
        &self.edges
    }
    /// The cycles, in the order in which they were closed.
    pub fn violations(&self) -> &[LockOrderViolation] {
        &self.violations
    }

    pub(crate) fn node(&mut self, class: &LockClass, subclass: u8) -> ClassNode {
        let known = self.classes.iter().position(|known| (&known.0, known.1) == (class, subclass));
        ClassNode(known.unwrap_or_else(|| {
            self.classes.push((class.clone(), subclass));
            self.matrix.push(Vec::new());
            self.classes.len() - 1
        }))
    }

    /// Adds the edges from all locks held to the one wanted, and returns the cycles that this closed.
    pub(crate) fn attempt(
        &mut self,
        at: Instant,
        task: TaskId,
        task_name: &Rc<str>,
        held: &[HeldLock],
        wanted: &HeldLock,
    ) -> Vec<LockOrderViolation> {
        let known = self.violations.len();
        for held in held {
            // Taking the very lock that one owns is no order: it is reported as a deadlock.
            if Rc::ptr_eq(&held.lock, &wanted.lock) || self.edge(held.node, wanted.node).is_some() {
                continue;
            }
            let mut cycle = self.path(wanted.node, held.node);
            let edge = LockOrderEdge {
                held: held.desc(),
                wanted: wanted.desc(),
                task,
                task_name: task_name.clone(),
                at,
            };
            self.insert(held.node, wanted.node, edge.clone());
            if let Some(mut cycle) = cycle.take() {
                cycle.push(edge);
                self.violations.push(LockOrderViolation { cycle });
            }
        }
        self.violations[known..].to_vec()
    }

    fn edge(&self, from: ClassNode, to: ClassNode) -> Option<usize> {
        *self.matrix[from.0].get(to.0)?
    }

    fn insert(&mut self, from: ClassNode, to: ClassNode, edge: LockOrderEdge) {
        let row = &mut self.matrix[from.0];
        if row.len() <= to.0 {
            row.resize(to.0 + 1, None);
        }
        row[to.0] = Some(self.edges.len());
        self.edges.push(edge);
    }

    /// The shortest way along edges; empty from a class to itself.
    fn path(&self, from: ClassNode, to: ClassNode) -> Option<Vec<LockOrderEdge>> {
        let mut reached_by: Vec<Option<(usize, usize)>> = vec![None; self.classes.len()];
        let mut queue = VecDeque::from([from.0]);
        while let Some(node) = queue.pop_front() {
            if node == to.0 {
                let step = |&(before, _): &(usize, usize)| reached_by[before].filter(|_| before != from.0);
                let last = reached_by[node].filter(|_| node != from.0);
                let mut path: Vec<_> =
                    std::iter::successors(last, step).map(|(_, edge)| self.edges[edge].clone()).collect();
                path.reverse();
                return Some(path);
            }
            for (next, edge) in self.matrix[node].iter().enumerate() {
                if let Some(edge) = *edge
                    && next != from.0
                    && reached_by[next].is_none()
                {
                    reached_by[next] = Some((node, edge));
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

impl fmt::Display for LockOrder {
    /// A line for each edge: `qdev_mutex -> chip->mutex`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.edges
            .iter()
            .try_for_each(|edge| writeln!(f, "{} -> {}", edge.held.class_level(), edge.wanted.class_level()))
    }
}

impl fmt::Display for LockOrderEdge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { held, wanted, task, task_name, at } = self;
        write!(f, "holding {held} wants {wanted}: task {task} \"{task_name}\" at {at}")
    }
}

impl fmt::Display for LockOrderViolation {
    /// The classes in a circle, then a line for each edge.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.cycle.len() == 1 {
            "possible recursive locking:"
        } else {
            "possible circular locking dependency:"
        })?;
        for edge in &self.cycle {
            write!(f, " {} ->", edge.held.class_level())?;
        }
        if let Some(last) = self.cycle.last() {
            write!(f, " {}", last.wanted.class_level())?;
        }
        self.cycle.iter().try_for_each(|edge| write!(f, "\n  {edge}"))
    }
}

impl fmt::Debug for LockOrderViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
