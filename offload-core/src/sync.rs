//! The one place that names a lock implementation of the hot path.
//!
//! Code above is generic over [`lock_api::RawMutex`]; a checker of interleavings puts its own lock here.

/// The lock under `offload_lock` and `power.lock` unless the user chooses another.
pub type RawLock = parking_lot::RawMutex;
