use super::decider::{Decider, Replay};
use super::depth_first::DepthFirst;
use super::engine::{Engine, Limits};
use super::random::{Pct, RandomWalk};
use super::report::{Coverage, Finding, Progress, Report};
use super::runner::Runner;
use super::shrink::{Effort, Failing, shrink};
use super::token::ReplayToken;
use super::transcript::Transcript;
use super::verdict::Verdict;
use crate::Kernel;
use sim_time::Duration;
use std::ops::ControlFlow;

/// How runs are chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// Every run with at most so many preemptions, or every run at all; those with fewer preemptions first.
    Exhaustive {
        /// A preemption takes the processor away from a task that could go on.
        preemptions: Option<u32>,
    },
    /// Probabilistic concurrency testing: random priorities with `depth` - 1 changes.
    Pct {
        /// Of the bugs to be found: how many orderings they need.
        depth: u32,
        /// Same seed, same runs.
        seed: u64,
    },
    /// Whoever can go on, at random.
    RandomWalk {
        /// Same seed, same runs.
        seed: u64,
    },
}

/// Whether runs are left out because they come to the same as others.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Reduction {
    /// None are.
    Off,
    /// Sleep sets. Sound if tasks touch what they share only through this kernel's objects, while they hold a lock
    /// that protects it, or where they say so ([`Kernel::step`], [`Kernel::touch`]).
    #[default]
    SleepSets,
}

/// Runs a program again and again, each time with another order of its steps, and looks for what can go wrong.
///
/// A step goes from one scheduling point of a task to the next. Such points are: every attempt to take a mutex, every
/// wait, [`Kernel::step`], and where a task sleeps, yields or begins.
///
/// ```
/// use kernel_sim::{Explorer, LockClass, Mutex, Strategy, TaskKind};
///
/// let report = Explorer::new(Strategy::Exhaustive { preemptions: Some(1) }).explore(|kernel| {
///     let [a, b] = ["A", "B"].map(|name| Mutex::new(kernel, LockClass::new(name), name, ()));
///     for (name, first, second) in [("ab", &a, &b), ("ba", &b, &a)] {
///         let (first, second) = (first.clone(), second.clone());
///         kernel.spawn(TaskKind::Kernel, name, async move {
///             let _first = first.lock().await;
///             let _second = second.lock().await;
///         });
///     }
/// });
/// assert_eq!(report.verdict().name(), "deadlock");
/// assert_eq!(report.findings[0].preemptions, 1);
/// ```
pub struct Explorer<'a> {
    strategy: Strategy,
    reduction: Reduction,
    limits: Limits,
    time_limit: Duration,
    schedules_max: u64,
    findings_max: usize,
    shrinking: u64,
    progress: Option<Box<ProgressFn<'a>>>,
}

type ProgressFn<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + 'a;

/// A run that was made again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// How it ended.
    pub verdict: Verdict,
    /// What its tasks did.
    pub transcript: Transcript,
    /// Whether the tasks ran in the same order as when the token was made: if not, the program is another.
    pub is_same: bool,
}

/// Runs between two calls of the progress function.
const PROGRESS_EVERY: u64 = 1_024;

impl<'a> Explorer<'a> {
    /// An explorer with sleep sets, without early time-outs, that stops at the first finding. A run may have 10,000
    /// steps and last a minute of virtual time. There are at most a million runs with random strategies, and no limit
    /// otherwise.
    pub fn new(strategy: Strategy) -> Self {
        let exhaustive = matches!(strategy, Strategy::Exhaustive { .. });
        Self {
            strategy,
            reduction: Reduction::default(),
            limits: Limits { steps: 10_000, interesting_steps: u32::MAX, early_time_outs: false },
            time_limit: Duration::from_secs(60),
            schedules_max: if exhaustive { u64::MAX } else { 1_000_000 },
            findings_max: 1,
            shrinking: 20_000,
            progress: None,
        }
    }

