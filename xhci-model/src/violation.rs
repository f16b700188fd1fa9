//! What software does wrong without the architecture having an answer for it: counted, logged, and otherwise
//! handled as the requirement row says (ERR-13).

use core::fmt;

macro_rules! violations {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A rule that software broke.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum Violation {
            $($(#[$doc])* $name,)*
        }

        impl Violation {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$name),*];
            const COUNT: usize = Self::ALL.len();
        }

        impl fmt::Display for Violation {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)*
                })
            }
        }
    };
}

violations! {
    /// A narrow or misaligned write to operational, runtime or doorbell registers; ignored (OPR-02).
    AccessWidth = "narrow or misaligned register write";
    /// A register write while USBSTS.CNR is 1 (OPR-09).
    WriteWhileNotReady = "register write while the controller is not ready";
    /// CONFIG written while running; ignored (OPR-42).
    ConfigWhileRunning = "CONFIG written while running";
    /// More slots enabled than there are; clamped (OPR-42).
    TooManySlots = "CONFIG.MaxSlotsEn beyond MaxSlots";
    /// DCBAAP written while running; it counts from the next access on (OPR-41).
    DcbaapWhileRunning = "DCBAAP written while running";
    /// A pointer written to CRCR while the command ring runs; ignored (OPR-35).
    CommandRingWhileRunning = "command ring pointer written while the ring runs";
    /// HCRST while running; done all the same (OPR-15).
    ResetWhileRunning = "HCRST while running";
    /// PORTSC written with PED=1 together with PR=1 or with changes that it clears: what was read was written back
    /// (PRT-03).
    PortscWriteBack = "PORTSC written back as it was read";
    /// Resume signalled for less than 20 ms; ended all the same (PRT-21).
    ShortResume = "resume signalled for less than 20 ms";
    /// USBCMD.ETE or TSC_EN changed while running; ignored (OPR-24).
    ExtendedTbcWhileRunning = "USBCMD.ETE or TSC_EN changed while running";
    /// More event ring segments than ERST Max allows; clamped (RTS-06).
    TooManySegments = "ERSTSZ beyond ERST Max";
    /// A structure that does not begin on its boundary; the low bits count as 0 (CAP-27).
    Misaligned = "misaligned structure";
    /// A structure that reaches beyond its page or its 64 KiB (CAP-27).
    CrossesBoundary = "structure across a page or 64 KiB boundary";
    /// Started without the scratchpad array that HCSPARAMS2 asks for (CAP-08).
    NoScratchpads = "run without scratchpads";
    /// A doorbell to a slot that is not enabled, or not a slot (DBS-06).
    DeadDoorbell = "doorbell to a slot that is not enabled";
    /// An Interrupter Target beyond MaxIntrs (INT-20).
    BadInterrupterTarget = "Interrupter Target beyond MaxIntrs";
    /// An input context that a strict profile refuses (CMD-16 to CMD-18, CMD-25, CMD-28).
    InputContext = "input context against the rules";
    /// TBC or TLBPC of an isochronous TD do not fit its length; not looked at otherwise (ISO-04).
    BurstCount = "TBC or TLBPC do not fit the TD";
    /// The TRBs of a control transfer do not agree with its Setup TRB (RNG-10).
    ControlStageMismatch = "control stage that its Setup TRB does not announce";
    /// A data buffer crosses a 64 KiB boundary (RNG-11).
    BufferCrossesBoundary = "data buffer across a 64 KiB boundary";
    /// Immediate data in a TD with other data (RNG-12).
    ImmediateDataInLongTd = "immediate data in a TD with other data";
}

/// How often each rule was broken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Violations([u64; Violation::COUNT]);

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
