//! Power transitions of one USB device: drivers/usb/core/driver.c, and the device steps of hub.c and hcd.c.

mod autosuspend;
mod callbacks;
mod device_step;
mod reset;
mod resume_both;
mod suspend_both;
mod system;

pub use reset::usb_reset_and_verify_device;
pub use resume_both::usb_resume_both;
pub use suspend_both::usb_suspend_both;
