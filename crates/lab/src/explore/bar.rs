use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use kernel_sim::Progress;
use std::time::Instant;

/// How far a search is, on stderr; nothing at all unless that is a terminal.
pub(crate) struct Bar {
    bar: ProgressBar,
    begin: Instant,
    /// When the round of this bound on preemptions began: what is left is told for the round.
    round: (Option<u32>, Instant),
}

impl Bar {
    pub(crate) fn new(what: String) -> Self {
        let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr());
        // The template is fixed; without it the bar has its usual looks.
        if let Ok(style) = ProgressStyle::with_template("{prefix} {percent:>3} % {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        let now = Instant::now();
        Self { bar, begin: now, round: (None, now) }
    }

    pub(crate) fn show(&mut self, progress: &Progress) {
        let now = Instant::now();
        if self.round.0 != progress.preemptions {
            self.round = (progress.preemptions, now);
        }
        if self.bar.is_hidden() {
            return;
        }
        if let Some(fraction) = progress.fraction {
            self.bar.set_position(thousandths(fraction));
        }
        let bound = progress.preemptions.map_or_else(String::new, |bound| format!("{bound} preemptions, "));
        let rate = thousandths(progress.rate(now - self.begin) / 1000.0);
        let left = progress.remaining(now - self.round.1);
        let left = left.map_or_else(String::new, |left| format!(", {} left", HumanDuration(left)));
        let schedules = HumanCount(progress.schedules);
        self.bar.set_message(format!("{bound}{schedules} schedules, {}/s{left}", HumanCount(rate)));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "as saturates, and it is shown only"
)]
fn thousandths(share: f64) -> u64 {
    (share * 1000.0) as u64
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
