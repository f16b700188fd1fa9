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

#[cfg(test)]
mod tests;
