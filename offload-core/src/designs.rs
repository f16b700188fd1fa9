//! The versions of the series, and ours, behind one trait: what becomes of the usage count, and what a class driver has
//! to do around it.
//!
//! Sources: reference 1.1 (V4), 1.3 (LEGACY), 1.4 (the versions between), 5.2 (the alternatives of `fixed`). The flows of
//! usbcore, of the sideband and of the controller are the same for all of them and ask the design where they differ.

mod device_lock;
mod fixed;
mod spinlock;
mod state;

pub(crate) use state::DesignState;

use crate::host::LocalBoxFuture;
use crate::{Errno, PmMessage, UsageChange, UsbDevice};
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

/// A version of the usage count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Design {
    /// Before the series: get and put take the device's mutex, the sideband calls them.
    Legacy,
    /// RFC v1 (2026-01-30): the sideband takes the device's mutex before its own.
    RfcV1,
    /// RFC v2 (2026-02-13): the class driver holds the device's mutex, for the whole request.
    RfcV2,
    /// v1 (2026-02-25): the class driver holds the device's mutex around the body of a request.
    V1,
    /// v2 (2026-03-09): as v1.
    V2,
    /// v3 (2026-03-24): a spinlock, and a flag that freezes the count.
    V3,
    /// v4 (2026-04-01), merged: as v3.
    #[default]
    V4,
    /// Ours.
    Fixed,
}

impl Design {
    /// Every design, oldest first.
    pub const ALL: [Self; 8] =
        [Self::Legacy, Self::RfcV1, Self::RfcV2, Self::V1, Self::V2, Self::V3, Self::V4, Self::Fixed];

    /// The name as it is written on a command line: `legacy`, `rfc-v1`, `v4`, …
    pub const fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::RfcV1 => "rfc-v1",
            Self::RfcV2 => "rfc-v2",
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
            Self::V4 => "v4",
            Self::Fixed => "fixed",
        }
    }

    /// What it is, in a line.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Legacy => {
                "before the series: get and put take the device mutex and resume, from inside sb->mutex"
            }
            Self::RfcV1 => "the sideband takes the device mutex before sb->mutex",
            Self::RfcV2 => {
                "the class driver holds the device mutex for the whole request; get and put assert it"
            }
            Self::V1 => {
                "the class driver holds the device mutex around the body of a request; get and put assert it"
            }
            Self::V2 => "as v1",
            Self::V3 => {
                "spinlock and pm_locked, no resume; the class driver counts, without the device mutex"
            }
            Self::V4 => "as v3, check() reads without the lock; merged",
            Self::Fixed => {
                "put never fails, the decision is remembered, both root hubs and every controller ask"
            }
        }
    }

    /// What it does.
    pub fn rules(self) -> &'static dyn OffloadDesign {
        match self {
            Self::Legacy => &device_lock::LEGACY,
            Self::RfcV1 => &device_lock::RFC_V1,
            Self::RfcV2 => &device_lock::RFC_V2,
            // The merged differences of v2 are in its changelog only.
            Self::V1 | Self::V2 => &device_lock::V1,
            Self::V3 | Self::V4 => &spinlock::Spinlock,
            Self::Fixed => &fixed::Fixed,
        }
    }
}

impl fmt::Display for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no design.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown design `{0}`: legacy, rfc-v1, rfc-v2, v1, v2, v3, v4 or fixed")]
pub struct UnknownDesign(String);

impl FromStr for Design {
    type Err = UnknownDesign;
    fn from_str(text: &str) -> Result<Self, UnknownDesign> {
        let named = Self::ALL.into_iter().find(|design| design.name() == text);
        named.ok_or_else(|| UnknownDesign(text.into()))
    }
}

/// How long a class driver holds the device's mutex for the count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeviceLock {
    /// Not at all.
    Never,
    /// From the validation of a request to its end.
    Request,
    /// Around the body of a request, and of a clean-up; what the last reference releases comes after.
    Body,
}

/// What a design asks of a class driver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClassDriverRules {
    /// It calls get before it creates the interrupter and put after it removed it; else the sideband does.
    pub counts: bool,
    /// How long it holds the device's mutex.
    pub device_lock: DeviceLock,
}

/// What of the code around the count a design mends as well. Each is an alternative of reference 5.2, or the plain repair
/// of a defect there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Repairs {
    /// The controller asks both root hubs (B9).
    pub both_root_hubs: bool,
    /// Every kind of controller asks, not xhci-plat alone (B26, B27).
    pub every_controller: bool,
    /// A port is really suspended, whatever becomes of the bus above it, and never disabled under a stream (B12, B24).
    pub ports: bool,
    /// A sideband whose virtual device is freed lets go of it, and its owner is told (B6).
    pub sideband_is_told: bool,
    /// The class driver is mended too: order of locks, error paths, what it looks at again after a wait.
    pub class_driver: bool,
}

