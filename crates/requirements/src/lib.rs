//! Which rows of `docs/requirements.md` have a test.
//!
//! The list is a set of tables, a row per requirement. Tests name the rows that they cover in tags, and
//! `docs/requirements-untested.md` says why a row has no test. [`Coverage`] compares the three; the test target
//! `coverage` prints the result and fails where a finished area has a gap.
//!
//! ```
//! use requirements::{Coverage, Exceptions, Requirements, Source, SourceKind};
//!
//! let list = "| ID | Requirement | Pri |\n|---|---|---|\n| INT-07 | One message. | M |\n| INT-08 | A timer. | M |\n";
//! let requirements = Requirements::parse(list).unwrap();
//! let source = Source {
//!     path: "tests/interrupts.rs".into(),
//!     kind: SourceKind::Rust,
//!     text: "#[test] // req: INT-07\nfn one_message() {}\n".into(),
//! };
//! let none = Exceptions::default();
//! let coverage = Coverage::measure(&requirements, &[source], &none);
//! let failures = coverage.failures(&["INT"]);
//! assert_eq!(failures.len(), 1);
//! assert_eq!(failures[0].to_string(), "INT-08 (M) has no test: A timer.");
//! ```
#![forbid(unsafe_code)]

mod coverage;
mod exceptions;
mod failure;
mod id;
mod report;
mod sources;
mod table;
mod tags;

pub use coverage::{AreaCoverage, Coverage, Tally};
pub use exceptions::{Exception, Exceptions};
pub use failure::{Failure, Location};
pub use id::Id;
pub use report::Report;
pub use sources::{Source, SourceKind, workspace_sources};
pub use table::{Priority, Requirements, Row, TableError};
pub use tags::{Place, Tag};
