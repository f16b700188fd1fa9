//! Emulated USB devices: audio, hub, keyboard, mass storage.
//!
//! A device here is what a chip at the end of a cable is: it implements
//! [`xhci_model::Device`], answers packets, and knows nothing of controllers. What all devices do is
//! in [`Peripheral`]; what a particular one does is a [`Function`].
#![forbid(unsafe_code)]

pub mod audio;
mod descriptors;
mod function;
pub mod hub;
pub mod keyboard;
mod peripheral;
pub mod storage;

pub use descriptors::{Descriptors, OtherSpeed};
pub use function::{Function, Reply, RequestError};
pub use hub::Hub;
pub use keyboard::Keyboard;
pub use peripheral::Peripheral;
pub use storage::Disk;

/// `idVendor` of all devices here: pid.codes, whose products 0x0001 to 0x0010 are for tests.
const VENDOR: u16 = 0x1209;
