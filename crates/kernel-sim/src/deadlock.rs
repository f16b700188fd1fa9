use crate::task::{RunState, Task};
use crate::wait::Wait;
use crate::{Kernel, LockDesc, TaskId, TaskKind};
use sim_time::Instant;
use std::fmt;
use std::rc::Rc;

/// Tasks that can't get on any more, whatever happens.
#[derive(Clone, PartialEq, Eq)]
pub struct Deadlock {
    /// When it was found.
    pub at: Instant,
    /// Tasks that wait for each other in a circle, each for the next and the last for the first. Empty if there is
    /// none: then nobody is left to bring about what they wait for.
    pub cycle: Vec<TaskId>,
    /// The tasks of the circle, then those that are stuck because of it or beside it.
    pub tasks: Vec<BlockedTask>,
}

/// A task that does not run, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockedTask {
    /// Which.
    pub task: TaskId,
    /// Its name.
    pub name: Rc<str>,
    /// Its kind.
    pub kind: TaskKind,
    /// The work item that it carries out.
    pub work: Option<Rc<str>>,
    /// The locks that it holds, oldest first.
    pub holds: Vec<LockDesc>,
    /// What it waits for.
    pub waits_for: WaitsFor,
}

/// What a task waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WaitsFor {
    /// A lock.
    Lock {
        /// Which.
        lock: LockDesc,
        /// Who has it.
        owner: Option<TaskName>,
    },
    /// A condition or completion.
    Event {
        /// Its name.
        what: Rc<str>,
        /// Who brings it about, if that is known.
        holder: Option<TaskName>,
    },
    /// The end of a task.
    Task(TaskName),
    /// A time.
    Time(Instant),
    /// The host to wake up.
    HostWakeup,
    /// Its thawing.
    Thaw,
    /// A processor.
    Processor,
    /// Nothing that this kernel knows: a future of somebody else, whose waker does nothing here.
    Unknown,
}

/// A task with its name. Shown as `task 2 "hub_wq"`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskName {
    /// The task.
    pub id: TaskId,
    /// Its name.
    pub name: Rc<str>,
}

impl Kernel {
    /// The report of a circle of waits that was just closed.
    pub(crate) fn deadlock_of_cycle(&self, cycle: Vec<TaskId>) -> Deadlock {
        let stuck = |&id: &TaskId| {
            let limit = self.0.tasks.borrow().len();
            let behind = std::iter::successors(Some(id), |&id| self.waits_for_task(id));
            behind.take(limit).any(|id| cycle.contains(&id))
        };
        let others: Vec<_> = self.unfinished_tasks().into_iter().filter(stuck).collect();
        self.deadlock(cycle, &others)
    }

    /// The report of a world at rest, if a task, or `target`, should not be.
    pub(crate) fn deadlock_at_rest(&self, target: Option<TaskId>) -> Option<Deadlock> {
        let unfinished = self.unfinished_tasks();
        let must_finish = |id: TaskId| Some(id) == target || self.0.tasks.borrow()[id.index()].must_finish();
        let cycle = unfinished.iter().find_map(|&id| self.wait_cycle(id));
        unfinished.iter().find(|&&id| must_finish(id))?;
        let holds = |id: TaskId| !self.0.tasks.borrow()[id.index()].held.is_empty();
        let stuck: Vec<_> = unfinished.into_iter().filter(|&id| must_finish(id) || holds(id)).collect();
        Some(self.deadlock(cycle.unwrap_or_default(), &stuck))
    }

    /// A task with an end that it has not reached.
    pub(crate) fn first_unfinished(&self) -> Option<TaskId> {
        let tasks = self.0.tasks.borrow();
        let unfinished = tasks.iter().position(Task::must_finish);
        unfinished.map(TaskId::from_index)
    }

    fn deadlock(&self, mut cycle: Vec<TaskId>, stuck: &[TaskId]) -> Deadlock {
        // Where a circle is entered is chance; the report begins with the oldest task.
        let first = cycle.iter().enumerate().min_by_key(|&(_, id)| id).map_or(0, |(position, _)| position);
        cycle.rotate_left(first);
        let others = stuck.iter().filter(|id| !cycle.contains(id));
        let tasks = cycle.iter().chain(others).map(|&id| self.blocked_task(id)).collect();
        Deadlock { at: self.now(), cycle, tasks }
    }

