//! Which service interval a TD belongs to (xHCI 4.11.2.5).

use super::super::Endpoint;
use super::super::completion::Completions;
use super::super::td::Head;
use crate::dma::{Dma, DmaError};
use crate::rings::consumer::Fetched;
use xhci_spec::FrameId;

/// ISO-10: a Frame ID up to so many frames ahead is in the future, any other is past.
const FRAMES_AHEAD: u64 = 895;
/// ISO-26: from this interval on (2.048 s) all intervals of an endpoint have the same Frame ID.
const FRAME_IDS_WRAP: u64 = 2048 * 8;

/// What a service interval has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// The fetched TD.
    Transact,
    /// The fetched TD belongs to an interval that has begun, or whose frame is over.
    Missed,
    /// Nothing: the first TD is due in the interval that begins with this microframe.
    Later(u64),
    /// Nothing in this interval, though the ring is not empty.
    Nothing,
    /// The ring is empty: an xrun, and out of the schedule until a doorbell (ISO-14, ISO-15).
    Empty,
    /// A TRB that is no TD asks for an event.
    Event,
    /// A TRB that cannot be executed.
    Malformed(Fetched),
}

impl Endpoint {
    /// The first service interval that begins at or after microframe `earliest`.
    pub(crate) fn next_interval(&self, earliest: u64) -> u64 {
        // ISO-26: `earliest` rounded up to the endpoint's phase; the interval is a power of two.
        let below = self.interval.wrapping_sub(1);
        earliest.saturating_add(self.phase.wrapping_sub(earliest) & below)
    }

    /// Looks at the TD that comes next on the ring, `meets` being the first interval that can still be met.
    ///
    /// `service_index` is the interval of the next TD that does not say when it is due. It lags behind `meets` if
    /// the controller is late, and then each TD in between is missed (ISO-28).
    pub(crate) fn due<D: Dma>(
        &mut self,
        meets: u64,
        contiguous: bool,
        dma: &mut D,
        completions: &mut Completions,
    ) -> Result<Due, DmaError> {
        match self.head(u32::MAX, dma, completions)? {
            Head::Data { bytes, .. } => self.td_bytes = bytes,
            Head::Idle => return Ok(Due::Empty),
            Head::Event => return Ok(Due::Event),
            Head::Malformed(at) => return Ok(Due::Malformed(at)),
            Head::Incomplete | Head::Busy | Head::Setup(_) | Head::Status { .. } => return Ok(Due::Nothing),
        }
        let Some(index) = self.assigned(contiguous) else { return Ok(Due::Missed) };
        if index > meets {
            // TIM-26: what is due later is read when it is due, not latched now.
            self.read_again();
            return Ok(Due::Later(index));
        }
        self.first = false;
        self.service_index = index;
        if index < meets {
            self.pass_interval();
            return Ok(Due::Missed);
        }
        Ok(Due::Transact)
    }

    /// The service interval of the fetched TD; `None` is one in a frame that is over.
    #[inline]
    fn assigned(&self, contiguous: bool) -> Option<u64> {
        let trb = self.fetched.front()?.trb;
        // ISO-08, ISO-12
        if trb.sia() || !(self.first || contiguous) {
            return Some(self.service_index);
        }
        if self.interval >= FRAME_IDS_WRAP {
            return Some(self.service_index);
        }
        let frame = self.service_index >> 3;
        let ahead = u64::from(trb.frame_id().frames_since(FrameId::of_microframe(self.service_index)));
        match ahead {
            // ISO-09: the first TD of a frame goes to its first interval, each further one to the next.
            0 if self.first => Some(self.next_interval(frame.saturating_mul(8))),
            0 => Some(self.service_index),
            1..=FRAMES_AHEAD => Some(self.next_interval(frame.saturating_add(ahead).saturating_mul(8))),
            // ISO-09: a frame between two intervals means the later one.
            _ => {
                let behind = u64::from(FrameId::COUNT).saturating_sub(ahead).saturating_mul(8);
                (behind < self.interval).then_some(self.service_index)
            }
        }
    }

    /// TRBs that were read and not executed are software's to change (RNG-32).
    pub(crate) fn read_again(&mut self) {
        self.td.ring = self.dequeue();
        self.fetched.clear();
        self.read = self.td.retired;
    }

    /// The interval is used up, by its TD or by its absence.
    pub(crate) fn pass_interval(&mut self) {
        self.service_index = self.service_index.saturating_add(self.interval);
    }
}
