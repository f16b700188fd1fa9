//! Suspending and resuming ports, buses and the controller (xHCI 4.15, 4.23).

use crate::controller::{Controller, HcState};
use crate::device::{Parent, VirtDevice};
use crate::error::BringUpError;
use crate::hub::HubKind;
use crate::transfer::{CONTROL_TIMEOUT, Data};
use offload_core::{Errno, HcResume, RootHub};
use sim_time::Duration;
use usb_spec::SetupPacket;
use usb_spec::hub::PortFeature;
use usb_spec::setup::standard::DEVICE_REMOTE_WAKEUP;
use xhci_spec::registers::port::Portsc;
use xhci_spec::{PortId, PortLinkState};

/// How long a root port signals resume: USB 2.0 TDRSMDN is 20 ms, Linux takes twice that.
const RESUME_SIGNALLING: Duration = Duration::from_millis(40);
/// How long a link may take to change its state, and in which steps it is looked at.
const LINK_TIMEOUT: Duration = Duration::from_millis(100);
const LINK_STEP: Duration = Duration::from_millis(1);
const HUB_STEP: Duration = Duration::from_millis(10);
/// USB 2.0 TRSMRCY: what a device may need before it can be asked something.
const RESUME_RECOVERY: Duration = Duration::from_millis(10);
/// PWR-01, PWR-02: the limits for saving and restoring.
const SAVE_TIMEOUT: Duration = Duration::from_millis(20);
const RESTORE_TIMEOUT: Duration = Duration::from_millis(100);
/// Linux's limit for a controller that lost its power to be ready again (OPR-30).
const READY_TIMEOUT: Duration = Duration::from_secs(10);

impl Controller {
    /// Suspends the port of a device, its endpoints stopped before (PWR-09).
    pub(crate) async fn suspend_port(&self, device: &VirtDevice, wakeup: bool) -> Result<(), Errno> {
        if wakeup && !device.place.speed.is_super() {
            let setup = SetupPacket::set_device_feature(DEVICE_REMOTE_WAKEUP);
            self.control(device, setup, Data::Out(&[]), CONTROL_TIMEOUT).await?;
            device.may_wake.set(true);
        }
        match device.place.parent {
            Parent::RootPort(port) => {
                self.stop_all(device).await;
                self.suspend_root_port(port).await
            }
            Parent::HubPort { .. } => {
                let (hub, port) = self.hub_port_of(device).ok_or(Errno::ENODEV)?;
                Ok(self.set_port_feature(&hub, port, PortFeature::SUSPEND).await?)
            }
        }
    }

    /// Brings the port of a device back to U0, and lets the endpoints go on.
    pub(crate) async fn resume_port(&self, device: &VirtDevice) -> Result<(), Errno> {
        match device.place.parent {
            Parent::RootPort(port) => self.resume_root_port(port).await?,
            Parent::HubPort { .. } => self.resume_hub_port(device).await?,
        }
        self.restart_all(device);
        if device.may_wake.replace(false) {
            self.kernel.sleep(RESUME_RECOVERY).await;
            let setup = SetupPacket::clear_device_feature(DEVICE_REMOTE_WAKEUP);
            self.control(device, setup, Data::Out(&[]), CONTROL_TIMEOUT).await?;
        }
        Ok(())
    }

    // USB 2.0 11.5.1.10: the hub signals resume for 20 ms by itself, then the port is not suspended any more.
    async fn resume_hub_port(&self, device: &VirtDevice) -> Result<(), Errno> {
        let (hub, port) = self.hub_port_of(device).ok_or(Errno::ENODEV)?;
        self.clear_port_feature(&hub, port, PortFeature::SUSPEND).await?;
        let deadline = self.kernel.now() + LINK_TIMEOUT;
        loop {
            let state = self.port_state(&hub, port).await?;
            if !state.connected {
                return Err(Errno::ENODEV);
            }
            if !state.suspended {
                return Ok(());
            }
            if self.kernel.now() >= deadline {
                return Err(Errno::EBUSY);
            }
            self.kernel.sleep(HUB_STEP).await;
        }
    }

    /// Suspends every port of a root hub that is in use.
    pub(crate) async fn bus_suspend(&self, bus: RootHub, wakeup: bool) -> Result<(), Errno> {
        let ports = self.root_ports(bus);
        let in_transition = |portsc: Portsc| portsc.pr() || portsc.pls() == PortLinkState::RESUME;
        if ports.iter().any(|&port| in_transition(self.registers.portsc(port))) {
            return Err(Errno::EBUSY);
        }
        let mut suspended = Vec::new();
        for port in ports {
            let portsc = self.registers.portsc(port);
            // PRT-56: what may wake the system while the bus sleeps.
            let awake = portsc.neutral().with_wce(wakeup).with_wde(wakeup).with_woe(wakeup);
            self.registers.set_portsc(port, awake);
            if portsc.ped() && portsc.pls() != PortLinkState::U3 {
                for device in self.devices_below(port) {
                    self.stop_all(&device).await;
                }
                self.suspend_root_port(port).await?;
                suspended.push(port);
            }
        }
        self.suspended_ports.borrow_mut().extend(suspended);
        Ok(())
    }

