//! Bus speeds.

use core::fmt;

/// The speed of a device, slowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Speed {
    /// 1.5 Mb/s.
    Low,
    /// 12 Mb/s.
    Full,
    /// 480 Mb/s.
    High,
    /// 5 Gb/s.
    Super,
    /// 10 Gb/s and more.
    SuperPlus,
}

impl Speed {
    /// The default Protocol Speed ID of xHCI ports (xHCI 7.2.1): 1 full, 2 low, 3 high, 4 super, 5 super plus.
    #[must_use]
    pub const fn psiv(self) -> u8 {
        match self {
            Self::Full => 1,
            Self::Low => 2,
            Self::High => 3,
            Self::Super => 4,
            Self::SuperPlus => 5,
        }
    }

    /// The speed of a default Protocol Speed ID; `None` for 0 and 8 to 15. All faster than 5 Gb/s are
    /// [`Speed::SuperPlus`].
    #[must_use]
    pub const fn from_psiv(psiv: u8) -> Option<Self> {
        Some(match psiv {
            1 => Self::Full,
            2 => Self::Low,
            3 => Self::High,
            4 => Self::Super,
            5..=7 => Self::SuperPlus,
            _ => return None,
        })
    }

    /// Whether service intervals are counted in microframes of 125 µs; otherwise in frames of 1 ms.
    #[must_use]
    pub const fn has_microframes(self) -> bool {
        !matches!(self, Self::Low | Self::Full)
    }

    /// Whether the device is on the SuperSpeed bus.
    #[must_use]
    pub const fn is_super(self) -> bool {
        matches!(self, Self::Super | Self::SuperPlus)
    }

    /// The largest, and at high speed and above the only, packet of endpoint 0 in bytes (USB 2.0 5.5.3).
    #[must_use]
    pub const fn max_packet_size_0(self) -> u16 {
        match self {
            Self::Low => 8,
            Self::Full | Self::High => 64,
            Self::Super | Self::SuperPlus => 512,
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "low-speed",
            Self::Full => "full-speed",
            Self::High => "high-speed",
            Self::Super => "super-speed",
            Self::SuperPlus => "super-speed-plus",
        })
    }
}
