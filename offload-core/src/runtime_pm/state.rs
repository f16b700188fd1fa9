use super::status::{Request, RpmDone, RpmFlags, RpmResult, RpmStatus};
use crate::Errno;
use crate::sync::{AtomicU32, AtomicU64, Ordering, RawLock};
use lock_api::{Mutex, MutexGuard, RawMutex};
use sim_time::{Duration, Instant};
use std::fmt;

/// The runtime PM state of one device (the runtime half of `struct dev_pm_info`).
///
/// Only state and the decisions taken under `power.lock`: no task, timer or callback, so that it is `Sync` and the
/// hot path of the usage count runs on it from any thread. [`PmDevice`](super::PmDevice) puts it into motion.
///
/// ```
/// use offload_core::{Errno, RpmDone, RuntimePm};
/// use sim_time::Instant;
/// let pm: RuntimePm = RuntimePm::enabled_active();
/// assert_eq!(pm.get_if_active(), Ok(true));
/// assert_eq!(pm.usage_count(), 1);
/// ```
pub struct RuntimePm<R: RawMutex = RawLock> {
    power: Mutex<R, Power>,
    usage_count: AtomicU32,
    child_count: AtomicU32,
    /// Ticks of the virtual clock. Written without `power.lock`, as in the kernel.
    last_busy: AtomicU64,
}

/// What `power.lock` guards.
pub(crate) struct Power {
    pub(crate) status: RpmStatus,
    /// The status when runtime PM was disabled; `None` while it is enabled.
    pub(crate) last_status: Option<RpmStatus>,
    pub(crate) disable_depth: u32,
    pub(crate) runtime_error: Option<Errno>,
    pub(crate) request: Request,
    pub(crate) request_pending: bool,
    /// A request that no worker was started for yet.
    pub(crate) work_wanted: bool,
    pub(crate) deferred_resume: bool,
    pub(crate) idle_notification: bool,
    pub(crate) timer_expires: Option<Instant>,
    pub(crate) timer_autosuspends: bool,
    pub(crate) use_autosuspend: bool,
    /// `None` is a negative delay: never.
    pub(crate) autosuspend_delay: Option<Duration>,
    pub(crate) runtime_auto: bool,
    pub(crate) no_callbacks: bool,
    pub(crate) ignore_children: bool,
    pub(crate) zero_resume_latency: bool,
}

impl<R: RawMutex> Default for RuntimePm<R> {
    /// As `pm_runtime_init` leaves it: suspended and disabled once.
    fn default() -> Self {
        Self {
            power: Mutex::new(Power {
                status: RpmStatus::Suspended,
                last_status: None,
                disable_depth: 1,
                runtime_error: None,
                request: Request::None,
                request_pending: false,
                work_wanted: false,
                deferred_resume: false,
                idle_notification: false,
                timer_expires: None,
                timer_autosuspends: false,
                use_autosuspend: false,
                autosuspend_delay: Some(Duration::ZERO),
                runtime_auto: true,
                no_callbacks: false,
                ignore_children: false,
                zero_resume_latency: false,
            }),
            usage_count: AtomicU32::new(0),
            child_count: AtomicU32::new(0),
            last_busy: AtomicU64::new(0),
        }
    }
}

impl<R: RawMutex> RuntimePm<R> {
    /// Enabled and `RPM_ACTIVE`, with autosuspend in use and nobody using the device.
    pub fn enabled_active() -> Self {
        let pm = Self::default();
        {
            let mut power = pm.lock();
            power.status = RpmStatus::Active;
            power.disable_depth = 0;
            power.use_autosuspend = true;
        }
        pm
    }

    /// `pm_runtime_get_if_active`: counts a user if the device is `RPM_ACTIVE`, and says whether it did.
    ///
    /// # Errors
    /// `-EINVAL`: runtime PM is disabled.
    pub fn get_if_active(&self) -> Result<bool, Errno> {
        let power = self.lock();
        if power.disable_depth > 0 {
            return Err(Errno::EINVAL);
        }
        if power.status != RpmStatus::Active {
            return Ok(false);
        }
        self.get_noresume();
        Ok(true)
    }

    /// `pm_runtime_get_if_in_use`: counts a user if the device is active and used, by somebody or by a child.
    ///
    /// # Errors
    /// `-EINVAL`: runtime PM is disabled.
    pub fn get_if_in_use(&self) -> Result<bool, Errno> {
        let power = self.lock();
        if power.disable_depth > 0 {
            return Err(Errno::EINVAL);
        }
        let children = !power.ignore_children && self.child_count() > 0;
        if power.status != RpmStatus::Active || (self.usage_count() == 0 && !children) {
            return Ok(false);
        }
        self.get_noresume();
        Ok(true)
    }

    /// `pm_runtime_mark_last_busy`: the autosuspend delay begins again at `now`.
    pub fn mark_last_busy(&self, now: Instant) {
        self.last_busy.store(now.as_ticks(), Ordering::Relaxed);
    }

