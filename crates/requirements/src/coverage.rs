//! The list against the tags and the exceptions.

use crate::{Exception, Exceptions, Failure, Id, Location, Place, Priority, Requirements, Row, Source};
use std::collections::BTreeMap;

/// The share of S rows in finished areas that must have a test.
const PERCENT_OF_SHOULD: usize = 95;
/// So many characters of a requirement are shown.
const LONGEST_TEXT: usize = 100;
/// Where exceptions stand, for messages.
const EXCEPTIONS_FILE: &str = "docs/requirements-untested.md";

/// Rows of one priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many have a test.
    pub tested: usize,
    /// How many there are.
    pub rows: usize,
}

impl Tally {
    fn count<'a>(coverage: &Coverage<'_>, rows: impl Iterator<Item = &'a Row>) -> Self {
        rows.fold(Self::default(), |tally, row| Self {
            tested: tally.tested.saturating_add(coverage.test_of(&row.id).is_some().into()),
            rows: tally.rows.saturating_add(1),
        })
    }
}

/// The rows of one area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaCoverage<'a> {
    /// Its name.
    pub area: &'a str,
    /// The rows of each priority, in the order of [`Priority::ALL`].
    pub tallies: [Tally; 3],
    /// The rows that have neither a test nor an exception.
    pub missing: Vec<&'a Row>,
}

/// Which rows have a test.
#[derive(Clone, Debug)]
pub struct Coverage<'a> {
    requirements: &'a Requirements,
    tests: BTreeMap<Id, Location>,
    exceptions: BTreeMap<Id, &'a Exception>,
    misplaced: Vec<Failure>,
}

impl<'a> Coverage<'a> {
    /// Compares the list with the tags of all sources and with the exceptions.
    #[must_use]
    pub fn measure(requirements: &'a Requirements, sources: &[Source], exceptions: &'a Exceptions) -> Self {
        let (tests, misplaced) = (BTreeMap::new(), Vec::new());
        let mut coverage = Self { requirements, tests, exceptions: BTreeMap::new(), misplaced };
        for source in sources {
            for tag in source.tags() {
                let at = Location { file: source.path.clone(), line: tag.line };
                coverage.add_tag(at, tag.name, tag.place);
            }
        }
        for exception in &exceptions.0 {
            coverage.add_exception(exception);
        }
        coverage
    }

    fn add_tag(&mut self, at: Location, name: String, place: Place) {
        let Some(id) = self.known(&name) else {
            self.misplaced.push(Failure::UnknownRow { at, name });
            return;
        };
        match place {
            Place::Test => drop(self.tests.entry(id).or_insert(at)),
            Place::IgnoredTest => self.misplaced.push(Failure::IgnoredTest { at, name }),
            Place::Elsewhere => self.misplaced.push(Failure::OutsideTest { at, name }),
        }
    }

    fn add_exception(&mut self, exception: &'a Exception) {
        let at = Location { file: EXCEPTIONS_FILE.to_owned(), line: exception.line };
        let Some(id) = self.known(&exception.name) else {
            self.misplaced.push(Failure::UnknownRow { at, name: exception.name.clone() });
            return;
        };
        if let Some(test) = self.tests.get(&id).cloned() {
            self.misplaced.push(Failure::StaleException { at, id: id.clone(), test });
        }
        self.exceptions.insert(id, exception);
    }

    fn known(&self, name: &str) -> Option<Id> {
        Id::parse(name).filter(|id| self.requirements.get(id).is_some())
    }

    /// A tag that names the row.
    #[must_use]
    pub fn test_of(&self, id: &Id) -> Option<&Location> {
        self.tests.get(id)
    }

    /// Why the row has no test.
    #[must_use]
    pub fn exception_of(&self, id: &Id) -> Option<&Exception> {
        self.exceptions.get(id).copied()
    }

    /// The rows with an exception, in order.
    pub fn exceptions(&self) -> impl Iterator<Item = (&Id, &Exception)> {
        self.exceptions.iter().map(|(id, exception)| (id, *exception))
    }

    /// Every area, in the order of the list.
    #[must_use]
    pub fn areas(&self) -> Vec<AreaCoverage<'a>> {
        self.requirements.areas().iter().map(|area| self.area(area)).collect()
    }

    fn area(&self, area: &'a str) -> AreaCoverage<'a> {
        let rows = || self.requirements.rows(area);
        let tallies =
            Priority::ALL.map(|priority| Tally::count(self, rows().filter(|row| row.priority == priority)));
        let open = |row: &&Row| self.test_of(&row.id).is_none() && self.exception_of(&row.id).is_none();
        AreaCoverage { area, tallies, missing: rows().filter(open).collect() }
    }

    /// Everything that is wrong. Tags and exceptions must be right everywhere; rows must have tests in the finished
    /// areas: each M row, except where the row itself was found to be at fault, and nearly all S rows.
    #[must_use]
    pub fn failures(&self, finished: &[&str]) -> Vec<Failure> {
        let mut failures = self.misplaced.clone();
        for area in finished {
            if !self.requirements.areas().iter().any(|known| known == area) {
                failures.push(Failure::UnknownArea { area: (*area).to_owned() });
            }
            let must = self.requirements.rows(area).filter(|row| row.priority == Priority::Must);
            failures.extend(must.filter_map(|row| self.gap(row)));
        }
        let should = (finished.iter().flat_map(|area| self.requirements.rows(area)))
            .filter(|row| row.priority == Priority::Should);
        let Tally { tested, rows } = Tally::count(self, should);
        if tested.saturating_mul(100) < rows.saturating_mul(PERCENT_OF_SHOULD) {
            failures.push(Failure::TooFew { tested, rows, percent: PERCENT_OF_SHOULD });
        }
        failures
    }

    fn gap(&self, row: &Row) -> Option<Failure> {
        let Row { id, priority, text } = row.clone();
        if self.test_of(&id).is_some() {
            return None;
        }
        match self.exception_of(&id) {
            None => Some(Failure::Untested { id, priority, text: shortened(&text) }),
            Some(exception) if exception.is_decided() => None,
            Some(exception) => Some(Failure::Undecided { id, priority, reason: exception.reason.clone() }),
        }
    }
}

/// The beginning of a text, so that a message stays in its line.
fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST_TEXT {
        return text.to_owned();
    }
    text.chars().take(LONGEST_TEXT).chain(['…']).collect()
}
