//! Whether a run came out as its scenario expects.

use crate::run::Run;
use crate::scenario::Scenario;

impl Run {
    /// What did not come out as expected, a line each: `12: frames_out is 5, expected = 6`, with the line of the scenario
    /// file first where there is one. Empty: all did.
    pub fn unmet(&self, scenario: &Scenario) -> Vec<String> {
        let mut unmet = Vec::new();
        if let Some(failure) = &self.failure {
            unmet.extend(failure.lines().map(|line| format!(" {line}")));
        }
        for call in &self.calls {
            if let Some(expected) = call.expected.as_ref().filter(|expected| **expected != call.result) {
                unmet.push(format!("{}: {} gave {}, expected {expected}", call.line, call.what, call.result));
            }
        }
        let never_made = scenario
            .timeline
            .iter()
            .filter(|step| step.expect.is_some())
            .filter(|step| !self.calls.iter().any(|call| call.line == step.line));
        unmet.extend(never_made.map(|step| format!("{}: this call was never made", step.line)));
        for expected in &scenario.expect.metrics {
            let of = expected.of.as_deref();
            let name = of.map_or_else(|| expected.metric.into(), |of| format!("{of}.{}", expected.metric));
            let (line, condition) = (expected.line, expected.condition);
            match self.report.metric(of, expected.metric) {
                Some(value) if condition.holds(value) => {}
                Some(value) => unmet.push(format!("{line}: {name} is {value}, expected {condition}")),
                None => unmet.push(format!("{line}: {name} was not measured")),
            }
        }
        self.check_log(scenario, &mut unmet);
        unmet
    }

    fn check_log(&self, scenario: &Scenario, unmet: &mut Vec<String>) {
        let mut rest = self.log.lines();
        for wanted in &scenario.expect.log {
            if !rest.any(|line| line.contains(wanted.as_str())) {
                let reason =
                    if self.log.contains(wanted.as_str()) { "comes too early in" } else { "is not in" };
                unmet.push(format!(" log: `{wanted}` {reason} the event log"));
                return;
            }
        }
        for unwanted in &scenario.expect.no_log {
            if let Some(line) = self.log.lines().find(|line| line.contains(unwanted.as_str())) {
                unmet.push(format!(" no_log: `{unwanted}` is in the event log: {line}"));
            }
        }
    }
}
