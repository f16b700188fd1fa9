//! What software does wrong without the architecture having an answer for it: counted, logged, and otherwise
//! handled as the requirement row says (ERR-13).

use core::fmt;

/// A rule that software broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Violation {
    /// A narrow or misaligned write to operational, runtime or doorbell registers; ignored (OPR-02).
    AccessWidth,
    /// A register write while USBSTS.CNR is 1 (OPR-09).
    WriteWhileNotReady,
    /// CONFIG written while running; ignored (OPR-42).
    ConfigWhileRunning,
    /// HCRST while running; done all the same (OPR-15).
    ResetWhileRunning,
    /// A doorbell to a slot that is not enabled, or not a slot (DBS-06).
    DeadDoorbell,
    /// An Interrupter Target beyond MaxIntrs (INT-20).
    BadInterrupterTarget,
}

impl Violation {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::AccessWidth,
        Self::WriteWhileNotReady,
        Self::ConfigWhileRunning,
        Self::ResetWhileRunning,
        Self::DeadDoorbell,
        Self::BadInterrupterTarget,
    ];
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessWidth => "narrow or misaligned register write",
            Self::WriteWhileNotReady => "register write while the controller is not ready",
            Self::ConfigWhileRunning => "CONFIG written while running",
            Self::ResetWhileRunning => "HCRST while running",
            Self::DeadDoorbell => "doorbell to a slot that is not enabled",
            Self::BadInterrupterTarget => "Interrupter Target beyond MaxIntrs",
        })
    }
}

/// How often each rule was broken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Violations([u64; Violation::ALL.len()]);

impl Violations {
    pub(crate) fn count(&mut self, violation: Violation) {
        if let Some(count) = self.0.get_mut(violation as usize) {
            *count = count.saturating_add(1);
        }
    }

    pub(crate) fn of(&self, violation: Violation) -> u64 {
        self.0.get(violation as usize).copied().unwrap_or(0)
    }
}
