//! Mutexes and spinlocks, and what is reported about them.

use crate::log::{Log, at, fifo, ms};
use expect_test::expect;
use kernel_sim::{Kernel, LockClass, LockMap, Mutex, RunError, SpinLock, TaskKind, WaitQueue, WorkQueue};

const QDEV: LockClass = LockClass::new("qdev_mutex");
const CHIP: LockClass = LockClass::new("chip->mutex");

/// Takes `first`, sleeps for a ms, takes `second`.
fn nested(kernel: &Kernel, name: &'static str, first: &Mutex<()>, second: &Mutex<()>) {
    let (kernel_in, first, second) = (kernel.clone(), first.clone(), second.clone());
    kernel.spawn(TaskKind::Kernel, name, async move {
        let _first = first.lock().await;
        kernel_in.sleep(ms(1)).await;
        let _second = second.lock().await;
    });
}

#[test]
fn a_mutex_is_handed_over_first_come_first_served() {
    let (kernel, _) = fifo();
    let log = Log::new(&kernel);
    let mutex = Mutex::new(&kernel, QDEV, "qdev_mutex", Vec::new());
    for name in ["a", "b", "c"] {
        let (kernel_in, mutex, log) = (kernel.clone(), mutex.clone(), log.clone());
        kernel.spawn(TaskKind::Kernel, name, async move {
            for _ in 0..2 {
                let mut guard = mutex.lock().await;
                assert!(mutex.is_held_by_current() && mutex.owner() == kernel_in.current());
                assert!(mutex.try_lock().is_none());
                guard.push(name);
                log.line(name);
                kernel_in.sleep(ms(1)).await;
            }
        });
    }
    kernel.run_until(at(10)).unwrap();
    // Whoever gives the lock up and wants it again is behind those who waited.
    assert_eq!(*mutex.try_lock().unwrap(), ["a", "b", "c", "a", "b", "c"]);
    assert_eq!(mutex.owner(), None);
    assert_eq!(log.take(), "[   0] a\n[   1] b\n[   2] c\n[   3] a\n[   4] b\n[   5] c\n");
}

