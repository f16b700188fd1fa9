use crate::host::LocalBoxFuture;
use crate::sideband::RingFreeNotifier;
use crate::{Errno, UsbDevice};

/// Resets a device and brings it back to what it was (`usb_reset_and_verify_device`). The caller holds PORT.
///
/// Transfer rings are freed, with notice to a sideband: first those of everything below, then the device's own, and
/// the device's again under A0 while it is addressed.
///
/// # Errors
/// `-ENODEV`: the device did not come back as it was.
pub async fn usb_reset_and_verify_device(udev: &UsbDevice) -> Result<(), Errno> {
    if udev.reset_resume() {
        release_resources(udev).await;
    }
    {
        let _address0 = udev.address0_mutex().lock().await;
        let slot = reset_slot(udev).await?;
        udev.host().port_init(slot).await.map_err(|_lost| Errno::ENODEV)?;
    }
    let slot = udev.slot_id().ok_or(Errno::ENODEV)?;
    {
        let _bandwidth = udev.bandwidth_mutex().lock().await;
        udev.host().configure(slot).await.map_err(|_lost| Errno::ENODEV)?;
    }
    for intf in udev.interfaces() {
        // Alternate 0 is what SET_CONFIGURATION leaves.
        if intf.alternate() != 0 {
            intf.set_alternate(intf.alternate()).await.map_err(|_lost| Errno::ENODEV)?;
        }
    }
    Ok(())
}

/// `hub_hc_release_resources`: children first, without A0.
async fn release_resources(udev: &UsbDevice) {
    for child in udev.children() {
        let below: LocalBoxFuture<'_, ()> = Box::pin(release_resources(&child));
        below.await;
    }
    let _the_next_reset_tells = reset_slot(udev).await;
}

/// Reset Device for the slot, which may be another one afterwards.
async fn reset_slot(udev: &UsbDevice) -> Result<crate::SlotId, Errno> {
    let slot = udev.slot_id().ok_or(Errno::ENODEV)?;
    let rings = RingFreeNotifier::new(udev, slot);
    let slot = udev.host().reset_device(slot, &rings).await.map_err(|_lost| Errno::ENODEV)?;
    udev.set_slot_id(Some(slot));
    Ok(slot)
}
