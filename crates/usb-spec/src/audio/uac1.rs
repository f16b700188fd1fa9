//! Class-specific descriptors of Audio 1.0.

mod control;
mod streaming;

pub use control::{Entity, FeatureUnit, Header, InputTerminal, OutputTerminal, control_interface};
pub use streaming::{DataEndpoint, FORMAT_PCM, FormatTypeI, General, SamplingFrequencies};

/// `bmaControls` bit of a feature unit: mute.
pub const CONTROL_MUTE: u32 = 1 << 0;
/// `bmaControls` bit of a feature unit: volume.
pub const CONTROL_VOLUME: u32 = 1 << 1;
