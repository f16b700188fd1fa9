//! Every file in `fixtures/scenarios` holds what it expects, and runs the same way twice.

use scenario::{LogLevel, RunOptions, Scenario};
use std::path::{Path, PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/scenarios");
    let entries = folder.read_dir().expect("the scenarios").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    files.sort();
    files
}

#[test]
fn every_scenario_holds_and_repeats() {
    let files = files();
    assert!(files.len() >= 10, "the scenarios of the issue are there");
    let mut failures = String::new();
    for path in files {
        let scenario = Scenario::read(&path).unwrap_or_else(|error| panic!("{error}"));
        let run = || scenario.run(RunOptions { log: LogLevel::Summary, on_progress: None });
        let (first, second) = (run(), run());
        for unmet in first.unmet(&scenario) {
            failures += &format!("{}: {unmet}\n", path.display());
        }
        if first != second {
            failures += &format!("{}: two runs differ\n", path.display());
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}
