//! Scenarios: topology, class drivers, timeline, expectations, and the world that runs them.
#![forbid(unsafe_code)]

pub mod audio;
mod check;
mod error;
mod event_log;
mod expectation;
mod file;
pub mod metrics;
mod offers;
mod plan;
mod playing;
mod report;
mod run;
mod scenario;
mod schema;
mod timeline;
mod verdict;
mod world;
mod xruns;

pub use error::ScenarioError;
pub use expectation::Condition;
pub use plan::StreamPlan;
pub use report::{DeviceReport, MachineReport, Report, StreamReport};
pub use run::{Progress, Run, RunOptions};
pub use scenario::{
    Action, BusFault, ClientStyle, DeviceKind, DeviceSpec, Direction, DspSpec, Expectations, Expected,
    PortPath, Scenario, SleepPhase, Step, StreamSpec, When,
};
pub use scope::Capture;
pub use timeline::Call;
pub use xhci_model::LogLevel;
