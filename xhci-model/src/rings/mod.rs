//! Rings: reading transfer and command rings, writing event rings.

pub(crate) mod consumer;
pub(crate) mod producer;
