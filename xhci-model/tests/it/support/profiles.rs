//! Which controllers a test runs on.

use super::Machine;
use xhci_model::{Latencies, Profile};

/// Names the profile of a run of the suite that is for it alone (`profiles.rs`).
pub const PROFILE_VARIABLE: &str = "XHCI_TEST_PROFILE";

/// The modes of TIM-27.
pub const TIMINGS: [(&str, Latencies); 3] =
    [("instant", Latencies::INSTANT), ("typical", Latencies::TYPICAL), ("stress", Latencies::STRESS)];

/// The profile that this run of the suite is for alone.
fn only() -> Option<String> {
    std::env::var(PROFILE_VARIABLE).ok()
}

/// The controller of a test that holds on every one.
pub fn any_profile() -> Profile {
    only().map_or_else(Profile::default, |name| name.parse().unwrap())
}

/// Each named profile, or the one that this run is for: the first run has seen the others.
pub fn named() -> impl Iterator<Item = (&'static str, Profile)> {
    let only = only();
    let meant = move |name: &&str| only.as_ref().is_none_or(|only| only == name);
    Profile::NAMES.into_iter().filter(meant).map(|name| (name, name.parse().unwrap()))
}

/// The same with eight slots at least.
pub fn named_with_8_slots() -> impl Iterator<Item = (&'static str, Profile)> {
    named().map(|(name, profile)| (name, Profile { slots: profile.slots.max(8), ..profile }))
}

/// Runs a test with every named profile; a failure says with which.
pub fn on_profiles(test: impl Fn(Profile)) {
    for (name, profile) in named() {
        println!("profile {name}");
        test(profile);
    }
}

/// Runs a test on a machine of each named profile, and on the default one with every timing.
pub fn on_every_profile(test: impl Fn(Machine)) {
    on_profiles(|profile| test(Machine::new(profile)));
    if only().is_none() {
        for (name, latencies) in [TIMINGS[0], TIMINGS[2]] {
            println!("profile default, timing {name}");
            test(Machine::new(Profile { latencies, ..Profile::default() }));
        }
    }
}

/// Runs a test on a machine of each named profile, with eight slots at least.
pub fn on_every_profile_of_8_slots(test: impl Fn(Machine)) {
    for (name, profile) in named_with_8_slots() {
        println!("profile {name}");
        test(Machine::new(profile));
    }
}

/// Runs a test with the latencies of each timing mode in place of the profile's (TIM-27).
pub fn in_every_timing(profile: &Profile, test: impl Fn(Machine)) {
    for (name, latencies) in TIMINGS {
        println!("timing {name}");
        test(Machine::new(Profile { latencies, ..profile.clone() }));
    }
}
