#![expect(unsafe_code, reason = "lock_api asks whoever implements a lock to promise that it excludes")]

use lock_api::{GuardSend, RawMutex};
use loom::sync::{Condvar, Mutex};
use std::sync::OnceLock;

/// A lock whose every operation is a choice for loom. A waiter sleeps, so that no schedule spins.
pub(super) struct LoomLock(OnceLock<(Mutex<bool>, Condvar)>);

impl LoomLock {
    /// loom's objects belong to one run, so they are made in it, at first use.
    fn parts(&self) -> &(Mutex<bool>, Condvar) {
        self.0.get_or_init(|| (Mutex::new(false), Condvar::new()))
    }
}

// SAFETY: `lock` returns only after it changed `held` from false to true under the inner mutex, and nobody but the
// holder's `unlock` changes it back.
unsafe impl RawMutex for LoomLock {
    const INIT: Self = Self(OnceLock::new());
    type GuardMarker = GuardSend;

    fn lock(&self) {
        let (held, released) = self.parts();
        let mut held = held.lock().expect("nobody panics with it");
        while *held {
            held = released.wait(held).expect("nobody panics with it");
        }
        *held = true;
    }

    fn try_lock(&self) -> bool {
        !std::mem::replace(&mut *self.parts().0.lock().expect("nobody panics with it"), true)
    }

    unsafe fn unlock(&self) {
        let (held, released) = self.parts();
        *held.lock().expect("nobody panics with it") = false;
        released.notify_one();
    }
}
