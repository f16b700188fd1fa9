//! Root hub ports: the port registers and what happens behind them (xHCI 4.15, 4.19, 5.4.8 to 5.4.11).
//!
//! PORTSC is the state of a port's state machine: what is not visible there is the deadline of the transition
//! under way. `port` has what both protocols share, `orders` what software writes, `usb2` and `usb3` the two
//! machines, `changes` the change bits and their event, `link_power` the link power management, `wake` what happens
//! while the controller sleeps.

mod changes;
mod connector;
mod fault;
mod link_power;
mod orders;
mod port;
mod usb2;
mod usb3;
mod wake;

pub use fault::PortFault;
pub(crate) use port::{Link, Port};
pub use wake::PowerState;

use crate::core::Core;
use crate::device::{Device, DeviceAddress};
use crate::profile::Profile;
use sim_time::Instant;
use thiserror::Error;
use usb_spec::Speed;
use xhci_spec::PortId;
use xhci_spec::registers::port::Portsc;

/// The protocol of a root hub port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// Low, full and high speed.
    Usb2,
    /// SuperSpeed and faster.
    Usb3,
}

/// A device that cannot be attached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum AttachError {
    /// The controller has no port of that number.
    #[error("there is no port {port}")]
    NoPort {
        /// What was asked for.
        port: PortId,
    },
    /// Something is attached there.
    #[error("port {port} is occupied")]
    Occupied {
        /// What was asked for.
        port: PortId,
    },
    /// The device's speed is not one of the port's protocol.
    #[error("a device of {speed:?} speed does not fit port {port}, which is {protocol:?}")]
    Speed {
        /// What was asked for.
        port: PortId,
        /// The device's speed.
        speed: Speed,
        /// The port's protocol.
        protocol: Protocol,
    },
}

/// All root hub ports, USB 2 first.
#[derive(Debug)]
pub(crate) struct Ports {
    ports: Vec<Port>,
    usb2: u8,
    /// CAP-04: so many numbers behind the USB 2 ports are no ports.
    gap: u8,
}

impl Ports {
    pub(crate) fn new(profile: &Profile) -> Self {
        let (usb2, first_usb3) = (profile.usb2_ports, profile.first_usb3_port());
        let usb3 = first_usb3..=first_usb3.saturating_sub(1).saturating_add(profile.usb3_ports);
        let numbers = (1..=usb2).map(|number| (number, Protocol::Usb2));
        let numbers = numbers.chain(usb3.map(|number| (number, Protocol::Usb3)));
        let ports =
            numbers.filter_map(|(number, protocol)| Some(Port::new(PortId::new(number)?, protocol, profile)));
        Self { ports: ports.collect(), usb2, gap: profile.port_gap }
    }

    /// A copy of the state of all ports, with nothing plugged in.
    pub(crate) fn without_devices(&self) -> Self {
        Self { ports: self.ports.iter().map(Port::without_device).collect(), usb2: self.usb2, gap: self.gap }
    }

    /// The devices, port by port, taken out unseen.
    pub(crate) fn take_devices(&mut self) -> Vec<Option<Box<dyn Device>>> {
        self.ports.iter_mut().map(|port| port.device.take()).collect()
    }

    /// Puts devices back where [`take_devices`](Self::take_devices) took them.
    pub(crate) fn give_devices(&mut self, devices: Vec<Option<Box<dyn Device>>>) {
        for (port, device) in self.ports.iter_mut().zip(devices) {
            port.device = device;
        }
    }

    #[inline]
    fn index(&self, id: PortId) -> Option<usize> {
        let gap = if id.get() <= self.usb2 { 0 } else { self.gap };
        (id.get() <= self.usb2 || id.get().saturating_sub(gap) > self.usb2)
            .then(|| id.index().saturating_sub(gap.into()))
    }

    pub(crate) fn get(&self, id: PortId) -> Option<&Port> {
        self.ports.get(self.index(id)?)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: PortId) -> Option<&mut Port> {
        let index = self.index(id)?;
        self.ports.get_mut(index)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Port> {
        self.ports.iter_mut()
    }

    pub(crate) fn attach(
        &mut self,
        id: PortId,
        device: Box<dyn Device>,
        now: Instant,
        core: &mut Core,
    ) -> Result<(), AttachError> {
        let occupied = self.device(id).is_some() || self.get(id).is_some_and(Port::is_occupied);
        let port = self.get_mut(id).ok_or(AttachError::NoPort { port: id })?;
        if occupied {
            return Err(AttachError::Occupied { port: id });
        }
        port.attach(device, now, core)?;
        self.settle_connector(id, now, core);
        Ok(())
    }

    pub(crate) fn detach(&mut self, id: PortId, now: Instant, core: &mut Core) -> Option<Box<dyn Device>> {
        let holder = self.holder(id)?;
        self.get_mut(holder)?.detach(now, core)
    }

    pub(crate) fn device(&self, id: PortId) -> Option<&dyn Device> {
        self.get(self.holder(id)?)?.device()
    }

    pub(crate) fn device_mut(&mut self, id: PortId) -> Option<&mut (dyn Device + 'static)> {
        let holder = self.holder(id)?;
        self.get_mut(holder)?.device_mut()
    }

    pub(crate) fn write_portsc(&mut self, id: PortId, value: Portsc, now: Instant, core: &mut Core) {
        if let Some(port) = self.get_mut(id) {
            port.write(value, now, core);
            self.settle_connector(id, now, core);
        }
    }

    /// A port's deadline. An LPM token goes to `lpm_target`.
    pub(crate) fn service(
        &mut self,
        id: PortId,
        lpm_target: Option<DeviceAddress>,
        now: Instant,
        core: &mut Core,
    ) {
        if let Some(port) = self.get_mut(id) {
            port.service(lpm_target, now, core);
            self.settle_connector(id, now, core);
        }
    }

    pub(crate) fn fault(&mut self, id: PortId, fault: PortFault, now: Instant, core: &mut Core) {
        if let Some(port) = self.get_mut(id) {
            port.fault(fault, now, core);
            self.settle_connector(id, now, core);
        }
    }

    /// OPR-16: every port goes back to its initial state, and sees again what is attached.
    pub(crate) fn controller_reset(&mut self, now: Instant, core: &mut Core) {
        let lent: Vec<_> = self.ports.iter_mut().filter_map(Port::take_lent).collect();
        for (owner, device) in lent {
            if let Some(port) = self.get_mut(owner) {
                port.device = Some(device);
            }
        }
        self.ports.iter_mut().for_each(|port| port.controller_reset(now, core));
    }

    /// The agenda was cleared: what the ports wait for goes there again.
    pub(crate) fn rearm(&mut self, now: Instant, core: &mut Core) {
        self.ports.iter_mut().for_each(|port| port.rearm(now, core));
    }

    /// PRT-60: changes from before the start are reported now, in the order of the ports.
    pub(crate) fn controller_started(&mut self, now: Instant, core: &mut Core) {
        self.ports.iter_mut().for_each(|port| port.controller_started(now, core));
    }
}
