//! `xhci-lab scenario`: run scenario files and check what they expect.

use crate::cli::ScenarioArgs;
use crate::failure::Failure;
use crate::output::OutDir;
use scenario::{Run, RunOptions, Scenario};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

pub(crate) fn run(args: &ScenarioArgs) -> Result<(), Failure> {
    let files = files(&args.paths)?;
    let (scenarios, errors) = read(&files);
    if !errors.is_empty() {
        return Err(Failure::Usage(errors));
    }
    let mut out = args.out.as_deref().map(OutDir::open).transpose()?;
    let mut stdout = io::stdout().lock();
    let mut failed = 0;
    for (path, scenario) in files.iter().zip(&scenarios) {
        tracing::info!("{}: {}", path.display(), scenario.title);
        let started = Instant::now();
        let run = scenario.run(RunOptions { log: args.log.into(), ..RunOptions::default() });
        let wall_seconds = started.elapsed().as_secs_f64();
        let unmet = run.unmet(scenario);
        failed += usize::from(!unmet.is_empty());
        if let Some(out) = &mut out {
            out.keep_text(&format!("{}.log", stem(path)), &run.log)?;
        }
        let result = Outcome { path, scenario, run: &run, unmet: &unmet, wall_seconds };
        if args.json { result.print_json(&mut stdout) } else { result.print_text(&mut stdout) }?;
    }
    if !args.json {
        writeln!(stdout, "{} of {} scenarios passed", scenarios.len() - failed, scenarios.len())?;
    }
    stdout.flush()?;
    match failed {
        0 => Ok(()),
        1 => Err(Failure::Run("1 scenario".into())),
        failed => Err(Failure::Run(format!("{failed} scenarios"))),
    }
}

/// The files named, and those of the directories named, by name.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |error: io::Error| Failure::usage(format_args!("{}: {error}", path.display()));
        let mut inside = Vec::new();
        for entry in path.read_dir().map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "toml") {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(Failure::usage(format_args!("{}: no scenario files (*.toml) in it", path.display())));
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

/// All of them are read before the first one runs, so that every mistake is told at once.
fn read(files: &[PathBuf]) -> (Vec<Scenario>, Vec<String>) {
    let mut scenarios = Vec::new();
    let mut errors = Vec::new();
    for file in files {
        match Scenario::read(file) {
            Ok(scenario) => scenarios.push(scenario),
            Err(error) => errors.push(error.to_string()),
        }
    }
    (scenarios, errors)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

struct Outcome<'a> {
    path: &'a Path,
    scenario: &'a Scenario,
    run: &'a Run,
    unmet: &'a [String],
    wall_seconds: f64,
}

impl Outcome<'_> {
    fn print_text(&self, out: &mut impl Write) -> io::Result<()> {
        let verdict = if self.unmet.is_empty() { "ok  " } else { "FAIL" };
        let seconds = self.run.report.machine.seconds;
        let (title, wall_ms) = (&self.scenario.title, self.wall_seconds * 1000.0);
        writeln!(out, "{verdict} {}: {title} ({seconds:.1} s in {wall_ms:.0} ms)", stem(self.path))?;
        for text in self.unmet {
            // Starts with the line, so that editors find the place.
            writeln!(out, "     {}:{}", self.path.display(), text.replace('\n', "\n     "))?;
        }
        Ok(())
    }

    fn print_json(&self, out: &mut impl Write) -> io::Result<()> {
        #[derive(Serialize)]
        struct Json<'a> {
            file: String,
            title: &'a str,
            passed: bool,
            unmet: &'a [String],
            report: &'a scenario::Report,
            calls: &'a [scenario::Call],
            wall_seconds: f64,
        }
        let json = Json {
            file: self.path.display().to_string(),
            title: &self.scenario.title,
            passed: self.unmet.is_empty(),
            unmet: self.unmet,
            report: &self.run.report,
            calls: &self.run.calls,
            wall_seconds: self.wall_seconds,
        };
        serde_json::to_writer(&mut *out, &json)?;
        writeln!(out)
    }
}
