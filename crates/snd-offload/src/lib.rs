//! Audio class drivers and the DSP that streams behind the host's back.
//!
//! - [`card`]: a sound card as its descriptors describe it, and how a format is selected;
//! - [`dsp`]: firmware of another processor, which owns transfer rings and a secondary event ring;
//! - the class drivers, all of them [`AudioClient`]s: [`qc`] tears its stream down in suspend, [`aoc`] streams through
//!   suspend, [`urb`] plays by the host's own URBs;
//! - [`Event`]: what all of them tell about themselves.
//!
//! ```no_run
//! # use kernel_sim::Kernel;
//! # use offload_core::UsbDevice;
//! # use snd_offload::dsp::{Dsp, DspConfig};
//! # use snd_offload::{AocClient, AudioClient, AudioError, ClientSetup, PlaybackRequest};
//! # use std::rc::Rc;
//! # use xhcd::Hcd;
//! # async fn play(kernel: Kernel, hcd: Hcd, headset: Rc<UsbDevice>, audio: PlaybackRequest) -> Result<(), AudioError> {
//! let dsp = Dsp::boot(&kernel, hcd.bus().clone(), DspConfig::default(), None);
//! let setup = ClientSetup::new(&kernel, &hcd, None);
//! let client = AocClient::probe(&setup, &dsp, &headset).await?;
//! let stream = client.start(audio).await?;
//! stream.wait_finished().await?;
//! client.stop(&stream).await?;
//! println!("{} audio frames", stream.stats().frames_sent);
//! # Ok(()) }
//! ```
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
