use super::Audio;
use usb_spec::audio::PcmFormat;

/// Audio that is computed: no frame is like the ones near it, so that whatever is lost, doubled or swapped shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Synthetic {
    /// The format.
    pub format: PcmFormat,
    /// How many audio frames.
    pub frames: u64,
}

impl Synthetic {
    /// The audio. The same for the same format and length, on every machine.
    pub fn render(self) -> Audio {
        let Self { format, frames } = self;
        let subslot = usize::from(format.subslot_bytes);
        let samples = frames * u64::from(format.channels);
        let mut bytes = Vec::with_capacity(usize::try_from(samples).unwrap_or(0) * subslot);
        for n in 0..samples {
            // An odd multiplier over 2^64 visits every value; its high bits look like noise.
            let word = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
            bytes.extend_from_slice(&word[..subslot]);
        }
        Audio { format, bytes: bytes.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ_in_every_format() {
        for (channels, bits) in [(1, 16), (2, 16), (1, 24), (2, 24)] {
            let format = PcmFormat::packed(96_000, channels, bits);
            let audio = Synthetic { format, frames: 500 }.render();
            assert_eq!(audio.frames(), 500);
            let frames: Vec<&[u8]> = audio.bytes.chunks_exact(format.bytes_per_frame()).collect();
            assert!(frames.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }
}
