//! How far a run is, for a human at a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use scenario::Progress;

/// A bar on stderr; nothing at all unless that is a terminal.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr());
        // The template is fixed; without it the bar has its usual looks.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Self(bar)
    }

    pub(crate) fn show(&self, progress: Progress) {
        let total = progress.expected.as_micros().max(1);
        self.0.set_position((progress.at.as_micros().min(total)) * 1000 / total);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
