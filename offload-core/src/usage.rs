//! The hot path: the offload usage count of a device and the flag that freezes it.
//!
//! Two leaf locks, never nested in each other: `power.lock`, then `offload_lock`. Nothing here sleeps, resumes a
//! device or allocates. The steps a2 to a7 are separate functions so that a simulated flow may be interrupted
//! between them as a CPU can be; [`change_usage`] is their straight composition.
//!
//! Source: Linux 7.3 drivers/usb/core/offload.c as described in reference 1.1, design V4.

#[cfg(all(test, loom))]
mod models;

use crate::Errno;
use crate::runtime_pm::RuntimePm;
use crate::sync::{AtomicU32, Ordering, RawLock};
use lock_api::{Mutex, RawMutex};
use sim_time::Instant;
use std::fmt;

/// Which way the usage count goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageChange {
    /// One user more.
    Get,
    /// One user less; 0 stays 0.
    Put,
}

/// `offload_usage`, `offload_pm_locked` and `offload_lock` of a device.
///
/// ```
/// use offload_core::{Errno, OffloadState, UsageChange};
/// let state: OffloadState = OffloadState::new();
/// assert_eq!(state.change(UsageChange::Get), Ok(1));
/// state.set_pm_locked(true);
/// assert_eq!(state.change(UsageChange::Put), Err(Errno::EAGAIN));
/// assert_eq!(state.usage(), 1);
/// ```
pub struct OffloadState<R: RawMutex = RawLock> {
    /// `offload_lock` around `offload_pm_locked`; every write of `usage` is made under it.
    pm_locked: Mutex<R, bool>,
    /// Read without the lock by the tree walk: it is stable there because `pm_locked` is set.
    usage: AtomicU32,
}

impl<R: RawMutex> Default for OffloadState<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: RawMutex> OffloadState<R> {
    /// Nobody uses the device, the count may change.
    pub fn new() -> Self {
        Self { pm_locked: Mutex::new(false), usage: AtomicU32::new(0) }
    }

    /// Steps a3 to a5: changes the count under `offload_lock` and gives the new one.
    ///
    /// # Errors
    /// `-EAGAIN`: the count is frozen by a suspend, nothing changed.
    pub fn change(&self, change: UsageChange) -> Result<u32, Errno> {
        let pm_locked = self.pm_locked.lock();
        // S2: the count changes only with pm_locked == 0, under offload_lock.
        if *pm_locked {
            return Err(Errno::EAGAIN);
        }
        let before = self.usage.load(Ordering::Relaxed);
        let usage = match change {
            UsageChange::Get => before.saturating_add(1),
            UsageChange::Put => before.saturating_sub(1),
        };
        self.usage.store(usage, Ordering::Release);
        drop(pm_locked);
        Ok(usage)
    }

    /// `usb_offload_set_pm_locked`: freezes or frees the count, and says what it was before. Does not nest.
    pub fn set_pm_locked(&self, locked: bool) -> bool {
        std::mem::replace(&mut *self.pm_locked.lock(), locked)
    }

    /// Whether the count is frozen.
    pub fn is_pm_locked(&self) -> bool {
        *self.pm_locked.lock()
    }

    /// The count, read without a lock.
    pub fn usage(&self) -> u32 {
        self.usage.load(Ordering::Acquire)
    }
}

impl<R: RawMutex> fmt::Debug for OffloadState<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OffloadState")
            .field("usage", &self.usage())
            .field("pm_locked", &self.is_pm_locked())
            .finish()
    }
}

/// Step a2: a runtime PM reference, only if the device is awake.
///
/// # Errors
/// `-EBUSY`: the device is not `RPM_ACTIVE`, or its runtime PM is disabled.
pub fn take_active_reference<R: RawMutex>(pm: &RuntimePm<R>) -> Result<(), Errno> {
    match pm.get_if_active() {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(Errno::EBUSY),
    }
}

/// Steps a6 and a7: the runtime PM reference goes again, so that a usage count above 0 does not keep the device
/// from being autosuspended. True if it was the last one: an autosuspend was asked for.
pub fn drop_active_reference<R: RawMutex>(pm: &RuntimePm<R>, now: Instant) -> bool {
    pm.mark_last_busy(now);
    pm.put_autosuspend(now).is_some()
}

/// What [`change_usage`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageOutcome {
    /// The new count; `-EBUSY` from step a2, `-EAGAIN` from step a4.
    pub result: Result<u32, Errno>,
    /// Whether an autosuspend was asked for in step a7.
    pub autosuspend: bool,
}

/// Steps a2 to a7 of `usb_offload_get` and `usb_offload_put`.
pub fn change_usage<R: RawMutex>(
    offload: &OffloadState<R>,
    pm: &RuntimePm<R>,
    change: UsageChange,
    now: Instant,
) -> UsageOutcome {
    if let Err(errno) = take_active_reference(pm) {
        return UsageOutcome { result: Err(errno), autosuspend: false };
    }
    let result = offload.change(change);
    let autosuspend = drop_active_reference(pm, now);
    UsageOutcome { result, autosuspend }
}
