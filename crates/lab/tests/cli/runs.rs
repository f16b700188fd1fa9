//! What streams do: the fixture, determinism, system sleep, the cable, the two paths.

use crate::support::{lab, number, read_wav, stream_json, temp_dir, write_wav};
use std::fs;
use std::path::Path;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/audio/plucked-strings.wav");

#[test]
fn the_fixture_passes_bit_exactly_and_the_host_hears_nothing_of_it() {
    let dir = temp_dir();
    let report = stream_json(dir.path(), &["--out", "out"]);
    assert_eq!((report["path"].as_str(), report["client"].as_str()), (Some("sideband"), Some("aoc")));
    assert_eq!(report["bit_exact"], true);
    assert_eq!(number(&report, "frames_out"), 480_000.0);
    assert!(number(&report, "tds") >= 80_000.0);
    assert!(number(&report, "sideband_events") >= 80_000.0);
    assert!(number(&report, "host_interrupts_per_s") < 1.0);
    assert!((9.99..10.01).contains(&number(&report, "bus_seconds")));
    assert!(number(&report, "wall_seconds") > 0.0);
    assert!(read_wav(&dir.path().join("out/capture.wav")) == read_wav(Path::new(FIXTURE)));
}

#[test]
fn without_arguments_the_fixture_is_played_and_a_table_printed() {
    let dir = temp_dir();
    let outcome = lab(dir.path(), &[]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    let start = "path sideband · client aoc · uac2 headset · 48000 Hz 16 bit 2 ch\n  frames in/out    480000 / 480000\n";
    assert!(outcome.stdout.starts_with(start), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("  bit-exact        yes\n"), "{}", outcome.stdout);
    assert_eq!(dir.path().read_dir().expect("a directory").count(), 0, "no --out, no files");
}

#[test]
fn a_seed_gives_the_same_files_byte_for_byte() {
    let dir = temp_dir();
    write_wav(&dir.path().join("in.wav"), 44_100, 16, 2, 40_000);
    let common = ["stream", "--wav", "in.wav", "--log", "full", "--suspend-at", "200", "--resume-at", "500"];
    for seed in ["0", "1", "77"] {
        let files: Vec<(Vec<u8>, Vec<u8>)> = ["a", "b"]
            .map(|out| {
                let outcome = lab(dir.path(), &[&common[..], &["--seed", seed, "--out", out]].concat());
                assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
                let read = |name: &str| fs::read(dir.path().join(out).join(name)).expect("the file is there");
                (read("capture.wav"), read("events.log"))
            })
            .into();
        assert!(files[0] == files[1], "seed {seed}: two runs differ");
        assert!(!files[0].1.is_empty());
    }
}

#[test]
fn a_capture_has_every_packet_and_changes_nothing() {
    let dir = temp_dir();
    let samples = write_wav(&dir.path().join("in.wav"), 48_000, 16, 2, 4_800);
    let capture = |name: &str, device: &str| {
        let arguments =
            ["--wav", "in.wav", "--device", device, "--pcapng", name, "--out", name.split_at(1).0];
        assert_eq!(stream_json(dir.path(), &arguments)["bit_exact"], true);
        fs::read(dir.path().join(name)).expect("the capture is there")
    };
    let bytes = capture("a.pcapng", "uac1");
    assert!(bytes == capture("b.pcapng", "uac1"), "two runs differ");
    stream_json(dir.path(), &["--wav", "in.wav", "--device", "uac1", "--out", "c"]);
    let log = |out: &str| fs::read(dir.path().join(out).join("events.log")).expect("the log is there");
    assert!(log("a") == log("c"), "the capture shows in the log");
    // 48 frames a millisecond, in packets of their own: DATA0, frames, CRC.
    let frames: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()[..2].to_vec()).collect();
    let mut rest = bytes.as_slice();
    for (number, packet) in frames.chunks(192).enumerate() {
        let framed = [&[0xC3], packet].concat();
        let at = rest.windows(framed.len()).position(|window| window == framed);
        rest = &rest[at.unwrap_or_else(|| panic!("packet {number} is missing"))..];
    }
    let outcome = lab(dir.path(), &["stream", "--wav", "in.wav", "--pcapng", "no/such/dir.pcapng"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(outcome.stderr, "error: no/such/dir.pcapng: No such file or directory (os error 2)\n");
}

#[test]
fn the_short_log_is_short_and_ordered() {
    let dir = temp_dir();
    let lines = |out: &str, log: &str| {
        stream_json(dir.path(), &["--log", log, "--out", out]);
        fs::read_to_string(dir.path().join(out).join("events.log")).expect("the log is there")
    };
    let (summary, full) = (lines("summary", "summary"), lines("full", "full"));
    assert!(summary.lines().count() < 200, "{} lines", summary.lines().count());
    assert!(full.lines().count() > 160_000, "{} lines", full.lines().count());
    let times: Vec<&str> = full.lines().filter_map(|line| line.split(' ').next()).collect();
    let seconds = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("`{text}` is no time"));
    assert!(times.windows(2).all(|pair| seconds(pair[0]) <= seconds(pair[1])), "time runs backwards");
}

#[test]
fn the_host_sleeps_while_the_aoc_client_streams_on() {
    let dir = temp_dir();
    let report = stream_json(dir.path(), &["--suspend-at", "2000", "--resume-at", "7000"]);
    assert_eq!(report["bit_exact"], true);
    assert_eq!(number(&report, "suspended_s"), 5.0);
    assert!((4.9..=5.0).contains(&number(&report, "asleep_s")));
    assert_eq!(number(&report, "interrupts_asleep"), 0.0);
    assert!((9.99..10.01).contains(&number(&report, "bus_seconds")));
    assert_eq!(number(&report, "offload_usage_end"), 0.0);
}

#[test]
fn a_sleep_may_outlast_the_audio_and_begin_at_once() {
    let dir = temp_dir();
    write_wav(&dir.path().join("in.wav"), 48_000, 16, 2, 24_000);
    for times in [["100", "2000"], ["0", "300"], ["499", "500"]] {
        let [from, to] = times;
        let report = stream_json(dir.path(), &["--wav", "in.wav", "--suspend-at", from, "--resume-at", to]);
        assert_eq!(report["bit_exact"], true, "{times:?}");
        assert_eq!(number(&report, "offload_usage_end"), 0.0, "{times:?}");
    }
}

#[test]
fn the_qc_client_is_torn_down_by_a_sleep_and_leaks_a_reference() {
    let dir = temp_dir();
    let report = stream_json(dir.path(), &["--client", "qc", "--suspend-at", "2000", "--resume-at", "3000"]);
    assert_eq!(report["bit_exact"], false);
    assert_eq!(report["end"], "the stream was torn down by suspend");
    assert!((90_000.0..=96_000.0).contains(&number(&report, "frames_out")));
    assert_eq!(number(&report, "offload_usage_end"), 1.0);
}

#[test]
fn urbs_pause_while_the_host_sleeps() {
    let dir = temp_dir();
    let report = stream_json(dir.path(), &["--path", "urb", "--suspend-at", "2000", "--resume-at", "7000"]);
    assert_eq!(report["bit_exact"], true);
    assert!(number(&report, "bus_seconds") > 14.9);
}

#[test]
fn an_unplugged_device_keeps_what_it_got() {
    let dir = temp_dir();
    let (_, fixture) = read_wav(Path::new(FIXTURE));
    for arguments in [&["--client", "aoc"], &["--client", "qc"], &["--path", "urb"]] {
        let report =
            stream_json(dir.path(), &[&arguments[..], &["--unplug-at", "1500", "--out", "out"]].concat());
        assert_eq!(report["end"], "the stream was torn down by unplug", "{arguments:?}");
        assert_eq!(report["bit_exact"], false, "{arguments:?}");
        assert_eq!(number(&report, "offload_usage_end"), 0.0, "{arguments:?}");
        let (_, captured) = read_wav(&dir.path().join("out/capture.wav"));
        assert_eq!(number(&report, "frames_out"), captured.len() as f64 / 2.0, "{arguments:?}");
        assert!((70_000..=72_000).contains(&(captured.len() / 2)), "{arguments:?}: {}", captured.len() / 2);
        assert!(fixture.starts_with(&captured), "{arguments:?}");
    }
}

#[test]
fn urbs_interrupt_the_host_and_the_sideband_does_not() {
    let dir = temp_dir();
    for device in ["uac2", "uac1"] {
        let urb = stream_json(dir.path(), &["--path", "urb", "--device", device]);
        let sideband = stream_json(dir.path(), &["--device", device]);
        assert!(number(&urb, "host_interrupts_per_s") > 100.0, "{device}");
        assert!(number(&sideband, "host_interrupts_per_s") < 1.0, "{device}");
        assert_eq!(number(&urb, "sideband_events"), 0.0, "{device}");
        assert!(number(&sideband, "sideband_events") >= 10_000.0, "{device}");
        assert_eq!((&urb["bit_exact"], &sideband["bit_exact"]), (&true.into(), &true.into()), "{device}");
    }
}
