//! What the designs do in every scenario: what is found, what is not, and that it is told in a few lines.

use kernel_sim::{Coverage, Reduction, Report, Strategy, Transcript, Verdict};
use offload_core::Design;
use offload_explore::{Client, Scenario, Search, scenarios};
use std::fmt::Write;
use std::ops::ControlFlow;

/// The merged design and ours are searched to the bound at which everything is found, the others at most up to 1.
fn bound(scenario: &Scenario, design: Design) -> u32 {
    let full = [Design::V4, Design::Fixed].contains(&design);
    if full { scenario.quick_bound } else { scenario.quick_bound.min(1) }
}

fn search(scenario: &Scenario, design: Design, client: Client) -> Report {
    let search = Search {
        max_findings: 40,
        shrinking: 300,
        ..Search::new(Strategy::Exhaustive { preemptions: Some(bound(scenario, design)) })
    };
    scenario.explore(design, client, &search, |_progress| ControlFlow::Continue(()))
}

/// What differs between the report of a search and what the scenario promises.
fn differences(scenario: &Scenario, design: Design, client: Client) -> String {
    let report = search(scenario, design, client);
    let promised: Vec<_> = scenario.found_with(design, client).collect();
    let mut differences = String::new();
    let mut differs = |what: &str| {
        writeln!(differences, "{} {design} {client}: {what}", scenario.name).unwrap();
    };
    if report.coverage == Coverage::Sample {
        differs("the search did not reach its bound");
    }
    for finds in &promised {
        let shows =
            |verdict: &Verdict| verdict.name() == finds.verdict && verdict.to_string().contains(finds.says);
        let deep_enough = bound(scenario, design) == scenario.quick_bound;
        if deep_enough && !report.findings.iter().any(|finding| shows(&finding.verdict)) {
            differs(&format!("{} is not found", finds.defect));
        }
    }
    for finding in &report.findings {
        let text = finding.verdict.to_string();
        let is_promised =
            promised.iter().any(|finds| finding.verdict.name() == finds.verdict && text.contains(finds.says));
        // A circle of lock classes goes with the deadlock that it leads to.
        let goes_along = matches!(finding.verdict, Verdict::LockOrder(_)) && !promised.is_empty();
        if !is_promised && !goes_along {
            differs(&format!("not promised: {text}"));
        }
        let shown = finding.transcript.to_string();
        // Without the heading, and where time goes on.
        let is_step = |line: &&str| line.contains(" | ") && !line.contains(" | at ");
        let lines = shown.lines().skip(1).filter(is_step).count();
        if lines > Transcript::LINES_MAX {
            differs(&format!("{lines} lines: {text}"));
        }
    }
    differences
}

fn all_differences(designs: &[Design]) -> String {
    let mut all = String::new();
    for scenario in scenarios().iter().filter(|scenario| !scenario.sampled) {
        for &design in designs {
            for client in Client::ALL.into_iter().filter(|client| scenario.supports(design, *client)) {
                all += &differences(scenario, design, client);
            }
        }
    }
    all
}

#[test]
fn the_designs_that_take_the_mutex_of_the_device_do_as_promised() {
    let differences = all_differences(&[Design::Legacy, Design::RfcV1, Design::RfcV2]);
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn the_designs_that_want_the_mutex_of_the_device_held_do_as_promised() {
    let differences = all_differences(&[Design::V1, Design::V2]);
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn the_merged_design_does_as_promised() {
    let differences = all_differences(&[Design::V3, Design::V4]);
    assert!(differences.is_empty(), "{differences}");
}

/// What is left out comes to the same as something that is not.
#[test]
fn reduction_hides_nothing() {
    let found = |scenario: &Scenario, design, client, reduction| {
        let preemptions = Some(scenario.quick_bound.min(1));
        let search = Search {
            max_findings: 40,
            shrinking: 0,
            reduction,
            ..Search::new(Strategy::Exhaustive { preemptions })
        };
        let report = scenario.explore(design, client, &search, |_progress| ControlFlow::Continue(()));
        let is_order = |verdict: &Verdict| matches!(verdict, Verdict::LockOrder(_));
        let verdicts = report.findings.iter().map(|finding| &finding.verdict);
        let mut kinds: Vec<_> = verdicts.filter(|verdict| !is_order(verdict)).map(kind).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    for scenario in scenarios().iter().filter(|scenario| WITHOUT_REDUCTION.contains(&scenario.name)) {
        for design in [Design::Legacy, Design::V4, Design::Fixed] {
            for client in Client::ALL.into_iter().filter(|client| scenario.supports(design, *client)) {
                let [reduced, all] = [Reduction::SleepSets, Reduction::Off]
                    .map(|reduction| found(scenario, design, client, reduction));
                assert_eq!(reduced, all, "{} {design} {client}", scenario.name);
            }
        }
    }
}

/// Scenarios that are small enough.
const WITHOUT_REDUCTION: [&str; 6] =
    ["unbind", "unbind-restart", "autosuspend", "hw-params", "crash", "suspend-streaming"];

/// A verdict without when it was reached.
fn kind(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Invariant(violation) => format!("{}: {}", violation.invariant, violation.what),
        Verdict::Deadlock(deadlock) => {
            let tasks = deadlock.tasks.iter().filter(|task| deadlock.cycle.contains(&task.task));
            tasks.map(|task| format!("{} {:?}; ", task.name, task.work)).collect()
        }
        other => other.to_string(),
    }
}

#[test]
fn nothing_is_found_in_the_fixed_design() {
    assert!(
        scenarios().iter().all(|scenario| scenario.finds.iter().all(|f| !f.designs.contains(&Design::Fixed)))
    );
    let differences = all_differences(&[Design::Fixed]);
    assert!(differences.is_empty(), "{differences}");
}

/// With everything at once there is no exhausting it; a thousand random runs show several of the defects of the merged
/// design, and none of ours.
#[test]
fn random_runs_of_everything_find_defects_in_the_merged_design_alone() {
    let everything = scenarios().iter().find(|scenario| scenario.sampled).unwrap();
    let found = |design| {
        let search = Search {
            max_findings: 40,
            shrinking: 0,
            max_schedules: Some(1_000),
            ..Search::new(Strategy::RandomWalk { seed: 1 })
        };
        let report = everything.explore(design, Client::Qc, &search, |_progress| ControlFlow::Continue(()));
        let names = report.findings.iter().map(|finding| finding.verdict.name().to_owned());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let merged = found(Design::V4);
    for name in ["deadlock", "S1", "S8", "S10", "S15"] {
        assert!(merged.contains(name), "{name} is not among {merged:?}");
    }
    assert!(found(Design::Fixed).is_empty());
}
