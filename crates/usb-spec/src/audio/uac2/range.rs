//! Replies to RANGE (Audio 2.0 5.2.1 to 5.2.3): a list of MIN, MAX, RES.

use alloc::vec::Vec;

/// Bytes of a value in a RANGE reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// Layout 1, one byte.
    Bytes1 = 1,
    /// Layout 2: two bytes; a volume in 1/256 dB.
    Bytes2 = 2,
    /// Layout 3: four bytes; a sampling frequency in Hz.
    Bytes4 = 4,
}

/// One subrange. A single value has MIN = MAX and RES 0. A negative volume stands in its low 16 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Range {
    /// MIN.
    pub min: u32,
    /// MAX.
    pub max: u32,
    /// RES.
    pub resolution: u32,
}

impl Range {
    /// The subrange of one value.
    #[must_use]
    pub const fn single(value: u32) -> Self {
        Self { min: value, max: value, resolution: 0 }
    }

    /// Whether a value is one of this subrange, as unsigned numbers: right for frequencies, not for volumes.
    #[must_use]
    pub const fn contains(self, value: u32) -> bool {
        self.min <= value
            && value <= self.max
            && (self.resolution == 0 || (value - self.min).is_multiple_of(self.resolution))
    }

    /// The reply with these subranges; more than 65535 are cut.
    #[must_use]
    pub fn reply(ranges: &[Self], layout: Layout) -> Vec<u8> {
        let count = u16::try_from(ranges.len()).unwrap_or(u16::MAX);
        let mut bytes = count.to_le_bytes().to_vec();
        for range in ranges.iter().take(usize::from(count)) {
            for value in [range.min, range.max, range.resolution] {
                bytes.extend(value.to_le_bytes().into_iter().take(layout as usize));
            }
        }
        bytes
    }

    /// The subranges of a reply: as many as it says and has.
    #[must_use]
    pub fn parse_reply(reply: &[u8], layout: Layout) -> Vec<Self> {
        let Some((count, rest)) = reply.split_first_chunk() else {
            return Vec::new();
        };
        let count = usize::from(u16::from_le_bytes(*count));
        let size = layout as usize;
        let value = |bytes: &[u8]| bytes.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte));
        rest.chunks_exact(3 * size)
            .take(count)
            .map(|triplet| Self {
                min: value(&triplet[..size]),
                max: value(&triplet[size..2 * size]),
                resolution: value(&triplet[2 * size..]),
            })
            .collect()
    }
}
