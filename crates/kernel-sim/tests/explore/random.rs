//! The strategies that draw lots.
use crate::programs::WORD;
use kernel_sim::{Coverage, Explorer, Kernel, Strategy, TaskKind, Verdict};
use std::cell::Cell;
use std::rc::Rc;

/// Fails if three orderings between two tasks hold: a bug of depth 3 among steps that have nothing to do with it.
fn depth_3(kernel: &Kernel) {
    let word = Rc::new(Cell::new(0));
    for (name, from, own) in [("one", 0, [1, 3]), ("two", 1, [2, 4])] {
        let (kernel_in, word) = (kernel.clone(), word.clone());
        kernel.spawn(TaskKind::Kernel, name, async move {
            let mut before = from;
            for number in own {
                for _ in 0..3 {
                    kernel_in.step("something else", &[]).await;
                }
                kernel_in.step("next number", &[WORD.write()]).await;
                if word.get() == before {
                    word.set(number);
                }
                before = number + 1;
            }
            assert_ne!(word.get(), 4, "counted");
        });
    }
}

fn tries(strategy: Strategy) -> u64 {
    let report = Explorer::new(strategy).shrinking(0).max_schedules(5_000).explore(depth_3);
    assert!(matches!(report.verdict(), Verdict::Panic(_)), "{report}");
    report.schedules
}

#[test]
fn pct_finds_a_bug_of_depth_3_in_the_tries_that_its_bound_promises() {
    // n = 2 tasks, k = 18 steps, d = 3: at least one try in n k^2 = 648, whatever the program.
    let worst = (0..50).map(|seed| tries(Strategy::Pct { depth: 3, seed })).collect::<Vec<_>>();
    let mean = worst.iter().sum::<u64>() / 50;
    assert!(mean <= 648, "{mean}: {worst:?}");
}

#[test]
fn pct_of_depth_1_never_preempts() {
    let strategy = Strategy::Pct { depth: 1, seed: 5 };
    let report = Explorer::new(strategy).max_schedules(300).explore(depth_3);
    assert_eq!((report.verdict(), report.coverage, report.schedules), (&Verdict::Ok, Coverage::Sample, 300));
}

#[test]
fn the_same_seed_is_the_same_exploration() {
    for strategy in [Strategy::RandomWalk { seed: 3 }, Strategy::Pct { depth: 3, seed: 3 }] {
        let [first, second] = [(); 2].map(|()| Explorer::new(strategy).explore(depth_3).to_string());
        assert_eq!(first, second);
    }
    let walk = |seed| tries(Strategy::RandomWalk { seed });
    assert!((0..5).map(walk).any(|tries| tries != walk(0)));
}
