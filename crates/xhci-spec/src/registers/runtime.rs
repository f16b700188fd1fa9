//! Runtime registers (xHCI 5.5), from RTSOFF on: the microframe index and the interrupters.

use crate::{FrameId, Gpa, InterrupterId};
use bitfield_struct::bitfield;

/// Offset of MFINDEX.
pub const MFINDEX: u32 = 0x00;
/// Offset of interrupter 0's registers.
pub const INTERRUPTER_BASE: u32 = 0x20;
/// Bytes from one interrupter's registers to the next one's.
pub const INTERRUPTER_STRIDE: u32 = 0x20;
/// Offset of IMAN in an interrupter's registers.
pub const IMAN: u32 = 0x00;
/// Offset of IMOD in an interrupter's registers.
pub const IMOD: u32 = 0x04;
/// Offset of ERSTSZ in an interrupter's registers: entries of the segment table in bits 15:0.
pub const ERSTSZ: u32 = 0x08;
/// Offset of ERSTBA in an interrupter's registers, 64 bits: the segment table, 64-byte aligned.
pub const ERSTBA: u32 = 0x10;
/// Offset of ERDP in an interrupter's registers, 64 bits.
pub const ERDP: u32 = 0x18;

/// Offset of an interrupter's registers, relative to the runtime registers.
#[must_use]
pub const fn interrupter_offset(interrupter: InterrupterId) -> u32 {
    INTERRUPTER_BASE + INTERRUPTER_STRIDE * interrupter.0 as u32
}

/// Microframe Index (5.5.1).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Mfindex {
    /// Microframes of 125 µs, 0 to 0x3FFF.
    #[bits(14)]
    pub microframe_index: u16,
    #[bits(18)]
    __: u32,
}

impl Mfindex {
    /// Microframes before the index wraps.
    pub const COUNT: u16 = 0x4000;

    /// The frame that this microframe is in: bits 13:3.
    #[must_use]
    pub const fn frame(self) -> FrameId {
        FrameId::of_microframe(self.microframe_index() as u64)
    }
}

/// Interrupter Management (5.5.2.1).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Iman {
    /// Interrupt Pending; write 1 to clear.
    pub ip: bool,
    /// Interrupt Enable.
    pub ie: bool,
    #[bits(30)]
    __: u32,
}

/// Interrupter Moderation (5.5.2.2).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Imod {
    /// Interval (IMODI) between interrupts in 250 ns; 0: no moderation.
    pub interval: u16,
    /// Down counter (IMODC) in 250 ns.
    pub counter: u16,
}

impl Imod {
    /// After reset: an interval of 1 ms.
    pub const RESET: Self = Self::new().with_interval(4000);
}

/// Event Ring Dequeue Pointer (5.5.2.3.3).
#[bitfield(u64)]
#[derive(PartialEq, Eq)]
pub struct Erdp {
    /// Dequeue ERST Segment Index: a hint.
    #[bits(3)]
    pub desi: u8,
    /// Event Handler Busy; write 1 to clear.
    pub ehb: bool,
    /// The TRB that software will read next.
    #[bits(60, from = Gpa::from_bits_4, into = Gpa::into_bits_4)]
    pub dequeue: Gpa,
}
