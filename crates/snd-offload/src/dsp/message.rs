//! What the host and the DSP say to each other. There is no other way to the firmware.

use crate::stream::StreamState;
use crate::{Cause, StreamId, StreamStats};
use host_bus::DmaBuffer;
use std::rc::Rc;
use thiserror::Error;
use usb_spec::audio::{FeedbackFormat, PcmFormat};
use xhcd::rings::EventSegment;
use xhci_spec::{Dci, Gpa, InterrupterId, SlotId};

/// What the DSP is asked.
#[derive(Clone, Debug)]
pub enum Request {
    /// Move a stream's audio over the rings that are lent.
    Start(Box<StreamStart>),
    /// Write nothing more to the rings of a stream and forget them.
    Stop(StreamId),
    /// How far is a stream?
    Status(StreamId),
    /// A device is gone: forget all that belongs to its slot.
    Unplugged(SlotId),
    /// Forget a stream's rings, which were taken away.
    TornDown(StreamId, Cause),
}

/// What the DSP answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply {
    /// The first TDs are on the ring.
    Started,
    /// No ring of the stream is touched any more. With what was counted.
    Stopped(StreamStats),
    /// What was counted until now.
    Status(StreamStats),
    /// It is done, and there is nothing to say about it.
    Done,
}

/// Why the DSP did not do what it was asked, or did not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum DspError {
    /// No answer came in time.
    #[error("the DSP does not answer")]
    Silent,
    /// The firmware crashed.
    #[error("the DSP has crashed")]
    Crashed,
    /// It knows no such stream.
    #[error("the DSP knows no {0}")]
    NoSuchStream(StreamId),
    /// The buffer is too small for the packets of even one millisecond.
    #[error("a buffer of {bytes} bytes holds {packets} packets, {needed} are needed")]
    BufferTooSmall {
        /// Bytes of the buffer.
        bytes: usize,
        /// Packets that fit.
        packets: u32,
        /// Packets that have to be queued ahead.
        needed: u32,
    },
}

/// A stream and the rings to move it over.
#[derive(Clone)]
pub struct StreamStart {
    /// The stream, as its client sees it.
    pub(crate) state: Rc<StreamState>,
    /// The audio: the data to play; nothing for a capture, which the stream itself takes.
    pub(crate) pcm: Rc<[u8]>,
    /// The endpoint of the data.
    pub data: EndpointGrant,
    /// The feedback endpoint, if the format has one.
    pub feedback: Option<(EndpointGrant, FeedbackFormat)>,
    /// Where the events of both go.
    pub events: EventRingGrant,
    /// Registers that are not in the grants.
    pub mfindex: u32,
    /// Isochronous Scheduling Threshold, in microframes.
    pub ist_microframes: u8,
    /// Whether every TD may name its frame (CFC); otherwise only the first one.
    pub contiguous_frame_ids: bool,
}

/// An endpoint whose transfer ring is lent to the DSP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndpointGrant {
    /// The device.
    pub slot: SlotId,
    /// The endpoint.
    pub dci: Dci,
    /// The first page of its transfer ring; the rest is not lent.
    pub ring: Gpa,
    /// Memory for payload.
    pub buffer: DmaBuffer,
    /// Offset of the slot's doorbell register.
    pub doorbell: u32,
    /// Service interval in microframes.
    pub interval_microframes: u32,
    /// Bytes of a packet at most.
    pub max_packet_size: u16,
    /// Packets of a burst less one.
    pub max_burst: u8,
    /// Bytes of a service interval at most.
    pub max_payload: u32,
}

/// A secondary event ring that is lent to the DSP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventRingGrant {
    /// Its interrupter: what an Interrupter Target has to be.
    pub interrupter: InterrupterId,
    /// The memory of the ring.
    pub segments: Vec<EventSegment>,
    /// Offset of its Event Ring Dequeue Pointer register.
    pub erdp: u32,
}

impl StreamStart {
    /// Which stream it is.
    pub fn id(&self) -> StreamId {
        self.state.id
    }
    /// What an audio frame is.
    pub fn format(&self) -> PcmFormat {
        self.state.format
    }
}

impl std::fmt::Debug for StreamStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamStart")
            .field("id", &self.id())
            .field("data", &self.data)
            .field("feedback", &self.feedback)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
