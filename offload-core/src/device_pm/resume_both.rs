use super::device_step::resume_device;
use crate::event::Event;
use crate::{DeviceState, Errno, PmMessage, UsbDevice};

/// Resumes a device and its interfaces (`usb_resume_both`). Frees the usage count in every case.
///
/// # Errors
/// `-ENODEV` the device is gone; of the device step. Errors of interfaces are ignored.
pub async fn usb_resume_both(udev: &UsbDevice, message: PmMessage) -> Result<(), Errno> {
    let design = udev.core().design();
    if !udev.is_attached() {
        design.resume_found_it_gone(udev);
        return Err(Errno::ENODEV);
    }
    udev.set_can_submit(true);
    let act = design.resume_begins(udev, message).await;

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
    design.resume_ends(udev, message).await;
    if result.is_ok() {
        udev.set_reset_resume(false);
    }
    result
}
