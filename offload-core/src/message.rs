use std::fmt;

/// The power transition a suspend or resume callback takes part in (`pm_message_t`).
///
/// Source: reference 3.2, the table of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PmMessage {
    /// System sleep that keeps memory. The only message whose suspend consults the usage count.
    Suspend,
    /// The end of [`PmMessage::Suspend`]. The only message whose resume consults the usage count.
    Resume,
    /// Quiesce before a hibernation image is made.
    Freeze,
    /// Quiesce before a hibernation image is restored.
    Quiesce,
    /// Power off after the image was written.
    Hibernate,
    /// Go on after the image was made.
    Thaw,
    /// Go on from a restored image.
    Restore,
    /// Go on after a failed transition of a hibernation.
    Recover,
    /// Runtime suspend.
    AutoSuspend,
    /// Runtime resume.
    AutoResume,
}

impl PmMessage {
    /// Whether runtime PM is the cause (`PMSG_IS_AUTO`): errors then count.
    pub const fn is_auto(self) -> bool {
        matches!(self, Self::AutoSuspend | Self::AutoResume)
    }
    /// Whether the device is only quiesced, not powered down.
    pub const fn is_freeze(self) -> bool {
        matches!(self, Self::Freeze | Self::Quiesce)
    }
    /// Whether devices go down.
    pub const fn is_suspend(self) -> bool {
        matches!(self, Self::Suspend | Self::Freeze | Self::Quiesce | Self::Hibernate | Self::AutoSuspend)
    }
    /// The message that undoes this one when the transition is abandoned (`resume_event`).
    #[must_use]
    pub const fn resume_event(self) -> Self {
        match self {
            Self::Suspend => Self::Resume,
            Self::Freeze | Self::Quiesce => Self::Recover,
            Self::Hibernate => Self::Restore,
            Self::AutoSuspend => Self::AutoResume,
            Self::Resume | Self::Thaw | Self::Restore | Self::Recover | Self::AutoResume => self,
        }
    }
}

impl fmt::Display for PmMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Suspend => "SUSPEND",
            Self::Resume => "RESUME",
            Self::Freeze => "FREEZE",
            Self::Quiesce => "QUIESCE",
            Self::Hibernate => "HIBERNATE",
            Self::Thaw => "THAW",
            Self::Restore => "RESTORE",
            Self::Recover => "RECOVER",
            Self::AutoSuspend => "AUTO_SUSPEND",
            Self::AutoResume => "AUTO_RESUME",
        })
    }
}
