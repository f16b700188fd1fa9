//! The PCI function that an xHCI controller is (xHCI 5.2): configuration space, the BAR with the registers and the
//! MSI-X table, interrupts of all kinds, power states, function-level reset.
//!
//! [`PciFunction`] wraps an [`Xhci`](xhci_model::Xhci) and is driven the same way: accesses with the time at which they
//! happen, [`advance`](PciFunction::advance) when something is due, then [`poll_output`](PciFunction::poll_output). It
//! knows no virtual machine monitor; one that traps configuration and memory accesses forwards them as they come.
//!
//! ```
//! use pci_shell::{MessageOwner, PciFunction};
//! use sim_time::Instant;
//! use xhci_model::{Profile, Xhci};
//! let mut function = PciFunction::new(Xhci::new(Profile::default(), 0)?, MessageOwner::Function);
//! let mut class = [0; 3];
//! function.config_read(0x09, &mut class);
//! assert_eq!(class, [0x30, 0x03, 0x0C]);
//! # Ok::<(), xhci_model::ProfileError>(())
//! ```
#![forbid(unsafe_code)]

mod capabilities;
mod config;
mod function;
mod msi;
mod msix;

pub use capabilities::{PRODUCT_ID, VENDOR_ID};
pub use function::{InterruptKind, MessageOwner, PciFunction, PciOutput};
