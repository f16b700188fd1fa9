//! What `--device` says: `KIND[,port=N]`.

use crate::failure::Failure;
use sim_time::Instant;
use std::fmt;
use std::str::FromStr;
use usb_devices::audio::uac1::Speaker;
use usb_devices::audio::uac2::Headset;
use usb_devices::{Hub, Peripheral};
use xhci_model::{Device, Protocol, Xhci};
use xhci_spec::PortId;

/// A device to plug in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceSpec {
    kind: Kind,
    /// None is the first free port of the device's protocol.
    port: Option<PortId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Uac1,
    Uac2,
    Hub,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Uac1, Self::Uac2, Self::Hub];

    fn name(self) -> &'static str {
        match self {
            Self::Uac1 => "uac1",
            Self::Uac2 => "uac2",
            Self::Hub => "hub",
        }
    }

    fn build(self) -> Box<dyn Device> {
        match self {
            Self::Uac1 => Box::new(Peripheral::new(Speaker::new())),
            Self::Uac2 => Box::new(Peripheral::new(Headset::new())),
            Self::Hub => Box::new(Hub::new()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DeviceSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default();
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| {
            let kinds = Kind::ALL.map(Kind::name).join(", ");
            format!("unknown device {name:?}, there are {kinds}")
        })?;
        let mut port = None;
        for part in parts {
            match part.split_once('=') {
                Some(("port", number)) => {
                    let parsed = number.parse().ok().and_then(PortId::new);
                    port =
                        Some(parsed.ok_or_else(|| format!("port {number:?} is no port number, 1 to 255"))?);
                }
                _ => return Err(format!("unknown property {part:?}, there is port=N")),
            }
        }
        Ok(Self { kind, port })
    }
}

/// Plugs everything in, in the order of the command line.
pub(super) fn plug_in(specs: &[DeviceSpec], xhci: &mut Xhci) -> Result<(), Failure> {
    for spec in specs {
        let device = spec.kind.build();
        let port = spec.port.or_else(|| free_port(xhci, device.as_ref()));
        let port = port.ok_or_else(|| Failure::usage(format!("--device {}: no free port", spec.kind)))?;
        xhci.attach(Instant::ZERO, port, device)
            .map_err(|error| Failure::usage(format!("--device {}: {error}", spec.kind)))?;
    }
    Ok(())
}

fn free_port(xhci: &Xhci, device: &dyn Device) -> Option<PortId> {
    let protocol = if device.speed().is_super() { Protocol::Usb3 } else { Protocol::Usb2 };
    let fits = |port: &PortId| xhci.protocol(*port) == Some(protocol) && xhci.device(*port).is_none();
    (1..=u8::MAX).filter_map(PortId::new).find(fits)
}
