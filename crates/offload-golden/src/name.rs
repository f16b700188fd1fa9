use offload_core::RootHub;
use std::fmt;
use std::str::FromStr;

/// The kernel's name of a device: `usb1`, `1-1`, `2-3.1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct DeviceName {
    pub(crate) bus: RootHub,
    /// From the root hub down; empty for the root hub.
    ports: Vec<u8>,
}

/// Hubs between a device and its root hub (USB 2.0 4.1.1: seven tiers with the root hub and the device).
const HUBS_MAX: usize = 5;

impl DeviceName {
    pub(crate) fn is_root_hub(&self) -> bool {
        self.ports.is_empty()
    }
    /// The port of the hub above; `None` for a root hub.
    pub(crate) fn port(&self) -> Option<u8> {
        self.ports.last().copied()
    }
    /// The hub above; `None` for a root hub.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, above) = self.ports.split_last()?;
        Some(Self { bus: self.bus, ports: above.to_vec() })
    }
}

impl FromStr for DeviceName {
    /// What is wrong.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no device: usb1, usb2, or a bus and ports such as 1-1, 2-3 or 1-2.1");
        let bus = |number: &str| match number {
            "1" => Some(RootHub::Primary),
            "2" => Some(RootHub::Shared),
            _ => None,
        };
        if let Some(number) = text.strip_prefix("usb") {
            return Ok(Self { bus: bus(number).ok_or_else(wrong)?, ports: Vec::new() });
        }
        let (number, ports) = text.split_once('-').ok_or_else(wrong)?;
        let bus = bus(number).ok_or_else(wrong)?;
        let port = |port: &str| port.parse().ok().filter(|port| *port > 0);
        let ports: Option<Vec<u8>> = ports.split('.').map(port).collect();
        let ports = ports.ok_or_else(wrong)?;
        if ports.len() > HUBS_MAX + 1 {
            return Err(format!("`{text}` is behind {} hubs: at most {HUBS_MAX}", ports.len() - 1));
        }
        Ok(Self { bus, ports })
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bus = match self.bus {
            RootHub::Primary => 1,
            RootHub::Shared => 2,
        };
        let Some((first, below)) = self.ports.split_first() else { return write!(f, "usb{bus}") };
        write!(f, "{bus}-{first}")?;
        below.iter().try_for_each(|port| write!(f, ".{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for text in ["usb1", "usb2", "1-1", "2-255", "1-2.1", "1-1.2.3.4.5.6"] {
            assert_eq!(text.parse::<DeviceName>().map(|name| name.to_string()), Ok(text.into()));
        }
        for text in ["", "usb", "usb3", "3-1", "1-", "1-0", "1-256", "1-1.", "1-1.2.3.4.5.6.7", "1-+1x", "1"]
        {
            assert!(text.parse::<DeviceName>().is_err(), "{text}");
        }
    }
}
