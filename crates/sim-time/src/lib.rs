//! Virtual time: instants, durations, the shared clock, and the queue of deadlines.
//!
//! Every simulated part (controller, devices, DSP, kernel tasks) speaks of time in ticks of 1/60 ns. At that
//! unit all bus speeds from 1.5 Mb/s to 20 Gb/s, the 250 ns of interrupt moderation and the 125 µs microframe
//! are whole numbers, so no rounding ever depends on the order of operations.
//!
//! ```
//! use sim_time::{Duration, Instant};
//! let start = Instant::ZERO + Duration::from_micros(125);
//! assert_eq!(start + Duration::MICROFRAME, Instant::ZERO + Duration::from_micros(250));
//! assert_eq!(start.to_string(), "0.000125000");
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod clock;
mod duration;
mod instant;
mod queue;

pub use clock::Clock;
pub use duration::Duration;
pub use instant::Instant;
pub use queue::DeadlineQueue;
