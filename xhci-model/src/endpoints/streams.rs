//! Streams of a SuperSpeed bulk endpoint (xHCI 4.12, 6.2.4): many rings, one of which is under way.
//!
//! The ring of the stream under way is the endpoint's own. Where the others stand is in their stream contexts in
//! memory; only of a stream that was left inside a TD the controller keeps more than fits there.

use super::{Endpoint, TdState};
use crate::device::StreamId;
use crate::dma::{Dma, DmaError};
use crate::rings::consumer::RingPosition;
use std::collections::BTreeMap;
use xhci_spec::context::StreamContext;
use xhci_spec::trb::StreamContextType;
use xhci_spec::{CompletionCode, Gpa};

/// SEC-01: so many streams of an endpoint may be left inside a TD; a device that leaves more has to wait.
const LEFT_STREAMS: usize = 64;
/// STR-02: the largest usable Stream ID.
const LAST_STREAM: u16 = 65_533;
/// MaxPStreams is a field of five bits of which four count (xHCI 6.2.3).
const LARGEST_ARRAY: u8 = 15;

/// The streams of an endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    /// The primary stream array.
    array: Gpa,
    /// The largest Stream ID that it has a context for.
    last: u16,
    /// A bit for each stream whose doorbell was rung since its ring was found empty.
    rung: Box<[u64]>,
    /// The stream under way.
    current: Option<StreamId>,
    /// The stream that was under way last.
    previous: StreamId,
    /// Those that were left inside a TD.
    left: BTreeMap<u16, TdState>,
    /// A doorbell named a stream that is not there (STR-08).
    pub(crate) bad_doorbell: bool,
}

impl Streams {
    /// STR-01: an array of 2^(MaxPStreams + 1) contexts.
    pub(super) fn new(array: Gpa, max_pstreams: u8) -> Self {
        let contexts = 2_u32 << max_pstreams.min(LARGEST_ARRAY);
        let last = u16::try_from(contexts.saturating_sub(1)).unwrap_or(u16::MAX).min(LAST_STREAM);
        let words = contexts.div_ceil(u64::BITS);
        Self {
            array,
            last,
            rung: (0..words).map(|_| 0).collect(),
            current: None,
            previous: StreamId(0),
            left: BTreeMap::new(),
            bad_doorbell: false,
        }
    }

    /// SEC-01: the last one is the one under way when the endpoint stops.
    pub(super) fn keeps_to_bounds(&self) -> bool {
        self.left.len() <= LEFT_STREAMS.saturating_add(1)
    }

    fn contains(&self, stream: StreamId) -> bool {
        (1..=self.last).contains(&stream.0)
    }

    /// A doorbell was rung. Returns whether it is to be looked at (STR-02, DBS-10).
    pub(crate) fn ring(&mut self, stream: StreamId) -> bool {
        match stream {
            StreamId::NONE | StreamId::PRIME | StreamId::NO_STREAM => return false,
            _ if self.contains(stream) => self.set_rung(stream, true),
            _ => self.bad_doorbell = true,
        }
        true
    }

    /// Every stream needs its doorbell again.
    pub(crate) fn forget_doorbells(&mut self) {
        self.rung.fill(0);
        self.bad_doorbell = false;
    }

    fn set_rung(&mut self, stream: StreamId, rung: bool) {
        let bit = 1_u64 << (stream.0 & 63);
        if let Some(word) = self.rung.get_mut(usize::from(stream.0 >> 6)) {
            *word = if rung { *word | bit } else { *word & !bit };
        }
    }

    fn is_rung(&self, stream: StreamId) -> bool {
        self.rung.get(usize::from(stream.0 >> 6)).is_some_and(|word| word >> (stream.0 & 63) & 1 != 0)
    }

    /// The stream that the host proposes: the next one after the previous that has work.
    pub(crate) fn proposed(&self) -> Option<StreamId> {
        let from = |first: u16| {
            let words = self.rung.iter().zip(0_u32..).skip(usize::from(first >> 6));
            words
                .map(|(word, index)| {
                    let from_first =
                        if index == u32::from(first >> 6) { u64::MAX << (first & 63) } else { u64::MAX };
                    (word & from_first, index)
                })
                .find(|(word, _)| *word != 0)
                .and_then(|(word, index)| {
                    u16::try_from(index.saturating_mul(64).saturating_add(word.trailing_zeros())).ok()
                })
        };
        from(self.previous.0.saturating_add(1)).or_else(|| from(1)).map(StreamId)
    }

    pub(crate) fn current(&self) -> Option<StreamId> {
        self.current
    }

    /// What the device's choice comes to.
    pub(crate) fn judge(&self, chosen: Option<StreamId>) -> Choice {
        match chosen {
            None => Choice::NotReady,
            Some(stream) if !self.contains(stream) => Choice::Invalid,
            Some(stream) if self.is_rung(stream) => Choice::Stream(stream),
            // The host answers that it has nothing for it.
            Some(_) => Choice::NotReady,
        }
    }

    fn context_of(&self, stream: StreamId) -> Gpa {
        self.array.offset(u64::from(stream.0).wrapping_mul(16))
    }
}

