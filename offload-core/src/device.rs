use crate::designs::DesignState;
use crate::event::Event;
use crate::host::{HostController, RootHub, SlotId};
use crate::runtime_pm::PmDevice;
use crate::tree::HcdLinks;
use crate::{OffloadState, PmCore, UsbHcd, UsbInterface};
use kernel_sim::{LockClass, Mutex, MutexGuard, Watched};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};

mod setup;
mod state;

pub use setup::{DeviceSetup, Quirks};
pub use state::{DeviceState, Speed};

/// A USB device, hub or root hub (`struct usb_device`).
///
/// The tree owns its devices: a hub holds its children, a child knows its parent weakly.
pub struct UsbDevice {
    links: HcdLinks,
    bus: RootHub,
    parent: Option<Weak<Self>>,
    port: u8,
    level: u8,
    speed: Speed,
    quirks: Quirks,
    slot: Watched<Cell<Option<SlotId>>>,
    state: Watched<Cell<DeviceState>>,
    pm: Rc<PmDevice>,
    interfaces: Watched<RefCell<Vec<Rc<UsbInterface>>>>,
    children: Watched<RefCell<BTreeMap<u8, Rc<Self>>>>,
    port_locks: RefCell<BTreeMap<u8, Mutex<()>>>,
    // These flags share a word with `offload_pm_locked` in the kernel.
    can_submit: Watched<Cell<bool>>,
    do_remote_wakeup: Watched<Cell<bool>>,
    reset_resume: Watched<Cell<bool>>,
    port_is_suspended: Watched<Cell<bool>>,
    /// `offload_usage`, `offload_pm_locked`, `offload_lock`.
    pub offload: Watched<OffloadState>,
    pub(crate) design_state: Watched<DesignState>,
}

const PORT_STATUS_LOCK: LockClass = LockClass::new("port->status_lock");

impl UsbDevice {
    /// The kernel's name: `usb1`, `1-1.2`.
    pub fn name(&self) -> &Rc<str> {
        self.pm.name()
    }
    /// The hub above; `None` for a root hub, and once the hub is freed.
    pub fn parent(&self) -> Option<Rc<Self>> {
        self.parent.as_ref()?.upgrade()
    }
    /// Whether this is a root hub.
    pub fn is_root_hub(&self) -> bool {
        self.parent.is_none()
    }
    /// The port of the parent, from 1; 0 for a root hub.
    pub fn port(&self) -> u8 {
        self.port
    }
    /// Hubs between this device and the controller: 0 for a root hub.
    pub fn level(&self) -> u8 {
        self.level
    }
    /// The root hub the device is below.
    pub fn bus(&self) -> RootHub {
        self.bus
    }
    /// At which speed the device runs.
    pub fn speed(&self) -> Speed {
        self.speed
    }
    /// Deviations the device is known for.
    pub fn quirks(&self) -> Quirks {
        self.quirks
    }
    /// The slot of the controller; `None` for a root hub.
    pub fn slot_id(&self) -> Option<SlotId> {
        self.slot.get()
    }
    pub(crate) fn set_slot_id(&self, slot: Option<SlotId>) {
        self.slot.set(slot);
    }
    /// Where the device stands.
    pub fn state(&self) -> DeviceState {
        self.state.get()
    }
    /// `usb_set_device_state`. [`DeviceState::NotAttached`] is final and takes all descendants along.
    pub fn set_state(&self, state: DeviceState) {
        if self.state() == DeviceState::NotAttached || self.state() == state {
            return;
        }
        self.state.set(state);
        self.core().emit(|| Event::State { device: self.name().clone(), state });
        if state == DeviceState::NotAttached {
            for child in self.children() {
                child.set_state(state);
            }
        }
    }
    /// Whether the device is still there, as far as is known.
    pub fn is_attached(&self) -> bool {
        self.state() != DeviceState::NotAttached
    }

