//! What a sound device can carry.

use usb_spec::EndpointAddress;
use usb_spec::audio::PcmFormat;

/// What one alternate setting of an audio streaming interface carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamOffer {
    /// `bInterfaceNumber` of the streaming interface.
    pub interface: u8,
    /// `bAlternateSetting`; 0 carries nothing and is not listed.
    pub alternate: u8,
    /// The data endpoint: OUT plays, IN captures.
    pub endpoint: EndpointAddress,
    /// Samples in an audio frame.
    pub channels: u8,
    /// Bits in a sample, which takes the fewest whole bytes.
    pub bits: u8,
    /// The rates that the device can be set to, ascending.
    pub rates_hz: &'static [u32],
}

impl StreamOffer {
    /// The format of this alternate setting at a rate.
    #[must_use]
    pub const fn at(&self, rate_hz: u32) -> PcmFormat {
        PcmFormat::packed(rate_hz, self.channels, self.bits)
    }
    /// Whether audio of `format` can be carried as it is.
    #[must_use]
    pub fn carries(&self, format: PcmFormat) -> bool {
        self.at(format.rate_hz) == format && self.rates_hz.contains(&format.rate_hz)
    }
    /// The most bytes of a packet in a service interval of `microframes`: an audio frame more than the highest
    /// rate has in it (Audio Data Formats 2.3.1.2.1), so that the host can follow a clock that is not its own.
    pub(super) fn max_packet(&self, microframes: u32) -> u16 {
        let highest_hz = self.rates_hz.last().copied().unwrap_or(0);
        u16::try_from(self.at(highest_hz).packet_bytes_max(microframes, true)).unwrap_or(u16::MAX)
    }
}
