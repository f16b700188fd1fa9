use super::state::RuntimePm;
use super::status::{Request, RpmDone, RpmFlags, RpmResult, RpmStatus};
use crate::Errno;
use lock_api::RawMutex;

/// What the driver of a device has to do next when the device may be idle.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IdleStep {
    /// Nothing more.
    Return(RpmResult),
    /// Call the driver, then [`RuntimePm::idle_done`].
    Callback,
    /// Nobody to ask: suspend, with the autosuspend delay.
    Suspend,
}

impl<R: RawMutex> RuntimePm<R> {
    /// `rpm_idle` under `power.lock`.
    pub(crate) fn idle_step(&self, flags: RpmFlags) -> IdleStep {
        let mut power = self.lock();
        let refusal = match self.suspend_allowed(&power) {
            Ok(RpmDone::Done) if power.status != RpmStatus::Active => Err(Errno::EAGAIN),
            // A request beyond idle stands already.
            Ok(RpmDone::Done) if power.request_pending && power.request > Request::Idle => Err(Errno::EAGAIN),
            Ok(RpmDone::Done) if power.idle_notification => Err(Errno::EINPROGRESS),
            allowed => allowed,
        };
        if refusal != Ok(RpmDone::Done) {
            return IdleStep::Return(refusal);
        }
        power.request = Request::None;
        if power.no_callbacks {
            return IdleStep::Suspend;
        }
        if flags.asynchronous {
            power.queue(Request::Idle);
            return IdleStep::Return(Ok(RpmDone::Done));
        }
        power.idle_notification = true;
        IdleStep::Callback
    }

    /// The idle callback is done.
    pub(crate) fn idle_done(&self) {
        self.lock().idle_notification = false;
    }

    /// What the worker of `pm_wq` has to do; nothing if the request was cancelled.
    pub(crate) fn take_request(&self) -> Request {
        let mut power = self.lock();
        if !std::mem::take(&mut power.request_pending) {
            return Request::None;
        }
        std::mem::replace(&mut power.request, Request::None)
    }
}
