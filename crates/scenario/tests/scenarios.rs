//! Every file of `fixtures/scenarios` comes out as it expects, and the same each time.

use scenario::{LogLevel, Run, RunOptions, Scenario};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/scenarios");
    let entries = folder.read_dir().expect("the folder of the scenarios is there");
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

fn run(scenario: &Scenario, log: LogLevel) -> Run {
    scenario.run(RunOptions { log, ..RunOptions::default() })
}

fn first_difference(a: &str, b: &str) -> String {
    let mut lines = a.lines().zip(b.lines());
    lines.find(|(a, b)| a != b).map_or_else(|| "one is longer".into(), |(a, b)| format!("{a} / {b}"))
}

#[test]
fn every_scenario_meets_its_expectations_and_repeats() {
    let mut failures = String::new();
    let mut count = 0;
    for file in files() {
        count += 1;
        let scenario = match Scenario::read(&file) {
            Ok(scenario) => scenario,
            Err(error) => {
                let _infallible = writeln!(failures, "{error}");
                continue;
            }
        };
        let first = run(&scenario, LogLevel::Summary);
        for unmet in first.unmet(&scenario) {
            let _infallible = writeln!(failures, "{}:{unmet}", file.display());
        }
        let again = run(&scenario, LogLevel::Summary);
        if first != again {
            let difference = first_difference(&first.log, &again.log);
            let _infallible = writeln!(failures, "{}: two runs differ: {difference}", file.display());
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(count >= 11, "only {count} scenarios");
}

#[test]
fn the_order_of_tasks_changes_nothing_that_is_expected() {
    let mut failures = String::new();
    for file in files() {
        let scenario = Scenario::read(&file).unwrap_or_else(|error| panic!("{error}"));
        for seed in [1, 0x5eed] {
            let seeded = Scenario { seed, ..scenario.clone() };
            for unmet in run(&seeded, LogLevel::Summary).unmet(&seeded) {
                let _infallible = writeln!(failures, "seed {seed:#x} {}:{unmet}", file.display());
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn how_much_is_logged_changes_nothing_that_is_measured() {
    for name in ["suspend-aoc.toml", "hub-two-headsets.toml", "dsp-late.toml"] {
        let file = files().into_iter().find(|file| file.ends_with(name)).expect(name);
        let scenario = Scenario::read(&file).unwrap_or_else(|error| panic!("{error}"));
        let [off, summary, full] =
            [LogLevel::Off, LogLevel::Summary, LogLevel::Full].map(|level| run(&scenario, level));
        assert_eq!(off.log, "");
        assert_eq!((&off.report, &off.received), (&summary.report, &summary.received), "{name}");
        assert_eq!((&off.report, &off.received), (&full.report, &full.received), "{name}");
        let mut rest = full.log.lines();
        let kept = summary.log.lines().all(|line| rest.any(|other| other == line));
        assert!(kept, "{name}: the short log is not part of the full one");
        assert!(full.log.len() > 10 * summary.log.len(), "{name}");
        assert_eq!(run(&scenario, LogLevel::Full).log, full.log, "{name}");
    }
}
