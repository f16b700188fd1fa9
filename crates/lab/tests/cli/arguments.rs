//! Arguments that contradict each other or can't be.

use crate::support::{files_in, lab, temp_dir, write_wav};
use expect_test::expect;

#[test]
fn contradictions_have_one_line_each() {
    let dir = temp_dir();
    write_wav(&dir.path().join("short.wav"), 48_000, 16, 2, 480);
    let cases: [&[&str]; 8] = [
        &["--resume-at", "2000"],
        &["--suspend-at", "2000"],
        &["--suspend-at", "2000", "--resume-at", "2000"],
        &["--suspend-at", "2000", "--resume-at", "1000"],
        &["--suspend-at", "10000", "--resume-at", "11000"],
        &["--unplug-at", "10000"],
        &["--wav", "short.wav", "--suspend-at", "10", "--resume-at", "20"],
        &["--wav", "short.wav", "--unplug-at", "10"],
    ];
    let before = files_in(dir.path());
    let mut table = String::new();
    for case in cases {
        let outcome = lab(dir.path(), &[case, &["--out", "out"]].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{case:?}");
        table += &outcome.stderr;
    }
    expect![[r#"
        error: --resume-at 2000: there is no --suspend-at
        error: --suspend-at 2000: there is no --resume-at
        error: --resume-at 2000: not after --suspend-at 2000
        error: --resume-at 1000: not after --suspend-at 2000
        error: --suspend-at 10000: the audio ends after 10000 ms
        error: --unplug-at 10000: the audio ends after 10000 ms
        error: --suspend-at 10: the audio ends after 10 ms
        error: --unplug-at 10: the audio ends after 10 ms
    "#]]
    .assert_eq(&table);
    assert_eq!(files_in(dir.path()), before, "something was left behind");
}

#[test]
fn arguments_that_are_not_known_are_explained() {
    let dir = temp_dir();
    let cases: [&[&str]; 7] = [
        &["--path", "sidebend"],
        &["--device", "uac3"],
        &["--suspend-at", "-1", "--resume-at", "5"],
        &["--suspend-at", "soon"],
        &["--ppm", "5000"],
        &["--seeed", "1"],
        &["scenario"],
    ];
    for case in cases {
        let outcome = lab(dir.path(), case);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{case:?}");
        assert!(outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
    }
    let outcome = lab(dir.path(), &["--path", "sidebend"]);
    assert!(outcome.stderr.contains("'sideband'"), "{}", outcome.stderr);
}

#[test]
fn help_and_version_are_there() {
    let dir = temp_dir();
    for arguments in [&["--help"][..], &["stream", "--help"], &["scenario", "--help"]] {
        let outcome = lab(dir.path(), arguments);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        assert!(outcome.stdout.contains("Usage: xhci-lab"), "{}", outcome.stdout);
    }
    let help = lab(dir.path(), &["--help"]).stdout;
    assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
    let version = lab(dir.path(), &["--version"]).stdout;
    assert_eq!(version, format!("xhci-lab {}\n", env!("CARGO_PKG_VERSION")));
}
