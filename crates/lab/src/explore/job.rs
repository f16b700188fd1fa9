use super::bar::Bar;
use super::token::RunToken;
use crate::cli::{ExploreArgs, StrategyArg};
use crate::failure::Failure;
use kernel_sim::{Finding, Report, Strategy};
use offload_core::Design;
use offload_explore::{Client, Scenario, Search, scenario, scenarios};
use std::ops::ControlFlow;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// One search.
pub(crate) struct Job {
    pub(crate) scenario: &'static Scenario,
    pub(crate) design: Design,
    pub(crate) client: Client,
    pub(crate) strategy: Strategy,
}

/// What came of it.
pub(crate) struct Outcome<'a> {
    pub(crate) job: &'a Job,
    pub(crate) report: Report,
    /// It ended because its time was over.
    pub(crate) out_of_time: bool,
    pub(crate) wall: Duration,
}

/// `--design`: one, or all.
#[derive(Clone, Debug)]
pub(crate) struct DesignChoice(Vec<Design>);

/// Runs of a random search that has neither a number nor a time.
const RANDOM_SCHEDULES: u64 = 100_000;
/// A defect of two changes of priority.
const PCT_DEPTH: u32 = 3;
/// Findings that a search goes on for, of different kinds.
const FINDINGS_MAX: usize = 1;

impl Job {
    /// What the arguments ask for.
    ///
    /// # Errors
    /// There is no such scenario, or not for that class driver.
    pub(crate) fn select(args: &ExploreArgs) -> Result<Vec<Self>, Failure> {
        let exhaustive = args.strategy == StrategyArg::Exhaustive;
        let misplaced = [
            (args.bound.is_some() && !exhaustive, "--bound is for --strategy exhaustive"),
            (args.depth.is_some() && args.strategy != StrategyArg::Pct, "--depth is for --strategy pct"),
            (args.seed.is_some() && exhaustive, "--seed is for --strategy pct or random"),
        ];
        if let Some((_, reason)) = misplaced.into_iter().find(|(is_misplaced, _)| *is_misplaced) {
            return Err(Failure::usage(reason));
        }
        let chosen: Vec<&'static Scenario> = match &args.scenario {
            Some(name) => vec![scenario(name).ok_or_else(|| unknown(name))?],
            None => scenarios().iter().collect(),
        };
        let mut jobs = Vec::new();
        for scenario in chosen {
            for &design in &args.design.0 {
                let clients =
                    Client::ALL.into_iter().filter(|client| args.client.is_none_or(|it| it == *client));
                for client in clients.filter(|client| scenario.supports(design, *client)) {
                    jobs.push(Self { scenario, design, client, strategy: strategy(args, scenario) });
                }
            }
        }
        match (jobs.is_empty(), args.client, &args.scenario) {
            (true, Some(client), Some(name)) => {
                Err(Failure::usage(format_args!("--client {client}: {name} is not for this class driver")))
            }
            _ => Ok(jobs),
        }
    }

    pub(crate) fn explore(&self, args: &ExploreArgs) -> Outcome<'_> {
        let random = !matches!(self.strategy, Strategy::Exhaustive { .. });
        let mut search = Search::new(self.strategy);
        search.max_findings = args.findings.unwrap_or(FINDINGS_MAX);
        search.max_schedules =
            args.schedules.or_else(|| (random && args.seconds.is_none()).then_some(RANDOM_SCHEDULES));
        let mut bar = Bar::new(format!("{} {} {}", self.scenario.name, self.design, self.client));
        let begin = Instant::now();
        let end = args.seconds.map(|seconds| begin + Duration::from_secs(seconds));
        let mut out_of_time = false;
        let report = self.scenario.explore(self.design, self.client, &search, |progress| {
            bar.show(progress);
            out_of_time = end.is_some_and(|end| Instant::now() >= end);
            if out_of_time { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        Outcome { job: self, report, out_of_time, wall: begin.elapsed() }
    }

    /// For the names of files.
    pub(crate) fn stem(&self) -> String {
        format!("{}-{}-{}", self.scenario.name, self.design, self.client)
    }

    pub(crate) fn token(&self, finding: &Finding) -> RunToken {
        let Self { scenario, design, client, .. } = *self;
        RunToken { scenario, design, client, run: finding.token.clone() }
    }
}

fn strategy(args: &ExploreArgs, scenario: &Scenario) -> Strategy {
    let seed = args.seed.unwrap_or(0);
    match args.strategy {
        StrategyArg::Exhaustive => {
            Strategy::Exhaustive { preemptions: Some(args.bound.unwrap_or(scenario.bound)) }
        }
        StrategyArg::Pct => Strategy::Pct { depth: args.depth.unwrap_or(PCT_DEPTH), seed },
        StrategyArg::Random => Strategy::RandomWalk { seed },
    }
}

fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = scenarios().iter().map(|scenario| scenario.name).collect();
    Failure::usage(format_args!("there is no scenario `{name}`: {}", names.join(", ")))
}

impl FromStr for DesignChoice {
    /// In one line.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self(Design::ALL.to_vec())),
            name => name.parse().map(|design| Self(vec![design])).map_err(|error| format!("{error}, or all")),
        }
    }
}

impl Outcome<'_> {
    /// Schedules in a second.
    #[expect(clippy::cast_precision_loss, reason = "shown to people with a few digits")]
    pub(crate) fn rate(&self) -> f64 {
        self.report.schedules as f64 / self.wall.as_secs_f64().max(1e-9)
    }
}
