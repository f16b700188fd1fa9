use super::{DeviceState, Speed, UsbDevice, lock_depth};
use crate::designs::DesignState;
use crate::host::{RootHub, SlotId};
use crate::hub::HubDriver;
use crate::offload::OFFLOAD;
use crate::runtime_pm::{PmDevice, PmOps};
use crate::tree::HcdLinks;
use crate::{OffloadState, UsbInterface};
use kernel_sim::Watched;
use sim_time::Duration;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// Deviations a device is known for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// Loses its state in every suspend (`USB_QUIRK_RESET_RESUME`).
    pub reset_resume: bool,
    /// Its port is disabled in system sleep (`USB_QUIRK_DISCONNECT_SUSPEND`), even with offload.
    pub disconnect_suspend: bool,
}

/// What enumeration found out about a device.
#[derive(Clone, Debug)]
pub struct DeviceSetup {
    /// The port of the parent, from 1.
    pub port: u8,
    /// At which speed it runs.
    pub speed: Speed,
    /// The slot the controller gave it.
    pub slot: Option<SlotId>,
    /// How many interfaces the active configuration has, numbered from 0. A hub has one.
    pub interfaces: u8,
    /// Whether it is a hub; its interface gets the hub driver.
    pub hub: bool,
    /// Whether its configuration can signal remote wakeup.
    pub can_wakeup: bool,
    /// Deviations.
    pub quirks: Quirks,
    /// `usbcore.autosuspend`: how long it must be idle.
    pub autosuspend_delay: Duration,
}

impl DeviceSetup {
    /// A high-speed device with one interface and the kernel's delay of 2 s.
    pub fn new(port: u8, slot: Option<SlotId>) -> Self {
        Self {
            port,
            speed: Speed::High,
            slot,
            interfaces: 1,
            hub: false,
            can_wakeup: false,
            quirks: Quirks::default(),
            autosuspend_delay: Duration::from_secs(2),
        }
    }
    /// A high-speed hub.
    pub fn hub(port: u8, slot: Option<SlotId>) -> Self {
        // The hub driver sets its delay to 0: a hub without active children is idle.
        Self { hub: true, can_wakeup: true, autosuspend_delay: Duration::ZERO, ..Self::new(port, slot) }
    }
    /// With this many interfaces.
    #[must_use]
    pub fn interfaces(self, interfaces: u8) -> Self {
        Self { interfaces, ..self }
    }
    /// At this speed.
    #[must_use]
    pub fn speed(self, speed: Speed) -> Self {
        Self { speed, ..self }
    }
    /// Able to wake the host.
    #[must_use]
    pub fn wakeup_capable(self) -> Self {
        Self { can_wakeup: true, ..self }
    }
}

impl UsbDevice {
    /// A configured device on a port of `parent` (`usb_new_device`). The parent is awake.
    ///
    /// Runtime PM is enabled and autosuspend in use, but forbidden (`power/control` = `on`) until
    /// [`PmDevice::allow`].
    pub fn attach(parent: &Rc<Self>, setup: &DeviceSetup) -> Rc<Self> {
        let name = if parent.is_root_hub() {
            format!("{}-{}", parent.name().trim_start_matches("usb"), setup.port)
        } else {
            format!("{}.{}", parent.name(), setup.port)
        };
        let device = Self::build(parent.links.clone(), &parent.pm, parent.bus, name, Some(parent), setup);
        parent.children.borrow_mut().insert(setup.port, device.clone());
        device
    }

    /// The root hub of a bus.
    pub(crate) fn root_hub(links: HcdLinks, controller: &Rc<PmDevice>, bus: RootHub, number: u8) -> Rc<Self> {
        let speed = match bus {
            RootHub::Primary => Speed::High,
            RootHub::Shared => Speed::Super,
        };
        let setup = DeviceSetup::hub(0, None).speed(speed);
        Self::build(links, controller, bus, format!("usb{number}"), None, &setup)
    }

    fn build(
        links: HcdLinks,
        above: &Rc<PmDevice>,
        bus: RootHub,
        name: String,
        parent: Option<&Rc<Self>>,
        setup: &DeviceSetup,
    ) -> Rc<Self> {
        let level = parent.map_or(0, |parent| parent.level.saturating_add(1));
        let pm = PmDevice::new(above.core(), name, Some(above), lock_depth(level));
        let (core, owner) = (above.core(), pm.name().clone());
        let flag = |what, value| core.watched(what, &owner, Cell::new(value));
        let device = Rc::new_cyclic(|me: &Weak<Self>| {
            let ops: Weak<dyn PmOps> = me.clone();
            pm.set_ops(ops);
            Self {
                links,
                bus,
                parent: parent.map(Rc::downgrade),
                port: setup.port,
                level,
                speed: setup.speed,
                quirks: setup.quirks,
                slot: core.watched("udev->slot_id", &owner, Cell::new(setup.slot)),
                state: core.watched("udev->state", &owner, Cell::new(DeviceState::Configured)),
                interfaces: core.watched("udev->actconfig", &owner, RefCell::default()),
                children: core.watched("hub->ports", &owner, RefCell::default()),
                port_locks: RefCell::default(),
                can_submit: flag("udev->can_submit", true),
                do_remote_wakeup: flag("udev->do_remote_wakeup", false),
                reset_resume: flag("udev->reset_resume", false),
                port_is_suspended: flag("udev->port_is_suspended", false),
                offload: Watched::new(core.kernel(), OFFLOAD.of(&owner), OffloadState::new()),
                // Under the same lock.
                design_state: Watched::new(core.kernel(), OFFLOAD.of(&owner), DesignState::default()),
                pm,
            }
        });
        device.pm.set_wakeup(setup.can_wakeup, false);
        device.start_runtime_pm(setup.autosuspend_delay);
        let interfaces = (0..setup.interfaces).map(|number| UsbInterface::new(&device, number)).collect();
        device.interfaces.replace(interfaces);
        if setup.hub {
            HubDriver::bind(&device);
        }
        device
    }

    fn start_runtime_pm(&self, delay: Duration) {
        // The parent is awake, so this cannot be refused.
        let _active = self.pm.set_active();
        self.pm.use_autosuspend(delay);
        self.pm.power.mark_last_busy(self.core().now());
        self.pm.enable();
        self.pm.forbid_noresume();
    }
}
