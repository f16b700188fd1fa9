//! The register space: where registers are, what they read, what a write latches (xHCI 5).

mod capability;
mod layout;
mod read;
mod write;

pub(crate) use capability::Capabilities;
pub(crate) use layout::{Layout, Register};
