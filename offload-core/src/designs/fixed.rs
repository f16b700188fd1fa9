//! Ours: the alternatives of reference 5.2 together.
//!
//! - **put never fails.** A class driver has destroyed its interrupter by the time it puts, so there is nothing that it
//!   could do about a refusal (B1, B7). While the count is frozen a put is noted, and made good when the freeze ends. It
//!   asks nothing of runtime PM: a device need not be awake for one user less.
//! - **The decision is remembered.** Suspend and resume act alike because the resume looks at what the suspend decided, not
//!   because the count could not change between them (B14). An ancestor decides by what its children decided, so that none
//!   is left running below one that is not (S4).
//! - **The freeze of system sleep is a flag of its own,** set on devices that are suspended already as well. A runtime
//!   resume in the middle of a system suspend ends the other freeze, not this one: no user appears below a hub that has
//!   made up its mind (B16).
//! - **An offloaded device is not idle.** A count above 0 keeps it from being autosuspended (B23), so that a class driver
//!   need not hold a runtime PM reference beside it.
//! - **The decision is looked at again** after the drivers were called: a stream that its driver tore down in the suspend
//!   callback keeps nothing powered.
//! - **A device that is gone gets no users** (B22).
//! - Every controller asks, both of its root hubs (B9, B26, B27); a sideband is told when its virtual device is freed (B6);
//!   ports are really suspended (B12).

use super::{ClassDriverRules, DeviceLock, OffloadDesign, Repairs};
use crate::host::LocalBoxFuture;
use crate::offload::{OFFLOAD, POWER, emit_decision, emit_usage, usb_offload_set_pm_locked};
use crate::usage::{UsageChange, drop_active_reference, take_active_reference};
use crate::{Errno, PmMessage, UsbDevice};
use std::rc::Rc;

pub(super) struct Fixed;

