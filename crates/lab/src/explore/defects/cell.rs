use crate::explore::token::RunToken;
use crate::explore::word;
use kernel_sim::{Coverage, Finding, Report, Strategy, Verdict};
use offload_core::Design;
use offload_explore::{Client, Finds, Scenario, Search, scenarios};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::ControlFlow;
use std::rc::Rc;

/// What a search says about one defect in one design.
pub(super) enum Cell {
    Found {
        scenario: &'static Scenario,
        client: Client,
        found_after: u64,
    },
    /// In none of the schedules that were searched.
    Absent(Searched),
    NotApplicable,
    /// The search contradicts what the scenario says of itself.
    Wrong(String),
}

/// Each search once, however many defects are looked for in it.
#[derive(Default)]
pub(super) struct Searches {
    reports: RefCell<BTreeMap<Key, Rc<Report>>>,
}

/// The scenario by its name.
type Key = (&'static str, Design, Client);

impl Searches {
    fn report(&self, scenario: &'static Scenario, design: Design, client: Client) -> Rc<Report> {
        let key = (scenario.name, design, client);
        if let Some(report) = self.reports.borrow().get(&key) {
            return report.clone();
        }
        let report = Rc::new(explore(scenario, design, client, 0));
        self.reports.borrow_mut().insert(key, report.clone());
        report
    }

    /// The row of a defect and the column of a design.
    pub(super) fn cell(&self, defect: &str, design: Design) -> Cell {
        let mut absent: Option<Searched> = None;
        for scenario in scenarios() {
            let finds: Vec<&'static Finds> = scenario.finds.iter().filter(|it| it.defect == defect).collect();
            for client in Client::ALL {
                let shown: Vec<_> = finds.iter().filter(|it| it.clients.contains(&client)).collect();
                if shown.is_empty() || !scenario.supports(design, client) {
                    continue;
                }
                let expected = shown.iter().any(|it| it.designs.contains(&design));
                let report = self.report(scenario, design, client);
                let matches = |found: &&Finding| shown.iter().any(|it| is_it(it, found));
                // The same circle of locks has other names in other designs.
                let other = |found: &Finding| scenario.found_with(design, client).any(|it| is_it(it, found));
                let found = report.findings.iter().filter(matches).find(|found| expected || !other(found));
                match (expected, found) {
                    (true, Some(Finding { found_after, .. })) => {
                        return Cell::Found { scenario, client, found_after: *found_after };
                    }
                    (true, None) => {
                        return Cell::Wrong(format!("not found in {} with {client}", scenario.name));
                    }
                    (false, Some(_)) => {
                        return Cell::Wrong(format!("found in {} with {client}", scenario.name));
                    }
                    (false, None) => absent.get_or_insert_default().add(&report),
                }
            }
        }
        match absent {
            None => Cell::NotApplicable,
            Some(Searched { coverage: Coverage::Sample, .. }) => {
                Cell::Wrong("the search was not exhaustive".into())
            }
            Some(searched) => Cell::Absent(searched),
        }
    }
}

impl Default for Searched {
    fn default() -> Self {
        Self { coverage: Coverage::Complete, schedules: 0, instead: BTreeSet::new() }
    }
}

/// The shortest run that shows a defect.
pub(super) fn shortest(
    defect: &str,
    scenario: &'static Scenario,
    design: Design,
    client: Client,
) -> Option<RunToken> {
    let report = explore(scenario, design, client, SHRINKING);
    let finds: Vec<&Finds> = scenario.finds.iter().filter(|it| it.defect == defect).collect();
    let found = report.findings.iter().find(|found| finds.iter().any(|it| is_it(it, found)))?;
    Some(RunToken { scenario, design, client, run: found.token.clone() })
}

/// Searches without a certain finding, together.
pub(super) struct Searched {
    coverage: Coverage,
    schedules: u64,
    /// What runs ended with instead: such a run shows nothing that would have come later.
    instead: BTreeSet<String>,
}

impl Searched {
    fn add(&mut self, report: &Report) {
        self.coverage = lesser(self.coverage, report.coverage);
        self.schedules += report.schedules;
        let ends = report.findings.iter().filter(|found| !matches!(found.verdict, Verdict::LockOrder(_)));
        self.instead.extend(ends.map(|found| word::verdict(&found.verdict)));
    }
}

/// More kinds of findings than any scenario has.
const FINDINGS_MAX: usize = 200;
/// Runs that a shorter one is looked for in.
const SHRINKING: u64 = 5_000;

fn explore(scenario: &Scenario, design: Design, client: Client, shrinking: u64) -> Report {
    // The merged version and ours are searched as far as can be, the others until all that is known is found.
    let far = matches!(design, Design::V4 | Design::Fixed);
    let bound = if far { scenario.bound } else { scenario.quick_bound };
    let strategy = Strategy::Exhaustive { preemptions: Some(bound) };
    let search = Search { max_findings: FINDINGS_MAX, shrinking, ..Search::new(strategy) };
    scenario.explore(design, client, &search, |_progress| ControlFlow::Continue(()))
}

fn is_it(finds: &Finds, finding: &Finding) -> bool {
    finding.verdict.name() == finds.verdict && finding.verdict.to_string().contains(finds.says)
}

fn lesser(a: Coverage, b: Coverage) -> Coverage {
    match (a, b) {
        (Coverage::Sample, _) | (_, Coverage::Sample) => Coverage::Sample,
        (Coverage::Preemptions(a), Coverage::Preemptions(b)) => Coverage::Preemptions(a.min(b)),
        (Coverage::Complete, other) | (other, Coverage::Complete) => other,
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found { found_after, .. } => write!(f, "**found {found_after}**"),
            Self::Absent(searched) => searched.fmt(f),
            Self::NotApplicable => f.write_str("–"),
            Self::Wrong(what) => write!(f, "?? {what}"),
        }
    }
}

impl fmt::Display for Searched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("absent")?;
        if let Coverage::Preemptions(count) = self.coverage {
            write!(f, " ≤ {count}")?;
        }
        write!(f, " ({})", self.schedules)?;
        if !self.instead.is_empty() {
            let instead: Vec<&str> = self.instead.iter().map(String::as_str).collect();
            write!(f, "; {}", instead.join(", "))?;
        }
        Ok(())
    }
}