impl Repairs {
    /// As in Linux 7.3.
    pub const NONE: Self = Self {
        both_root_hubs: false,
        every_controller: false,
        ports: false,
        sideband_is_told: false,
        class_driver: false,
    };
    /// All of them.
    pub const ALL: Self = Self {
        both_root_hubs: true,
        every_controller: true,
        ports: true,
        sideband_is_told: true,
        class_driver: true,
    };
}

/// One way to count offload users, and what power management does about them.
///
/// In an explored run others may run between the atomic steps of these.
pub trait OffloadDesign {
    /// `usb_offload_get`: one user more.
    ///
    /// # Errors
    /// Why not; the count is as before then.
    fn get<'a>(&'a self, udev: &'a Rc<UsbDevice>) -> LocalBoxFuture<'a, Result<(), Errno>>;

    /// `usb_offload_put`: one user less.
    ///
    /// # Errors
    /// Why not; the count is as before then, and nobody makes that good.
    fn put<'a>(&'a self, udev: &'a Rc<UsbDevice>) -> LocalBoxFuture<'a, Result<(), Errno>>;

    /// `usb_offload_check`: whether the device, or one below it, is offloaded. The caller owns the device's mutex.
    fn check<'a>(&'a self, udev: &'a UsbDevice) -> LocalBoxFuture<'a, bool>;

    /// The users that the design counts at a quiescent point.
    fn users(&self, udev: &UsbDevice) -> u32 {
        udev.offload.usage()
    }

    /// `usb_suspend_both` begins on a device that is awake. True: the device is to be left running (`act`).
    fn suspend_begins<'a>(&'a self, udev: &'a UsbDevice, message: PmMessage) -> LocalBoxFuture<'a, bool>;

    /// `usb_suspend_both` found the device suspended and does nothing.
    fn suspended_already(&self, udev: &UsbDevice, message: PmMessage) {
        let _ = (udev, message);
    }

    /// The drivers of the interfaces have been called; true as [`suspend_begins`](Self::suspend_begins).
    fn interfaces_suspended(&self, udev: &UsbDevice, act: bool) -> bool {
        let _ = udev;
        act
    }

    /// `usb_suspend_both` failed; the device is awake.
    fn suspend_failed<'a>(&'a self, udev: &'a UsbDevice) -> LocalBoxFuture<'a, ()>;

    /// `usb_resume_both` begins on a device that is there. True: the device was left running (`act`).
    fn resume_begins<'a>(&'a self, udev: &'a UsbDevice, message: PmMessage) -> LocalBoxFuture<'a, bool>;

    /// `usb_resume_both` ends, well or not.
    fn resume_ends<'a>(&'a self, udev: &'a UsbDevice, message: PmMessage) -> LocalBoxFuture<'a, ()>;

    /// `usb_resume_both` found the device gone.
    fn resume_found_it_gone(&self, udev: &UsbDevice);

    /// Whether the count speaks against a runtime suspend.
    ///
    /// # Errors
    /// `-EBUSY`: it does.
    fn may_autosuspend(&self, udev: &UsbDevice) -> Result<(), Errno> {
        let _ = udev;
        Ok(())
    }

    /// The sideband has created its interrupter, or removed it, with `sb->mutex` held.
    ///
    /// # Errors
    /// Of the get or put that goes with it.
    fn interrupter_changed<'a>(
        &'a self,
        udev: &'a Rc<UsbDevice>,
        change: UsageChange,
    ) -> LocalBoxFuture<'a, Result<(), Errno>> {
        let _ = (udev, change);
        Box::pin(async { Ok(()) })
    }

    /// Whether the sideband takes the device's mutex before `sb->mutex` to create or remove an interrupter.
    fn sideband_locks_device(&self) -> bool {
        false
    }

    /// What the class driver has to do.
    fn class_driver(&self) -> ClassDriverRules;

    /// What is mended around the count.
    fn repairs(&self) -> Repairs {
        Repairs::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_design_is_found_by_its_name() {
        for design in Design::ALL {
            assert_eq!(design.to_string().parse(), Ok(design));
            assert!(!design.summary().is_empty());
        }
        let unknown = "v5".parse::<Design>().unwrap_err().to_string();
        assert_eq!(unknown, "unknown design `v5`: legacy, rfc-v1, rfc-v2, v1, v2, v3, v4 or fixed");
    }
}
