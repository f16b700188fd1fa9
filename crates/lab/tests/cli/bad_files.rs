//! Files that can't be played: one line that names the file and the reason, exit code 2, nothing left behind.

use crate::support::{files_in, lab, temp_dir, write_wav};
use expect_test::expect;
use hound::{SampleFormat, WavSpec, WavWriter};
use std::fs;
use std::path::Path;

fn empty_wav(
    path: &Path,
    channels: u16,
    sample_rate: u32,
    bits_per_sample: u16,
    sample_format: SampleFormat,
) {
    let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format };
    WavWriter::create(path, spec).and_then(WavWriter::finalize).expect("the directory can be written");
}

#[test]
fn each_mistake_has_its_line() {
    let dir = temp_dir();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("text.wav"), "la la la").expect("writable");
    fs::write(at("empty.wav"), "").expect("writable");
    write_wav(&at("good.wav"), 48_000, 16, 2, 100);
    let whole = fs::read(at("good.wav")).expect("just written");
    fs::write(at("truncated.wav"), &whole[..whole.len() - 10]).expect("writable");
    fs::write(at("header.wav"), &whole[..30]).expect("writable");
    fs::create_dir(at("folder.wav")).expect("writable");
    empty_wav(&at("float.wav"), 2, 48_000, 32, SampleFormat::Float);
    empty_wav(&at("eight.wav"), 2, 48_000, 8, SampleFormat::Int);
    empty_wav(&at("three.wav"), 3, 48_000, 16, SampleFormat::Int);
    empty_wav(&at("slow.wav"), 2, 22_050, 16, SampleFormat::Int);
    empty_wav(&at("silent.wav"), 2, 48_000, 16, SampleFormat::Int);
    let before = files_in(dir.path());

    let files = [
        "missing.wav",
        "folder.wav",
        "text.wav",
        "empty.wav",
        "header.wav",
        "truncated.wav",
        "float.wav",
        "eight.wav",
        "three.wav",
        "slow.wav",
        "silent.wav",
    ];
    let mut table = String::new();
    for file in files {
        let outcome = lab(dir.path(), &["stream", "--wav", file, "--out", "out"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{file}");
        table += &outcome.stderr;
    }
    expect![[r#"
        error: missing.wav: no such file
        error: folder.wav: is a directory
        error: text.wav: not a WAV file (no RIFF tag found)
        error: empty.wav: truncated: it ends before the audio begins
        error: header.wav: truncated: it ends before the audio begins
        error: truncated.wav: truncated: its header announces 100 frames, it has 97
        error: float.wav: floating-point samples, only PCM of 16 or 24 bit is played
        error: eight.wav: 8 bit, only PCM of 16 or 24 bit is played
        error: three.wav: 3 channels, only 1 or 2 are played
        error: slow.wav: 22050 Hz, only 44100, 48000 and 96000 Hz are played
        error: silent.wav: it has no audio frames
    "#]]
    .assert_eq(&table);
    assert_eq!(files_in(dir.path()), before, "something was left behind");
}

#[test]
fn a_device_that_lacks_the_format_says_what_it_offers() {
    let dir = temp_dir();
    write_wav(&dir.path().join("fine.wav"), 96_000, 24, 2, 10);
    let outcome = lab(dir.path(), &["stream", "--wav", "fine.wav", "--device", "uac1", "--out", "out"]);
    assert_eq!(outcome.code, Some(2));
    expect![[r#"
        error: fine.wav: a uac1 device does not play 96000 Hz, 24 bit, 2 ch; it offers 16 bit 2 ch at 44100/48000 Hz; 16 bit 1 ch at 44100/48000 Hz
    "#]].assert_eq(&outcome.stderr);
    assert!(!dir.path().join("out").exists());
}

#[test]
fn a_directory_that_cannot_be_written_is_found_before_the_run() {
    let dir = temp_dir();
    fs::write(dir.path().join("file"), "in the way").expect("writable");
    for out in ["file", "file/out", "/proc/out"] {
        let outcome = lab(dir.path(), &["stream", "--out", out]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{out}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(out), "{}", outcome.stderr);
    }
    assert_eq!(files_in(dir.path()), [dir.path().join("file")]);
}
