use crate::host::{HostController, RootHub};
use crate::runtime_pm::{PmDevice, PmOps};
use crate::sideband::SidebandTable;
use crate::{PmCore, UsbDevice};
use kernel_sim::{LockClass, Mutex, Watched};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

/// How the controller is attached to the machine: who decides about it in system sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// xhci-plat: asks for offload on the primary bus before it suspends the controller.
    XhciPlat,
    /// PCI: a running root hub stops the system sleep.
    Pci,
    /// xhci-plat in a dwc3 core without wakeup: the core is powered down after it.
    Dwc3,
}

/// What a controller consists of.
#[derive(Clone, Debug)]
pub struct HcdSetup {
    /// The kernel's name of the controller's device.
    pub name: Rc<str>,
    /// How it is attached.
    pub platform: Platform,
    /// The number of the primary bus; the shared bus has the next one.
    pub first_bus: u8,
    /// Whether there is a SuperSpeed root hub.
    pub shared_bus: bool,
}

impl Default for HcdSetup {
    /// An xhci-plat controller with both buses, 1 and 2.
    fn default() -> Self {
        Self { name: "xhci-hcd.0".into(), platform: Platform::XhciPlat, first_bus: 1, shared_bus: true }
    }
}

/// A host controller with its one or two buses (`struct usb_hcd` and its shared one).
pub struct UsbHcd {
    links: HcdLinks,
    platform: Platform,
    controller: Rc<PmDevice>,
    buses: Watched<RefCell<Vec<UsbBus>>>,
    pub(crate) sidebands: SidebandTable,
    /// Whether the last system suspend left the controller running for a sideband.
    pub(crate) sideband_at_suspend: Watched<Cell<bool>>,
    /// dwc3: the core below the controller was powered down.
    pub(crate) core_exited: Watched<Cell<bool>>,
}

/// One bus of a controller (`struct usb_bus` and the state its `usb_hcd` has for it).
#[derive(Clone, Debug)]
pub struct UsbBus {
    root_hub: Rc<UsbDevice>,
    /// `HCD_FLAG_RH_RUNNING`, and `HC_STATE_SUSPENDED` when not.
    running: Rc<Watched<Cell<bool>>>,
}

impl UsbBus {
    /// The root hub.
    pub fn root_hub(&self) -> &Rc<UsbDevice> {
        &self.root_hub
    }
    /// Whether the bus is running; false while it is suspended.
    pub fn is_running(&self) -> bool {
        self.running.get()
    }
    pub(crate) fn set_running(&self, running: bool) {
        self.running.set(running);
    }
}

/// What every device of a controller keeps of it.
#[derive(Clone)]
pub(crate) struct HcdLinks {
    pub(crate) hcd: Weak<UsbHcd>,
    pub(crate) host: Rc<dyn HostController>,
    pub(crate) bandwidth_mutex: Mutex<()>,
    pub(crate) address0_mutex: Mutex<()>,
}

impl UsbHcd {
    /// A running controller with its root hubs and no devices (`usb_add_hcd`). Runtime PM of the controller and
    /// the root hubs is enabled and forbidden.
    pub fn new(core: &PmCore, host: Rc<dyn HostController>, setup: &HcdSetup) -> Rc<Self> {
        let controller = PmDevice::new(core, setup.name.clone(), None, 0);
        // No parent refuses it.
        let _active = controller.set_active();
        controller.enable();
        controller.forbid_noresume();
        let kernel = core.kernel();
        let mutex = |class, what: &str| {
            Mutex::new(kernel, LockClass::new(class), format!("{} {what}", setup.name), ())
        };
        let hcd = Rc::new_cyclic(|me: &Weak<Self>| {
            let ops: Weak<dyn PmOps> = me.clone();
            controller.set_ops(ops);
            Self {
                links: HcdLinks {
                    hcd: me.clone(),
                    host,
                    bandwidth_mutex: mutex("hcd->bandwidth_mutex", "bandwidth"),
                    address0_mutex: mutex("hcd->address0_mutex", "address 0"),
                },
                platform: setup.platform,
                buses: core.watched("hcd buses", &setup.name, RefCell::default()),
                sidebands: SidebandTable::new(core, &setup.name),
                sideband_at_suspend: core.watched("sideband_at_suspend", &setup.name, Cell::new(false)),
                core_exited: core.watched("dwc3 core", &setup.name, Cell::new(false)),
                controller,
            }
        });
        hcd.add_bus(RootHub::Primary, setup.first_bus);
        if setup.shared_bus {
            hcd.add_bus(RootHub::Shared, setup.first_bus.saturating_add(1));
        }
        hcd
    }

    fn add_bus(&self, which: RootHub, number: u8) {
        let root_hub = UsbDevice::root_hub(self.links.clone(), &self.controller, which, number);
        let running = root_hub.core().watched("HCD_FLAG_RH_RUNNING", root_hub.name(), Cell::new(true));
        self.buses.borrow_mut().push(UsbBus { root_hub, running: Rc::new(running) });
    }

    /// The controller driver below.
    pub fn host(&self) -> &Rc<dyn HostController> {
        &self.links.host
    }
    /// The controller in the PM core; the parent of the root hubs.
    pub fn controller(&self) -> &Rc<PmDevice> {
        &self.controller
    }
    /// How the controller is attached.
    pub fn platform(&self) -> Platform {
        self.platform
    }
    /// The buses: the primary one, then the shared one if there is one.
    pub fn buses(&self) -> Vec<UsbBus> {
        self.buses.borrow().clone()
    }
    /// The bus of a root hub, if the controller has it.
    pub fn bus(&self, which: RootHub) -> Option<UsbBus> {
        self.buses.borrow().iter().find(|bus| bus.root_hub.bus() == which).cloned()
    }
    /// The root hub of a bus, if the controller has it.
    pub fn root_hub(&self, which: RootHub) -> Option<Rc<UsbDevice>> {
        self.bus(which).map(|bus| bus.root_hub)
    }

    /// Every device of the controller, root hubs included: parents first, then by port.
    pub fn devices(&self) -> Vec<Rc<UsbDevice>> {
        let mut devices = Vec::new();
        for bus in self.buses() {
            collect(&bus.root_hub, &mut devices);
        }
        devices
    }

    /// The device with this name.
    pub fn device(&self, name: &str) -> Option<Rc<UsbDevice>> {
        self.devices().into_iter().find(|device| **device.name() == *name)
    }
}

fn collect(device: &Rc<UsbDevice>, devices: &mut Vec<Rc<UsbDevice>>) {
    devices.push(device.clone());
    for child in device.children() {
        collect(&child, devices);
    }
}

impl fmt::Debug for UsbHcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsbHcd")
            .field("name", self.controller.name())
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}
