//! Locks of other makers behind `lock_api`: what the generic parameter of the hot path is for.
#![expect(unsafe_code, reason = "lock_api asks whoever implements a lock to promise that it excludes")]

use lock_api::{GuardSend, RawMutex};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};

/// The standard library's lock. Its guard lives as long as `lock_api` has none to keep, so it is given back at once and
/// a flag stays.
pub(crate) struct StdLock {
    held: Mutex<bool>,
    released: Condvar,
}

// SAFETY: `lock` and a successful `try_lock` change `held` from false to true under the mutex, and nobody but the
// holder's `unlock` changes it back.
unsafe impl RawMutex for StdLock {
    const INIT: Self = Self { held: Mutex::new(false), released: Condvar::new() };
    type GuardMarker = GuardSend;

    fn lock(&self) {
        let taken = |held: &mut bool| *held;
        let held = self.held.lock().expect("nobody panics with it");
        *self.released.wait_while(held, taken).expect("nobody panics with it") = true;
    }
    fn try_lock(&self) -> bool {
        !std::mem::replace(&mut *self.held.lock().expect("nobody panics with it"), true)
    }
    unsafe fn unlock(&self) {
        *self.held.lock().expect("nobody panics with it") = false;
        self.released.notify_one();
    }
}

/// First come, first served, like the kernel's spinlocks.
pub(crate) struct TicketLock {
    next: AtomicU32,
    serving: AtomicU32,
}

// SAFETY: every ticket is drawn once, only the one that is served holds the lock, and only its holder's `unlock` calls
// the next.
unsafe impl RawMutex for TicketLock {
    const INIT: Self = Self { next: AtomicU32::new(0), serving: AtomicU32::new(0) };
    type GuardMarker = GuardSend;

    fn lock(&self) {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        while self.serving.load(Ordering::Acquire) != ticket {
            // Whoever is served may have no processor: there can be more threads than processors here.
            std::thread::yield_now();
        }
    }
    fn try_lock(&self) -> bool {
        let serving = self.serving.load(Ordering::Acquire);
        let next = serving.wrapping_add(1);
        self.next.compare_exchange(serving, next, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
    unsafe fn unlock(&self) {
        self.serving.fetch_add(1, Ordering::Release);
    }
}
