//! A keyboard with the boot protocol and remote wake (HID 1.11).

mod descriptors;

use crate::descriptors::Descriptors;
use crate::function::{Function, Reply, RequestError, reply_with};
use sim_time::Instant;
use std::collections::VecDeque;
use usb_spec::descriptor::DescriptorType;
use usb_spec::setup::standard::GET_DESCRIPTOR;
use usb_spec::{Direction, EndpointAddress, Recipient, RequestKind, SetupPacket, Speed};
use xhci_model::Handshake;

const INTERRUPT_IN: EndpointAddress = EndpointAddress(0x81);
/// Bytes of a boot keyboard's report: modifiers, nothing, six keys.
const REPORT_BYTES: usize = 8;

const HID_DESCRIPTOR: DescriptorType = DescriptorType(0x21);
const REPORT_DESCRIPTOR: DescriptorType = DescriptorType(0x22);

const GET_REPORT: u8 = 0x01;
const GET_IDLE: u8 = 0x02;
const GET_PROTOCOL: u8 = 0x03;
const SET_REPORT: u8 = 0x09;
const SET_IDLE: u8 = 0x0A;
const SET_PROTOCOL: u8 = 0x0B;

/// A key as the usage page Keyboard numbers it: 0x04 is `a`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key(pub u8);

/// A keyboard whose keys are pressed from outside.
#[derive(Debug, Default)]
pub struct Keyboard {
    /// Reports that the host has not fetched.
    reports: VecDeque<[u8; REPORT_BYTES]>,
    current: [u8; REPORT_BYTES],
    idle: u8,
    protocol: u8,
    leds: u8,
    wake: bool,
}

impl Keyboard {
    /// A keyboard with no key down.
    pub fn new() -> Self {
        Self { protocol: 1, ..Self::default() }
    }

    /// A key goes down and up. If the host sleeps and permitted it, that wakes it: say so to the controller with
    /// [`Xhci::touch`](xhci_model::Xhci::touch).
    pub fn type_key(&mut self, key: Key) {
        self.reports.push_back([0, 0, key.0, 0, 0, 0, 0, 0]);
        self.reports.push_back([0; REPORT_BYTES]);
        self.wake = true;
    }

    /// The lights that the host switched on: bit 0 Num Lock, 1 Caps Lock, 2 Scroll Lock.
    pub const fn leds(&self) -> u8 {
        self.leds
    }

    fn forget(&mut self) {
        self.reports.clear();
        self.current = [0; REPORT_BYTES];
        self.protocol = 1;
        self.idle = 0;
    }
}

impl Function for Keyboard {
    fn speed(&self) -> Speed {
        Speed::Full
    }

    fn descriptors(&self) -> Descriptors {
        descriptors::all()
    }

    fn bus_reset(&mut self, _now: Instant) {
        self.forget();
    }

    fn set_configuration(&mut self, _now: Instant, _configured: bool) {
        self.forget();
    }

    fn set_interface(&mut self, _now: Instant, _interface: u8, _alternate: u8) {}

    fn control_in(
        &mut self,
        _now: Instant,
        setup: &SetupPacket,
        reply: &mut [u8],
    ) -> Result<usize, RequestError> {
        if setup.request_type.recipient() != Recipient::Interface || setup.index != 0 {
            return Err(RequestError);
        }
        match (setup.request_type.kind(), setup.request) {
            (RequestKind::Standard, GET_DESCRIPTOR) => match DescriptorType(setup.value_hi()) {
                HID_DESCRIPTOR => reply_with(reply, &descriptors::hid()),
                REPORT_DESCRIPTOR => reply_with(reply, &descriptors::REPORT),
                _ => Err(RequestError),
            },
            (RequestKind::Class, GET_REPORT) => reply_with(reply, &self.current),
            (RequestKind::Class, GET_IDLE) => reply_with(reply, &[self.idle]),
            (RequestKind::Class, GET_PROTOCOL) => reply_with(reply, &[self.protocol]),
            _ => Err(RequestError),
        }
    }

    fn control_out(&mut self, _now: Instant, setup: &SetupPacket, data: &[u8]) -> Result<(), RequestError> {
        let of_interface = setup.request_type.recipient() == Recipient::Interface && setup.index == 0;
        if !of_interface
            || setup.request_type.kind() != RequestKind::Class
            || setup.direction() == Direction::In
        {
            return Err(RequestError);
        }
        match setup.request {
            SET_REPORT => self.leds = *data.first().ok_or(RequestError)?,
            SET_IDLE => self.idle = setup.value_hi(),
            SET_PROTOCOL if setup.value <= 1 => self.protocol = setup.value_lo(),
            _ => return Err(RequestError),
        }
        Ok(())
    }

    fn packet_out(&mut self, _now: Instant, _endpoint: u8, _data: &[u8]) -> Handshake {
        Handshake::Stall
    }

    fn packet_in(&mut self, _now: Instant, _endpoint: u8, buffer: &mut [u8]) -> Reply {
        let Some(report) = self.reports.pop_front() else { return Reply::Nak };
        self.current = report;
        let size = REPORT_BYTES.min(buffer.len());
        buffer[..size].copy_from_slice(&report[..size]);
        Reply::Data(size)
    }

    fn suspend(&mut self, _now: Instant) {
        // What was not fetched is a reason still.
        self.wake = !self.reports.is_empty();
    }

    fn resume(&mut self, _now: Instant) {
        self.wake = false;
    }

    fn signals_wake(&mut self, _now: Instant) -> bool {
        self.wake
    }
}
