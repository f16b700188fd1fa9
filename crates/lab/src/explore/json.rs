//! Searches and runs for programs.

use super::job::Outcome;
use super::token::RunToken;
use super::word;
use kernel_sim::{Coverage, Finding, Replayed, Strategy, Transcript, Verdict};
use serde::Serialize;
use std::io::{self, Write};

/// What `explore --json` prints, one object a search. Keys are only ever added.
#[derive(Serialize)]
struct SearchJson {
    scenario: &'static str,
    design: &'static str,
    client: &'static str,
    strategy: &'static str,
    /// Of an exhaustive search: how many preemptions it may use.
    bound: Option<u32>,
    depth: Option<u32>,
    seed: Option<u64>,
    verdict: String,
    schedules: u64,
    given_up: u64,
    steps: u64,
    /// Whether everything up to the bound was looked at.
    exhaustive: bool,
    /// Up to how many preemptions everything was looked at; null with `exhaustive` is: without a bound.
    exhaustive_up_to: Option<u32>,
    out_of_time: bool,
    findings: Vec<FindingJson>,
    wall_seconds: f64,
    schedules_per_s: f64,
}

#[derive(Serialize)]
struct FindingJson {
    verdict: String,
    /// `deadlock`, `lock-order`, `leak`, `use-after-free`, `invariant`, `panic`, `livelock` or `error`.
    kind: String,
    invariant: Option<&'static str>,
    what: String,
    found_after: u64,
    preemptions: u32,
    steps: u32,
    minimal: bool,
    token: String,
    transcript: Vec<LineJson>,
}

#[derive(Serialize)]
struct ReplayJson {
    scenario: &'static str,
    design: &'static str,
    client: &'static str,
    token: String,
    verdict: String,
    kind: String,
    invariant: Option<&'static str>,
    what: String,
    transcript: Vec<LineJson>,
}

#[derive(Serialize)]
struct LineJson {
    step: u32,
    at: String,
    /// The number of the task; null: hardware, an interrupt handler or a timer.
    task: Option<String>,
    text: String,
}

pub(crate) fn write(out: &mut impl Write, outcome: &Outcome<'_>) -> io::Result<()> {
    let Outcome { job, report, out_of_time, wall } = outcome;
    let (strategy, bound, depth, seed) = match job.strategy {
        Strategy::Exhaustive { preemptions } => ("exhaustive", preemptions, None, None),
        Strategy::Pct { depth, seed } => ("pct", None, Some(depth), Some(seed)),
        Strategy::RandomWalk { seed } => ("random", None, None, Some(seed)),
    };
    let (exhaustive, exhaustive_up_to) = match report.coverage {
        Coverage::Complete => (true, None),
        Coverage::Preemptions(count) => (bound == Some(count), Some(count)),
        Coverage::Sample => (false, None),
    };
    let json = SearchJson {
        scenario: job.scenario.name,
        design: job.design.name(),
        client: job.client.name(),
        strategy,
        bound,
        depth,
        seed,
        verdict: word::verdict(report.verdict()),
        schedules: report.schedules,
        given_up: report.given_up,
        steps: report.steps,
        exhaustive,
        exhaustive_up_to,
        out_of_time: *out_of_time,
        findings: report.findings.iter().map(|found| finding(found, &job.token(found))).collect(),
        wall_seconds: wall.as_secs_f64(),
        schedules_per_s: outcome.rate(),
    };
    serde_json::to_writer(&mut *out, &json)?;
    writeln!(out)
}

fn finding(finding: &Finding, token: &RunToken) -> FindingJson {
    FindingJson {
        verdict: word::verdict(&finding.verdict),
        kind: word::kind(&finding.verdict).into(),
        invariant: word::invariant(&finding.verdict),
        what: finding.verdict.to_string(),
        found_after: finding.found_after,
        preemptions: finding.preemptions,
        steps: finding.steps,
        minimal: finding.minimal,
        token: token.to_string(),
        transcript: lines(&finding.transcript),
    }
}

/// One object on one line.
pub(crate) fn replayed(token: &RunToken, replayed: &Replayed) -> io::Result<String> {
    let verdict: &Verdict = &replayed.verdict;
    let json = ReplayJson {
        scenario: token.scenario.name,
        design: token.design.name(),
        client: token.client.name(),
        token: token.to_string(),
        verdict: word::verdict(verdict),
        kind: word::kind(verdict).into(),
        invariant: word::invariant(verdict),
        what: verdict.to_string(),
        transcript: lines(&replayed.transcript),
    };
    Ok(serde_json::to_string(&json)? + "\n")
}

fn lines(transcript: &Transcript) -> Vec<LineJson> {
    let line = |line: &kernel_sim::Line| LineJson {
        step: line.step,
        at: line.at.to_string(),
        task: line.task.map(|task| task.to_string()),
        text: line.text.clone(),
    };
    transcript.lines().iter().map(line).collect()
}
