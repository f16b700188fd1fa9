//! The audio class: descriptors of both versions, PCM formats, feedback values, packet sizes.

pub mod feedback;
pub mod format;
pub mod rate;
mod terminal;
pub mod uac1;
pub mod uac2;

use crate::descriptor::ClassCode;
pub use feedback::{Feedback, FeedbackFormat};
pub use format::PcmFormat;
pub use rate::FrameAccumulator;
pub use terminal::TerminalType;

/// Class AUDIO.
pub const CLASS: u8 = 1;
/// Subclass AUDIOCONTROL.
pub const SUBCLASS_CONTROL: u8 = 1;
/// Subclass AUDIOSTREAMING.
pub const SUBCLASS_STREAMING: u8 = 2;
/// Protocol of Audio 1.0.
pub const PROTOCOL_1: u8 = 0x00;
/// Protocol of Audio 2.0.
pub const PROTOCOL_2: u8 = 0x20;

/// Control interface of Audio 1.0.
pub const CONTROL_1: ClassCode = ClassCode::new(CLASS, SUBCLASS_CONTROL, PROTOCOL_1);
/// Streaming interface of Audio 1.0.
pub const STREAMING_1: ClassCode = ClassCode::new(CLASS, SUBCLASS_STREAMING, PROTOCOL_1);
/// Function of Audio 2.0, as the interface association says.
pub const FUNCTION_2: ClassCode = ClassCode::new(CLASS, 0, PROTOCOL_2);
/// Control interface of Audio 2.0.
pub const CONTROL_2: ClassCode = ClassCode::new(CLASS, SUBCLASS_CONTROL, PROTOCOL_2);
/// Streaming interface of Audio 2.0.
pub const STREAMING_2: ClassCode = ClassCode::new(CLASS, SUBCLASS_STREAMING, PROTOCOL_2);
