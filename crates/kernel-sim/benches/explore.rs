//! How many schedules a second: two tasks and a worker, about 40 steps, 2 locks and a shared word.
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kernel_sim::{Explorer, Kernel, LockClass, Mutex, Object, Reduction, Strategy, TaskKind, WorkQueue};
use std::cell::Cell;
use std::rc::Rc;

const WORD: Object = Object::new("word");

/// Nothing is wrong with it, so that the search goes on.
fn program(kernel: &Kernel) {
    let [a, b] = ["A", "B"].map(|name| Mutex::new(kernel, LockClass::new(name), name, 0_u32));
    let word = Rc::new(Cell::new(0_u32));
    let worker = WorkQueue::new(kernel, "events", false);
    for name in ["write", "ioctl"] {
        let (kernel_in, a, b, word) = (kernel.clone(), a.clone(), b.clone(), word.clone());
        let worker = worker.clone();
        kernel.spawn(TaskKind::User, name, async move {
            for _ in 0..3 {
                let mut outer = a.lock().await;
                kernel_in.step("add to the word", &[WORD.write()]).await;
                word.set(word.get() + 1);
                *b.lock().await += 1;
                *outer += 1;
            }
            let kernel = kernel_in.clone();
            worker.queue("work", async move {
                for _ in 0..4 {
                    *b.lock().await += 1;
                    kernel.step("look at the word", &[WORD.read()]).await;
                }
            });
            worker.flush().await;
        });
    }
}

fn explore(c: &mut Criterion) {
    const SCHEDULES: u64 = 2_000;
    let mut group = c.benchmark_group("explore");
    group.throughput(Throughput::Elements(SCHEDULES));
    let exhaustive = Strategy::Exhaustive { preemptions: Some(3) };
    for (name, strategy, reduction) in [
        ("exhaustive", exhaustive, Reduction::Off),
        ("sleep sets", exhaustive, Reduction::SleepSets),
        ("pct", Strategy::Pct { depth: 3, seed: 1 }, Reduction::Off),
        ("random walk", Strategy::RandomWalk { seed: 1 }, Reduction::Off),
    ] {
        let run = || {
            let explorer = Explorer::new(strategy).reduction(reduction).max_schedules(SCHEDULES);
            explorer.explore(program)
        };
        let report = run();
        assert_eq!((report.verdict().name(), report.schedules), ("ok", SCHEDULES));
        let steps = report.steps / SCHEDULES;
        group.bench_function(format!("{name}, {steps} steps"), |bench| bench.iter(run));
    }
    group.finish();
}

criterion_group!(benches, explore);
criterion_main!(benches);
