//! The hub's own function: class requests and the status-change endpoint (USB 2.0 11.12.4, 11.24; USB 3.2 10.13, 10.16).

use super::downstream::DownstreamPort;
use super::usb2_port::Usb2Port;
use super::usb3_port::Usb3Port;
use super::{descriptors, usb3_descriptors};
use crate::Descriptors;
use crate::function::{Function, Reply, RequestError, reply_with};
use sim_time::Instant;
use usb_spec::hub::superspeed::{GET_PORT_ERR_COUNT, SET_HUB_DEPTH};
use usb_spec::hub::{CLEAR_TT_BUFFER, PortFeature, RESET_TT};
use usb_spec::setup::standard::{CLEAR_FEATURE, GET_DESCRIPTOR, GET_STATUS, SET_FEATURE};
use usb_spec::{Recipient, RequestKind, SetupPacket, Speed};
use xhci_model::{Device, Handshake};

/// `bRequest` GET_TT_STATE is 10, and not supported; STOP_TT ends it.
const STOP_TT: u8 = 11;
/// Features of the hub itself (USB 2.0 table 11-17).
const C_HUB_LOCAL_POWER: u16 = 0;
const C_HUB_OVER_CURRENT: u16 = 1;

/// Which bus a hub belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Generation {
    Usb2,
    Usb3,
}

/// The ports, and what a host can ask of them.
pub(super) struct HubFunction {
    generation: Generation,
    ports: Vec<Box<dyn DownstreamPort>>,
    port_count: u8,
    /// The hub descriptor.
    descriptor: Vec<u8>,
    /// The first instant at which a port changes by itself.
    deadline: Option<Instant>,
}

impl HubFunction {
    pub(super) fn new(generation: Generation, port_count: u8) -> Self {
        let port = |_| -> Box<dyn DownstreamPort> {
            match generation {
                Generation::Usb2 => Box::new(Usb2Port::new()),
                Generation::Usb3 => Box::new(Usb3Port::new()),
            }
        };
        let descriptor = match generation {
            Generation::Usb2 => descriptors::hub(port_count).to_bytes(),
            Generation::Usb3 => usb3_descriptors::hub(port_count).to_bytes(),
        };
        Self {
            generation,
            ports: (0..port_count).map(port).collect(),
            port_count,
            descriptor,
            deadline: None,
        }
    }
    pub(super) const fn port_count(&self) -> u8 {
        self.port_count
    }
    pub(super) fn port(&self, number: u8) -> Option<&dyn DownstreamPort> {
        self.ports.get(usize::from(number).checked_sub(1)?).map(Box::as_ref)
    }
    pub(super) fn port_mut(&mut self, number: u8) -> Option<&mut (dyn DownstreamPort + 'static)> {
        self.ports.get_mut(usize::from(number).checked_sub(1)?).map(Box::as_mut)
    }
    /// Does what was due by `now`: ends of resets and resumes.
    pub(super) fn settle(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            for port in &mut self.ports {
                port.settle(now);
            }
            self.rearm();
        }
    }
    /// Plugs a device in, or gives it back if the port is occupied; `None` if there is no such port.
    pub(super) fn attach(
        &mut self,
        now: Instant,
        port: u8,
        device: Box<dyn Device>,
    ) -> Option<Result<(), Box<dyn Device>>> {
        let attached = self.port_mut(port)?.attach(now, device);
        self.rearm();
        Some(attached)
    }
    /// Lets suspended ports resume whose devices signal it. Whether there was any signal.
    pub(super) fn wake_ports(&mut self, now: Instant) -> bool {
        let mut any = false;
        for port in &mut self.ports {
            any |= port.wake(now);
        }
        self.rearm();
        any
    }

    fn rearm(&mut self) {
        self.deadline = self.ports.iter().filter_map(|port| port.deadline()).min();
    }
    fn port_of(&mut self, setup: &SetupPacket) -> Result<&mut (dyn DownstreamPort + 'static), RequestError> {
        self.port_mut(setup.index_lo()).ok_or(RequestError)
    }
    /// SET_FEATURE and CLEAR_FEATURE of a port.
    fn change_port(&mut self, now: Instant, setup: &SetupPacket, set: bool) -> Result<(), RequestError> {
        let port = self.port_of(setup)?;
        let feature = PortFeature(setup.value);
        if set {
            port.set_feature(now, feature, setup.index_hi())?;
        } else {
            port.clear_feature(now, feature)?;
        }
        self.rearm();
        Ok(())
    }
    /// The status-change bitmap (USB 2.0 11.12.4): bit 0 is the hub, bit n is port n.
    fn changes(&self) -> u16 {
        (1_u16..).zip(&self.ports).filter(|(_, port)| port.has_change()).fold(0, |map, (n, _)| map | 1 << n)
    }
}

