//! `3` or `3.2`: where a device is plugged in.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use usb_devices::hub::{HubPort, MAX_PORTS};
use xhci_spec::PortId;

/// Hubs that can be between a root port and a device (USB 2.0 4.1.1).
const DEPTH_MAX: usize = 5;

/// A root port, and from hub to hub the port that leads to the device.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct PortPath {
    pub(crate) root: PortId,
    pub(crate) hub_ports: Vec<HubPort>,
}

impl From<PortId> for PortPath {
    fn from(root: PortId) -> Self {
        Self { root, hub_ports: Vec::new() }
    }
}

impl FromStr for PortPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("port {text:?}: allowed is 1 to 255, or 3.2 for port 2 of the hub at port 3");
        let mut parts = text.split('.');
        let root = parts.next().and_then(|root| root.parse().ok()).and_then(PortId::new).ok_or_else(bad)?;
        let hub_port =
            |part: &str| part.parse().ok().filter(|port| (1..=MAX_PORTS).contains(port)).map(HubPort);
        let hub_ports = parts.map(hub_port).collect::<Option<Vec<HubPort>>>().ok_or_else(bad)?;
        if hub_ports.len() > DEPTH_MAX {
            return Err(format!("port {text:?}: there can be {DEPTH_MAX} hubs one behind the other"));
        }
        Ok(Self { root, hub_ports })
    }
}

impl TryFrom<String> for PortPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PortPath> for String {
    fn from(path: PortPath) -> Self {
        path.to_string()
    }
}

impl fmt::Display for PortPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root)?;
        self.hub_ports.iter().try_for_each(|port| write!(f, ".{}", port.0))
    }
}

impl PortPath {
    /// Whether the device here is, or is behind, what is plugged in at `other`.
    pub(crate) fn is_behind(&self, other: &Self) -> bool {
        self.root == other.root && self.hub_ports.starts_with(&other.hub_ports)
    }

    /// Port `port` of the hub that is plugged in here.
    pub(crate) fn of_hub(&self, port: HubPort) -> Self {
        let hub_ports = self.hub_ports.iter().copied().chain([port]).collect();
        Self { root: self.root, hub_ports }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_they_are_read() {
        for text in ["1", "255", "3.2", "3.15.1.1.1.4"] {
            assert_eq!(text.parse::<PortPath>().unwrap().to_string(), text);
        }
        for text in ["", "0", "256", "3.", "3.0", "3.16", "x", "3.2.1.1.1.1.1"] {
            assert!(text.parse::<PortPath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_behind_a_hub() {
        let at = |text: &str| text.parse::<PortPath>().unwrap();
        assert!(at("3.2").is_behind(&at("3")) && at("3").is_behind(&at("3")));
        assert!(!at("3").is_behind(&at("3.2")) && !at("3.12").is_behind(&at("3.1")));
    }
}
