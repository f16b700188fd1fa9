//! Mass storage, SCSI over Bulk-Only Transport: a disk over whatever a [`Medium`] is.

mod bulk_only;
mod descriptors;
mod medium;
mod scsi;

pub use medium::{FileMedium, Medium, MemoryMedium};

use crate::descriptors::Descriptors;
use crate::function::{Function, Reply, RequestError, reply_with};
use bulk_only::Transport;
use sim_time::Instant;
use usb_spec::{Direction, EndpointAddress, Recipient, RequestKind, SetupPacket, Speed};
use xhci_model::Handshake;

const DATA_IN: EndpointAddress = EndpointAddress(0x81);
const DATA_OUT: EndpointAddress = EndpointAddress(0x02);

/// Get Max LUN (BOT 3.2).
const GET_MAX_LUN: u8 = 0xFE;
/// Bulk-Only Mass Storage Reset (BOT 3.1).
const RESET: u8 = 0xFF;

/// A disk of one logical unit.
#[derive(Debug)]
pub struct Disk {
    speed: Speed,
    transport: Transport,
}

impl Disk {
    /// A high-speed disk.
    pub fn new(medium: Box<dyn Medium>) -> Self {
        Self { speed: Speed::High, transport: Transport::new(medium) }
    }

    /// A SuperSpeed disk.
    pub fn super_speed(medium: Box<dyn Medium>) -> Self {
        Self { speed: Speed::Super, transport: Transport::new(medium) }
    }

    /// What is on it.
    pub fn medium_mut(&mut self) -> &mut dyn Medium {
        self.transport.medium_mut()
    }
}

impl Function for Disk {
    fn speed(&self) -> Speed {
        self.speed
    }

    fn descriptors(&self) -> Descriptors {
        descriptors::all(self.speed)
    }

    fn bus_reset(&mut self, _now: Instant) {
        self.transport.reset();
    }

    fn set_configuration(&mut self, _now: Instant, _configured: bool) {
        self.transport.reset();
    }

    fn set_interface(&mut self, _now: Instant, _interface: u8, _alternate: u8) {
        self.transport.reset();
    }

    fn control_in(
        &mut self,
        _now: Instant,
        setup: &SetupPacket,
        reply: &mut [u8],
    ) -> Result<usize, RequestError> {
        if is_class_request(setup) && setup.request == GET_MAX_LUN && setup.direction() == Direction::In {
            return reply_with(reply, &[0]);
        }
        Err(RequestError)
    }

    fn control_out(&mut self, _now: Instant, setup: &SetupPacket, _data: &[u8]) -> Result<(), RequestError> {
        if is_class_request(setup) && setup.request == RESET {
            self.transport.reset();
            return Ok(());
        }
        Err(RequestError)
    }

    fn packet_out(&mut self, _now: Instant, _endpoint: u8, data: &[u8]) -> Handshake {
        self.transport.take(data)
    }

    fn packet_in(&mut self, _now: Instant, _endpoint: u8, buffer: &mut [u8]) -> Reply {
        self.transport.give(buffer)
    }

    fn suspend(&mut self, _now: Instant) {}

    fn resume(&mut self, _now: Instant) {}
}

fn is_class_request(setup: &SetupPacket) -> bool {
    setup.request_type.kind() == RequestKind::Class
        && setup.request_type.recipient() == Recipient::Interface
        && setup.index == 0
}
