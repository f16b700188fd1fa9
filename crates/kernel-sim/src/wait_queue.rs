use crate::alarm::Alarm;
use crate::explore::{Object, Place};
use crate::wait::Wait;
use crate::wait_list::{Ticket, WaitList};
use crate::{Kernel, LockMap};
use sim_time::{Duration, Instant};
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

/// Tasks that wait until a condition holds (`wait_event`). Whoever makes it true wakes them. A handle; clones are
/// the same queue.
#[derive(Clone)]
pub struct WaitQueue(Rc<Shared>);

struct Shared {
    kernel: Kernel,
    what: Rc<str>,
    waiters: WaitList<()>,
    place: Place,
}

const QUEUE: Object = Object::new("wait queue");

impl WaitQueue {
    /// A queue without waiters. `what` completes the sentence "waits for …" in reports.
    pub fn new(kernel: &Kernel, what: impl Into<Rc<str>>) -> Self {
        let what = what.into();
        let place = kernel.place(|| QUEUE.of(&what));
        Self(Rc::new(Shared { kernel: kernel.clone(), what, waiters: WaitList::default(), place }))
    }

    /// Lets every waiter look at its condition again.
    pub fn wake_all(&self) {
        self.touch();
        self.0.waiters.wake_all(&self.0.kernel);
    }
    /// Lets the one that waits longest look at its condition again.
    pub fn wake_one(&self) {
        self.touch();
        self.0.waiters.wake_first(&self.0.kernel);
    }

    /// Waits until `condition` holds; does not wait if it does already. It is looked at after each wake-up.
    pub async fn wait_until(&self, condition: impl FnMut() -> bool) {
        self.wait(None, None, condition).await;
    }

    /// Waits until `condition` holds, for `timeout` at most. False: the time is over and it still does not hold.
    pub async fn wait_until_timeout(&self, timeout: Duration, condition: impl FnMut() -> bool) -> bool {
        self.wait(Some(self.0.kernel.now() + timeout), None, condition).await
    }

    /// Waits until `condition` holds, which the holder of `map` brings about: to the lock order and to deadlock
    /// reports this is like taking a lock that the holder owns.
    pub async fn wait_for_holder(&self, map: &LockMap, condition: impl FnMut() -> bool) {
        self.wait(None, Some(map), condition).await;
    }

    /// The running task changes the queue, or what it says depends on it.
    pub(crate) fn touch(&self) {
        self.0.kernel.touch_place(self.0.place, true);
    }

    async fn wait(
        &self,
        deadline: Option<Instant>,
        map: Option<&LockMap>,
        mut condition: impl FnMut() -> bool,
    ) -> bool {
        let Shared { kernel, what, .. } = &*self.0;
        let wait = |alarm| {
            let on = map.map(|map| map.info.clone());
            Wait::Event { what: what.clone(), on, timed: deadline.is_some(), alarm }
        };
        kernel.might_sleep(|| wait(None));
        kernel.scheduling_point().await;
        if let Some(map) = map {
            kernel.lock_attempt(&map.info, 0);
        }
        let mut alarm = Alarm::new(kernel);
        let mut entry = Entry { queue: &self.0, ticket: None };
        poll_fn(|_| {
            self.touch();
            // The condition first: what came true in the instant of the time-out counts.
            if condition() {
                return Poll::Ready(true);
            }
            if alarm.has_fired() {
                kernel.record(kernel.context(), || format!("time-out: {what}"));
                return Poll::Ready(false);
            }
            if let Some(at) = deadline
                && !alarm.is_set()
            {
                alarm.set(at);
            }
            entry.enqueue();
            kernel.block(wait(alarm.timer()));
            Poll::Pending
        })
        .await
    }
}

/// The place of one wait in the queue. Dropping it gives the place up.
struct Entry<'a> {
    queue: &'a Shared,
    ticket: Option<Ticket>,
}

impl Entry<'_> {
    fn enqueue(&mut self) {
        if !self.ticket.is_some_and(|ticket| self.queue.waiters.contains(ticket)) {
            self.ticket = Some(self.queue.waiters.add(self.queue.kernel.context(), ()));
        }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.queue.waiters.remove(ticket);
        }
    }
}

impl fmt::Debug for WaitQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue").field("what", &self.0.what).finish_non_exhaustive()
    }
}
