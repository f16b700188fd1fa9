//! The coverage as a table.

use crate::{AreaCoverage, Coverage, Priority, Row, Tally};
use core::fmt;

/// Shows a coverage: a line for each area, then the rows without a test. X rows are counted, not listed.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What is shown.
    pub coverage: &'a Coverage<'a>,
    /// The areas that are held to their rows.
    pub finished: &'a [&'a str],
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let areas = self.coverage.areas();
        writeln!(f, "area   rows    tested M    tested S    tested X")?;
        let mut total = [Tally::default(); 3];
        for AreaCoverage { area, tallies, .. } in &areas {
            let finished = if self.finished.contains(area) { "  finished" } else { "" };
            line(f, area, *tallies, finished)?;
            for (sum, tally) in total.iter_mut().zip(tallies) {
                sum.tested = sum.tested.saturating_add(tally.tested);
                sum.rows = sum.rows.saturating_add(tally.rows);
            }
        }
        line(f, "total", total, "")?;
        writeln!(f, "\nwithout a test:")?;
        for AreaCoverage { area, missing, .. } in &areas {
            let lists = [Priority::Must, Priority::Should].map(|priority| list(missing, priority));
            if lists.iter().any(|list| !list.is_empty()) {
                writeln!(f, "{area:<4}{}", lists.concat())?;
            }
        }
        for (id, exception) in self.coverage.exceptions() {
            writeln!(f, "{id}: {}", exception.reason)?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, area: &str, tallies: [Tally; 3], note: &str) -> fmt::Result {
    let rows = tallies.iter().fold(0_usize, |sum, tally| sum.saturating_add(tally.rows));
    let counts = tallies.map(|Tally { tested, rows }| format!("   {tested:>4}/{rows:<4}")).concat();
    let line = format!("{area:<6}{rows:>5}{counts}{note}");
    writeln!(f, "{}", line.trim_end())
}

/// The numbers of the missing rows of one priority, with its letter.
fn list(missing: &[&Row], priority: Priority) -> String {
    let rows = missing.iter().filter(|row| row.priority == priority);
    let numbers: String = rows.map(|row| format!(" {:02}", row.id.number())).collect();
    if numbers.is_empty() { numbers } else { format!("  {priority}{numbers}") }
}
