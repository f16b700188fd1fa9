//! The contract with hardware: when it is advanced and how far time goes.
use crate::log::{Log, at, fifo, ms};
use expect_test::expect;
use kernel_sim::{Completion, Hardware, Kernel, RunError, TaskKind};
use sim_time::{Duration, Instant};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A controller with a doorbell: some time after a ring it interrupts.
struct Controller {
    latency: Duration,
    rung: Cell<bool>,
    due: RefCell<Vec<Instant>>,
    done: Completion,
    log: Log,
    early: Cell<u32>,
}

impl Controller {
    fn attach(kernel: &Kernel, log: &Log, latency: Duration) -> Rc<Self> {
        let controller = Rc::new(Self {
            latency,
            rung: Cell::new(false),
            due: RefCell::default(),
            done: Completion::new(kernel, "the controller"),
            log: log.clone(),
            early: Cell::new(0),
        });
        kernel.attach_hardware(controller.clone());
        controller
    }
    /// A register write only latches.
    fn ring(&self) {
        self.rung.set(true);
    }
}

impl Hardware for Controller {
    fn advance(&self, now: Instant) {
        if self.rung.take() {
            self.log.line("controller takes the doorbell");
            self.due.borrow_mut().push(now + self.latency);
        }
        if self.due.borrow().first().is_some_and(|&due| due < now) {
            self.early.set(self.early.get() + 1);
        }
        if self.due.borrow().first() == Some(&now) {
            self.due.borrow_mut().remove(0);
            self.log.line("interrupt");
            self.done.complete();
        }
    }
    fn next_deadline(&self) -> Option<Instant> {
        self.due.borrow().first().copied()
    }
}

#[test]
fn hardware_works_when_nobody_can_run_and_time_stops_at_its_deadlines() {
    let (kernel, log) = fifo();
    let controller = Controller::attach(&kernel, &log, ms(3));
    for name in ["driver", "other"] {
        let (controller, log) = (controller.clone(), log.clone());
        kernel.spawn(TaskKind::Kernel, name, async move {
            if name == "driver" {
                log.line("driver rings");
                controller.ring();
                controller.done.wait().await;
                log.line("driver goes on");
            } else {
                log.line("other");
            }
        });
    }
    kernel.run_until(at(20)).unwrap();
    expect![[r#"
        [   0] driver rings
        [   0] other
        [   0] controller takes the doorbell
        [   3] interrupt
        [   3] driver goes on
    "#]]
    .assert_eq(&log.take());
    assert_eq!((kernel.now(), controller.early.get()), (at(20), 0));
}

#[test]
fn at_one_instant_hardware_is_before_timers_and_timers_before_tasks() {
    let (kernel, log) = fifo();
    let controller = Controller::attach(&kernel, &log, ms(3));
    controller.ring();
    let log_in = log.clone();
    kernel.after(ms(3), move || log_in.line("timer"));
    let log_in = log.clone();
    kernel.spawn(TaskKind::Kernel, "driver", async move {
        controller.done.wait().await;
        log_in.line("task");
    });
    kernel.run_until(at(3)).unwrap();
    expect![[r#"
        [   0] controller takes the doorbell
        [   3] interrupt
        [   3] timer
        [   3] task
    "#]]
    .assert_eq(&log.take());
}

#[test]
fn a_deadline_after_the_end_of_the_run_is_kept() {
    let (kernel, log) = fifo();
    let controller = Controller::attach(&kernel, &log, ms(3));
    controller.ring();
    kernel.run_until(at(2)).unwrap();
    assert_eq!((kernel.now(), log.take().lines().count()), (at(2), 1));
    kernel.run_until(at(3)).unwrap();
    assert_eq!(log.take(), "[   3] interrupt\n");
}

#[test]
fn hardware_with_something_to_come_keeps_waiting_tasks_from_being_a_deadlock() {
    let (kernel, log) = fifo();
    let controller = Controller::attach(&kernel, &log, ms(3));
    let controller_in = controller.clone();
    kernel.spawn(TaskKind::Kernel, "driver", async move {
        controller_in.done.wait().await;
        controller_in.done.wait().await;
    });
    controller.ring();
    let error = kernel.run_until(at(20)).unwrap_err();
    assert!(matches!(&error, RunError::Deadlock(deadlock) if deadlock.at == at(3)), "{error}");
}

#[test]
fn hardware_that_is_never_done_at_an_instant_is_reported() {
    struct Busy;
    impl Hardware for Busy {
        fn advance(&self, _now: Instant) {}
        fn next_deadline(&self) -> Option<Instant> {
            Some(Instant::ZERO)
        }
    }
    let (kernel, _) = fifo();
    kernel.attach_hardware(Rc::new(Busy));
    let error = kernel.run_until(at(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "time stands still at 0.000000000: 1000000 steps, the last of them by task 0 \"swapper\""
    );
}

#[test]
fn hardware_runs_while_the_host_sleeps_and_its_interrupt_is_handled_afterwards() {
    let (kernel, log) = fifo();
    let controller = Controller::attach(&kernel, &log, ms(3));
    let (kernel_in, controller_in) = (kernel.clone(), controller.clone());
    kernel.spawn(TaskKind::Kernel, "suspend", async move {
        controller_in.ring();
        kernel_in.host_sleep_until(at(8)).await;
    });
    let log_in = log.clone();
    kernel.spawn(TaskKind::Kernel, "driver", async move {
        controller.done.wait().await;
        log_in.line("driver");
    });
    kernel.run_until(at(20)).unwrap();
    expect![[r#"
        [   0] controller takes the doorbell
        [   3] interrupt
        [   8] driver
    "#]]
    .assert_eq(&log.take());
}
