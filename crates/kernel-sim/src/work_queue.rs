use crate::task::{Freezable, TaskFuture};
use crate::{Event, Kernel, LockClass, LockMap, TaskKind, WaitQueue};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

/// An ordered work queue: one worker carries out one item after the other (`alloc_ordered_workqueue`). A handle;
/// clones are the same queue.
///
/// To deadlock reports and the lock order, an item that runs is held by the worker, and a flush waits for it.
#[derive(Clone)]
pub struct WorkQueue(Rc<Shared>);

struct Shared {
    kernel: Kernel,
    name: Rc<str>,
    items: RefCell<VecDeque<Item>>,
    queued: Cell<u64>,
    done: Cell<u64>,
    /// The worker waits here for work.
    work: WaitQueue,
    /// Flushes wait here for the worker.
    progress: WaitQueue,
    map: LockMap,
}

struct Item {
    name: Rc<str>,
    future: TaskFuture,
}

impl WorkQueue {
    /// An empty queue and its worker, a [`TaskKind::Daemon`] called like the queue. The worker of a freezable one
    /// starts no item between freeze and thaw.
    pub fn new(kernel: &Kernel, name: impl Into<Rc<str>>, freezable: bool) -> Self {
        let name = name.into();
        // Each queue is a class of its own (lockdep's wq_completion): that of one says nothing about another.
        let class: Rc<str> = format!("(wq_completion){name}").into();
        let queue = Self(Rc::new(Shared {
            kernel: kernel.clone(),
            items: RefCell::default(),
            queued: Cell::new(0),
            done: Cell::new(0),
            work: WaitQueue::new(kernel, "work"),
            progress: WaitQueue::new(kernel, format!("the work of {name}")),
            map: LockMap::new(kernel, LockClass::dynamic(class.clone()), class),
            name: name.clone(),
        }));
        let freezable = if freezable { Freezable::WithKernelThreads } else { Freezable::Never };
        drop(kernel.spawn_freezable(TaskKind::Daemon, freezable, name, work(queue.0.clone())));
        queue
    }

    /// Adds an item at the end (`queue_work`). May be called from anywhere.
    pub fn queue(&self, name: impl Into<Rc<str>>, work: impl Future<Output = ()> + 'static) {
        let queue = &self.0;
        let item = Item { name: name.into(), future: Box::pin(work) };
        queue.kernel.emit(|| Event::WorkQueued { queue: queue.name.clone(), work: item.name.clone() });
        queue.items.borrow_mut().push_back(item);
        queue.queued.set(queue.queued.get() + 1);
        queue.work.wake_one();
    }

    /// Waits until everything that was queued before is done (`flush_workqueue`).
    pub async fn flush(&self) {
        let queue = &self.0;
        queue.work.touch();
        let target = queue.queued.get();
        queue.progress.wait_for_holder(&queue.map, || queue.done.get() >= target).await;
    }

    /// Whether no item waits or runs.
    pub fn is_idle(&self) -> bool {
        self.0.work.touch();
        self.0.progress.touch();
        self.0.done.get() == self.0.queued.get()
    }
    /// The name of queue and worker.
    pub fn name(&self) -> &Rc<str> {
        &self.0.name
    }
}

async fn work(queue: Rc<Shared>) {
    let kernel = &queue.kernel;
    let worker = kernel.context();
    let set_work = |work| kernel.0.tasks.borrow_mut()[worker.index()].work = work;
    loop {
        queue.work.wait_until(|| !queue.items.borrow().is_empty()).await;
        let Some(item) = queue.items.borrow_mut().pop_front() else { continue };
        kernel.emit(|| Event::WorkStarted { worker, work: item.name.clone() });
        set_work(Some(item.name.clone()));
        let running = queue.map.acquire();
        item.future.await;
        drop(running);
        set_work(None);
        kernel.emit(|| Event::WorkFinished { worker, work: item.name });
        queue.done.set(queue.done.get() + 1);
        queue.progress.wake_all();
        // Between two items a freezable worker may be frozen.
        kernel.yield_now().await;
    }
}

impl fmt::Debug for WorkQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkQueue")
            .field("name", &self.0.name)
            .field("idle", &self.is_idle())
            .finish_non_exhaustive()
    }
}
