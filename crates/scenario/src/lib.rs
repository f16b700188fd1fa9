//! Scenarios: topology, client, timeline, expectations, and the world that runs them.
#![forbid(unsafe_code)]

pub mod audio;
mod check;
mod error;
mod expectation;
mod file;
pub mod metrics;
mod offers;
mod report;
mod scenario;
mod schema;

pub use error::ScenarioError;
pub use expectation::Condition;
pub use report::{DeviceReport, MachineReport, Report, StreamReport};
pub use scenario::{
    Action, ClientStyle, DeviceKind, DeviceSpec, Direction, DspSpec, Expectations, Expected, PortPath,
    Scenario, SleepPhase, Step, StreamSpec, When,
};
