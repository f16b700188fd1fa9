//! The freezer.
use crate::log::{Log, at, fifo, ms};
use expect_test::expect;
use kernel_sim::{FreezeTimeout, JoinHandle, Kernel, LockClass, Mutex, TaskKind, WaitQueue, WorkQueue};

/// A task of a kind that says so every 2 ms.
fn ticking(kernel: &Kernel, log: &Log, kind: TaskKind, name: &'static str) {
    let (kernel_in, log) = (kernel.clone(), log.clone());
    kernel.spawn(kind, name, async move {
        loop {
            kernel_in.sleep(ms(2)).await;
            log.line(name);
        }
    });
}

/// Freezes everything after `begin` ms, thaws after `end` ms.
fn suspend(kernel: &Kernel, log: &Log, begin: u64, end: u64) -> JoinHandle<Result<(), FreezeTimeout>> {
    let (kernel_in, log) = (kernel.clone(), log.clone());
    kernel.spawn(TaskKind::User, "echo mem", async move {
        kernel_in.sleep_until(at(begin)).await;
        log.line("freeze");
        kernel_in.freeze_processes().await?;
        log.line("frozen");
        kernel_in.sleep_until(at(end)).await;
        log.line("thaw");
        kernel_in.thaw_processes();
        Ok(())
    })
}

#[test]
fn user_tasks_stand_still_between_freeze_and_thaw() {
    let (kernel, log) = fifo();
    ticking(&kernel, &log, TaskKind::User, "user");
    ticking(&kernel, &log, TaskKind::Kernel, "kernel");
    ticking(&kernel, &log, TaskKind::Firmware, "firmware");
    let suspend = suspend(&kernel, &log, 3, 9);
    kernel.run_until(at(5)).unwrap();
    // A new process begins its life frozen.
    let log_in = log.clone();
    kernel.spawn(TaskKind::User, "fork", async move { log_in.line("fork") });
    kernel.run_until(at(12)).unwrap();
    assert_eq!(suspend.try_take(), Some(Ok(())));
    expect![[r#"
        [   2] firmware
        [   2] user
        [   2] kernel
        [   3] freeze
        [   3] frozen
        [   4] firmware
        [   4] kernel
        [   6] firmware
        [   6] kernel
        [   8] firmware
        [   8] kernel
        [   9] thaw
        [   9] user
        [   9] fork
        [  10] firmware
        [  10] kernel
        [  11] user
        [  12] firmware
        [  12] kernel
    "#]]
    .assert_eq(&log.take());
}

#[test]
fn a_task_with_a_lock_is_not_frozen_and_the_freeze_waits_for_it() {
    let (kernel, log) = fifo();
    let mutex = Mutex::new(&kernel, LockClass::new("chip->mutex"), "card 1", ());
    for name in ["holds", "wants"] {
        let (kernel_in, mutex, log) = (kernel.clone(), mutex.clone(), log.clone());
        kernel.spawn(TaskKind::User, name, async move {
            let guard = mutex.lock().await;
            kernel_in.sleep(ms(4)).await;
            log.line(format!("{name} lets go"));
            drop(guard);
            kernel_in.yield_now().await;
            log.line(format!("{name} goes on"));
        });
    }
    let suspend = suspend(&kernel, &log, 1, 20);
    kernel.run_until_finished(&suspend, at(100)).unwrap();
    assert_eq!(suspend.try_take(), Some(Ok(())));
    kernel.run_until(at(100)).unwrap();
    expect![[r#"
        [   1] freeze
        [   4] holds lets go
        [   8] wants lets go
        [   8] frozen
        [  20] thaw
        [  20] holds goes on
        [  20] wants goes on
    "#]]
    .assert_eq(&log.take());
}

#[test]
fn a_freezable_worker_ends_its_item_and_begins_no_other() {
    let (kernel, log) = fifo();
    for (name, freezable) in [("hub_wq", true), ("pm_wq", false)] {
        let queue = WorkQueue::new(&kernel, name, freezable);
        for item in 0..2 {
            let (kernel_in, log) = (kernel.clone(), log.clone());
            queue.queue("work", async move {
                kernel_in.sleep(ms(3)).await;
                log.line(format!("{name}: item {item} done"));
            });
        }
    }
    let suspend = suspend(&kernel, &log, 1, 10);
    kernel.run_until_finished(&suspend, at(100)).unwrap();
    kernel.run_until(at(100)).unwrap();
    expect![[r#"
        [   1] freeze
        [   3] hub_wq: item 0 done
        [   3] pm_wq: item 0 done
        [   3] frozen
        [   6] pm_wq: item 1 done
        [  10] thaw
        [  13] hub_wq: item 1 done
    "#]]
    .assert_eq(&log.take());
}

#[test]
fn a_wake_up_while_frozen_counts_after_the_thaw() {
    let (kernel, log) = fifo();
    let queue = WaitQueue::new(&kernel, "an interrupt");
    let (queue_in, log_in) = (queue.clone(), log.clone());
    let mut looked = 0;
    kernel.spawn(TaskKind::User, "poll", async move {
        queue_in
            .wait_until(|| {
                looked += 1;
                looked == 2
            })
            .await;
        log_in.line("woken");
    });
    kernel.after(ms(3), move || queue.wake_all());
    suspend(&kernel, &log, 1, 5);
    kernel.run_until(at(10)).unwrap();
    assert_eq!(log.take(), "[   1] freeze\n[   1] frozen\n[   5] thaw\n[   5] woken\n");
}

#[test]
fn who_refuses_is_named_after_20_s_and_all_run_again() {
    let (kernel, log) = fifo();
    let mutex = Mutex::new(&kernel, LockClass::new("register_mutex"), "register_mutex", ());
    let kernel_in = kernel.clone();
    kernel.spawn(TaskKind::User, "aplay", async move {
        let _held = mutex.lock().await;
        kernel_in.sleep(ms(30_000)).await;
    });
    let (kernel_in, log_in) = (kernel.clone(), log.clone());
    kernel.spawn(TaskKind::User, "bystander", async move {
        kernel_in.sleep(ms(500)).await;
        log_in.line("bystander");
    });
    let suspend = suspend(&kernel, &log, 100, 200);
    kernel.run_until_finished(&suspend, at(60_000)).unwrap();
    assert_eq!(kernel.now(), at(20_100));
    let error = suspend.try_take().unwrap().unwrap_err();
    expect![[r#"
        freezing of tasks failed after 20 s: 1 refusing to freeze
          task 1 "aplay" (user) holds register_mutex; sleeps until 30.000000000"#]]
    .assert_eq(&error.to_string());
    kernel.run_until(at(60_000)).unwrap();
    expect![[r#"
        [ 100] freeze
        [20100] bystander
    "#]]
    .assert_eq(&log.take());
}
