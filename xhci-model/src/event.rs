//! The typed event log: what the controller did, in virtual time.

use crate::agenda::EndpointId;
use crate::violation::Violation;
use core::fmt;
use sim_time::{Duration, Instant};
use xhci_spec::context::EndpointState;
use xhci_spec::{CompletionCode, Gpa, InterrupterId, PortId, SlotId, Trb, TrbType};

/// One thing that happened. Printed as one line of the text log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A register was written; the offset is from BAR 0.
    RegisterWrite {
        /// Offset from BAR 0.
        offset: u64,
        /// The value as written.
        value: u64,
    },
    /// USBSTS.HCHalted changed.
    Halted(bool),
    /// Host Controller Reset is done.
    Reset,
    /// A command was executed.
    Command {
        /// Its TRB type.
        trb_type: TrbType,
        /// The slot that it concerns; none for commands without.
        slot: Option<SlotId>,
        /// The answer.
        code: CompletionCode,
    },
    /// An endpoint changed its state.
    EndpointState {
        /// The endpoint.
        endpoint: EndpointId,
        /// The new state.
        state: EndpointState,
    },
    /// A transaction on the bus (all packets of the interval for an isochronous endpoint).
    Transaction {
        /// The endpoint.
        endpoint: EndpointId,
        /// What was done.
        kind: TransactionKind,
        /// Bytes moved.
        bytes: u32,
        /// How it ended.
        outcome: Outcome,
        /// Bus time from its begin to its end.
        duration: Duration,
    },
    /// A token to a transaction translator begins on the high-speed bus.
    Split {
        /// The endpoint behind the translator.
        endpoint: EndpointId,
        /// Which token.
        phase: SplitPhase,
        /// Data that it carries.
        bytes: u32,
        /// Bus time of token, data and handshake.
        duration: Duration,
    },
    /// Force Header sent a packet.
    Header {
        /// The root hub port it left at.
        port: PortId,
        /// The packet's three dwords.
        dwords: [u32; 3],
    },
    /// An event TRB was written.
    EventTrb {
        /// The ring it went to.
        interrupter: InterrupterId,
        /// Where it was written.
        at: Gpa,
        /// The TRB.
        trb: Trb,
    },
    /// An event TRB had no ring or no room and was dropped.
    EventLost {
        /// The ring it was for.
        interrupter: InterrupterId,
        /// The TRB.
        trb: Trb,
    },
    /// An event ring became full, or has room again.
    EventRingFull {
        /// The ring.
        interrupter: InterrupterId,
        /// Whether it is full now.
        full: bool,
    },
    /// An interrupt message left.
    Interrupt(InterrupterId),
    /// The interrupt pin changed.
    Line {
        /// Its level.
        asserted: bool,
    },
    /// PORTSC changed by the hardware's doing.
    Port {
        /// The port.
        port: PortId,
        /// PORTSC now.
        portsc: u32,
    },
    /// The sleeping controller asks to be woken.
    PowerManagementEvent,
    /// Software broke a rule.
    Violation(Violation),
    /// USBSTS.HSE: memory did not answer at this address.
    HostSystemError {
        /// First address of the access.
        address: Gpa,
    },
    /// USBSTS.HCE: the controller itself failed.
    HostControllerError,
}

/// The kind of a bus transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransactionKind {
    /// SETUP to endpoint 0.
    Setup,
    /// IN.
    In,
    /// OUT.
    Out,
}

/// What a token to a transaction translator says (USB 2.0 8.4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SplitPhase {
    /// Do this transaction.
    Start,
    /// What came of it?
    Complete,
}

/// How a bus transaction ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Data went over.
    Done,
    /// NAK.
    Nak,
    /// STALL.
    Stall,
    /// No answer in time, or garbage.
    Error,
    /// More data than the packet or the buffer may have.
    Babble,
    /// The transaction translator in between failed.
    SplitError,
    /// The controller did not keep up with the bus.
    DataBuffer,
}

