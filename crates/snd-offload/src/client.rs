//! What the class drivers have in common.

use crate::card::AudioCard;
use crate::event::{EventSink, Log};
use crate::{AudioError, StreamHandle, StreamId};
use host_bus::HostBus;
use kernel_sim::{Kernel, LockClass, Mutex};
use offload_core::{LocalBoxFuture, UsbDriver};
use std::cell::Cell;
use std::rc::Rc;
use usb_spec::audio::PcmFormat;
use xhcd::Hcd;

/// Audio to play.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlaybackRequest {
    /// The PCM data: whole audio frames.
    pub pcm: Rc<[u8]>,
    /// How they are coded.
    pub format: PcmFormat,
}

/// Audio to record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CaptureRequest {
    /// How many audio frames.
    pub frames: u64,
    /// How they shall be coded.
    pub format: PcmFormat,
}

/// A class driver of a sound card, bound to its audio control interface.
pub trait AudioClient: UsbDriver {
    /// The card.
    fn card(&self) -> &AudioCard;

    /// Starts to play. Comes back when audio moves; [`StreamHandle::wait_finished`] waits for its end, and a stream
    /// that has finished still has to be stopped.
    ///
    /// # Errors
    /// The format is not offered, the PCM data are not whole frames, or the stream could not be set up.
    fn start(&self, request: PlaybackRequest) -> LocalBoxFuture<'_, Result<StreamHandle, AudioError>>;

    /// Starts to record, else as [`AudioClient::start`].
    ///
    /// # Errors
    /// As [`AudioClient::start`].
    fn capture(&self, request: CaptureRequest) -> LocalBoxFuture<'_, Result<StreamHandle, AudioError>>;

    /// Stops a stream, finished or not, and gives back what it used. One that was torn down is no error.
    ///
    /// # Errors
    /// Part of it failed; the rest was given back all the same.
    fn stop<'a>(&'a self, stream: &'a StreamHandle) -> LocalBoxFuture<'a, Result<(), AudioError>>;
}

/// What the class drivers of a machine share (the module snd-usb-audio). A handle; clones are the same.
#[derive(Clone)]
pub struct ClientSetup {
    pub(crate) kernel: Kernel,
    pub(crate) bus: Rc<dyn HostBus>,
    pub(crate) hcd: Hcd,
    /// REG of the lock order.
    pub(crate) register_mutex: Mutex<()>,
    log: Log,
    streams: Rc<Cell<u32>>,
}

const REGISTER_MUTEX: LockClass = LockClass::new("register_mutex");

impl ClientSetup {
    /// On this kernel and controller; `sink` is told what happens.
    pub fn new(kernel: &Kernel, hcd: &Hcd, sink: Option<EventSink>) -> Self {
        Self {
            kernel: kernel.clone(),
            bus: hcd.bus().clone(),
            hcd: hcd.clone(),
            register_mutex: Mutex::new(kernel, REGISTER_MUTEX, "snd-usb-audio", ()),
            log: Log::new(sink),
            streams: Rc::default(),
        }
    }

    pub(crate) fn next_stream(&self) -> StreamId {
        let id = self.streams.get();
        self.streams.set(id + 1);
        StreamId(id)
    }
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }
}
