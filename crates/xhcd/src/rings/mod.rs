//! Rings as software sees them: the producer of a transfer or command ring, the consumer of an event ring.
//!
//! Both know memory by its addresses only, so that whoever was lent a ring (a DSP) runs the same code as the
//! driver that allocated it.

mod event;
mod transfer;

pub(crate) use event::EventRingMemory;
pub use event::{EventRingConsumer, EventSegment};
pub(crate) use transfer::TransferRingMemory;
pub use transfer::{RingFull, RingPosition, TdSpan, TransferRing};

#[cfg(test)]
mod tests;
