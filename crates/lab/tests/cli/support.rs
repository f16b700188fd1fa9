//! Running the program, and the files that it is given.

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// What a run of the program gave.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program in an empty directory, or in `dir`.
pub(crate) fn lab(dir: &Path, arguments: &[&str]) -> Outcome {
    let program = Command::new(env!("CARGO_BIN_EXE_xhci-lab")).args(arguments).current_dir(dir).output();
    outcome(program.expect("the program starts"))
}

/// The same, with something to read.
pub(crate) fn lab_reading(dir: &Path, arguments: &[&str], stdin: &str) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xhci-lab"));
    command.args(arguments).current_dir(dir);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = command.spawn().expect("the program starts");
    let mut pipe = program.stdin.take().expect("it was asked for");
    // It is short: the pipe takes all of it, whether the program reads or not.
    pipe.write_all(stdin.as_bytes()).expect("there is room in the pipe");
    drop(pipe);
    outcome(program.wait_with_output().expect("the program ends"))
}

fn outcome(output: Output) -> Outcome {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the output is text");
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The report of `stream --json`, which has to succeed.
pub(crate) fn stream_json(dir: &Path, arguments: &[&str]) -> Value {
    let outcome = lab(dir, &[&["stream", "--json"], arguments].concat());
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    serde_json::from_str(&outcome.stdout).expect("one JSON object")
}

pub(crate) fn temp_dir() -> TempDir {
    tempfile::tempdir().expect("there is room for temporary files")
}

/// Writes a PCM file of noise.
pub(crate) fn write_wav(path: &Path, rate_hz: u32, bits: u16, channels: u16, frames: u32) -> Vec<i32> {
    let spec =
        WavSpec { channels, sample_rate: rate_hz, bits_per_sample: bits, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(path, spec).expect("the directory can be written");
    let mut state = 0x2545_F491_u32;
    let mut noise = || {
        // xorshift32; the sign is kept when the top bits are taken.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.cast_signed() >> (32 - bits)
    };
    let samples: Vec<i32> = (0..frames * u32::from(channels)).map(|_| noise()).collect();
    for &sample in &samples {
        writer.write_sample(sample).expect("the sample fits");
    }
    writer.finalize().expect("the file can be finished");
    samples
}

/// Format and samples of a file.
pub(crate) fn read_wav(path: &Path) -> (WavSpec, Vec<i32>) {
    let mut reader = WavReader::open(path).expect("a WAV file");
    let spec = reader.spec();
    (spec, reader.samples().map(|sample| sample.expect("a sample")).collect())
}

/// The files below a directory.
pub(crate) fn files_in(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in dir.read_dir().expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_in(&path));
        }
        files.push(path);
    }
    files.sort();
    files
}

/// The number of a field.
pub(crate) fn number(report: &Value, field: &str) -> f64 {
    report[field].as_f64().unwrap_or_else(|| panic!("{field} is {:?}", report[field]))
}
