//! Rows without a test, and why: `docs/requirements-untested.md`.

use crate::table::{TableError, cells, is_rule};

/// A row that is known to have no test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The line in the file, from 1.
    pub line: usize,
    /// The row as it was written; whether there is such a row is not known here.
    pub name: String,
    /// Why it has no test.
    pub reason: String,
}

impl Exception {
    /// Whether the row was judged to be wrong or undecidable, not merely left out.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.reason.starts_with("decided:")
    }
}

/// All rows that are known to have no test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions(pub Vec<Exception>);

impl Exceptions {
    /// Reads the tables of two columns: a row's ID, and the reason.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut exceptions = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let Some(cells) = cells(text) else { continue };
            let refuse = |what: String| Err(TableError { line, what });
            let [name, reason] = cells[..] else {
                return refuse(format!("{} cells, not an ID and a reason", cells.len()));
            };
            if name == "ID" || is_rule(name) {
                continue;
            }
            if reason.is_empty() {
                return refuse(format!("{name} has no reason"));
            }
            if exceptions.iter().any(|other: &Exception| other.name == name) {
                return refuse(format!("{name} is there twice"));
            }
            exceptions.push(Exception { line, name: name.to_owned(), reason: reason.to_owned() });
        }
        Ok(Self(exceptions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_for_each() {
        let table =
            |rows: &str| Exceptions::parse(&format!("Prose.\n\n| ID | why no test |\n|---|---|\n{rows}"));
        let read = table("| PWR-12 | not built |\n| CAP-25 | decided: optional |\n").unwrap();
        let shown: Vec<_> = read.0.iter().map(|e| (e.line, e.name.as_str(), e.is_decided())).collect();
        assert_eq!(shown, [(5, "PWR-12", false), (6, "CAP-25", true)]);
        for (rows, error) in [
            ("| PWR-12 |  |", "line 5: PWR-12 has no reason"),
            ("| PWR-12 | a | b |", "line 5: 3 cells, not an ID and a reason"),
            ("| PWR-12 | a |\n| PWR-12 | b |", "line 6: PWR-12 is there twice"),
        ] {
            assert_eq!(table(rows).unwrap_err().to_string(), error);
        }
    }
}
