//! Isochronous endpoints: which TD belongs to a service interval, and its packets (xHCI 4.11.2.3, 4.11.2.5,
//! 4.10.3, 4.14.2).

use super::Endpoint;
use super::completion::Completions;
use super::td::Head;
use super::transact::{Flight, PACKET_BUFFER, Step, index};
use crate::bus::time;
use crate::device::{DeviceAddress, Token};
use crate::dma::{Dma, DmaError};
use crate::event::{Outcome, TransactionKind};
use crate::fault::{Packet, Wire};
use crate::rings::consumer::Fetched;
use sim_time::{Duration, Instant};
use xhci_spec::{CompletionCode, FrameId};

/// ISO-10: a Frame ID up to so many frames ahead is in the future, any other is past.
const FRAMES_AHEAD: u64 = 895;
/// SEC-03: so many late TDs are passed over at one visit.
const MISSED_PER_VISIT: u32 = 256;

/// What a service interval has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// The fetched TD, of `td_bytes`.
    Transact,
    /// Nothing before this microframe.
    Later(u64),
    /// The ring is empty: an xrun, and out of the schedule until a doorbell (ISO-14, ISO-15).
    Empty,
    /// A TRB that cannot be executed.
    Malformed(Fetched),
}

impl Endpoint {
    /// The first service interval that begins at or after microframe `earliest`.
    pub(crate) fn next_interval(&self, earliest: u64) -> u64 {
        // ISO-26: phase 0 for every endpoint. The interval is a power of two.
        let below = self.interval.wrapping_sub(1);
        earliest.saturating_add(below) & !below
    }

    /// Finds the TD of the service interval that begins at `self.service_index`. TDs that are past due are
    /// passed over and reported in `completions`.
    pub(crate) fn due<D: Dma>(
        &mut self,
        contiguous: bool,
        report_each: bool,
        dma: &mut D,
        completions: &mut Completions,
    ) -> Result<Due, DmaError> {
        let mut missed = None;
        let mut due = Due::Later(self.next_interval(self.service_index.saturating_add(1)));
        for _ in 0..MISSED_PER_VISIT {
            let head = self.head(u32::MAX, dma, completions)?;
            match head {
                Head::Data { bytes, .. } => self.td_bytes = bytes,
                Head::Idle => {
                    due = Due::Empty;
                    break;
                }
                Head::Malformed(at) => {
                    due = Due::Malformed(at);
                    break;
                }
                Head::Incomplete | Head::Busy | Head::Setup(_) | Head::Status { .. } => break,
            }
            match self.lateness(contiguous) {
                Lateness::Now => {
                    due = Due::Transact;
                    break;
                }
                Lateness::Future(at) => {
                    due = Due::Later(at);
                    break;
                }
                Lateness::Past => {
                    let last = self.drop_td();
                    if report_each {
                        self.report_missed(last, completions);
                    } else {
                        // ISO-17: the event for the last one stands for all.
                        missed = last;
                    }
                }
            }
        }
        self.report_missed(missed, completions);
        if due == Due::Transact {
            self.first = false;
        }
        Ok(due)
    }

    /// ISO-16 corrected: the last TRB of the TD, with its whole length as residual, whether or not it has IOC.
    fn report_missed(&self, last: Option<Fetched>, completions: &mut Completions) {
        if let Some(last) = last {
            let residual = last.trb.transfer_length();
            completions.push(self.id, &last, CompletionCode::MISSED_SERVICE, residual);
        }
    }

    /// ISO-08 to ISO-13: when the first fetched TD is due, seen from `self.service_index`.
    fn lateness(&self, contiguous: bool) -> Lateness {
        let Some(front) = self.fetched.front() else { return Lateness::Now };
        if front.trb.sia() || !(self.first || contiguous) {
            return Lateness::Now;
        }
        let frame = self.service_index >> 3;
        let ahead = front.trb.frame_id().frames_since(FrameId::of_microframe(self.service_index)).into();
        match ahead {
            0 => Lateness::Now,
            1..=FRAMES_AHEAD => {
                Lateness::Future(self.next_interval(frame.saturating_add(ahead).saturating_mul(8)))
            }
            _ => Lateness::Past,
        }
    }

    /// All packets of one service interval.
    pub(crate) fn transact_isochronous<D: Dma>(
        &mut self,
        address: DeviceAddress,
        wire: &mut Wire<'_>,
        buffer: &mut [u8; PACKET_BUFFER],
        now: Instant,
        dma: &mut D,
    ) -> Result<Flight, DmaError> {
        let limit = self.esit_payload.min(self.packets.saturating_mul(self.max_packet));
        // ISO-20: what exceeds the interval's budget is cut.
        let (wanted, mut code) = if self.td_bytes > limit {
            (limit, CompletionCode::BANDWIDTH_OVERRUN)
        } else {
            (self.td_bytes, CompletionCode::SUCCESS)
        };
        let mut job = Job { address, wanted, moved: 0, duration: Duration::ZERO, outcome: Outcome::Done };
        let kind = if self.is_in() {
            if let Some(failure) = self.receive(&mut job, wire, buffer, now, dma)? {
                code = failure;
            }
            TransactionKind::In
        } else {
            if let Some(failure) = self.send(&mut job, wire, buffer, now, dma)? {
                code = failure;
            }
            TransactionKind::Out
        };
        Ok(Flight {
            kind,
            outcome: job.outcome,
            bytes: job.moved,
            step: Step::Isochronous { code },
            duration: job.duration,
        })
    }

