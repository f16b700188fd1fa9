//! What is wrong with tags, exceptions, or the coverage of a finished area.

use crate::{Id, Priority};
use core::fmt;
use thiserror::Error;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The path from the top of the workspace.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Why the coverage is not what it is said to be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// A tag or an exception names a row that the list does not have.
    #[error("{at}: {name:?} is no row of the requirement list")]
    UnknownRow {
        /// Where it is named.
        at: Location,
        /// The name.
        name: String,
    },
    /// A tag without a test.
    #[error("{at}: the tag {name} stands at no test")]
    OutsideTest {
        /// Where the tag is.
        at: Location,
        /// The name in it.
        name: String,
    },
    /// A tag at a test that does not run.
    #[error("{at}: the tag {name} stands at an ignored test")]
    IgnoredTest {
        /// Where the tag is.
        at: Location,
        /// The name in it.
        name: String,
    },
    /// An exception whose row has a test by now.
    #[error("{at}: {id} is listed as untested, but {test} tests it")]
    StaleException {
        /// Where the exception is.
        at: Location,
        /// The row.
        id: Id,
        /// A tag that names it.
        test: Location,
    },
    /// An area is called finished that the list does not have.
    #[error("the finished area {area:?} is not in the requirement list")]
    UnknownArea {
        /// Its name.
        area: String,
    },
    /// A row of a finished area has neither a test nor an exception.
    #[error("{id} ({priority}) has no test: {text}")]
    Untested {
        /// The row.
        id: Id,
        /// Its priority.
        priority: Priority,
        /// The beginning of what it requires.
        text: String,
    },
    /// A row of a finished area that must be tested is excepted, and the reason is not that the row is at fault.
    #[error("{id} ({priority}) must have a test, the reason for none is: {reason}")]
    Undecided {
        /// The row.
        id: Id,
        /// Its priority.
        priority: Priority,
        /// Why it has no test.
        reason: String,
    },
    /// Too few of the rows with priority S.
    #[error("{tested} of {rows} S rows of the finished areas have a test, less than {percent} %")]
    TooFew {
        /// How many have a test.
        tested: usize,
        /// How many there are.
        rows: usize,
        /// The share that is wanted.
        percent: usize,
    },
}
