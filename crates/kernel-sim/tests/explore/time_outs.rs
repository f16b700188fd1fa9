//! Time-outs that happen early, and questions that the world leaves open.
use crate::programs::{EVERYTHING, up_to};
use expect_test::expect;
use kernel_sim::{Completion, Explorer, Kernel, TaskKind, Verdict};
use sim_time::Duration;

/// A disconnect that waits 10 s for the DSP, which answers at once, or never if it may stay silent.
fn disconnect(kernel: &Kernel, may_be_silent: bool) {
    let stopped = Completion::new(kernel, "the DSP to stop");
    let (kernel_in, stopped_in) = (kernel.clone(), stopped.clone());
    kernel.spawn(TaskKind::Firmware, "DSP", async move {
        kernel_in.step("take the request", &[]).await;
        if !may_be_silent || kernel_in.choose("DSP stays silent", 2) == 0 {
            kernel_in.step("stop the stream", &[]).await;
            stopped_in.complete();
        }
    });
    kernel.spawn(TaskKind::Kernel, "disconnect", async move {
        assert!(stopped.wait_timeout(Duration::from_secs(10)).await, "timed out");
    });
}

#[test]
fn a_time_out_is_early_only_on_request() {
    assert_eq!(Explorer::new(EVERYTHING).explore(|kernel| disconnect(kernel, false)).verdict(), &Verdict::Ok);
    let explorer = || Explorer::new(up_to(1)).early_time_outs(true);
    let report = explorer().explore(|kernel| disconnect(kernel, false));
    expect![[r#"
        panic: 7 schedules, 36 steps, exhaustive up to 0 preemptions

        panic: found as schedule 7; 1 preemption, 3 steps, none is shorter
        replay ks1t-0:1,2:1-78b2e320-0930

             | disconnect
           2 | waits for the DSP to stop
           3 | time-out: the DSP to stop
        panic: timed out"#]]
    .assert_eq(&report.to_string());
    let token = &report.findings[0].token;
    assert!(token.to_string().starts_with("ks1t-"));
    assert!(Explorer::new(up_to(0)).replay(token, |kernel| disconnect(kernel, false)).is_same);
}

#[test]
fn a_question_is_answered_in_every_way() {
    let report = Explorer::new(up_to(0)).explore(|kernel| disconnect(kernel, true));
    expect![[r#"
        panic: 2 schedules, 10 steps, not exhaustive

        panic: found as schedule 2; 0 preemptions, 5 steps, none is shorter
        replay ks1-2:1-89ebda00-fb27

             | DSP                              | disconnect
           2 | take the request                 |
           2 | choice: DSP stays silent: 1 of 2 |
           2 | ends                             |
           4 |                                  | waits for the DSP to stop
             | at 10.000000000:
           5 |                                  | time-out: the DSP to stop
        panic: timed out"#]]
    .assert_eq(&report.to_string());
}
