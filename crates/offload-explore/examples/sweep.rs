//! Searches scenarios and prints what is found:
//! `sweep [SCENARIO|all] [DESIGN|all] [CLIENT|all] [BOUND|pct|random] [FINDINGS] [-v]`.

#![expect(clippy::disallowed_types, reason = "the person at the terminal wants to know how long it took")]

use kernel_sim::Strategy;
use offload_core::Design;
use offload_explore::{Client, Search, scenarios};
use std::error::Error;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// A search that takes longer is given up.
const TOO_LONG: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index: usize| arguments.get(index).map_or("all", String::as_str);
    let designs = if argument(1) == "all" { Design::ALL.to_vec() } else { vec![argument(1).parse()?] };
    let clients = if argument(2) == "all" { Client::ALL.to_vec() } else { vec![argument(2).parse()?] };
    let verbose = arguments.iter().any(|argument| argument == "-v");
    for scenario in scenarios().iter().filter(|each| [each.name, "all"].contains(&argument(0))) {
        let strategy = match argument(3) {
            "pct" => Strategy::Pct { depth: 3, seed: 1 },
            "random" => Strategy::RandomWalk { seed: 1 },
            bound => Strategy::Exhaustive { preemptions: Some(bound.parse().unwrap_or(scenario.bound)) },
        };
        for &design in &designs {
            for &client in clients.iter().filter(|client| scenario.supports(design, **client)) {
                let begin = Instant::now();
                let search =
                    Search { max_findings: argument(4).parse().unwrap_or(1), ..Search::new(strategy) };
                let report = scenario.explore(design, client, &search, |_progress| {
                    if begin.elapsed() > TOO_LONG {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                });
                let elapsed = begin.elapsed();
                println!(
                    "{:20} {design:7} {client:4} {:9} {:>9} schedules {:>6.2} s {:>8.0}/s {}",
                    scenario.name,
                    report.verdict().name(),
                    report.schedules,
                    elapsed.as_secs_f64(),
                    rate(report.schedules, elapsed),
                    report.coverage,
                );
                for finding in &report.findings {
                    let text = finding.verdict.to_string();
                    println!(
                        "    {} after {}; {} preemptions, {} steps: {}",
                        finding.verdict.name(),
                        finding.found_after,
                        finding.preemptions,
                        finding.steps,
                        if verbose { &text } else { text.lines().next().unwrap_or_default() },
                    );
                    if verbose {
                        println!("{finding}");
                    }
                }
            }
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "shown to people with a few digits")]
fn rate(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64().max(1e-9)
}
