//! System sleep: reference 3.2 and sequence 3.5.

mod controller;
mod phases;
mod sleep;
mod state;

pub use phases::SystemSleep;
pub use sleep::{SleepError, SystemPhase, hibernate, suspend_to_ram};
pub(crate) use state::SleepState;
