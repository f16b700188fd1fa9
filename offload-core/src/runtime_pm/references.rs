//! What drivers call: `pm_runtime_get_*`, `pm_runtime_put_*` and the plain transitions.

use super::device::PmDevice;
use super::status::{RpmDone, RpmFlags, RpmResult};
use crate::Errno;
use std::rc::Rc;

impl PmDevice {
    /// `pm_runtime_resume`: resumes the device and waits for it.
    ///
    /// # Errors
    /// `-EACCES` disabled, `-EINVAL` latched error, `-EBUSY` the parent is not active, else the callback's.
    pub async fn resume(self: &Rc<Self>) -> RpmResult {
        self.rpm_resume(RpmFlags::SYNC).await
    }

    /// `pm_request_resume`: has the device resumed by `pm_wq`.
    ///
    /// # Errors
    /// As [`PmDevice::resume`]; `-EINPROGRESS` while it is resuming.
    pub fn request_resume(self: &Rc<Self>) -> RpmResult {
        self.request_rpm_resume()
    }

    /// `pm_runtime_get_sync`: one user more, and the device is resumed. The user is counted even on an error.
    ///
    /// # Errors
    /// As [`PmDevice::resume`].
    pub async fn get_sync(self: &Rc<Self>) -> RpmResult {
        self.power.get_noresume();
        self.rpm_resume(RpmFlags::SYNC).await
    }

    /// `pm_runtime_resume_and_get`: as [`PmDevice::get_sync`], but no user is counted on an error.
    ///
    /// # Errors
    /// As [`PmDevice::resume`].
    pub async fn resume_and_get(self: &Rc<Self>) -> Result<(), Errno> {
        let result = self.get_sync().await;
        if result.is_err() {
            self.power.put_noidle();
        }
        result.map(|_| ())
    }

    /// `pm_runtime_put`: one user less; the last one has `pm_wq` ask whether the device is idle.
    pub fn put(self: &Rc<Self>) {
        if self.power.drop_usage() == Ok(0) {
            let _refused = self.request_rpm_idle();
        }
    }

    /// `pm_runtime_put_sync`: one user less; the last one asks whether the device is idle and suspends it.
    ///
    /// # Errors
    /// `-EINVAL` nobody used the device; else why it is not suspended: -EAGAIN, -EBUSY, -EACCES, -EPERM,
    /// -EINPROGRESS, or the callback's.
    pub async fn put_sync(self: &Rc<Self>) -> RpmResult {
        match self.power.drop_usage()? {
            0 => self.rpm_idle(RpmFlags::SYNC).await,
            _ => Ok(RpmDone::Done),
        }
    }

    /// `pm_runtime_put_sync_suspend`: one user less; the last one suspends the device without asking.
    ///
    /// # Errors
    /// As [`PmDevice::put_sync`].
    pub async fn put_sync_suspend(self: &Rc<Self>) -> RpmResult {
        match self.power.drop_usage()? {
            0 => self.rpm_suspend(RpmFlags::SYNC).await,
            _ => Ok(RpmDone::Done),
        }
    }

    /// `__pm_runtime_put_autosuspend`: one user less; the last one has the device suspended after its delay.
    ///
    /// # Errors
    /// As [`PmDevice::put_sync`].
    pub fn put_autosuspend(self: &Rc<Self>) -> RpmResult {
        match self.power.drop_usage()? {
            0 => self.request_suspend(RpmFlags::ASYNC.auto()),
            _ => Ok(RpmDone::Done),
        }
    }

    /// `pm_runtime_put_sync_autosuspend`: as above, in the caller's context.
    ///
    /// # Errors
    /// As [`PmDevice::put_sync`].
    pub async fn put_sync_autosuspend(self: &Rc<Self>) -> RpmResult {
        match self.power.drop_usage()? {
            0 => self.rpm_suspend(RpmFlags::SYNC.auto()).await,
            _ => Ok(RpmDone::Done),
        }
    }

    /// `pm_runtime_suspend`: suspends now, whatever the delay.
    ///
    /// # Errors
    /// As [`PmDevice::put_sync`].
    pub async fn suspend(self: &Rc<Self>) -> RpmResult {
        self.rpm_suspend(RpmFlags::SYNC).await
    }

    /// `pm_runtime_autosuspend`: suspends if the delay has passed, else arms the timer.
    ///
    /// # Errors
    /// As [`PmDevice::put_sync`].
    pub async fn autosuspend(self: &Rc<Self>) -> RpmResult {
        self.rpm_suspend(RpmFlags::SYNC.auto()).await
    }

    /// `pm_request_autosuspend`: the same by timer or `pm_wq`.
    ///
    /// # Errors
    /// As [`PmDevice::put_sync`].
    pub fn request_autosuspend(self: &Rc<Self>) -> RpmResult {
        self.request_suspend(RpmFlags::ASYNC.auto())
    }

    /// `pm_runtime_idle`: the device may be idle; asks and suspends.
    ///
    /// # Errors
    /// As [`PmDevice::put_sync`].
    pub async fn idle(self: &Rc<Self>) -> RpmResult {
        self.rpm_idle(RpmFlags::SYNC).await
    }

    /// `pm_request_idle`: has `pm_wq` ask.
    ///
    /// # Errors
    /// As [`PmDevice::put_sync`].
    pub fn request_idle(self: &Rc<Self>) -> RpmResult {
        self.request_rpm_idle()
    }
}
