//! `usb_offload_get`, `usb_offload_put`, `usb_offload_check`, `usb_offload_set_pm_locked` on devices.
//!
//! Source: Linux 7.3 drivers/usb/core/offload.c as described in reference 1.1, design V4.

use crate::event::Event;
use crate::host::LocalBoxFuture;
use crate::usage::{UsageChange, change_usage, drop_active_reference, take_active_reference};
use crate::{Errno, PmMessage, UsbDevice};
use kernel_sim::Object;
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

/// [`usb_offload_get`] as a preemptible kernel runs it: in an explored run others may run between its atomic steps.
///
/// # Errors
/// As [`usb_offload_get`].
pub async fn usb_offload_get_preemptible(udev: &Rc<UsbDevice>) -> Result<(), Errno> {
    apply_in_steps(udev, UsageChange::Get).await
}

/// [`usb_offload_put`] as a preemptible kernel runs it.
///
/// # Errors
/// As [`usb_offload_put`].
pub async fn usb_offload_put_preemptible(udev: &Rc<UsbDevice>) -> Result<(), Errno> {
    apply_in_steps(udev, UsageChange::Put).await
}

/// Steps a1 to a8 with a scheduling point before each that touches what others see.
async fn apply_in_steps(udev: &Rc<UsbDevice>, change: UsageChange) -> Result<(), Errno> {
    // a1
    let udev = Rc::clone(udev);
    let kernel = udev.core().kernel();
    let names: [&'static str; 3] = match change {
        UsageChange::Get => [
            "usb_offload_get: pm_runtime_get_if_active",
            "usb_offload_get: offload_usage, under offload_lock",
            "usb_offload_get: pm_runtime_put_autosuspend",
        ],
        UsageChange::Put => [
            "usb_offload_put: pm_runtime_get_if_active",
            "usb_offload_put: offload_usage, under offload_lock",
            "usb_offload_put: pm_runtime_put_autosuspend",
        ],
    };
    // a2
    kernel.step(names[0], &[POWER.of(udev.name()).write()]).await;
    let awake = take_active_reference(&udev.pm().power);
    let result = match awake {
        Ok(()) => {
            // a3 to a5: one step, for others spin.
            kernel.step(names[1], &[OFFLOAD.of(udev.name()).write()]).await;
            udev.offload.change(change)
        }
        Err(errno) => Err(errno),
    };
    emit_usage(&udev, change, result);
    if awake.is_ok() {
        // a6, a7
        kernel.step(names[2], &[POWER.of(udev.name()).write()]).await;
        if drop_active_reference(&udev.pm().power, udev.core().now()) {
            udev.pm().settle();
        }
    }
    // a8
    result.map(|_usage| ())
}

/// What `power.lock` protects, of a device.
pub(crate) const POWER: Object = Object::new("power.lock");
/// What `offload_lock` protects, of a device.
pub(crate) const OFFLOAD: Object = Object::new("offload_lock");

pub(crate) fn emit_usage(udev: &UsbDevice, change: UsageChange, result: Result<u32, Errno>) {
    udev.core().emit(|| Event::Usage { device: udev.name().clone(), change, result });
}

/// A system transition has consulted the usage of the tree below a device.
pub(crate) fn emit_decision(udev: &UsbDevice, message: PmMessage, act: bool) {
    udev.core().emit(|| Event::Decision { device: udev.name().clone(), message, act });
}

fn apply(udev: Option<&Rc<UsbDevice>>, change: UsageChange) -> Result<(), Errno> {
    // a1: the device is pinned for the call; its state is never looked at.
    let udev = Rc::clone(udev.ok_or(Errno::ENODEV)?);
    let outcome = change_usage(&udev.offload, &udev.pm().power, change, udev.core().now());
    if outcome.autosuspend {
        udev.pm().settle();
    }
    emit_usage(&udev, change, outcome.result);
    // a8: the pin goes.
    outcome.result.map(|_usage| ())
}

/// Whether the device or one below it is offloaded: the device first, then its children in port order, each with its
/// mutex held. The caller owns the device's mutex and has frozen the counts from here down.
pub async fn usb_offload_check(udev: &UsbDevice) -> bool {
    let kernel = udev.core().kernel();
    kernel.step("usb_offload_check: offload_usage", &[OFFLOAD.of(udev.name()).read()]).await;
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
