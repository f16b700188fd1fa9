use xhci_spec::InterrupterId;

/// What the controller wants done outside of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send the message (MSI, MSI-X) of this interrupter.
    Interrupt(InterrupterId),
    /// Report a system error out of band (PCI: SERR#): a Host System Error while USBCMD.HSEE is 1 (OPR-19).
    SystemError,
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
