//! The device that is in between.

use crate::capture::Capture;
use crate::isochronous::IsochronousEndpoints;
use crate::packet::{self, Pid};
use sim_time::Instant;
use std::any::Any;
use usb_spec::{Direction, Speed};
use xhci_model::{Device, DeviceAddress, Handshake, InReply, LpmAnswer, LpmRequest, StreamId, Token};

/// The device behind an analyzer, or the device itself.
pub fn device(device: &dyn Device) -> &dyn Device {
    let any: &dyn Any = device;
    any.downcast_ref::<Analyzer>().map_or(device, |analyzer| analyzer.device.as_ref())
}

/// The device behind an analyzer, or the device itself.
pub fn device_mut(device: &mut dyn Device) -> &mut dyn Device {
    let seen: &dyn Any = device;
    if !seen.is::<Analyzer>() {
        return device;
    }
    let any: &mut dyn Any = device;
    match any.downcast_mut::<Analyzer>() {
        Some(analyzer) => analyzer.device.as_mut(),
        None => unreachable!("it is an analyzer"),
    }
}

/// Passes everything on, and keeps a record.
pub(crate) struct Analyzer {
    device: Box<dyn Device>,
    capture: Capture,
    interface: u32,
    isochronous: IsochronousEndpoints,
    /// OUT packets of this service interval so far, by endpoint number.
    sent: [u8; 16],
    /// The data packet in hand.
    data: Vec<u8>,
}

impl Analyzer {
    pub(crate) fn new(device: Box<dyn Device>, capture: Capture, interface: u32) -> Self {
        let isochronous = IsochronousEndpoints::default();
        Self { device, capture, interface, isochronous, sent: [0; 16], data: Vec::new() }
    }

    fn record(&self, now: Instant, packets: &[&[u8]]) {
        self.capture.transaction(self.interface, now, packets);
    }

    fn record_out(&mut self, now: Instant, token: [u8; 3], answer: Option<Pid>) {
        match answer {
            Some(answer) => self.record(now, &[&token, &self.data, &packet::handshake(answer)]),
            None => self.record(now, &[&token, &self.data]),
        }
    }

    /// USB 2.0 5.9.2: all but the last of the packets of an interval are MDATA, the last counts them.
    fn isochronous_pid(&mut self, token: Token) -> Pid {
        let Some(sent) = self.sent.get_mut(usize::from(token.endpoint)) else { return Pid::Data0 };
        if token.sequence > 0 {
            *sent = sent.saturating_add(1);
            return Pid::MData;
        }
        Pid::of_number(std::mem::take(sent))
    }
}

fn answer(handshake: Handshake) -> Option<Pid> {
    match handshake {
        Handshake::Ack => Some(Pid::Ack),
        Handshake::Nak => Some(Pid::Nak),
        Handshake::Stall => Some(Pid::Stall),
        Handshake::NoResponse => None,
    }
}

impl Device for Analyzer {
    fn speed(&self) -> Speed {
        self.device.speed()
    }
    fn bus_reset(&mut self, now: Instant) {
        self.device.bus_reset(now);
    }
    fn setup(&mut self, now: Instant, address: DeviceAddress, packet: &[u8; 8]) -> Handshake {
        let handshake = self.device.setup(now, address, packet);
        self.isochronous.setup(packet);
        let token = Token { address, endpoint: 0, sequence: 0, stream: StreamId::NONE };
        packet::data(Pid::Data0, packet, &mut self.data);
        self.record_out(now, packet::token(Pid::Setup, token), answer(handshake));
        handshake
    }
    fn out_packet(&mut self, now: Instant, token: Token, data: &[u8]) -> Handshake {
        let handshake = self.device.out_packet(now, token, data);
        let is_isochronous = self.isochronous.has(Direction::Out, token.endpoint);
        let pid = if is_isochronous { self.isochronous_pid(token) } else { Pid::of_toggle(token.sequence) };
        packet::data(pid, data, &mut self.data);
        let answer = answer(handshake).filter(|_| !is_isochronous);
        self.record_out(now, packet::token(Pid::Out, token), answer);
        if token.endpoint == 0 {
            self.isochronous.status();
        }
        handshake
    }
    fn in_packet(&mut self, now: Instant, token: Token, buffer: &mut [u8]) -> InReply {
        let reply = self.device.in_packet(now, token, buffer);
        let is_isochronous = self.isochronous.has(Direction::In, token.endpoint);
        let token_packet = packet::token(Pid::In, token);
        match reply {
            InReply::Data { length, sequence } => {
                let data = &buffer[..length.min(buffer.len())];
                if token.endpoint == 0 && sequence == token.sequence {
                    self.isochronous.data(data);
                }
                let pid =
                    if is_isochronous { Pid::of_number(token.sequence) } else { Pid::of_toggle(sequence) };
                packet::data(pid, data, &mut self.data);
                // A host does not acknowledge what babbles.
                let acknowledged = !is_isochronous && length <= buffer.len();
                self.record_out(now, token_packet, acknowledged.then_some(Pid::Ack));
            }
            InReply::Nak => self.record(now, &[&token_packet, &packet::handshake(Pid::Nak)]),
            InReply::Stall => self.record(now, &[&token_packet, &packet::handshake(Pid::Stall)]),
            InReply::NoResponse => self.record(now, &[&token_packet]),
        }
        reply
    }
    fn stream_ready(&mut self, now: Instant, token: Token, is_in: bool) -> Option<StreamId> {
        self.device.stream_ready(now, token, is_in)
    }
    fn suspend(&mut self, now: Instant) {
        self.device.suspend(now);
    }
    fn resume(&mut self, now: Instant) {
        self.device.resume(now);
    }
    fn downstream(&mut self, now: Instant, port: u8, visit: &mut dyn FnMut(&mut dyn Device)) {
        self.device.downstream(now, port, visit);
    }
    fn usb2_speed(&self) -> Option<Speed> {
        self.device.usb2_speed()
    }
    fn connected_at(&mut self, speed: Speed) {
        self.device.connected_at(speed);
    }
    fn lpm(&mut self, now: Instant, address: DeviceAddress, request: LpmRequest) -> LpmAnswer {
        self.device.lpm(now, address, request)
    }
    fn signals_wake(&mut self, now: Instant) -> bool {
        self.device.signals_wake(now)
    }
}
