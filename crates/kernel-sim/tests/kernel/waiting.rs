//! Wait queues, completions and timers.
use crate::log::{at, fifo, ms};
use expect_test::expect;
use kernel_sim::{Completion, TaskKind, WaitQueue};
use std::cell::Cell;
use std::rc::Rc;

#[test]
fn a_waiter_goes_on_when_its_condition_holds_and_not_at_any_wake_up() {
    let (kernel, log) = fifo();
    let queue = WaitQueue::new(&kernel, "the level");
    let level = Rc::new(Cell::new(0));
    for wanted in [3, 1, 2] {
        let (queue, level, log) = (queue.clone(), level.clone(), log.clone());
        kernel.spawn(TaskKind::Kernel, "waiter", async move {
            queue.wait_until(|| level.get() >= wanted).await;
            log.line(format!("{wanted} reached"));
        });
    }
    let kernel_in = kernel.clone();
    kernel.spawn(TaskKind::Kernel, "waker", async move {
        for _ in 0..3 {
            kernel_in.sleep(ms(1)).await;
            level.set(level.get() + 1);
            queue.wake_all();
        }
    });
    kernel.run_until(at(10)).unwrap();
    expect![[r#"
        [   1] 1 reached
        [   2] 2 reached
        [   3] 3 reached
    "#]]
    .assert_eq(&log.take());
}

#[test]
fn wake_one_wakes_the_one_that_waits_longest() {
    let (kernel, log) = fifo();
    let queue = WaitQueue::new(&kernel, "a token");
    let tokens = Rc::new(Cell::new(0));
    for name in ["first", "second"] {
        let (queue, tokens, log) = (queue.clone(), tokens.clone(), log.clone());
        kernel.spawn(TaskKind::Daemon, name, async move {
            queue.wait_until(|| tokens.get() > 0).await;
            tokens.set(tokens.get() - 1);
            log.line(name);
        });
    }
    kernel.run_until(at(1)).unwrap();
    for end in [2, 3] {
        tokens.set(1);
        queue.wake_one();
        kernel.run_until(at(end)).unwrap();
    }
    assert_eq!(log.take(), "[   1] first\n[   2] second\n");
}

#[test]
fn a_wait_with_a_time_out_tells_which_came_first() {
    let (kernel, log) = fifo();
    // Comes true before, in the instant of, and after the time-out of 5 ms.
    for happens_at in [3, 5, 7] {
        let queue = WaitQueue::new(&kernel, "it");
        let happened = Rc::new(Cell::new(false));
        let (queue_in, happened_in) = (queue.clone(), happened.clone());
        kernel.after(ms(happens_at), move || {
            happened_in.set(true);
            queue_in.wake_all();
        });
        let (kernel_in, log) = (kernel.clone(), log.clone());
        kernel.spawn(TaskKind::Kernel, "waiter", async move {
            let in_time = queue.wait_until_timeout(ms(5), || happened.get()).await;
            log.line(format!("at {happens_at}: {in_time}"));
            kernel_in.yield_now().await;
        });
    }
    kernel.run_until(at(20)).unwrap();
    expect![[r#"
        [   3] at 3: true
        [   5] at 5: true
        [   5] at 7: false
    "#]]
    .assert_eq(&log.take());
}

#[test]
fn a_wait_that_ended_in_time_leaves_no_timer_that_would_move_the_time() {
    let (kernel, _) = fifo();
    let done = Completion::new(&kernel, "done");
    done.complete();
    let never = Completion::new(&kernel, "never");
    kernel.spawn(TaskKind::Kernel, "waiter", async move {
        assert!(done.wait_timeout(ms(10_000)).await);
        never.wait().await;
    });
    kernel.run_until(at(20_000)).unwrap_err();
    // Found at once: a left-over time-out would have kept the kernel waiting for 10 s.
    assert_eq!(kernel.now(), at(0));
}

#[test]
fn a_completion_may_come_before_the_wait_and_counts() {
    let (kernel, log) = fifo();
    let done = Completion::new(&kernel, "done");
    done.complete();
    done.complete();
    let (done_in, log_in) = (done.clone(), log.clone());
    kernel.spawn(TaskKind::Kernel, "waiter", async move {
        done_in.wait().await;
        log_in.line("first, before");
        done_in.wait().await;
        log_in.line("second, before");
        assert!(!done_in.wait_timeout(ms(4)).await);
        log_in.line("no third");
        done_in.wait().await;
        log_in.line("third");
    });
    let done_in = done.clone();
    kernel.after(ms(6), move || done_in.complete());
    kernel.run_until(at(10)).unwrap();
    expect![[r#"
        [   0] first, before
        [   0] second, before
        [   4] no third
        [   6] third
    "#]]
    .assert_eq(&log.take());
    assert!(!done.is_done());
}

#[test]
fn complete_lets_one_go_and_complete_all_everybody_until_reinit() {
    let (kernel, log) = fifo();
    let done = Completion::new(&kernel, "done");
    for name in ["a", "b", "c"] {
        let (done, log) = (done.clone(), log.clone());
        kernel.spawn(TaskKind::Daemon, name, async move {
            done.wait().await;
            log.line(name);
        });
    }
    kernel.run_until(at(1)).unwrap();
    done.complete();
    kernel.run_until(at(2)).unwrap();
    done.complete_all();
    kernel.run_until(at(3)).unwrap();
    assert_eq!(log.take(), "[   1] a\n[   2] b\n[   2] c\n");
    assert!(done.is_done());
    done.reinit();
    assert!(!done.is_done());
}

#[test]
fn a_timer_fires_once_outside_of_any_task_unless_cancelled() {
    let (kernel, log) = fifo();
    let (kernel_in, log_in) = (kernel.clone(), log.clone());
    let fires = kernel.after(ms(2), move || {
        assert_eq!(kernel_in.current(), None);
        log_in.line("fired");
    });
    let cancelled = kernel.after(ms(1), || panic!("was cancelled"));
    assert!(cancelled.cancel());
    assert!(!cancelled.cancel());
    kernel.run_until(at(5)).unwrap();
    assert!(!fires.cancel());
    assert_eq!(log.take(), "[   2] fired\n");
}
