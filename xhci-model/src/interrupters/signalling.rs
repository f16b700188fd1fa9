//! How an interrupter's IP becomes something that the host notices (xHCI 4.17.5, 5.2.8).

use crate::output::Output;
use std::collections::VecDeque;
use xhci_spec::InterrupterId;

/// Which kind of interrupt is enabled, as the PCI function around the controller knows from its MSI and MSI-X
/// capabilities.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signalling {
    /// Neither MSI nor MSI-X: the pin. Its level is IP and IE of interrupter 0 and USBCMD.INTE; the other interrupters
    /// write their event rings and never drive it (PCI-11).
    Line,
    /// MSI or MSI-X.
    Messages {
        /// Messages that are enabled (MSI) or in the table (MSI-X). Interrupter n sends message n modulo this
        /// number (PCI-10); 0 counts as 1. Whether a message is masked is not the controller's concern.
        vectors: u16,
    },
}

impl Signalling {
    /// INT-17: whether interrupts cannot tell interrupters apart.
    pub(super) fn is_shared(self) -> bool {
        matches!(self, Self::Line | Self::Messages { vectors: 0 | 1 })
    }

    /// The message of an interrupter; none with a pin.
    pub(super) fn vector(self, id: InterrupterId) -> Option<u16> {
        match self {
            Self::Line => None,
            Self::Messages { vectors } => Some(id.0.checked_rem(vectors).unwrap_or(0)),
        }
    }
}

/// The signalling in force, and the level of the pin.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    pub(crate) mode: Signalling,
    level: bool,
}

impl Signals {
    pub(crate) fn new(mode: Signalling) -> Self {
        Self { mode, level: false }
    }

    /// The pin goes to `asserted`, if there is a pin.
    pub(crate) fn drive(&mut self, asserted: bool, outputs: &mut VecDeque<Output>) -> bool {
        let level = asserted && self.mode == Signalling::Line;
        let changes = level != self.level;
        if changes {
            self.level = level;
            outputs.push_back(Output::Line { asserted: level });
        }
        changes
    }
}