    /// `__pm_runtime_put_autosuspend`: one user less. The last one asks for an autosuspend, by timer or `pm_wq`:
    /// `Some`, and the owner of the device then has to look after both. `None` while others use the device.
    pub fn put_autosuspend(&self, now: Instant) -> Option<RpmResult> {
        match self.drop_usage() {
            Ok(0) => Some(self.suspend_async(RpmFlags::ASYNC.auto(), now)),
            Ok(_) => None,
            Err(errno) => Some(Err(errno)),
        }
    }

    /// `pm_runtime_get_noresume`: one user more, whatever the status.
    pub fn get_noresume(&self) {
        self.usage_count.fetch_add(1, Ordering::AcqRel);
    }

    /// `pm_runtime_put_noidle`: one user less, nothing else. Stays at 0.
    pub fn put_noidle(&self) {
        // An unbalanced put is the caller's defect; the kernel ignores it here too.
        let _at_zero = self.drop_usage();
    }

    /// One user less: how many are left.
    pub(crate) fn drop_usage(&self) -> Result<u32, Errno> {
        self.usage_count
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1))
            .map(|before| before - 1)
            .map_err(|_zero| Errno::EINVAL)
    }

    pub(crate) fn child_became_active(&self) {
        self.child_count.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn child_became_suspended(&self) {
        // Ok or not, the count stays at or above zero.
        let _zero = self.child_count.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
    }

    /// Counts a child that becomes active, unless this parent would have to be resumed for it.
    pub(crate) fn admit_child(&self) -> bool {
        let power = self.lock();
        let admits = power.disable_depth > 0 || power.ignore_children || power.status == RpmStatus::Active;
        if admits {
            self.child_became_active();
        }
        admits
    }

    /// When the autosuspend delay ends, if that is after `now`.
    pub(crate) fn autosuspend_expiration(&self, power: &Power, now: Instant) -> Option<Instant> {
        if !power.use_autosuspend {
            return None;
        }
        let last_busy = Instant::from_ticks(self.last_busy.load(Ordering::Relaxed));
        Some(last_busy + power.autosuspend_delay?).filter(|expires| *expires > now)
    }

    /// Why a suspend may not begin, in the kernel's order of tests; `Already` if the device is suspended.
    pub(crate) fn suspend_allowed(&self, power: &Power) -> RpmResult {
        let pending_resume = (power.deferred_resume && power.status == RpmStatus::Suspending)
            || (power.request_pending && power.request == Request::Resume);
        if power.runtime_error.is_some() {
            Err(Errno::EINVAL)
        } else if power.disable_depth > 0 {
            Err(Errno::EACCES)
        } else if self.usage_count() > 0 {
            Err(Errno::EAGAIN)
        } else if !power.ignore_children && self.child_count() > 0 {
            Err(Errno::EBUSY)
        } else if pending_resume {
            Err(Errno::EAGAIN)
        } else if power.zero_resume_latency {
            Err(Errno::EPERM)
        } else if power.status == RpmStatus::Suspended {
            Ok(RpmDone::Already)
        } else {
            Ok(RpmDone::Done)
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, R, Power> {
        self.power.lock()
    }

    /// The status of the moment.
    pub fn status(&self) -> RpmStatus {
        self.lock().status
    }
    /// How many users keep the device from being suspended.
    pub fn usage_count(&self) -> u32 {
        self.usage_count.load(Ordering::Acquire)
    }
    /// How many children are not suspended.
    pub fn child_count(&self) -> u32 {
        self.child_count.load(Ordering::Acquire)
    }
    /// How often runtime PM is disabled; 0 is enabled.
    pub fn disable_depth(&self) -> u32 {
        self.lock().disable_depth
    }
    /// The error of a callback that stops runtime PM until the status is set.
    pub fn runtime_error(&self) -> Option<Errno> {
        self.lock().runtime_error
    }
    /// Whether `power/control` says `auto`.
    pub fn is_auto(&self) -> bool {
        self.lock().runtime_auto
    }
}

impl<R: RawMutex> fmt::Debug for RuntimePm<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimePm")
            .field("status", &self.status())
            .field("usage_count", &self.usage_count())
            .field("child_count", &self.child_count())
            .field("disable_depth", &self.disable_depth())
            .finish_non_exhaustive()
    }
}

impl Power {
    /// Asks for a worker, unless one is already to come for this request.
    pub(crate) fn queue(&mut self, request: Request) {
        self.request = request;
        if !self.request_pending {
            self.request_pending = true;
            self.work_wanted = true;
        }
    }
    pub(crate) fn cancel_pending(&mut self) {
        self.deactivate_timer();
        // The worker, if one comes, finds nothing to do.
        self.request = Request::None;
    }
    pub(crate) fn deactivate_timer(&mut self) {
        self.timer_expires = None;
    }
    /// What becomes of a callback's error: it stops runtime PM of the device unless it is transient.
    pub(crate) fn latch(&mut self, result: Result<(), Errno>) -> Result<(), Errno> {
        match result {
            Ok(()) => {
                self.runtime_error = None;
                Ok(())
            }
            Err(errno @ (Errno::EAGAIN | Errno::EBUSY)) => Err(errno),
            // "Disabled" is not a callback's to say; it counts as transient.
            Err(Errno::EACCES) => Err(Errno::EAGAIN),
            Err(errno) => {
                self.runtime_error = Some(errno);
                Err(errno)
            }
        }
    }
}
