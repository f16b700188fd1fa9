//! Hot paths with one mistake each: what the models are there to find.

use super::device::{Offload, Pm};
use crate::sync::Ordering;
use crate::usage::{UsageChange, UsageOutcome, drop_active_reference, take_active_reference};
use crate::{Errno, RpmStatus};
use sim_time::Instant;

/// The straight composition of the steps, with `change` for a3 to a5.
fn with(offload: &Offload, pm: &Pm, change: impl FnOnce(&Offload) -> Result<u32, Errno>) -> UsageOutcome {
    if let Err(errno) = take_active_reference(pm) {
        return UsageOutcome { result: Err(errno), autosuspend: false };
    }
    let result = change(offload);
    let autosuspend = drop_active_reference(pm, Instant::ZERO);
    UsageOutcome { result, autosuspend }
}

/// `pm_locked` is read under `offload_lock`, the count is written after.
pub(super) fn checks_outside_the_lock(offload: &Offload, pm: &Pm, change: UsageChange) -> UsageOutcome {
    with(offload, pm, |offload| {
        if offload.is_pm_locked() {
            return Err(Errno::EAGAIN);
        }
        let usage = match change {
            UsageChange::Get => offload.usage.fetch_add(1, Ordering::AcqRel) + 1,
            UsageChange::Put => offload.usage.fetch_sub(1, Ordering::AcqRel) - 1,
        };
        Ok(usage)
    })
}

/// The count is read before `offload_lock` is taken.
pub(super) fn reads_before_the_lock(offload: &Offload, pm: &Pm, change: UsageChange) -> UsageOutcome {
    with(offload, pm, |offload| {
        let before = offload.usage();
        let pm_locked = offload.pm_locked.lock();
        if *pm_locked {
            return Err(Errno::EAGAIN);
        }
        let usage = match change {
            UsageChange::Get => before + 1,
            UsageChange::Put => before.saturating_sub(1),
        };
        offload.usage.store(usage, Ordering::Release);
        Ok(usage)
    })
}

/// `pm_locked` is not looked at.
pub(super) fn ignores_pm_locked(offload: &Offload, pm: &Pm, change: UsageChange) -> UsageOutcome {
    with(offload, pm, |offload| {
        let _offload_lock = offload.pm_locked.lock();
        let before = offload.usage();
        let usage = match change {
            UsageChange::Get => before + 1,
            UsageChange::Put => before.saturating_sub(1),
        };
        offload.usage.store(usage, Ordering::Release);
        Ok(usage)
    })
}

/// The status is looked at first and the reference taken after, without `power.lock` over both.
pub(super) fn tests_the_status_first(offload: &Offload, pm: &Pm, change: UsageChange) -> UsageOutcome {
    if pm.status() != RpmStatus::Active {
        return UsageOutcome { result: Err(Errno::EBUSY), autosuspend: false };
    }
    pm.get_noresume();
    let result = offload.change(change);
    let autosuspend = drop_active_reference(pm, Instant::ZERO);
    UsageOutcome { result, autosuspend }
}

/// Step a7 before a4.
pub(super) fn drops_the_reference_early(offload: &Offload, pm: &Pm, change: UsageChange) -> UsageOutcome {
    if let Err(errno) = take_active_reference(pm) {
        return UsageOutcome { result: Err(errno), autosuspend: false };
    }
    let autosuspend = drop_active_reference(pm, Instant::ZERO);
    UsageOutcome { result: offload.change(change), autosuspend }
}

/// A refused change returns at once.
pub(super) fn keeps_the_reference_of_a_refusal(
    offload: &Offload,
    pm: &Pm,
    change: UsageChange,
) -> UsageOutcome {
    if let Err(errno) = take_active_reference(pm) {
        return UsageOutcome { result: Err(errno), autosuspend: false };
    }
    match offload.change(change) {
        Ok(usage) => {
            UsageOutcome { result: Ok(usage), autosuspend: drop_active_reference(pm, Instant::ZERO) }
        }
        Err(errno) => UsageOutcome { result: Err(errno), autosuspend: false },
    }
}

/// The reference goes without anybody asking for what it held up.
pub(super) fn forgets_the_autosuspend(offload: &Offload, pm: &Pm, change: UsageChange) -> UsageOutcome {
    if let Err(errno) = take_active_reference(pm) {
        return UsageOutcome { result: Err(errno), autosuspend: false };
    }
    let result = offload.change(change);
    pm.put_noidle();
    UsageOutcome { result, autosuspend: false }
}

/// `-EAGAIN` for a device that is not awake.
pub(super) fn mistakes_the_reason(offload: &Offload, pm: &Pm, change: UsageChange) -> UsageOutcome {
    let outcome = crate::change_usage(offload, pm, change, Instant::ZERO);
    let result = outcome.result.map_err(|_errno| Errno::EAGAIN);
    UsageOutcome { result, ..outcome }
}