    fn unfinished_tasks(&self) -> Vec<TaskId> {
        let tasks = self.0.tasks.borrow();
        let unfinished = tasks.iter().enumerate().filter(|(_, task)| task.run != RunState::Finished);
        unfinished.map(|(index, _)| TaskId::from_index(index)).collect()
    }

    pub(crate) fn blocked_task(&self, id: TaskId) -> BlockedTask {
        let tasks = self.0.tasks.borrow();
        let Task { name, kind, work, held, wait, run, frozen, .. } = &tasks[id.index()];
        let waits_for = match (wait, run) {
            _ if *frozen => WaitsFor::Thaw,
            (Some(wait), _) => self.waits_for(wait),
            (None, RunState::Parked) => WaitsFor::HostWakeup,
            (None, RunState::Blocked) => WaitsFor::Unknown,
            (None, _) => WaitsFor::Processor,
        };
        BlockedTask {
            task: id,
            name: name.clone(),
            kind: *kind,
            work: work.clone(),
            holds: held.iter().map(crate::lock::HeldLock::desc).collect(),
            waits_for,
        }
    }

    pub(crate) fn waits_for(&self, wait: &Wait) -> WaitsFor {
        let named = |id: Option<TaskId>| id.map(|id| self.named(id));
        match wait {
            Wait::Lock { lock, subclass } => {
                WaitsFor::Lock { lock: lock.desc(*subclass), owner: named(lock.owner.get()) }
            }
            Wait::Event { what, on, .. } => WaitsFor::Event {
                what: what.clone(),
                holder: named(on.as_ref().and_then(|map| map.owner.get())),
            },
            Wait::Task(id) => WaitsFor::Task(self.named(*id)),
            Wait::Sleep { until, .. } => WaitsFor::Time(*until),
            Wait::HostWakeup => WaitsFor::HostWakeup,
        }
    }

    pub(crate) fn named(&self, id: TaskId) -> TaskName {
        TaskName { id, name: self.task_name(id) }
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {} \"{}\"", self.id, self.name)
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock { lock, owner: Some(owner) } => write!(f, "wants {lock}, held by {owner}"),
            Self::Lock { lock, owner: None } => write!(f, "wants {lock}"),
            Self::Event { what, holder: Some(holder) } => write!(f, "waits for {what}, up to {holder}"),
            Self::Event { what, holder: None } => write!(f, "waits for {what}"),
            Self::Task(task) => write!(f, "waits for the end of {task}"),
            Self::Time(at) => write!(f, "sleeps until {at}"),
            Self::HostWakeup => f.write_str("waits for the host to wake up"),
            Self::Thaw => f.write_str("is frozen"),
            Self::Processor => f.write_str("is runnable"),
            Self::Unknown => f.write_str("waits for nothing that this kernel knows"),
        }
    }
}

impl fmt::Display for BlockedTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, name, kind, work, holds, waits_for } = self;
        write!(f, "task {task} \"{name}\" ({kind})")?;
        if let Some(work) = work {
            write!(f, " runs \"{work}\",")?;
        }
        for (index, lock) in holds.iter().enumerate() {
            write!(f, "{} {lock}", if index == 0 { " holds" } else { "," })?;
        }
        write!(f, "{} {waits_for}", if holds.is_empty() { "" } else { ";" })
    }
}

impl fmt::Display for Deadlock {
    /// A line for the circle, then one for each task.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "deadlock at {}: ", self.at)?;
        match self.cycle.len() {
            0 => f.write_str("nobody can run")?,
            1 => f.write_str("a task waits for itself")?,
            count => write!(f, "{count} tasks wait for each other in a circle")?,
        }
        self.tasks.iter().try_for_each(|task| write!(f, "\n  {task}"))
    }
}

impl fmt::Debug for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
