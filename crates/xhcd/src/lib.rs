//! A host controller driver for xHCI on the simulated kernel.
//!
//! In the shape of Linux's: [`Hcd::start`] brings the controller up; port events and hubs become devices in
//! usbcore's tree ([`offload_core::UsbHcd`]); class drivers transfer through [`Hcd`]; usbcore's power management
//! and the sideband come in through [`offload_core::HostController`].
//!
//! The way of an isochronous packet: [`IsochStream::submit`] → [`rings::TransferRing`] → doorbell → controller →
//! event ring → interrupt → the endpoint → [`IsochStream::completed`]. The ring types know addresses only and
//! are for everybody who was lent a ring.
#![forbid(unsafe_code)]

mod bring_up;
mod capabilities;
mod command;
mod configure;
mod context;
mod controller;
mod descriptors;
mod device;
mod endpoint;
mod enumerate;
mod error;
mod event;
mod external_hub;
mod hcd;
mod host_controller;
mod hub;
mod interrupter;
mod isoch;
mod isoch_schedule;
mod port;
mod power;
mod recovery;
mod registers;
mod reset;
pub mod rings;
mod saved;
mod slot;
mod stream;
mod transfer;
mod urb;

pub use capabilities::{Capabilities, Protocol};
pub use descriptors::Descriptors;
pub use error::{BringUpError, CommandError, UrbError};
pub use hcd::Hcd;
pub use isoch::{IsochPacket, IsochUrb};
pub use rings::TransferRing;
pub use stream::IsochStream;
