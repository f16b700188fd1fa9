//! `usb_offload_get`, `usb_offload_put`, `usb_offload_check`, `usb_offload_set_pm_locked` on devices.
//!
//! Source: Linux 7.3 drivers/usb/core/offload.c as described in reference 1.1, design V4.

use crate::event::Event;
use crate::host::LocalBoxFuture;
use crate::usage::{UsageChange, change_usage};
use crate::{Errno, UsbDevice};
use std::rc::Rc;

/// Counts one offload user of a device. The device must be awake; it is not resumed, and no runtime PM reference is
/// kept, so a count above 0 does not keep it awake either. Does not sleep.
///
/// # Errors
/// `-ENODEV`: no device given. `-EBUSY`: not `RPM_ACTIVE`, or runtime PM is disabled. `-EAGAIN`: the count is
/// frozen from the device's suspend to its resume.
///
/// ```
/// use offload_core::{Errno, usb_offload_get};
/// assert_eq!(usb_offload_get(None), Err(Errno::ENODEV));
/// ```
pub fn usb_offload_get<'a>(udev: impl Into<Option<&'a Rc<UsbDevice>>>) -> Result<(), Errno> {
    apply(udev.into(), UsageChange::Get)
}

/// Counts one offload user less; 0 stays 0 and is no error. A refused put is not made good later by anybody.
///
/// # Errors
/// As [`usb_offload_get`]; the count is then as before.
pub fn usb_offload_put<'a>(udev: impl Into<Option<&'a Rc<UsbDevice>>>) -> Result<(), Errno> {
    apply(udev.into(), UsageChange::Put)
}

fn apply(udev: Option<&Rc<UsbDevice>>, change: UsageChange) -> Result<(), Errno> {
    // a1: the device is pinned for the call; its state is never looked at.
    let udev = Rc::clone(udev.ok_or(Errno::ENODEV)?);
    let outcome = change_usage(&udev.offload, &udev.pm().power, change, udev.core().now());
    if outcome.autosuspend {
        udev.pm().settle();
    }
    udev.core().emit(|| Event::Usage { device: udev.name().clone(), change, result: outcome.result });
    // a8: the pin goes.
    outcome.result.map(|_usage| ())
}

/// Whether the device or one below it is offloaded: the device first, then its children in port order, each with its
/// mutex held. The caller owns the device's mutex and has frozen the counts from here down.
pub async fn usb_offload_check(udev: &UsbDevice) -> bool {
    // Without offload_lock: S3, the count is constant between suspend and resume.
    if udev.offload.usage() > 0 {
        return true;
    }
    for child in udev.children() {
        let _child_lock = child.lock().await;
        let below: LocalBoxFuture<'_, bool> = Box::pin(usb_offload_check(&child));
        if below.await {
            return true;
        }
    }
    false
}

/// Freezes or frees the usage count of a device. Does not nest.
pub fn usb_offload_set_pm_locked(udev: &UsbDevice, locked: bool) {
    let before = udev.offload.set_pm_locked(locked);
    if before != locked {
        udev.core().emit(|| Event::PmLocked { device: udev.name().clone(), locked });
    }
}
