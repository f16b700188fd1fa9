//! Faults on demand: rules that are asked before each transaction, first answer wins.

mod rule;
mod wire;

pub use rule::{Fault, FaultId, FaultRule};
pub(crate) use rule::{FaultRules, Probe};
pub(crate) use wire::{Packet, Wire};
