//! What is played: PCM in memory, from a WAV file, from the fixture, or made up.

mod fixture;
mod synthetic;
mod wav;

pub use fixture::{FIXTURE_FILE, render_plucked_strings};
pub use synthetic::Synthetic;
pub use wav::{WavError, read_wav, write_wav};

use std::rc::Rc;
use usb_spec::audio::PcmFormat;

/// Audio in memory: whole frames, coded as a device gets them over the bus.
#[derive(Clone, PartialEq, Eq)]
pub struct Audio {
    /// How `bytes` are coded; samples take the fewest whole bytes.
    pub format: PcmFormat,
    /// The frames, little endian, channels interleaved.
    pub bytes: Rc<[u8]>,
}

impl Audio {
    /// Number of audio frames.
    pub fn frames(&self) -> u64 {
        frames_of(self.format, &self.bytes)
    }

    /// The fixture of the repository, `fixtures/audio/plucked-strings.wav`: ten seconds of music, 48 kHz, 16 bit,
    /// stereo. It is part of the program, so that it is there wherever the program runs.
    pub fn fixture() -> Self {
        fixture::embedded()
    }
}

/// Whole audio frames of `format` in `bytes`.
pub(crate) fn frames_of(format: PcmFormat, bytes: &[u8]) -> u64 {
    bytes.len().checked_div(format.bytes_per_frame()).map_or(0, |frames| frames as u64)
}

impl std::fmt::Debug for Audio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Audio({}, {} frames)", self.format, self.frames())
    }
}
