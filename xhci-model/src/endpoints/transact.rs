//! One transaction of a control, bulk or interrupt endpoint: on the wire, and its effect (USB 2.0 8.5, 8.6;
//! xHCI 4.10).

use super::Endpoint;
use super::completion::Completions;
use super::td::Head;
use crate::bus::domain::Class;
use crate::device::{DeviceAddress, Token};
use crate::dma::{Dma, DmaError};
use crate::event::{Outcome, TransactionKind};
use crate::fault::{Packet, Wire};
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_spec::CompletionCode;

/// The largest packet of any endpoint, and one byte more to see babble.
pub(crate) const PACKET_BUFFER: usize = 1025;

/// A transaction whose data has moved and whose end is still to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    pub(crate) kind: TransactionKind,
    pub(crate) outcome: Outcome,
    pub(crate) bytes: u32,
    pub(crate) step: Step,
    pub(crate) duration: Duration,
}

impl Flight {
    /// Whether its data go to the host.
    pub(crate) fn is_in(&self) -> bool {
        self.kind == TransactionKind::In
    }
}

/// What the transaction was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// A Setup or Status stage.
    Stage,
    /// A packet that came before: acknowledged and dropped (XFR-06).
    Repeated,
    /// Data.
    Data {
        /// The device sent less than a full packet, and less than the TD has room for.
        short: bool,
    },
    /// All packets of an isochronous service interval; the code of the TRB in which it ended.
    Isochronous {
        /// How the interval ended.
        code: CompletionCode,
    },
}

/// What the endpoint does after a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// Goes on as the ring says.
    Continue,
    /// Tries the same again, not before the next microframe or service interval.
    Retry,
    /// Halted.
    Halt,
}

impl Endpoint {
    /// Does the transaction that `head` asks for. The data moves now, the bus is busy for the flight's
    /// duration.
    pub(crate) fn transact<D: Dma>(
        &mut self,
        head: Head,
        address: DeviceAddress,
        wire: &mut Wire<'_>,
        buffer: &mut [u8; PACKET_BUFFER],
        now: Instant,
        dma: &mut D,
    ) -> Result<Flight, DmaError> {
        self.td.issued = true;
        let token = Token {
            address,
            endpoint: self.id.dci.endpoint_number(),
            sequence: self.sequence,
            stream: self.stream(),
        };
        let flight = match head {
            Head::Setup(packet) => {
                let outcome = wire.setup(now, address, &packet);
                self.flight(TransactionKind::Setup, outcome, 8, Step::Stage)
            }
            Head::Status { is_in: true } => {
                let token = Token { sequence: 1, ..token };
                let outcome = wire.status_in(now, token);
                self.flight(TransactionKind::In, outcome, 0, Step::Stage)
            }
            Head::Status { is_in: false } => {
                let token = Token { sequence: 1, ..token };
                let outcome = wire.out_packet(now, token, &[]);
                self.flight(TransactionKind::Out, outcome, 0, Step::Stage)
            }
            Head::Data { is_in, bytes } => {
                let size = bytes.min(self.max_packet);
                if is_in {
                    return self.transact_in(token, wire, buffer, size, now, dma);
                }
                let packet = buffer.get_mut(..index(size)).unwrap_or_default();
                self.gather(0, packet, dma)?;
                let outcome = wire.out_packet(now, token, packet);
                self.flight(TransactionKind::Out, outcome, size, Step::Data { short: false })
            }
            Head::Idle | Head::Incomplete | Head::Busy | Head::Event | Head::Malformed(_) => {
                self.flight(TransactionKind::Out, Outcome::Nak, 0, Step::Stage)
            }
        };
        Ok(flight)
    }

    /// The longest that the transaction which `head` asks for can be on the bus.
    pub(crate) fn longest(&self, head: Head) -> Duration {
        match head {
            Head::Data { .. } if self.is_isochronous() => self.interval_time(),
            Head::Data { is_in, bytes, .. } => {
                let kind = if is_in { TransactionKind::In } else { TransactionKind::Out };
                self.pace.transaction(kind, bytes.min(self.max_packet).into())
            }
            Head::Setup(_) => self.pace.transaction(TransactionKind::Setup, 8),
            // An IN status stage takes no longer.
            _ => self.pace.transaction(TransactionKind::Out, 0),
        }
    }

    fn transact_in<D: Dma>(
        &mut self,
        token: Token,
        wire: &mut Wire<'_>,
        buffer: &mut [u8; PACKET_BUFFER],
        room: u32,
        now: Instant,
        dma: &mut D,
    ) -> Result<Flight, DmaError> {
        let full = index(self.max_packet);
        let reply = wire.in_packet(now, token, buffer.get_mut(..full).unwrap_or_default());
        let Packet { length, sequence } = match reply {
            Ok(packet) => packet,
            Err(outcome) => return Ok(self.flight(TransactionKind::In, outcome, 0, Step::Stage)),
        };
        if sequence != self.sequence {
            let bytes = u32::try_from(length.min(full)).unwrap_or(0);
            return Ok(self.flight(TransactionKind::In, Outcome::Done, bytes, Step::Repeated));
        }
        let taken = length.min(index(room));
        self.scatter(0, buffer.get(..taken).unwrap_or_default(), dma)?;
        // XFR-04, RNG-34: more than a packet, or more than the TD has room for.
        let outcome = if length > taken { Outcome::Babble } else { Outcome::Done };
        let bytes = u32::try_from(taken).unwrap_or(room);
        let short = bytes < room;
        Ok(self.flight(TransactionKind::In, outcome, bytes, Step::Data { short }))
    }

