use super::phases::SystemSleep;
use crate::event::Event;
use crate::{Errno, PmCore, PmMessage};
use kernel_sim::FreezeTimeout;
use sim_time::Instant;
use std::fmt;

/// Why the machine did not sleep. Everything runs again when this is returned.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SleepError {
    /// Tasks refused to freeze.
    #[error("tasks refused to freeze: {0}")]
    Freeze(FreezeTimeout),
    /// A device failed to suspend, or a wakeup event came.
    #[error("devices failed to suspend: {0}")]
    Devices(Errno),
}

/// Where system sleep stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemPhase {
    /// User tasks and freezable queues stop.
    Freeze,
    /// No runtime suspend from here on.
    Prepare,
    /// Suspend callbacks, children first.
    Suspend(PmMessage),
    /// Runtime PM is disabled.
    SuspendLate,
    /// The host's CPUs are off.
    Asleep,
    /// Runtime PM is enabled.
    ResumeEarly,
    /// Resume callbacks, parents first.
    Resume(PmMessage),
    /// Interfaces get drivers again.
    Complete,
    /// User tasks and freezable queues go on.
    Thaw,
}

impl fmt::Display for SystemPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Freeze => f.write_str("-- freeze"),
            Self::Prepare => f.write_str("-- prepare"),
            Self::Suspend(message) => write!(f, "-- suspend ({message})"),
            Self::SuspendLate => f.write_str("-- suspend late"),
            Self::Asleep => f.write_str("-- asleep"),
            Self::ResumeEarly => f.write_str("-- resume early"),
            Self::Resume(message) => write!(f, "-- resume ({message})"),
            Self::Complete => f.write_str("-- complete"),
            Self::Thaw => f.write_str("-- thaw"),
        }
    }
}

/// Suspend to RAM: freeze, suspend all devices, sleep until `wake` (the alarm) or [`kernel_sim::Kernel::wakeup`], and back.
///
/// The caller is a kernel task: it is not frozen.
///
/// # Errors
/// [`SleepError`]: the sleep was given up; what was suspended has been resumed.
pub async fn suspend_to_ram(core: &PmCore, wake: Instant) -> Result<(), SleepError> {
    sleep(core, PmMessage::Suspend, PmMessage::Resume, wake).await
}

/// Hibernation as the kernel inside the image lives it: FREEZE, no power until `wake`, RESTORE. The controller
/// comes back without its state.
///
/// # Errors
/// As [`suspend_to_ram`]; the way back is RECOVER then.
pub async fn hibernate(core: &PmCore, wake: Instant) -> Result<(), SleepError> {
    sleep(core, PmMessage::Freeze, PmMessage::Restore, wake).await
}

async fn sleep(core: &PmCore, down: PmMessage, up: PmMessage, wake: Instant) -> Result<(), SleepError> {
    let kernel = core.kernel();
    core.emit(|| Event::System { phase: SystemPhase::Freeze });
    if let Err(timeout) = kernel.freeze_processes().await {
        kernel.thaw_processes();
        return Err(SleepError::Freeze(timeout));
    }
    let devices = SystemSleep::prepare(core);
    let result = devices.suspend(down).await;
    if result.is_ok() {
        devices.suspend_late().await;
        core.emit(|| Event::System { phase: SystemPhase::Asleep });
        kernel.host_sleep_until(wake).await;
        devices.resume_early();
    }
    devices.resume(if result.is_ok() { up } else { down.resume_event() }).await;
    devices.complete().await;
    core.emit(|| Event::System { phase: SystemPhase::Thaw });
    kernel.thaw_processes();
    result.map_err(SleepError::Devices)
}