    /// The device in the PM core.
    pub fn pm(&self) -> &Rc<PmDevice> {
        &self.pm
    }
    /// What the devices share.
    pub fn core(&self) -> &PmCore {
        self.pm.core()
    }
    /// The controller driver below.
    pub fn host(&self) -> &Rc<dyn HostController> {
        &self.links.host
    }
    /// The controller's place above; `None` once it is freed.
    pub fn hcd(&self) -> Option<Rc<UsbHcd>> {
        self.links.hcd.upgrade()
    }
    /// BW of the lock order: held around every change of bandwidth.
    pub fn bandwidth_mutex(&self) -> &Mutex<()> {
        &self.links.bandwidth_mutex
    }
    /// A0 of the lock order: one device of a controller at a time has address 0.
    pub fn address0_mutex(&self) -> &Mutex<()> {
        &self.links.address0_mutex
    }

    /// `usb_lock_device`: PMD of the lock order.
    pub async fn lock(&self) -> MutexGuard<'_, ()> {
        self.pm.lock().await
    }
    pub(crate) fn lock_depth(&self) -> u8 {
        lock_depth(self.level)
    }

    /// PORT of the lock order: the status lock of one of this hub's ports.
    pub fn port_lock(&self, port: u8) -> Mutex<()> {
        let new = || {
            let name = format!("{} port {port}", self.name());
            Mutex::new(self.core().kernel(), PORT_STATUS_LOCK, name, ())
        };
        self.port_locks.borrow_mut().entry(port).or_insert_with(new).clone()
    }

    /// The interfaces of the active configuration, ascending.
    pub fn interfaces(&self) -> Vec<Rc<UsbInterface>> {
        self.interfaces.borrow().clone()
    }
    /// The interface with this number.
    pub fn interface(&self, number: u8) -> Option<Rc<UsbInterface>> {
        self.interfaces.borrow().iter().find(|intf| intf.number() == number).cloned()
    }
    pub(crate) fn take_interfaces(&self) -> Vec<Rc<UsbInterface>> {
        self.interfaces.take()
    }

    /// The devices on this hub's ports, in port order.
    pub fn children(&self) -> Vec<Rc<Self>> {
        self.children.borrow().values().cloned().collect()
    }
    /// The device on a port.
    pub fn child(&self, port: u8) -> Option<Rc<Self>> {
        self.children.borrow().get(&port).cloned()
    }
    pub(crate) fn forget_child(&self, port: u8) {
        // The child is dropped with no borrow held: its drop may look at the tree.
        let child = self.children.borrow_mut().remove(&port);
        drop(child);
    }

    /// Whether URBs may be submitted. 0 from the end of a suspend, even one that left the device running.
    pub fn can_submit(&self) -> bool {
        self.can_submit.get()
    }
    pub(crate) fn set_can_submit(&self, can: bool) {
        self.can_submit.set(can);
    }
    /// Whether the device shall wake the host while suspended.
    pub fn do_remote_wakeup(&self) -> bool {
        self.do_remote_wakeup.get()
    }
    pub(crate) fn set_do_remote_wakeup(&self, on: bool) {
        self.do_remote_wakeup.set(on);
    }
    /// Whether the next resume resets the device.
    pub fn reset_resume(&self) -> bool {
        self.reset_resume.get()
    }
    /// Has the next resume reset the device: its state is lost.
    pub fn set_reset_resume(&self, on: bool) {
        self.reset_resume.set(on);
    }
    /// Whether the port itself was suspended, not only the device marked so.
    pub fn port_is_suspended(&self) -> bool {
        self.port_is_suspended.get()
    }
    pub(crate) fn set_port_is_suspended(&self, on: bool) {
        self.port_is_suspended.set(on);
    }
}

/// Devices and their interfaces alternate, below the controller at 0.
fn lock_depth(level: u8) -> u8 {
    level.saturating_add(1).saturating_mul(2)
}

impl fmt::Debug for UsbDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsbDevice")
            .field("name", self.name())
            .field("state", &self.state())
            .field("offload", &self.offload)
            .finish_non_exhaustive()
    }
}
