use super::state::RuntimePm;
use super::status::{Request, RpmDone, RpmFlags, RpmResult, RpmStatus};
use crate::Errno;
use lock_api::RawMutex;
use sim_time::Instant;

/// What is known of the parent when a resume is tried.
pub(crate) enum Parent<'a, R: RawMutex> {
    /// There is none.
    None,
    /// It is used by this resume and active, or does not take part.
    Held,
    /// Not looked at yet.
    Unknown(&'a RuntimePm<R>),
}

/// What the driver of a device has to do next on the way to `RPM_ACTIVE`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ResumeStep {
    /// Nothing more.
    Return(RpmResult),
    /// Wait for the transition under way, then ask again.
    Wait,
    /// Use and resume the parent, then ask again with [`Parent::Held`].
    ResumeParent,
    /// The status is `RPM_RESUMING`: call the driver, then [`RuntimePm::resume_done`].
    Callback,
    /// The status is `RPM_ACTIVE` and the parent counts it (a device without callbacks under an active parent).
    Active,
}

impl<R: RawMutex> RuntimePm<R> {
    /// One round of `rpm_resume` under `power.lock`.
    pub(crate) fn resume_step(&self, flags: RpmFlags, parent: &Parent<'_, R>) -> ResumeStep {
        let mut power = self.lock();
        if power.runtime_error.is_some() {
            return ResumeStep::Return(Err(Errno::EINVAL));
        }
        if power.disable_depth > 0 {
            let was_and_is_active =
                power.status == RpmStatus::Active && power.last_status == Some(RpmStatus::Active);
            let result = if was_and_is_active { Ok(RpmDone::Already) } else { Err(Errno::EACCES) };
            return ResumeStep::Return(result);
        }
        // A resume overrides every request but keeps an armed autosuspend: the device may be active anyway.
        power.request = Request::None;
        if !power.timer_autosuspends {
            power.deactivate_timer();
        }
        match power.status {
            RpmStatus::Active => return ResumeStep::Return(Ok(RpmDone::Already)),
            RpmStatus::Suspending | RpmStatus::Resuming if flags.may_wait() => return ResumeStep::Wait,
            RpmStatus::Suspending => {
                power.deferred_resume = true;
                let result = if flags.nowait { Err(Errno::EINPROGRESS) } else { Ok(RpmDone::Done) };
                return ResumeStep::Return(result);
            }
            RpmStatus::Resuming => return ResumeStep::Return(Err(Errno::EINPROGRESS)),
            RpmStatus::Suspended => {}
        }
        if power.no_callbacks
            && let Parent::Unknown(parent) = parent
            && parent.admit_child()
        {
            power.status = RpmStatus::Active;
            return ResumeStep::Active;
        }
        if flags.asynchronous {
            power.queue(Request::Resume);
            return ResumeStep::Return(Ok(RpmDone::Done));
        }
        if matches!(parent, Parent::Unknown(_)) {
            return ResumeStep::ResumeParent;
        }
        power.status = RpmStatus::Resuming;
        ResumeStep::Callback
    }

    /// The callback gave `result`: what the resume gives.
    pub(crate) fn resume_done(&self, result: Result<(), Errno>, now: Instant) -> Result<(), Errno> {
        let mut power = self.lock();
        let result = power.latch(result);
        if result.is_ok() {
            power.status = RpmStatus::Active;
            self.mark_last_busy(now);
        } else {
            power.status = RpmStatus::Suspended;
            power.cancel_pending();
        }
        result
    }
}
