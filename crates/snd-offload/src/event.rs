//! What class drivers and DSP tell about themselves, in virtual time.

use crate::{Cause, StreamDirection, StreamId};
use offload_core::Errno;
use sim_time::{Duration, Instant};
use std::fmt;
use std::rc::Rc;
use usb_spec::audio::PcmFormat;
use xhci_spec::{CompletionCode, Dci, InterrupterId};

/// Where events go.
pub type EventSink = Rc<dyn Fn(Instant, &Event)>;

/// Something that happened. Devices go by their kernel names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A message between the DSP and the QMI service of the host.
    Qmi {
        /// The sound card's device.
        device: Rc<str>,
        /// The message.
        message: QmiMessage,
    },
    /// A format was selected: clock set and alternate setting chosen, or alternate setting 0.
    Selected {
        /// The device.
        device: Rc<str>,
        /// `bInterfaceNumber`.
        interface: u8,
        /// `bAlternateSetting`.
        alternate: u8,
        /// The format; `None` of alternate setting 0.
        format: Option<PcmFormat>,
    },
    /// The DSP, or the driver that plays by URBs, begins to move audio.
    Started {
        /// The stream.
        stream: StreamId,
        /// Which way.
        direction: StreamDirection,
        /// Where its events go; interrupter 0 is the host's.
        interrupter: InterrupterId,
    },
    /// All audio of a stream has passed the bus.
    Finished {
        /// The stream.
        stream: StreamId,
        /// Audio frames that passed.
        frames: u64,
    },
    /// The stream is over: nothing is written to its rings any more.
    Stopped {
        /// The stream.
        stream: StreamId,
        /// What tore it down; `None` if it was asked to stop.
        cause: Option<Cause>,
    },
    /// A ring had run empty while audio was outstanding.
    Xrun {
        /// The stream.
        stream: StreamId,
        /// The endpoint.
        endpoint: Dci,
    },
    /// TDs missed their service interval.
    Missed {
        /// The stream.
        stream: StreamId,
        /// How many.
        tds: u32,
    },
    /// A secondary event ring was full.
    EventRingFull {
        /// Its interrupter.
        interrupter: InterrupterId,
    },
    /// A TD ended with another error.
    TransferError {
        /// The stream.
        stream: StreamId,
        /// The endpoint.
        endpoint: Dci,
        /// Its completion code.
        code: CompletionCode,
    },
    /// The DSP stopped working.
    DspCrashed,
    /// The DSP works again, with nothing known of before.
    DspRestarted,
    /// `usb_offload_put` was refused; nobody tries again.
    PutFailed {
        /// The device.
        device: Rc<str>,
        /// What it gave.
        errno: Errno,
    },
    /// The driver waits for the DSP to give its stream up (W1).
    WaitsForDsp {
        /// The device.
        device: Rc<str>,
    },
    /// That wait is over.
    WaitedForDsp {
        /// The device.
        device: Rc<str>,
        /// Whether the DSP gave the stream up.
        in_time: bool,
        /// How long it took.
        waited: Duration,
    },
    /// The driver followed a pointer that is NULL: the kernel would have crashed here.
    NullDereference {
        /// The device.
        device: Rc<str>,
        /// Which pointer.
        pointer: &'static str,
    },
    /// A driver was asked by `suspend` or `resume` and leaves its stream running.
    StreamsOn {
        /// The device.
        device: Rc<str>,
    },
}

/// The messages of the Qualcomm USB audio service (QMI service 0x41D).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QmiMessage {
    /// DSP to host: lend me the rings of a stream.
    EnableRequest {
        /// Which way the audio goes.
        direction: StreamDirection,
        /// The format.
        format: PcmFormat,
    },
    /// DSP to host: take them back.
    DisableRequest {
        /// Which way the audio goes.
        direction: StreamDirection,
    },
    /// Host to DSP: the answer to an enable request.
    EnableResponse {
        /// Whether the rings are lent.
        result: Result<(), Errno>,
    },
    /// Host to DSP: the answer to a disable request.
    DisableResponse {
        /// Whether the stream was known.
        result: Result<(), Errno>,
    },
    /// Host to DSP: the device goes, give it up.
    DisconnectIndication,
    /// The DSP's end of the service went away.
    Bye,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Qmi { device, message } => write!(f, "{device}: {message}"),
            Self::Selected { device, interface, alternate, format } => {
                write!(f, "{device}: interface {interface} alternate setting {alternate}")?;
                format.map_or(Ok(()), |format| write!(f, ", {format}"))
            }
            Self::Started { stream, direction, interrupter } => {
                write!(f, "{stream}: {direction} starts, interrupter {interrupter}")
            }
            Self::Finished { stream, frames } => write!(f, "{stream}: finished after {frames} frames"),
            Self::Stopped { stream, cause: None } => write!(f, "{stream}: stopped"),
            Self::Stopped { stream, cause: Some(cause) } => write!(f, "{stream}: torn down by {cause}"),
            Self::Xrun { stream, endpoint } => write!(f, "{stream}: ring of endpoint {endpoint} ran empty"),
            Self::Missed { stream, tds } => write!(f, "{stream}: {tds} TDs missed their service interval"),
            Self::EventRingFull { interrupter } => {
                write!(f, "event ring of interrupter {interrupter} is full")
            }
            Self::TransferError { stream, endpoint, code } => {
                write!(f, "{stream}: endpoint {endpoint}: {code}")
            }
            Self::DspCrashed => f.write_str("DSP crashed"),
            Self::DspRestarted => f.write_str("DSP restarted"),
            Self::PutFailed { device, errno } => write!(f, "{device}: usb_offload_put gave {errno}, ignored"),
            Self::WaitsForDsp { device } => write!(f, "{device}: waits for the DSP to stop"),
            Self::WaitedForDsp { device, in_time: true, waited } => {
                write!(f, "{device}: the DSP stopped after {waited}")
            }
            Self::WaitedForDsp { device, in_time: false, waited } => {
                write!(f, "{device}: the DSP did not stop within {waited}")
            }
            Self::NullDereference { device, pointer } => write!(f, "{device}: NULL dereference of {pointer}"),
            Self::StreamsOn { device } => write!(f, "{device}: streams on"),
        }
    }
}

impl fmt::Display for QmiMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = |f: &mut fmt::Formatter<'_>, to: &str, result: &Result<(), Errno>| match result {
            Ok(()) => write!(f, "QMI {to} response: success"),
            Err(errno) => write!(f, "QMI {to} response: {errno}"),
        };
        match self {
            Self::EnableRequest { direction, format } => {
                write!(f, "QMI enable request: {direction}, {format}")
            }
            Self::DisableRequest { direction } => write!(f, "QMI disable request: {direction}"),
            Self::EnableResponse { result } => answer(f, "enable", result),
            Self::DisableResponse { result } => answer(f, "disable", result),
            Self::DisconnectIndication => f.write_str("QMI disconnect indication"),
            Self::Bye => f.write_str("QMI bye"),
        }
    }
}

/// The sink, if somebody listens.
#[derive(Clone, Default)]
pub(crate) struct Log(Option<EventSink>);

impl Log {
    pub(crate) fn new(sink: Option<EventSink>) -> Self {
        Self(sink)
    }
    /// One branch when nobody listens.
    pub(crate) fn emit(&self, now: Instant, event: impl FnOnce() -> Event) {
        if let Some(sink) = &self.0 {
            sink(now, &event());
        }
    }
}
