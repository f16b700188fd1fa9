//! A port: its registers, its device, and what both protocols do alike.

use super::changes::Reporting;
use super::fault::Defects;
use super::link_power::LinkPower;
use super::{AttachError, Protocol};
use crate::agenda::Task;
use crate::core::Core;
use crate::device::{Device, DeviceAddress};
use crate::profile::Profile;
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_spec::registers::port::Portsc;
use xhci_spec::{PortId, PortLinkState, Psiv};

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
pub(super) enum Phase {
    /// Power was switched on, and is good at the deadline.
    PowerGood,
    /// Bus reset of a USB 2 port, hot reset of a USB 3 port.
    Reset,
    WarmReset,
    /// A USB 3 link trains.
    Training,
    /// A USB 3 link gives up to train.
    PollingTimeout,
    /// The link is on its way into U3.
    Suspend,
    /// The link is on its way from U3 to U0.
    Resume,
    /// Resume signalling of the device is being recognised.
    Wake,
    /// The LPM token of a USB 2 port is on the wire.
    L1Request,
    /// A USB 2 port leaves L1.
    L1Exit,
    /// A USB 3 link retrains after an error.
    Recovery,
    /// A USB 3 link retrains after an error, and will not come back.
    Failing,
}

pub(crate) struct Port {
    pub(super) id: PortId,
    pub(super) protocol: Protocol,
    pub(super) portsc: Portsc,
    pub(super) link_power: LinkPower,
    pub(super) device: Option<Box<dyn Device>>,
    /// The USB 3 port of the same socket whose device this is (PRT-42).
    lent_by: Option<PortId>,
    phase: Option<(Phase, Instant)>,
    /// The earliest look at this port on the agenda.
    armed: Option<Instant>,
    pub(super) reporting: Reporting,
    pub(super) defects: Defects,
    /// A USB 3 link came up since power-on (PRT-35).
    pub(super) has_trained: bool,
    /// Software permitted compliance mode (PRT-35).
    pub(super) compliance_permitted: bool,
    /// When software began to signal resume (PRT-21).
    pub(super) resume_began: Instant,
    non_removable: bool,
}

impl Port {
    pub(super) fn new(id: PortId, protocol: Protocol, profile: &Profile) -> Self {
        let mut port = Self {
            id,
            protocol,
            portsc: Portsc::new(),
            link_power: LinkPower::default(),
            device: None,
            lent_by: None,
            phase: None,
            armed: None,
            reporting: Reporting::default(),
            defects: Defects::default(),
            has_trained: false,
            compliance_permitted: false,
            resume_began: Instant::ZERO,
            non_removable: profile.non_removable_ports.contains(&id),
        };
        port.initialise();
        if profile.policy.ports_start_without_power {
            port.portsc = port.portsc.with_pp(false).with_pls(port.powered_off_state());
        }
        port
    }

    pub(super) fn without_device(&self) -> Self {
        Self {
            id: self.id,
            protocol: self.protocol,
            portsc: self.portsc,
            link_power: self.link_power.clone(),
            device: None,
            lent_by: self.lent_by,
            phase: self.phase,
            armed: self.armed,
            reporting: self.reporting.clone(),
            defects: self.defects.clone(),
            has_trained: self.has_trained,
            compliance_permitted: self.compliance_permitted,
            resume_began: self.resume_began,
            non_removable: self.non_removable,
        }
    }

    /// PRT-05: powered, nothing seen yet.
    fn initialise(&mut self) {
        self.portsc =
            Portsc::new().with_pp(true).with_pls(PortLinkState::RX_DETECT).with_dr(self.non_removable);
        self.link_power = LinkPower::default();
        self.phase = None;
        self.has_trained = false;
        self.compliance_permitted = false;
        self.forget_changes();
    }

