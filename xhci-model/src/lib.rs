//! A userspace xHCI controller: sans-I/O, deterministic, with real secondary interrupters.
//!
//! [`Xhci`] is the register interface of a controller and the buses behind it. It owns no thread, clock, socket
//! or memory: time is an argument, memory is a [`Dma`] that is lent for the length of a call, devices implement
//! [`Device`], interrupts come out of [`Xhci::poll_output`]. A register write only latches and puts work on the
//! controller's agenda; [`Xhci::advance`] does the work.
//!
//! ```
//! use sim_time::Instant;
//! use xhci_model::{Profile, Xhci};
//! let xhc = Xhci::new(Profile::default(), 0)?;
//! let mut version = [0; 2];
//! xhc.mmio_read(Instant::ZERO, 2, &mut version);
//! assert_eq!(u16::from_le_bytes(version), 0x0120);
//! # Ok::<(), xhci_model::ProfileError>(())
//! ```
//!
//! The way of the data: register write → agenda → ring → TD → bus → device → completion → event ring →
//! interrupter → output. A module each, in that order.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod agenda;
mod boundary;
mod bus;
mod bus_master;
mod commands;
mod controller;
mod core;
mod device;
mod dma;
mod endpoints;
mod event;
mod fault;
mod host_errors;
mod inspect;
mod interrupters;
mod intervals;
mod invariants;
mod microframes;
mod notification;
mod output;
mod ports;
mod presence;
mod profile;
mod registers;
mod reset;
mod rings;
mod rng;
mod route;
mod save_state;
mod service;
mod slots;
mod snapshot;
mod splits;
mod stall;
mod streams;
mod violation;
#[cfg(feature = "vm-memory")]
mod vm_dma;
mod wrap;

pub use agenda::EndpointId;
pub use controller::Xhci;
pub use device::{Device, DeviceAddress, Handshake, InReply, LpmAnswer, LpmRequest, StreamId, Token};
pub use dma::{Dma, DmaError};
pub use event::{Event, LogLevel, Outcome, SplitPhase, TransactionKind};
pub use fault::{Fault, FaultId, FaultRule};
pub use inspect::Node;
pub use interrupters::Signalling;
pub use invariants::BrokenInvariant;
pub use microframes::StartOfFrame;
pub use notification::Notification;
pub use output::{Budget, Output, Progress};
pub use ports::{AttachError, PortFault, PowerState, Protocol};
pub use profile::{
    BitStuffing, CommandLatencies, Latencies, Latency, Policy, Profile, ProfileError, UnknownProfile,
};
pub use route::Route;
pub use save_state::PowerWell;
pub use snapshot::{Devices, Snapshot};
pub use violation::Violation;
#[cfg(feature = "vm-memory")]
pub use vm_dma::VmDma;
