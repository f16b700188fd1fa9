use super::lock::LoomLock;
use crate::Errno;
use crate::runtime_pm::{Parent, Request, ResumeStep, RpmFlags, RuntimePm, SuspendEnd, SuspendStep};
use crate::usage::{OffloadState, UsageChange, UsageOutcome};
use sim_time::Instant;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

pub(super) type Offload = OffloadState<LoomLock>;
pub(super) type Pm = RuntimePm<LoomLock>;
/// [`change_usage`](crate::change_usage), or what pretends to be it.
pub(super) type Change = fn(&Offload, &Pm, UsageChange) -> UsageOutcome;

/// One device, and what the invariants know of it by themselves. loom does not see these ghosts: it never switches
/// at them, and they are exact.
pub(super) struct Device {
    pub(super) offload: Offload,
    pub(super) pm: Pm,
    change: Change,
    /// Gets that were accepted and not made good by an accepted put.
    sessions: AtomicU32,
    /// `pm_locked` by a system sleep.
    frozen: Window,
    /// Not `RPM_ACTIVE`.
    away: Window,
}

impl Device {
    /// Awake, with nobody using it.
    pub(super) fn new(change: Change) -> Self {
        let device = Self {
            offload: Offload::new(),
            pm: Pm::enabled_active(),
            change,
            sessions: AtomicU32::new(0),
            frozen: Window::default(),
            away: Window::default(),
        };
        // Both locks come into being before there are threads, in the same order in every run.
        assert!(!device.offload.is_pm_locked() && device.pm.disable_depth() == 0);
        device
    }

    pub(super) fn get(&self) -> Result<u32, Errno> {
        let result = self.call(UsageChange::Get);
        if result.is_ok() {
            self.sessions.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    /// Ends a session; a put that is refused leaves it standing, as nobody makes it good.
    pub(super) fn put(&self) -> Result<u32, Errno> {
        let result = self.call(UsageChange::Put);
        if result.is_ok() {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
        }
        result
    }

    /// A get or put whose result fits what went on meanwhile.
    fn call(&self, change: UsageChange) -> Result<u32, Errno> {
        let (frozen, away) = (self.frozen.stage(), self.away.stage());
        let result = (self.change)(&self.offload, &self.pm, change).result;
        let (frozen, away) = (frozen..=self.frozen.stage(), away..=self.away.stage());
        match result {
            Ok(_) => {
                assert_ne!(frozen, Stage::Within..=Stage::Within, "S2: changed under pm_locked");
                assert_ne!(away, Stage::Within..=Stage::Within, "S2: changed while not RPM_ACTIVE");
            }
            Err(Errno::EAGAIN) => assert!(Window::touches(&frozen), "-EAGAIN without a system sleep"),
            Err(Errno::EBUSY) => assert!(Window::touches(&away), "-EBUSY from an active device"),
            Err(errno) => panic!("{errno} is no answer of the hot path"),
        }
        result
    }

    /// What a system suspend and resume do to the count.
    pub(super) fn sleep(&self) {
        self.frozen.enter(|| self.offload.set_pm_locked(true));
        let at_suspend = self.offload.usage();
        let at_resume = self.offload.usage();
        assert_eq!(at_suspend, at_resume, "S3: the count is not what the suspend saw");
        self.frozen.leave(|| self.offload.set_pm_locked(false));
    }

    /// What `pm_wq` does with a device that seems idle, and a resume right after. Refused while a call is under way.
    pub(super) fn suspend_and_resume(&self) {
        match self.away.enter(|| self.pm.suspend_step(RpmFlags::SYNC, Instant::ZERO)) {
            SuspendStep::Callback => {}
            SuspendStep::Return(Err(Errno::EAGAIN)) => return self.away.never_was(),
            step => panic!("an awake device answers {step:?} to a suspend"),
        }
        let at_suspend = self.offload.usage();
        self.offload.set_pm_locked(true);
        assert_eq!(self.offload.usage(), at_suspend, "S2: changed in RPM_SUSPENDING");
        let end = self.pm.suspend_done(Ok(()), RpmFlags::SYNC, Instant::ZERO);
        assert_eq!(end, SuspendEnd::Suspended);
        assert_eq!(self.pm.resume_step(RpmFlags::SYNC, &Parent::None), ResumeStep::Callback);
        self.offload.set_pm_locked(false);
        assert_eq!(self.offload.usage(), at_suspend, "S2: changed in RPM_RESUMING");
        let done = self.away.leave(|| self.pm.resume_done(Ok(()), Instant::ZERO));
        assert_eq!(done, Ok(()));
    }

    /// The rest after all threads: S1, and no runtime PM reference is kept.
    pub(super) fn check_rest(&self) {
        assert_eq!(self.offload.usage(), self.sessions.load(Ordering::Relaxed), "S1: usage and sessions");
        assert_eq!(self.pm.usage_count(), 0, "a runtime PM reference was kept");
        assert!(!self.offload.is_pm_locked(), "S7: pm_locked while awake");
    }

    /// Whoever dropped the last reference asked for an autosuspend.
    pub(super) fn check_asked_for_autosuspend(&self) {
        assert_eq!(self.pm.take_request(), Request::Autosuspend, "a7: nobody asked for an autosuspend");
    }
}

/// A stretch in which calls have to be refused, seen from outside: its edges are known only roughly.
#[derive(Default)]
struct Window(AtomicU8);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    Before,
    Entering,
    Within,
    Leaving,
    After,
}

impl Window {
    fn stage(&self) -> Stage {
        [Stage::Before, Stage::Entering, Stage::Within, Stage::Leaving, Stage::After]
            [usize::from(self.0.load(Ordering::Relaxed))]
    }
    fn set(&self, stage: Stage) {
        self.0.store(stage as u8, Ordering::Relaxed);
    }

    fn enter<T>(&self, act: impl FnOnce() -> T) -> T {
        self.set(Stage::Entering);
        let result = act();
        self.set(Stage::Within);
        result
    }
    fn leave<T>(&self, act: impl FnOnce() -> T) -> T {
        self.set(Stage::Leaving);
        let result = act();
        self.set(Stage::After);
        result
    }
    fn never_was(&self) {
        self.set(Stage::Before);
    }

    /// Whether a call from one stage to the other can have been in it.
    fn touches(stages: &std::ops::RangeInclusive<Stage>) -> bool {
        *stages.end() >= Stage::Entering && *stages.start() <= Stage::Leaving
    }
}
