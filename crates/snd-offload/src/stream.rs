//! A stream, as whoever started it sees it.

use crate::AudioError;
use kernel_sim::{Kernel, WaitQueue};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use usb_spec::audio::PcmFormat;

/// A stream of one client, counted from 0 over the whole world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StreamId(pub u32);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream {}", self.0)
    }
}

/// Which way audio goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StreamDirection {
    /// From the host to the device.
    Playback,
    /// From the device to the host.
    Capture,
}

impl fmt::Display for StreamDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Playback => "playback",
            Self::Capture => "capture",
        })
    }
}

/// What a stream counted since it was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StreamStats {
    /// TDs of the data endpoint that were written, those of length zero included.
    pub tds: u64,
    /// Events taken from the secondary event ring for this stream, those of the feedback included.
    pub sideband_events: u64,
    /// TDs that missed their service interval (completion code 23).
    pub missed_service: u64,
    /// How often the ring had run empty while audio was outstanding: what the controller tells the host by Ring
    /// Underrun and Overrun (14, 15).
    pub underruns: u64,
    /// Event Ring Full (21) on the ring of this stream.
    pub ring_full: u64,
    /// Audio frames that the controller reported as sent.
    pub frames_sent: u64,
    /// Audio frames received.
    pub frames_captured: u64,
    /// Feedback values received.
    pub feedback_packets: u64,
    /// The last feedback value that was followed, as the fixed-point number that it is.
    pub last_feedback: Option<u32>,
    /// TDs that ended with any other error.
    pub errors: u64,
}

/// A stream that was started. Clones are the same stream.
#[derive(Clone)]
pub struct StreamHandle(pub(crate) Rc<StreamState>);

/// What the two ends of a stream share: whoever moves the audio, and whoever waits for it.
pub(crate) struct StreamState {
    pub(crate) id: StreamId,
    pub(crate) direction: StreamDirection,
    pub(crate) format: PcmFormat,
    /// Audio frames that were asked for.
    pub(crate) frames: u64,
    stats: Cell<StreamStats>,
    captured: RefCell<Vec<u8>>,
    end: RefCell<Option<Result<(), AudioError>>>,
    ended: WaitQueue,
}

impl StreamHandle {
    /// Which stream it is.
    pub fn id(&self) -> StreamId {
        self.0.id
    }
    /// Which way its audio goes.
    pub fn direction(&self) -> StreamDirection {
        self.0.direction
    }
    /// What an audio frame is.
    pub fn format(&self) -> PcmFormat {
        self.0.format
    }
    /// Audio frames that were asked for.
    pub fn frames(&self) -> u64 {
        self.0.frames
    }
    /// What was counted until now.
    pub fn stats(&self) -> StreamStats {
        self.0.stats.get()
    }
    /// The captured bytes until now, whole audio frames.
    pub fn captured(&self) -> Vec<u8> {
        self.0.captured.borrow().clone()
    }

    /// How the stream ended: `Ok` when all its audio has passed the bus; `None` while it runs.
    pub fn end(&self) -> Option<Result<(), AudioError>> {
        self.0.end.borrow().clone()
    }
    /// Waits until all audio has passed the bus. A stream that is finished still has to be stopped.
    ///
    /// # Errors
    /// The stream ended before its time.
    pub async fn wait_finished(&self) -> Result<(), AudioError> {
        let state = &self.0;
        state.ended.wait_until(|| state.end.borrow().is_some()).await;
        self.end().unwrap_or(Ok(()))
    }
}

/// Room made beforehand for captured audio: an hour of 96 kHz would be 2 GiB, which nobody asks for.
const CAPTURE_ROOM: usize = 256 << 20;

impl StreamState {
    pub(crate) fn new(
        kernel: &Kernel,
        id: StreamId,
        direction: StreamDirection,
        format: PcmFormat,
        frames: u64,
    ) -> Rc<Self> {
        let state = Self {
            id,
            direction,
            format,
            frames,
            stats: Cell::default(),
            captured: RefCell::default(),
            end: RefCell::default(),
            ended: WaitQueue::new(kernel, format!("the end of {id}")),
        };
        if direction == StreamDirection::Capture {
            state.captured.borrow_mut().reserve_exact(state.bytes().min(CAPTURE_ROOM));
        }
        Rc::new(state)
    }

    pub(crate) fn set_stats(&self, stats: StreamStats) {
        self.stats.set(stats);
    }

    /// Appends `len` captured bytes, which `fill` writes, but no more than were asked for. Gives how many. Room was
    /// made when the stream was.
    pub(crate) fn capture(&self, len: usize, fill: impl FnOnce(&mut [u8])) -> usize {
        let mut captured = self.captured.borrow_mut();
        let start = captured.len();
        let len = len.min(self.bytes() - start);
        captured.resize(start + len, 0);
        fill(&mut captured[start..]);
        len
    }

    /// Bytes that were asked for.
    pub(crate) fn bytes(&self) -> usize {
        usize::try_from(self.frames).unwrap_or(usize::MAX).saturating_mul(self.format.bytes_per_frame())
    }

    /// Ends the stream; only the first end counts. Whether this was it.
    pub(crate) fn finish(&self, end: Result<(), AudioError>) -> bool {
        let mut slot = self.end.borrow_mut();
        let first = slot.is_none();
        if first {
            *slot = Some(end);
            self.ended.wake_all();
        }
        first
    }
}

impl fmt::Debug for StreamHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamHandle")
            .field("id", &self.id())
            .field("direction", &self.direction())
            .field("end", &self.end())
            .finish_non_exhaustive()
    }
}
