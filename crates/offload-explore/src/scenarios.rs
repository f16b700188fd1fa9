//! The scenarios. Each is a general program: what its actors do, and when, the explorer decides. Where one defect hides
//! another, a program is searched once for each, with the invariants of that defect alone.

mod autosuspending;
mod finds;
mod requests;
mod sleeping;
mod unbinding;

use crate::scenario::Scenario;

/// Every scenario.
pub fn scenarios() -> &'static [Scenario] {
    &SCENARIOS
}

/// The scenario of that name.
pub fn scenario(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

static SCENARIOS: [Scenario; 32] = [
    unbinding::UNBIND,
    unbinding::UNBIND_STREAMING,
    unbinding::UNBIND_SILENT,
    unbinding::UNBIND_RESTART,
    unbinding::UNBIND_SIGNAL,
    unbinding::UNPLUG,
    unbinding::RESET,
    unbinding::HW_PARAMS,
    sleeping::SUSPEND_STREAMING,
    sleeping::SUSPEND_STARTING,
    sleeping::SUSPEND_SUPERSPEED,
    sleeping::SUSPEND_PCI,
    sleeping::SUSPEND_DWC3,
    sleeping::SUSPEND_SIBLING,
    sleeping::SUSPEND_DISCONNECT_QUIRK,
    sleeping::HIBERNATE,
    sleeping::HIBERNATE_STREAMING,
    autosuspending::AUTOSUSPEND,
    autosuspending::AUTOSUSPEND_REQUESTS,
    autosuspending::SLEEP_AUTOSUSPENDED,
    autosuspending::RESUME_AUTOSUSPENDED,
    autosuspending::RESUME_IDLE,
    autosuspending::RESET_RESUME,
    autosuspending::RESET_RESUME_FIRST,
    autosuspending::IDLE,
    requests::ENABLE_FAILS,
    requests::CRASH,
    requests::RESTART,
    requests::TWO_CONTROLLERS,
    requests::SET_INTERFACE,
    requests::TWO_USERS,
    requests::EVERYTHING,
];
