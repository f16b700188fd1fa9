//! What the PM core calls on a USB device.

use super::autosuspend::autosuspend_check;
use super::resume_both::usb_resume_both;
use super::suspend_both::usb_suspend_both;
use super::system::{rebind_marked_interfaces, usb_resume, usb_suspend};
use crate::host::LocalBoxFuture;
use crate::runtime_pm::PmOps;
use crate::{Errno, PmMessage, UsbDevice};

impl PmOps for UsbDevice {
    /// `usb_runtime_suspend`.
    fn runtime_suspend(&self) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async {
            if autosuspend_check(self).is_err() {
                return Err(Errno::EAGAIN);
            }
            let result = usb_suspend_both(self, PmMessage::AutoSuspend).await;
            if let Err(Errno::EAGAIN | Errno::EBUSY) = result {
                // Try again when the delay has passed once more.
                self.pm().power.mark_last_busy(self.core().now());
            }
            // Any other error would stop runtime PM of the device for good.
            if self.is_root_hub() { result } else { result.map_err(|_any| Errno::EBUSY) }
        })
    }

    /// `usb_runtime_resume`.
    fn runtime_resume(&self) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(usb_resume_both(self, PmMessage::AutoResume))
    }

    /// `usb_runtime_idle`: tries an autosuspend of its own; the PM core is not to.
    fn runtime_idle(&self) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async {
            if autosuspend_check(self).is_ok() {
                let _refused = self.pm().autosuspend().await;
            }
            Err(Errno::EBUSY)
        })
    }

    fn suspend(&self, message: PmMessage) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(usb_suspend(self, message))
    }

    fn resume(&self, message: PmMessage) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(usb_resume(self, message))
    }

    fn complete(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(rebind_marked_interfaces(self))
    }
}
