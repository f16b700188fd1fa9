//! A device asks to be resumed.

use crate::{Errno, RootHub, UsbDevice, UsbHcd};
use std::rc::Rc;

/// `usb_remote_wakeup`: what the hub's event handler does about a port that resumes by itself. The device stays awake for
/// its autosuspend delay.
///
/// # Errors
/// Of the resume.
pub async fn usb_remote_wakeup(udev: &UsbDevice) -> Result<(), Errno> {
    let _device_lock = udev.lock().await;
    udev.autoresume().await?;
    udev.autosuspend().await;
    Ok(())
}

/// `usb_hcd_resume_root_hub`: from the controller's interrupt, a port of a suspended bus asks for the host. A system suspend
/// under way is abandoned; the root hub is resumed by the freezable queue, that is after the thaw.
pub fn usb_hcd_resume_root_hub(hcd: &Rc<UsbHcd>, which: RootHub) {
    let Some(root_hub) = hcd.root_hub(which) else { return };
    let core = root_hub.core().clone();
    core.wakeup_event();
    core.hub_wq().queue("hcd_resume_work", async move {
        let _the_next_event_tells = usb_remote_wakeup(&root_hub).await;
    });
}
