//! Every format that a device offers goes through bit-exactly, however short the file.

use crate::support::{number, read_wav, stream_json, temp_dir, write_wav};

fn plays(device: &str, rate_hz: u32, bits: u16, channels: u16, frames: u32, more: &[&str]) {
    let what = format!("{device} {rate_hz} Hz {bits} bit {channels} ch, {frames} frames {more:?}");
    let dir = temp_dir();
    let wav = dir.path().join("in.wav");
    let samples = write_wav(&wav, rate_hz, bits, channels, frames);
    let report =
        stream_json(dir.path(), &[&["--wav", "in.wav", "--device", device, "--out", "out"], more].concat());
    assert_eq!(report["bit_exact"], true, "{what}");
    assert_eq!(report["end"], "finished", "{what}");
    assert_eq!(
        (number(&report, "frames_in"), number(&report, "frames_out")),
        (frames.into(), frames.into()),
        "{what}"
    );
    assert_eq!((number(&report, "missed_service"), number(&report, "underruns")), (0.0, 0.0), "{what}");
    assert_eq!(number(&report, "offload_usage_end"), 0.0, "{what}");
    let (spec, captured) = read_wav(&dir.path().join("out/capture.wav"));
    assert_eq!((spec.sample_rate, spec.bits_per_sample, spec.channels), (rate_hz, bits, channels), "{what}");
    assert!(captured == samples, "{what}: capture.wav differs");
}

const LENGTHS: [u32; 5] = [1, 2, 7, 1_001, 30_000];

#[test]
fn a_headset_of_audio_class_2_plays_all_its_formats() {
    for rate_hz in [44_100, 48_000, 96_000] {
        for (bits, channels) in [(16, 1), (16, 2), (24, 1), (24, 2)] {
            for frames in LENGTHS {
                plays("uac2", rate_hz, bits, channels, frames, &[]);
            }
        }
    }
}

#[test]
fn a_speaker_of_audio_class_1_plays_all_its_formats() {
    for rate_hz in [44_100, 48_000] {
        for channels in [1, 2] {
            for frames in LENGTHS {
                plays("uac1", rate_hz, 16, channels, frames, &[]);
            }
        }
    }
}

#[test]
fn the_other_drivers_play_them_too() {
    for driver in [&["--client", "qc"], &["--path", "urb"]] {
        for frames in [1, 2, 30_000] {
            plays("uac2", 44_100, 24, 2, frames, driver);
            plays("uac1", 44_100, 16, 1, frames, driver);
        }
    }
}

#[test]
fn a_crystal_that_is_off_costs_nothing() {
    for ppm in ["500", "-500"] {
        plays("uac2", 48_000, 16, 2, 96_000, &["--ppm", ppm]);
        plays("uac2", 44_100, 16, 2, 96_000, &["--ppm", ppm, "--path", "urb"]);
        plays("uac1", 48_000, 16, 2, 96_000, &["--ppm", ppm]);
    }
}
