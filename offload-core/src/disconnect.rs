//! A device goes away, or a driver lets go of an interface: reference sequences 3.1 and 3.2.

use crate::event::Event;
use crate::host::LocalBoxFuture;
use crate::{Condition, DeviceState, UsbDevice, UsbHcd, UsbInterface};
use std::rc::Rc;

/// What `hub_event` does about a port whose device vanished: hub locked and awake, then [`usb_disconnect`]. Nothing
/// happens if the port has no device.
pub async fn hub_port_disconnect(hub: &Rc<UsbDevice>, port: u8) {
    let _hub_lock = hub.lock().await;
    let interface = hub.interface(0);
    let awake = match &interface {
        Some(interface) => interface.autopm_get().await.is_ok(),
        None => false,
    };
    {
        // The status of the port is read; the lock is dropped before the change is handled.
        let port_lock = hub.port_lock(port);
        drop(port_lock.lock().await);
    }
    if let Some(child) = hub.child(port) {
        usb_disconnect(&child).await;
    }
    if awake && let Some(interface) = &interface {
        interface.autopm_put().await;
    }
}

/// `hub_port_logical_disconnect`: the device on the port shall go. Done by the hub's work queue, which is frozen
/// during system sleep.
pub fn logical_disconnect(hub: &Rc<UsbDevice>, port: u8) {
    let hub = hub.clone();
    let core = hub.core().clone();
    core.hub_wq().queue("hub_event", async move { hub_port_disconnect(&hub, port).await });
}

/// `usb_disconnect`: the device and everything below it are gone. The caller owns the parent's mutex.
pub async fn usb_disconnect(udev: &Rc<UsbDevice>) {
    udev.core().emit(|| Event::Disconnect { device: udev.name().clone() });
    // Before anything else, recursively: whoever looks from now on sees it.
    udev.set_state(DeviceState::NotAttached);
    // Runs a resume that was asked for and waits for callbacks; hangs here if one never ends (B2).
    udev.pm().barrier().await;
    {
        let _device_lock = udev.lock().await;
        for child in udev.children() {
            let below: LocalBoxFuture<'_, ()> = Box::pin(usb_disconnect(&child));
            below.await;
        }
        for intf in udev.interfaces() {
            unbind_interface(&intf).await;
            intf.pm().remove().await;
        }
        disable_endpoints(udev).await;
    }
    // `device_del` takes the mutex once more to detach the generic driver.
    drop(udev.lock().await);
    // From here on usb_offload_get and usb_offload_put give -EBUSY.
    udev.pm().remove().await;
    if let Some(parent) = udev.parent() {
        // Only now usb_offload_check no longer sees the device.
        parent.forget_child(udev.port());
    }
    if let Some(slot) = udev.slot_id() {
        udev.host().free_device(slot).await;
        udev.set_slot_id(None);
    }
}

/// `usb_remove_hcd`, from the buses up: every device is disconnected, then the controller leaves the PM core.
pub async fn usb_remove_hcd(hcd: &UsbHcd) {
    for bus in hcd.buses().iter().rev() {
        usb_disconnect(bus.root_hub()).await;
    }
    hcd.controller().remove().await;
}

/// `usb_disable_device`, the host's side of it: URBs end, rings are freed without notice to a sideband.
async fn disable_endpoints(udev: &UsbDevice) {
    drop(udev.take_interfaces());
    let Some(slot) = udev.slot_id() else { return };
    udev.host().flush_endpoints(slot).await;
    let _bandwidth = udev.bandwidth_mutex().lock().await;
    let _gone_anyway = udev.host().drop_endpoints(slot).await;
}

/// Unbinding by sysfs or module removal: the device's mutex is taken as the parent's, then [`unbind_interface`].
pub async fn driver_unbind(intf: &Rc<UsbInterface>) {
    let Some(udev) = intf.device() else { return };
    let _device_lock = udev.lock().await;
    unbind_interface(intf).await;
}

/// `usb_unbind_interface`: the driver lets go, on a device that is still there or on one that is gone. The caller owns
/// the device's mutex; ILK is taken here. Nothing happens to an interface without a driver.
pub async fn unbind_interface(intf: &Rc<UsbInterface>) {
    let _interface_lock = intf.lock().await;
    let Some(driver) = intf.driver().filter(|_| intf.condition() == Condition::Bound) else { return };
    let Some(udev) = intf.device() else { return };

    // The driver core wakes the interface, hence the device, while it takes the driver's links away.
    let _ignored = intf.pm().get_sync().await;
    let _ignored = intf.pm().put_sync().await;
    intf.set_condition(Condition::Unbinding);
    // The device stays awake during the unbind, so that usb_offload_put is accepted unless pm_locked (X3).
    let awake = udev.autoresume().await.is_ok();

    driver.disconnect(intf).await;

    let asleep = intf.pm().sleep.is_prepared();
    if intf.alternate() != 0 {
        if awake && !asleep {
            let _device_may_be_gone = intf.set_alternate(0).await;
        } else {
            intf.set_needs_altsetting0(true);
        }
    }
    intf.unbound(driver.supports_autosuspend()).await;
    intf.emit(|interface| Event::Unbound { interface });
    if awake {
        udev.autosuspend().await;
    }
}
