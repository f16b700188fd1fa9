use super::device_step::suspend_device;
use crate::event::Event;
use crate::offload::{OFFLOAD, usb_offload_check, usb_offload_set_pm_locked};
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
            emit(udev, |device| Event::EarlyExit { device, message });
            return Ok(());
        }
        _ => {}
    }
    let kernel = udev.core().kernel();
    kernel.step("usb_suspend_both: pm_locked = 1", &[OFFLOAD.of(udev.name()).write()]).await;
    usb_offload_set_pm_locked(udev, true);
    let act = consult_usage(udev, message, PmMessage::Suspend).await;

    let result = match suspend_interfaces(udev, message, act).await {
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
        Err(_) => {
            // S7: pm_locked never stays on an awake device.
            kernel.step("usb_suspend_both: pm_locked = 0", &[OFFLOAD.of(udev.name()).write()]).await;
            usb_offload_set_pm_locked(udev, false);
        }
    }
    result
}

/// The `act` of both directions: only `asks`, exactly, looks at the usage of the tree.
pub(super) async fn consult_usage(udev: &UsbDevice, message: PmMessage, asks: PmMessage) -> bool {
    if message != asks {
        return false;
    }
    let act = usb_offload_check(udev).await;
    emit(udev, |device| Event::Decision { device, message, act });
    act
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
