use crate::StreamDirection;
use crate::dsp::DspError;
use offload_core::Errno;
use thiserror::Error;
use usb_spec::audio::PcmFormat;
use usb_spec::descriptor::ParseError;

/// Why a stream does not run, or ended before its time.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum AudioError {
    /// The device has no alternate setting and rate for this format.
    #[error("{direction} of {wanted} is not offered; offered: {}", List(offered))]
    FormatNotOffered {
        /// Which way the audio should go.
        direction: StreamDirection,
        /// The format that was asked for.
        wanted: PcmFormat,
        /// What the device offers in that direction.
        offered: Vec<PcmFormat>,
    },
    /// The PCM data end inside an audio frame.
    #[error("{bytes} bytes of PCM are not whole audio frames of {frame_bytes} bytes")]
    PartialFrame {
        /// Bytes of PCM data.
        bytes: usize,
        /// Bytes of an audio frame.
        frame_bytes: usize,
    },
    /// A call into the kernel failed.
    #[error("{call}: {errno}")]
    Kernel {
        /// The call.
        call: &'static str,
        /// What it gave.
        errno: Errno,
    },
    /// The device's clock did not take the rate over.
    #[error("the clock runs at {actual_hz} Hz after it was set to {wanted_hz} Hz")]
    ClockRate {
        /// The rate that was set.
        wanted_hz: u32,
        /// The rate that was read back.
        actual_hz: u32,
    },
    /// The device's clock says that its signal is not valid.
    #[error("clock source {clock} is not valid")]
    ClockNotValid {
        /// `bClockID`.
        clock: u8,
    },
    /// The device is no sound card, or did not let itself be read as one.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The DSP refused or did not answer.
    #[error(transparent)]
    Dsp(#[from] DspError),
    /// The stream was stopped before its end.
    #[error("the stream was stopped")]
    Stopped,
    /// The stream was torn down before its end.
    #[error("the stream was torn down by {0}")]
    TornDown(Cause),
}

/// What tore a stream down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The suspend callback of the driver.
    Suspend,
    /// The disconnect callback of the driver, with the device still attached.
    Unbind,
    /// The device was unplugged.
    Unplug,
    /// The DSP crashed.
    DspCrash,
    /// The ring of an endpoint was about to be freed.
    RingFree,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Suspend => "suspend",
            Self::Unbind => "unbind",
            Self::Unplug => "unplug",
            Self::DspCrash => "a DSP crash",
            Self::RingFree => "a freed ring",
        })
    }
}

/// Why a device is no sound card.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum CardError {
    /// A descriptor cannot be read.
    #[error(transparent)]
    Descriptor(#[from] ParseError),
    /// No audio control interface of class version 1 or 2.
    #[error("no audio control interface")]
    NoControlInterface,
    /// A streaming interface has no alternate setting that could be used.
    #[error("no alternate setting carries PCM")]
    NoStreams,
    /// A request to the device failed while it was probed.
    #[error("{request}: {errno}")]
    Request {
        /// The request.
        request: &'static str,
        /// What it gave.
        errno: Errno,
    },
}

impl AudioError {
    pub(crate) fn kernel(call: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::Kernel { call, errno }
    }
}

/// Shows formats one after the other.
struct List<'a>(&'a [PcmFormat]);

impl std::fmt::Display for List<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (index, format) in self.0.iter().enumerate() {
            write!(f, "{}{format}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
