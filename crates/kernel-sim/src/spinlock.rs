use crate::lock::{LockInfo, LockKind};
use crate::{Kernel, LockClass, TaskId};
use std::cell::{RefCell, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// A lock that does not sleep. Tasks switch only at an await, so it is never contended; what it checks is that no
/// await happens under it: that ends the run with [`SleepInAtomic`](crate::RunError::SleepInAtomic). A handle;
/// clones are the same lock.
pub struct SpinLock<T>(Rc<Shared<T>>);

struct Shared<T> {
    kernel: Kernel,
    info: Rc<LockInfo>,
    value: RefCell<T>,
}

/// The right to use what a [`SpinLock`] protects.
pub struct SpinLockGuard<'a, T> {
    value: RefMut<'a, T>,
    lock: &'a Shared<T>,
}

impl<T> SpinLock<T> {
    /// A free lock of `class`; `name` tells it from others of the class.
    pub fn new(kernel: &Kernel, class: LockClass, name: impl Into<Rc<str>>, value: T) -> Self {
        let info = LockInfo::new(kernel, class, name.into(), LockKind::Spin);
        Self(Rc::new(Shared { kernel: kernel.clone(), info, value: RefCell::new(value) }))
    }

    /// Takes the lock (`spin_lock`), in a task or in an interrupt handler.
    ///
    /// # Panics
    /// If it is taken: whoever has it can't run before this call returns, so it never would.
    pub fn lock(&self) -> SpinLockGuard<'_, T> {
        let Shared { kernel, info, value } = &*self.0;
        kernel.lock_attempt(info, 0);
        let Ok(value) = value.try_borrow_mut() else {
            let me = kernel.named(kernel.context());
            let owner = kernel.named(info.owner.get().unwrap_or(TaskId::SWAPPER));
            panic!("spinlock lockup: {me} spins for {}, held by {owner}", info.desc(0));
        };
        kernel.lock_acquired(kernel.context(), info, 0);
        SpinLockGuard { value, lock: &self.0 }
    }

    /// Takes the lock if it is free (`spin_trylock`).
    pub fn try_lock(&self) -> Option<SpinLockGuard<'_, T>> {
        let value = self.0.value.try_borrow_mut().ok()?;
        self.0.kernel.lock_acquired(self.0.kernel.context(), &self.0.info, 0);
        Some(SpinLockGuard { value, lock: &self.0 })
    }
}

impl<T> Drop for SpinLockGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.kernel.lock_released(&self.lock.info);
    }
}

impl<T> Deref for SpinLockGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for SpinLockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Clone for SpinLock<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for SpinLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.0.info.owner.get();
        f.debug_struct("SpinLock")
            .field("lock", &self.0.info.desc(0))
            .field("owner", &owner)
            .finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for SpinLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
