//! What is plugged into a controller, hubs and what is behind them included.

use super::port_path::PortPath;
use sim_time::Instant;
use std::any::Any;
use usb_devices::Hub;
use usb_devices::hub::{HubError, HubPort};
use xhci_model::{Device, Protocol, Xhci};
use xhci_spec::PortId;

/// Plugs a device in, at the first free root port of its bus if no port is given.
///
/// # Errors
/// There is no such port, or it is not free.
pub(crate) fn plug(
    xhci: &mut Xhci,
    now: Instant,
    port: Option<PortPath>,
    device: Box<dyn Device>,
) -> Result<PortPath, String> {
    let port = match port {
        Some(port) => port,
        None => free_port(xhci, device.as_ref()).ok_or("no free port")?.into(),
    };
    match port.hub_ports.split_last() {
        None => xhci.attach(now, port.root, device).map_err(|error| error.to_string())?,
        Some((last, above)) => {
            let hub = hub_at(xhci, port.root, above)?;
            hub.attach(now, *last, device).map_err(|error: HubError| error.to_string())?;
            // A hub that sleeps may wake the host.
            xhci.touch(now, port.root);
        }
    }
    Ok(port)
}

/// Pulls a device out.
///
/// # Errors
/// Nothing is plugged in there.
pub(crate) fn unplug(xhci: &mut Xhci, now: Instant, port: &PortPath) -> Result<Box<dyn Device>, String> {
    let device = match port.hub_ports.split_last() {
        None => xhci.detach(now, port.root),
        Some((last, above)) => {
            let device = hub_at(xhci, port.root, above)?.detach(now, *last);
            xhci.touch(now, port.root);
            device
        }
    };
    device.ok_or_else(|| format!("port {port} is empty"))
}

/// What is plugged in somewhere.
pub(crate) fn device_at<'a>(xhci: &'a mut Xhci, port: &PortPath) -> Option<&'a mut (dyn Any + 'static)> {
    let device = match port.hub_ports.split_last() {
        None => xhci.device_mut(port.root)?,
        Some((last, above)) => hub_at(xhci, port.root, above).ok()?.device_mut(*last)?,
    };
    Some(scope::device_mut(device))
}

/// Shows `visit` a device, and after it what is behind it.
pub(crate) fn walk(port: &PortPath, device: &dyn Device, visit: &mut dyn FnMut(&PortPath, &dyn Device)) {
    visit(port, device);
    let any: &dyn Any = scope::device(device);
    let Some(hub) = any.downcast_ref::<Hub>() else { return };
    for at in (1..=hub.ports()).map(HubPort) {
        if let Some(behind) = hub.device(at) {
            walk(&port.of_hub(at), behind, visit);
        }
    }
}

fn hub_at<'a>(xhci: &'a mut Xhci, root: PortId, hub_ports: &[HubPort]) -> Result<&'a mut Hub, String> {
    let root_hub = xhci.device_mut(root).and_then(as_hub);
    let hub = root_hub.and_then(|root_hub| {
        hub_ports.iter().try_fold(root_hub, |hub, port| hub.device_mut(*port).and_then(as_hub))
    });
    hub.ok_or_else(|| {
        let at = PortPath { root, hub_ports: hub_ports.to_vec() };
        format!("port {at} has no hub")
    })
}

fn as_hub<'a>(device: &'a mut (dyn Device + 'static)) -> Option<&'a mut Hub> {
    let any: &mut (dyn Any + 'static) = scope::device_mut(device);
    any.downcast_mut()
}

fn free_port(xhci: &Xhci, device: &dyn Device) -> Option<PortId> {
    let protocol = if device.speed().is_super() { Protocol::Usb3 } else { Protocol::Usb2 };
    let fits = |port: &PortId| xhci.protocol(*port) == Some(protocol) && xhci.device(*port).is_none();
    (1..=u8::MAX).filter_map(PortId::new).find(fits)
}
