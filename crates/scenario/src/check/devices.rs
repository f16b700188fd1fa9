use super::name;
use crate::error::Fault;
use crate::scenario::{ClientStyle, DeviceKind, DeviceSpec, PortPath};
use crate::schema;
use toml::Spanned;
use xhci_model::Profile;

/// Ports of a hub in a scenario.
const HUB_PORTS: u8 = 4;
/// Furthest that a crystal is off, in either direction.
const DRIFT_PPM_MAX: i32 = 1000;

pub(super) fn devices(file: &schema::File, profile: &Profile) -> Result<Vec<DeviceSpec>, Fault> {
    let default_client = file.client.as_ref().map(|client| client.style);
    let mut devices: Vec<DeviceSpec> = Vec::new();
    for spanned in &file.topology.devices {
        let device = spanned.get_ref();
        let name = name(&device.name, devices.iter().map(|other| other.name.as_str()))?;
        let port = port(&device.port, profile, &devices)?;
        let is_hub = device.kind == DeviceKind::Hub;
        if is_hub && port.hub_port.is_some() {
            return Err(Fault::new(
                device.port.span(),
                "port",
                "a hub behind a hub; plug it into a root port",
            ));
        }
        let client = match (&device.client, default_client) {
            (Some(client), _) if is_hub => {
                return Err(Fault::new(client.span(), "client", "a hub has no audio class driver"));
            }
            (Some(client), _) => *client.get_ref(),
            (None, Some(style)) => style,
            (None, None) => ClientStyle::Aoc,
        };
        let (kind, drift_ppm, absent) = (device.kind, device.drift_ppm, device.absent);
        if drift_ppm.unsigned_abs() > DRIFT_PPM_MAX.unsigned_abs() {
            return Err(Fault::new(
                spanned.span(),
                "drift_ppm",
                format!("{drift_ppm}, allowed is -{DRIFT_PPM_MAX} to {DRIFT_PPM_MAX}"),
            ));
        }
        devices.push(DeviceSpec { name, port, kind, client, drift_ppm, absent });
    }
    Ok(devices)
}

fn port(text: &Spanned<String>, profile: &Profile, before: &[DeviceSpec]) -> Result<PortPath, Fault> {
    let fault = |reason: String| Fault::new(text.span(), "port", reason);
    let written = text.get_ref();
    let number = |part: &str| part.parse::<u8>().ok().filter(|&port| port > 0);
    let parts = written.split('.').map(number).collect::<Option<Vec<u8>>>();
    let port = match parts.as_deref() {
        Some(&[root]) => PortPath { root, hub_port: None },
        Some(&[root, port]) => PortPath { root, hub_port: Some(port) },
        _ => {
            return Err(fault(format!(
                "`{written}` is no port; write \"1\", or \"2.1\" for port 1 of a hub at 2"
            )));
        }
    };
    if port.root > profile.usb2_ports {
        return Err(fault(format!(
            "no USB 2 root port {}, there are 1 to {}",
            port.root, profile.usb2_ports
        )));
    }
    if let Some(hub_port) = port.hub_port {
        let hub_is_there = before.iter().any(|device| {
            device.kind == DeviceKind::Hub && device.port == PortPath { root: port.root, hub_port: None }
        });
        if !hub_is_there {
            return Err(fault(format!("no hub at root port {}; list it before this device", port.root)));
        }
        if hub_port > HUB_PORTS {
            return Err(fault(format!("the hub has no port {hub_port}, only 1 to {HUB_PORTS}")));
        }
    }
    if let Some(other) = before.iter().find(|device| device.port == port) {
        return Err(fault(format!("`{}` is plugged in there", other.name)));
    }
    Ok(port)
}