    /// Resumes the ports that [`Self::bus_suspend`] suspended.
    pub(crate) async fn bus_resume(&self, bus: RootHub) -> Result<(), Errno> {
        if self.state() != HcState::Running {
            return Err(Errno::ESHUTDOWN);
        }
        for port in self.root_ports(bus) {
            if self.suspended_ports.borrow_mut().remove(&port) {
                // Unplugged meanwhile: the port's event tells.
                let _gone = self.resume_root_port(port).await;
                for device in self.devices_below(port) {
                    self.restart_all(&device);
                }
            }
        }
        Ok(())
    }

    /// Halts the controller and has it save its state. One that fails to is not worth staying awake for: the resume
    /// finds out (SRE).
    pub(crate) async fn suspend_controller(&self) -> Result<(), Errno> {
        self.halt().await.map_err(timed_out)?;
        self.save_registers();
        self.registers.set_usbcmd(self.registers.usbcmd().with_css(true));
        self.wait("USBSTS.SSS", false, SAVE_TIMEOUT, || self.registers.usbsts().sss())
            .await
            .map_err(timed_out)
    }

    /// Restores the state and runs; sets everything up anew if there is none (PWR-05, PWR-06).
    pub(crate) async fn resume_controller(&self, power_lost: bool) -> Result<HcResume, Errno> {
        if self.state() == HcState::Dead {
            return Err(Errno::ESHUTDOWN);
        }
        self.wait("USBSTS.CNR", false, READY_TIMEOUT, || self.registers.usbsts().cnr())
            .await
            .map_err(timed_out)?;
        if !power_lost && self.restore_registers() {
            self.registers.set_usbcmd(self.registers.usbcmd().with_crs(true));
            self.wait("USBSTS.RSS", false, RESTORE_TIMEOUT, || self.registers.usbsts().rss())
                .await
                .map_err(timed_out)?;
            let status = self.registers.usbsts();
            if !status.sre() && !status.hce() {
                self.run().await.map_err(timed_out)?;
                return Ok(HcResume::Restored);
            }
        }
        self.lose_devices();
        self.reset().await.map_err(timed_out)?;
        self.initialise().map_err(timed_out)?;
        self.run().await.map_err(timed_out)?;
        Ok(HcResume::PowerLost)
    }

    async fn suspend_root_port(&self, port: PortId) -> Result<(), Errno> {
        self.set_link_state(port, PortLinkState::U3);
        self.wait_for_link(port, PortLinkState::U3).await
    }

    // PRT-21: a USB 2 port signals resume until software ends it. PRT-33: a USB 3 port goes by itself.
    async fn resume_root_port(&self, port: PortId) -> Result<(), Errno> {
        let portsc = self.registers.portsc(port);
        if !portsc.ccs() {
            return Err(Errno::ENODEV);
        }
        if portsc.pls() == PortLinkState::U0 {
            return Ok(());
        }
        let usb3 = self.capabilities.protocol_of(port).is_some_and(|protocol| protocol.major >= 3);
        if !usb3 {
            if portsc.pls() != PortLinkState::RESUME {
                self.set_link_state(port, PortLinkState::RESUME);
            }
            self.kernel.sleep(RESUME_SIGNALLING).await;
        }
        self.set_link_state(port, PortLinkState::U0);
        self.wait_for_link(port, PortLinkState::U0).await?;
        // The resume was asked for: its change tells nobody anything.
        let portsc = self.registers.portsc(port);
        self.registers.set_portsc(port, portsc.neutral().with_plc(true));
        Ok(())
    }

    fn set_link_state(&self, port: PortId, state: PortLinkState) {
        let neutral = self.registers.portsc(port).neutral();
        self.registers.set_portsc(port, neutral.with_pls(state).with_lws(true));
    }

    async fn wait_for_link(&self, port: PortId, state: PortLinkState) -> Result<(), Errno> {
        let deadline = self.kernel.now() + LINK_TIMEOUT;
        loop {
            let portsc = self.registers.portsc(port);
            if portsc.pls() == state {
                return Ok(());
            }
            if !portsc.ccs() {
                return Err(Errno::ENODEV);
            }
            if self.kernel.now() >= deadline {
                return Err(Errno::EBUSY);
            }
            self.kernel.sleep(LINK_STEP).await;
        }
    }

    async fn stop_all(&self, device: &VirtDevice) {
        for endpoint in device.all_endpoints() {
            // A controller that is gone has stopped already.
            let _stopped = self.stop_endpoint(&endpoint, true).await;
        }
    }

    fn restart_all(&self, device: &VirtDevice) {
        for endpoint in device.all_endpoints() {
            if endpoint.has_transfers() {
                self.registers.ring_doorbell(endpoint.slot, endpoint.dci);
            }
        }
    }

    fn devices_below(&self, port: PortId) -> Vec<std::rc::Rc<VirtDevice>> {
        let mut devices = self.all_devices();
        devices.retain(|device| device.place.root_port == port);
        devices
    }

    fn root_ports(&self, bus: RootHub) -> Vec<PortId> {
        match self.root_hub(bus).as_deref().map(|hub| &hub.kind) {
            Some(HubKind::Root(ports)) => ports.clone(),
            _ => Vec::new(),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn timed_out(error: BringUpError) -> Errno {
    match error {
        BringUpError::Memory(_) => Errno::ENOMEM,
        _ => Errno::ETIMEDOUT,
    }
}
