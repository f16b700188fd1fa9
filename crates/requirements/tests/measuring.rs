//! The comparison on small lists.

use expect_test::{Expect, expect};
use requirements::{Coverage, Exceptions, Report, Requirements, Source, SourceKind};

const LIST: &str = "
| ID | § | Requirement | Pri | Test observes |
|---|---|---|---|---|
| INT-01 | 4 | First. | M | a |
| INT-02 | 4 | Second. | M | b |
| INT-03 | 4 | Third. | S | c |
| INT-04 | 4 | Fourth. | X | d |
| ISO-01 | 4 | Slow. | M | e |
";

/// Table and failures for a source with one test per tag.
fn check(tags: &[&str], exceptions: &str, finished: &[&str], expected: &Expect) {
    let requirements = Requirements::parse(LIST).unwrap();
    let exceptions = Exceptions::parse(exceptions).unwrap();
    let text = tags.iter().map(|tag| format!("#[test] // req: {tag}\nfn test() {{}}\n")).collect();
    let source = Source { path: "tests/it.rs".into(), kind: SourceKind::Rust, text };
    let coverage = Coverage::measure(&requirements, &[source], &exceptions);
    let mut shown = Report { coverage: &coverage, finished }.to_string();
    for failure in coverage.failures(finished) {
        shown.push_str(&format!("! {failure}\n"));
    }
    expected.assert_eq(&shown);
}

#[test]
fn nothing_is_demanded_of_an_area_that_is_not_finished() {
    check(
        &["INT-02"],
        "",
        &[],
        &expect![[r#"
        area   rows    tested M    tested S    tested X
        INT       4      1/2         0/1         0/1
        ISO       1      0/1         0/0         0/0
        total     5      1/3         0/1         0/1

        without a test:
        INT   M 01  S 03
        ISO   M 01
    "#]],
    );
}

#[test]
fn a_finished_area_needs_its_m_rows_and_most_s_rows() {
    check(
        &["INT-02, ISO-01"],
        "",
        &["INT"],
        &expect![[r#"
        area   rows    tested M    tested S    tested X
        INT       4      1/2         0/1         0/1     finished
        ISO       1      1/1         0/0         0/0
        total     5      2/3         0/1         0/1

        without a test:
        INT   M 01  S 03
        ! INT-01 (M) has no test: First.
        ! 0 of 1 S rows of the finished areas have a test, less than 95 %
    "#]],
    );
}

#[test]
fn a_finished_area_without_gaps() {
    check(
        &["INT-01", "INT-02, INT-03"],
        "",
        &["INT"],
        &expect![[r#"
        area   rows    tested M    tested S    tested X
        INT       4      2/2         1/1         0/1     finished
        ISO       1      0/1         0/0         0/0
        total     5      2/3         1/1         0/1

        without a test:
        ISO   M 01
    "#]],
    );
}

#[test]
fn an_exception_excuses_an_m_row_only_if_the_row_is_at_fault() {
    check(
        &["INT-03"],
        "| ID | why no test |\n|---|---|\n| INT-01 | not built |\n| INT-02 | decided: no driver can tell |\n",
        &["INT"],
        &expect![[r#"
            area   rows    tested M    tested S    tested X
            INT       4      0/2         1/1         0/1     finished
            ISO       1      0/1         0/0         0/0
            total     5      0/3         1/1         0/1

            without a test:
            ISO   M 01
            INT-01: not built
            INT-02: decided: no driver can tell
            ! INT-01 (M) must have a test, the reason for none is: not built
        "#]],
    );
}

#[test]
fn wrong_names_and_stale_exceptions_are_told_everywhere() {
    check(
        &["INT-01, INT-33", "INT-02..03"],
        "| ID | why no test |\n|---|---|\n| INT-01 | not built |\n| BW-99 | unknown |\n",
        &["USB"],
        &expect![[r#"
            area   rows    tested M    tested S    tested X
            INT       4      1/2         0/1         0/1
            ISO       1      0/1         0/0         0/0
            total     5      1/3         0/1         0/1

            without a test:
            INT   M 02  S 03
            ISO   M 01
            INT-01: not built
            ! tests/it.rs:1: "INT-33" is no row of the requirement list
            ! tests/it.rs:3: "INT-02..03" is no row of the requirement list
            ! docs/requirements-untested.md:3: INT-01 is listed as untested, but tests/it.rs:1 tests it
            ! docs/requirements-untested.md:4: "BW-99" is no row of the requirement list
            ! the finished area "USB" is not in the requirement list
        "#]],
    );
}
