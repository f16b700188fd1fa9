//! A device that gives back on its bulk IN endpoint what came on its bulk OUT endpoint, and whose answers can
//! be taken away.

use sim_time::Instant;
use std::collections::VecDeque;
use usb_devices::{Descriptors, Function, Peripheral, Reply, RequestError};
use usb_spec::descriptor::{
    ClassCode, ConfigurationBuilder, Device as DeviceDescriptor, Endpoint, MaxPacketSize,
};
use usb_spec::{EndpointAddress, SetupPacket, Speed, TransferType};
use xhci_model::{Device, DeviceAddress, Handshake, InReply, Token};

pub(crate) const BULK_OUT: EndpointAddress = EndpointAddress(0x01);
pub(crate) const BULK_IN: EndpointAddress = EndpointAddress(0x81);
pub(crate) const INTERRUPT_IN: EndpointAddress = EndpointAddress(0x82);
const PACKET: usize = 512;

#[derive(Default)]
pub(crate) struct Echo {
    pub(crate) bytes: VecDeque<u8>,
    pub(crate) alarm: Option<u8>,
    pub(crate) stalls: bool,
}

impl Function for Echo {
    fn speed(&self) -> Speed {
        Speed::High
    }
    fn descriptors(&self) -> Descriptors {
        let bulk = MaxPacketSize::new(512, 0);
        Descriptors {
            device: DeviceDescriptor {
                usb: 0x0200,
                class: ClassCode::VENDOR,
                max_packet_size_0: 64,
                configurations: 1,
                ..DeviceDescriptor::default()
            },
            configuration: ConfigurationBuilder::new(1)
                .interface(0, 0, ClassCode::VENDOR)
                .endpoint(Endpoint::new(BULK_OUT, TransferType::Bulk, bulk, 0))
                .endpoint(Endpoint::new(BULK_IN, TransferType::Bulk, bulk, 0))
                .endpoint(Endpoint::new(INTERRUPT_IN, TransferType::Interrupt, MaxPacketSize::new(8, 0), 4)),
            other_speed: None,
            strings: &[],
            capabilities: Vec::new(),
        }
    }
    fn bus_reset(&mut self, _now: Instant) {}
    fn set_configuration(&mut self, _now: Instant, _configured: bool) {}
    fn set_interface(&mut self, _now: Instant, _interface: u8, _alternate: u8) {}
    fn control_in(
        &mut self,
        _now: Instant,
        _setup: &SetupPacket,
        _reply: &mut [u8],
    ) -> Result<usize, RequestError> {
        Err(RequestError)
    }
    fn control_out(&mut self, _now: Instant, _setup: &SetupPacket, _data: &[u8]) -> Result<(), RequestError> {
        Err(RequestError)
    }
    fn packet_out(&mut self, _now: Instant, _endpoint: u8, data: &[u8]) -> Handshake {
        if self.stalls {
            return Handshake::Stall;
        }
        self.bytes.extend(data);
        Handshake::Ack
    }
    fn packet_in(&mut self, _now: Instant, endpoint: u8, buffer: &mut [u8]) -> Reply {
        if endpoint == INTERRUPT_IN.number() {
            return self.alarm.take().map_or(Reply::Nak, |alarm| {
                buffer[0] = alarm;
                Reply::Data(1)
            });
        }
        let count = self.bytes.len().min(PACKET).min(buffer.len());
        if count == 0 {
            return Reply::Nak;
        }
        for (to, from) in buffer.iter_mut().zip(self.bytes.drain(..count)) {
            *to = from;
        }
        Reply::Data(count)
    }
    fn suspend(&mut self, _now: Instant) {}
    fn resume(&mut self, _now: Instant) {}
}

/// The echo at the end of a bad cable: packets for endpoint 1 go unanswered `silent` times.
pub(crate) struct Flaky {
    pub(crate) echo: Peripheral<Echo>,
    pub(crate) silent: u32,
}

impl Flaky {
    pub(crate) fn new() -> Self {
        Self { echo: Peripheral::new(Echo::default()), silent: 0 }
    }

    fn swallows(&mut self, token: Token) -> bool {
        let swallows = token.endpoint == BULK_OUT.number() && self.silent > 0;
        self.silent -= u32::from(swallows);
        swallows
    }
}

impl Device for Flaky {
    fn speed(&self) -> Speed {
        Device::speed(&self.echo)
    }
    fn bus_reset(&mut self, now: Instant) {
        self.echo.bus_reset(now);
    }
    fn setup(&mut self, now: Instant, address: DeviceAddress, packet: &[u8; 8]) -> Handshake {
        self.echo.setup(now, address, packet)
    }
    fn out_packet(&mut self, now: Instant, token: Token, data: &[u8]) -> Handshake {
        if self.swallows(token) { Handshake::NoResponse } else { self.echo.out_packet(now, token, data) }
    }
    fn in_packet(&mut self, now: Instant, token: Token, buffer: &mut [u8]) -> InReply {
        if self.swallows(token) { InReply::NoResponse } else { self.echo.in_packet(now, token, buffer) }
    }
    fn suspend(&mut self, now: Instant) {
        self.echo.suspend(now);
    }
    fn resume(&mut self, now: Instant) {
        self.echo.resume(now);
    }
}
