//! PCM formats: what one audio frame is (Audio Data Formats 2.2).

use core::fmt;

/// PCM, little endian, channels interleaved, samples left-justified in their subslots.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PcmFormat {
    /// Audio frames per second.
    pub rate_hz: u32,
    /// Samples of an audio frame.
    pub channels: u8,
    /// Bits of a sample.
    pub bits: u8,
    /// Bytes that a sample takes: `bSubframeSize` or `bSubslotSize`, 1 to 4.
    pub subslot_bytes: u8,
}

impl PcmFormat {
    /// A format whose samples take the fewest whole bytes.
    #[must_use]
    pub const fn packed(rate_hz: u32, channels: u8, bits: u8) -> Self {
        Self { rate_hz, channels, bits, subslot_bytes: bits.div_ceil(8) }
    }

    /// Bytes of an audio frame: a sample of each channel.
    #[must_use]
    pub const fn bytes_per_frame(self) -> usize {
        self.channels as usize * self.subslot_bytes as usize
    }

    /// Bytes of a second.
    #[must_use]
    pub const fn bytes_per_second(self) -> u64 {
        self.bytes_per_frame() as u64 * self.rate_hz as u64
    }

    /// The largest packet of a service interval of `microframes` (8 are 1 ms). An endpoint with a clock of its
    /// own (`asynchronous`) needs room for one audio frame more than the nominal rate asks for.
    ///
    /// ```
    /// use usb_spec::audio::PcmFormat;
    /// let dat = PcmFormat::packed(48_000, 2, 16);
    /// assert_eq!(dat.packet_bytes_max(8, true), 196);
    /// assert_eq!(dat.packet_bytes_max(1, true), 28);
    /// ```
    #[must_use]
    pub fn packet_bytes_max(self, microframes: u32, asynchronous: bool) -> usize {
        let frames =
            (u64::from(self.rate_hz) * u64::from(microframes)).div_ceil(8000) + u64::from(asynchronous);
        usize::try_from(frames).unwrap_or(usize::MAX).saturating_mul(self.bytes_per_frame())
    }
}

impl fmt::Display for PcmFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz, {} bit, {} ch", self.rate_hz, self.bits, self.channels)
    }
}
