//! The device step of a transition: the port of a device, or the bus of a root hub.

use super::reset::usb_reset_and_verify_device;
use super::suspend_both::emit;
use crate::event::Event;
use crate::hub::wakeup_enabled_descendants;
use crate::{DeviceState, Errno, PmMessage, SlotId, UsbBus, UsbDevice};
use sim_time::Duration;

/// How long resume is signalled, with the kernel's margin over USB 2.0 TDRSMDN.
const TDRSMDN: Duration = Duration::from_millis(40);
/// USB 2.0 TRSMRCY: how long a device may recover from a resume; also how long it may take to suspend.
const TRSMRCY: Duration = Duration::from_millis(10);

/// `usb_suspend_device`.
pub(super) async fn suspend_device(udev: &UsbDevice, message: PmMessage) -> Result<(), Errno> {
    let result = if udev.is_root_hub() {
        bus_suspend(udev).await
    } else if message.is_freeze() && !udev.speed().is_super() {
        // A USB 2 device stops by itself when its bus does.
        Ok(())
    } else {
        port_suspend(udev, message).await
    };
    emit(udev, |device| Event::Device { device, message, result });
    result
}

/// `usb_resume_device`.
pub(super) async fn resume_device(udev: &UsbDevice, message: PmMessage) -> Result<(), Errno> {
    let result = if udev.is_root_hub() {
        bus_resume(udev).await
    } else {
        if udev.quirks().reset_resume {
            udev.set_reset_resume(true);
        }
        port_resume(udev).await
    };
    emit(udev, |device| Event::Device { device, message, result });
    result
}

fn bus_of(udev: &UsbDevice) -> Result<UsbBus, Errno> {
    udev.hcd().and_then(|hcd| hcd.bus(udev.bus())).ok_or(Errno::ESHUTDOWN)
}

/// `hcd_bus_suspend`.
async fn bus_suspend(root_hub: &UsbDevice) -> Result<(), Errno> {
    let bus = bus_of(root_hub)?;
    root_hub.host().bus_suspend(root_hub.bus(), root_hub.do_remote_wakeup()).await?;
    root_hub.set_state(DeviceState::Suspended);
    bus.set_running(false);
    Ok(())
}

/// `hcd_bus_resume`.
async fn bus_resume(root_hub: &UsbDevice) -> Result<(), Errno> {
    let bus = bus_of(root_hub)?;
    if bus.is_running() {
        return Ok(());
    }
    root_hub.host().bus_resume(root_hub.bus()).await?;
    root_hub.set_state(DeviceState::Configured);
    bus.set_running(true);
    Ok(())
}

/// `usb_port_suspend`. PORT is held.
async fn port_suspend(udev: &UsbDevice, message: PmMessage) -> Result<(), Errno> {
    let (hub, slot) = place(udev)?;
    let port = hub.port_lock(udev.port());
    let _port = port.lock().await;
    // In system sleep a USB 2 port is left alone unless somebody below may wake the host: the suspend of the bus is
    // to stop it. With offload that never comes (B12).
    let really = message.is_auto()
        || udev.speed().is_super()
        || wakeup_enabled_descendants(udev) > 0
        || udev.core().design().repairs().ports;
    if really {
        hub_listens(&hub)?;
        udev.host().port_suspend(slot, udev.do_remote_wakeup()).await?;
        udev.set_port_is_suspended(true);
        udev.core().kernel().sleep(TRSMRCY).await;
    } else {
        emit(udev, |device| Event::PortNotSuspended { device });
    }
    udev.set_state(DeviceState::Suspended);
    Ok(())
}

/// `usb_port_resume`. PORT is held. A device that does not come back is disconnected by the hub's next event.
async fn port_resume(udev: &UsbDevice) -> Result<(), Errno> {
    let (hub, slot) = place(udev)?;
    let port = hub.port_lock(udev.port());
    let _port = port.lock().await;
    let mut result = clear_suspend(udev, &hub, slot).await;
    if result.is_ok() {
        result = finish_port_resume(udev, slot).await;
    }
    if result.is_err() {
        crate::disconnect::logical_disconnect(&hub, udev.port());
    }
    result
}

async fn clear_suspend(udev: &UsbDevice, hub: &UsbDevice, slot: SlotId) -> Result<(), Errno> {
    if udev.port_is_suspended() {
        hub_listens(hub)?;
        udev.host().port_resume(slot).await?;
        udev.core().kernel().sleep(TDRSMDN + TRSMRCY).await;
        udev.set_port_is_suspended(false);
    }
    Ok(())
}

/// The device is back in its configuration, reset if its state was lost or it does not answer.
async fn finish_port_resume(udev: &UsbDevice, slot: SlotId) -> Result<(), Errno> {
    udev.set_state(DeviceState::Configured);
    if !udev.reset_resume() {
        if udev.host().get_status(slot).await.is_ok() {
            return Ok(());
        }
        udev.set_reset_resume(true);
    }
    usb_reset_and_verify_device(udev).await?;
    let slot = udev.slot_id().ok_or(Errno::ENODEV)?;
    udev.host().get_status(slot).await
}

/// Port features are set by requests to the hub, root hubs included. A suspended hub takes none (B16 ends here).
fn hub_listens(hub: &UsbDevice) -> Result<(), Errno> {
    if hub.can_submit() { Ok(()) } else { Err(Errno::EHOSTUNREACH) }
}

fn place(udev: &UsbDevice) -> Result<(std::rc::Rc<UsbDevice>, SlotId), Errno> {
    Ok((udev.parent().ok_or(Errno::ENODEV)?, udev.slot_id().ok_or(Errno::ENODEV)?))
}
