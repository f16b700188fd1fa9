//! Exploration by re-execution: a program runs again and again, each time with other answers to the questions who
//! goes on and what the world does.
//!
//! `Explorer` asks a `Runner` for runs and makes `Finding`s of those that fail (`shrink`). In a run the kernel asks
//! the `Engine` at every scheduling point, the engine asks a `Decider` (`DepthFirst`, `Pct`, `RandomWalk`, `Replay`)
//! and keeps the record: answers, steps, preemptions, and the `Footprint` of each slice, by which `DepthFirst`
//! knows what commutes. A `Recorder` writes the `Transcript` of runs that people are to read.

mod columns;
mod decider;
mod depth_first;
mod engine;
mod explorer;
mod footprint;
mod invariant;
mod point;
mod random;
mod recorder;
mod report;
mod runner;
mod shrink;
mod token;
mod transcript;
mod verdict;
mod watched;

pub(crate) use engine::{Exploration, Pick};
pub(crate) use footprint::Place;
pub(crate) use invariant::Invariants;

pub use explorer::{Explorer, Reduction, Replayed, Strategy};
pub use footprint::{Object, Touch};
pub use invariant::{CheckAt, Violation};
pub use report::{Coverage, Finding, Progress, Report};
pub use token::{ReplayToken, TokenError};
pub use transcript::{Line, Transcript};
pub use verdict::Verdict;
pub use watched::Watched;
