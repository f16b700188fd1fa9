use super::token::ReplayToken;
use super::transcript::Transcript;
use super::verdict::Verdict;
use crate::LockOrder;
use std::fmt;
use std::time::Duration;

/// The outcome of an exploration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// What was found, first found first; violations of the lock order last.
    pub findings: Vec<Finding>,
    /// How many runs there were.
    pub schedules: u64,
    /// How many of them were given up on the way, because reduction knew the rest.
    pub given_up: u64,
    /// The steps of all runs together.
    pub steps: u64,
    /// How much was looked at.
    pub coverage: Coverage,
    /// A task that lets others go first in a loop was made to wait for them: orders in which it goes on in vain are
    /// not counted in the coverage.
    pub fair: bool,
    /// The order of lock classes in all runs together.
    pub lock_order: LockOrder,
}

/// How much of what a program can do was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coverage {
    /// All of it.
    Complete,
    /// All that can happen with at most so many preemptions.
    Preemptions(u32),
    /// Some of it.
    Sample,
}

/// A run in which something is wrong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What.
    pub verdict: Verdict,
    /// The number of the schedule that showed it first.
    pub found_after: u64,
    /// How often the run takes the processor away from a task that could have gone on.
    pub preemptions: u32,
    /// Its steps.
    pub steps: u32,
    /// It is known that no run with fewer preemptions, nor one with as many and fewer steps, fails in the same way.
    pub minimal: bool,
    /// The run.
    pub token: ReplayToken,
    /// What its tasks do.
    pub transcript: Transcript,
}

/// How far an exploration is.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// Runs so far.
    pub schedules: u64,
    /// Their steps.
    pub steps: u64,
    /// The bound on preemptions of the present round, if there are rounds.
    pub preemptions: Option<u32>,
    /// The share of this round that lies behind, estimated; `None` where there is no end.
    pub fraction: Option<f64>,
    /// Found so far.
    pub findings: usize,
}

impl Report {
    /// The first finding, else [`Verdict::Ok`].
    pub fn verdict(&self) -> &Verdict {
        self.findings.first().map_or(&Verdict::Ok, |finding| &finding.verdict)
    }
}

impl Progress {
    /// Schedules in a second; the caller has the watch.
    pub fn rate(&self, elapsed: Duration) -> f64 {
        as_float(self.schedules) / elapsed.as_secs_f64().max(1e-9)
    }

    /// How long this round may still take, if the rest of it is like what lies behind; the caller has the watch, and
    /// started it with the round.
    pub fn remaining(&self, elapsed_in_round: Duration) -> Option<Duration> {
        let done = self.fraction.filter(|done| *done > 0.0)?;
        Duration::try_from_secs_f64(elapsed_in_round.as_secs_f64() * (1.0 - done) / done).ok()
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown to people with a few digits")]
fn as_float(count: u64) -> f64 {
    count as f64
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("exhaustive"),
            Self::Preemptions(1) => f.write_str("exhaustive up to 1 preemption"),
            Self::Preemptions(count) => write!(f, "exhaustive up to {count} preemptions"),
            Self::Sample => f.write_str("not exhaustive"),
        }
    }
}

impl fmt::Display for Report {
    /// A line with the figures, then the findings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { findings, schedules, steps, coverage, .. } = self;
        write!(f, "{}: {schedules} schedules, {steps} steps, {coverage}", self.verdict().name())?;
        findings.iter().try_for_each(|finding| write!(f, "\n\n{finding}"))
    }
}

impl fmt::Display for Finding {
    /// The figures, the token and the transcript, which ends with the verdict.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, found_after, preemptions, steps, minimal, token, transcript } = self;
        let shortest = if *minimal { ", none is shorter" } else { "" };
        let preemptions = match preemptions {
            1 => "1 preemption".into(),
            count => format!("{count} preemptions"),
        };
        let name = verdict.name();
        writeln!(f, "{name}: found as schedule {found_after}; {preemptions}, {steps} steps{shortest}")?;
        write!(f, "replay {token}\n\n{transcript}")
    }
}
