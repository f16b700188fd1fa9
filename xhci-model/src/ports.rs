//! Root hub ports: PORTSC and what happens behind it (xHCI 4.19, 5.4.8).

use crate::agenda::Task;
use crate::core::Core;
use crate::device::Device;
use crate::event::Event;
use crate::profile::Profile;
use sim_time::{Duration, Instant};
use thiserror::Error;
use usb_spec::Speed;
use xhci_spec::registers::port::Portsc;
use xhci_spec::{PortId, PortLinkState, Psiv};

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

/// How the device behind a port can be reached.
pub(crate) enum Link<'a> {
    Active(&'a mut dyn Device),
    /// The port is suspended or resuming: traffic waits (XFR-31).
    Suspended,
    /// Nothing answers.
    Dead,
}

/// What a port's deadline ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Reset,
    WarmReset,
    Training,
    Resume,
}

pub(crate) struct Port {
    id: PortId,
    protocol: Protocol,
    portsc: Portsc,
    pub(crate) portpmsc: u32,
    device: Option<Box<dyn Device>>,
    phase: Option<(Phase, Instant)>,
    /// A Port Status Change event is to be written (PRT-58).
    event_due: bool,
}

impl Port {
    fn new(id: PortId, protocol: Protocol) -> Self {
        Self { id, protocol, portsc: empty(), portpmsc: 0, device: None, phase: None, event_due: false }
    }

    pub(crate) fn read(&self) -> u32 {
        self.portsc.into_bits()
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// PORTSC.Speed: undefined while no device is enabled here.
    pub(crate) fn speed(&self) -> Psiv {
        self.portsc.speed()
    }

    pub(crate) fn device(&self) -> Option<&dyn Device> {
        self.device.as_deref()
    }

    pub(crate) fn device_mut(&mut self) -> Option<&mut (dyn Device + 'static)> {
        self.device.as_deref_mut()
    }

    pub(crate) fn link(&mut self) -> Link<'_> {
        let (pls, enabled) = (self.portsc.pls(), self.portsc.ped() && !self.portsc.pr());
        match self.device.as_deref_mut() {
            Some(device) if enabled => match pls {
                PortLinkState::U0 | PortLinkState::U1 | PortLinkState::U2 => Link::Active(device),
                PortLinkState::U3 | PortLinkState::RESUME | PortLinkState::RECOVERY => Link::Suspended,
                _ => Link::Dead,
            },
            _ => Link::Dead,
        }
    }

    fn attach(&mut self, device: Box<dyn Device>, now: Instant, core: &mut Core) -> Result<(), AttachError> {
        let port = self.id;
        if self.device.is_some() {
            return Err(AttachError::Occupied { port });
        }
        let speed = device.speed();
        if (self.protocol == Protocol::Usb3) != matches!(speed, Speed::Super | Speed::SuperPlus) {
            return Err(AttachError::Speed { port, speed, protocol: self.protocol });
        }
        self.device = Some(device);
        self.detect(now, core);
        Ok(())
    }

    fn detach(&mut self, now: Instant, core: &mut Core) -> Option<Box<dyn Device>> {
        let device = self.device.take()?;
        self.phase = None;
        let was_connected = self.portsc.ccs();
        self.portsc = off(self.portsc).with_pls(PortLinkState::RX_DETECT);
        if was_connected {
            // PRT-17, PRT-28: only CSC tells of it.
            self.change(|portsc| portsc.with_csc(true), now, core);
        }
        Some(device)
    }

    /// A device is seen: USB 2 by its pull-up at once (PRT-16), USB 3 when the link has trained (PRT-27).
    fn detect(&mut self, now: Instant, core: &mut Core) {
        if !self.portsc.pp() || self.device.is_none() {
            return;
        }
        match self.protocol {
            Protocol::Usb2 => {
                self.portsc = self.portsc.with_ccs(true).with_pls(PortLinkState::POLLING);
                self.change(|portsc| portsc.with_csc(true), now, core);
            }
            Protocol::Usb3 => {
                self.portsc = self.portsc.with_pls(PortLinkState::POLLING);
                let takes = core.latency(|all| all.usb3_training);
                self.begin(Phase::Training, takes, now, core);
            }
        }
    }

    fn begin(&mut self, phase: Phase, takes: Duration, now: Instant, core: &mut Core) {
        self.phase = Some((phase, now + takes));
        core.agenda.push(now + takes, Task::Port(self.id));
    }

