//! The kernel as its tasks see it.
mod freezing;
mod giving_up;
mod hardware;
mod host_sleep;
mod locks;
mod log;
mod rest;
mod scheduling;
mod waiting;
mod work_queues;
