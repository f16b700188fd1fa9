//! Ports of hubs: one set of operations, by registers on a root hub and by class requests on others.

use crate::UrbError;
use crate::controller::Controller;
use crate::hub::{Hub, HubKind};
use crate::transfer::{CONTROL_TIMEOUT, Data};
use offload_core::Errno;
use sim_time::Duration;
use usb_spec::hub::{PortChange, PortFeature, PortStatus};
use usb_spec::{SetupPacket, Speed};
use xhci_spec::registers::port::Portsc;
use xhci_spec::{PortId, PortLinkState, SlotId};

/// Linux's times: a root port is first looked at 60 ms after the reset began, a hub's after 10 ms; then every
/// 10 ms, for 800 ms in all.
const ROOT_RESET_TIME: Duration = Duration::from_millis(60);
const RESET_STEP: Duration = Duration::from_millis(10);
const RESET_STEPS: u32 = 80;
/// USB 2.0 TRSTRCY, with Linux's margin.
const RESET_RECOVERY: Duration = Duration::from_millis(50);

/// What a port is at, whatever hub it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PortState {
    pub(crate) connected: bool,
    pub(crate) enabled: bool,
    pub(crate) resetting: bool,
    pub(crate) suspended: bool,
    /// Of an enabled port.
    pub(crate) speed: Option<Speed>,
    pub(crate) changed: Changes,
}

/// What happened to a port since the changes were cleared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) connection: bool,
    pub(crate) enable: bool,
    pub(crate) over_current: bool,
    pub(crate) reset: bool,
    /// A resume is complete, or the device asks for one.
    pub(crate) resume: bool,
    raw: u32,
}

impl PortState {
    fn of_root(portsc: Portsc) -> Self {
        Self {
            connected: portsc.ccs(),
            enabled: portsc.ped(),
            resetting: portsc.pr(),
            suspended: matches!(portsc.pls(), PortLinkState::U3 | PortLinkState::RESUME),
            speed: Speed::from_psiv(portsc.speed().0).filter(|_| portsc.ped()),
            changed: Changes {
                connection: portsc.csc(),
                enable: portsc.pec(),
                over_current: portsc.occ(),
                reset: portsc.prc() || portsc.wrc(),
                resume: portsc.plc(),
                raw: portsc.changes().into_bits(),
            },
        }
    }

    fn of_hub(status: PortStatus, change: PortChange) -> Self {
        Self {
            connected: status.connection(),
            enabled: status.enable(),
            resetting: status.reset(),
            suspended: status.suspend(),
            speed: Some(status.speed()).filter(|_| status.enable()),
            changed: Changes {
                connection: change.connection(),
                enable: change.enable(),
                over_current: change.over_current(),
                reset: change.reset(),
                resume: change.suspend(),
                raw: u32::from(change.into_bits()),
            },
        }
    }
}

impl Controller {
    pub(crate) async fn port_state(&self, hub: &Hub, port: u8) -> Result<PortState, UrbError> {
        match &hub.kind {
            HubKind::Root(ports) => {
                let port = root_port(ports, port)?;
                Ok(PortState::of_root(self.registers.portsc(port)))
            }
            HubKind::External { slot, .. } => {
                let mut bytes = [0; 4];
                self.hub_request(*slot, SetupPacket::get_port_status(port), Data::In(&mut bytes)).await?;
                let [s0, s1, c0, c1] = bytes;
                let status = PortStatus::from_bits(u16::from_le_bytes([s0, s1]));
                Ok(PortState::of_hub(status, PortChange::from_bits(u16::from_le_bytes([c0, c1]))))
            }
        }
    }

    /// Clears the changes that were seen, and no others.
    pub(crate) async fn clear_port_changes(&self, hub: &Hub, port: u8, seen: &PortState) {
        match &hub.kind {
            HubKind::Root(ports) => {
                if let Ok(port) = root_port(ports, port)
                    && seen.changed.raw != 0
                {
                    // PRT-03: what is to stay is written back, the rest as 0.
                    let neutral = self.registers.portsc(port).neutral().into_bits();
                    self.registers.set_portsc(port, Portsc::from_bits(neutral | seen.changed.raw));
                }
            }
            HubKind::External { .. } => {
                let features = [
                    (seen.changed.connection, PortFeature::C_CONNECTION),
                    (seen.changed.enable, PortFeature::C_ENABLE),
                    (seen.changed.resume, PortFeature::C_SUSPEND),
                    (seen.changed.over_current, PortFeature::C_OVER_CURRENT),
                    (seen.changed.reset, PortFeature::C_RESET),
                ];
                for (changed, feature) in features {
                    if changed {
                        let _reported_again = self.clear_port_feature(hub, port, feature).await;
                    }
                }
            }
        }
    }

