//! When invariants are looked at, and that reduction leaves out nothing that they can see.
use crate::programs::{EVERYTHING, WORD};
use kernel_sim::{CheckAt, Explorer, Kernel, Object, Reduction, TaskKind, Verdict};
use sim_time::Duration;
use std::cell::Cell;
use std::rc::Rc;

const OTHER: Object = Object::new("other word");

/// Two tasks that touch nothing in common; only one order of their steps shows both words at 1.
fn transient(kernel: &Kernel, objects: &[Object]) {
    let words = [(); 2].map(|()| Rc::new(Cell::new(0)));
    for (name, object, word) in [("a", WORD, &words[0]), ("b", OTHER, &words[1])] {
        let (kernel_in, word) = (kernel.clone(), word.clone());
        kernel.spawn(TaskKind::Kernel, name, async move {
            kernel_in.step("up", &[object.write()]).await;
            word.set(1);
            kernel_in.step("down", &[object.write()]).await;
            word.set(0);
        });
    }
    kernel.check_each_step("X1", objects, move || {
        if words.iter().all(|word| word.get() == 1) { Err("both".into()) } else { Ok(()) }
    });
}

#[test]
fn reduction_keeps_the_order_of_what_an_invariant_sees() {
    for objects in [&[WORD, OTHER][..], &[]] {
        for reduction in [Reduction::Off, Reduction::SleepSets] {
            let explorer = Explorer::new(EVERYTHING).reduction(reduction);
            let report = explorer.explore(|kernel| transient(kernel, objects));
            assert_eq!(report.verdict().name(), "X1", "{objects:?} {reduction:?}");
        }
    }
}

#[test]
fn at_rest_means_before_time_moves_and_the_end_comes_once() {
    let report = Explorer::new(EVERYTHING).explore(|kernel: &Kernel| {
        let (rests, ends) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let kernel_in = kernel.clone();
        kernel.spawn(TaskKind::Kernel, "sleeper", async move {
            kernel_in.sleep(Duration::from_millis(1)).await;
            kernel_in.sleep(Duration::from_millis(1)).await;
        });
        let seen = rests.clone();
        kernel.check("rest", CheckAt::Rest, move || {
            seen.set(seen.get() + 1);
            Ok(())
        });
        kernel.check("end", CheckAt::End, move || {
            ends.set(ends.get() + 1);
            if (rests.get(), ends.get()) == (3, 1) { Ok(()) } else { Err(format!("{rests:?} {ends:?}")) }
        });
    });
    assert_eq!(report.verdict(), &Verdict::Ok, "{report}");
}

#[test]
fn an_invariant_also_ends_a_plain_run() {
    let kernel = Kernel::new(kernel_sim::Schedule::Fifo);
    kernel.check("S4", CheckAt::Rest, || Err("the hub is down".into()));
    let error = kernel.run_until(sim_time::Instant::from_ticks(1)).unwrap_err();
    assert_eq!(error.to_string(), "S4 violated at 0.000000000: the hub is down");
}
