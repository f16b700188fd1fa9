use crate::event::TraceSink;
use crate::explore::{Exploration, Invariants, Place};
use crate::freezer::Freezer;
use crate::host_sleep::HostPower;
use crate::lock_order::LockOrder;
use crate::run::RunError;
use crate::run_queue::RunQueue;
use crate::task::{Freezable, Task};
use crate::timer::Timers;
use crate::{Event, Hardware, JoinHandle, LockOrderViolation, Schedule, Scheduler, TaskId, TaskKind};
use sim_time::{Clock, Instant};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

/// One simulated kernel: its tasks, timers, locks and clock. A handle; clones are the same kernel.
///
/// Tasks usually hold a handle, so a kernel with unfinished tasks keeps itself alive: whoever makes many calls
/// [`shutdown`](Self::shutdown).
#[derive(Clone)]
pub struct Kernel(pub(crate) Rc<State>);

pub(crate) struct State {
    pub(crate) clock: Clock,
    /// By number; the first is [`TaskId::SWAPPER`].
    pub(crate) tasks: RefCell<Vec<Task>>,
    pub(crate) run_queue: RefCell<RunQueue>,
    pub(crate) scheduler: RefCell<Box<dyn Scheduler>>,
    pub(crate) hardware: RefCell<Vec<Rc<dyn Hardware>>>,
    pub(crate) timers: Timers,
    pub(crate) lock_order: RefCell<LockOrder>,
    pub(crate) freezer: Freezer,
    pub(crate) host: HostPower,
    /// The task being polled, else [`TaskId::SWAPPER`].
    pub(crate) context: Cell<TaskId>,
    pub(crate) running: Cell<bool>,
    /// What ended the run, until the run loop sees it.
    pub(crate) failure: RefCell<Option<RunError>>,
    pub(crate) explore: Exploration,
    pub(crate) invariants: Invariants,
    trace: RefCell<Option<TraceSink>>,
}

impl Kernel {
    /// A kernel at [`Instant::ZERO`] without tasks.
    pub fn new(schedule: Schedule) -> Self {
        Self::with_scheduler(schedule.scheduler())
    }

    /// A kernel whose tasks are chosen by `scheduler`.
    pub fn with_scheduler(scheduler: Box<dyn Scheduler>) -> Self {
        Self(Rc::new(State {
            clock: Clock::new(),
            tasks: RefCell::new(vec![Task::swapper()]),
            run_queue: RefCell::default(),
            scheduler: RefCell::new(scheduler),
            hardware: RefCell::default(),
            timers: Timers::default(),
            lock_order: RefCell::default(),
            freezer: Freezer::default(),
            host: HostPower::default(),
            context: Cell::new(TaskId::SWAPPER),
            running: Cell::new(false),
            failure: RefCell::new(None),
            explore: Exploration::default(),
            invariants: Invariants::default(),
            trace: RefCell::new(None),
        }))
    }

    /// The clock that this kernel moves.
    pub fn clock(&self) -> Clock {
        self.0.clock.clone()
    }
    /// The present.
    pub fn now(&self) -> Instant {
        self.0.clock.now()
    }

    /// Starts a task. It runs for the first time when the scheduler chooses it.
    ///
    /// The future must wait only for what belongs to this kernel: its waker does nothing. It may race waits against
    /// each other; to reports it waits for the one that it polled last.
    pub fn spawn<T: 'static>(
        &self,
        kind: TaskKind,
        name: impl Into<Rc<str>>,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        self.spawn_freezable(kind, Freezable::of(kind), name.into(), future)
    }

    pub(crate) fn spawn_freezable<T: 'static>(
        &self,
        kind: TaskKind,
        freezable: Freezable,
        name: Rc<str>,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        let id = TaskId::from_index(self.0.tasks.borrow().len());
        self.touch_place(Place::TASK_TABLE, true);
        let (handle, future) = JoinHandle::new(self, id, future);
        self.0.tasks.borrow_mut().push(Task::new(name.clone(), kind, freezable, future));
        self.emit(|| Event::TaskSpawned { task: id, name, kind });
        self.freeze_if_asked(id);
        self.enqueue(id);
        handle
    }

    /// The task that runs; none in interrupt handlers, timers and outside of the run.
    pub fn current(&self) -> Option<TaskId> {
        Some(self.context()).filter(|&id| id != TaskId::SWAPPER)
    }

    /// The name under which a task was spawned, also after its end.
    pub fn task_name(&self, id: TaskId) -> Rc<str> {
        self.0.tasks.borrow().get(id.index()).map_or_else(|| "?".into(), |task| task.name.clone())
    }

    /// Sends every later event to `sink`, which may ask the kernel for names but must not wake tasks.
    pub fn set_trace(&self, sink: TraceSink) {
        self.0.trace.replace(Some(sink));
    }

    /// The order of lock classes seen so far.
    pub fn lock_order(&self) -> LockOrder {
        self.0.lock_order.borrow().clone()
    }

    /// The cycles in the order of lock classes, each reported when the edge that closed it was first seen.
    pub fn lock_order_violations(&self) -> Vec<LockOrderViolation> {
        self.0.lock_order.borrow().violations().to_vec()
    }

    /// Drops the tasks, in order of their numbers, then timers, hardware, invariants and trace sink. The kernel can't be used
    /// after that. Needed to free a kernel whose tasks hold handles of it.
    ///
    /// # Panics
    /// When called from inside a run.
    pub fn shutdown(&self) {
        assert!(!self.0.running.get(), "shutdown from inside a run");
        let count = self.0.tasks.borrow().len();
        for index in 0..count {
            // Dropped with nothing borrowed: a guard in it releases its lock.
            let future = self.0.tasks.borrow_mut()[index].future.take();
            drop(future);
        }
        self.clear_run_queue();
        self.0.timers.clear();
        drop(std::mem::take(&mut *self.0.hardware.borrow_mut()));
        self.0.invariants.clear();
        self.0.trace.replace(None);
    }

    pub(crate) fn context(&self) -> TaskId {
        self.0.context.get()
    }

    /// Two branches when nobody listens.
    pub(crate) fn emit(&self, event: impl FnOnce() -> Event) {
        let sink = self.0.trace.borrow().clone();
        if sink.is_none() && !self.is_recorded() {
            return;
        }
        let event = event();
        self.record_event(&event);
        if let Some(sink) = sink {
            sink(self.now(), &event);
        }
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel")
            .field("now", &self.now())
            .field("tasks", &self.0.tasks.borrow().len().saturating_sub(1))
            .finish_non_exhaustive()
    }
}
