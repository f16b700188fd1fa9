//! The register space: where registers are, what they read, what a write latches (xHCI 5).

mod capability;
mod extended;
mod layout;
mod legacy;
mod read;
mod write;

pub(crate) use capability::Capabilities;
pub(crate) use layout::{Layout, Register};
pub(crate) use legacy::LegacySupport;
