use super::device_step::suspend_device;
use crate::event::Event;
use crate::{DeviceState, Errno, PmMessage, UsbDevice};

/// Suspends a device and its interfaces (`usb_suspend_both`).
///
/// In system sleep the caller owns the device's mutex; in runtime PM nobody does.
///
/// # Errors
/// AUTO: of an interface or of the device step. System sleep: of a root hub only.
pub async fn usb_suspend_both(udev: &UsbDevice, message: PmMessage) -> Result<(), Errno> {
    match udev.state() {
        DeviceState::NotAttached => return Ok(()),
        // pm_locked stays as the earlier suspend left it, normally set.
        DeviceState::Suspended => {
            udev.core().design().suspended_already(udev, message);
            emit(udev, |device| Event::EarlyExit { device, message });
            return Ok(());
        }
        _ => {}
    }
    let design = udev.core().design();
    let mut act = design.suspend_begins(udev, message).await;
    let mut interfaces = suspend_interfaces(udev, message, act).await;
    if act && !design.interfaces_suspended(udev, act) {
        act = false;
        interfaces = suspend_skipped_interfaces(udev, message).await;
    }
    let result = match interfaces {
        Err((failed, errno)) => {
            resume_interfaces(udev, failed + 1, message).await;
            Err(errno)
        }
        Ok(()) if act => Ok(()),
        Ok(()) => match device_step(udev, message).await {
            Err(errno) => {
                // A device that does not even answer has no interface to resume.
                if errno == Errno::EBUSY || answers(udev).await {
                    resume_interfaces(udev, 0, message).await;
                }
                Err(errno)
            }
            Ok(()) => Ok(()),
        },
    };
    match result {
        Ok(()) => {
            // Also when the device is left running: what its URBs would tell, nobody would hear.
            udev.set_can_submit(false);
            if !act && let Some(slot) = udev.slot_id() {
                udev.host().flush_endpoints(slot).await;
            }
        }
        Err(_) => design.suspend_failed(udev).await,
    }
    result
}

pub(super) fn emit(udev: &UsbDevice, event: impl FnOnce(std::rc::Rc<str>) -> Event) {
    udev.core().emit(|| event(udev.name().clone()));
}

/// Last to first. An interface that waits for a wakeup event goes on waiting if the device is left running.
async fn suspend_interfaces(udev: &UsbDevice, message: PmMessage, act: bool) -> Result<(), (usize, Errno)> {
    for (index, intf) in udev.interfaces().iter().enumerate().rev() {
        if act && intf.needs_remote_wakeup() {
            intf.emit(|interface| Event::InterfaceSkipped { interface, message });
            continue;
        }
        if let Err(errno) = intf.suspend(message).await
            // System sleep does not let a driver say no.
            && message.is_auto()
        {
            return Err((index, errno));
        }
    }
    Ok(())
}

/// The device is not left running after all.
async fn suspend_skipped_interfaces(udev: &UsbDevice, message: PmMessage) -> Result<(), (usize, Errno)> {
    for intf in udev.interfaces().iter().rev().filter(|intf| intf.needs_remote_wakeup()) {
        // Only system sleep leaves a device running, and it does not let a driver say no.
        let _ignored = intf.suspend(message).await;
    }
    Ok(())
}

async fn resume_interfaces(udev: &UsbDevice, from: usize, message: PmMessage) {
    for intf in udev.interfaces().iter().skip(from) {
        intf.resume(message.resume_event(), false).await;
    }
}

async fn device_step(udev: &UsbDevice, message: PmMessage) -> Result<(), Errno> {
    let result = suspend_device(udev, message).await;
    // The device then counts as suspended by the PM core, with its state still CONFIGURED.
    if udev.is_root_hub() || message.is_auto() { result } else { Ok(()) }
}

async fn answers(udev: &UsbDevice) -> bool {
    match udev.slot_id() {
        Some(slot) => udev.host().get_status(slot).await.is_ok(),
        // A root hub answers by register.
        None => true,
    }
}
