//! The designs of the series on an abstract controller, explored.
//!
//! A [`Scenario`] is a program: hardware, a class driver of one style, and tasks that do what the kernel, the DSP and
//! users do, each flow with every lock in the order of the reference (linux-offload.md 2, linux-offload-sequences.md 3). What
//! they decide and in which order they run, the explorer chooses; what must hold, the [`Invariant`]s say.
//!
//! ```
//! use kernel_sim::Strategy;
//! use offload_core::Design;
//! use offload_explore::{Client, Search, scenario};
//!
//! let unbind = scenario("unbind").ok_or("no such scenario")?;
//! let search = Search::new(Strategy::Exhaustive { preemptions: Some(1) });
//! let report = unbind.explore(Design::Legacy, Client::Qc, &search, |_| std::ops::ControlFlow::Continue(()));
//! assert_eq!(report.verdict().name(), "deadlock");
//! # Ok::<(), &str>(())
//! ```
//!
//! The controller is [`HostController`](offload_core::HostController) with nothing behind it: it knows what is powered,
//! which rings exist and where a DSP streams, and notices when one does without the other.
#![forbid(unsafe_code)]

mod actors;
mod aoc;
mod card;
mod chip;
mod client;
mod ghosts;
mod host;
mod invariants;
mod machine;
mod program;
mod qc;
mod scenario;
mod scenarios;

pub use client::{Client, UnknownClient};
pub use ghosts::Invariant;
pub use scenario::{Finds, Scenario, Search};
pub use scenarios::{scenario, scenarios};
