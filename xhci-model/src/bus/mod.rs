//! The buses behind the root hub: whose turn it is, and how long a transaction takes.

pub(crate) mod bandwidth;
pub(crate) mod domain;
pub(crate) mod frame;
pub(crate) mod split;
pub(crate) mod time;

pub(crate) use domain::{Buses, DomainId};
