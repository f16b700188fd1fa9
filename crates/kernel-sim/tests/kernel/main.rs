//! The kernel as its tasks see it.
mod locks;
mod log;
mod scheduling;
