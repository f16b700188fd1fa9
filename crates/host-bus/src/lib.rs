//! What a host controller driver sees of the machine: registers, DMA memory, interrupts.
//!
//! [`HostBus`] is the seam under the driver and under the DSP firmware: the same code runs over the model in
//! process ([`LocalBus`]) and over any other controller that can be mapped.
#![forbid(unsafe_code)]

mod arena;
mod bus;
mod local;
mod memory;

pub use arena::ArenaFull;
pub use bus::{DmaBuffer, HostBus, IrqHandler};
pub use local::{BusCounters, LocalBus};
