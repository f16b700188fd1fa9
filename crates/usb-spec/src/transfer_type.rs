//! What `bmAttributes` of an endpoint says (USB 2.0 9.6.6).

/// Transfer type: bits 1:0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TransferType {
    /// Control.
    Control,
    /// Isochronous.
    Isochronous,
    /// Bulk.
    Bulk,
    /// Interrupt.
    Interrupt,
}

/// Synchronization type of an isochronous endpoint: bits 3:2.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SyncType {
    /// No synchronization.
    None,
    /// The device's own clock.
    Asynchronous,
    /// The device follows the data.
    Adaptive,
    /// The device follows SOF.
    Synchronous,
}

/// Usage type of an isochronous endpoint: bits 5:4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UsageType {
    /// Data.
    Data,
    /// Explicit feedback.
    Feedback,
    /// Data that are feedback for another endpoint, too.
    ImplicitFeedbackData,
    /// 3, which means nothing.
    Reserved,
}

impl TransferType {
    /// The type in bits 1:0.
    #[must_use]
    pub const fn from_attributes(attributes: u8) -> Self {
        match attributes & 3 {
            0 => Self::Control,
            1 => Self::Isochronous,
            2 => Self::Bulk,
            _ => Self::Interrupt,
        }
    }

    /// The type as bits 1:0.
    #[must_use]
    pub const fn attributes(self) -> u8 {
        self as u8
    }
}

impl SyncType {
    /// The type in bits 3:2.
    #[must_use]
    pub const fn from_attributes(attributes: u8) -> Self {
        match attributes >> 2 & 3 {
            0 => Self::None,
            1 => Self::Asynchronous,
            2 => Self::Adaptive,
            _ => Self::Synchronous,
        }
    }

    /// The type as bits 3:2.
    #[must_use]
    pub const fn attributes(self) -> u8 {
        (self as u8) << 2
    }
}

impl UsageType {
    /// The type in bits 5:4.
    #[must_use]
    pub const fn from_attributes(attributes: u8) -> Self {
        match attributes >> 4 & 3 {
            0 => Self::Data,
            1 => Self::Feedback,
            2 => Self::ImplicitFeedbackData,
            _ => Self::Reserved,
        }
    }

    /// The type as bits 5:4.
    #[must_use]
    pub const fn attributes(self) -> u8 {
        (self as u8) << 4
    }
}
