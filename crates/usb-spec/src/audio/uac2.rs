//! Class-specific descriptors of Audio 2.0.

mod clock;
mod control;
mod range;
mod streaming;

pub use clock::{ClockAttributes, ClockMultiplier, ClockSelector, ClockSource};
pub use control::{Entity, FeatureUnit, Header, InputTerminal, OutputTerminal, control_interface};
pub use range::{Layout, Range};
pub use streaming::{DataEndpoint, FORMAT_PCM, FormatTypeI, General};

/// What a host may do with a control: two bits of `bmControls`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// There is no such control.
    None = 0,
    /// It can be read.
    ReadOnly = 1,
    /// It can be read and set.
    ReadWrite = 3,
}

impl Access {
    /// The access of control `index` (bits 2·index + 1 and 2·index); the reserved value 2 reads as none.
    #[must_use]
    pub const fn of(controls: u32, index: u8) -> Self {
        match controls >> (2 * (index & 0xF)) & 3 {
            1 => Self::ReadOnly,
            3 => Self::ReadWrite,
            _ => Self::None,
        }
    }

    /// The access as bits of control `index`, 0 to 15.
    #[must_use]
    pub const fn bits(self, index: u8) -> u32 {
        (self as u32) << (2 * (index & 0xF))
    }
}

/// Index of the mute control in a feature unit's `bmaControls`.
pub const CONTROL_MUTE: u8 = 0;
/// Index of the volume control in a feature unit's `bmaControls`.
pub const CONTROL_VOLUME: u8 = 1;
/// Index of the frequency control in a clock source's `bmControls`.
pub const CONTROL_FREQUENCY: u8 = 0;
/// Index of the validity control in a clock source's `bmControls`.
pub const CONTROL_VALIDITY: u8 = 1;
