//! What a world notices by itself, and what tells one finding from another.
use crate::programs::{EVERYTHING, up_to};
use kernel_sim::{Explorer, Kernel, LockClass, Mutex, Object, TaskKind, Verdict, Watched, WorkQueue};
use sim_time::Duration;
use std::cell::Cell;

/// Two tasks that use a ring, and one that frees it. Who comes too late says so.
fn ring(kernel: &Kernel) {
    let freed = std::rc::Rc::new(Watched::new(kernel, Object::new("ring"), Cell::new(false)));
    for (name, what) in [("reader", "read after free"), ("writer", "written after free")] {
        let (kernel_in, freed) = (kernel.clone(), freed.clone());
        kernel.spawn(TaskKind::Kernel, name, async move {
            kernel_in.step(name, &[]).await;
            if freed.get() {
                kernel_in.violate("S8", || what.into());
            }
        });
    }
    let kernel_in = kernel.clone();
    kernel.spawn(TaskKind::Kernel, "owner", async move {
        kernel_in.step("free", &[]).await;
        freed.set(true);
    });
}

#[test]
fn what_the_world_notices_ends_the_run() {
    let report = Explorer::new(EVERYTHING).max_findings(9).explore(ring);
    let mut found: Vec<_> = report.findings.iter().map(|finding| finding.verdict.to_string()).collect();
    found.sort();
    // One invariant, broken in two ways.
    assert_eq!(
        found,
        ["S8 violated at 0.000000000: read after free", "S8 violated at 0.000000000: written after free"]
    );
}

#[test]
fn a_deadlock_is_told_from_another_by_the_work_in_it() {
    let report = Explorer::new(up_to(1)).max_findings(9).explore(|kernel| {
        let [a, b] = ["A", "B"].map(|name| Mutex::new(kernel, LockClass::new(name), name, ()));
        let queue = WorkQueue::new(kernel, "worker", false);
        for name in ["enable", "disable"] {
            let (a, b) = (a.clone(), b.clone());
            queue.queue(name, async move {
                let _first = a.lock().await;
                let _second = b.lock().await;
            });
        }
        kernel.spawn(TaskKind::Kernel, "unbind", async move {
            let _first = b.lock().await;
            let _second = a.lock().await;
        });
    });
    let works = report.findings.iter().filter_map(|finding| match &finding.verdict {
        Verdict::Deadlock(deadlock) => deadlock.tasks[0].work.as_deref(),
        _ => None,
    });
    let mut works: Vec<_> = works.collect();
    works.sort_unstable();
    assert_eq!(works, ["disable", "enable"]);
}

/// A task that sleeps, and one that is done long before, unless it is held up.
fn nap(kernel: &Kernel) {
    let done = std::rc::Rc::new(Watched::new(kernel, Object::new("done"), Cell::new(false)));
    let (kernel_in, seen) = (kernel.clone(), done.clone());
    kernel.spawn(TaskKind::Kernel, "sleeper", async move {
        kernel_in.sleep(Duration::from_secs(1)).await;
        assert!(seen.get(), "not done after a second");
    });
    let kernel_in = kernel.clone();
    kernel.spawn(TaskKind::Kernel, "worker", async move {
        kernel_in.step("work", &[]).await;
        done.set(true);
    });
}

#[test]
fn a_sleep_is_over_early_only_on_request() {
    assert_eq!(Explorer::new(EVERYTHING).explore(nap).verdict(), &Verdict::Ok);
    let report = Explorer::new(up_to(1)).early_time_outs(true).explore(nap);
    assert_eq!(report.verdict().name(), "panic");
    assert_eq!(report.findings[0].preemptions, 1);
}
