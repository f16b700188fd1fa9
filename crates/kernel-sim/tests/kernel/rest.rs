//! Nobody can run any more: when that is a deadlock and when it is rest.
use crate::log::{at, fifo, ms};
use expect_test::expect;
use kernel_sim::{Completion, LockClass, Mutex, RunError, TaskKind, WaitQueue, WorkQueue};

#[test]
fn a_world_at_rest_with_unfinished_tasks_is_a_deadlock_that_names_the_waits() {
    let (kernel, _) = fifo();
    let mutex = Mutex::new(&kernel, LockClass::new("qdev_mutex"), "qdev_mutex", ());
    let response = Completion::new(&kernel, "the DSP's response");
    let (mutex_in, kernel_in) = (mutex.clone(), kernel.clone());
    kernel.spawn(TaskKind::Daemon, "qmi", async move {
        let _qdev = mutex_in.lock().await;
        kernel_in.sleep(ms(3)).await;
        response.wait().await;
    });
    let disconnect = kernel.spawn(TaskKind::Kernel, "disconnect", async move {
        let _qdev = mutex.lock().await;
    });
    kernel.spawn(TaskKind::User, "rmmod", disconnect);
    kernel.spawn(TaskKind::User, "stranger", std::future::pending::<()>());
    let idle = WaitQueue::new(&kernel, "an interrupt");
    kernel.spawn(TaskKind::Daemon, "idle", async move { idle.wait_until(|| false).await });
    let error = kernel.run_until(at(100)).unwrap_err();
    expect![[r#"
        deadlock at 0.003000000: nobody can run
          task 1 "qmi" (daemon) holds qdev_mutex; waits for the DSP's response
          task 2 "disconnect" (kernel) wants qdev_mutex, held by task 1 "qmi"
          task 3 "rmmod" (user) waits for the end of task 2 "disconnect"
          task 4 "stranger" (user) waits for nothing that this kernel knows"#]]
    .assert_eq(&error.to_string());
    // `unwrap` shows the same.
    assert!(format!("{error:?}").contains("the DSP's response"));
    assert_eq!(kernel.now(), at(3));
}

#[test]
fn daemons_and_firmware_that_wait_for_events_are_at_rest() {
    let (kernel, _) = fifo();
    for kind in [TaskKind::Daemon, TaskKind::Firmware] {
        let queue = WaitQueue::new(&kernel, "something to do");
        kernel.spawn(kind, "idle", async move { queue.wait_until(|| false).await });
    }
    WorkQueue::new(&kernel, "events", false);
    kernel.run_until(at(100)).unwrap();
    assert_eq!(kernel.now(), at(100));
}

#[test]
fn a_work_item_that_never_ends_is_a_deadlock() {
    let (kernel, _) = fifo();
    let queue = WorkQueue::new(&kernel, "hub_wq", false);
    let status = Completion::new(&kernel, "the hub's status");
    queue.queue("hub 1-0:1.0", async move { status.wait().await });
    expect![[r#"
        deadlock at 0.000000000: nobody can run
          task 1 "hub_wq" (daemon) runs "hub 1-0:1.0", holds (wq_completion)hub_wq; waits for the hub's status"#]].assert_eq(&kernel.run_until(at(1)).unwrap_err().to_string());
}

#[test]
fn a_daemon_that_waits_for_a_lock_forever_is_a_deadlock() {
    let (kernel, _) = fifo();
    let mutex = Mutex::new(&kernel, LockClass::new("sb->mutex"), "1-1", ());
    let queue = WaitQueue::new(&kernel, "an interrupt");
    for name in ["holds", "wants"] {
        let (mutex, queue) = (mutex.clone(), queue.clone());
        kernel.spawn(TaskKind::Daemon, name, async move {
            let _guard = mutex.lock().await;
            queue.wait_until(|| false).await;
        });
    }
    expect![[r#"
        deadlock at 0.000000000: nobody can run
          task 1 "holds" (daemon) holds sb->mutex(1-1); waits for an interrupt
          task 2 "wants" (daemon) wants sb->mutex(1-1), held by task 1 "holds""#]]
    .assert_eq(&kernel.run_until(at(1)).unwrap_err().to_string());
}

#[test]
fn a_daemon_whose_end_is_awaited_must_reach_it() {
    let (kernel, _) = fifo();
    let queue = WaitQueue::new(&kernel, "an interrupt");
    let daemon = kernel.spawn(TaskKind::Daemon, "daemon", async move { queue.wait_until(|| false).await });
    let error = kernel.run_until_finished(&daemon, at(5)).unwrap_err();
    assert!(
        matches!(&error, RunError::Deadlock(deadlock) if deadlock.tasks[0].task == daemon.id()),
        "{error}"
    );
}

#[test]
fn tasks_that_await_each_other_are_a_circle() {
    let (kernel, _) = fifo();
    let mutex = Mutex::new(&kernel, LockClass::new("A"), "A", ());
    let mutex_in = mutex.clone();
    let (kernel_in, sleeping) = (kernel.clone(), ms(1));
    let child = kernel.spawn(TaskKind::Kernel, "child", async move {
        kernel_in.sleep(sleeping).await;
        let _a = mutex_in.lock().await;
    });
    kernel.spawn(TaskKind::Kernel, "parent", async move {
        let _a = mutex.lock().await;
        child.await;
    });
    expect![[r#"
        deadlock at 0.001000000: 2 tasks wait for each other in a circle
          task 1 "child" (kernel) wants A, held by task 2 "parent"
          task 2 "parent" (kernel) holds A; waits for the end of task 1 "child""#]]
    .assert_eq(&kernel.run_until(at(10)).unwrap_err().to_string());
}

#[test]
fn after_a_deadlock_the_others_can_be_run_on() {
    let (kernel, log) = fifo();
    let mutex = Mutex::new(&kernel, LockClass::new("A"), "A", ());
    kernel.spawn(TaskKind::Kernel, "self", async move {
        let _a = mutex.lock().await;
        let _again = mutex.lock().await;
    });
    let (kernel_in, log_in) = (kernel.clone(), log.clone());
    kernel.spawn(TaskKind::Kernel, "other", async move {
        kernel_in.sleep(ms(2)).await;
        log_in.line("other");
    });
    let first = kernel.run_until(at(10)).unwrap_err().to_string();
    assert_eq!(log.take(), "");
    let second = kernel.run_until(at(10)).unwrap_err().to_string();
    assert_eq!(log.take(), "[   2] other\n");
    assert_eq!(first.replace("0.000000000", "0.002000000"), second);
}
