//! Hubs, of USB 2 and of USB 3.

mod descriptors;
mod downstream;
mod function;
mod usb2_port;
mod usb3_descriptors;
mod usb3_port;

use crate::Peripheral;
use function::{Generation, HubFunction};
use sim_time::Instant;
use thiserror::Error;
use usb_spec::Speed;
use xhci_model::{Device, DeviceAddress, Handshake, InReply, Token};

/// The most ports of a hub: what a nibble of an xHCI Route String can name.
pub const MAX_PORTS: u8 = 15;

/// A port of a hub, from 1 on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct HubPort(pub u8);

/// A hub that can't be made, or a port that can't be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum HubError {
    /// A number of ports outside 1 to [`MAX_PORTS`].
    #[error("a hub of {0} ports; 1 to {MAX_PORTS} are possible")]
    PortCount(u8),
    /// No such port.
    #[error("the hub has no port {port}, only 1 to {ports}")]
    NoPort {
        /// The port asked for.
        port: u8,
        /// The number of ports.
        ports: u8,
    },
    /// Something is plugged in there.
    #[error("port {0} of the hub is occupied")]
    Occupied(u8),
    /// A device that does not speak on the hub's bus.
    #[error("a {0} device does not fit into this hub")]
    Speed(Speed),
}

/// A hub, and the devices plugged into it: a high-speed one with a single transaction translator, or a SuperSpeed one.
///
/// A USB 3 hub that one can buy is both, side by side at the two ports of a socket. It shows the host what is behind
/// its enabled ports; what a full-speed device says there is translated by the controller's model.
pub struct Hub {
    upstream: Peripheral<HubFunction>,
}

impl Hub {
    /// A high-speed hub of four ports.
    pub fn new() -> Self {
        Self::of(Generation::Usb2, 4)
    }
    /// A high-speed hub of `ports` ports.
    ///
    /// # Errors
    /// [`HubError::PortCount`] beyond [`MAX_PORTS`], or for none.
    pub fn with_ports(ports: u8) -> Result<Self, HubError> {
        checked(ports).map(|ports| Self::of(Generation::Usb2, ports))
    }
    /// A SuperSpeed hub of `ports` ports.
    ///
    /// # Errors
    /// [`HubError::PortCount`] beyond [`MAX_PORTS`], or for none.
    pub fn super_speed(ports: u8) -> Result<Self, HubError> {
        checked(ports).map(|ports| Self::of(Generation::Usb3, ports))
    }
    /// The number of ports.
    pub fn ports(&self) -> u8 {
        self.upstream.function().port_count()
    }
    /// The hub's own address.
    pub const fn address(&self) -> DeviceAddress {
        self.upstream.address()
    }
    /// Plugs a device in.
    ///
    /// # Errors
    /// [`HubError::NoPort`], [`HubError::Occupied`] and [`HubError::Speed`]; the device is dropped.
    pub fn attach(&mut self, now: Instant, port: HubPort, device: Box<dyn Device>) -> Result<(), HubError> {
        let ports = self.ports();
        if device.speed().is_super() != self.speed().is_super() {
            return Err(HubError::Speed(device.speed()));
        }
        let function = self.upstream.function_mut();
        function.settle(now);
        let attached = function.attach(now, port.0, device);
        attached.ok_or(HubError::NoPort { port: port.0, ports })?.map_err(|_| HubError::Occupied(port.0))
    }
    /// Unplugs what is in a port.
    pub fn detach(&mut self, now: Instant, port: HubPort) -> Option<Box<dyn Device>> {
        let function = self.upstream.function_mut();
        function.settle(now);
        function.port_mut(port.0)?.detach()
    }
    /// What is plugged into a port.
    pub fn device(&self, port: HubPort) -> Option<&dyn Device> {
        self.upstream.function().port(port.0)?.device()
    }
    /// What is plugged into a port, to be changed.
    pub fn device_mut(&mut self, port: HubPort) -> Option<&mut dyn Device> {
        self.upstream.function_mut().port_mut(port.0)?.device_mut()
    }

    fn of(generation: Generation, ports: u8) -> Self {
        Self { upstream: Peripheral::new(HubFunction::new(generation, ports)) }
    }
}

fn checked(ports: u8) -> Result<u8, HubError> {
    if (1..=MAX_PORTS).contains(&ports) { Ok(ports) } else { Err(HubError::PortCount(ports)) }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl Device for Hub {
    fn speed(&self) -> Speed {
        self.upstream.speed()
    }
    fn bus_reset(&mut self, now: Instant) {
        self.upstream.bus_reset(now);
    }
    fn setup(&mut self, now: Instant, address: DeviceAddress, packet: &[u8; 8]) -> Handshake {
        self.upstream.setup(now, address, packet)
    }
    fn out_packet(&mut self, now: Instant, token: Token, data: &[u8]) -> Handshake {
        self.upstream.out_packet(now, token, data)
    }
    fn in_packet(&mut self, now: Instant, token: Token, buffer: &mut [u8]) -> InReply {
        self.upstream.in_packet(now, token, buffer)
    }
    fn suspend(&mut self, now: Instant) {
        self.upstream.suspend(now);
    }
    fn resume(&mut self, now: Instant) {
        self.upstream.resume(now);
    }
    fn downstream(&mut self, now: Instant, port: u8, visit: &mut dyn FnMut(&mut dyn Device)) {
        if self.upstream.is_suspended() {
            return;
        }
        let function = self.upstream.function_mut();
        function.settle(now);
        if let Some(device) = function.port_mut(port).and_then(|port| port.repeats_to()) {
            visit(device);
        }
    }
    /// USB 2.0 11.9: a suspended hub passes resume signalling on whether or not it may wake the host itself; an
    /// awake one lets the port resume. Of its own, it wakes the host by a change at a port if it may.
    fn signals_wake(&mut self, now: Instant) -> bool {
        let asleep = self.upstream.is_suspended();
        let function = self.upstream.function_mut();
        function.settle(now);
        let passes_on = function.wake_ports(now) && asleep;
        passes_on || self.upstream.signals_wake(now)
    }
}
