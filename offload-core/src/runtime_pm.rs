//! Runtime power management: reference 3.1.
//!
//! [`RuntimePm`] holds the state and takes the decisions, [`PmDevice`] carries them out: callbacks, waiting,
//! timer and the worker of `pm_wq`.

mod control;
mod device;
mod engine;
mod idle;
mod references;
mod resume;
mod state;
mod status;
mod suspend;

pub use device::{PmDevice, PmOps};
pub use state::RuntimePm;
pub use status::{RpmDone, RpmFlags, RpmResult, RpmStatus};

// For the models of the hot path.
#[cfg(all(test, loom))]
pub(crate) use {
    resume::{Parent, ResumeStep},
    status::Request,
    suspend::{SuspendEnd, SuspendStep},
};

#[cfg(all(test, not(loom)))]
mod tests;
