//! Layouts of USB and its audio class: setup packets, descriptors, feedback values.
//!
//! Only encodings live here, for both ends of the cable: an emulated device builds descriptors with the same
//! types that a driver parses. Parsers take hostile bytes: they never panic and never read past the end.
//!
//! ```
//! use usb_spec::SetupPacket;
//! use usb_spec::descriptor::DescriptorType;
//!
//! let setup = SetupPacket::get_descriptor(DescriptorType::DEVICE, 0, 18);
//! assert_eq!(setup.to_bytes(), [0x80, 6, 0x00, 0x01, 0, 0, 18, 0]);
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod audio;
mod bytes;
pub mod descriptor;
mod endpoint_address;
pub mod hub;
pub mod setup;
mod speed;
mod transfer_type;

pub use endpoint_address::{Direction, EndpointAddress};
pub use setup::{Recipient, RequestKind, RequestType, SetupPacket};
pub use speed::Speed;
pub use transfer_type::{SyncType, TransferType, UsageType};
