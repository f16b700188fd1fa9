/// What the controller wants done outside of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send a message (MSI, MSI-X).
    Message {
        /// Which of the messages that [`Signalling::Messages`](crate::Signalling::Messages) counts.
        vector: u16,
    },
    /// The interrupt pin goes to this level. Only with [`Signalling::Line`](crate::Signalling::Line), and when it
    /// is left.
    Line {
        /// Whether the host is interrupted as long as the level stays.
        asserted: bool,
    },
    /// Report a system error out of band (PCI: SERR#): a Host System Error while USBCMD.HSEE is 1 (OPR-19).
    SystemError,
    /// Assert PME#: something woke the sleeping controller. Once for each sleep.
    PowerManagementEvent,
}

/// How much work one call of `advance` may do, in TRBs, events and state changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget(pub u32);

impl Default for Budget {
    fn default() -> Self {
        Self(4096)
    }
}

/// Whether `advance` did all that was due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Progress {
    /// Nothing is due until `poll_timeout`.
    Idle,
    /// The budget is used up: call again, at the same or a later time.
    More,
}
