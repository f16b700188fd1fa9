//! Waits that a task drops before their end, as a race of two futures does.
use crate::log::{at, fifo, ms};
use expect_test::expect;
use kernel_sim::{Kernel, LockClass, Mutex, TaskKind, WaitQueue};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Awaits `future` for `patience` ms; the time-out wins a draw.
async fn within<T>(kernel: &Kernel, patience: u64, future: impl Future<Output = T>) -> Option<T> {
    let mut time_out = pin!(kernel.sleep(ms(patience)));
    let mut future = pin!(future);
    poll_fn(|cx| match time_out.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => future.as_mut().poll(cx).map(Some),
    })
    .await
}

#[test]
fn who_gives_up_waiting_for_a_lock_leaves_it_to_the_next() {
    let (kernel, log) = fifo();
    let mutex = Mutex::new(&kernel, LockClass::new("chip->mutex"), "card 1", ());
    let (kernel_in, mutex_in, log_in) = (kernel.clone(), mutex.clone(), log.clone());
    kernel.spawn(TaskKind::Kernel, "owner", async move {
        let guard = mutex_in.lock().await;
        kernel_in.sleep(ms(5)).await;
        log_in.line("owner lets go");
        drop(guard);
    });
    // Before the lock is handed over, in the instant when it is, and after that.
    for patience in [3, 5, 7] {
        let (kernel_in, mutex, log) = (kernel.clone(), mutex.clone(), log.clone());
        kernel.spawn(TaskKind::Kernel, "impatient", async move {
            let guard = within(&kernel_in, patience, mutex.lock()).await;
            log.line(format!("patience {patience} ms: {}", guard.is_some()));
            kernel_in.sleep(ms(1)).await;
        });
    }
    kernel.run_until(at(20)).unwrap();
    expect![[r#"
        [   3] patience 3 ms: false
        [   5] owner lets go
        [   5] patience 5 ms: false
        [   5] patience 7 ms: true
    "#]]
    .assert_eq(&log.take());
    assert_eq!(mutex.owner(), None);
}

#[test]
fn who_gives_up_waiting_in_a_queue_takes_nobodys_wake_up() {
    let (kernel, log) = fifo();
    let queue = WaitQueue::new(&kernel, "a token");
    let (kernel_in, queue_in, log_in) = (kernel.clone(), queue.clone(), log.clone());
    kernel.spawn(TaskKind::Kernel, "impatient", async move {
        assert!(within(&kernel_in, 2, queue_in.wait_until(|| false)).await.is_none());
        log_in.line("gave up");
    });
    let mut looked = 0;
    let (queue_in, log_in) = (queue.clone(), log.clone());
    kernel.spawn(TaskKind::Kernel, "patient", async move {
        let second_look = || {
            looked += 1;
            looked == 2
        };
        queue_in.wait_until(second_look).await;
        log_in.line("woken");
    });
    kernel.after(ms(4), move || queue.wake_one());
    kernel.run_until(at(10)).unwrap();
    assert_eq!(log.take(), "[   2] gave up\n[   4] woken\n");
}
