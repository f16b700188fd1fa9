//! What a report shows of the counters, at a quiescent point.

use crate::host::InterrupterHandle;
use crate::{DeviceState, RpmStatus, UsbHcd};
use std::fmt;
use std::rc::Rc;

/// The counters of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSnapshot {
    /// The device.
    pub name: Rc<str>,
    /// Where it stands.
    pub state: DeviceState,
    /// Runtime PM status.
    pub rpm: RpmStatus,
    /// `offload_usage`.
    pub usage: u32,
    /// `offload_pm_locked`.
    pub pm_locked: bool,
    /// Runtime PM references of the device; one of them is `power/control` = `on`.
    pub pm_usage: u32,
    /// Interfaces and devices below that are not suspended.
    pub active_children: u32,
    /// The interfaces, ascending.
    pub interfaces: Vec<InterfaceSnapshot>,
}

/// The counters of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceSnapshot {
    /// The interface.
    pub name: Rc<str>,
    /// Autopm references.
    pub autopm: u32,
    /// The bound driver.
    pub driver: Option<Rc<str>>,
}

/// Something that is still held although nothing streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leak {
    /// S1: the usage count is above the number of live sessions, here none.
    Usage {
        /// The device.
        device: Rc<str>,
        /// The count.
        usage: u32,
    },
    /// S7: the count is frozen on an awake device.
    PmLocked {
        /// The device.
        device: Rc<str>,
    },
    /// S15: autopm references of an interface.
    Autopm {
        /// The interface.
        interface: Rc<str>,
        /// How many.
        references: u32,
    },
    /// An interrupter is lent.
    Interrupter {
        /// The interface of the sideband.
        interface: Rc<str>,
        /// The interrupter.
        handle: InterrupterHandle,
    },
    /// Endpoints are linked to a sideband.
    Endpoints {
        /// The interface of the sideband.
        interface: Rc<str>,
        /// How many.
        linked: usize,
    },
}

/// The counters of every device of a controller: parents first, then by port.
pub fn snapshot(hcd: &UsbHcd) -> Vec<DeviceSnapshot> {
    let interface = |intf: &Rc<crate::UsbInterface>| InterfaceSnapshot {
        name: intf.name().clone(),
        autopm: intf.pm().power.usage_count(),
        driver: intf.driver().map(|driver| driver.name().into()),
    };
    let device = |udev: Rc<crate::UsbDevice>| DeviceSnapshot {
        name: udev.name().clone(),
        state: udev.state(),
        rpm: udev.pm().power.status(),
        usage: udev.offload.usage(),
        pm_locked: udev.offload.is_pm_locked(),
        pm_usage: udev.pm().power.usage_count(),
        active_children: udev.pm().power.child_count(),
        interfaces: udev.interfaces().iter().map(interface).collect(),
    };
    hcd.devices().into_iter().map(device).collect()
}

/// What is held although no stream is to be running. Ask when all sessions have ended and the machine is awake.
pub fn leaks(hcd: &UsbHcd) -> Vec<Leak> {
    let mut leaks = Vec::new();
    for device in snapshot(hcd) {
        if device.usage > 0 {
            leaks.push(Leak::Usage { device: device.name.clone(), usage: device.usage });
        }
        if device.pm_locked && device.rpm == RpmStatus::Active {
            leaks.push(Leak::PmLocked { device: device.name.clone() });
        }
        for InterfaceSnapshot { name, autopm, .. } in device.interfaces {
            if autopm > 0 {
                leaks.push(Leak::Autopm { interface: name, references: autopm });
            }
        }
    }
    for sideband in hcd.sidebands.registered() {
        let interface = sideband.interface().name();
        if let Some(handle) = sideband.interrupter() {
            leaks.push(Leak::Interrupter { interface: interface.clone(), handle });
        }
        let linked = sideband.endpoints().len();
        if linked > 0 {
            leaks.push(Leak::Endpoints { interface: interface.clone(), linked });
        }
    }
    leaks
}

impl fmt::Display for DeviceSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state, rpm, usage, pm_locked, pm_usage, active_children, .. } = self;
        let locked = u8::from(*pm_locked);
        write!(f, "{name}: {state} {rpm} usage {usage} pm_locked {locked} pm usage {pm_usage}")?;
        write!(f, " active children {active_children}")?;
        for InterfaceSnapshot { name, autopm, driver } in &self.interfaces {
            write!(f, "; {name} {} autopm {autopm}", driver.as_deref().unwrap_or("unbound"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { device, usage } => write!(f, "{device}: usage {usage}"),
            Self::PmLocked { device } => write!(f, "{device}: pm_locked while awake"),
            Self::Autopm { interface, references } => {
                write!(f, "{interface}: autopm references {references}")
            }
            Self::Interrupter { interface, handle } => write!(f, "{interface}: {handle} lent"),
            Self::Endpoints { interface, linked } => write!(f, "{interface}: {linked} endpoints linked"),
        }
    }
}
