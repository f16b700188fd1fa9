//! The input context of a command.

use crate::dma::{Dma, DmaError};
use xhci_spec::context::{ContextSize, EndpointContext, InputControlContext, SlotContext};
use xhci_spec::{Dci, Gpa};

/// Where the contexts are that a command brings. Each is read at most once, and only if it is needed (SEC-08).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input {
    at: Gpa,
    size: ContextSize,
}

impl Input {
    pub(crate) fn new(at: Gpa, size: ContextSize) -> Self {
        Self { at, size }
    }

    pub(crate) fn control<D: Dma>(self, dma: &mut D) -> Result<InputControlContext, DmaError> {
        Ok(InputControlContext::from_bytes(read(self.at, dma)?))
    }

    pub(crate) fn slot<D: Dma>(self, dma: &mut D) -> Result<SlotContext, DmaError> {
        Ok(SlotContext::from_bytes(read(self.at.offset(self.size.input_slot()), dma)?))
    }

    pub(crate) fn endpoint<D: Dma>(self, dci: Dci, dma: &mut D) -> Result<EndpointContext, DmaError> {
        Ok(EndpointContext::from_bytes(read(self.at.offset(self.size.input_endpoint(dci)), dma)?))
    }
}

/// CTX-29: 32 bytes, also of a 64-byte context.
fn read<D: Dma>(at: Gpa, dma: &mut D) -> Result<[u8; 32], DmaError> {
    let mut bytes = [0; 32];
    dma.read(at, &mut bytes)?;
    Ok(bytes)
}
