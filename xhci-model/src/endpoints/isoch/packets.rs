//! The packets of an isochronous TD in its service interval (xHCI 4.11.2.3, USB 2.0 5.6, 5.9.2).

use super::super::Endpoint;
use super::super::transact::{Flight, PACKET_BUFFER, Step, index};
use crate::device::{DeviceAddress, StreamId, Token};
use crate::dma::{Dma, DmaError};
use crate::event::{Outcome, TransactionKind};
use crate::fault::{Packet, Wire};
use sim_time::{Duration, Instant};
use xhci_spec::CompletionCode;

impl Endpoint {
    /// All packets of one service interval.
    pub(crate) fn transact_isochronous<D: Dma>(
        &mut self,
        address: DeviceAddress,
        wire: &mut Wire<'_>,
        buffer: &mut [u8; PACKET_BUFFER],
        now: Instant,
        dma: &mut D,
    ) -> Result<Flight, DmaError> {
        let wanted = self.td_bytes.min(self.esit_payload);
        let mut job = Job { address, wanted, moved: 0, duration: Duration::ZERO, outcome: Outcome::Done };
        let (kind, failure) = if self.is_in() {
            (TransactionKind::In, self.receive(&mut job, wire, buffer, now, dma)?)
        } else {
            (TransactionKind::Out, self.send(&mut job, wire, buffer, now, dma)?)
        };
        let code = match failure {
            Some(failure) => failure,
            // ISO-20: what exceeds the interval's budget is cut.
            None if job.moved == wanted && wanted < self.td_bytes => CompletionCode::BANDWIDTH_OVERRUN,
            None => CompletionCode::SUCCESS,
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
            job.duration += self.packet_time(packet, packets, size);
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
                    job.duration += self.pace.silent(TransactionKind::In, 0);
                    job.outcome = Outcome::Error;
                    return Ok(Some(failure(outcome).unwrap_or(CompletionCode::USB_TRANSACTION_ERROR)));
                }
            };
            let taken = length.min(room);
            self.scatter(job.moved, buffer.get(..taken).unwrap_or_default(), dma)?;
            let taken_bytes = u32::try_from(taken).unwrap_or(0);
            job.moved = job.moved.saturating_add(taken_bytes);
            job.duration += self.packet_time(packet, packets, taken_bytes);
            if length > taken {
                // ISO-21: more than a packet is babble, more than the buffer an overrun; ISO-20: or the buffer
                // goes on, and the interval's budget does not.
                job.outcome = Outcome::Babble;
                return Ok(Some(if length > full {
                    CompletionCode::BABBLE_DETECTED
                } else if job.wanted < self.td_bytes {
                    CompletionCode::BANDWIDTH_OVERRUN
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

    /// How long the fetched TD takes on the bus at most.
    #[inline]
    pub(crate) fn interval_time(&self) -> Duration {
        let bytes = self.td_bytes.min(self.esit_payload);
        self.pace.interval(self.is_in(), bytes.into(), self.max_packet.into(), self.burst.into())
    }

    /// Bus time of packet number `packet` of `packets`, and of the pause after it if it ends a burst.
    #[inline]
    fn packet_time(&self, packet: u32, packets: u32, bytes: u32) -> Duration {
        let gap = if packet < packets && packet.is_multiple_of(self.burst) {
            self.pace.burst_gap()
        } else {
            Duration::ZERO
        };
        self.pace.isochronous(self.is_in(), u64::from(bytes)) + gap
    }

    fn token(&self, address: DeviceAddress, packets_after: u32) -> Token {
        Token {
            address,
            endpoint: self.id.dci.endpoint_number(),
            sequence: u8::try_from(packets_after).unwrap_or(u8::MAX),
            stream: StreamId::NONE,
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
