//! Verdicts in a word or two.

use kernel_sim::Verdict;

/// `ok`, `deadlock`, `lock-order`, `leak S1`, `use-after-free S10`, `invariant S4`, …
pub(crate) fn verdict(verdict: &Verdict) -> String {
    match (kind(verdict), invariant(verdict)) {
        (kind, Some(invariant)) => format!("{kind} {invariant}"),
        (kind, None) => kind.into(),
    }
}

/// Without the name of the invariant.
pub(crate) fn kind(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Invariant(violation) => match violation.invariant {
            // Counts and references that nobody will give back.
            "S1" | "S15" | "S17" => "leak",
            // Somebody uses, or will use, memory that is free.
            "S8" | "S10" => "use-after-free",
            // What has no number in the list of invariants is named for what it is.
            named @ ("leak" | "use-after-free") => named,
            _ => "invariant",
        },
        other => other.name(),
    }
}

/// The name of the invariant that does not hold.
pub(crate) fn invariant(verdict: &Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Invariant(violation) => {
            Some(violation.invariant).filter(|name| !["leak", "use-after-free"].contains(name))
        }
        _ => None,
    }
}