    /// Leaves out what comes to the same, or not. Random strategies leave nothing out.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
    /// Whether a wait with a time-out may time out, and a sleep be over, while others could still run, as if they had been
    /// held up for that long. Each such time-out counts as a preemption. Without it time-outs happen when nobody can run.
    #[must_use]
    pub fn early_time_outs(mut self, on: bool) -> Self {
        self.limits.early_time_outs = on;
        self
    }
    /// Steps after which a run is taken to go on forever.
    #[must_use]
    pub fn max_steps(mut self, steps: u32) -> Self {
        self.limits.steps = steps;
        self
    }
    /// The virtual time that a run may take.
    #[must_use]
    pub fn time_limit(mut self, time: Duration) -> Self {
        self.time_limit = time;
        self
    }
    /// Runs after which the exploration ends.
    #[must_use]
    pub fn max_schedules(mut self, schedules: u64) -> Self {
        self.schedules_max = schedules;
        self
    }
    /// Findings of different kinds after which the exploration ends.
    #[must_use]
    pub fn max_findings(mut self, findings: usize) -> Self {
        self.findings_max = findings;
        self
    }
    /// Runs that the shrinking of a finding may take; 0 leaves it as it was found.
    #[must_use]
    pub fn shrinking(mut self, runs: u64) -> Self {
        self.shrinking = runs;
        self
    }
    /// Calls `progress` now and then; it may end the exploration.
    #[must_use]
    pub fn on_progress(mut self, progress: impl FnMut(&Progress) -> ControlFlow<()> + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// Explores `program`, which builds a world in a fresh kernel and starts its tasks; what it returns lives as long
    /// as the run. Until it returns, tasks run without being explored.
    ///
    /// # Panics
    /// When the program behaves differently in two runs with the same choices.
    pub fn explore<W>(self, program: impl Fn(&Kernel) -> W) -> Report {
        let first = self.decider(0);
        let runner = Runner::new(&program, self.time_limit, Engine::new(first, self.limits));
        Exploring::new(self, runner).explore()
    }

    /// Makes the run of a token again. The strategy does not matter.
    pub fn replay<W>(mut self, token: &ReplayToken, program: impl Fn(&Kernel) -> W) -> Replayed {
        self.limits.early_time_outs = token.early_time_outs;
        let decider = Box::new(Replay::new(token.choices.clone()));
        let mut runner = Runner::new(&program, self.time_limit, Engine::new(decider, self.limits));
        let (verdict, transcript) = runner.run_with_transcript();
        Replayed { verdict, transcript, is_same: runner.engine().run.fingerprint == token.fingerprint }
    }

    /// For a round; rounds of an exhaustive search have growing bounds.
    fn decider(&self, round: u32) -> Box<dyn Decider> {
        match self.strategy {
            Strategy::Exhaustive { preemptions } => {
                Box::new(DepthFirst::new(preemptions.map(|_| round), self.reduction == Reduction::SleepSets))
            }
            Strategy::Pct { depth, seed } => Box::new(Pct::new(depth, seed)),
            Strategy::RandomWalk { seed } => Box::new(RandomWalk::new(seed)),
        }
    }
}

/// An exploration under way.
struct Exploring<'a, 'p, P> {
    settings: Explorer<'a>,
    runner: Runner<'p, P>,
    report: Report,
    lock_order_findings: Vec<Finding>,
}

/// Why a round ended.
#[derive(PartialEq)]
enum RoundEnd {
    /// There is no further run in it. `cut`: but there are some with more preemptions.
    Exhausted {
        cut: bool,
    },
    Stopped,
}

impl<'a, 'p, P, W> Exploring<'a, 'p, P>
where
    P: Fn(&Kernel) -> W,
{
    fn new(settings: Explorer<'a>, runner: Runner<'p, P>) -> Self {
        let report = Report {
            findings: Vec::new(),
            schedules: 0,
            given_up: 0,
            steps: 0,
            coverage: Coverage::Sample,
            fair: false,
            lock_order: runner.lock_order.clone(),
        };
        Self { settings, runner, report, lock_order_findings: Vec::new() }
    }

    fn explore(mut self) -> Report {
        let last_round = match self.settings.strategy {
            Strategy::Exhaustive { preemptions } => preemptions.unwrap_or(0),
            Strategy::Pct { .. } | Strategy::RandomWalk { .. } => 0,
        };
        for round in 0..=last_round {
            let decider = self.settings.decider(round);
            self.runner.set_decider(decider);
            match self.round(round) {
                RoundEnd::Stopped => break,
                RoundEnd::Exhausted { cut: false } => {
                    self.report.coverage = Coverage::Complete;
                    break;
                }
                RoundEnd::Exhausted { cut: true } => self.report.coverage = Coverage::Preemptions(round),
            }
        }
        self.report.findings.append(&mut self.lock_order_findings);
        self.report.lock_order = self.runner.lock_order;
        self.report
    }

    fn round(&mut self, round: u32) -> RoundEnd {
        loop {
            if self.report.schedules >= self.settings.schedules_max || self.tell_progress(round).is_break() {
                return RoundEnd::Stopped;
            }
            let orders_known = self.runner.lock_order.violations().len();
            let verdict = self.runner.run();
            self.count();
            if verdict != Verdict::Ok || self.runner.lock_order.violations().len() > orders_known {
                self.found(&verdict, orders_known);
                if self.report.findings.len() >= self.settings.findings_max {
                    return RoundEnd::Stopped;
                }
            }
            let decider = &mut self.runner.engine().decider;
            if !decider.advance() {
                return RoundEnd::Exhausted { cut: decider.is_cut() };
            }
        }
    }

    fn count(&mut self) {
        let run = &self.runner.engine().run;
        self.report.schedules += 1;
        self.report.steps += u64::from(run.steps);
        self.report.given_up += u64::from(run.given_up);
        self.report.fair |= run.unfair;
    }

    fn tell_progress(&mut self, round: u32) -> ControlFlow<()> {
        let Some(progress) = &mut self.settings.progress else { return ControlFlow::Continue(()) };
        if !self.report.schedules.is_multiple_of(PROGRESS_EVERY) {
            return ControlFlow::Continue(());
        }
        let bounded = matches!(self.settings.strategy, Strategy::Exhaustive { preemptions: Some(_) });
        progress(&Progress {
            schedules: self.report.schedules,
            steps: self.report.steps,
            preemptions: bounded.then_some(round),
            fraction: self.runner.engine().decider.fraction(),
            findings: self.report.findings.len(),
        })
    }

    /// Notes what the last run showed, unless it is known.
    fn found(&mut self, verdict: &Verdict, orders_known: usize) {
        let failing = Failing::of(&self.runner.engine().run);
        // The search goes on afterwards where it is.
        let placeholder: Box<dyn Decider> = Box::new(Replay::new(Vec::new()));
        let search = self.runner.set_decider(placeholder);
        let orders = self.runner.lock_order.violations()[orders_known..].to_vec();
        let known = |finding: &Finding| finding.verdict.is_like(verdict);
        if *verdict != Verdict::Ok && !self.report.findings.iter().any(known) {
            let finding = self.shrunk(verdict, failing.clone());
            self.report.findings.push(finding);
        }
        for violation in orders {
            // The circle may be closed by runs of before, so this one alone would not show it again.
            let mut finding = self.finding(&failing, false);
            finding.verdict = Verdict::LockOrder(violation);
            finding.transcript.ending = finding.verdict.to_string();
            self.lock_order_findings.push(finding);
        }
        self.runner.set_decider(search);
    }

    fn shrunk(&mut self, verdict: &Verdict, failing: Failing) -> Finding {
        let effort = Effort {
            runs: self.settings.shrinking,
            reduction: self.settings.reduction == Reduction::SleepSets,
        };
        let (failing, minimal) = shrink(&mut self.runner, verdict, failing, effort);
        self.finding(&failing, minimal)
    }

    fn finding(&mut self, failing: &Failing, minimal: bool) -> Finding {
        let replay: Box<dyn Decider> = Box::new(Replay::new(failing.choices.clone()));
        self.runner.set_decider(replay);
        let (verdict, transcript) = self.runner.run_with_transcript();
        let token = ReplayToken {
            choices: failing.choices.clone(),
            early_time_outs: self.settings.limits.early_time_outs,
            fingerprint: self.runner.engine().run.fingerprint,
        };
        Finding {
            verdict,
            found_after: self.report.schedules,
            preemptions: failing.preemptions,
            steps: failing.steps,
            minimal,
            token,
            transcript,
        }
    }
}
