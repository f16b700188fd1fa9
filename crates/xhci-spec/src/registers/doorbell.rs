//! Doorbells (xHCI 5.6), from DBOFF on: one dword each, written only.

use crate::{Dci, SlotId};
use bitfield_struct::bitfield;

/// Offset of the command doorbell.
pub const COMMAND: u32 = 0x00;

/// Offset of a slot's doorbell.
#[inline]
#[must_use]
pub const fn slot_offset(slot: SlotId) -> u32 {
    4 * slot.get() as u32
}

/// What is written to a doorbell.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Doorbell {
    /// DB Target: a DCI; 0 at the command doorbell.
    pub target: u8,
    __: u8,
    /// DB Stream ID; 0 without streams.
    pub stream_id: u16,
}

impl Doorbell {
    /// Host Controller Command, for the command doorbell.
    pub const COMMAND: Self = Self::new();

    /// The doorbell of an endpoint without streams.
    #[inline]
    #[must_use]
    pub const fn endpoint(endpoint: Dci) -> Self {
        Self::new().with_target(endpoint.get())
    }
}
