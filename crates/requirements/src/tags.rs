//! Tags: the comments in which tests name the rows that they cover.
//!
//! In Rust a tag is `// req: INT-07, EVR-12` among the attributes and comments directly above a test function, behind
//! an attribute or on a line of its own; a list goes on in another such line. In a scenario it is a line
//! `# req: INT-07` among the comments at the top. Every row is named; there are no ranges.

/// What a tag stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A test that runs.
    Test,
    /// A test marked `#[ignore]`.
    IgnoredTest,
    /// Anything else.
    Elsewhere,
}

/// A name in a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The line, from 1.
    pub line: usize,
    /// The name as it was written; whether there is such a row is not known here.
    pub name: String,
    /// What it stands at.
    pub place: Place,
}

const RUST_MARKER: &str = "// req:";
const TOML_MARKER: &str = "# req:";

/// The attributes and comments above an item.
#[derive(Default)]
struct Head {
    tags: Vec<Tag>,
    test: bool,
    ignored: bool,
    /// Brackets of an attribute that did not end in its line.
    depth: usize,
}

impl Head {
    fn read(&mut self, line: usize, text: &str) {
        if text.starts_with("//") {
            // Prose and documentation may mention the marker; only a comment that begins with it is a tag.
            self.tags.extend(text.strip_prefix(RUST_MARKER).into_iter().flat_map(|list| names(line, list)));
            return;
        }
        let (code, list) = match text.split_once(RUST_MARKER) {
            Some((code, list)) => (code, Some(list)),
            None => (text, None),
        };
        self.test |= code.starts_with("#[test]");
        self.ignored |= code.starts_with("#[ignore");
        let depth = self.depth.saturating_add(code.matches('[').count());
        self.depth = depth.saturating_sub(code.matches(']').count());
        self.tags.extend(list.into_iter().flat_map(|list| names(line, list)));
    }

    /// Ends at an item, which is a function or not.
    fn close(&mut self, is_function: bool) -> impl Iterator<Item = Tag> + use<> {
        let head = core::mem::take(self);
        let place = match (is_function && head.test, head.ignored) {
            (false, _) => Place::Elsewhere,
            (true, true) => Place::IgnoredTest,
            (true, false) => Place::Test,
        };
        head.tags.into_iter().map(move |tag| Tag { place, ..tag })
    }
}

/// The tags of a Rust source.
pub(crate) fn in_rust(source: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut head = Head::default();
    for (line, text) in (1..).zip(source.lines()) {
        let text = text.trim();
        if head.depth > 0 || text.starts_with("#[") || text.starts_with("//") {
            head.read(line, text);
            continue;
        }
        tags.extend(head.close(is_function(text)));
        if let Some((_, list)) = text.split_once(RUST_MARKER) {
            tags.extend(names(line, list));
        }
    }
    tags.extend(head.close(false));
    without_continuations(tags)
}

/// The tags of a scenario.
pub(crate) fn in_scenario(source: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut place = Place::Test;
    for (line, text) in (1..).zip(source.lines()) {
        if !text.is_empty() && !text.starts_with('#') {
            place = Place::Elsewhere;
        }
        if let Some((_, list)) = text.split_once(TOML_MARKER) {
            tags.extend(names(line, list).map(|tag| Tag { place, ..tag }));
        }
    }
    without_continuations(tags)
}

/// The names of a list.
fn names(line: usize, list: &str) -> impl Iterator<Item = Tag> {
    list.split(',').map(move |name| Tag { line, name: name.trim().to_owned(), place: Place::Elsewhere })
}

/// A comma may end a list that goes on in a tag in the next line. Where none is, the empty name stays, and is told
/// of as no row: what was meant to be named there would be lost without a word.
fn without_continuations(mut tags: Vec<Tag>) -> Vec<Tag> {
    let next_lines: Vec<_> = tags.iter().skip(1).map(|tag| Some(tag.line)).chain([None]).collect();
    let mut next_lines = next_lines.into_iter();
    tags.retain(|tag| {
        let goes_on = next_lines.next().flatten() == Some(tag.line.saturating_add(1));
        !(tag.name.is_empty() && goes_on)
    });
    tags
}

fn is_function(text: &str) -> bool {
    ["fn ", "pub fn ", "pub(crate) fn "].iter().any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(tags: &[Tag], expected: &Expect) {
        let shown: String =
            tags.iter().map(|tag| format!("{} {} {:?}\n", tag.line, tag.name, tag.place)).collect();
        expected.assert_eq(&shown);
    }

    #[test]
    fn tags_stand_behind_or_around_the_attribute() {
        let source = "
#[test] // req: INT-01, INT-02
fn behind() {}

// req: INT-03
#[test]
fn above() {}

#[test]
// A word of prose, INT-99.
// req: INT-04
fn below() {}

    /// Documentation
    // req: INT-05,
    // req: INT-06
    #[should_panic(
        expected = \"INT-99\"
    )]
    #[test]
    fn long_heads() {
        let cited = 1; // INT-99: cited, not covered
    }

proptest! {
    #[test] // req: INT-07
    fn property(
        x in 0..1,
    ) {}
}
";
        check(
            &in_rust(source),
            &expect![[r"
                2 INT-01 Test
                2 INT-02 Test
                5 INT-03 Test
                11 INT-04 Test
                15 INT-05 Test
                16 INT-06 Test
                26 INT-07 Test
            "]],
        );
    }

    #[test]
    fn tags_that_cover_nothing() {
        let source = "
// req: INT-01
fn no_test() {}

// req: INT-02

#[test]
fn a_blank_line_between() {
    body(); // req: INT-03
}

#[test] // req: INT-04
#[ignore = \"slow\"]
fn never_run() {}

// req: INT-05
#[test]
struct NoFunction;

#[test] // req: ISO-08..10, , INT-06: prose
fn no_names() {}
#[test]
// req: INT-07,
// INT-08, lost if nobody says so
fn broken_off() {}
// req: INT-09";
        check(
            &in_rust(source),
            &expect![[r#"
                2 INT-01 Elsewhere
                5 INT-02 Elsewhere
                9 INT-03 Elsewhere
                12 INT-04 IgnoredTest
                16 INT-05 Elsewhere
                20 ISO-08..10 Test
                20  Test
                20 INT-06: prose Test
                23 INT-07 Test
                23  Test
                26 INT-09 Elsewhere
            "#]],
        );
    }

    #[test]
    fn scenarios_have_them_at_the_top() {
        let source = "# A stall.\n# req: EVR-12, EVR-13\n\n# req: ISO-14\ntitle = \"x\"\n# req: ISO-15\nms = 3 # req: ISO-16\n";
        check(
            &in_scenario(source),
            &expect![[r"
                2 EVR-12 Test
                2 EVR-13 Test
                4 ISO-14 Test
                6 ISO-15 Elsewhere
                7 ISO-16 Elsewhere
            "]],
        );
    }
}
