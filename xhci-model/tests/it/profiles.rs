//! The suite once more on the other profiles: what a test with [`any_profile`] says holds on every controller.
//!
//! [`any_profile`]: crate::support::any_profile

use crate::support::profiles::PROFILE_VARIABLE;
use std::process::Command;

/// Runs every test but these and the fuzz bodies, which name their profiles.
fn holds_on(profile: &str) {
    let suite = std::env::current_exe().unwrap();
    let mut suite = Command::new(suite);
    suite.env(PROFILE_VARIABLE, profile).args(["--skip", "profiles::", "--skip", "fuzz::"]);
    let run = suite.output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let failures = said.find("\nfailures:").map_or("", |at| &said[at..]);
    assert!(run.status.success(), "on {profile}:{failures}");
    assert!(said.contains("test result: ok."), "on {profile}: {said}");
}

#[test]
fn the_suite_holds_on_the_minimal_controller() {
    holds_on("minimal");
}

#[test]
fn the_suite_holds_on_the_strict_controller() {
    holds_on("strict");
}

#[test]
fn the_suite_holds_on_the_large_controller() {
    holds_on("large");
}
