use super::{Audio, wav};
use usb_spec::audio::PcmFormat;

/// The fixture, as a path from the top of the repository.
pub const FIXTURE_FILE: &str = "fixtures/audio/plucked-strings.wav";

const WAV: &[u8] = include_bytes!("../../../../fixtures/audio/plucked-strings.wav");

const FORMAT: PcmFormat = PcmFormat::packed(48_000, 2, 16);
const SECONDS: usize = 10;
const FRAMES: usize = SECONDS * FORMAT.rate_hz as usize;
/// From one note to the next: 0.2 s.
const STEP: usize = FORMAT.rate_hz as usize / 5;

pub(super) fn embedded() -> Audio {
    match wav::decode(WAV, WAV.len() as u64) {
        Ok(audio) => audio,
        // A test reads the file that is compiled in.
        Err(reason) => unreachable!("{FIXTURE_FILE}: {reason}"),
    }
}

/// The audio of the fixture, computed: plucked strings after Karplus and Strong, a chord every 1.6 s, a note of it every
/// 0.2 s. Integers only, so that it is the same on every machine.
pub fn render_plucked_strings() -> Audio {
    let mut mix = vec![[0i32; 2]; FRAMES];
    let mut noise = Noise(0x2545_F491);
    for (step, start) in (0..FRAMES).step_by(STEP).enumerate() {
        let chord = CHORDS[step / PATTERN.len() % CHORDS.len()];
        let string = PATTERN[step % PATTERN.len()];
        pluck(&mut mix[start..], chord[string], string, &mut noise);
    }
    let bytes = mix
        .iter()
        .flat_map(|frame| frame.map(|sample| i16::try_from(sample / 2).unwrap_or(i16::MAX)))
        .flat_map(i16::to_le_bytes)
        .collect();
    Audio { format: FORMAT, bytes }
}

/// The lengths of the strings, in samples of 48 kHz, lowest first: A minor, F, C, G with the open voicings of a guitar.
const CHORDS: [[usize; 4]; 4] =
    [[436, 291, 218, 183], [275, 218, 183, 137], [367, 291, 183, 145], [489, 327, 194, 163]];
/// Which string is plucked in each step.
const PATTERN: [usize; 8] = [0, 2, 1, 3, 2, 1, 3, 2];

/// One string: a delay line that begins as noise and loses its edges with each round.
fn pluck(mix: &mut [[i32; 2]], length: usize, string: usize, noise: &mut Noise) {
    let mut line: Vec<i32> = (0..length).map(|_| noise.sample()).collect();
    // The strings stand from left to right; the shares of both sides are quarters.
    let (left, right) = [(4, 1), (3, 2), (2, 3), (1, 4)][string];
    for (n, frame) in mix.iter_mut().enumerate() {
        let (at, next) = (n % length, (n + 1) % length);
        let sample = line[at];
        // The mean of two neighbours, less 1/512: a second or two until it is gone.
        let mean = (sample + line[next]) / 2;
        line[at] = mean - mean / 512;
        frame[0] += sample * left / 4;
        frame[1] += sample * right / 4;
    }
}

/// xorshift32 (Marsaglia 2003).
struct Noise(u32);

impl Noise {
    /// Within a half of full scale.
    fn sample(&mut self) -> i32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        i32::from(self.0.to_be_bytes()[0]) * 256 + i32::from(self.0.to_be_bytes()[1]) - 32_768
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_what_is_rendered() {
        let audio = embedded();
        assert_eq!(audio.format, FORMAT);
        assert!(
            audio.bytes == render_plucked_strings().bytes,
            "cargo run -p scenario --example make_fixture"
        );
        assert!(WAV.len() < 2_000_000);
    }

    #[test]
    fn it_is_loud_enough_to_be_heard_and_not_clipped() {
        let bytes = render_plucked_strings().bytes;
        let samples = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
        let peak = samples.map(i16::unsigned_abs).max();
        assert!(peak.is_some_and(|peak| (16_000..32_700).contains(&peak)), "{peak:?}");
    }
}
