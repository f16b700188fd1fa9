//! What is wrong with a scenario file, and where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A scenario file that can't be run. One line: `file:line: field: reason`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct ScenarioError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; none if the file as a whole is meant.
    pub line: Option<usize>,
    /// The field as it is written in the file; none if the file as a whole is meant.
    pub field: Option<String>,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if let Some(field) = &self.field {
            write!(f, " {field}:")?;
        }
        write!(f, " {}", self.reason)
    }
}

/// A field that is wrong, by its place in the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    /// Bytes of the text.
    pub(crate) span: Range<usize>,
    pub(crate) field: Option<&'static str>,
    pub(crate) reason: String,
}

impl Fault {
    pub(crate) fn new(span: Range<usize>, field: &'static str, reason: impl Into<String>) -> Self {
        Self { span, field: Some(field), reason: reason.into() }
    }

    pub(crate) fn locate(self, path: &Path, text: &str) -> ScenarioError {
        let field = self.field.map(Into::into).or_else(|| key_at(text, self.span.start));
        ScenarioError {
            path: path.to_path_buf(),
            line: Some(line_of(text, self.span.start)),
            field,
            reason: self.reason,
        }
    }
}

impl From<toml::de::Error> for Fault {
    fn from(error: toml::de::Error) -> Self {
        Self { span: error.span().unwrap_or(0..0), field: None, reason: reason(error.message()) }
    }
}

pub(crate) fn line_of(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// The key that is set at a place of the text: what is left of `=` in its line, or the line's table.
fn key_at(text: &str, at: usize) -> Option<String> {
    let line = text.lines().nth(line_of(text, at) - 1)?.trim();
    let key = line.split_once('=').map_or(line, |(key, _)| key).trim();
    (!key.is_empty()).then(|| key.to_owned())
}

/// A message of the parser in one line, with the name that was probably meant.
fn reason(message: &str) -> String {
    let mut message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    // A type of Rust says nothing to whoever writes a scenario.
    for unsigned in ["u8", "u16", "u32", "u64"] {
        if let Some(rest) = message.strip_suffix(&format!("expected {unsigned}")) {
            message = format!("{rest}expected a whole number that is not negative");
        }
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown ").then(|| names.next()).flatten();
    match unknown.and_then(|unknown| nearest(unknown, names)) {
        Some(meant) => format!("{message}; did you mean `{meant}`?"),
        None => message,
    }
}

/// The name that is at most two letters away from `word`.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.into_iter().map(|name| (distance(word, name), name));
    near.filter(|&(distance, name)| distance <= 2 && distance < name.len())
        .min_by_key(|near| near.0)
        .map(|near| near.1)
}

/// Letters to add, drop or change (Levenshtein), two rows of the table at a time.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["at_ms", "action", "client"];
        assert_eq!(nearest("at_mss", names), Some("at_ms"));
        assert_eq!(nearest("acton", names), Some("action"));
        assert_eq!(nearest("device", names), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn lines_and_keys_are_found() {
        let text = "title = \"x\"\n\n[[timeline]]\n  at_ms = -1\n";
        let at = text.find("-1").unwrap_or_default();
        let error = Fault { span: at..at + 2, field: None, reason: "negative".into() };
        assert_eq!(error.locate(Path::new("a.toml"), text).to_string(), "a.toml:4: at_ms: negative");
    }
}
