//! Ordered work queues.
use crate::log::{at, fifo, ms};
use expect_test::expect;
use kernel_sim::{Kernel, LockClass, Mutex, TaskKind, WorkQueue};

#[test]
fn items_are_carried_out_one_after_the_other_and_flush_waits_for_those_before_it() {
    let (kernel, log) = fifo();
    let queue = WorkQueue::new(&kernel, "hub_wq", false);
    assert!(queue.is_idle());
    for name in ["a", "b"] {
        let (kernel_in, log) = (kernel.clone(), log.clone());
        queue.queue(name, async move {
            log.line(format!("{name} begins"));
            kernel_in.sleep(ms(2)).await;
            log.line(format!("{name} ends"));
        });
    }
    let (kernel_in, queue_in, log_in) = (kernel.clone(), queue.clone(), log.clone());
    kernel.spawn(TaskKind::User, "flusher", async move {
        kernel_in.sleep(ms(1)).await;
        assert!(!queue_in.is_idle());
        queue_in.flush().await;
        log_in.line("flushed");
        assert!(queue_in.is_idle());
        queue_in.flush().await;
        log_in.line("nothing to flush");
    });
    kernel.run_until(at(10)).unwrap();
    expect![[r#"
        [   0] a begins
        [   2] a ends
        [   2] b begins
        [   4] b ends
        [   4] flushed
        [   4] nothing to flush
    "#]]
    .assert_eq(&log.take());
    assert!(queue.is_idle());
}

#[test]
fn work_queued_after_a_flush_began_is_not_waited_for() {
    let (kernel, log) = fifo();
    let queue = WorkQueue::new(&kernel, "events", false);
    let sleep = |kernel: &Kernel| {
        let kernel = kernel.clone();
        async move { kernel.sleep(ms(5)).await }
    };
    queue.queue("before", sleep(&kernel));
    let (queue_in, log_in) = (queue.clone(), log.clone());
    kernel.spawn(TaskKind::Kernel, "flusher", async move {
        queue_in.flush().await;
        log_in.line("flushed");
    });
    kernel.run_until(at(1)).unwrap();
    queue.queue("after", sleep(&kernel));
    kernel.run_until(at(20)).unwrap();
    assert_eq!(log.take(), "[   5] flushed\n");
}

#[test]
fn a_flush_with_a_lock_held_that_the_work_wants_is_a_deadlock() {
    let (kernel, _) = fifo();
    let queue = WorkQueue::new(&kernel, "pm_wq", false);
    let mutex = Mutex::new(&kernel, LockClass::new("device_lock"), "1-1", ());
    let (queue_in, mutex_in) = (queue.clone(), mutex.clone());
    kernel.spawn(TaskKind::User, "unbind", async move {
        let _udev = mutex_in.lock().await;
        queue_in.queue("autosuspend 1-1", async move {
            let _udev = mutex.lock().await;
        });
        queue_in.flush().await;
    });
    expect![[r#"
        deadlock at 0.000000000: 2 tasks wait for each other in a circle
          task 1 "pm_wq" (daemon) runs "autosuspend 1-1", holds (wq_completion)pm_wq; wants device_lock(1-1), held by task 2 "unbind"
          task 2 "unbind" (user) holds device_lock(1-1); waits for the work of pm_wq, up to task 1 "pm_wq""#]].assert_eq(&kernel.run_until(at(1)).unwrap_err().to_string());
}

#[test]
fn a_flush_with_a_lock_held_that_another_work_wanted_is_a_lock_order_violation() {
    let (kernel, _) = fifo();
    let queue = WorkQueue::new(&kernel, "pm_wq", false);
    let mutex = Mutex::new(&kernel, LockClass::new("device_lock"), "1-1", ());
    let mutex_in = mutex.clone();
    queue.queue("autosuspend 1-1", async move { drop(mutex_in.lock().await) });
    kernel.run_until(at(1)).unwrap();
    kernel.spawn(TaskKind::User, "unbind", async move {
        let _udev = mutex.lock().await;
        queue.flush().await;
    });
    kernel.run_until(at(2)).unwrap();
    expect![[r#"
        possible circular locking dependency: (wq_completion)pm_wq -> device_lock -> (wq_completion)pm_wq
          holding (wq_completion)pm_wq wants device_lock(1-1): task 1 "pm_wq" at 0.000000000
          holding device_lock(1-1) wants (wq_completion)pm_wq: task 2 "unbind" at 0.001000000"#]]
    .assert_eq(&kernel.lock_order_violations()[0].to_string());
}

#[test]
fn the_order_of_one_queue_says_nothing_about_another() {
    let (kernel, _) = fifo();
    let [first, second] = ["first", "second"].map(|name| WorkQueue::new(&kernel, name, false));
    let mutex = Mutex::new(&kernel, LockClass::new("device_lock"), "1-1", ());
    let (mutex_in, second_in) = (mutex.clone(), second.clone());
    first.queue("locks, flushes the second", async move {
        let _udev = mutex_in.lock().await;
        second_in.flush().await;
    });
    kernel.run_until(at(1)).unwrap();
    assert_eq!(
        kernel.lock_order().to_string(),
        "(wq_completion)first -> device_lock\n\
         (wq_completion)first -> (wq_completion)second\n\
         device_lock -> (wq_completion)second\n"
    );
    assert!(kernel.lock_order_violations().is_empty());
}
