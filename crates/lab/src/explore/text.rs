//! Searches and runs for people.

use super::job::{Job, Outcome};
use super::token::RunToken;
use super::word;
use kernel_sim::{Finding, Replayed, Strategy, Transcript};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Everything about a search.
pub(crate) fn write(out: &mut impl Write, outcome: &Outcome<'_>) -> io::Result<()> {
    let Outcome { job, report, wall, .. } = outcome;
    writeln!(out, "{}", heading(job))?;
    writeln!(out, "  {}", job.scenario.summary)?;
    writeln!(out, "  verdict          {}", word::verdict(report.verdict()))?;
    let given_up = match report.given_up {
        0 => String::new(),
        given_up => format!(", {given_up} of them left off where the rest was known"),
    };
    writeln!(out, "  schedules        {}{given_up}", report.schedules)?;
    writeln!(out, "  coverage         {}", coverage(outcome))?;
    let seconds = wall.as_secs_f64();
    writeln!(out, "  wall time        {seconds:.3} s ({:.0} schedules per s)", outcome.rate())?;
    for (index, found) in report.findings.iter().enumerate() {
        writeln!(out)?;
        let known = report.findings[..index].iter().any(|before| before.token == found.token);
        finding(out, job, found, known)?;
    }
    Ok(())
}

/// A search in one line.
pub(crate) fn line(outcome: &Outcome<'_>) -> String {
    let Outcome { job, report, wall, .. } = outcome;
    let found = match report.findings.first() {
        Some(finding) => format!("found as schedule {}, {} steps", finding.found_after, finding.steps),
        None => format!("{} schedules, {}", report.schedules, coverage(outcome)),
    };
    format!(
        "{:<24} {:<7} {:<4} {:<19} {found} ({:.1} s)",
        job.scenario.name,
        job.design,
        job.client,
        word::verdict(report.verdict()),
        wall.as_secs_f64()
    )
}

fn heading(job: &Job) -> String {
    let strategy = match job.strategy {
        Strategy::Exhaustive { preemptions: None } => "every schedule".into(),
        Strategy::Exhaustive { preemptions: Some(1) } => "every schedule with at most 1 preemption".into(),
        Strategy::Exhaustive { preemptions: Some(bound) } => {
            format!("every schedule with at most {bound} preemptions")
        }
        Strategy::Pct { depth, seed } => format!("PCT of depth {depth}, seed {seed}"),
        Strategy::RandomWalk { seed } => format!("random, seed {seed}"),
    };
    format!("{} · design {} · client {} · {strategy}", job.scenario.name, job.design, job.client)
}

/// How much was looked at, and what held it up.
pub(crate) fn coverage(outcome: &Outcome<'_>) -> String {
    let why = if outcome.out_of_time {
        ", the time is over"
    } else if !outcome.report.findings.is_empty() {
        ", the search ends with what it found"
    } else {
        ""
    };
    format!("{}{why}", outcome.report.coverage)
}

/// With its transcript, unless the run is `known` from above.
fn finding(out: &mut impl Write, job: &Job, finding: &Finding, known: bool) -> io::Result<()> {
    let Finding { verdict, found_after, preemptions, steps, minimal, transcript, .. } = finding;
    let preemptions = match preemptions {
        1 => "1 preemption".into(),
        count => format!("{count} preemptions"),
    };
    let shortest = if *minimal { ", none is shorter" } else { "" };
    let word = word::verdict(verdict);
    if known {
        writeln!(out, "{word}: in the same run")?;
        return writeln!(out, "{}", transcript.ending());
    }
    writeln!(out, "{word}: found as schedule {found_after}; {preemptions}, {steps} steps{shortest}")?;
    writeln!(out, "xhci-lab replay {}", job.token(finding))?;
    writeln!(out)?;
    writeln!(out, "{transcript}")
}

/// A run that was made again.
pub(crate) fn replayed(token: &RunToken, replayed: &Replayed) -> String {
    let RunToken { scenario, design, client, .. } = token;
    let mut text = format!("{} · design {design} · client {client}\n", scenario.name);
    text += &format!("  {}\n", scenario.summary);
    text += &format!("  verdict          {}\n\n", word::verdict(&replayed.verdict));
    text + &format!("{}\n", replayed.transcript)
}

/// Every step of a run, one a line, none left out.
pub(crate) fn steps(transcript: &Transcript) -> String {
    let mut text = String::new();
    for line in transcript.lines() {
        let task = line.task.map_or_else(|| "-".into(), |task| task.to_string());
        // Writing to a string can't fail.
        let _infallible =
            writeln!(text, "{:>5} {:>14} {task:>8}  {}", line.step, line.at.to_string(), line.text);
    }
    text + transcript.ending() + "\n"
}
