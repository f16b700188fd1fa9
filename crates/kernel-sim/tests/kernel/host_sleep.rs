//! The host's processors are off: what runs on, what waits.
use crate::log::{Log, at, fifo, ms};
use expect_test::expect;
use kernel_sim::{Kernel, TaskKind};
use sim_time::Instant;

/// A task that says so every 4 ms, from 1 ms on.
fn ticking(kernel: &Kernel, log: &Log, kind: TaskKind, name: &'static str) {
    let (kernel_in, log) = (kernel.clone(), log.clone());
    kernel.spawn(kind, name, async move {
        kernel_in.sleep(ms(1)).await;
        loop {
            log.line(name);
            kernel_in.sleep(ms(4)).await;
        }
    });
}

fn sleeper(kernel: &Kernel, log: &Log, until: Instant) {
    let (kernel_in, log) = (kernel.clone(), log.clone());
    kernel.spawn(TaskKind::Kernel, "suspend", async move {
        kernel_in.sleep(ms(2)).await;
        log.line("host sleeps");
        kernel_in.host_sleep_until(until).await;
        assert!(!kernel_in.is_host_asleep());
        log.line("host is awake");
    });
}

#[test]
fn only_firmware_runs_and_the_timers_of_the_host_fire_afterwards() {
    let (kernel, log) = fifo();
    ticking(&kernel, &log, TaskKind::User, "user");
    ticking(&kernel, &log, TaskKind::Daemon, "daemon");
    ticking(&kernel, &log, TaskKind::Firmware, "dsp");
    sleeper(&kernel, &log, at(12));
    let log_in = log.clone();
    kernel.after(ms(7), move || log_in.line("timer of the host"));
    kernel.run_until(at(6)).unwrap();
    assert!(kernel.is_host_asleep());
    kernel.run_until(at(17)).unwrap();
    expect![[r#"
        [   1] dsp
        [   1] user
        [   1] daemon
        [   2] host sleeps
        [   5] dsp
        [   9] dsp
        [  12] timer of the host
        [  12] host is awake
        [  12] user
        [  12] daemon
        [  13] dsp
        [  16] user
        [  16] daemon
        [  17] dsp
    "#]]
    .assert_eq(&log.take());
}

#[test]
fn a_wakeup_ends_the_sleep_and_its_alarm() {
    let (kernel, log) = fifo();
    sleeper(&kernel, &log, at(1_000));
    let (kernel_in, log_in) = (kernel.clone(), log.clone());
    kernel.spawn(TaskKind::Firmware, "dsp", async move {
        kernel_in.sleep(ms(5)).await;
        let (kernel, log) = (kernel_in.clone(), log_in.clone());
        // The firmware's timer: it runs while the host sleeps.
        kernel_in.after(ms(3), move || {
            log.line("wakeup");
            kernel.wakeup();
            kernel.wakeup();
        });
    });
    kernel.run_until(at(50)).unwrap();
    expect![[r#"
        [   2] host sleeps
        [   8] wakeup
        [   8] host is awake
    "#]]
    .assert_eq(&log.take());
}

#[test]
fn a_host_that_nothing_can_wake_is_a_deadlock() {
    let (kernel, log) = fifo();
    ticking(&kernel, &log, TaskKind::User, "user");
    sleeper(&kernel, &log, Instant::MAX);
    expect![[r#"
        deadlock at 0.002000000: nobody can run
          task 1 "user" (user) sleeps until 0.005000000
          task 2 "suspend" (kernel) waits for the host to wake up"#]]
    .assert_eq(&kernel.run_until(at(50)).unwrap_err().to_string());
    kernel.wakeup();
    kernel.run_until(at(50)).unwrap();
}

#[test]
fn who_was_runnable_goes_on_after_the_task_that_slept() {
    let (kernel, log) = fifo();
    let trace = Log::tracing(&kernel);
    let (kernel_in, log_in) = (kernel.clone(), log.clone());
    kernel.spawn(TaskKind::Kernel, "suspend", async move {
        kernel_in.host_sleep_until(at(3)).await;
        log_in.line("suspend");
    });
    for name in ["a", "b"] {
        let log = log.clone();
        kernel.spawn(TaskKind::User, name, async move { log.line(name) });
    }
    kernel.run_until(at(5)).unwrap();
    assert_eq!(log.take(), "[   3] suspend\n[   3] a\n[   3] b\n");
    expect![[r#"
        [   0] task 1 spawned: "suspend" (kernel)
        [   0] task 2 spawned: "a" (user)
        [   0] task 3 spawned: "b" (user)
        [   0] task 1 runs
        [   0] host sleeps until 0.003000000
        [   3] host wakes
        [   3] task 1 woken
        [   3] task 1 runs
        [   3] task 1 ended
        [   3] task 2 runs
        [   3] task 2 ended
        [   3] task 3 runs
        [   3] task 3 ended
    "#]]
    .assert_eq(&trace.take());
}
