//! Tokens, transcripts, shrinking, progress.
use crate::programs::{EVERYTHING, abba, counter, philosophers, up_to};
use expect_test::expect;
use kernel_sim::{
    CheckAt, Explorer, Kernel, Reduction, ReplayToken, Strategy, TaskKind, Transcript, Verdict, WorkQueue,
};
use std::ops::ControlFlow;
use std::time::Duration;

#[test]
fn a_token_is_the_same_run_with_the_same_transcript() {
    let starving = |kernel: &Kernel| philosophers(kernel, false);
    let report = Explorer::new(up_to(2)).explore(starving);
    let finding = &report.findings[0];
    let token: ReplayToken = finding.token.to_string().parse().unwrap();
    assert_eq!(token, finding.token);
    let replayed = Explorer::new(Strategy::RandomWalk { seed: 1 }).replay(&token, starving);
    assert!(replayed.is_same);
    assert_eq!((&replayed.verdict, &replayed.transcript), (&finding.verdict, &finding.transcript));
    // The token of one program tells when it is played to another.
    assert!(!Explorer::new(up_to(0)).replay(&token, |kernel| drop(counter(kernel, true))).is_same);
}

#[test]
fn what_chance_found_shrinks_to_what_a_search_finds() {
    let shortest = &Explorer::new(up_to(2)).explore(abba).findings[0];
    for seed in 0..20 {
        for strategy in [Strategy::RandomWalk { seed }, Strategy::Pct { depth: 2, seed }] {
            let found = &Explorer::new(strategy).explore(abba).findings[0];
            assert!(found.minimal);
            assert_eq!((found.preemptions, found.steps), (shortest.preemptions, shortest.steps));
        }
    }
    let found = &Explorer::new(Strategy::RandomWalk { seed: 0 }).shrinking(0).explore(abba).findings[0];
    assert!(!found.minimal);
}

#[test]
fn a_long_run_is_shown_in_few_lines() {
    let report = Explorer::new(up_to(0)).explore(|kernel: &Kernel| {
        let worker = WorkQueue::new(kernel, "events", false);
        let lock = crate::programs::mutex(kernel, "qdev_mutex");
        let (kernel_in, lock_in) = (kernel.clone(), lock.clone());
        kernel.spawn(TaskKind::User, "write", async move {
            for _ in 0..30 {
                drop(lock_in.lock().await);
                kernel_in.step("add one", &[]).await;
            }
            kernel_in.note(|| "a line that is longer than its column may be, and so goes on below".into());
            worker.queue("work", async move { assert!(lock.lock().await.eq(&()), "never") });
            worker.flush().await;
        });
        kernel.check("L1", CheckAt::End, || Err("made up".into()));
    });
    let transcript: &Transcript = &report.findings[0].transcript;
    assert!(transcript.lines().len() > 90);
    let shown = transcript.to_string();
    assert!(shown.lines().count() <= Transcript::LINES_MAX + 2, "{shown}");
    expect![[r#"
             | events         | write
           3 |                | add one
           5 |                | add one
           7 |                | add one
           9 |                | add one
          11 |                | add one
          13 |                | add one
          15 |                | add one
          17 |                | add one
          19 |                | add one
          21 |                | add one
          23 |                | add one
          25 |                | add one
          27 |                | add one
          29 |                | add one
          31 |                | add one
          33 |                | add one
          35 |                | add one
          37 |                | add one
          39 |                | add one
          41 |                | add one
          43 |                | add one
          45 |                | add one
          47 |                | add one
          49 |                | add one
          51 |                | add one
          53 |                | add one
          55 |                | add one
          57 |                | add one
          59 |                | add one
          61 |                | add one
          61 |                | a line that is longer than its column may be,
             |                |   and so goes on below
          61 |                | queues "work" on events
          62 |                | waits for the work of events
          64 | begins "work"  |
          68 | waits for work |
        L1 violated at 0.000000000: made up"#]]
    .assert_eq(&shown);
}

#[test]
fn progress_tells_the_share_that_is_done_and_may_end_the_search() {
    let mut fractions = Vec::new();
    let walk = |kernel: &Kernel| {
        for name in ["a", "b", "c"] {
            let kernel_in = kernel.clone();
            kernel.spawn(TaskKind::Kernel, name, async move {
                for _ in 0..3 {
                    kernel_in.step("s", &[crate::programs::WORD.write()]).await;
                }
            });
        }
    };
    let report = Explorer::new(EVERYTHING)
        .reduction(Reduction::Off)
        .on_progress(|progress| {
            fractions.push(progress.fraction.unwrap());
            ControlFlow::Continue(())
        })
        .explore(walk);
    // 12 steps in an order that keeps that of each task: 12! / (4! 4! 4!).
    assert_eq!((report.verdict(), report.schedules), (&Verdict::Ok, 34_650));
    assert!(
        fractions.is_sorted() && fractions[0] == 0.0 && fractions.last().unwrap() > &0.9,
        "{fractions:?}"
    );
    // Where tasks begin they touch nothing, so 9! / (3! 3! 3!) are left.
    let reduced = Explorer::new(EVERYTHING).explore(walk);
    assert_eq!(reduced.schedules - reduced.given_up, 1_680);
    let half = fractions.iter().position(|&fraction| fraction > 0.5).unwrap() * 100 / fractions.len();
    assert!((30..70).contains(&half), "{half} %");

    let mut rate = 0.0;
    let report = Explorer::new(up_to(3))
        .on_progress(|progress| {
            rate = progress.rate(Duration::from_millis(10));
            if progress.schedules > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .explore(walk);
    assert_eq!((report.schedules, rate), (1_024, 102_400.0));
}
