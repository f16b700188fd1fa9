//! A userspace xHCI controller, sans-I/O, deterministic, with real secondary interrupters.
#![forbid(unsafe_code)]

mod device;
mod dma;

pub use device::{Device, DeviceAddress, Handshake, InReply, Token};
pub use dma::{Dma, DmaError};