impl Function for HubFunction {
    fn speed(&self) -> Speed {
        match self.generation {
            Generation::Usb2 => Speed::High,
            Generation::Usb3 => Speed::Super,
        }
    }
    fn descriptors(&self) -> Descriptors {
        match self.generation {
            Generation::Usb2 => descriptors::all(self.port_count),
            Generation::Usb3 => usb3_descriptors::all(),
        }
    }
    fn bus_reset(&mut self, _now: Instant) {}
    fn set_configuration(&mut self, now: Instant, configured: bool) {
        self.settle(now);
        for port in &mut self.ports {
            port.configuration_changed(now, configured);
        }
        self.rearm();
    }
    fn set_interface(&mut self, _now: Instant, _interface: u8, _alternate: u8) {}
    fn control_in(
        &mut self,
        now: Instant,
        setup: &SetupPacket,
        reply: &mut [u8],
    ) -> Result<usize, RequestError> {
        self.settle(now);
        if setup.request_type.kind() != RequestKind::Class {
            return Err(RequestError);
        }
        match (setup.request, setup.request_type.recipient()) {
            (GET_DESCRIPTOR, Recipient::Device) => reply_with(reply, &self.descriptor),
            // Neither local power nor over-current trouble, nor changes of them.
            (GET_STATUS, Recipient::Device) => reply_with(reply, &[0; 4]),
            (GET_STATUS, Recipient::Other) => {
                let (status, change) = self.port_of(setup)?.status();
                reply_with(reply, [status, change].map(u16::to_le_bytes).as_flattened())
            }
            // No link here has errors.
            (GET_PORT_ERR_COUNT, Recipient::Other) if self.generation == Generation::Usb3 => {
                self.port_of(setup)?;
                reply_with(reply, &[0; 2])
            }
            _ => Err(RequestError),
        }
    }
    fn control_out(&mut self, now: Instant, setup: &SetupPacket, _data: &[u8]) -> Result<(), RequestError> {
        self.settle(now);
        if setup.request_type.kind() != RequestKind::Class {
            return Err(RequestError);
        }
        match (setup.request, setup.request_type.recipient()) {
            (SET_FEATURE, Recipient::Other) => self.change_port(now, setup, true),
            (CLEAR_FEATURE, Recipient::Other) => self.change_port(now, setup, false),
            (CLEAR_FEATURE, Recipient::Device) => match setup.value {
                C_HUB_LOCAL_POWER | C_HUB_OVER_CURRENT => Ok(()),
                _ => Err(RequestError),
            },
            // No split transaction is ever under way in the translator.
            (CLEAR_TT_BUFFER | RESET_TT | STOP_TT, Recipient::Other)
                if self.generation == Generation::Usb2 =>
            {
                Ok(())
            }
            // The controller's model routes packets, by the route string of the device.
            (SET_HUB_DEPTH, Recipient::Device) if self.generation == Generation::Usb3 && setup.value < 5 => {
                Ok(())
            }
            _ => Err(RequestError),
        }
    }
    fn packet_out(&mut self, _now: Instant, _endpoint: u8, _data: &[u8]) -> Handshake {
        Handshake::Stall
    }
    fn packet_in(&mut self, now: Instant, _endpoint: u8, buffer: &mut [u8]) -> Reply {
        self.settle(now);
        let changes = self.changes();
        if changes == 0 {
            return Reply::Nak;
        }
        let length = usize::from(descriptors::bitmap_bytes(self.port_count)).min(buffer.len());
        buffer[..length].copy_from_slice(&changes.to_le_bytes()[..length]);
        Reply::Data(length)
    }
    fn suspend(&mut self, now: Instant) {
        self.settle(now);
        for port in &mut self.ports {
            port.bus_suspended(now);
        }
    }
    fn resume(&mut self, now: Instant) {
        self.settle(now);
        for port in &mut self.ports {
            port.bus_resumed(now);
        }
    }
    /// USB 2.0 11.9: so does whatever happened at a port, a plug for instance.
    fn signals_wake(&mut self, _now: Instant) -> bool {
        self.changes() != 0
    }
}
