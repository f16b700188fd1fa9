//! Sound devices, and what they are made of: clocks, sinks, sources, mixers.

mod clock;
mod mixer;
mod offer;
mod recording;
mod sink;
mod source;
pub mod uac1;
pub mod uac2;

pub use clock::SampleClock;
pub use mixer::{Mixer, Volume};
pub use offer::StreamOffer;
pub use recording::Recording;
pub use sink::{Clocking, FIFO_TIME, Sink, SinkCounts};
pub use source::{Source, SourceCounts, ramp};
