use crate::Errno;
use std::fmt;

/// Where a device stands in runtime PM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpmStatus {
    /// In full use.
    Active,
    /// The resume callback runs.
    Resuming,
    /// Powered down.
    Suspended,
    /// The suspend callback runs.
    Suspending,
}

impl RpmStatus {
    /// Whether a callback is at work; waiting for its end is the resource RPM(u) of the lock order.
    pub const fn in_transition(self) -> bool {
        matches!(self, Self::Resuming | Self::Suspending)
    }
}

impl fmt::Display for RpmStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "RPM_ACTIVE",
            Self::Resuming => "RPM_RESUMING",
            Self::Suspended => "RPM_SUSPENDED",
            Self::Suspending => "RPM_SUSPENDING",
        })
    }
}

/// What a successful runtime PM call found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpmDone {
    /// The kernel's 0: done, or queued.
    Done,
    /// The kernel's 1: the device was there already.
    Already,
}

impl fmt::Display for RpmDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "0",
            Self::Already => "1",
        })
    }
}

/// Result of a runtime PM call.
pub type RpmResult = Result<RpmDone, Errno>;

/// How a transition is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RpmFlags {
    /// Queue the work on `pm_wq` instead of doing it.
    pub(crate) asynchronous: bool,
    /// Do it, but do not wait for a transition that is under way.
    pub(crate) nowait: bool,
    /// Only when the autosuspend delay has passed.
    pub(crate) auto: bool,
}

impl RpmFlags {
    /// In the caller's context, waiting.
    pub const SYNC: Self = Self { asynchronous: false, nowait: false, auto: false };
    /// On `pm_wq`.
    pub const ASYNC: Self = Self { asynchronous: true, ..Self::SYNC };
    /// In the caller's context, without waiting.
    pub const NOWAIT: Self = Self { nowait: true, ..Self::SYNC };
    /// The same call, subject to the autosuspend delay.
    #[must_use]
    pub const fn auto(self) -> Self {
        Self { auto: true, ..self }
    }
    pub(crate) const fn may_wait(self) -> bool {
        !self.asynchronous && !self.nowait
    }
}

/// What the worker of `pm_wq` has to do for a device. A later one includes the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Request {
    None,
    Idle,
    Suspend,
    Autosuspend,
    Resume,
}
