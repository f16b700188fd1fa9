//! A device that answers as a test tells it and writes down every packet that it saw.

use sim_time::Instant;
use std::collections::VecDeque;
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Device, DeviceAddress, Handshake, InReply, StreamId, Token};

/// One answer. An endpoint without answers takes OUT packets, and NAKs IN tokens; endpoint 0 has a status stage.
#[derive(Clone, Copy, Debug)]
pub enum Say {
    /// IN: a packet of so many bytes, counted up from where the last one ended. OUT: ACK.
    Data(usize),
    /// IN: the packet before once more, with its old sequence.
    Again(usize),
    Nak,
    Stall,
    Silence,
}

/// One packet that came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Instant,
    /// `SETUP`, `IN` or `OUT`.
    pub kind: &'static str,
    pub endpoint: u8,
    pub sequence: u8,
    pub stream: u16,
    /// What went over, in either direction.
    pub data: Vec<u8>,
    pub answer: &'static str,
}

pub struct Probe {
    speed: Speed,
    address: DeviceAddress,
    new_address: Option<DeviceAddress>,
    /// Answers of IN endpoints, by number.
    pub input: [VecDeque<Say>; 16],
    /// Answers of OUT endpoints, by number.
    pub output: [VecDeque<Say>; 16],
    /// IN endpoints that always have a packet of so many bytes.
    pub endless: [Option<usize>; 16],
    /// Answers of SETUP.
    pub setup: VecDeque<Say>,
    pub seen: Vec<Seen>,
    /// Streams that the device chooses, in order; then what the host proposes.
    pub choices: VecDeque<Option<u16>>,
    /// What the host proposed.
    pub proposals: Vec<(Instant, u16)>,
    pub resets: u32,
    pub resumes: u32,
    sequence_in: [u8; 16],
    next_byte: u8,
}

impl Probe {
    pub fn new(speed: Speed) -> Self {
        Self {
            speed,
            address: DeviceAddress::DEFAULT,
            new_address: None,
            input: Default::default(),
            output: Default::default(),
            endless: [None; 16],
            setup: VecDeque::new(),
            seen: Vec::new(),
            choices: VecDeque::new(),
            proposals: Vec::new(),
            resets: 0,
            resumes: 0,
            sequence_in: [0; 16],
            next_byte: 0,
        }
    }

    /// Packets of these lengths, once each.
    pub fn sends(&mut self, number: u8, lengths: &[usize]) {
        self.input[usize::from(number)].extend(lengths.iter().map(|length| Say::Data(*length)));
    }

    /// All data of an endpoint in one direction that went over.
    pub fn stream(&self, kind: &str, number: u8) -> Vec<u8> {
        let of = |seen: &&Seen| seen.kind == kind && seen.endpoint == number && seen.answer == "ACK";
        self.seen.iter().filter(of).flat_map(|seen| seen.data.clone()).collect()
    }

    /// The packets since the last call, a line each: `IN 1 #0 512 ACK`.
    pub fn lines(&mut self) -> String {
        let mut text = String::new();
        for Seen { kind, endpoint, sequence, data, answer, .. } in self.seen.drain(..) {
            writeln!(text, "{kind} {endpoint} #{sequence} {} {answer}", data.len()).unwrap();
        }
        text
    }

    fn note(&mut self, at: Instant, kind: &'static str, token: Token, data: Vec<u8>, answer: &'static str) {
        let Token { endpoint, sequence, stream: StreamId(stream), .. } = token;
        self.seen.push(Seen { at, kind, endpoint, sequence, stream, data, answer });
    }

    fn is_super(&self) -> bool {
        matches!(self.speed, Speed::Super | Speed::SuperPlus)
    }

    fn following(&self, sequence: u8) -> u8 {
        if self.is_super() { (sequence + 1) & 0x1F } else { sequence ^ 1 }
    }
}

