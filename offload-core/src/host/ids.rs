use std::fmt;
use std::num::NonZeroU8;

/// A device slot of the controller, 1 to 255. Linux's slot id 0 is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(NonZeroU8);

impl SlotId {
    /// The slot with this number; `None` for 0.
    pub const fn new(id: u8) -> Option<Self> {
        match NonZeroU8::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }
    /// The number.
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {}", self.0)
    }
}

/// An endpoint of a slot as Linux indexes it: Device Context Index - 1, 0 to 30.
///
/// ```
/// use offload_core::EpIndex;
/// assert_eq!(EpIndex::from_address(0x01), EpIndex::new(1));   // EP1 OUT
/// assert_eq!(EpIndex::from_address(0x81), EpIndex::new(2));   // EP1 IN
/// assert_eq!(EpIndex::from_address(0x00), EpIndex::new(0));   // the default endpoint
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpIndex(u8);

impl EpIndex {
    /// How many endpoints a slot has.
    pub const COUNT: usize = 31;

    /// The endpoint with this index; `None` above 30.
    pub const fn new(index: u8) -> Option<Self> {
        if (index as usize) < Self::COUNT { Some(Self(index)) } else { None }
    }
    /// Of a `bEndpointAddress`: number in bits 3:0, bit 7 is IN. Both directions of endpoint 0 are index 0.
    pub const fn from_address(address: u8) -> Option<Self> {
        let number = address & 0x0f;
        if number == 0 {
            return Some(Self(0));
        }
        Some(Self(number * 2 + (address >> 7) - 1))
    }
    /// The index, 0 to 30.
    pub const fn get(self) -> u8 {
        self.0
    }
    /// The Device Context Index, 1 to 31: also the doorbell target.
    pub const fn dci(self) -> u8 {
        self.0 + 1
    }
    /// Every endpoint of a slot in ascending order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..31).map(Self)
    }
}

impl fmt::Display for EpIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ep {}", self.0)
    }
}

/// An interrupter of the controller, by its index. The holder owns it until it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterrupterHandle(u16);

impl InterrupterHandle {
    /// The interrupter at this index.
    pub const fn new(index: u16) -> Self {
        Self(index)
    }
    /// The index: what an Interrupter Target field holds.
    pub const fn index(self) -> u16 {
        self.0
    }
}

impl fmt::Display for InterrupterHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupter {}", self.0)
    }
}

/// One life of a virtual device. The controller driver never gives a number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtDeviceId(u64);

impl VirtDeviceId {
    /// The life with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// A root hub of a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RootHub {
    /// The root hub of the primary bus: USB 2.
    Primary,
    /// The root hub of the shared bus: SuperSpeed.
    Shared,
}

impl fmt::Display for RootHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary root hub",
            Self::Shared => "shared root hub",
        })
    }
}
