//! The one place that names the lock and the atomics of the hot path.
//!
//! Code above is generic over [`lock_api::RawMutex`]; a checker of interleavings puts its own lock here, and its own
//! atomics when the crate's tests are built for it.

#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The lock under `offload_lock` and `power.lock` unless the user chooses another.
pub type RawLock = parking_lot::RawMutex;