impl Device for Probe {
    fn speed(&self) -> Speed {
        self.speed
    }
    fn bus_reset(&mut self, _now: Instant) {
        self.address = DeviceAddress::DEFAULT;
        self.sequence_in = [0; 16];
        self.resets += 1;
    }
    fn setup(&mut self, now: Instant, address: DeviceAddress, packet: &[u8; 8]) -> Handshake {
        if address != self.address {
            return Handshake::NoResponse;
        }
        let (answer, handshake) = match self.setup.pop_front() {
            None | Some(Say::Data(_) | Say::Again(_)) => ("ACK", Handshake::Ack),
            Some(Say::Nak) => ("NAK", Handshake::Nak),
            Some(Say::Stall) => ("STALL", Handshake::Stall),
            Some(Say::Silence) => ("-", Handshake::NoResponse),
        };
        let data = packet.to_vec();
        self.seen.push(Seen { at: now, kind: "SETUP", endpoint: 0, sequence: 0, stream: 0, data, answer });
        if handshake == Handshake::Ack {
            self.sequence_in[0] = u8::from(!self.is_super());
            if packet[..2] == [0, 5] {
                self.new_address = Some(DeviceAddress(packet[2]));
            }
        }
        handshake
    }
    fn out_packet(&mut self, now: Instant, token: Token, data: &[u8]) -> Handshake {
        if token.address != self.address {
            return Handshake::NoResponse;
        }
        let (answer, handshake) = match self.output[usize::from(token.endpoint)].pop_front() {
            None | Some(Say::Data(_) | Say::Again(_)) => ("ACK", Handshake::Ack),
            Some(Say::Nak) => ("NAK", Handshake::Nak),
            Some(Say::Stall) => ("STALL", Handshake::Stall),
            Some(Say::Silence) => ("-", Handshake::NoResponse),
        };
        self.note(now, "OUT", token, data.to_vec(), answer);
        handshake
    }
    fn in_packet(&mut self, now: Instant, token: Token, buffer: &mut [u8]) -> InReply {
        if token.address != self.address {
            return InReply::NoResponse;
        }
        if let Some(address) = self.new_address.take() {
            self.address = address;
            return InReply::Data { length: 0, sequence: 1 };
        }
        let number = usize::from(token.endpoint);
        let is_status = number == 0 && buffer.is_empty();
        let say = self.input[number].pop_front().unwrap_or_else(|| match self.endless[number] {
            _ if is_status => Say::Data(0),
            Some(length) => Say::Data(length),
            None => Say::Nak,
        });
        let mut data = Vec::new();
        let (answer, reply) = match say {
            Say::Data(length) => {
                let sequence = if buffer.is_empty() { 1 } else { self.sequence_in[number] };
                for byte in buffer.iter_mut().take(length) {
                    *byte = self.next_byte;
                    self.next_byte = self.next_byte.wrapping_add(1);
                }
                data = buffer[..length.min(buffer.len())].to_vec();
                self.sequence_in[number] = self.following(sequence);
                ("ACK", InReply::Data { length, sequence })
            }
            Say::Again(length) => {
                // One before this one, at either speed.
                let last = self.sequence_in[number].wrapping_sub(1) & if self.is_super() { 0x1F } else { 1 };
                ("again", InReply::Data { length, sequence: last })
            }
            Say::Nak => ("NAK", InReply::Nak),
            Say::Stall => ("STALL", InReply::Stall),
            Say::Silence => ("-", InReply::NoResponse),
        };
        self.note(now, "IN", token, data, answer);
        reply
    }
    fn stream_ready(&mut self, now: Instant, token: Token, _is_in: bool) -> Option<StreamId> {
        self.proposals.push((now, token.stream.0));
        match self.choices.pop_front() {
            Some(choice) => choice.map(StreamId),
            None => (token.stream != StreamId::PRIME).then_some(token.stream),
        }
    }
    fn suspend(&mut self, _now: Instant) {}
    fn resume(&mut self, _now: Instant) {
        self.resumes += 1;
    }
}
