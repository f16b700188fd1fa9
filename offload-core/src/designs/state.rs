use std::cell::Cell;

/// What designs other than the merged one keep for a device, beside the count and `offload_pm_locked`.
#[derive(Default, Debug)]
pub(crate) struct DesignState {
    /// The last system suspend left the device running. LEGACY: `offload_at_suspend`.
    pub(super) at_suspend: Cell<bool>,
    /// `fixed`: frozen by system sleep, which a runtime resume does not end.
    pub(super) sleep_locked: Cell<bool>,
    /// `fixed`: puts that came while the count was frozen.
    pub(super) deferred_puts: Cell<u32>,
}