    /// PORTSC.Speed: undefined while no device is enabled here.
    pub(crate) fn speed(&self) -> Psiv {
        self.portsc.speed()
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(super) fn link_state(&self) -> PortLinkState {
        self.portsc.pls()
    }

    pub(crate) fn read(&self) -> u32 {
        self.portsc.into_bits()
    }

    pub(super) fn device(&self) -> Option<&dyn Device> {
        self.device.as_deref()
    }

    pub(super) fn device_mut(&mut self) -> Option<&mut (dyn Device + 'static)> {
        self.device.as_deref_mut()
    }

    pub(super) fn is_occupied(&self) -> bool {
        self.device.is_some()
    }

    pub(super) fn lent_by(&self) -> Option<PortId> {
        self.lent_by
    }

    pub(crate) fn link(&mut self) -> Link<'_> {
        let (pls, enabled) = (self.portsc.pls(), self.portsc.ped() && !self.portsc.pr());
        let moving = self.phase.is_some();
        match self.device.as_deref_mut() {
            Some(device) if enabled => match pls {
                // An LPM token and its answer are a transaction between others; what leaves U0 stays quiet.
                PortLinkState::U0 if !moving => Link::Active(device),
                PortLinkState::U0
                | PortLinkState::U1
                | PortLinkState::U2
                | PortLinkState::U3
                | PortLinkState::RESUME
                | PortLinkState::RECOVERY => Link::Suspended,
                _ => Link::Dead,
            },
            _ => Link::Dead,
        }
    }

    pub(super) fn attach(
        &mut self,
        device: Box<dyn Device>,
        now: Instant,
        core: &mut Core,
    ) -> Result<(), AttachError> {
        let (port, protocol, speed) = (self.id, self.protocol, device.speed());
        if (protocol == Protocol::Usb3) != speed.is_super() {
            return Err(AttachError::Speed { port, speed, protocol });
        }
        self.place(device, None, now, core);
        Ok(())
    }

    pub(super) fn place(
        &mut self,
        device: Box<dyn Device>,
        lent_by: Option<PortId>,
        now: Instant,
        core: &mut Core,
    ) {
        self.device = Some(device);
        self.lent_by = lent_by;
        self.detect(now, core);
    }

    /// The device and whose it is, without anybody seeing it.
    pub(super) fn take_lent(&mut self) -> Option<(PortId, Box<dyn Device>)> {
        let owner = self.lent_by.take()?;
        Some((owner, self.device.take()?))
    }

    /// A device that leaves a port that does not see it.
    pub(super) fn give_up(&mut self) -> Option<Box<dyn Device>> {
        self.device.as_ref()?.usb2_speed()?;
        self.device.take()
    }

    /// PRT-17, PRT-28: only CSC tells of it.
    pub(super) fn detach(&mut self, now: Instant, core: &mut Core) -> Option<Box<dyn Device>> {
        let device = self.device.take()?;
        self.lent_by = None;
        let seen = self.portsc.ccs() || self.portsc.cas();
        let listens = self.portsc.pls() != PortLinkState::DISABLED;
        if self.portsc.pp() && listens && self.phase() != Some(Phase::PowerGood) {
            self.phase = None;
            self.portsc = off(self.portsc).with_pls(PortLinkState::RX_DETECT);
        }
        if seen {
            self.change(Portsc::new().with_csc(true), now, core);
        }
        Some(device)
    }

    /// A powered port that waits for a device looks whether there is one: USB 2 sees its pull-up at once (PRT-16),
    /// USB 3 when the link has trained (PRT-27).
    pub(super) fn detect(&mut self, now: Instant, core: &mut Core) {
        let waits = self.portsc.pp() && self.portsc.pls() == PortLinkState::RX_DETECT && self.phase.is_none();
        if !waits || self.device.is_none() {
            return;
        }
        self.portsc = self.portsc.with_pls(PortLinkState::POLLING);
        match self.protocol {
            Protocol::Usb2 => {
                self.portsc = self.portsc.with_ccs(true);
                self.change(Portsc::new().with_csc(true), now, core);
            }
            Protocol::Usb3 => self.train(now, core),
        }
    }

    /// Puts a look at this port on the agenda, once.
    pub(super) fn arm(&mut self, at: Instant, core: &mut Core) {
        if self.armed.is_none_or(|armed| armed > at) {
            self.armed = Some(at);
            core.agenda.push(at, Task::Port(self.id));
        }
    }

    /// The agenda was cleared.
    pub(super) fn rearm(&mut self, now: Instant, core: &mut Core) {
        self.armed = None;
        if let Some((_, at)) = self.phase {
            self.arm(at.max(now), core);
        }
        if self.portsc.has_changes() {
            self.arm(now, core);
        }
    }

    pub(super) fn begin(&mut self, phase: Phase, takes: Duration, now: Instant, core: &mut Core) {
        self.phase = Some((phase, now + takes));
        self.arm(now + takes, core);
    }

    pub(super) fn cancel(&mut self) {
        self.phase = None;
    }

