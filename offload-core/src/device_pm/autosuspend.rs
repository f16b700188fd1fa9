//! Runtime PM of a USB device: what usbcore adds to the PM core's.

use crate::{Condition, Errno, UsbDevice};

impl UsbDevice {
    /// `usb_autoresume_device`: the device is resumed and stays so until [`UsbDevice::autosuspend`].
    ///
    /// # Errors
    /// Of the resume; nothing is counted then.
    pub async fn autoresume(&self) -> Result<(), Errno> {
        self.pm().resume_and_get().await
    }

    /// `usb_autosuspend_device`: undoes one [`UsbDevice::autoresume`]; the delay begins.
    pub async fn autosuspend(&self) {
        self.pm().power.mark_last_busy(self.core().now());
        let _refused = self.pm().put_sync_autosuspend().await;
    }
}

/// `usb_autosuspend_check`: whether nothing speaks against a runtime suspend; sets `do_remote_wakeup`. Whether the
/// usage count is asked is the design's (B23).
///
/// # Errors
/// `-ENODEV` gone; `-EBUSY` an interface is used; `-EOPNOTSUPP` remote wakeup is needed and not possible, or the
/// device would lose its state and a driver needs more than that.
pub(super) fn autosuspend_check(udev: &UsbDevice) -> Result<(), Errno> {
    if !udev.is_attached() {
        return Err(Errno::ENODEV);
    }
    udev.core().design().may_autosuspend(udev)?;
    let mut needs_wakeup = false;
    for intf in udev.interfaces() {
        if intf.pm().power.disable_depth() > 0 {
            continue;
        }
        if intf.pm().power.usage_count() > 0 {
            return Err(Errno::EBUSY);
        }
        needs_wakeup |= intf.needs_remote_wakeup();
        if udev.quirks().reset_resume {
            let bound = intf.condition() == Condition::Bound;
            let resets = intf.driver().is_some_and(|driver| driver.supports_reset_resume());
            if (bound && !resets) || intf.needs_remote_wakeup() {
                return Err(Errno::EOPNOTSUPP);
            }
        }
    }
    if needs_wakeup && !udev.pm().can_wakeup() {
        return Err(Errno::EOPNOTSUPP);
    }
    udev.set_do_remote_wakeup(needs_wakeup);
    Ok(())
}
