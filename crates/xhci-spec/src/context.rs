//! Contexts (xHCI 6.2): what the controller and its driver tell each other about slots, endpoints and streams.
//!
//! A context here is its first 32 bytes, which hold all fields; with [`ContextSize::Bytes64`] as many reserved
//! bytes follow each in memory. Fields are read by name and set by `with_...`.

#[macro_use]
mod dwords;

mod endpoint;
mod input_control;
mod size;
mod slot;
mod stream;

pub use endpoint::{EndpointContext, EndpointState, EndpointType};
pub use input_control::InputControlContext;
pub use size::ContextSize;
pub use slot::{SlotContext, SlotState};
pub use stream::StreamContext;