    pub(super) fn phase(&self) -> Option<Phase> {
        self.phase.map(|(phase, _)| phase)
    }

    /// The port's deadline. An LPM token goes to `lpm_target`.
    pub(super) fn service(&mut self, lpm_target: Option<DeviceAddress>, now: Instant, core: &mut Core) {
        if self.armed.is_some_and(|armed| armed <= now) {
            self.armed = None;
        }
        match self.phase {
            Some((phase, at)) if at <= now => {
                self.phase = None;
                self.end(phase, lpm_target, now, core);
            }
            Some((_, at)) => self.arm(at, core),
            None => {}
        }
        self.settle_changes(core);
    }

    fn end(&mut self, phase: Phase, lpm_target: Option<DeviceAddress>, now: Instant, core: &mut Core) {
        match phase {
            Phase::PowerGood => self.detect(now, core),
            Phase::Suspend => self.suspended(now, core),
            Phase::Resume => self.resumed(now, core),
            Phase::Wake => self.woken(now, core),
            Phase::Reset if self.protocol == Protocol::Usb2 => {
                self.come_up(Portsc::new().with_prc(true), now, core);
            }
            Phase::L1Request => self.end_l1_request(lpm_target, now, core),
            Phase::L1Exit => self.end_l1(now, core),
            _ => self.end_usb3(phase, now, core),
        }
    }

    /// The port is enabled and its device in the default state, as `changes` tell.
    pub(super) fn come_up(&mut self, changes: Portsc, now: Instant, core: &mut Core) {
        let lent = self.lent_by.is_some();
        let Some(device) = &mut self.device else { return };
        let speed = if lent { device.usb2_speed() } else { None }.unwrap_or_else(|| device.speed());
        device.connected_at(speed);
        device.bus_reset(now);
        self.portsc = self
            .portsc
            .with_ccs(true)
            .with_ped(true)
            .with_pr(false)
            .with_pls(PortLinkState::U0)
            .with_speed(psiv(speed));
        self.change(changes, now, core);
    }

    /// PRT-20, PRT-32: silent, unless software asked to be told (CONFIG.U3E).
    fn suspended(&mut self, now: Instant, core: &mut Core) {
        self.portsc = self.portsc.with_pls(PortLinkState::U3);
        if let Some(device) = &mut self.device {
            device.suspend(now);
        }
        if core.u3_entry {
            self.change(Portsc::new().with_plc(true), now, core);
        }
    }

    /// PRT-21, PRT-33
    fn resumed(&mut self, now: Instant, core: &mut Core) {
        self.portsc = self.portsc.with_pls(PortLinkState::U0);
        if let Some(device) = &mut self.device {
            device.resume(now);
        }
        self.change(Portsc::new().with_plc(true), now, core);
    }

    pub(super) fn power_off(&mut self) {
        self.phase = None;
        self.has_trained = false;
        self.compliance_permitted = false;
        // PRT-36
        self.link_power = LinkPower::default();
        self.portsc = off(self.portsc).with_pp(false).with_pls(self.powered_off_state());
    }

    /// PRT-06: what PLS reads without power.
    fn powered_off_state(&self) -> PortLinkState {
        match self.protocol {
            Protocol::Usb2 => PortLinkState::RX_DETECT,
            Protocol::Usb3 => PortLinkState::DISABLED,
        }
    }

    /// OPR-16: back to the initial state, and whatever is attached is seen again.
    pub(super) fn controller_reset(&mut self, now: Instant, core: &mut Core) {
        // The agenda was cleared.
        self.armed = None;
        let over_current = self.portsc.oca();
        self.initialise();
        self.portsc.set_oca(over_current);
        if over_current {
            self.power_off();
        }
        self.detect(now, core);
    }
}

/// Without connection, enable, reset and speed.
pub(super) fn off(portsc: Portsc) -> Portsc {
    portsc.with_ccs(false).with_ped(false).with_pr(false).with_speed(Psiv::UNDEFINED).with_cas(false)
}

/// The Disabled state of a USB 2 port: connected, deaf.
pub(super) fn disabled_usb2(portsc: Portsc) -> Portsc {
    portsc.with_ped(false).with_pls(PortLinkState::POLLING).with_speed(Psiv::UNDEFINED)
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

impl core::fmt::Debug for Port {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Port").field("id", &self.id).field("portsc", &self.portsc).finish_non_exhaustive()
    }
}
