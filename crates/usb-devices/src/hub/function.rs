//! The hub's own function: class requests and the status-change endpoint (USB 2.0 11.12.4, 11.24).

use super::descriptors;
use super::port::Port;
use crate::Descriptors;
use crate::function::{Function, Reply, RequestError, reply_with};
use sim_time::Instant;
use usb_spec::hub::{CLEAR_TT_BUFFER, PortFeature, RESET_TT};
use usb_spec::setup::standard::{CLEAR_FEATURE, GET_DESCRIPTOR, GET_STATUS, SET_FEATURE};
use usb_spec::{Recipient, RequestKind, SetupPacket, Speed};
use xhci_model::Handshake;

/// `bRequest` GET_TT_STATE is 10, and not supported; STOP_TT ends it.
const STOP_TT: u8 = 11;
/// Features of the hub itself (USB 2.0 table 11-17).
const C_HUB_LOCAL_POWER: u16 = 0;
const C_HUB_OVER_CURRENT: u16 = 1;

/// The ports, and what a host can ask of them.
pub(super) struct HubFunction {
    ports: Vec<Port>,
    port_count: u8,
    /// The hub descriptor.
    descriptor: Vec<u8>,
    /// The first instant at which a port changes by itself.
    deadline: Option<Instant>,
}

impl HubFunction {
    pub(super) fn new(port_count: u8) -> Self {
        let ports = (0..port_count).map(|_| Port::new()).collect();
        Self { ports, port_count, descriptor: descriptors::hub(port_count).to_bytes(), deadline: None }
    }
    pub(super) const fn port_count(&self) -> u8 {
        self.port_count
    }
    pub(super) fn port(&self, number: u8) -> Option<&Port> {
        self.ports.get(usize::from(number).checked_sub(1)?)
    }
    pub(super) fn port_mut(&mut self, number: u8) -> Option<&mut Port> {
        self.ports.get_mut(usize::from(number).checked_sub(1)?)
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
        self.deadline = self.ports.iter().filter_map(Port::deadline).min();
    }
    fn port_of(&mut self, setup: &SetupPacket) -> Result<&mut Port, RequestError> {
        // The high byte is the selector of indicators and tests, which this hub has not.
        let number = u8::try_from(setup.index).map_err(|_| RequestError)?;
        self.port_mut(number).ok_or(RequestError)
    }
    fn set_port_feature(&mut self, now: Instant, setup: &SetupPacket) -> Result<(), RequestError> {
        let port = self.port_of(setup)?;
        match PortFeature(setup.value) {
            PortFeature::RESET => port.reset(now),
            PortFeature::SUSPEND => port.suspend(now),
            PortFeature::POWER => port.power_on(),
            _ => return Err(RequestError),
        }
        self.rearm();
        Ok(())
    }
    fn clear_port_feature(&mut self, now: Instant, setup: &SetupPacket) -> Result<(), RequestError> {
        let port = self.port_of(setup)?;
        match PortFeature(setup.value) {
            PortFeature::ENABLE => port.disable(),
            PortFeature::SUSPEND => port.resume(now),
            PortFeature::POWER => port.power_off(),
            change => port.clear_change(change).ok_or(RequestError)?,
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
        Speed::High
    }
    fn descriptors(&self) -> Descriptors {
        descriptors::all(self.port_count)
    }
    fn bus_reset(&mut self, _now: Instant) {}
    fn set_configuration(&mut self, now: Instant, _configured: bool) {
        self.settle(now);
        // USB 2.0 11.5.1.1, 11.5.1.2: unconfigured or just configured, the ports are without power.
        for port in &mut self.ports {
            port.power_off();
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
                reply_with(reply, [u16::from(status), u16::from(change)].map(u16::to_le_bytes).as_flattened())
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
            (SET_FEATURE, Recipient::Other) => self.set_port_feature(now, setup),
            (CLEAR_FEATURE, Recipient::Other) => self.clear_port_feature(now, setup),
            (CLEAR_FEATURE, Recipient::Device) => match setup.value {
                C_HUB_LOCAL_POWER | C_HUB_OVER_CURRENT => Ok(()),
                _ => Err(RequestError),
            },
            // No split transaction is ever under way in the translator.
            (CLEAR_TT_BUFFER | RESET_TT | STOP_TT, Recipient::Other) => Ok(()),
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
}
