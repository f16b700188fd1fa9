use super::Audio;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use usb_spec::audio::PcmFormat;

/// The longest audio that is taken: ten minutes.
const SECONDS_MAX: u32 = 600;
/// Audio frames per second that are taken.
const RATES_HZ: [u32; 3] = [44_100, 48_000, 96_000];

/// Why a WAV file can't be played or written. One line that names the file and the reason.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct WavError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads a PCM WAV file (also `WAVE_FORMAT_EXTENSIBLE`) of 1 or 2 channels, 16 or 24 bit, 44.1, 48 or 96 kHz, and of one
/// frame to ten minutes.
///
/// # Errors
/// The file can't be read, is no WAV file, ends too early, or has a format that no device here offers.
pub fn read_wav(path: &Path) -> Result<Audio, WavError> {
    let read = || {
        let file = File::open(path).map_err(|error| io_reason(&error))?;
        let metadata = file.metadata().map_err(|error| io_reason(&error))?;
        if metadata.is_dir() {
            return Err("is a directory".into());
        }
        decode(BufReader::new(file), metadata.len())
    };
    read().map_err(|reason| WavError { path: path.to_path_buf(), reason })
}

/// Writes audio as a PCM WAV file.
///
/// # Errors
/// The file can't be written.
pub fn write_wav(path: &Path, audio: &Audio) -> Result<(), WavError> {
    let write = || {
        let file = File::create(path).map_err(|error| io_reason(&error))?;
        encode(io::BufWriter::new(file), audio).map_err(|error| hound_reason(error, "written"))
    };
    write().map_err(|reason| WavError { path: path.to_path_buf(), reason })
}

/// `file_bytes` bounds what is reserved on the word of the header.
pub(super) fn decode(reader: impl Read, file_bytes: u64) -> Result<Audio, String> {
    let reader = WavReader::new(reader).map_err(|error| match error {
        hound::Error::IoError(_) => "truncated: it ends before the audio begins".into(),
        error => hound_reason(error, "read"),
    })?;
    let format = format_of(reader.spec())?;
    let frames = reader.duration();
    if frames == 0 {
        return Err("it has no audio frames".into());
    }
    if frames > SECONDS_MAX * format.rate_hz {
        return Err(format!("{} s of audio, at most {SECONDS_MAX} s are taken", frames / format.rate_hz));
    }
    let announced = frames as usize * format.bytes_per_frame();
    let mut bytes = Vec::with_capacity(announced.min(usize::try_from(file_bytes).unwrap_or(announced)));
    let subslot = usize::from(format.subslot_bytes);
    for sample in reader.into_samples::<i32>() {
        let sample = sample.map_err(|_| {
            let there = bytes.len() / format.bytes_per_frame();
            format!("truncated: its header announces {frames} frames, it has {there}")
        })?;
        bytes.extend_from_slice(&sample.to_le_bytes()[..subslot]);
    }
    Ok(Audio { format, bytes: bytes.into() })
}

fn format_of(spec: WavSpec) -> Result<PcmFormat, String> {
    let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = spec;
    if sample_format != SampleFormat::Int {
        return Err("floating-point samples, only PCM of 16 or 24 bit is played".into());
    }
    if !RATES_HZ.contains(&sample_rate) {
        return Err(format!("{sample_rate} Hz, only 44100, 48000 and 96000 Hz are played"));
    }
    let channels = match channels {
        1 => 1,
        2 => 2,
        other => return Err(format!("{other} channels, only 1 or 2 are played")),
    };
    let bits = match bits_per_sample {
        16 => 16,
        24 => 24,
        other => return Err(format!("{other} bit, only PCM of 16 or 24 bit is played")),
    };
    Ok(PcmFormat::packed(sample_rate, channels, bits))
}

