//! The coverage of `docs/requirements.md` by the tests of this workspace. Prints it, so that `cargo test` shows it,
//! and fails where a tag is wrong or a finished area has a gap.
//!
//! It has no harness, because a passing test of the usual one prints nothing; it answers the arguments that `cargo
//! test` passes on as that one would.

use requirements::{Coverage, Exceptions, Report, Requirements, workspace_sources};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// The areas that are held to their rows.
const FINISHED_AREAS: &[&str] = &[
    "CAP", "OPR", "RTS", "DBS", "EXT", "INT", "EVR", "TRB", "RNG", "CMD", "SLT", "EPS", "CTX", "ISO", "XFR",
    "STR", "BW", "PRT", "PWR", "ERR", "SEC", "TIM",
];

const NAME: &str = "coverage";

fn main() -> ExitCode {
    let started = Instant::now();
    let arguments = Arguments::parse(std::env::args().skip(1));
    if arguments.list {
        if arguments.selected() {
            println!("{NAME}: test");
        }
        return ExitCode::SUCCESS;
    }
    let selected = arguments.selected();
    println!("\nrunning {} test{}", u8::from(selected), if selected { "" } else { "s" });
    let passed = !selected || {
        let passed = check().unwrap_or_else(|error| {
            println!("{error}");
            false
        });
        println!("test {NAME} ... {}", if passed { "ok" } else { "FAILED" });
        passed
    };
    println!(
        "\ntest result: {}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        if passed { "ok" } else { "FAILED" },
        u8::from(selected && passed),
        u8::from(!passed),
        u8::from(!selected),
        started.elapsed().as_secs_f64(),
    );
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the coverage and what is wrong with it; returns whether nothing is.
fn check() -> Result<bool, Box<dyn Error>> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| fs::read_to_string(top.join(path)).map_err(|error| format!("{path}: {error}"));
    let located = |path: &str, error: &dyn Error| format!("{path}: {error}");

    let (list, untested) = ("docs/requirements.md", "docs/requirements-untested.md");
    let requirements = Requirements::parse(&read(list)?).map_err(|error| located(list, &error))?;
    let exceptions = Exceptions::parse(&read(untested)?).map_err(|error| located(untested, &error))?;
    let coverage = Coverage::measure(&requirements, &workspace_sources(&top)?, &exceptions);

    println!("{}", Report { coverage: &coverage, finished: FINISHED_AREAS });
    let failures = coverage.failures(FINISHED_AREAS);
    for failure in &failures {
        println!("{failure}");
    }
    Ok(failures.is_empty())
}

/// What the usual harness would be told.
#[derive(Default)]
struct Arguments {
    list: bool,
    ignored: bool,
    exact: bool,
    filters: Vec<String>,
    skips: Vec<String>,
}

impl Arguments {
    fn parse(mut given: impl Iterator<Item = String>) -> Self {
        let mut arguments = Self::default();
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--list" => arguments.list = true,
                "--ignored" => arguments.ignored = true,
                "--exact" => arguments.exact = true,
                "--skip" => arguments.skips.extend(given.next()),
                "--format" | "--color" | "--logfile" | "--test-threads" | "--shuffle-seed" | "-Z" => {
                    given.next();
                }
                flag if flag.starts_with('-') => {}
                _ => arguments.filters.push(argument),
            }
        }
        arguments
    }

    /// Whether the one test is meant.
    fn selected(&self) -> bool {
        let matches =
            |filter: &String| if self.exact { filter == NAME } else { NAME.contains(filter.as_str()) };
        let wanted = self.filters.is_empty() || self.filters.iter().any(matches);
        wanted && !self.ignored && !self.skips.iter().any(matches)
    }
}
