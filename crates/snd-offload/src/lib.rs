//! Audio class drivers and the DSP that streams behind the host's back.
//!
//! - [`card`]: a sound card as its descriptors describe it, and how a format is selected;
//! - [`dsp`]: firmware of another processor, which owns transfer rings and a secondary event ring;
//! - the class drivers, all of them [`AudioClient`]s: [`qc`] tears its stream down in suspend, [`aoc`] streams through
//!   suspend, [`urb`] plays by the host's own URBs;
//! - [`Event`]: what all of them tell about themselves.
#![forbid(unsafe_code)]

pub mod aoc;
pub mod card;
mod chip;
mod client;
mod control;
pub mod dsp;
mod error;
mod event;
mod lending;
mod pacer;
pub mod qc;
mod stream;
pub mod urb;

pub use aoc::AocClient;
pub use client::{AudioClient, CaptureRequest, ClientSetup, PlaybackRequest};
pub use error::{AudioError, CardError, Cause};
pub use event::{Event, EventSink, QmiMessage};
pub use qc::{QcClient, QcService};
pub use stream::{StreamDirection, StreamHandle, StreamId, StreamStats};
pub use urb::UrbClient;