    /// Sets change bits; the first of them makes an event (PRT-58).
    fn change(&mut self, set: impl FnOnce(Portsc) -> Portsc, now: Instant, core: &mut Core) {
        let had_changes = self.portsc.has_changes();
        self.portsc = set(self.portsc);
        core.log.record(now, Event::Port { port: self.id, portsc: self.read() });
        if !had_changes {
            core.status.set_pcd(true);
            self.event_due = true;
            core.agenda.push(now, Task::Port(self.id));
        }
    }

    /// The port's deadline, or an event that is due.
    pub(crate) fn service(&mut self, now: Instant, core: &mut Core) {
        if let Some((phase, at)) = self.phase
            && at <= now
        {
            self.phase = None;
            self.end(phase, now, core);
        }
    }

    /// Whether a Port Status Change event is to be written.
    pub(crate) fn owes_event(&self) -> bool {
        self.event_due
    }

    /// The Port Status Change event is written.
    pub(crate) fn event_written(&mut self) {
        self.event_due = false;
    }

    /// There is room for the event again (EVR-14), if software has not cleared the changes meanwhile.
    pub(crate) fn look_again(&mut self, now: Instant, core: &mut Core) {
        self.event_due &= self.portsc.has_changes();
        if self.event_due {
            core.agenda.push(now, Task::Port(self.id));
        }
    }

    fn end(&mut self, phase: Phase, now: Instant, core: &mut Core) {
        if phase == Phase::Resume {
            self.portsc = self.portsc.with_pls(PortLinkState::U0);
            if let Some(device) = &mut self.device {
                device.resume(now);
            }
            self.change(|portsc| portsc.with_plc(true), now, core);
            return;
        }
        let Some(device) = &mut self.device else {
            self.portsc = off(self.portsc).with_pls(PortLinkState::RX_DETECT);
            return;
        };
        device.bus_reset(now);
        let speed = psiv(device.speed());
        self.portsc = self
            .portsc
            .with_ccs(true)
            .with_ped(true)
            .with_pr(false)
            .with_pls(PortLinkState::U0)
            .with_speed(speed);
        self.change(
            |portsc| match phase {
                Phase::Training => portsc.with_csc(true),
                Phase::WarmReset => portsc.with_prc(true).with_wrc(true),
                Phase::Reset | Phase::Resume => portsc.with_prc(true),
            },
            now,
            core,
        );
    }

    /// Software writes PORTSC (PRT-01 to PRT-14).
    pub(crate) fn write(&mut self, value: Portsc, now: Instant, core: &mut Core) {
        let cleared = self.portsc.into_bits() & !value.changes().into_bits();
        self.portsc =
            Portsc::from_bits(cleared).with_wce(value.wce()).with_wde(value.wde()).with_woe(value.woe());
        if value.pp() != self.portsc.pp() {
            self.power(value.pp(), now, core);
        }
        // PRT-04: the rest needs a running controller.
        if !self.portsc.pp() || core.status.hch() {
            return;
        }
        if value.wpr() && self.protocol == Protocol::Usb3 {
            let takes = core.latency(|all| all.usb3_warm_reset);
            self.reset(Phase::WarmReset, takes, now, core);
        } else if value.pr() {
            let takes = core.latency(|all| match self.protocol {
                Protocol::Usb2 => all.usb2_port_reset,
                Protocol::Usb3 => all.usb3_hot_reset,
            });
            self.reset(Phase::Reset, takes, now, core);
        } else if value.ped() && self.portsc.ped() {
            // PRT-19, PRT-31: writing 1 disables, and nothing reports it.
            self.disable();
        } else if value.lws() {
            self.set_link_state(value.pls(), now, core);
        }
    }

    /// PRT-14, PRT-18: an empty port does not reset.
    fn reset(&mut self, phase: Phase, takes: Duration, now: Instant, core: &mut Core) {
        if self.device.is_none() || (phase == Phase::Reset && !self.portsc.ccs()) {
            return;
        }
        self.portsc = self.portsc.with_pr(true);
        if self.protocol == Protocol::Usb2 {
            self.portsc = self.portsc.with_ped(false).with_speed(Psiv::UNDEFINED);
        }
        self.begin(phase, takes, now, core);
    }