impl OffloadDesign for Fixed {
    fn get<'a>(&'a self, udev: &'a Rc<UsbDevice>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(async move {
            let kernel = udev.core().kernel();
            let power = [POWER.of(udev.name()).write()];
            kernel.step("usb_offload_get: pm_runtime_get_if_active", &power).await;
            let awake = take_active_reference(&udev.pm().power);
            let result = match awake {
                Ok(()) => {
                    let touches = [OFFLOAD.of(udev.name()).write()];
                    kernel.step("usb_offload_get: offload_usage, under offload_lock", &touches).await;
                    get_unless_asleep(udev)
                }
                Err(errno) => Err(errno),
            };
            emit_usage(udev, UsageChange::Get, result);
            if awake.is_ok() {
                kernel.step("usb_offload_get: pm_runtime_put_autosuspend", &power).await;
                if drop_active_reference(&udev.pm().power, udev.core().now()) {
                    udev.pm().settle();
                }
            }
            result.map(|_usage| ())
        })
    }

    /// Always well.
    fn put<'a>(&'a self, udev: &'a Rc<UsbDevice>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        Box::pin(async move {
            let kernel = udev.core().kernel();
            kernel
                .step(
                    "usb_offload_put: offload_usage, under offload_lock",
                    &[OFFLOAD.of(udev.name()).write()],
                )
                .await;
            put_or_defer(udev);
            emit_usage(udev, UsageChange::Put, Ok(self.users(udev)));
            kernel.step("usb_offload_put: pm_request_autosuspend", &[POWER.of(udev.name()).write()]).await;
            may_be_idle(udev);
            Ok(())
        })
    }

    /// The device's own users, or what its children decided: they did before.
    fn check<'a>(&'a self, udev: &'a UsbDevice) -> LocalBoxFuture<'a, bool> {
        Box::pin(async move {
            let kernel = udev.core().kernel();
            kernel.step("usb_offload_check: offload_usage", &[OFFLOAD.of(udev.name()).read()]).await;
            let decided = |udev: &UsbDevice| udev.design_state.at_suspend.get();
            decided(udev) || self.users(udev) > 0 || udev.children().iter().any(|child| decided(child))
        })
    }

    /// Without the puts that are noted.
    fn users(&self, udev: &UsbDevice) -> u32 {
        udev.offload.usage().saturating_sub(udev.design_state.deferred_puts.get())
    }

    fn suspend_begins<'a>(&'a self, udev: &'a UsbDevice, message: PmMessage) -> LocalBoxFuture<'a, bool> {
        Box::pin(async move {
            let kernel = udev.core().kernel();
            kernel.step("usb_suspend_both: pm_locked = 1", &[OFFLOAD.of(udev.name()).write()]).await;
            usb_offload_set_pm_locked(udev, true);
            udev.design_state.at_suspend.set(false);
            if !message.is_auto() {
                udev.design_state.sleep_locked.set(true);
            }
            if message != PmMessage::Suspend {
                return false;
            }
            let act = self.check(udev).await;
            emit_decision(udev, message, act);
            udev.design_state.at_suspend.set(act);
            act
        })
    }

    fn suspended_already(&self, udev: &UsbDevice, message: PmMessage) {
        if !message.is_auto() {
            udev.design_state.sleep_locked.set(true);
            udev.design_state.at_suspend.set(false);
        }
    }

    fn interfaces_suspended(&self, udev: &UsbDevice, act: bool) -> bool {
        let children = udev.children();
        let act =
            act && (self.users(udev) > 0 || children.iter().any(|child| child.design_state.at_suspend.get()));
        udev.design_state.at_suspend.set(act);
        if !act {
            emit_decision(udev, PmMessage::Suspend, act);
        }
        act
    }

    fn suspend_failed<'a>(&'a self, udev: &'a UsbDevice) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let kernel = udev.core().kernel();
            kernel.step("usb_suspend_both: pm_locked = 0", &[OFFLOAD.of(udev.name()).write()]).await;
            udev.design_state.sleep_locked.set(false);
            udev.design_state.at_suspend.set(false);
            unfreeze(udev);
        })
    }

    fn resume_begins<'a>(&'a self, udev: &'a UsbDevice, message: PmMessage) -> LocalBoxFuture<'a, bool> {
        let act = message == PmMessage::Resume && udev.design_state.at_suspend.get();
        if message == PmMessage::Resume {
            emit_decision(udev, message, act);
        }
        Box::pin(async move { act })
    }

    fn resume_ends<'a>(&'a self, udev: &'a UsbDevice, message: PmMessage) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let kernel = udev.core().kernel();
            kernel.step("usb_resume_both: pm_locked = 0", &[OFFLOAD.of(udev.name()).write()]).await;
            udev.pm().power.mark_last_busy(udev.core().now());
            if !message.is_auto() {
                udev.design_state.sleep_locked.set(false);
                udev.design_state.at_suspend.set(false);
            }
            unfreeze(udev);
        })
    }

    fn resume_found_it_gone(&self, udev: &UsbDevice) {
        udev.design_state.sleep_locked.set(false);
        udev.design_state.at_suspend.set(false);
        unfreeze(udev);
    }

    fn may_autosuspend(&self, udev: &UsbDevice) -> Result<(), Errno> {
        if self.users(udev) > 0 { Err(Errno::EBUSY) } else { Ok(()) }
    }

    fn class_driver(&self) -> ClassDriverRules {
        ClassDriverRules { counts: true, device_lock: DeviceLock::Never }
    }

    fn repairs(&self) -> Repairs {
        Repairs::ALL
    }
}

fn get_unless_asleep(udev: &UsbDevice) -> Result<u32, Errno> {
    if !udev.is_attached() {
        return Err(Errno::ENODEV);
    }
    if udev.design_state.sleep_locked.get() {
        return Err(Errno::EAGAIN);
    }
    udev.offload.change(UsageChange::Get)
}

fn put_or_defer(udev: &UsbDevice) {
    let state = &udev.design_state;
    let frozen = state.sleep_locked.get() || udev.offload.change(UsageChange::Put).is_err();
    // A put too many finds 0 here as well.
    if frozen && udev.offload.usage() > state.deferred_puts.get() {
        state.deferred_puts.set(state.deferred_puts.get() + 1);
    }
}

/// The count may change again, and what was noted is made good. System sleep keeps it frozen.
fn unfreeze(udev: &UsbDevice) {
    usb_offload_set_pm_locked(udev, false);
    if udev.design_state.sleep_locked.get() {
        return;
    }
    for _ in 0..udev.design_state.deferred_puts.take() {
        // pm_locked is 0 and a put at 0 stays there: there is no error.
        let _usage = udev.offload.change(UsageChange::Put);
    }
}

/// The count no longer speaks against an autosuspend.
fn may_be_idle(udev: &UsbDevice) {
    udev.pm().power.get_noresume();
    if drop_active_reference(&udev.pm().power, udev.core().now()) {
        udev.pm().settle();
    }
}
