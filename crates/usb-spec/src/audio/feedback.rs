//! Explicit feedback (USB 2.0 5.12.4.2): how many audio frames a device takes, as a fixed-point number.

use crate::Speed;

/// How a feedback value is coded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FeedbackFormat {
    /// Full speed: 3 bytes, audio frames per frame of 1 ms.
    Q10_14,
    /// High speed and above: 4 bytes, audio frames per microframe of 125 µs, whatever the interval of the data
    /// endpoint is.
    Q16_16,
}

impl FeedbackFormat {
    /// The format of a device at that speed.
    #[must_use]
    pub const fn of_speed(speed: Speed) -> Self {
        if speed.has_microframes() { Self::Q16_16 } else { Self::Q10_14 }
    }

    /// Bytes of a feedback packet.
    #[must_use]
    pub const fn packet_bytes(self) -> usize {
        match self {
            Self::Q10_14 => 3,
            Self::Q16_16 => 4,
        }
    }

    /// Bits after the point.
    #[must_use]
    pub const fn fraction_bits(self) -> u32 {
        match self {
            Self::Q10_14 => 14,
            Self::Q16_16 => 16,
        }
    }

    /// Units of time in a second: frames or microframes.
    #[must_use]
    pub const fn units_per_second(self) -> u32 {
        match self {
            Self::Q10_14 => 1000,
            Self::Q16_16 => 8000,
        }
    }
}

/// A feedback value.
///
/// ```
/// use usb_spec::audio::{Feedback, FeedbackFormat};
/// let full_speed = Feedback::from_rate_hz(44_100, FeedbackFormat::Q10_14);
/// assert_eq!(full_speed.packet(), &[0x66, 0x06, 0x0B]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Feedback {
    bytes: [u8; 4],
    format: FeedbackFormat,
}

impl Feedback {
    /// A value as the fixed-point number that it is. Of 10.14 the low 24 bits are taken.
    #[must_use]
    pub const fn new(raw: u32, format: FeedbackFormat) -> Self {
        let raw = match format {
            FeedbackFormat::Q10_14 => raw & 0xFF_FFFF,
            FeedbackFormat::Q16_16 => raw,
        };
        Self { bytes: raw.to_le_bytes(), format }
    }

    /// The value of a nominal rate, cut to the format's precision. Rates beyond the format's range saturate.
    #[must_use]
    pub fn from_rate_hz(rate_hz: u32, format: FeedbackFormat) -> Self {
        let raw = (u64::from(rate_hz) << format.fraction_bits()) / u64::from(format.units_per_second());
        let max = match format {
            FeedbackFormat::Q10_14 => 0xFF_FFFF,
            FeedbackFormat::Q16_16 => u32::MAX,
        };
        Self::new(u32::try_from(raw).map_or(max, |raw| raw.min(max)), format)
    }

    /// Reads a packet of the format's length; `None` for any other.
    #[must_use]
    pub const fn from_packet(packet: &[u8], format: FeedbackFormat) -> Option<Self> {
        let bytes = match (packet, format) {
            ([a, b, c], FeedbackFormat::Q10_14) => [*a, *b, *c, 0],
            ([a, b, c, d], FeedbackFormat::Q16_16) => [*a, *b, *c, *d],
            _ => return None,
        };
        Some(Self { bytes, format })
    }

    /// The packet.
    #[must_use]
    pub fn packet(&self) -> &[u8] {
        &self.bytes[..self.format.packet_bytes()]
    }

    /// The fixed-point number.
    #[must_use]
    pub const fn raw(self) -> u32 {
        u32::from_le_bytes(self.bytes)
    }

    /// How the value is coded.
    #[must_use]
    pub const fn format(self) -> FeedbackFormat {
        self.format
    }

    /// The rate in 1/1000 Hz, cut.
    #[must_use]
    pub const fn rate_millihertz(self) -> u64 {
        (self.raw() as u64 * self.format.units_per_second() as u64 * 1000) >> self.format.fraction_bits()
    }
}
