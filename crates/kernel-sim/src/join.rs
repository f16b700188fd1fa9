use crate::explore::Place;
use crate::task::TaskFuture;
use crate::wait::Wait;
use crate::wait_list::WaitList;
use crate::{Kernel, TaskId};
use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The result of a task that may not have ended yet. A future: awaiting it waits for the end. Dropping it
/// does not end the task.
pub struct JoinHandle<T> {
    kernel: Kernel,
    id: TaskId,
    shared: Rc<Shared<T>>,
}

struct Shared<T> {
    finished: Cell<bool>,
    result: Cell<Option<T>>,
    waiters: WaitList<()>,
}

impl<T: 'static> JoinHandle<T> {
    pub(crate) fn new(
        kernel: &Kernel,
        id: TaskId,
        future: impl Future<Output = T> + 'static,
    ) -> (Self, TaskFuture) {
        let shared = Rc::new(Shared {
            finished: Cell::new(false),
            result: Cell::new(None),
            waiters: WaitList::default(),
        });
        let handle = Self { kernel: kernel.clone(), id, shared: shared.clone() };
        let kernel = kernel.clone();
        let task = Box::pin(async move {
            let result = future.await;
            shared.result.set(Some(result));
            shared.finished.set(true);
            shared.waiters.wake_all(&kernel);
        });
        (handle, task)
    }
}

impl<T> JoinHandle<T> {
    /// The task.
    pub fn id(&self) -> TaskId {
        self.id
    }
    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.kernel.touch_place(Place::task(self.id.index()), false);
        self.shared.finished.get()
    }
    /// The result, once, if the task has ended.
    pub fn try_take(&self) -> Option<T> {
        self.kernel.touch_place(Place::task(self.id.index()), true);
        self.shared.result.take()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    /// # Panics
    /// When the result was taken before.
    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<T> {
        if let Some(result) = self.try_take() {
            return Poll::Ready(result);
        }
        assert!(!self.is_finished(), "the result of task {} is awaited twice", self.id);
        // A wake-up for another reason leaves the entry of the last look.
        let me = self.kernel.context();
        self.shared.waiters.add_once(me, ());
        self.kernel.block(Wait::Task(self.id));
        Poll::Pending
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("id", &self.id).field("finished", &self.is_finished()).finish()
    }
}
