use crate::PmCore;
use kernel_sim::{Completion, Watched};
use std::cell::Cell;

/// What system sleep keeps for a device (the sleep half of `struct dev_pm_info`).
pub(crate) struct SleepState {
    /// Others may go on: the callback of the current phase is over.
    pub(super) completion: Completion,
    prepared: Watched<Cell<bool>>,
    suspended: Watched<Cell<bool>>,
}

impl SleepState {
    pub(crate) fn new(core: &PmCore, name: &str) -> Self {
        let completion = Completion::new(core.kernel(), format!("system sleep of {name}"));
        completion.complete_all();
        let flag = |what| core.watched(what, name, Cell::new(false));
        Self { completion, prepared: flag("power.is_prepared"), suspended: flag("power.is_suspended") }
    }
    /// Whether a sleep is under way: from prepare to complete.
    pub(crate) fn is_prepared(&self) -> bool {
        self.prepared.get()
    }
    pub(super) fn set_prepared(&self, on: bool) {
        self.prepared.set(on);
    }
    /// Whether the suspend callback succeeded and the resume callback is still to come.
    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.get()
    }
    pub(super) fn set_suspended(&self, on: bool) {
        self.suspended.set(on);
    }
}
