use crate::lock::{LockInfo, LockKind};
use crate::wait::Wait;
use crate::wait_list::{Ticket, WaitList};
use crate::{Event, Kernel, LockClass, TaskId};
use std::cell::{Cell, RefCell, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::task::Poll;

/// A sleeping lock with an owner. Handed over first come, first served. A handle; clones are the same lock.
///
/// Taking it while owning it, or in a circle with other tasks, ends the run with a
/// [`Deadlock`](crate::RunError::Deadlock).
pub struct Mutex<T>(Rc<Shared<T>>);

struct Shared<T> {
    kernel: Kernel,
    info: Rc<LockInfo>,
    value: RefCell<T>,
    /// With the subclass wanted.
    waiters: WaitList<u8>,
    /// The wait that got the lock and has not run since.
    granted: Cell<Option<Ticket>>,
}

/// The right to use what a [`Mutex`] protects. Dropping it gives the lock to who waits longest.
pub struct MutexGuard<'a, T> {
    // Dropped before the lock is released.
    value: Option<RefMut<'a, T>>,
    lock: &'a Shared<T>,
}

impl<T> Mutex<T> {
    /// A free lock of `class`; `name` tells it from others of the class.
    pub fn new(kernel: &Kernel, class: LockClass, name: impl Into<Rc<str>>, value: T) -> Self {
        Self(Rc::new(Shared {
            kernel: kernel.clone(),
            info: LockInfo::new(kernel, class, name.into(), LockKind::Mutex),
            value: RefCell::new(value),
            waiters: WaitList::default(),
            granted: Cell::new(None),
        }))
    }

    /// Takes the lock (`mutex_lock`); waits while another task has it.
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        self.lock_nested(0).await
    }

    /// Takes the lock at another level of its class (`mutex_lock_nested`): parent before child.
    pub async fn lock_nested(&self, subclass: u8) -> MutexGuard<'_, T> {
        self.0.kernel.scheduling_point().await;
        let mut attempt = Attempt { lock: &self.0, subclass, ticket: None };
        std::future::poll_fn(|_| attempt.poll()).await;
        self.0.guard()
    }

    /// Takes the lock if it is free (`mutex_trylock`). Does not sleep, so it adds nothing to the lock order.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        if self.owner().is_some() {
            return None;
        }
        self.0.kernel.lock_acquired(self.0.kernel.context(), &self.0.info, 0);
        Some(self.0.guard())
    }

    /// Who has the lock.
    pub fn owner(&self) -> Option<TaskId> {
        self.0.kernel.touch_lock(&self.0.info);
        self.0.info.owner.get()
    }
    /// Whether the running task has the lock (`lockdep_assert_held`).
    pub fn is_held_by_current(&self) -> bool {
        self.owner() == Some(self.0.kernel.context())
    }
}

impl<T> Shared<T> {
    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard { value: Some(self.value.borrow_mut()), lock: self }
    }

    fn unlock(&self) {
        self.kernel.lock_released(&self.info);
        if let Some(next) = self.waiters.pop_first() {
            self.granted.set(Some(next.ticket));
            self.kernel.lock_acquired(next.task, &self.info, next.note);
            self.kernel.wake(next.task);
        }
    }
}

/// One call of `lock`. Dropped before its end it leaves no trace.
struct Attempt<'a, T> {
    lock: &'a Shared<T>,
    subclass: u8,
    ticket: Option<Ticket>,
}

impl<T> Attempt<'_, T> {
    fn poll(&mut self) -> Poll<()> {
        let Shared { kernel, info, waiters, granted, .. } = self.lock;
        let me = kernel.context();
        let wait = || Wait::Lock { lock: info.clone(), subclass: self.subclass };
        match self.ticket {
            None => {
                kernel.might_sleep(wait);
                kernel.lock_attempt(info, self.subclass);
                if info.owner.get().is_none() {
                    kernel.lock_acquired(me, info, self.subclass);
                    return Poll::Ready(());
                }
                kernel.block(wait());
                kernel.emit(|| Event::LockWait { task: me, lock: info.desc(self.subclass) });
                self.ticket = Some(waiters.add(me, self.subclass));
            }
            Some(ticket) if granted.get() == Some(ticket) => {
                granted.set(None);
                self.ticket = None;
                return Poll::Ready(());
            }
            Some(_) => kernel.block(wait()),
        }
        Poll::Pending
    }
}

impl<T> Drop for Attempt<'_, T> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        if !self.lock.waiters.remove(ticket) && self.lock.granted.get() == Some(ticket) {
            self.lock.granted.set(None);
            self.lock.unlock();
        }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        self.lock.unlock();
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        match &self.value {
            Some(value) => value,
            None => unreachable!("only drop empties a guard"),
        }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.value {
            Some(value) => value,
            None => unreachable!("only drop empties a guard"),
        }
    }
}

impl<T> Clone for Mutex<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex")
            .field("lock", &self.0.info.desc(0))
            .field("owner", &self.owner())
            .finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
