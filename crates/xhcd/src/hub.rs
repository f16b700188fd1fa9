//! Hubs as the driver keeps them: root hubs and hubs that were plugged in, and the events of their ports.

use crate::UrbError;
use crate::controller::{Controller, HcState};
use crate::device::{Parent, VirtDevice};
use crate::port::PortState;
use crate::transfer::Data;
use kernel_sim::TaskKind;
use offload_core::{DeviceState, Errno, RootHub, UsbDevice, usb_disconnect};
use sim_time::Duration;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};
use xhci_spec::{Dci, PortId, SlotId};

/// Debouncing as Linux does it: connected for 100 ms without a change, looked at every 25 ms, for 2 s at most.
const DEBOUNCE_STABLE: Duration = Duration::from_millis(100);
const DEBOUNCE_STEP: Duration = Duration::from_millis(25);
const DEBOUNCE_STEPS: u32 = 80;
/// Errors of the status change endpoint after which Linux resets the hub; here it is given up.
const STATUS_ERRORS_MAX: u32 = 10;
/// A port bitmap of 255 ports and the hub itself.
const BITMAP_BYTES_MAX: usize = 32;

pub(crate) struct Hub {
    // The tree owns its devices.
    node: Weak<UsbDevice>,
    bus: RootHub,
    pub(crate) kind: HubKind,
    pending: RefCell<BTreeSet<u8>>,
    queued: Cell<bool>,
}

pub(crate) enum HubKind {
    /// With the controller's ports, in the order of the hub's.
    Root(Vec<PortId>),
    /// In a slot.
    External { slot: SlotId, facts: HubFacts },
}

/// What a hub that was plugged in says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HubFacts {
    pub(crate) ports: u8,
    pub(crate) multi_tt: bool,
    pub(crate) power_good: Duration,
    pub(crate) status_change: Dci,
}

impl Hub {
    pub(crate) fn new(node: &Rc<UsbDevice>, kind: HubKind) -> Rc<Self> {
        let bus = node.bus();
        let node = Rc::downgrade(node);
        Rc::new(Self { node, bus, kind, pending: RefCell::default(), queued: Cell::new(false) })
    }

    /// Its place in usbcore's tree; gone when it was unplugged.
    pub(crate) fn node(&self) -> Result<Rc<UsbDevice>, Errno> {
        self.node.upgrade().ok_or(Errno::ENODEV)
    }

    pub(crate) fn ports(&self) -> u8 {
        match &self.kind {
            HubKind::Root(ports) => u8::try_from(ports.len()).unwrap_or(u8::MAX),
            HubKind::External { facts, .. } => facts.ports,
        }
    }

    pub(crate) fn slot(&self) -> Option<SlotId> {
        match &self.kind {
            HubKind::Root(_) => None,
            HubKind::External { slot, .. } => Some(*slot),
        }
    }

    fn port_number(&self, root_port: PortId) -> Option<u8> {
        let HubKind::Root(ports) = &self.kind else { return None };
        let index = ports.iter().position(|each| *each == root_port)?;
        u8::try_from(index + 1).ok()
    }
}

impl Controller {
    /// Port Status Change event, in interrupt context.
    pub(crate) fn port_changed(&self, port: PortId) {
        if let Some((hub, number)) = self.root_hub_of(port) {
            self.kick_hub(&hub, number);
        }
    }

    /// Has `hub_wq` look at a port.
    pub(crate) fn kick_hub(&self, hub: &Rc<Hub>, port: u8) {
        hub.pending.borrow_mut().insert(port);
        let Some(controller) = self.me.upgrade() else { return };
        if !hub.queued.replace(true) {
            let hub = hub.clone();
            self.core.hub_wq().queue("hub_event", async move { controller.hub_event(&hub).await });
        }
    }

    /// Has `hub_wq` look at the port that a device was plugged into.
    pub(crate) fn kick_parent(&self, device: &VirtDevice) {
        if let Some((hub, port)) = self.hub_port_of(device) {
            self.kick_hub(&hub, port);
        }
    }

    /// The hub and the port that a device is plugged into.
    pub(crate) fn hub_port_of(&self, device: &VirtDevice) -> Option<(Rc<Hub>, u8)> {
        match device.place.parent {
            Parent::RootPort(port) => self.root_hub_of(port),
            Parent::HubPort { hub, port } => Some((self.hub_in(hub)?, port)),
        }
    }

    pub(crate) fn root_hub(&self, bus: RootHub) -> Option<Rc<Hub>> {
        let hubs = self.hubs.borrow();
        hubs.iter().find(|hub| hub.slot().is_none() && hub.bus == bus).cloned()
    }

    pub(crate) fn add_hub(&self, hub: Rc<Hub>) {
        self.hubs.borrow_mut().push(hub);
    }

    pub(crate) fn forget_hub(&self, slot: SlotId) {
        self.hubs.borrow_mut().retain(|hub| hub.slot() != Some(slot));
    }

    pub(crate) fn hub_in(&self, slot: SlotId) -> Option<Rc<Hub>> {
        self.hubs.borrow().iter().find(|hub| hub.slot() == Some(slot)).cloned()
    }

