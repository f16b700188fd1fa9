use super::device_step::resume_device;
use super::suspend_both::consult_usage;
use crate::event::Event;
use crate::offload::{OFFLOAD, usb_offload_set_pm_locked};
use crate::{DeviceState, Errno, PmMessage, UsbDevice};

/// Resumes a device and its interfaces (`usb_resume_both`). Frees the usage count in every case.
///
/// # Errors
/// `-ENODEV` the device is gone; of the device step. Errors of interfaces are ignored.
pub async fn usb_resume_both(udev: &UsbDevice, message: PmMessage) -> Result<(), Errno> {
    if !udev.is_attached() {
        usb_offload_set_pm_locked(udev, false);
        return Err(Errno::ENODEV);
    }
    udev.set_can_submit(true);
    // Linux 7.3 re-evaluates the usage of the tree, as of now: after the parents' resume, before the children's.
    // S3 holds it equal to what the suspend saw, but for devices that were suspended before.
    let act = consult_usage(udev, message, PmMessage::Resume).await;

    let needs_resume = udev.state() == DeviceState::Suspended || udev.reset_resume();
    let result = if needs_resume && !act { resume_device(udev, message).await } else { Ok(()) };
    if result.is_ok() {
        for intf in udev.interfaces() {
            if act && intf.needs_remote_wakeup() {
                intf.emit(|interface| Event::InterfaceSkipped { interface, message });
            } else {
                intf.resume(message, udev.reset_resume()).await;
            }
        }
    }
    let kernel = udev.core().kernel();
    kernel.step("usb_resume_both: pm_locked = 0", &[OFFLOAD.of(udev.name()).write()]).await;
    udev.pm().power.mark_last_busy(udev.core().now());
    usb_offload_set_pm_locked(udev, false);
    if result.is_ok() {
        udev.set_reset_resume(false);
    }
    result
}