    fn disable(&mut self) {
        self.portsc = match self.protocol {
            Protocol::Usb2 => self.portsc.with_ped(false).with_pls(PortLinkState::POLLING),
            Protocol::Usb3 => off(self.portsc).with_pls(PortLinkState::DISABLED),
        };
    }

    fn set_link_state(&mut self, wanted: PortLinkState, now: Instant, core: &mut Core) {
        let current = self.portsc.pls();
        match wanted {
            // PRT-13, PRT-20, PRT-32
            PortLinkState::U3 if self.portsc.ped() && !self.portsc.pr() && current.0 < 3 => {
                self.portsc = self.portsc.with_pls(PortLinkState::U3);
                if let Some(device) = &mut self.device {
                    device.suspend(now);
                }
            }
            // PRT-21: software holds the resume signal and ends it by writing U0.
            PortLinkState::RESUME if self.protocol == Protocol::Usb2 && current == PortLinkState::U3 => {
                self.portsc = self.portsc.with_pls(PortLinkState::RESUME);
            }
            PortLinkState::U0 if matches!(current, PortLinkState::U3 | PortLinkState::RESUME) => {
                let takes = core.latency(|all| all.port_resume);
                self.begin(Phase::Resume, takes, now, core);
            }
            PortLinkState::RX_DETECT if current == PortLinkState::DISABLED => self.detect(now, core),
            _ => {}
        }
    }

    /// PRT-41: what software causes makes no change bits.
    fn power(&mut self, on: bool, now: Instant, core: &mut Core) {
        self.phase = None;
        self.portsc = off(self.portsc).with_pp(on).with_pls(match (on, self.protocol) {
            (false, Protocol::Usb3) => PortLinkState::DISABLED,
            _ => PortLinkState::RX_DETECT,
        });
        self.detect(now, core);
    }

    /// OPR-16: back to the initial state, and whatever is attached is seen again.
    pub(crate) fn controller_reset(&mut self, now: Instant, core: &mut Core) {
        self.portsc = empty();
        self.portpmsc = 0;
        self.phase = None;
        self.event_due = false;
        self.detect(now, core);
    }

    /// Puts what the port waits for on the agenda again, after that was cleared.
    pub(crate) fn arm(&mut self, now: Instant, core: &mut Core) {
        if let Some((_, at)) = self.phase {
            core.agenda.push(at.max(now), Task::Port(self.id));
        }
        if self.event_due {
            core.agenda.push(now, Task::Port(self.id));
        }
    }

    /// PRT-60: a change from before the start is reported now.
    pub(crate) fn controller_started(&mut self, now: Instant, core: &mut Core) {
        if self.portsc.has_changes() {
            self.event_due = true;
            core.agenda.push(now, Task::Port(self.id));
        }
    }
}

/// PRT-05: powered, nothing attached.
fn empty() -> Portsc {
    Portsc::new().with_pp(true).with_pls(PortLinkState::RX_DETECT)
}

/// Without connection, enable, reset and speed.
fn off(portsc: Portsc) -> Portsc {
    portsc.with_ccs(false).with_ped(false).with_pr(false).with_speed(Psiv::UNDEFINED)
}

fn psiv(speed: Speed) -> Psiv {
    match speed {
        Speed::Low => Psiv::LOW,
        Speed::Full => Psiv::FULL,
        Speed::High => Psiv::HIGH,
        Speed::Super => Psiv::SUPER,
        Speed::SuperPlus => Psiv::SUPER_PLUS,
    }
}

/// All root hub ports, USB 2 first.
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
        let ports = numbers.filter_map(|(number, protocol)| Some(Port::new(PortId::new(number)?, protocol)));
        Self { ports: ports.collect(), usb2, gap: profile.port_gap }
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
        port: PortId,
        device: Box<dyn Device>,
        now: Instant,
        core: &mut Core,
    ) -> Result<(), AttachError> {
        self.get_mut(port).ok_or(AttachError::NoPort { port })?.attach(device, now, core)
    }

    pub(crate) fn detach(&mut self, port: PortId, now: Instant, core: &mut Core) -> Option<Box<dyn Device>> {
        self.get_mut(port)?.detach(now, core)
    }
}

impl core::fmt::Debug for Port {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Port").field("id", &self.id).field("portsc", &self.portsc).finish_non_exhaustive()
    }
}

impl core::fmt::Debug for Ports {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(&self.ports).finish()
    }
}
