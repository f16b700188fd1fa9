use crate::{Kernel, WaitQueue};
use sim_time::Duration;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// An event that happens once for each waiter, or once for all (`struct completion`). It may happen before it is
/// waited for. A handle; clones are the same completion.
#[derive(Clone)]
pub struct Completion(Rc<Shared>);

struct Shared {
    queue: WaitQueue,
    /// Waits that will not have to wait; [`ALL`] never runs out.
    done: Cell<u32>,
}

const ALL: u32 = u32::MAX;

impl Completion {
    /// One that has not happened. `what` completes the sentence "waits for …" in reports.
    pub fn new(kernel: &Kernel, what: impl Into<Rc<str>>) -> Self {
        Self(Rc::new(Shared { queue: WaitQueue::new(kernel, what), done: Cell::new(0) }))
    }

    /// Lets one waiter go on, the present one that waits longest or a future one.
    pub fn complete(&self) {
        self.0.done.set(self.0.done.get().saturating_add(1));
        self.0.queue.wake_one();
    }
    /// Lets all waiters go on, also future ones, until [`reinit`](Self::reinit).
    pub fn complete_all(&self) {
        self.0.done.set(ALL);
        self.0.queue.wake_all();
    }
    /// Back to not having happened.
    pub fn reinit(&self) {
        self.0.queue.touch();
        self.0.done.set(0);
    }
    /// Whether a wait would return at once.
    pub fn is_done(&self) -> bool {
        self.0.queue.touch();
        self.0.done.get() > 0
    }

    /// Waits for the event.
    pub async fn wait(&self) {
        self.0.queue.wait_until(|| self.take()).await;
    }
    /// Waits for the event, for `timeout` at most. False: the time is over and it has not happened.
    pub async fn wait_timeout(&self, timeout: Duration) -> bool {
        self.0.queue.wait_until_timeout(timeout, || self.take()).await
    }

    fn take(&self) -> bool {
        let done = self.0.done.get();
        if done != ALL {
            self.0.done.set(done.saturating_sub(1));
        }
        done > 0
    }
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion").field("queue", &self.0.queue).field("done", &self.is_done()).finish()
    }
}
