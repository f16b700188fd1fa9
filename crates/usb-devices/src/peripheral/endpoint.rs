//! Endpoints other than 0: halts, data toggles or sequence numbers, retransmission (USB 2.0 8.6, USB 3.2 8.11).

use super::sequence::Sequence;
use crate::function::Reply;
use usb_spec::{Speed, TransferType, descriptor};
use xhci_model::{Handshake, InReply, Token};

/// One direction of one endpoint number in the alternate setting in force.
#[derive(Debug)]
pub(super) struct Endpoint {
    transfer_type: TransferType,
    max_packet: usize,
    halted: bool,
    /// Of the next packet, or of the one in flight.
    sequence: Sequence,
    /// IN: the packet sent last, until the host shows that it has it. Empty room otherwise.
    packet: Vec<u8>,
    in_flight: bool,
}

impl Endpoint {
    pub(super) fn new(descriptor: &descriptor::Endpoint, speed: Speed) -> Self {
        let transfer_type = descriptor.transfer_type;
        let max_packet = usize::from(descriptor.max_packet_size.bytes());
        // Isochronous packets are never repeated.
        let room = if transfer_type == TransferType::Isochronous { 0 } else { max_packet };
        let packet = Vec::with_capacity(room);
        let sequence = Sequence::first(speed);
        Self { transfer_type, max_packet, halted: false, sequence, packet, in_flight: false }
    }
    pub(super) fn is_halted(&self) -> bool {
        self.halted
    }
    /// Sets or clears the halt feature; clearing resets the toggle, halted or not (USB 2.0 9.4.5). `false` for
    /// an isochronous endpoint, which has no halt.
    pub(super) fn set_halt(&mut self, halted: bool) -> bool {
        if self.transfer_type == TransferType::Isochronous {
            return false;
        }
        self.halted = halted;
        if !halted {
            self.sequence = self.sequence.restarted();
            self.in_flight = false;
        }
        true
    }
    /// An OUT packet; `take` is the function's part.
    pub(super) fn out_packet(
        &mut self,
        token: Token,
        data: &[u8],
        take: impl FnOnce(&[u8]) -> Handshake,
    ) -> Handshake {
        if self.transfer_type == TransferType::Isochronous {
            return take(data);
        }
        if self.halted {
            return Handshake::Stall;
        }
        if data.len() > self.max_packet {
            return Handshake::NoResponse;
        }
        // USB 2.0 8.6.4: the host missed the handshake and repeats what is here already.
        if token.sequence != self.sequence.get() {
            return Handshake::Ack;
        }
        let handshake = take(data);
        match handshake {
            Handshake::Ack => self.sequence = self.sequence.next(),
            Handshake::Stall => self.halted = true,
            Handshake::Nak | Handshake::NoResponse => {}
        }
        handshake
    }
    /// An IN token; `fill` is the function's part.
    pub(super) fn in_packet(
        &mut self,
        token: Token,
        buffer: &mut [u8],
        fill: impl FnOnce(&mut [u8]) -> Reply,
    ) -> InReply {
        let room = buffer.len().min(self.max_packet);
        if self.transfer_type == TransferType::Isochronous {
            return match fill(&mut buffer[..room]) {
                Reply::Data(length) => InReply::Data { length, sequence: 0 },
                Reply::Nak | Reply::Stall => InReply::NoResponse,
            };
        }
        if self.halted {
            return InReply::Stall;
        }
        // USB 2.0 8.6.2: the host expects the next one, so it has the packet in flight.
        if self.in_flight && token.sequence != self.sequence.get() {
            self.in_flight = false;
            self.sequence = self.sequence.next();
        }
        if !self.in_flight {
            self.packet.resize(self.max_packet, 0);
            match fill(&mut self.packet) {
                Reply::Data(length) => self.packet.truncate(length),
                Reply::Nak => return InReply::Nak,
                Reply::Stall => {
                    self.halted = true;
                    return InReply::Stall;
                }
            }
            self.in_flight = true;
        }
        let fits = self.packet.len().min(room);
        buffer[..fits].copy_from_slice(&self.packet[..fits]);
        InReply::Data { length: self.packet.len(), sequence: self.sequence.get() }
    }
}
