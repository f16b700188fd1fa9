//! Whether a run came out as its scenario expects.

use crate::run::Run;
use crate::scenario::Scenario;

impl Run {
    /// What did not come out as expected, one text each: `12: frames_out is 5, expected = 6`, with the line of the scenario
    /// file first where there is one. Empty: all did.
    pub fn unmet(&self, scenario: &Scenario) -> Vec<String> {
        let mut unmet = Vec::new();
        unmet.extend(self.failure.clone());
        for step in scenario.timeline.iter().filter(|step| step.expect.is_some()) {
            if !self.calls.iter().any(|call| call.line == step.line) {
                unmet.push(at(step.line, "this call was never made"));
            }
        }
        for call in &self.calls {
            if let Some(expected) = call.expected.as_ref().filter(|expected| **expected != call.result) {
                let text = format!("{} gave {}, expected {expected}", call.what, call.result);
                unmet.push(at(call.line, &text));
            }
        }
        for expected in &scenario.expect.metrics {
            let of = expected.of.as_deref();
            let name = of.map_or_else(|| expected.metric.into(), |of| format!("{of}.{}", expected.metric));
            match self.report.metric(of, expected.metric) {
                Some(value) if expected.condition.holds(value) => {}
                Some(value) => {
                    let text = format!("{name} is {value}, expected {}", expected.condition);
                    unmet.push(at(expected.line, &text));
                }
                None => unmet.push(at(expected.line, &format!("{name} was not measured"))),
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
                unmet.push(format!("log: `{wanted}` {reason} the event log"));
                return;
            }
        }
        for unwanted in &scenario.expect.no_log {
            if let Some(line) = self.log.lines().find(|line| line.contains(unwanted.as_str())) {
                unmet.push(format!("no_log: `{unwanted}` is in the event log: {line}"));
            }
        }
    }
}

/// A text with the line of the file that it is about; 0 is no line.
fn at(line: usize, text: &str) -> String {
    if line == 0 { text.to_owned() } else { format!("{line}: {text}") }
}