    /// Switches a port's power on.
    pub(crate) async fn power_port(&self, hub: &Hub, port: u8) -> Result<(), UrbError> {
        match &hub.kind {
            HubKind::Root(ports) => {
                let port = root_port(ports, port)?;
                let portsc = self.registers.portsc(port);
                self.registers.set_portsc(port, portsc.neutral().with_pp(true));
                Ok(())
            }
            HubKind::External { .. } => self.set_port_feature(hub, port, PortFeature::POWER).await,
        }
    }

    /// Resets a port until the device on it is enabled (`hub_port_reset`); gives its speed.
    ///
    /// # Errors
    /// `-ENODEV`: nothing is there any more. `-EBUSY`: the reset does not end. Else of the requests.
    pub(crate) async fn reset_port(&self, hub: &Hub, port: u8) -> Result<Speed, Errno> {
        match &hub.kind {
            HubKind::Root(ports) => {
                let port = root_port(ports, port)?;
                let portsc = self.registers.portsc(port);
                self.registers.set_portsc(port, portsc.neutral().with_pr(true));
                self.kernel.sleep(ROOT_RESET_TIME).await;
            }
            HubKind::External { .. } => {
                self.set_port_feature(hub, port, PortFeature::RESET).await?;
                self.kernel.sleep(RESET_STEP).await;
            }
        }
        for _ in 0..RESET_STEPS {
            let state = self.port_state(hub, port).await?;
            if !state.connected {
                return Err(Errno::ENODEV);
            }
            if !state.resetting
                && let Some(speed) = state.speed
            {
                // What the reset changed is known; a change of the connection is left for the hub's event.
                self.clear_port_changes(hub, port, &state.without_connection_change()).await;
                self.kernel.sleep(RESET_RECOVERY).await;
                return Ok(speed);
            }
            self.kernel.sleep(RESET_STEP).await;
        }
        Err(Errno::EBUSY)
    }

    /// Disables a port; a reset enables it again.
    pub(crate) async fn disable_port(&self, hub: &Hub, port: u8) -> Result<(), UrbError> {
        match &hub.kind {
            HubKind::Root(ports) => {
                let port = root_port(ports, port)?;
                let portsc = self.registers.portsc(port);
                self.registers.set_portsc(port, portsc.neutral().with_ped(true));
                Ok(())
            }
            HubKind::External { .. } => self.clear_port_feature(hub, port, PortFeature::ENABLE).await,
        }
    }

    pub(crate) async fn set_port_feature(
        &self,
        hub: &Hub,
        port: u8,
        feature: PortFeature,
    ) -> Result<(), UrbError> {
        let slot = hub.slot().ok_or(UrbError::NoDevice)?;
        self.hub_request(slot, SetupPacket::set_port_feature(port, feature), Data::Out(&[])).await
    }

    pub(crate) async fn clear_port_feature(
        &self,
        hub: &Hub,
        port: u8,
        feature: PortFeature,
    ) -> Result<(), UrbError> {
        let slot = hub.slot().ok_or(UrbError::NoDevice)?;
        self.hub_request(slot, SetupPacket::clear_port_feature(port, feature), Data::Out(&[])).await
    }

    async fn hub_request(&self, hub: SlotId, setup: SetupPacket, data: Data<'_>) -> Result<(), UrbError> {
        let device = self.device(hub).ok_or(UrbError::NoDevice)?;
        let wanted = usize::from(setup.length);
        let moved = self.control(&device, setup, data, CONTROL_TIMEOUT).await?;
        if moved == wanted { Ok(()) } else { Err(UrbError::Protocol) }
    }
}

impl PortState {
    // PORTSC.CSC is bit 17; hubs are cleared by name.
    fn without_connection_change(mut self) -> Self {
        self.changed.connection = false;
        self.changed.raw &= !Portsc::new().with_csc(true).into_bits();
        self
    }
}

pub(crate) fn root_port(ports: &[PortId], port: u8) -> Result<PortId, UrbError> {
    let index = usize::from(port).checked_sub(1).ok_or(UrbError::NoDevice)?;
    ports.get(index).copied().ok_or(UrbError::NoDevice)
}
