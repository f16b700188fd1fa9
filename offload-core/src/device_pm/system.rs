//! System sleep of a USB device, its mutex held by the PM core.

use super::resume_both::usb_resume_both;
use super::suspend_both::usb_suspend_both;
use crate::disconnect::unbind_interface;
use crate::{Condition, DeviceState, Errno, PmMessage, UsbDevice};

/// `usb_suspend`.
pub(super) async fn usb_suspend(udev: &UsbDevice, message: PmMessage) -> Result<(), Errno> {
    for intf in udev.interfaces() {
        if intf.driver().is_some_and(|driver| !driver.supports_suspend()) {
            unbind_interface(&intf).await;
            intf.set_needs_binding(true);
        }
    }
    let design = udev.core().design();
    choose_wakeup(udev, message).await;
    usb_suspend_both(udev, message).await?;
    // The quirk does not ask for offload (B24).
    let spared = design.repairs().ports && design.users(udev) > 0;
    if udev.quirks().disconnect_suspend
        && !spared
        && let Some(slot) = udev.slot_id()
    {
        let _the_next_resume_tells = udev.host().port_disable(slot).await;
    }
    Ok(())
}

/// `usb_resume`.
pub(super) async fn usb_resume(udev: &UsbDevice, message: PmMessage) -> Result<(), Errno> {
    match usb_resume_both(udev, message).await {
        Ok(()) => {
            // In this window usb_offload_get and usb_offload_put give -EBUSY on an awake device (B7b).
            udev.pm().disable(true).await;
            udev.core().kernel().yield_now().await;
            // Refused if the parent stayed runtime-suspended: the device then stays so too.
            let _refused = udev.pm().set_active();
            udev.pm().enable();
            unbind_marked_interfaces(udev).await;
            Ok(())
        }
        // A device that went away while asleep is no error of the resume.
        Err(Errno::ENODEV | Errno::ESHUTDOWN) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// `choose_wakeup`: an autosuspended device with the wrong wakeup setting is resumed so that it can be changed. All
/// others of the autosuspended ones take the early exit of [`usb_suspend_both`].
async fn choose_wakeup(udev: &UsbDevice, message: PmMessage) {
    let wakeup = !message.is_freeze() && udev.pm().may_wakeup();
    if udev.state() == DeviceState::Suspended && wakeup != udev.do_remote_wakeup() {
        let _the_state_decides = udev.pm().resume().await;
    }
    udev.set_do_remote_wakeup(wakeup);
}

/// Drivers that cannot follow a lost state let go.
async fn unbind_marked_interfaces(udev: &UsbDevice) {
    for intf in udev.interfaces() {
        if intf.needs_binding() && intf.condition() == Condition::Bound {
            unbind_interface(&intf).await;
            intf.set_needs_binding(true);
        }
    }
}

/// `usb_resume_complete`: interfaces without a driver since the sleep began get one.
pub(super) async fn rebind_marked_interfaces(udev: &UsbDevice) {
    let Some(binder) = udev.core().binder() else { return };
    if !udev.is_attached() {
        return;
    }
    for intf in udev.interfaces() {
        if intf.needs_binding() && intf.condition() == Condition::Unbound {
            binder(intf).await;
        }
    }
}
