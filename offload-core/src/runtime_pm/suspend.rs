use super::state::{Power, RuntimePm};
use super::status::{Request, RpmDone, RpmFlags, RpmResult, RpmStatus};
use crate::Errno;
use lock_api::RawMutex;
use sim_time::Instant;

/// What the driver of a device has to do next on the way to `RPM_SUSPENDED`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SuspendStep {
    /// Nothing more.
    Return(RpmResult),
    /// Wait for the transition under way, then ask again.
    Wait,
    /// The status is `RPM_SUSPENDING`: call the driver, then [`RuntimePm::suspend_done`].
    Callback,
    /// The status is `RPM_SUSPENDED` (a device without callbacks): tell waiters and the parent.
    Suspended,
}

/// How a suspend callback ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SuspendEnd {
    /// `RPM_SUSPENDED`: tell waiters and the parent.
    Suspended,
    /// As above, and somebody asked for a resume meanwhile: resume, and the suspend gives `-EAGAIN`.
    SuspendedButResume,
    /// `RPM_ACTIVE` again.
    Failed(Errno),
    /// `RPM_ACTIVE` again; the driver moved the autosuspend delay, so ask again.
    Retry,
}

impl<R: RawMutex> RuntimePm<R> {
    /// One round of `rpm_suspend` under `power.lock`.
    pub(crate) fn suspend_step(&self, flags: RpmFlags, now: Instant) -> SuspendStep {
        let mut power = self.lock();
        match self.suspend_allowed(&power) {
            Err(errno) => return SuspendStep::Return(Err(errno)),
            Ok(_) if power.status == RpmStatus::Resuming && !flags.asynchronous => {
                return SuspendStep::Return(Err(Errno::EAGAIN));
            }
            Ok(RpmDone::Already) => return SuspendStep::Return(Ok(RpmDone::Already)),
            Ok(RpmDone::Done) => {}
        }
        if flags.auto
            && power.status != RpmStatus::Suspending
            && let Some(expires) = self.autosuspend_expiration(&power, now)
        {
            arm_autosuspend(&mut power, expires);
            return SuspendStep::Return(Ok(RpmDone::Done));
        }
        power.cancel_pending();
        if power.status == RpmStatus::Suspending {
            return if flags.may_wait() {
                SuspendStep::Wait
            } else {
                SuspendStep::Return(Err(Errno::EINPROGRESS))
            };
        }
        if power.no_callbacks {
            power.status = RpmStatus::Suspended;
            return SuspendStep::Suspended;
        }
        if flags.asynchronous {
            power.queue(if flags.auto { Request::Autosuspend } else { Request::Suspend });
            return SuspendStep::Return(Ok(RpmDone::Done));
        }
        power.status = RpmStatus::Suspending;
        SuspendStep::Callback
    }

    /// An asynchronous `rpm_suspend` of a device with callbacks: it never waits and never calls.
    pub(super) fn suspend_async(&self, flags: RpmFlags, now: Instant) -> RpmResult {
        match self.suspend_step(flags, now) {
            SuspendStep::Return(result) => result,
            // Only a device without callbacks gets here; it is suspended now.
            SuspendStep::Suspended | SuspendStep::Callback | SuspendStep::Wait => Ok(RpmDone::Done),
        }
    }

    /// The callback gave `result`.
    pub(crate) fn suspend_done(
        &self,
        result: Result<(), Errno>,
        flags: RpmFlags,
        now: Instant,
    ) -> SuspendEnd {
        let mut power = self.lock();
        match power.latch(result) {
            Ok(()) => {
                power.status = RpmStatus::Suspended;
                power.deactivate_timer();
                if std::mem::take(&mut power.deferred_resume) {
                    SuspendEnd::SuspendedButResume
                } else {
                    SuspendEnd::Suspended
                }
            }
            Err(errno) => {
                power.status = RpmStatus::Active;
                power.deferred_resume = false;
                if power.runtime_error.is_none() {
                    if flags.auto && self.autosuspend_expiration(&power, now).is_some() {
                        return SuspendEnd::Retry;
                    }
                } else {
                    power.cancel_pending();
                }
                SuspendEnd::Failed(errno)
            }
        }
    }

    /// The autosuspend timer went off at `now`; a timer that was cancelled or moved since does nothing.
    pub(crate) fn timer_expired(&self, now: Instant) -> Option<RpmFlags> {
        let mut power = self.lock();
        if power.timer_expires.is_none_or(|expires| expires > now) {
            return None;
        }
        power.timer_expires = None;
        Some(RpmFlags { auto: power.timer_autosuspends, ..RpmFlags::ASYNC })
    }
}

// The kernel lets the timer fire up to 25 % of the delay late; here it fires at the first allowed instant.
fn arm_autosuspend(power: &mut Power, expires: Instant) {
    power.request = Request::None;
    if power.timer_expires.is_none_or(|armed| armed > expires) {
        power.timer_expires = Some(expires);
    }
    power.timer_autosuspends = true;
}