#[test]
fn taking_a_mutex_that_one_owns_is_reported() {
    let (kernel, _) = fifo();
    let mutex = Mutex::new(&kernel, LockClass::new("device_lock"), "1-1", ());
    kernel.spawn(TaskKind::User, "usbdev ioctl", async move {
        let _udev = mutex.lock().await;
        let _udev_again = mutex.lock().await;
    });
    expect![[r#"
        deadlock at 0.000000000: a task waits for itself
          task 1 "usbdev ioctl" (user) holds device_lock(1-1); wants device_lock(1-1), held by task 1 "usbdev ioctl""#]]
    .assert_eq(&kernel.run_until(at(1)).unwrap_err().to_string());
}

#[test]
fn two_orders_that_meet_are_a_deadlock_at_once() {
    let (kernel, _) = fifo();
    let qdev = Mutex::new(&kernel, QDEV, "qdev_mutex", ());
    let chip = Mutex::new(&kernel, CHIP, "card 1", ());
    let register = Mutex::new(&kernel, LockClass::new("register_mutex"), "register_mutex", ());
    nested(&kernel, "probe", &register, &qdev);
    nested(&kernel, "qmi", &qdev, &chip);
    nested(&kernel, "disconnect", &chip, &qdev);
    // Timers still run: the circle alone is the deadlock.
    let kernel_in = kernel.clone();
    kernel.spawn(TaskKind::Daemon, "ticker", async move {
        loop {
            kernel_in.sleep(ms(1)).await;
        }
    });
    let error = kernel.run_until(at(100)).unwrap_err();
    expect![[r#"
        deadlock at 0.001000000: 2 tasks wait for each other in a circle
          task 2 "qmi" (kernel) holds qdev_mutex; wants chip->mutex(card 1), held by task 3 "disconnect"
          task 3 "disconnect" (kernel) holds chip->mutex(card 1); wants qdev_mutex, held by task 2 "qmi"
          task 1 "probe" (kernel) holds register_mutex; wants qdev_mutex, held by task 2 "qmi""#]]
    .assert_eq(&error.to_string());
    let RunError::Deadlock(deadlock) = error else { panic!("{error}") };
    assert_eq!(deadlock.cycle.len(), 2);
}

#[test]
fn two_orders_that_do_not_meet_are_a_lock_order_violation() {
    let (kernel, _) = fifo();
    let qdev = Mutex::new(&kernel, QDEV, "qdev_mutex", ());
    let chip = Mutex::new(&kernel, CHIP, "card 1", ());
    nested(&kernel, "qmi", &qdev, &chip);
    kernel.run_until(at(10)).unwrap();
    assert!(kernel.lock_order_violations().is_empty());
    nested(&kernel, "disconnect", &chip, &qdev);
    kernel.run_until(at(20)).unwrap();
    let report: Vec<_> = kernel.lock_order_violations().iter().map(ToString::to_string).collect();
    expect![[r#"
        possible circular locking dependency: qdev_mutex -> chip->mutex -> qdev_mutex
          holding qdev_mutex wants chip->mutex(card 1): task 1 "qmi" at 0.001000000
          holding chip->mutex(card 1) wants qdev_mutex: task 2 "disconnect" at 0.011000000"#]]
    .assert_eq(&report.join("\n"));
}

#[test]
fn a_circle_of_three_classes_is_found_and_each_edge_reported_once() {
    let (kernel, _) = fifo();
    let [a, b, c] = ["A", "B", "C"].map(|name| Mutex::new(&kernel, LockClass::new(name), name, ()));
    for round in 0..3 {
        for (name, first, second) in [("ab", &a, &b), ("bc", &b, &c), ("ca", &c, &a)] {
            nested(&kernel, name, first, second);
            kernel.run_until(kernel.now() + ms(5)).unwrap();
        }
        assert_eq!(kernel.lock_order_violations().len(), 1, "round {round}");
    }
    expect![[r#"
        possible circular locking dependency: A -> B -> C -> A
          holding A wants B: task 1 "ab" at 0.001000000
          holding B wants C: task 2 "bc" at 0.006000000
          holding C wants A: task 3 "ca" at 0.011000000"#]]
    .assert_eq(&kernel.lock_order_violations()[0].to_string());
    expect![[r#"
        A -> B
        B -> C
        C -> A
    "#]]
    .assert_eq(&kernel.lock_order().to_string());
}

#[test]
fn a_class_below_itself_needs_a_subclass() {
    const CLASS: LockClass = LockClass::new("device_lock");
    let (kernel, _) = fifo();
    let [hub, device] = ["1-1", "1-1.2"].map(|name| Mutex::new(&kernel, CLASS, name, ()));
    let (hub_in, device_in) = (hub.clone(), device.clone());
    kernel.spawn(TaskKind::Kernel, "parent before child", async move {
        let _hub = hub_in.lock_nested(1).await;
        let _device = device_in.lock_nested(2).await;
    });
    kernel.run_until(at(1)).unwrap();
    assert_eq!(kernel.lock_order().to_string(), "device_lock/1 -> device_lock/2\n");
    assert!(kernel.lock_order_violations().is_empty());
    nested(&kernel, "no levels", &hub, &device);
    kernel.run_until(at(5)).unwrap();
    expect![[r#"
        possible recursive locking: device_lock -> device_lock
          holding device_lock(1-1) wants device_lock(1-1.2): task 2 "no levels" at 0.002000000"#]]
    .assert_eq(&kernel.lock_order_violations()[0].to_string());
}

#[test]
fn a_trylock_against_the_order_is_no_violation() {
    let (kernel, _) = fifo();
    let qdev = Mutex::new(&kernel, QDEV, "qdev_mutex", ());
    let chip = Mutex::new(&kernel, CHIP, "card 1", ());
    nested(&kernel, "qmi", &qdev, &chip);
    kernel.run_until(at(5)).unwrap();
    kernel.spawn(TaskKind::Kernel, "polite", async move {
        let _chip = chip.lock().await;
        assert!(qdev.try_lock().is_some());
    });
    kernel.run_until(at(10)).unwrap();
    assert!(kernel.lock_order_violations().is_empty());
}

#[test]
fn a_spinlock_across_an_await_is_reported() {
    let (kernel, _) = fifo();
    let lock = SpinLock::new(&kernel, LockClass::new("xhci->lock"), "xhci->lock", 1);
    let mutex = Mutex::new(&kernel, QDEV, "qdev_mutex", ());
    let irqs = WaitQueue::new(&kernel, "an interrupt");
    for (name, how) in [("yields", 0), ("sleeps", 1), ("locks a free mutex", 2), ("waits", 3)] {
        let (kernel_in, lock, mutex, irqs) = (kernel.clone(), lock.clone(), mutex.clone(), irqs.clone());
        let task = kernel.spawn(TaskKind::Daemon, name, async move {
            {
                // Released in time.
                *lock.lock() += 1;
                kernel_in.yield_now().await;
            }
            let guard = lock.lock();
            match how {
                0 => kernel_in.yield_now().await,
                1 => kernel_in.sleep(ms(1)).await,
                2 => drop(mutex.lock().await),
                _ => assert!(!irqs.wait_until_timeout(ms(1), || false).await),
            }
            drop(guard);
        });
        let error = kernel.run_until(kernel.now() + ms(10)).unwrap_err();
        assert!(matches!(error, RunError::SleepInAtomic { .. }));
        if how == 2 {
            expect![[r#"sleep in atomic context at 0.001000000: task 3 "locks a free mutex" holds spinlock xhci->lock and wants qdev_mutex"#]].assert_eq(&error.to_string());
        }
        kernel.run_until_finished(&task, kernel.now() + ms(10)).unwrap();
    }
}

#[test]
#[should_panic(expected = r#"spinlock lockup: task 1 "get" spins for offload_lock, held by task 1 "get""#)]
fn taking_a_spinlock_twice_panics_for_it_can_never_return() {
    let (kernel, _) = fifo();
    let lock = SpinLock::new(&kernel, LockClass::new("offload_lock"), "offload_lock", ());
    kernel.spawn(TaskKind::Kernel, "get", async move {
        let _first = lock.lock();
        let _second = lock.lock();
    });
    kernel.run_until(at(1)).unwrap();
}

#[test]
fn a_wait_for_a_transition_closes_a_circle_like_a_lock() {
    // linux-offload.md B2: the suspend callback wants qdev_mutex, whose owner waits for the suspend to end.
    let (kernel, _) = fifo();
    let qdev = Mutex::new(&kernel, QDEV, "qdev_mutex", ());
    let rpm = LockMap::new(&kernel, LockClass::new("runtime PM"), "1-1");
    let status = WaitQueue::new(&kernel, "1-1 to leave SUSPENDING");
    let (kernel_in, qdev_in, rpm_in) = (kernel.clone(), qdev.clone(), rpm.clone());
    kernel.spawn(TaskKind::Kernel, "pm_wq 1-1", async move {
        let _suspending = rpm_in.acquire();
        kernel_in.sleep(ms(1)).await;
        let _qdev = qdev_in.lock().await;
    });
    kernel.spawn(TaskKind::Daemon, "qmi", async move {
        let _qdev = qdev.lock().await;
        status.wait_for_holder(&rpm, || rpm.owner().is_none()).await;
    });
    let kernel_in = kernel.clone();
    let bystander = WorkQueue::new(&kernel, "events", false);
    bystander.queue("long", async move { kernel_in.sleep(ms(50)).await });
    expect![[r#"
        deadlock at 0.001000000: 2 tasks wait for each other in a circle
          task 1 "pm_wq 1-1" (kernel) holds runtime PM(1-1); wants qdev_mutex, held by task 2 "qmi"
          task 2 "qmi" (daemon) holds qdev_mutex; waits for 1-1 to leave SUSPENDING, up to task 1 "pm_wq 1-1""#]]
    .assert_eq(&kernel.run_until(at(100)).unwrap_err().to_string());
    expect![[r#"
        possible circular locking dependency: qdev_mutex -> runtime PM -> qdev_mutex
          holding qdev_mutex wants runtime PM(1-1): task 2 "qmi" at 0.000000000
          holding runtime PM(1-1) wants qdev_mutex: task 1 "pm_wq 1-1" at 0.001000000"#]]
    .assert_eq(&kernel.lock_order_violations()[0].to_string());
}
