//! Small programs that several tests explore.
use kernel_sim::{Explorer, Kernel, LockClass, Mutex, Object, Report, Strategy, TaskKind, WaitQueue};
use std::cell::Cell;
use std::rc::Rc;

pub(crate) const WORD: Object = Object::new("word");

pub(crate) fn up_to(preemptions: u32) -> Strategy {
    Strategy::Exhaustive { preemptions: Some(preemptions) }
}
pub(crate) const EVERYTHING: Strategy = Strategy::Exhaustive { preemptions: None };

pub(crate) fn explore<W>(strategy: Strategy, program: impl Fn(&Kernel) -> W) -> Report {
    Explorer::new(strategy).explore(program)
}

/// A mutex that is the only one of its class.
pub(crate) fn mutex(kernel: &Kernel, name: &'static str) -> Mutex<()> {
    Mutex::new(kernel, LockClass::new(name), name, ())
}

/// Two tasks that take two locks in opposite orders.
pub(crate) fn abba(kernel: &Kernel) {
    let [a, b] = ["A", "B"].map(|name| mutex(kernel, name));
    for (name, first, second) in [("ab", &a, &b), ("ba", &b, &a)] {
        let (first, second) = (first.clone(), second.clone());
        kernel.spawn(TaskKind::Kernel, name, async move {
            let _first = first.lock().await;
            let _second = second.lock().await;
        });
    }
}

/// As many philosophers as names. The last is left-handed if `left_handed`.
pub(crate) fn philosophers(kernel: &Kernel, left_handed: bool) {
    let names = ["Ada", "Barbara", "Grace"];
    let forks: Vec<_> = ["fork 1", "fork 2", "fork 3"].map(|name| mutex(kernel, name)).into();
    for (seat, name) in names.into_iter().enumerate() {
        let mut own = [forks[seat].clone(), forks[(seat + 1) % names.len()].clone()];
        if left_handed && seat + 1 == names.len() {
            own.reverse();
        }
        kernel.spawn(TaskKind::Kernel, name, async move {
            let [first, second] = &own;
            let _first = first.lock().await;
            let _second = second.lock().await;
        });
    }
}

/// Two tasks that add 1 each, reading and writing in steps of their own, with a lock around both or without.
pub(crate) fn counter(kernel: &Kernel, locked: bool) -> Rc<Cell<u32>> {
    let word = Rc::new(Cell::new(0));
    let lock = mutex(kernel, "counter_mutex");
    let adders: Vec<_> = ["get", "put"].into_iter().collect();
    for name in adders {
        let (kernel_in, word, lock) = (kernel.clone(), word.clone(), lock.clone());
        kernel.spawn(TaskKind::Kernel, name, async move {
            let _guard = if locked { Some(lock.lock().await) } else { None };
            kernel_in.step("read", &[WORD.read()]).await;
            let seen = word.get();
            kernel_in.step("write", &[WORD.write()]).await;
            word.set(seen + 1);
        });
    }
    word
}

/// A waiter that looks at the flag, and only then goes to sleep: the wake-up may come between.
pub(crate) fn lost_wake_up(kernel: &Kernel) {
    let flag = Rc::new(Cell::new(false));
    let queue = WaitQueue::new(kernel, "the flag");
    let (kernel_in, flag_in, queue_in) = (kernel.clone(), flag.clone(), queue.clone());
    kernel.spawn(TaskKind::Kernel, "waiter", async move {
        kernel_in.step("look at the flag", &[WORD.read()]).await;
        if !flag_in.get() {
            let mut slept = false;
            queue_in.wait_until(|| std::mem::replace(&mut slept, true)).await;
        }
    });
    let kernel_in = kernel.clone();
    kernel.spawn(TaskKind::Kernel, "waker", async move {
        kernel_in.step("set the flag", &[WORD.write()]).await;
        flag.set(true);
        queue.wake_all();
    });
}
