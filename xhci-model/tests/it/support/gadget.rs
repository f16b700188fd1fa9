//! A device that does what a test tells it, endpoint by endpoint.

use sim_time::Instant;
use std::collections::VecDeque;
use usb_spec::Speed;
use xhci_model::{Device, DeviceAddress, Handshake, InReply, Token};

/// What an endpoint answers next. The last entry is not repeated: an empty list answers by default, which is
/// ACK for OUT and NAK for IN.
#[derive(Clone, Debug)]
pub enum Answer {
    /// IN: a packet. OUT: ACK.
    Data(Vec<u8>),
    Nak,
    Stall,
    Silence,
}

pub struct Gadget {
    speed: Speed,
    address: DeviceAddress,
    new_address: Option<DeviceAddress>,
    /// By endpoint number.
    pub input: [VecDeque<Answer>; 16],
    pub output: [VecDeque<Answer>; 16],
    /// OUT packets as they came: time, endpoint, data.
    pub received: Vec<(Instant, u8, Vec<u8>)>,
    /// IN tokens as they came.
    pub asked: Vec<(Instant, u8)>,
    /// The same: endpoint, and the toggle that the host expects.
    pub tokens: Vec<(u8, u8)>,
    /// The sequence field of the token of each packet other than to endpoint 0.
    pub sequences: Vec<u8>,
    /// SETUP packets.
    pub setups: Vec<[u8; 8]>,
    toggle_in: [u8; 16],
    isochronous: [bool; 16],
}

impl Gadget {
    pub fn new(speed: Speed) -> Self {
        Self {
            speed,
            address: DeviceAddress::DEFAULT,
            new_address: None,
            input: Default::default(),
            output: Default::default(),
            received: Vec::new(),
            asked: Vec::new(),
            tokens: Vec::new(),
            sequences: Vec::new(),
            setups: Vec::new(),
            toggle_in: [0; 16],
            isochronous: [false; 16],
        }
    }

    /// IN endpoint `number` has no toggle.
    pub fn isochronous(mut self, number: u8) -> Self {
        self.isochronous[usize::from(number)] = true;
        self
    }

    /// As SET_CONFIGURATION does it to an IN endpoint: DATA0 is next.
    pub fn toggle_reset(&mut self, number: u8) {
        self.toggle_in[usize::from(number)] = 0;
    }

    /// As its port does it.
    pub fn bus_reset_by_hand(&mut self) {
        self.bus_reset(Instant::ZERO);
    }

    pub fn answer(&mut self, number: u8, answer: Answer) {
        self.input[usize::from(number)].push_back(answer);
    }
}

impl Device for Gadget {
    fn speed(&self) -> Speed {
        self.speed
    }
    fn bus_reset(&mut self, _now: Instant) {
        self.address = DeviceAddress::DEFAULT;
        self.toggle_in = [0; 16];
    }
    fn setup(&mut self, _now: Instant, address: DeviceAddress, packet: &[u8; 8]) -> Handshake {
        if address != self.address {
            return Handshake::NoResponse;
        }
        self.setups.push(*packet);
        self.toggle_in[0] = u8::from(!self.speed.is_super());
        if packet[1] == 5 && packet[0] == 0 {
            self.new_address = Some(DeviceAddress(packet[2]));
        }
        Handshake::Ack
    }
    fn out_packet(&mut self, now: Instant, token: Token, data: &[u8]) -> Handshake {
        if token.address != self.address {
            return Handshake::NoResponse;
        }
        match self.output[usize::from(token.endpoint)].pop_front() {
            None | Some(Answer::Data(_)) => {
                if token.endpoint > 0 {
                    self.sequences.push(token.sequence);
                }
                self.received.push((now, token.endpoint, data.to_vec()));
                Handshake::Ack
            }
            Some(Answer::Nak) => Handshake::Nak,
            Some(Answer::Stall) => Handshake::Stall,
            Some(Answer::Silence) => Handshake::NoResponse,
        }
    }
    fn in_packet(&mut self, now: Instant, token: Token, buffer: &mut [u8]) -> InReply {
        if token.address != self.address {
            return InReply::NoResponse;
        }
        if let Some(address) = self.new_address.take() {
            self.address = address;
            return InReply::Data { length: 0, sequence: 1 };
        }
        if token.endpoint > 0 {
            self.sequences.push(token.sequence);
        }
        self.asked.push((now, token.endpoint));
        self.tokens.push((token.endpoint, token.sequence));
        let number = usize::from(token.endpoint);
        match self.input[number].pop_front() {
            Some(Answer::Data(data)) => {
                let taken = data.len().min(buffer.len());
                buffer[..taken].copy_from_slice(&data[..taken]);
                let sequence = self.toggle_in[number];
                if !self.isochronous[number] {
                    self.toggle_in[number] ^= 1;
                }
                InReply::Data { length: data.len(), sequence }
            }
            None if number == 0 && buffer.is_empty() => InReply::Data { length: 0, sequence: 1 },
            None | Some(Answer::Nak) => InReply::Nak,
            Some(Answer::Stall) => InReply::Stall,
            Some(Answer::Silence) => InReply::NoResponse,
        }
    }
    fn suspend(&mut self, _now: Instant) {}
    fn resume(&mut self, _now: Instant) {}
}
