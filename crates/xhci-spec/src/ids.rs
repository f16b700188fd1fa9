//! The numbers that xHCI counts things with, each a type of its own.

use core::fmt;
use core::num::NonZeroU8;

/// A device slot, 1 to 255. Slot 0 is the host controller's own doorbell and no slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(NonZeroU8);

/// A root hub port, 1 to 255.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(NonZeroU8);

macro_rules! one_based {
    ($name:ident, $what:literal) => {
        impl $name {
            #[doc = concat!("The ", $what, " of that number; `None` for 0, which is none.")]
            #[inline]
            #[must_use]
            pub const fn new(number: u8) -> Option<Self> {
                match NonZeroU8::new(number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }

            /// The number, 1 to 255.
            #[inline]
            #[must_use]
            pub const fn get(self) -> u8 {
                self.0.get()
            }

            /// The position in a zero-based table, 0 to 254.
            #[inline]
            #[must_use]
            pub const fn index(self) -> usize {
                self.0.get() as usize - 1
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
one_based!(SlotId, "slot");
one_based!(PortId, "port");

/// A Device Context Index, 1 to 31: the number of an endpoint in contexts, doorbells, commands and events.
/// 1 is endpoint 0 in both directions, 2n is endpoint n OUT, 2n + 1 endpoint n IN (xHCI 4.5.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dci(NonZeroU8);

impl TryFrom<u8> for Dci {
    type Error = NoSuchEndpoint;

    fn try_from(index: u8) -> Result<Self, NoSuchEndpoint> {
        Self::new(index).ok_or(NoSuchEndpoint(index))
    }
}

/// A number that is no Device Context Index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoSuchEndpoint(pub u8);

impl fmt::Display for NoSuchEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "device context index {}, allowed is 1 to 31", self.0)
    }
}

impl core::error::Error for NoSuchEndpoint {}

impl Dci {
    /// The default control endpoint.
    pub const EP0: Self = Self(NonZeroU8::MIN);
    /// The highest index.
    pub const MAX: u8 = 31;

    /// The endpoint of that index; `None` outside 1 to 31.
    #[inline]
    #[must_use]
    pub const fn new(index: u8) -> Option<Self> {
        match NonZeroU8::new(index) {
            Some(value) if index <= Self::MAX => Some(Self(value)),
            _ => None,
        }
    }

    /// The index of endpoint `number` (0 to 15; `None` above). Endpoint 0 has one index for both directions.
    #[inline]
    #[must_use]
    pub const fn from_endpoint(number: u8, is_in: bool) -> Option<Self> {
        match number {
            0 => Some(Self::EP0),
            1..=15 => Self::new(2 * number + is_in as u8),
            _ => None,
        }
    }

    /// The index, 1 to 31.
    #[inline]
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// The position in a zero-based table of 31 endpoints, 0 to 30.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    /// The USB endpoint number, 0 to 15.
    #[inline]
    #[must_use]
    pub const fn endpoint_number(self) -> u8 {
        self.0.get() / 2
    }

    /// Whether this is an IN endpoint. Endpoint 0 counts as IN here, as its index is odd.
    #[inline]
    #[must_use]
    pub const fn is_in(self) -> bool {
        self.0.get() % 2 == 1
    }

    /// All 31 endpoints in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=Self::MAX).filter_map(Self::new)
    }
}

impl fmt::Display for Dci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Dci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An interrupter, 0 to 1023. 0 is the primary interrupter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InterrupterId(pub u16);

impl InterrupterId {
    /// Interrupter 0, to which commands, ports and the controller report.
    pub const PRIMARY: Self = Self(0);

    /// The position in a table.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for InterrupterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for InterrupterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A frame number as isochronous TRBs carry it: 11 bits, in frames of 1 ms (MFINDEX bits 13:3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FrameId(u16);

impl FrameId {
    /// Frame numbers before they wrap.
    pub const COUNT: u16 = 2048;

    /// The frame of that number, modulo 2048.
    #[inline]
    #[must_use]
    pub const fn new(frame: u16) -> Self {
        Self(frame % Self::COUNT)
    }

    /// The frame that holds microframe `mfindex` of the running count.
    #[inline]
    #[must_use]
    pub const fn of_microframe(mfindex: u64) -> Self {
        Self(((mfindex >> 3) & 0x7FF) as u16)
    }

    /// The number, 0 to 2047.
    #[inline]
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The frame `frames` later.
    #[inline]
    #[must_use]
    pub const fn wrapping_add(self, frames: u16) -> Self {
        Self::new(self.0.wrapping_add(frames))
    }

    /// Frames from `earlier` to `self`, 0 to 2047.
    #[inline]
    #[must_use]
    pub const fn frames_since(self, earlier: Self) -> u16 {
        self.0.wrapping_sub(earlier.0) % Self::COUNT
    }
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An address as the controller sees it: what TRBs, contexts and registers point with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Gpa(pub u64);

impl Gpa {
    /// Address 0, which the architecture uses for "none".
    pub const NULL: Self = Self(0);

    /// The address `bytes` further on; wraps at 2^64 as an address counter does.
    #[inline]
    #[must_use]
    pub const fn offset(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// The address `bytes` further on; `None` beyond 2^64.
    #[inline]
    #[must_use]
    pub const fn checked_add(self, bytes: u64) -> Option<Self> {
        match self.0.checked_add(bytes) {
            Some(address) => Some(Self(address)),
            None => None,
        }
    }

    /// The address with its low `bits` bits cleared, as fields that hold only the upper part do.
    #[inline]
    #[must_use]
    pub const fn align_down_bits(self, bits: u32) -> Self {
        Self(self.0 >> bits << bits)
    }

    /// The address with other bits 63:32, as it becomes when software writes the high half of a register.
    #[inline]
    #[must_use]
    pub const fn with_high_half(self, high: u32) -> Self {
        Self(self.0 & 0xFFFF_FFFF | (high as u64) << 32)
    }

    /// Whether this is address 0.
    #[inline]
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// A field of address bits 63:4, as bitfields hold it.
    pub(crate) const fn from_bits_4(bits: u64) -> Self {
        Self(bits << 4)
    }

    /// The field of address bits 63:4.
    pub(crate) const fn into_bits_4(self) -> u64 {
        self.0 >> 4
    }

    /// A field of address bits 63:6, as bitfields hold it.
    pub(crate) const fn from_bits_6(bits: u64) -> Self {
        Self(bits << 6)
    }

    /// The field of address bits 63:6.
    pub(crate) const fn into_bits_6(self) -> u64 {
        self.0 >> 6
    }
}

impl fmt::Display for Gpa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Gpa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::LowerHex for Gpa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
