//! The requirement list: markdown tables whose first column is `ID`.

use crate::Id;
use core::fmt;
use std::collections::BTreeMap;
use thiserror::Error;

/// How much a row matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// M: a mainstream driver breaks without it.
    Must,
    /// S: fidelity.
    Should,
    /// X: stretch.
    Stretch,
}

impl Priority {
    /// The three, most urgent first.
    pub const ALL: [Self; 3] = [Self::Must, Self::Should, Self::Stretch];

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.letter() == text)
    }

    /// As the column `Pri` has it.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::Must => "M",
            Self::Should => "S",
            Self::Stretch => "X",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.letter())
    }
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub id: Id,
    /// How much it matters.
    pub priority: Priority,
    /// What is required.
    pub text: String,
}

/// A list that cannot be read as one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct TableError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// All rows of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    rows: BTreeMap<Id, Row>,
    areas: Vec<String>,
}

impl Requirements {
    /// Reads every table whose header begins with `ID` and has a column `Pri`; what is required stands in the column
    /// before that, whatever its title. Rows named `~~ID~~` are retired: they are passed over, and so is all other
    /// text.
    pub fn parse(list: &str) -> Result<Self, TableError> {
        let mut requirements = Self::default();
        let mut priority_column = None;
        let mut in_table = false;
        for (line, text) in (1..).zip(list.lines()) {
            let Some(cells) = cells(text) else {
                in_table = false;
                continue;
            };
            let first = cells.first().copied().unwrap_or_default();
            if !in_table {
                in_table = true;
                let column = cells.iter().position(|title| *title == "Pri");
                priority_column = column.filter(|column| first == "ID" && *column > 1);
            } else if let Some(column) = priority_column
                && !is_rule(first)
                && !is_retired(first)
            {
                requirements.add(&cells, column).map_err(|what| TableError { line, what })?;
            }
        }
        Ok(requirements)
    }

    fn add(&mut self, cells: &[&str], priority_column: usize) -> Result<(), String> {
        let first = cells.first().copied().unwrap_or_default();
        let id = Id::parse(first).ok_or_else(|| format!("{first:?} is no ID"))?;
        let letter = cells.get(priority_column).copied().unwrap_or_default();
        let priority = Priority::parse(letter)
            .ok_or_else(|| format!("{id} has the priority {letter:?}, not M, S or X"))?;
        let text = cells.get(priority_column.saturating_sub(1)).copied().unwrap_or_default().to_owned();
        if !self.areas.iter().any(|area| area == id.area()) {
            self.areas.push(id.area().to_owned());
        }
        match self.rows.insert(id.clone(), Row { id: id.clone(), priority, text }) {
            Some(_) => Err(format!("{id} is there twice")),
            None => Ok(()),
        }
    }

    /// The row of that name.
    #[must_use]
    pub fn get(&self, id: &Id) -> Option<&Row> {
        self.rows.get(id)
    }

    /// The areas in the order of the list.
    #[must_use]
    pub fn areas(&self) -> &[String] {
        &self.areas
    }

    /// The rows of an area, by number.
    pub fn rows<'a>(&'a self, area: &'a str) -> impl Iterator<Item = &'a Row> + 'a {
        self.rows.values().filter(move |row| row.id.area() == area)
    }
}

/// The cells of a table row, `None` for any other line. A `\|` divides nothing.
pub(crate) fn cells(line: &str) -> Option<Vec<&str>> {
    let inside = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let mut cells = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, byte) in inside.bytes().enumerate() {
        if byte == b'|' && !escaped {
            cells.push(inside.get(start..at)?.trim());
            start = at.saturating_add(1);
        }
        escaped = byte == b'\\' && !escaped;
    }
    cells.push(inside.get(start..)?.trim());
    Some(cells)
}

/// Whether this is the line between header and rows.
pub(crate) fn is_rule(first_cell: &str) -> bool {
    !first_cell.is_empty() && first_cell.bytes().all(|byte| matches!(byte, b'-' | b':'))
}

fn is_retired(first_cell: &str) -> bool {
    first_cell.strip_prefix("~~").and_then(|rest| rest.strip_suffix("~~")).and_then(Id::parse).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn shown(list: &str) -> String {
        match Requirements::parse(list) {
            Ok(requirements) => (requirements.areas().iter())
                .flat_map(|area| requirements.rows(area))
                .map(|row| format!("{} {} {}\n", row.id, row.priority, row.text))
                .collect(),
            Err(error) => format!("{error}\n"),
        }
    }

    #[test]
    fn rows_of_all_tables_in_the_order_of_the_areas() {
        let list = r"
# Title

| Name | Value |
|---|---|
| INT-09 | no requirement |

| ID | § | Requirement | Pri | Test observes |
|---|---|---|---|---|
| INT-08 | 5.5 | When IP goes 1→0. | S | samples |
| INT-07 | 4.17 | control<<8 \| channel | M | IP reads 0 |
| ~~INT-10~~ | P | Retired. | M | |

| ID | CC | Name – meaning | Pri | Test observes |
|---|---|---|---|---|
| BW-01 | 1 | Limits. | X | fill |
";
        expect![[r"
            INT-07 M control<<8 \| channel
            INT-08 S When IP goes 1→0.
            BW-01 X Limits.
        "]]
        .assert_eq(&shown(list));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let table = |rows: &str| format!("| ID | Requirement | Pri |\n|---|---|---|\n{rows}");
        let rows = [
            "| INT-7 | One digit. | M |",
            "| INT-07 | No such priority. | L |",
            "| INT-07 | A cell too few. |",
            "| INT-07 | Once. | M |\n| INT-07 | Twice. | M |",
        ];
        let shown: String = rows.iter().map(|rows| shown(&table(rows))).collect();
        expect![[r#"
            line 3: "INT-7" is no ID
            line 3: INT-07 has the priority "L", not M, S or X
            line 3: INT-07 has the priority "", not M, S or X
            line 4: INT-07 is there twice
        "#]]
        .assert_eq(&shown);
    }
}
