//! v3 and v4: a spinlock around the count, `pm_locked` from suspend to resume, no mutex and no resume.

use super::{ClassDriverRules, DeviceLock, OffloadDesign};
use crate::host::LocalBoxFuture;
use crate::offload::{OFFLOAD, emit_decision, usb_offload_check, usb_offload_set_pm_locked};
use crate::{Errno, PmMessage, UsbDevice, usb_offload_get_preemptible, usb_offload_put_preemptible};
use std::rc::Rc;

/// v3 took the spinlock for the read in check() and returned a second read; nobody can see the difference.
pub(super) struct Spinlock;

impl OffloadDesign for Spinlock {
    fn get<'a>(&'a self, udev: &'a Rc<UsbDevice>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(usb_offload_get_preemptible(udev))
    }

    fn put<'a>(&'a self, udev: &'a Rc<UsbDevice>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(usb_offload_put_preemptible(udev))
    }

    fn check<'a>(&'a self, udev: &'a UsbDevice) -> LocalBoxFuture<'a, bool> {
        Box::pin(usb_offload_check(udev))
    }

    fn suspend_begins<'a>(&'a self, udev: &'a UsbDevice, message: PmMessage) -> LocalBoxFuture<'a, bool> {
        Box::pin(async move {
            let kernel = udev.core().kernel();
            kernel.step("usb_suspend_both: pm_locked = 1", &[OFFLOAD.of(udev.name()).write()]).await;
            usb_offload_set_pm_locked(udev, true);
            consult_usage(udev, message, PmMessage::Suspend).await
        })
    }

    fn suspend_failed<'a>(&'a self, udev: &'a UsbDevice) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            // S7: pm_locked never stays on an awake device.
            let kernel = udev.core().kernel();
            kernel.step("usb_suspend_both: pm_locked = 0", &[OFFLOAD.of(udev.name()).write()]).await;
            usb_offload_set_pm_locked(udev, false);
        })
    }

    /// Re-evaluates the usage of the tree, as of now: after the parents' resume, before the children's. S3 holds it equal
    /// to what the suspend saw, but for devices that were suspended before (B14).
    fn resume_begins<'a>(&'a self, udev: &'a UsbDevice, message: PmMessage) -> LocalBoxFuture<'a, bool> {
        Box::pin(consult_usage(udev, message, PmMessage::Resume))
    }

    fn resume_ends<'a>(&'a self, udev: &'a UsbDevice, _message: PmMessage) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let kernel = udev.core().kernel();
            kernel.step("usb_resume_both: pm_locked = 0", &[OFFLOAD.of(udev.name()).write()]).await;
            udev.pm().power.mark_last_busy(udev.core().now());
            usb_offload_set_pm_locked(udev, false);
        })
    }

    fn resume_found_it_gone(&self, udev: &UsbDevice) {
        usb_offload_set_pm_locked(udev, false);
    }

    fn class_driver(&self) -> ClassDriverRules {
        ClassDriverRules { counts: true, device_lock: DeviceLock::Never }
    }
}

/// The `act` of both directions: only `asks`, exactly, looks at the usage of the tree.
async fn consult_usage(udev: &UsbDevice, message: PmMessage, asks: PmMessage) -> bool {
    if message != asks {
        return false;
    }
    let act = usb_offload_check(udev).await;
    emit_decision(udev, message, act);
    act
}
