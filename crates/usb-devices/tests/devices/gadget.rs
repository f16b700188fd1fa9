//! Something to plug into a hub.

use crate::host::Host;
use sim_time::Instant;
use usb_devices::hub::HubPort;
use usb_devices::{Descriptors, Function, Hub, Peripheral, Reply, RequestError};
use usb_spec::descriptor::{
    ClassCode, ConfigurationAttributes, ConfigurationBuilder, Device, Endpoint, MaxPacketSize,
};
use usb_spec::{EndpointAddress, SetupPacket, Speed, TransferType};
use xhci_model::Handshake;

const WAKING: ConfigurationAttributes = ConfigurationAttributes { self_powered: true, remote_wakeup: true };

/// It says its number on an interrupt endpoint, and notes what the bus does.
pub(crate) struct Gadget {
    number: u8,
    speed: Speed,
    log: Vec<String>,
    pub(crate) wakes: bool,
}

impl Function for Gadget {
    fn speed(&self) -> Speed {
        self.speed
    }
    fn descriptors(&self) -> Descriptors {
        let endpoint =
            Endpoint::new(EndpointAddress(0x81), TransferType::Interrupt, MaxPacketSize::new(1, 0), 4);
        Descriptors {
            device: Device {
                usb: if self.speed.is_super() { 0x0320 } else { 0x0200 },
                max_packet_size_0: if self.speed.is_super() { 9 } else { 64 },
                configurations: 1,
                ..Device::default()
            },
            configuration: ConfigurationBuilder::new(1)
                .attributes(WAKING)
                .interface(0, 0, ClassCode::VENDOR)
                .endpoint(endpoint),
            other_speed: None,
            strings: &[],
            capabilities: Vec::new(),
        }
    }
    fn bus_reset(&mut self, now: Instant) {
        self.log.push(format!("reset at {} us", now.since_start().as_micros()));
    }
    fn set_configuration(&mut self, _now: Instant, _configured: bool) {}
    fn set_interface(&mut self, _now: Instant, _interface: u8, _alternate: u8) {}
    fn control_in(&mut self, _now: Instant, _: &SetupPacket, _: &mut [u8]) -> Result<usize, RequestError> {
        Err(RequestError)
    }
    fn control_out(&mut self, _now: Instant, _: &SetupPacket, _: &[u8]) -> Result<(), RequestError> {
        Err(RequestError)
    }
    fn packet_out(&mut self, _now: Instant, _endpoint: u8, _data: &[u8]) -> Handshake {
        Handshake::Stall
    }
    fn packet_in(&mut self, _now: Instant, _endpoint: u8, buffer: &mut [u8]) -> Reply {
        buffer[0] = self.number;
        Reply::Data(1)
    }
    fn suspend(&mut self, now: Instant) {
        self.log.push(format!("suspend at {} us", now.since_start().as_micros()));
    }
    fn resume(&mut self, now: Instant) {
        self.log.push(format!("resume at {} us", now.since_start().as_micros()));
    }
    fn signals_wake(&mut self, _now: Instant) -> bool {
        self.wakes
    }
}

pub(crate) fn gadget(number: u8, speed: Speed) -> Box<Peripheral<Gadget>> {
    Box::new(Peripheral::new(Gadget { number, speed, log: Vec::new(), wakes: false }))
}
/// What it noted.
pub(crate) fn log(host: &Host<Hub>, port: u8) -> Vec<String> {
    let device: &dyn core::any::Any = host.device.device(HubPort(port)).unwrap();
    device.downcast_ref::<Peripheral<Gadget>>().unwrap().function().log.clone()
}
