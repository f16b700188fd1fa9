//! The default control pipe: setup, data and status stage, packet by packet (USB 2.0 8.5.3).

use super::sequence::Sequence;
use usb_spec::{SetupPacket, Speed};
use xhci_model::{Handshake, InReply, Token};

/// The state of the control transfer in hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// None began since the reset.
    Idle,
    /// Data goes to the host. `accepted` bytes arrived there; `in_flight` is the length of the packet sent last,
    /// until the host shows that it has it.
    DataIn { length: usize, accepted: usize, in_flight: Option<usize>, sequence: Sequence },
    /// Data comes from the host.
    DataOut { received: usize, sequence: Sequence, last: Option<Sequence> },
    /// The host is to fetch the zero-length packet of the status stage. `repeated` belongs to a last data packet
    /// whose handshake the host may have missed.
    StatusIn { repeated: Option<Sequence> },
    /// The request failed, until the next SETUP.
    Stalled,
}

/// What an OUT packet to the pipe led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OutProgress {
    /// Only this handshake.
    Handshake(Handshake),
    /// The data stage is complete: the request is to be executed, then [`ControlPipe::finish_out`].
    DataComplete,
}

/// Endpoint 0 of both directions.
#[derive(Debug)]
pub(super) struct ControlPipe {
    max_packet: usize,
    /// Of the first data packet after a SETUP.
    first: Sequence,
    setup: SetupPacket,
    stage: Stage,
    /// The bytes of the data stage.
    buffer: Vec<u8>,
}

impl ControlPipe {
    /// A pipe with `bMaxPacketSize0` and room for a data stage.
    pub(super) fn new(speed: Speed, max_packet: usize, room: usize) -> Self {
        let setup = SetupPacket::from_bytes([0; 8]);
        let first = Sequence::of_data_stage(speed);
        Self { max_packet: max_packet.max(8), first, setup, stage: Stage::Idle, buffer: vec![0; room] }
    }
    /// Forgets the transfer in hand.
    pub(super) fn reset(&mut self) {
        self.stage = Stage::Idle;
    }
    /// The request in hand.
    pub(super) const fn setup(&self) -> &SetupPacket {
        &self.setup
    }
    /// The room of the data stage: where a reply is written, and where data of the host lies once complete.
    pub(super) fn buffer(&mut self) -> &mut [u8] {
        &mut self.buffer
    }
    /// A SETUP packet came: whatever was in hand is over.
    pub(super) fn begin(&mut self, setup: SetupPacket) {
        self.setup = setup;
        self.stage = Stage::Stalled;
    }
    /// The request in hand fails.
    pub(super) fn stall(&mut self) {
        self.stage = Stage::Stalled;
    }
    /// The request in hand has been answered with the first `length` bytes of the buffer.
    pub(super) fn send(&mut self, length: usize) {
        let length = length.min(self.buffer.len()).min(self.setup.length.into());
        self.stage = Stage::DataIn { length, accepted: 0, in_flight: None, sequence: self.first };
    }
    /// The request in hand waits for its data.
    pub(super) fn receive(&mut self) {
        self.stage = if usize::from(self.setup.length) <= self.buffer.len() {
            Stage::DataOut { received: 0, sequence: self.first, last: None }
        } else {
            Stage::Stalled
        };
    }
    /// The request in hand has been executed; it had no data, or all of it came.
    pub(super) fn finish_out(&mut self) {
        let repeated = match self.stage {
            Stage::DataOut { last: Some(last), .. } => Some(last),
            _ => None,
        };
        self.stage = Stage::StatusIn { repeated };
    }
    /// Whether the host is in, or may repeat, the status stage of a request that sent it nothing.
    pub(super) const fn in_status(&self) -> bool {
        matches!(self.stage, Stage::StatusIn { .. })
    }
    /// An OUT packet: data from the host, or the status stage of data to it.
    pub(super) fn out_packet(&mut self, token: Token, data: &[u8]) -> OutProgress {
        match self.stage {
            Stage::DataOut { received, sequence, .. } if token.sequence == sequence.get() => {
                self.take(received, sequence, data)
            }
            // A packet whose handshake the host missed comes again (USB 2.0 8.6.4).
            Stage::DataOut { .. } => OutProgress::Handshake(Handshake::Ack),
            Stage::StatusIn { repeated: Some(repeated) } if token.sequence == repeated.get() => {
                OutProgress::Handshake(Handshake::Ack)
            }
            // The host may end the data stage early.
            Stage::DataIn { .. } if data.is_empty() && token.sequence == 1 => {
                OutProgress::Handshake(Handshake::Ack)
            }
            _ => self.refuse(),
        }
    }
    /// An IN token: data to the host, or the status stage of data from it.
    pub(super) fn in_packet(&mut self, token: Token, buffer: &mut [u8]) -> InReply {
        match self.stage {
            Stage::StatusIn { .. } => InReply::Data { length: 0, sequence: 1 },
            Stage::DataIn { length, accepted, in_flight, sequence } => {
                // The host expects the next one: it has the packet in flight.
                let (accepted, sequence, finished) = match in_flight {
                    Some(sent) if token.sequence != sequence.get() => {
                        let accepted = accepted + sent;
                        let asked = usize::from(self.setup.length);
                        (accepted, sequence.next(), accepted == asked || sent < self.max_packet)
                    }
                    _ => (accepted, sequence, false),
                };
                if finished {
                    self.stage = Stage::Stalled;
                    return InReply::Stall;
                }
                let sent = (length - accepted).min(self.max_packet);
                self.stage = Stage::DataIn { length, accepted, in_flight: Some(sent), sequence };
                let packet = &self.buffer[accepted..accepted + sent];
                let fits = sent.min(buffer.len());
                buffer[..fits].copy_from_slice(&packet[..fits]);
                InReply::Data { length: sent, sequence: sequence.get() }
            }
            Stage::Idle | Stage::DataOut { .. } | Stage::Stalled => {
                self.stage = Stage::Stalled;
                InReply::Stall
            }
        }
    }

    fn take(&mut self, received: usize, sequence: Sequence, data: &[u8]) -> OutProgress {
        let end = received + data.len();
        let whole = usize::from(self.setup.length);
        // USB 2.0 8.5.3: not more than wLength says; and a short packet before that ends too early.
        if end > whole || data.len() > self.max_packet || (end < whole && data.len() < self.max_packet) {
            return self.refuse();
        }
        self.buffer[received..end].copy_from_slice(data);
        self.stage = Stage::DataOut { received: end, sequence: sequence.next(), last: Some(sequence) };
        if end == whole { OutProgress::DataComplete } else { OutProgress::Handshake(Handshake::Ack) }
    }
    fn refuse(&mut self) -> OutProgress {
        self.stage = Stage::Stalled;
        OutProgress::Handshake(Handshake::Stall)
    }
}