impl Event {
    /// Whether the event is one of the thousands a second that a running stream makes: a successful
    /// transaction, its event TRB, a doorbell or an ERDP update. A short log leaves these out.
    pub fn is_routine(&self) -> bool {
        match self {
            Self::Transaction { outcome, .. } => matches!(outcome, Outcome::Done | Outcome::Nak),
            Self::EventTrb { trb, .. } => {
                trb.trb_type() == TrbType::TRANSFER_EVENT
                    && matches!(trb.completion_code(), CompletionCode::SUCCESS | CompletionCode::SHORT_PACKET)
            }
            Self::RegisterWrite { .. } | Self::Interrupt(_) | Self::Line { .. } | Self::Split { .. } => true,
            _ => false,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::RegisterWrite { offset, value } => write!(f, "write  {offset:#06x} = {value:#x}"),
            Self::Halted(true) => f.write_str("halted"),
            Self::Halted(false) => f.write_str("running"),
            Self::Reset => f.write_str("reset"),
            Self::Command { trb_type, slot: Some(slot), code } => {
                write!(f, "command {trb_type} slot {}: {code}", slot.get())
            }
            Self::Command { trb_type, slot: None, code } => write!(f, "command {trb_type}: {code}"),
            Self::EndpointState { endpoint, state } => write!(f, "{endpoint} is {state}"),
            Self::Transaction { endpoint, kind, bytes, outcome, duration } => {
                write!(f, "{endpoint} {kind:?} {bytes} bytes in {duration}: {outcome:?}")
            }
            Self::Split { endpoint, phase, bytes, duration } => {
                write!(f, "{endpoint} {phase:?}Split {bytes} bytes in {duration}")
            }
            Self::Header { port, dwords: [dw0, dw1, dw2] } => {
                write!(f, "port {port} sends {dw0:08x} {dw1:08x} {dw2:08x}")
            }
            Self::EventTrb { interrupter, at, trb } => {
                write!(f, "event ring {}: {trb:?} at {at}", interrupter.0)
            }
            Self::EventLost { interrupter, trb } => write!(f, "event ring {}: LOST {trb:?}", interrupter.0),
            Self::EventRingFull { interrupter, full: true } => {
                write!(f, "event ring {} is full", interrupter.0)
            }
            Self::EventRingFull { interrupter, full: false } => {
                write!(f, "event ring {} has room", interrupter.0)
            }
            Self::Interrupt(interrupter) => write!(f, "interrupt {}", interrupter.0),
            Self::Line { asserted: true } => f.write_str("interrupt pin asserted"),
            Self::Line { asserted: false } => f.write_str("interrupt pin deasserted"),
            Self::Port { port, portsc } => write!(f, "port {} PORTSC {portsc:#010x}", port.get()),
            Self::PowerManagementEvent => f.write_str("power management event"),
            Self::Violation(violation) => write!(f, "violation: {violation}"),
            Self::HostSystemError { address } => write!(f, "host system error at {address}"),
            Self::HostControllerError => f.write_str("host controller error"),
        }
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {} ep {}", self.slot.get(), self.dci.get())
    }
}

/// Which events are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogLevel {
    /// None.
    #[default]
    Off,
    /// All that is not [routine](Event::is_routine).
    Summary,
    /// All.
    Full,
}

/// Events since they were last taken. Grows to what one call of `advance` makes, and then no more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    level: LogLevel,
    events: Vec<(Instant, Event)>,
}

impl Log {
    pub(crate) fn set_level(&mut self, level: LogLevel) {
        self.level = level;
    }

    #[inline]
    pub(crate) fn record(&mut self, now: Instant, event: Event) {
        match self.level {
            LogLevel::Off => {}
            LogLevel::Summary if event.is_routine() => {}
            LogLevel::Summary | LogLevel::Full => self.events.push((now, event)),
        }
    }

    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (Instant, Event)> + '_ {
        self.events.drain(..)
    }
}
