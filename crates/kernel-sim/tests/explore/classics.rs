//! Bugs that everybody knows, and programs without them.
use crate::programs::{EVERYTHING, abba, counter, explore, lost_wake_up, mutex, philosophers, up_to};
use expect_test::expect;
use kernel_sim::{CheckAt, Coverage, Explorer, Kernel, TaskKind, Verdict};

#[test]
fn an_abba_deadlock_needs_one_preemption_and_is_shown_in_its_shortest_form() {
    let report = explore(up_to(0), abba);
    // Without a preemption there is none, but the order of the locks tells.
    assert_eq!((report.verdict().name(), report.coverage), ("lock-order", Coverage::Preemptions(0)));
    let report = explore(up_to(2), abba);
    expect![[r#"
        deadlock: 4 schedules, 24 steps, exhaustive up to 0 preemptions

        deadlock: found as schedule 4; 1 preemption, 6 steps, none is shorter
        replay ks1-2:1-7f3b5623-313e

             | ab                        | ba
           2 | takes A                   |
           4 |                           | takes B
           5 |                           | waits for A, held by "ab"
           6 | waits for B, held by "ba" |
        deadlock at 0.000000000: 2 tasks wait for each other in a circle
          task 1 "ab" (kernel) holds A; wants B, held by task 2 "ba"
          task 2 "ba" (kernel) holds B; wants A, held by task 1 "ab"

        lock-order: found as schedule 1; 0 preemptions, 6 steps
        replay ks1--26fe60c3-3aaf

             | ab           | ba
           2 | takes A      |
           3 | takes B      |
           3 | releases B   |
           3 | releases A   |
           3 | ends         |
           5 |              | takes B
           6 |              | takes A
           6 |              | releases A
           6 |              | releases B
           6 |              | ends
        possible circular locking dependency: A -> B -> A
          holding A wants B: task 1 "ab" at 0.000000000
          holding B wants A: task 2 "ba" at 0.000000000"#]]
    .assert_eq(&report.to_string());
    assert!(report.findings[0].minimal);
    assert!(matches!(report.verdict(), Verdict::Deadlock(deadlock) if deadlock.cycle.len() == 2));
}

#[test]
fn a_lost_wake_up_is_a_task_that_nobody_wakes() {
    let report = explore(up_to(1), lost_wake_up);
    expect![[r#"
        deadlock: 4 schedules, 21 steps, exhaustive up to 0 preemptions

        deadlock: found as schedule 4; 1 preemption, 5 steps, none is shorter
        replay ks1-2:1-7d8f6457-37d6

             | waiter             | waker
           2 | look at the flag   |
           4 |                    | set the flag
           4 |                    | ends
           5 | waits for the flag |
        deadlock at 0.000000000: nobody can run
          task 1 "waiter" (kernel) waits for the flag"#]]
    .assert_eq(&report.to_string());
}

#[test]
fn three_philosophers_starve_at_one_preemption_unless_one_is_left_handed() {
    assert_eq!(explore(up_to(0), |kernel| philosophers(kernel, false)).verdict().name(), "lock-order");
    let report = explore(up_to(2), |kernel| philosophers(kernel, false));
    expect![[r#"
        deadlock: found as schedule 17; 1 preemption, 9 steps, none is shorter
        replay ks1-2:2,5:1-f90f4395-263e

             | Ada                                 | Barbara                           | Grace
           2 | takes fork 1                        |                                   |
           4 |                                     |                                   | takes fork 3
           5 |                                     |                                   | waits for fork 1, held by "Ada"
           7 |                                     | takes fork 2                      |
           8 |                                     | waits for fork 3, held by "Grace" |
           9 | waits for fork 2, held by "Barbara" |                                   |
        deadlock at 0.000000000: 3 tasks wait for each other in a circle
          task 1 "Ada" (kernel) holds fork 1; wants fork 2, held by task 2 "Barbara"
          task 2 "Barbara" (kernel) holds fork 2; wants fork 3, held by task 3 "Grace"
          task 3 "Grace" (kernel) holds fork 3; wants fork 1, held by task 1 "Ada""#]].assert_eq(&report.findings[0].to_string());
    let report = explore(EVERYTHING, |kernel| philosophers(kernel, true));
    assert_eq!((report.verdict(), report.coverage), (&Verdict::Ok, Coverage::Complete));
}

fn counted(kernel: &Kernel, locked: bool) {
    let word = counter(kernel, locked);
    kernel.check("S1", CheckAt::End, move || match word.get() {
        2 => Ok(()),
        other => Err(format!("2 were counted, the word says {other}")),
    });
}

#[test]
fn a_counter_without_a_lock_loses_one_and_a_counter_with_a_lock_does_not() {
    assert_eq!(explore(up_to(0), |kernel| counted(kernel, false)).verdict(), &Verdict::Ok);
    let report = explore(EVERYTHING, |kernel| counted(kernel, false));
    expect![[r#"
        S1: 2 schedules, 12 steps, not exhaustive

        S1: found as schedule 2; 1 preemption, 6 steps, none is shorter
        replay ks1-2:1-7f3b5623-313e

             | get          | put
           2 | read         |
           4 |              | read
           5 |              | write
           5 |              | ends
           6 | write        |
           6 | ends         |
        S1 violated at 0.000000000: 2 were counted, the word says 1"#]]
    .assert_eq(&report.to_string());
    let report = explore(EVERYTHING, |kernel| counted(kernel, true));
    assert_eq!((report.verdict(), report.coverage), (&Verdict::Ok, Coverage::Complete));
}

#[test]
fn an_assertion_that_only_some_orders_break_is_found_and_named() {
    let report = explore(EVERYTHING, |kernel| {
        let word = counter(kernel, false);
        let kernel_in = kernel.clone();
        kernel.spawn(TaskKind::Kernel, "check", async move {
            kernel_in.step("look", &[crate::programs::WORD.read()]).await;
            assert_ne!(word.get(), 2, "counted to the end");
        });
    });
    let Verdict::Panic(message) = report.verdict() else { panic!("{report}") };
    assert!(message.contains("counted to the end"), "{message}");
    assert_eq!(report.findings[0].preemptions, 0);
}

#[test]
fn a_task_that_waits_for_another_by_yielding_is_no_livelock_and_one_that_waits_for_nothing_is() {
    let waiting = |kernel: &Kernel, others: bool| {
        let lock = mutex(kernel, "lock");
        let kernel_in = kernel.clone();
        let other = kernel.spawn(TaskKind::Daemon, "other", async move {
            kernel_in.step("work", &[]).await;
            drop(lock.lock().await);
        });
        let kernel_in = kernel.clone();
        kernel.spawn(TaskKind::Kernel, "spins", async move {
            while !(others && other.is_finished()) {
                kernel_in.yield_now().await;
            }
        });
    };
    let report = explore(EVERYTHING, |kernel| waiting(kernel, true));
    assert_eq!((report.verdict(), report.coverage, report.fair), (&Verdict::Ok, Coverage::Complete, true));
    let report = Explorer::new(up_to(0)).max_steps(200).explore(|kernel| waiting(kernel, false));
    assert_eq!(report.verdict().name(), "livelock");
    assert!(report.verdict().to_string().contains("after 200 steps, the last of them by task 2 \"spins\""));
}

#[test]
fn several_kinds_of_findings_are_told_apart() {
    let report = Explorer::new(up_to(2)).max_findings(9).explore(|kernel| {
        abba(kernel);
        counted(kernel, false);
    });
    let names: Vec<_> = report.findings.iter().map(|finding| finding.verdict.name()).collect();
    assert_eq!(names, ["S1", "deadlock", "lock-order"]);
    assert_eq!(report.coverage, Coverage::Preemptions(2));
}
