//! Registers (xHCI 5 and 7): offsets, and the fields of each register.
//!
//! Offsets are relative to the register block that the module is named for; where that block starts is read
//! from the capability registers.

pub mod capability;
pub mod doorbell;
pub mod extended;
pub mod operational;
pub mod port;
pub mod psiv;
pub mod runtime;
