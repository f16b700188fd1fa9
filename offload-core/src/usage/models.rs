//! The hot path under loom: two or three threads in every interleaving of their locks and atomics up to a number of
//! preemptions, and whatever the memory model allows each load to see. Run by
//!
//! ```console
//! $ RUSTFLAGS="--cfg loom" cargo test -p offload-core --lib --target-dir target/loom usage::models
//! ```
//!
//! Every invariant is held by [`change_usage`](crate::change_usage) and broken by a variant of it, so that no model
//! can pass whatever it is given.

mod broken;
mod device;
mod lock;

use device::{Change, Device};
use loom::sync::Arc;
use loom::thread;
use sim_time::Instant;

/// What one thread does.
type Role = fn(&Device);

/// Runs the roles in parallel on a fresh device in every interleaving, with at most so many preemptions if there is
/// a bound, and looks at what is left.
fn explore(change: Change, preemptions: Option<usize>, roles: &'static [Role], rest: Role) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(move || {
        let device = Arc::new(Device::new(change));
        let threads: Vec<_> = roles[1..]
            .iter()
            .map(|role| {
                let device = device.clone();
                thread::spawn(move || role(&device))
            })
            .collect();
        // loom's main thread counts as one.
        roles[0](&device);
        for thread in threads {
            thread.join().expect("a failed thread fails the model");
        }
        rest(&device);
    });
}

fn get(device: &Device) {
    let _refused = device.get();
}
/// A session, if it may begin.
fn session(device: &Device) {
    if device.get().is_ok() {
        let _refused = device.put();
    }
}
fn sleep(device: &Device) {
    device.sleep();
}
fn suspend_and_resume(device: &Device) {
    device.suspend_and_resume();
}

/// On an awake device nobody is refused.
fn all_sessions_end(device: &Device) {
    assert_eq!(device.offload.usage(), 0, "S1: every session began and ended");
    device.check_rest();
    device.check_asked_for_autosuspend();
}
fn rest(device: &Device) {
    device.check_rest();
}

/// S1: counts are exact, and the last one out asks for the autosuspend.
fn sessions(change: Change) {
    explore(change, Some(3), &[session, session], all_sessions_end);
}
/// S1 with three threads.
fn three_sessions(change: Change) {
    explore(change, Some(2), &[session, session, session], all_sessions_end);
}
/// S2, S3: nothing changes from suspend to resume.
fn session_against_sleep(change: Change) {
    explore(change, None, &[session, sleep], rest);
}
/// S2, S3 with three threads.
fn sessions_against_sleep(change: Change) {
    explore(change, Some(2), &[session, get, sleep], rest);
}
/// S2: only an active device's count changes, and only a device that is not active says `-EBUSY`.
fn session_against_autosuspend(change: Change) {
    explore(change, Some(3), &[session, suspend_and_resume], rest);
}
/// S2 with three threads.
fn sessions_against_autosuspend(change: Change) {
    explore(change, Some(2), &[session, get, suspend_and_resume], rest);
}

fn v4(offload: &device::Offload, pm: &device::Pm, change: super::UsageChange) -> super::UsageOutcome {
    super::change_usage(offload, pm, change, Instant::ZERO)
}

#[test]
fn sessions_balance() {
    sessions(v4);
}
#[test]
fn three_sessions_balance() {
    three_sessions(v4);
}
#[test]
fn a_sleep_freezes_the_count() {
    session_against_sleep(v4);
}
#[test]
fn a_sleep_freezes_the_count_for_two() {
    sessions_against_sleep(v4);
}
#[test]
fn a_device_that_is_not_active_refuses() {
    session_against_autosuspend(v4);
}
#[test]
fn a_device_that_is_not_active_refuses_two() {
    sessions_against_autosuspend(v4);
}

#[test]
#[should_panic = "S3"]
fn a_check_outside_the_lock_is_found() {
    session_against_sleep(broken::checks_outside_the_lock);
}
#[test]
#[should_panic = "S1"]
fn a_lost_update_is_found() {
    sessions(broken::reads_before_the_lock);
}
#[test]
#[should_panic = "S1"]
fn a_lost_update_among_three_is_found() {
    three_sessions(broken::reads_before_the_lock);
}
#[test]
#[should_panic = "S3"]
fn a_sleep_that_freezes_nothing_is_found() {
    sessions_against_sleep(broken::ignores_pm_locked);
}
#[test]
#[should_panic = "a runtime PM reference was kept"]
fn a_reference_kept_is_found() {
    session_against_sleep(broken::keeps_the_reference_of_a_refusal);
}
#[test]
#[should_panic = "a7"]
fn a_forgotten_autosuspend_is_found() {
    sessions(broken::forgets_the_autosuspend);
}
#[test]
#[should_panic = "S2"]
fn a_status_without_its_lock_is_found() {
    session_against_autosuspend(broken::tests_the_status_first);
}
#[test]
#[should_panic = "S2"]
fn a_reference_dropped_early_is_found() {
    sessions_against_autosuspend(broken::drops_the_reference_early);
}
#[test]
#[should_panic = "-EAGAIN without a system sleep"]
fn a_wrong_reason_is_found() {
    session_against_autosuspend(broken::mistakes_the_reason);
}
