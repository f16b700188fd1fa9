//! Switching runtime PM of a device on and off, and its settings.

use super::device::PmDevice;
use super::status::{Request, RpmFlags, RpmResult, RpmStatus};
use crate::Errno;
use sim_time::Duration;
use std::rc::Rc;

impl PmDevice {
    /// `pm_runtime_barrier`: a resume that was asked for is carried out, everything else pending is cancelled,
    /// and no callback runs when this is done. True if there was a resume to carry out.
    pub async fn barrier(self: &Rc<Self>) -> bool {
        self.power.get_noresume();
        let resumed = self.carry_out_resume().await;
        self.cancel_and_wait().await;
        self.power.put_noidle();
        resumed
    }

    /// `__pm_runtime_disable`: no transition begins any more. Nests. With `check_resume` a resume that was asked
    /// for is carried out first.
    pub async fn disable(self: &Rc<Self>, check_resume: bool) {
        if self.power.disable_depth() > 0 {
            self.power.lock().disable_depth += 1;
            return;
        }
        if check_resume {
            self.power.get_noresume();
            self.carry_out_resume().await;
            self.power.put_noidle();
        }
        let first = {
            let mut power = self.power.lock();
            power.disable_depth += 1;
            power.disable_depth == 1
        };
        if first {
            self.cancel_and_wait().await;
            let mut power = self.power.lock();
            power.last_status = Some(power.status);
        }
    }

    /// `pm_runtime_enable`: undoes one [`PmDevice::disable`].
    pub fn enable(&self) {
        let mut power = self.power.lock();
        power.disable_depth = power.disable_depth.saturating_sub(1);
        if power.disable_depth == 0 {
            power.last_status = None;
        }
    }

    /// `pm_runtime_set_active`: the device is known to be powered.
    ///
    /// # Errors
    /// `-EAGAIN`: runtime PM is enabled and has no error. `-EBUSY`: the parent takes part and is not active; the
    /// status stays.
    pub fn set_active(self: &Rc<Self>) -> Result<(), Errno> {
        self.status_may_be_set()?;
        if self.power.status() != RpmStatus::Active
            && let Some(parent) = self.parent()
            && !parent.power.admit_child()
        {
            return Err(Errno::EBUSY);
        }
        if self.set_status(RpmStatus::Active) {
            self.emit_status();
        }
        Ok(())
    }

    /// `pm_runtime_set_suspended`: the device is known to be powered down.
    ///
    /// # Errors
    /// `-EAGAIN`: runtime PM is enabled and has no error.
    pub fn set_suspended(self: &Rc<Self>) -> Result<(), Errno> {
        self.status_may_be_set()?;
        if self.set_status(RpmStatus::Suspended) {
            self.suspended();
        }
        Ok(())
    }

    /// `power/control` = `on`: the device is resumed and stays so. This is what USB devices start with.
    ///
    /// # Errors
    /// Of the resume; the device is forbidden to suspend all the same.
    pub async fn forbid(self: &Rc<Self>) -> RpmResult {
        if !self.forbid_noresume() {
            return Ok(super::RpmDone::Done);
        }
        self.rpm_resume(RpmFlags::SYNC).await
    }

    /// The first half of [`PmDevice::forbid`], for a device known to be active. False if it was forbidden before.
    pub fn forbid_noresume(&self) -> bool {
        let was_auto = std::mem::replace(&mut self.power.lock().runtime_auto, false);
        if was_auto {
            self.power.get_noresume();
        }
        was_auto
    }

    /// `power/control` = `auto`: the device may be suspended when nobody uses it.
    pub fn allow(self: &Rc<Self>) {
        let was_auto = std::mem::replace(&mut self.power.lock().runtime_auto, true);
        if !was_auto && self.power.drop_usage() == Ok(0) {
            let _refused = self.request_rpm_idle();
        }
    }

    /// `pm_runtime_use_autosuspend` with the delay that begins at the last use.
    pub fn use_autosuspend(&self, delay: Duration) {
        let mut power = self.power.lock();
        power.use_autosuspend = true;
        power.autosuspend_delay = Some(delay);
    }

    /// `pm_runtime_no_callbacks`: the device has no power of its own and follows its parent.
    pub fn no_callbacks(&self) {
        self.power.lock().no_callbacks = true;
    }

    /// `pm_suspend_ignore_children`.
    pub fn ignore_children(&self, ignore: bool) {
        self.power.lock().ignore_children = ignore;
    }

    /// Resume-latency QoS: 0 forbids a runtime suspend with `-EPERM`.
    pub fn set_zero_resume_latency(&self, zero: bool) {
        self.power.lock().zero_resume_latency = zero;
    }

    async fn carry_out_resume(self: &Rc<Self>) -> bool {
        let wanted = {
            let power = self.power.lock();
            power.request_pending && power.request == Request::Resume
        };
        if wanted {
            let _result = self.rpm_resume(RpmFlags::SYNC).await;
        }
        wanted
    }

    async fn cancel_and_wait(self: &Rc<Self>) {
        {
            let mut power = self.power.lock();
            power.cancel_pending();
            power.request_pending = false;
            power.work_wanted = false;
        }
        self.settle();
        let quiet = || {
            let power = self.power.lock();
            !power.status.in_transition() && !power.idle_notification
        };
        self.transition.wait_for_holder(&self.rpm, quiet).await;
    }

    fn status_may_be_set(&self) -> Result<(), Errno> {
        let power = self.power.lock();
        if power.disable_depth == 0 && power.runtime_error.is_none() { Err(Errno::EAGAIN) } else { Ok(()) }
    }

    /// Whether the status changed. An error of a callback is forgotten.
    fn set_status(&self, status: RpmStatus) -> bool {
        let mut power = self.power.lock();
        power.runtime_error = None;
        std::mem::replace(&mut power.status, status) != status
    }
}