pub(super) fn encode(writer: impl Write + Seek, audio: &Audio) -> Result<(), hound::Error> {
    let format = audio.format;
    let spec = WavSpec {
        channels: format.channels.into(),
        sample_rate: format.rate_hz,
        bits_per_sample: format.bits.into(),
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::new(writer, spec)?;
    // Whole frames only: a device whose cable was pulled may have got half a packet.
    let whole = audio.bytes.len() - audio.bytes.len() % format.bytes_per_frame();
    for sample in audio.bytes[..whole].chunks_exact(usize::from(format.subslot_bytes)) {
        let mut left_justified = [0; 4];
        left_justified[4 - sample.len()..].copy_from_slice(sample);
        writer.write_sample(i32::from_le_bytes(left_justified) >> (32 - 8 * sample.len()))?;
    }
    writer.finalize()
}

fn hound_reason(error: hound::Error, done: &str) -> String {
    match error {
        hound::Error::IoError(error) => io_reason(&error),
        hound::Error::FormatError(what @ ("no RIFF tag found" | "no WAVE tag found")) => {
            format!("not a WAV file ({what})")
        }
        hound::Error::FormatError(what) => format!("damaged WAV file ({what})"),
        hound::Error::Unsupported => "a compressed WAV file, only PCM of 16 or 24 bit is played".into(),
        other => format!("can't be {done}: {other}"),
    }
}

/// The reason alone: the number that [`io::Error`] adds says nothing more.
fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "is a directory".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn encoded(audio: &Audio) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        encode(&mut file, audio).expect("memory takes everything");
        file.into_inner()
    }

    fn refusal(channels: u16, sample_rate: u32, bits_per_sample: u16, sample_format: SampleFormat) -> String {
        let mut file = Cursor::new(Vec::new());
        let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format };
        WavWriter::new(&mut file, spec).and_then(WavWriter::finalize).expect("memory takes everything");
        decode(file.get_ref().as_slice(), 1000).expect_err("the format is not played")
    }

    #[test]
    fn every_format_comes_back_as_it_was() {
        for rate_hz in RATES_HZ {
            for (channels, bits) in [(1, 16), (2, 16), (1, 24), (2, 24)] {
                let format = PcmFormat::packed(rate_hz, channels, bits);
                let bytes = (0u8..).step_by(7).take(format.bytes_per_frame() * 3).collect();
                let audio = Audio { format, bytes };
                assert_eq!(decode(encoded(&audio).as_slice(), 1000), Ok(audio));
            }
        }
    }

    #[test]
    fn samples_of_24_bit_in_32_are_taken() {
        let mut file = encoded(&Audio { format: PcmFormat::packed(48_000, 1, 24), bytes: [1, 2, 3].into() });
        // WAVEFORMATEXTENSIBLE: the container becomes 32 bit wide, 24 of them are valid.
        let wide = 4u32;
        file[28..32].copy_from_slice(&(48_000 * wide).to_le_bytes());
        file[32..34].copy_from_slice(&4u16.to_le_bytes());
        file[34..36].copy_from_slice(&32u16.to_le_bytes());
        let data = file.len() - 3;
        file[data - 4..data].copy_from_slice(&wide.to_le_bytes());
        file.push(0);
        let audio = decode(file.as_slice(), 1000).expect("is PCM");
        assert_eq!((audio.format.bits, &*audio.bytes), (24, [1, 2, 3].as_slice()));
    }

    #[test]
    fn refusals_say_what_is_wrong_and_what_is_played() {
        use SampleFormat::{Float, Int};
        let table = [
            refusal(2, 48_000, 32, Float),
            refusal(2, 48_000, 8, Int),
            refusal(3, 48_000, 16, Int),
            refusal(2, 22_050, 16, Int),
            refusal(2, 48_000, 16, Int),
            decode(b"not sound".as_slice(), 9).expect_err("is text"),
            decode(b"RIFF\x10\0\0\0WAVEfmt ".as_slice(), 16).expect_err("has no format"),
        ];
        expect_test::expect![[r#"
            floating-point samples, only PCM of 16 or 24 bit is played
            8 bit, only PCM of 16 or 24 bit is played
            3 channels, only 1 or 2 are played
            22050 Hz, only 44100, 48000 and 96000 Hz are played
            it has no audio frames
            not a WAV file (no RIFF tag found)
            truncated: it ends before the audio begins"#]]
        .assert_eq(&table.join("\n"));
    }

    #[test]
    fn a_truncated_file_says_how_much_there_is() {
        let file = encoded(&Audio { format: PcmFormat::packed(48_000, 2, 16), bytes: [7; 400].into() });
        let error = decode(&file[..file.len() - 3], 1000).expect_err("is cut");
        assert_eq!(error, "truncated: its header announces 100 frames, it has 99");
    }

    #[test]
    fn more_than_ten_minutes_are_refused_before_they_are_read() {
        let mut file = encoded(&Audio { format: PcmFormat::packed(48_000, 2, 16), bytes: [7; 4].into() });
        let data = file.len() - 4;
        file[data - 4..data].copy_from_slice(&(48_000u32 * 4 * 601).to_le_bytes());
        let error = decode(file.as_slice(), 1000).expect_err("is too long");
        assert_eq!(error, "601 s of audio, at most 600 s are taken");
    }
}
