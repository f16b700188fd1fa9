//! Transfer Request Blocks (xHCI 6.4): the 16 bytes that transfer, command and event rings are made of.

pub mod command;
mod debug;
pub mod event;
mod fields;
pub mod packets;
pub mod transfer;
mod trb_type;

use crate::Gpa;
pub use fields::{StreamContextType, TransferType};
pub use trb_type::TrbType;

/// One TRB. Fields are read by the accessors of the same name as in the specification and set by `with_...`;
/// which fields exist depends on the type, and an accessor reads its bits whatever the type is.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Trb {
    /// DW0 and DW1.
    pub parameter: u64,
    /// DW2.
    pub status: u32,
    /// DW3.
    pub control: u32,
}

impl Trb {
    /// Size and alignment of a TRB in bytes.
    pub const BYTES: usize = 16;
    /// Offset of DW3, whose cycle bit gives the TRB to its consumer.
    pub const CONTROL_OFFSET: u64 = 12;

    /// A TRB of that type with all other fields 0.
    #[inline]
    #[must_use]
    pub const fn of_type(trb_type: TrbType) -> Self {
        Self { parameter: 0, status: 0, control: (trb_type.0 as u32 & 0x3F) << 10 }
    }

    /// The TRB as it stands in memory.
    #[inline]
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        (self.parameter as u128 | (self.status as u128) << 64 | (self.control as u128) << 96).to_le_bytes()
    }

    /// Reads a TRB from memory.
    #[inline]
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let value = u128::from_le_bytes(bytes);
        Self { parameter: value as u64, status: (value >> 64) as u32, control: (value >> 96) as u32 }
    }

    /// DW0 to DW3.
    #[inline]
    #[must_use]
    pub const fn to_dwords(self) -> [u32; 4] {
        [self.parameter as u32, (self.parameter >> 32) as u32, self.status, self.control]
    }

    /// A TRB of DW0 to DW3.
    #[inline]
    #[must_use]
    pub const fn from_dwords(dwords: [u32; 4]) -> Self {
        let [dw0, dw1, status, control] = dwords;
        Self { parameter: dw0 as u64 | (dw1 as u64) << 32, status, control }
    }

    /// The TRB Type.
    #[inline]
    #[must_use]
    pub const fn trb_type(self) -> TrbType {
        TrbType((self.control >> 10) as u8 & 0x3F)
    }

    /// DW0 and DW1 as a data buffer's address, of any alignment.
    #[inline]
    #[must_use]
    pub const fn buffer(self) -> Gpa {
        Gpa(self.parameter)
    }

    /// DW0 and DW1 as a 16-byte aligned pointer (Link, commands): bits 3:0 are not part of it.
    #[inline]
    #[must_use]
    pub const fn pointer(self) -> Gpa {
        Gpa(self.parameter & !0xF)
    }

    /// DW0 and DW1 as immediate data, in the order of the bus.
    #[inline]
    #[must_use]
    pub const fn immediate_data(self) -> [u8; 8] {
        self.parameter.to_le_bytes()
    }
}
