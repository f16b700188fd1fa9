//! `xhci-lab scenario`.

use crate::support::{lab, temp_dir};
use expect_test::expect;
use serde_json::Value;
use std::fs;

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/scenarios");

const GOOD: &str = r#"
title = "A tenth of a second"
[[topology.device]]
name = "headset"
port = "1"
kind = "uac2"
[audio]
ms = 100
[[stream]]
name = "noise"
[[timeline]]
at_ms = 0
action = "start"
expect = "ok"
[expect]
bit_exact = true
"#;

#[test]
fn the_scenarios_of_the_repository_pass() {
    let dir = temp_dir();
    let outcome = lab(dir.path(), &["scenario", SCENARIOS, "--out", "logs"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{}", outcome.stdout);
    let passed = outcome.stdout.lines().filter(|line| line.starts_with("ok   ")).count();
    assert!(
        outcome.stdout.ends_with(&format!("{passed} of {passed} scenarios passed\n")),
        "{}",
        outcome.stdout
    );
    let logs = dir.path().join("logs").read_dir().expect("the logs are there").count();
    assert_eq!(logs, passed);
}

#[test]
fn an_expectation_that_is_not_met_names_its_line() {
    let dir = temp_dir();
    let text = GOOD
        .replace("bit_exact = true", "tds = \"< 100\"\nlog = [\"nobody says this\"]")
        .replace("\"ok\"", "\"-EBUSY\"");
    fs::write(dir.path().join("wrong.toml"), text).expect("writable");
    let outcome = lab(dir.path(), &["scenario", "wrong.toml"]);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(outcome.stderr, "failed: 1 scenario\n");
    // The first line has the wall time.
    let unmet = outcome.stdout.split_once('\n').map_or("", |(_, rest)| rest);
    expect![[r#"
             wrong.toml:13: start noise gave ok, expected -EBUSY
             wrong.toml:16: tds is 871, expected < 100
             wrong.toml:log: `nobody says this` is not in the event log
        0 of 1 scenarios passed
    "#]]
    .assert_eq(unmet);
}

#[test]
fn mistakes_in_files_are_told_all_at_once() {
    let dir = temp_dir();
    for (name, text) in [
        ("a.toml", GOOD.replace("\"start\"", "\"strat\"")),
        ("b.toml", GOOD.to_owned()),
        ("c.toml", GOOD.replace("\"uac2\"", "\"uac1\"").replace("ms = 100", "ms = 100\nrate = 96000")),
        ("d.toml", GOOD.replace("bit_exact", "bit_exakt")),
    ] {
        fs::write(dir.path().join(name), text).expect("writable");
    }
    let outcome = lab(dir.path(), &["scenario", ".", "missing.toml"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    expect![[r#"
        error: ./a.toml:13: action: unknown variant `strat`, expected one of `start`, `stop`, `suspend`, `unplug`, `plug`, `dsp_stall`, `dsp_late`, `dsp_silent`, `dsp_crash`, `dsp_restart`, `offload_get`, `offload_put`, `power_auto`, `power_on`, `fault`; did you mean `start`?
        error: ./c.toml:7: audio: a uac1 device does not play 96000 Hz, 16 bit, 2 ch; it offers 16 bit 2 ch at 44100/48000 Hz; 16 bit 1 ch at 44100/48000 Hz
        error: ./d.toml:16: expect: unknown `bit_exakt`; did you mean `bit_exact`?
        error: missing.toml: no such file
    "#]].assert_eq(&outcome.stderr);
    let empty = temp_dir();
    let outcome = lab(empty.path(), &["scenario", "."]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(outcome.stderr, "error: .: no scenario files (*.toml) in it\n");
}

#[test]
fn json_has_an_object_for_each_scenario() {
    let dir = temp_dir();
    fs::write(dir.path().join("good.toml"), GOOD).expect("writable");
    let outcome = lab(dir.path(), &["scenario", "--json", "good.toml", "good.toml"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let objects: Vec<Value> =
        outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0]["passed"], true);
    assert_eq!(objects[0]["report"]["streams"][0]["bit_exact"], true);
    assert_eq!(objects[0]["calls"][0]["result"], "ok");
}