/// The stream that a device chose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    /// None now, or one without work.
    NotReady,
    /// None of the endpoint's (STR-06).
    Invalid,
    /// This one.
    Stream(StreamId),
}

impl Endpoint {
    /// The Stream ID that goes with a token.
    pub(super) fn stream(&self) -> StreamId {
        self.streams.as_ref().and_then(|streams| streams.current).unwrap_or(StreamId::NONE)
    }

    /// Takes up a stream. The code says what is wrong with its context (STR-04).
    pub(crate) fn take_up_stream<D: Dma>(
        &mut self,
        stream: StreamId,
        dma: &mut D,
    ) -> Result<Option<CompletionCode>, DmaError> {
        let Some(streams) = &mut self.streams else { return Ok(None) };
        let left = match streams.left.remove(&stream.0) {
            Some(left) => left,
            None => {
                let mut bytes = [0; StreamContext::BYTES];
                dma.read(streams.context_of(stream), &mut bytes)?;
                let context = StreamContext::from_bytes(bytes);
                // Secondary arrays are not offered (NSS), so that every context is one of a ring.
                if context.sct() != StreamContextType::PRIMARY_RING {
                    return Ok(Some(CompletionCode::INVALID_STREAM_TYPE));
                }
                TdState::at(RingPosition { address: context.tr_dequeue_pointer(), cycle: context.dcs() })
            }
        };
        streams.current = Some(stream);
        streams.previous = stream;
        self.go_to(left);
        Ok(None)
    }

    /// The ring of the stream under way has nothing (more): it waits for its doorbell.
    pub(crate) fn rest_stream<D: Dma>(&mut self, dma: &mut D) -> Result<(), DmaError> {
        if let Some(streams) = &mut self.streams
            && let Some(stream) = streams.current
        {
            streams.set_rung(stream, false);
        }
        self.leave_stream(false, dma)
    }

    /// The device wants another stream, if it may leave this one where it is.
    pub(crate) fn leave_stream_between_packets<D: Dma>(&mut self, dma: &mut D) -> Result<(), DmaError> {
        let Some(streams) = &self.streams else { return Ok(()) };
        let may_leave = streams.left.len() < LEFT_STREAMS || !self.begun();
        if may_leave { self.leave_stream(false, dma) } else { Ok(()) }
    }

    /// The endpoint stops or halts with all of its streams (STR-10): their contexts tell where (XFR-28), and each needs
    /// its doorbell again.
    pub(crate) fn stop_streams<D: Dma>(&mut self, tell_edtla: bool, dma: &mut D) -> Result<(), DmaError> {
        let Some(streams) = &mut self.streams else { return Ok(()) };
        for (stream, left) in &streams.left {
            store(streams.context_of(StreamId(*stream)), left.ring, tell_edtla.then_some(left.edtla), dma)?;
        }
        self.leave_stream(tell_edtla, dma)
    }

    /// STR-09: the stream context says where the stream goes on.
    fn leave_stream<D: Dma>(&mut self, tell_edtla: bool, dma: &mut D) -> Result<(), DmaError> {
        let ring = self.dequeue();
        let inside = self.begun();
        let resume = self.resume_point();
        let Some(streams) = &mut self.streams else { return Ok(()) };
        let Some(stream) = streams.current.take() else { return Ok(()) };
        if inside {
            streams.left.insert(stream.0, TdState { ring, resume, ..self.td });
        }
        let at = streams.context_of(stream);
        let edtla = tell_edtla.then_some(self.td.edtla);
        self.set_dequeue(RingPosition::default());
        store(at, ring, edtla, dma)
    }

    /// Set TR Dequeue Pointer (CMD-44), of one stream if there are streams (CMD-45).
    pub(crate) fn set_dequeue_of<D: Dma>(
        &mut self,
        stream: StreamId,
        kind: StreamContextType,
        position: RingPosition,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let Some(streams) = &mut self.streams else {
            if stream != StreamId::NONE {
                return Ok(CompletionCode::TRB_ERROR);
            }
            self.set_dequeue(position);
            return Ok(CompletionCode::SUCCESS);
        };
        if !streams.contains(stream) {
            return Ok(CompletionCode::INVALID_STREAM_ID);
        }
        if kind != StreamContextType::PRIMARY_RING {
            return Ok(CompletionCode::INVALID_STREAM_TYPE);
        }
        streams.left.remove(&stream.0);
        store(streams.context_of(stream), position, None, dma)?;
        Ok(CompletionCode::SUCCESS)
    }
}

/// Writes a stream context; the EDTLA field only if it is given.
fn store<D: Dma>(at: Gpa, ring: RingPosition, edtla: Option<u32>, dma: &mut D) -> Result<(), DmaError> {
    let context = StreamContext::new()
        .with_dcs(ring.cycle)
        .with_sct(StreamContextType::PRIMARY_RING)
        .with_tr_dequeue_pointer(ring.address);
    let [d0, d1, d2, _] = context.with_stopped_edtla(edtla.unwrap_or(0)).0.map(u32::to_le_bytes);
    dma.write(at, [d0, d1].as_flattened())?;
    if edtla.is_some() {
        dma.write(at.offset(8), &d2)?;
    }
    Ok(())
}
