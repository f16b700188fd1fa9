//! Who runs when: order, seeds, time, limits.

use crate::log::{Log, at, fifo, ms};
use expect_test::expect;
use kernel_sim::{Kernel, RunError, Schedule, TaskKind};
use sim_time::Instant;

fn three_that_yield(kernel: &Kernel, log: &Log) {
    for name in ["a", "b", "c"] {
        let (kernel_in, log) = (kernel.clone(), log.clone());
        kernel.spawn(TaskKind::Kernel, name, async move {
            for round in 0..3 {
                log.line(format!("{name}{round}"));
                kernel_in.yield_now().await;
            }
        });
    }
}

fn words(log: &Log) -> String {
    log.take().lines().filter_map(|line| line.split("] ").nth(1)).collect::<Vec<_>>().join(" ")
}

#[test]
fn fifo_runs_in_the_order_of_becoming_runnable() {
    let (kernel, log) = fifo();
    three_that_yield(&kernel, &log);
    kernel.run_until(at(1)).unwrap();
    assert_eq!(words(&log), "a0 b0 c0 a1 b1 c1 a2 b2 c2");
    assert_eq!(kernel.now(), at(1));
}

fn seeded_order(seed: u64) -> String {
    let kernel = Kernel::new(Schedule::Seeded(seed));
    let log = Log::tracing(&kernel);
    three_that_yield(&kernel, &log);
    kernel.run_until(at(1)).unwrap();
    log.take()
}

#[test]
fn a_seed_is_a_run_and_another_seed_another() {
    let runs: Vec<_> = (0..20).map(seeded_order).collect();
    for (seed, run) in (0..).zip(&runs) {
        assert_eq!(*run, seeded_order(seed), "seed {seed}");
    }
    let mut different = runs.clone();
    different.sort();
    different.dedup();
    assert!(different.len() > 15, "{} of 20", different.len());
}

#[test]
fn the_runs_of_a_seed_never_change() {
    let kernel = Kernel::new(Schedule::Seeded(42));
    let log = Log::new(&kernel);
    three_that_yield(&kernel, &log);
    kernel.run_until(at(0)).unwrap();
    expect!["c0 a0 a1 a2 c1 b0 b1 c2 b2"].assert_eq(&words(&log));
}

#[test]
fn time_moves_from_timer_to_timer_and_equal_times_keep_their_order() {
    let (kernel, log) = fifo();
    for (name, delay) in [("late", 7), ("first of two", 3), ("second of two", 3), ("now", 0)] {
        let (kernel_in, log) = (kernel.clone(), log.clone());
        kernel.spawn(TaskKind::Kernel, name, async move {
            kernel_in.sleep(ms(delay)).await;
            log.line(name);
        });
    }
    kernel.run_until(at(3)).unwrap();
    expect![[r#"
        [   0] now
        [   3] first of two
        [   3] second of two
    "#]]
    .assert_eq(&log.take());
    kernel.run_until(at(10)).unwrap();
    assert_eq!(log.take(), "[   7] late\n");
    assert_eq!(kernel.now(), at(10));
}

#[test]
fn a_handle_gives_the_result_to_a_task_or_once_to_anybody() {
    let (kernel, _) = fifo();
    let first = kernel.spawn(TaskKind::Kernel, "first", {
        let kernel = kernel.clone();
        async move {
            kernel.sleep(ms(5)).await;
            6
        }
    });
    let second = kernel.spawn(TaskKind::Kernel, "second", async move { first.await * 7 });
    assert!(!second.is_finished());
    kernel.run_until_finished(&second, at(100)).unwrap();
    assert_eq!(kernel.now(), at(5));
    assert_eq!((second.try_take(), second.try_take(), second.is_finished()), (Some(42), None, true));
    assert_eq!(&*kernel.task_name(second.id()), "second");
}

#[test]
fn a_task_that_takes_too_long_meets_the_limit() {
    let (kernel, _) = fifo();
    let (kernel_in, started) = (kernel.clone(), kernel.now());
    let task = kernel.spawn(TaskKind::User, "aplay", async move { kernel_in.sleep(ms(50)).await });
    assert_eq!(kernel.current(), None);
    let error = kernel.run_until_finished(&task, at(20)).unwrap_err();
    assert_eq!(error.to_string(), r#"task 1 "aplay" has not ended by 0.020000000"#);
    assert_eq!(kernel.now().since(started), ms(20));
    kernel.run_until_finished(&task, at(50)).unwrap();
}

#[test]
fn tasks_that_keep_time_from_moving_are_reported() {
    let (kernel, _) = fifo();
    let kernel_in = kernel.clone();
    kernel.spawn(TaskKind::Daemon, "spinner", async move {
        loop {
            kernel_in.yield_now().await;
        }
    });
    let error = kernel.run_until(Instant::MAX).unwrap_err();
    assert!(matches!(&error, RunError::Livelock { last, .. } if &*last.name == "spinner"), "{error}");
}

#[test]
fn a_kernel_with_a_daemon_left_is_freed_by_shutdown() {
    let (kernel, _) = fifo();
    let (kernel_in, witness) = (kernel.clone(), std::rc::Rc::new(()));
    let owned = witness.clone();
    kernel.spawn(TaskKind::Daemon, "daemon", async move {
        loop {
            kernel_in.sleep(ms(1)).await;
            let _keep = &owned;
        }
    });
    kernel.run_until(at(5)).unwrap();
    assert_eq!(std::rc::Rc::strong_count(&witness), 2);
    kernel.shutdown();
    assert_eq!(std::rc::Rc::strong_count(&witness), 1);
}
