//! What went over the cables of a simulation, in files of tools that people know.
//!
//! [`Capture`] is a bus analyzer: it is plugged in between a port and a device, and writes the packets that pass as
//! pcapng, which Wireshark and tshark read (link types USB 2.0, in pcapng 288 and 293 to 295).
//!
//! ```
//! use scope::Capture;
//! use usb_devices::{Keyboard, Peripheral};
//!
//! let file = std::io::Cursor::new(Vec::new());
//! let capture = Capture::to(file);
//! let device = capture.plug_in("keyboard", Box::new(Peripheral::new(Keyboard::new())));
//! // … xhci.attach(now, port, device) …
//! # drop(device);
//! capture.finish()?;
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

mod analyzer;
mod capture;
mod isochronous;
mod packet;
mod pcapng;

pub use analyzer::{device, device_mut};
pub use capture::Capture;