    /// Sends the TD's packets. Returns the code of a failure.
    fn send<D: Dma>(
        &mut self,
        job: &mut Job,
        wire: &mut Wire<'_>,
        buffer: &mut [u8; PACKET_BUFFER],
        now: Instant,
        dma: &mut D,
    ) -> Result<Option<CompletionCode>, DmaError> {
        // ISO-03: a TD without data is one packet of length zero.
        let packets = job.wanted.div_ceil(self.max_packet).max(1);
        for packet in 1..=packets {
            let size = job.wanted.saturating_sub(job.moved).min(self.max_packet);
            let data = buffer.get_mut(..index(size)).unwrap_or_default();
            self.gather(job.moved, data, dma)?;
            let token = self.token(job.address, packets.saturating_sub(packet));
            if let Some(failure) = failure(wire.isochronous_out(now + job.duration, token, data)) {
                return Ok(Some(failure));
            }
            job.moved = job.moved.saturating_add(size);
            job.duration += time::data(self.speed, time::Class::Isochronous, u64::from(size));
        }
        Ok(None)
    }

    /// Receives until the TD is full, a packet is short, or the interval has no more packets. Returns the
    /// code of a failure.
    fn receive<D: Dma>(
        &mut self,
        job: &mut Job,
        wire: &mut Wire<'_>,
        buffer: &mut [u8; PACKET_BUFFER],
        now: Instant,
        dma: &mut D,
    ) -> Result<Option<CompletionCode>, DmaError> {
        let packets = job.wanted.div_ceil(self.max_packet).max(1);
        for packet in 1..=packets {
            let token = self.token(job.address, packets.saturating_sub(packet));
            let full = index(self.max_packet);
            let room = index(job.wanted.saturating_sub(job.moved)).min(full);
            let data = buffer.get_mut(..full).unwrap_or_default();
            let length = match wire.in_packet(now + job.duration, token, data) {
                Ok(Packet { length, .. }) => length,
                Err(outcome) => {
                    // ISO-22, ISO-23: an IN without data is a transaction error; no retry, no halt.
                    job.duration += time::refused(self.speed);
                    job.outcome = Outcome::Error;
                    return Ok(Some(failure(outcome).unwrap_or(CompletionCode::USB_TRANSACTION_ERROR)));
                }
            };
            let taken = length.min(room);
            self.scatter(job.moved, buffer.get(..taken).unwrap_or_default(), dma)?;
            let taken_bytes = u32::try_from(taken).unwrap_or(0);
            job.moved = job.moved.saturating_add(taken_bytes);
            job.duration += time::data(self.speed, time::Class::Isochronous, u64::from(taken_bytes));
            if length > taken {
                // ISO-21: more than a packet is babble, more than the buffer an overrun.
                job.outcome = Outcome::Babble;
                return Ok(Some(if length > full {
                    CompletionCode::BABBLE_DETECTED
                } else {
                    CompletionCode::ISOCH_BUFFER_OVERRUN
                }));
            }
            if length < full {
                break;
            }
        }
        Ok(None)
    }

    fn token(&self, address: DeviceAddress, packets_after: u32) -> Token {
        Token {
            address,
            endpoint: self.id.dci.endpoint_number(),
            sequence: u8::try_from(packets_after).unwrap_or(u8::MAX),
        }
    }

    /// The interval is over: the TD is retired as a whole.
    pub(crate) fn finish_isochronous(
        &mut self,
        bytes: u32,
        code: CompletionCode,
        completions: &mut Completions,
    ) {
        if code != CompletionCode::SUCCESS {
            self.retire_early(bytes, code, completions);
        } else if bytes < self.td_bytes {
            self.retire_early(bytes, CompletionCode::SHORT_PACKET, completions);
        } else {
            self.retire(bytes, completions);
        }
    }
}

/// What the controller itself notices of a packet that has no handshake.
fn failure(outcome: Outcome) -> Option<CompletionCode> {
    match outcome {
        Outcome::SplitError => Some(CompletionCode::SPLIT_TRANSACTION_ERROR),
        Outcome::DataBuffer => Some(CompletionCode::DATA_BUFFER_ERROR),
        _ => None,
    }
}

/// A service interval under way.
struct Job {
    address: DeviceAddress,
    wanted: u32,
    moved: u32,
    duration: Duration,
    outcome: Outcome,
}

enum Lateness {
    Now,
    Future(u64),
    Past,
}
