//! Sizes and offsets of contexts in memory.

use crate::Dci;

/// Size of a context, by HCCPARAMS1.CSZ.
///
/// ```
/// use xhci_spec::Dci;
/// use xhci_spec::context::ContextSize;
/// assert_eq!(ContextSize::Bytes32.input_endpoint(Dci::EP0), 0x40);
/// assert_eq!(ContextSize::Bytes64.device_endpoint(Dci::EP0), 0x40);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ContextSize {
    /// CSZ 0.
    #[default]
    Bytes32,
    /// CSZ 1: the upper half of each context is reserved.
    Bytes64,
}

impl ContextSize {
    /// The size that HCCPARAMS1.CSZ names.
    #[must_use]
    pub const fn from_csz(csz: bool) -> Self {
        if csz { Self::Bytes64 } else { Self::Bytes32 }
    }

    /// Whether HCCPARAMS1.CSZ is set.
    #[must_use]
    pub const fn csz(self) -> bool {
        matches!(self, Self::Bytes64)
    }

    /// Bytes of one context.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Bytes32 => 32,
            Self::Bytes64 => 64,
        }
    }

    /// Offset of an endpoint context in a device context. The slot context is at 0.
    #[must_use]
    pub const fn device_endpoint(self, endpoint: Dci) -> u64 {
        self.bytes() * endpoint.get() as u64
    }

    /// Bytes of a whole device context: slot and 31 endpoints.
    #[must_use]
    pub const fn device_bytes(self) -> u64 {
        self.bytes() * 32
    }

    /// Offset of the slot context in an input context. The input control context is at 0.
    #[must_use]
    pub const fn input_slot(self) -> u64 {
        self.bytes()
    }

    /// Offset of an endpoint context in an input context.
    #[must_use]
    pub const fn input_endpoint(self, endpoint: Dci) -> u64 {
        self.bytes() * (endpoint.get() as u64 + 1)
    }

    /// Bytes of a whole input context.
    #[must_use]
    pub const fn input_bytes(self) -> u64 {
        self.bytes() * 33
    }
}
