//! What a sink keeps of a stream.

use sim_time::Instant;
use usb_spec::audio::PcmFormat;

/// The audio that a sink received in one format: every byte, in order, as it came over the bus.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recording {
    /// How `bytes` are coded.
    pub format: PcmFormat,
    /// The bytes of all packets, end to end.
    pub bytes: Vec<u8>,
    /// When the first packet with audio came.
    pub first_packet_at: Option<Instant>,
    /// When the last packet with audio came.
    pub last_packet_at: Option<Instant>,
}

impl Recording {
    /// Nothing yet, of `format`.
    pub const fn new(format: PcmFormat) -> Self {
        Self { format, bytes: Vec::new(), first_packet_at: None, last_packet_at: None }
    }
    /// Whole audio frames.
    pub fn frames(&self) -> usize {
        self.bytes.len().checked_div(self.format.bytes_per_frame()).unwrap_or(0)
    }
    pub(super) fn append(&mut self, now: Instant, packet: &[u8]) {
        if packet.is_empty() {
            return;
        }
        self.first_packet_at.get_or_insert(now);
        self.last_packet_at = Some(now);
        self.bytes.extend_from_slice(packet);
    }
}

/// The loudest sample of `bytes`, as a magnitude where full scale is 2³¹.
pub(super) fn peak(format: PcmFormat, bytes: &[u8]) -> u32 {
    let loudest = bytes.chunks_exact(usize::from(format.subslot_bytes).clamp(1, 4)).map(|sample| {
        let mut left_justified = [0; 4];
        left_justified[4 - sample.len()..].copy_from_slice(sample);
        i32::from_le_bytes(left_justified).unsigned_abs()
    });
    loudest.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_left_justified() {
        let peak_of = |bits, bytes: &[u8]| peak(PcmFormat::packed(48_000, 1, bits), bytes);
        assert_eq!(peak_of(16, &[0x00, 0x40, 0x00, 0x80]), 1 << 31);
        assert_eq!(peak_of(16, &[0x00, 0x40]), 1 << 30);
        assert_eq!(peak_of(24, &[0x00, 0x00, 0xC0]), 1 << 30);
        assert_eq!(peak_of(24, &[]), 0);
    }
}
