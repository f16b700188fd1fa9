//! `explore` and `replay`: what is found, how it is told, and that it is found again.

use crate::support::{Outcome, files_in, lab, temp_dir};
use expect_test::expect;
use serde_json::Value;
use std::fs;

/// LEGACY hangs when the audio driver is unbound under a stream: L-B of the reference.
const DEADLOCK: [&str; 6] = ["explore", "unbind", "--design", "legacy", "--client", "qc"];

fn run(arguments: &[&str]) -> Outcome {
    lab(temp_dir().path(), arguments)
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).expect("one JSON object")
}

/// What is printed, without the one line that differs from run to run.
fn without_wall_time(text: &str) -> String {
    text.lines().filter(|line| !line.contains("wall time")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_deadlock_is_shown_with_the_locks_of_the_kernel_and_found_again_by_its_token() {
    let found = run(&DEADLOCK);
    assert_eq!((found.code, found.stderr.as_str()), (Some(1), "failed: 1 search found something\n"));
    for words in ["verdict          deadlock", "&dev->mutex", "qdev_mutex", "wait for each other in a circle"]
    {
        assert!(found.stdout.contains(words), "{words}:\n{}", found.stdout);
    }
    let token = found.stdout.lines().find_map(|line| line.strip_prefix("xhci-lab replay ")).expect("a token");
    let replayed = run(&["replay", token]);
    assert_eq!((replayed.code, replayed.stderr.as_str()), (Some(1), "failed: deadlock\n"));
    // The columns of the tasks and the ending are the same, line by line.
    let transcript = |text: &str| -> Vec<String> {
        text.lines().skip_while(|line| !line.starts_with("     |")).map(str::to_owned).collect()
    };
    let (shown, again) = (transcript(&found.stdout), transcript(&replayed.stdout));
    assert!(again.len() > 10 && shown.starts_with(&again), "{}", replayed.stdout);
}

#[test]
fn the_same_search_prints_the_same() {
    let [first, second] = [run(&DEADLOCK), run(&DEADLOCK)];
    assert_eq!(without_wall_time(&first.stdout), without_wall_time(&second.stdout));
    for strategy in [&["--strategy", "pct"][..], &["--strategy", "random", "--seed", "5"]] {
        let arguments = [&DEADLOCK, strategy].concat();
        let [first, second] = [run(&arguments), run(&arguments)];
        assert_eq!(first.code, Some(1), "{strategy:?}");
        assert_eq!(without_wall_time(&first.stdout), without_wall_time(&second.stdout));
    }
}

#[test]
fn nothing_found_is_exit_code_0_and_says_how_far_it_looked() {
    let arguments = ["explore", "unbind", "--design", "fixed", "--client", "aoc", "--bound", "1"];
    let outcome = run(&arguments);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("verdict          ok"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("coverage         exhaustive"), "{}", outcome.stdout);

    let json = json(&run(&[&arguments[..], &["--json"]].concat()));
    assert_eq!((&json["verdict"], &json["exhaustive"]), (&"ok".into(), &true.into()), "{json}");
    assert_eq!(
        (&json["scenario"], &json["design"], &json["client"]),
        (&"unbind".into(), &"fixed".into(), &"aoc".into())
    );

    let cut = run(&["explore", "unbind", "--design", "fixed", "--client", "qc", "--schedules", "3"]);
    assert_eq!(cut.code, Some(0));
    assert!(cut.stdout.contains("coverage         not exhaustive"), "{}", cut.stdout);
}

#[test]
fn json_holds_verdict_token_and_every_line() {
    let json = json(&run(&[&DEADLOCK[..], &["--json"]].concat()));
    let finding = &json["findings"][0];
    assert_eq!((&json["verdict"], &finding["kind"]), (&"deadlock".into(), &"deadlock".into()));
    assert!(finding["transcript"].as_array().is_some_and(|lines| lines.len() > 20));
    let token = finding["token"].as_str().expect("a token");
    let replayed: Value =
        serde_json::from_str(&run(&["replay", token, "--json"]).stdout).expect("one JSON object");
    for key in ["verdict", "what", "transcript", "token"] {
        assert_eq!(replayed[key], finding[key], "{key}");
    }
}

#[test]
fn reports_go_into_a_directory() {
    let dir = temp_dir();
    let outcome = lab(dir.path(), &[&DEADLOCK[..], &["--out", "out"]].concat());
    assert_eq!(outcome.code, Some(1));
    let out = dir.path().join("out");
    let text = fs::read_to_string(out.join("unbind-legacy-qc.txt")).expect("written");
    assert_eq!(without_wall_time(&text), without_wall_time(&outcome.stdout));
    let steps = fs::read_to_string(out.join("unbind-legacy-qc-1.steps.txt")).expect("written");
    assert!(steps.lines().count() > 40, "{steps}");
    let json: Value =
        serde_json::from_str(&fs::read_to_string(out.join("unbind-legacy-qc.json")).expect("written"))
            .expect("JSON");

    let token = json["findings"][0]["token"].as_str().expect("a token");
    let replayed = lab(dir.path(), &["replay", token, "--out", "again"]);
    assert_eq!(replayed.code, Some(1));
    let again = dir.path().join("again");
    assert_eq!(fs::read_to_string(again.join("unbind-legacy-qc.steps.txt")).expect("written"), steps);
    assert_eq!(files_in(&again).len(), 3);
}

#[test]
fn the_list_names_what_can_be_explored() {
    let list = run(&["explore", "--list"]);
    assert_eq!((list.code, list.stderr.as_str()), (Some(0), ""));
    for words in ["unbind (qc, aoc; bound", "suspend-streaming", "rfc-v2", "fixed", "tears its streams down"]
    {
        assert!(list.stdout.contains(words), "{words}:\n{}", list.stdout);
    }
}

#[test]
fn all_of_one_design_is_a_table() {
    let outcome = run(&["explore", "--all", "--design", "v4", "--client", "aoc", "--bound", "0"]);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines.len() > 10, "{}", outcome.stdout);
    assert!(
        lines.iter().any(|line| line.starts_with("unbind ") && line.contains(" ok ")),
        "{}",
        outcome.stdout
    );
    assert!(
        lines.last().is_some_and(|line| line.ends_with("searches found something")),
        "{}",
        outcome.stdout
    );
}

#[test]
fn what_makes_no_sense_has_one_line() {
    let cases: [&[&str]; 9] = [
        &["explore", "bind"],
        &["explore", "hw-params", "--client", "aoc"],
        &["explore", "unbind", "--strategy", "pct", "--bound", "2"],
        &["explore", "unbind", "--depth", "2"],
        &["explore", "unbind", "--seed", "2"],
        &["explore", "unbind", "--design", "v5"],
        &["explore", "unbind", "--client", "qualcomm"],
        &["replay", "ks1--5dd2fad5-6bf1"],
        &["replay", "unbind/legacy/qc/ks1--5dd2fad5-6bf2"],
    ];
    let mut table = String::new();
    for case in cases {
        let outcome = run(case);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{case:?}");
        let line = outcome.stderr.lines().next().unwrap_or_default();
        // The scenarios that there are come after it.
        table += line.split(": unbind,").next().unwrap_or_default();
        table += "\n";
    }
    expect![[r#"
        error: there is no scenario `bind`
        error: --client aoc: hw-params is not for this class driver
        error: --bound is for --strategy exhaustive
        error: --depth is for --strategy pct
        error: --seed is for --strategy pct or random
        error: invalid value 'v5' for '--design <DESIGN>': unknown design `v5`: legacy, rfc-v1, rfc-v2, v1, v2, v3, v4 or fixed, or all
        error: invalid value 'qualcomm' for '--client <CLIENT>': unknown client `qualcomm`: qc or aoc
        error: invalid value 'ks1--5dd2fad5-6bf1' for '<TOKEN>': a token is SCENARIO/DESIGN/CLIENT/RUN, as explore prints it
        error: invalid value 'unbind/legacy/qc/ks1--5dd2fad5-6bf2' for '<TOKEN>': the checksum of the replay token does not fit: it was changed or cut off
    "#]].assert_eq(&table);
    for arguments in [&["explore"][..], &["explore", "unbind", "--all"], &["explore", "--list", "--all"]] {
        assert_eq!(run(arguments).code, Some(2), "{arguments:?}");
    }
}

/// A token whose run is not what was recorded says so, whatever else it would show.
#[test]
fn a_token_of_another_program_is_told() {
    let found = run(&DEADLOCK);
    let token = found.stdout.lines().find_map(|line| line.strip_prefix("xhci-lab replay ")).expect("a token");
    let other = token.replace("unbind/legacy/", "unbind/fixed/");
    let outcome = run(&["replay", &other]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    assert!(outcome.stderr.contains("another version of xhci-lab"), "{}", outcome.stderr);
}

/// The runs that docs/defects.md tells to make again fail as it says; that all of it is current, `.ci/run` checks.
#[test]
fn the_tokens_of_the_documentation_are_current() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/defects.md");
    let text = fs::read_to_string(document).expect("it is checked in");
    let tokens: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("$ xhci-lab replay ")).collect();
    assert!(tokens.len() >= 14, "{}", tokens.len());
    for token in tokens {
        let outcome = run(&["replay", token]);
        assert_eq!(outcome.code, Some(1), "{token}: {}", outcome.stderr);
    }
}