    fn root_hub_of(&self, port: PortId) -> Option<(Rc<Hub>, u8)> {
        let hubs = self.hubs.borrow();
        hubs.iter().find_map(|hub| Some((hub.clone(), hub.port_number(port)?)))
    }

    // The hub is locked and awake while its ports are looked at (reference 3.2, step 1).
    async fn hub_event(&self, hub: &Rc<Hub>) {
        hub.queued.set(false);
        let Ok(node) = hub.node() else { return };
        let _hub_lock = node.lock().await;
        let interface = node.interface(0);
        let awake = match &interface {
            Some(interface) => interface.autopm_get().await.is_ok(),
            None => false,
        };
        while awake && node.is_attached() && self.state() != HcState::Dead {
            let port = hub.pending.borrow_mut().pop_first();
            let Some(port) = port else { break };
            self.port_event(hub, &node, port).await;
        }
        if awake && let Some(interface) = &interface {
            interface.autopm_put().await;
        }
    }

    async fn port_event(&self, hub: &Rc<Hub>, node: &Rc<UsbDevice>, port: u8) {
        let state = {
            let lock = node.port_lock(port);
            let _port_lock = lock.lock().await;
            let Ok(state) = self.port_state(hub, port).await else { return };
            self.clear_port_changes(hub, port, &state).await;
            state
        };
        let child = node.child(port);
        if state.changed.connection || state.connected != child.is_some() {
            if let Some(child) = child {
                if state.connected && self.has_survived(&child, &state).await {
                    return;
                }
                usb_disconnect(&child).await;
            }
            if state.connected && self.debounce(hub, port).await {
                self.connect(hub, port).await;
            }
            self.topology.wake_all();
        } else if let Some(child) = child.filter(|_| state.changed.resume) {
            let _next_event_tells = self.remote_wakeup(&child).await;
        }
    }

    // `hub_port_connect_change`: the connection changed and is there again. A port that is enabled was reset by
    // a resume since; a device that sleeps is reset when it wakes up. Any other is a new one.
    async fn has_survived(&self, device: &Rc<UsbDevice>, port: &PortState) -> bool {
        match device.state() {
            DeviceState::NotAttached => false,
            DeviceState::Suspended => self.remote_wakeup(device).await.is_ok(),
            _ => port.enabled,
        }
    }

    // `usb_remote_wakeup`: the bus is up again, the device follows.
    async fn remote_wakeup(&self, device: &Rc<UsbDevice>) -> Result<(), Errno> {
        let _device_lock = device.lock().await;
        device.autoresume().await?;
        device.autosuspend().await;
        Ok(())
    }

    async fn debounce(&self, hub: &Hub, port: u8) -> bool {
        let mut stable = Duration::ZERO;
        let mut connected = true;
        for _ in 0..DEBOUNCE_STEPS {
            if stable >= DEBOUNCE_STABLE {
                return connected;
            }
            self.kernel.sleep(DEBOUNCE_STEP).await;
            let Ok(state) = self.port_state(hub, port).await else { return false };
            if state.changed.connection || state.connected != connected {
                stable = Duration::ZERO;
                connected = state.connected;
                self.clear_port_changes(hub, port, &state).await;
            } else {
                stable += DEBOUNCE_STEP;
            }
        }
        false
    }

    /// Listens to a hub's status change endpoint until the endpoint is gone.
    pub(crate) fn watch_hub(&self, hub: &Rc<Hub>) {
        let HubKind::External { slot, facts } = &hub.kind else { return };
        let status_change = facts.status_change;
        let (Some(controller), Some(device)) = (self.me.upgrade(), self.device(*slot)) else { return };
        let Ok(node) = hub.node() else { return };
        let hub = hub.clone();
        let name = format!("{} status change", node.name());
        drop(self.kernel.spawn(TaskKind::Daemon, name, async move {
            controller.watch_status_change(&hub, &device, status_change).await;
        }));
    }

    async fn watch_status_change(&self, hub: &Rc<Hub>, device: &VirtDevice, status_change: Dci) {
        let mut bitmap = [0; BITMAP_BYTES_MAX];
        let bytes = usize::from(hub.ports()) / 8 + 1;
        let mut errors = 0;
        while errors < STATUS_ERRORS_MAX {
            match self.transfer(device, status_change, Data::In(&mut bitmap[..bytes]), None).await {
                Ok(moved) => {
                    errors = 0;
                    for port in 1..=hub.ports() {
                        let (byte, bit) = (usize::from(port / 8), port % 8);
                        if byte < moved && bitmap[byte] >> bit & 1 != 0 {
                            self.kick_hub(hub, port);
                        }
                    }
                }
                // Flushed by a suspend, or gone with the endpoint.
                Err(UrbError::Shutdown) => {
                    let Ok(node) = hub.node() else { return };
                    self.topology.wait_until(|| node.can_submit() || !node.is_attached()).await;
                }
                Err(UrbError::NoDevice) => return,
                Err(_) => errors += 1,
            }
        }
    }
}
