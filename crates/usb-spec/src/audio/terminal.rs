//! Terminal types (USB Audio Terminal Types 2).

/// `wTerminalType`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TerminalType(pub u16);

impl TerminalType {
    /// The USB side of a stream.
    pub const USB_STREAMING: Self = Self(0x0101);
    /// A microphone.
    pub const MICROPHONE: Self = Self(0x0201);
    /// A speaker.
    pub const SPEAKER: Self = Self(0x0301);
    /// Headphones.
    pub const HEADPHONES: Self = Self(0x0302);
    /// A headset.
    pub const HEADSET: Self = Self(0x0402);
    /// A line connector.
    pub const LINE_CONNECTOR: Self = Self(0x0603);
}