    /// ERR-02, TRB-42: the transaction in place of one whose data buffer is not there. An OUT packet stays at home, an
    /// IN packet was acknowledged and is lost.
    pub(crate) fn without_buffer(&self, is_in: bool) -> Flight {
        let kind = if is_in { TransactionKind::In } else { TransactionKind::Out };
        let step = match self.class {
            Class::Isochronous => Step::Isochronous { code: CompletionCode::DATA_BUFFER_ERROR },
            _ => Step::Data { short: false },
        };
        self.flight(kind, Outcome::DataBuffer, 0, step)
    }

    /// TRB-75: the transaction that no translator took, after so long on the high-speed bus.
    pub(crate) fn split_failure(&self, is_in: bool, duration: Duration) -> Flight {
        let kind = if is_in { TransactionKind::In } else { TransactionKind::Out };
        let step = match self.class {
            Class::Isochronous => Step::Isochronous { code: CompletionCode::SPLIT_TRANSACTION_ERROR },
            _ => Step::Stage,
        };
        Flight { kind, outcome: Outcome::SplitError, bytes: 0, step, duration }
    }

    fn flight(&self, kind: TransactionKind, outcome: Outcome, bytes: u32, step: Step) -> Flight {
        let (pace, size) = (self.pace, u64::from(bytes));
        let duration = match outcome {
            Outcome::Done | Outcome::Babble | Outcome::DataBuffer => pace.transaction(kind, size),
            Outcome::Nak | Outcome::Stall => pace.refused(kind, size),
            Outcome::Error | Outcome::SplitError => pace.silent(kind, size),
        };
        Flight { kind, outcome, bytes, step, duration }
    }

    /// The transaction is over: its effect on the TD, the toggle and the error count.
    pub(crate) fn finish(&mut self, flight: Flight, completions: &mut Completions) -> Next {
        if let Step::Isochronous { code } = flight.step {
            // ISO-22, ISO-27: no retry, no halt; the code says what happened.
            self.finish_isochronous(flight.bytes, code, completions);
            return Next::Continue;
        }
        match flight.outcome {
            Outcome::Done => self.errors = 0,
            Outcome::Nak => return Next::Retry,
            Outcome::Stall => {
                self.fail(CompletionCode::STALL, completions);
                return Next::Halt;
            }
            Outcome::Babble => {
                self.fail(CompletionCode::BABBLE_DETECTED, completions);
                return Next::Halt;
            }
            Outcome::DataBuffer => {
                if flight.kind == TransactionKind::In && matches!(flight.step, Step::Data { .. }) {
                    // The packet had come.
                    self.sequence = next_sequence(self.speed, self.sequence);
                }
                // TRB-42: told, and the endpoint goes on with the next TD.
                self.retire_early(0, CompletionCode::DATA_BUFFER_ERROR, completions);
                return Next::Continue;
            }
            Outcome::Error | Outcome::SplitError => {
                self.errors = self.errors.saturating_add(1);
                let limit = self.context.cerr();
                // XFR-03: CErr = 0 never expires.
                if limit == 0 || self.errors < limit {
                    return Next::Retry;
                }
                self.errors = 0;
                let code = match flight.outcome {
                    Outcome::SplitError => CompletionCode::SPLIT_TRANSACTION_ERROR,
                    _ => CompletionCode::USB_TRANSACTION_ERROR,
                };
                self.fail(code, completions);
                return Next::Halt;
            }
        }
        match flight.step {
            Step::Stage => {
                self.sequence = first_of_data_stage(self.speed);
                self.retire_stage(completions);
            }
            Step::Data { short } => {
                self.sequence = next_sequence(self.speed, self.sequence);
                if short {
                    self.retire_early(flight.bytes, CompletionCode::SHORT_PACKET, completions);
                } else {
                    self.retire(flight.bytes, completions);
                }
            }
            Step::Repeated | Step::Isochronous { .. } => {}
        }
        Next::Continue
    }
}

/// XFR-06: SETUP is DATA0, what follows it begins with DATA1. USB 3.2 8.12.2.1: a data stage begins with 0.
fn first_of_data_stage(speed: Speed) -> u8 {
    u8::from(!speed.is_super())
}

fn next_sequence(speed: Speed, sequence: u8) -> u8 {
    match speed {
        Speed::Low | Speed::Full | Speed::High => sequence ^ 1,
        // XFR-07: USB 3 counts to 31.
        Speed::Super | Speed::SuperPlus => sequence.wrapping_add(1) & 0x1F,
    }
}

pub(crate) fn index(bytes: u32) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
