use crate::lock::{LockInfo, LockKind};
use crate::{Kernel, LockClass, TaskId};
use std::fmt;
use std::rc::Rc;

/// Something that is no lock but is held and waited for like one: a runtime PM transition, a work item that runs
/// (lockdep's `lockdep_map`). Deadlock reports and the lock order see it; it excludes nobody. A handle; clones are
/// the same map.
///
/// Whoever carries the thing out holds it; others wait for it with
/// [`WaitQueue::wait_for_holder`](crate::WaitQueue::wait_for_holder). Where holders nest, as parent and child do, each
/// level needs a class of its own ([`LockClass::dynamic`]).
#[derive(Clone)]
pub struct LockMap {
    kernel: Kernel,
    pub(crate) info: Rc<LockInfo>,
}

/// While it lives, the task that made it carries the thing out.
#[derive(Debug)]
pub struct LockMapGuard {
    map: LockMap,
    holder: TaskId,
}

impl LockMap {
    /// A map that nobody holds; `name` tells it from others of the class.
    pub fn new(kernel: &Kernel, class: LockClass, name: impl Into<Rc<str>>) -> Self {
        Self { kernel: kernel.clone(), info: LockInfo::new(kernel, class, name.into(), LockKind::Map) }
    }

    /// The running task holds it from now on (`lock_map_acquire`). One holder at a time: a second takes it from the
    /// first.
    pub fn acquire(&self) -> LockMapGuard {
        self.kernel.lock_attempt(&self.info, 0);
        self.kernel.lock_released(&self.info);
        let holder = self.kernel.context();
        self.kernel.lock_acquired(holder, &self.info, 0);
        LockMapGuard { map: self.clone(), holder }
    }

    /// Who holds it.
    pub fn owner(&self) -> Option<TaskId> {
        self.kernel.touch_lock(&self.info);
        self.info.owner.get()
    }
}

impl Drop for LockMapGuard {
    fn drop(&mut self) {
        if self.map.owner() == Some(self.holder) {
            self.map.kernel.lock_released(&self.map.info);
        }
    }
}

impl fmt::Debug for LockMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockMap")
            .field("lock", &self.info.desc(0))
            .field("owner", &self.owner())
            .finish_non_exhaustive()
    }
}
