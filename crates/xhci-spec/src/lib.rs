//! Layouts of the xHCI specification: registers, TRBs, contexts, completion codes.
//!
//! Only encodings live here, for both sides of the register interface: a controller model and a driver use the
//! same constructors and the same decoders. Codes are open newtypes ([`CompletionCode`], [`TrbType`], ...): a
//! value without a name survives and prints. Nothing here rejects what a guest wrote.
//!
//! ```
//! use xhci_spec::trb::{TrbType, transfer};
//! use xhci_spec::{Gpa, InterrupterId};
//!
//! let trb = transfer::normal(Gpa(0x5_0000), 512)
//!     .with_interrupter_target(InterrupterId(2))
//!     .with_ioc(true)
//!     .with_cycle(true);
//! assert_eq!(trb.trb_type(), TrbType::NORMAL);
//! assert_eq!(trb.to_dwords(), [0x0005_0000, 0, 0x0080_0200, 0x0000_0421]);
//! assert_eq!(format!("{trb:?}"), "Normal 0x50000 length 512 target 2 IOC C");
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![expect(clippy::cast_possible_truncation, reason = "a field is cut out of a wider word")]

#[macro_use]
mod open_enum;

mod completion_code;
pub mod context;
pub mod erst;
mod ids;
pub mod registers;
pub mod trb;

pub use completion_code::CompletionCode;
pub use ids::{Dci, FrameId, Gpa, InterrupterId, NoSuchEndpoint, PortId, SlotId};
pub use registers::port::PortLinkState;
pub use registers::psiv::Psiv;
pub use trb::{Trb, TrbType};
