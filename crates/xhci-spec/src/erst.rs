//! Event Ring Segment Table (xHCI 6.5).

use crate::Gpa;

/// Smallest legal segment in TRBs.
pub const SEGMENT_TRBS_MIN: u16 = 16;
/// Largest legal segment in TRBs.
pub const SEGMENT_TRBS_MAX: u16 = 4096;

/// One entry of an Event Ring Segment Table: where a segment is and how many TRBs it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ErstEntry {
    /// First TRB of the segment; bits 5:0 are not carried.
    pub segment: Gpa,
    /// Ring Segment Size in TRBs, 16 to 4096.
    pub trbs: u16,
}

impl ErstEntry {
    /// Size of an entry in bytes.
    pub const BYTES: usize = 16;

    /// The entry as it stands in memory.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        let value = self.segment.align_down_bits(6).0 as u128 | (self.trbs as u128) << 64;
        value.to_le_bytes()
    }

    /// Reads an entry from memory; reserved bits are ignored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let value = u128::from_le_bytes(bytes);
        Self { segment: Gpa(value as u64).align_down_bits(6), trbs: (value >> 64) as u16 }
    }
}
