//! The profiles that a driver author picks by name.

use super::{Latencies, Policy, Profile};
use core::str::FromStr;
use thiserror::Error;

/// A profile name that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown profile {name:?}, there are default, minimal, strict and large")]
pub struct UnknownProfile {
    /// What was asked for.
    pub name: String,
}

impl Profile {
    /// The names that [`Profile::from_str`] knows, [`default`](Self::default) first.
    pub const NAMES: [&str; 4] = ["default", "minimal", "strict", "large"];

    /// As little as a controller may have: one USB 2 and one USB 3 port, two slots, one interrupter, one event ring
    /// segment, no options.
    #[must_use]
    pub fn minimal() -> Self {
        Self {
            hci_version: 0x0110,
            slots: 2,
            interrupters: 1,
            usb2_ports: 1,
            usb3_ports: 1,
            erst_max: 0,
            ist_microframes: 1,
            parse_all_event_data: false,
            stopped_short_packet: false,
            contiguous_frame_ids: false,
            max_psa_size: 0,
            u3_entry: false,
            compliance_transition: false,
            extended_tbc: false,
            ..Self::default()
        }
    }

    /// What real controllers have and emulators don't: 64-byte contexts, scratchpads, port power control, 32-bit
    /// addresses, few slots, long latencies, and a check of everything that software writes.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            slots: 8,
            interrupters: 4,
            scratchpads: 4,
            addresses_64: false,
            contexts_64: true,
            port_power_control: true,
            policy: Policy { strict: true, ..Policy::DEFAULT },
            latencies: Latencies::SLOW,
            ..Self::default()
        }
    }

    /// All sizes at their maximum.
    #[must_use]
    pub fn large() -> Self {
        Self {
            hci_version: 0x0120,
            slots: 255,
            interrupters: 1024,
            usb2_ports: 128,
            usb3_ports: 127,
            erst_max: 15,
            scratchpads: 1023,
            ..Self::default()
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            hci_version: 0x0120,
            slots: 64,
            interrupters: 8,
            usb2_ports: 6,
            usb3_ports: 6,
            erst_max: 5,
            ist_microframes: 8,
            scratchpads: 0,
            addresses_64: true,
            contexts_64: false,
            port_power_control: false,
            parse_all_event_data: true,
            stopped_short_packet: true,
            contiguous_frame_ids: true,
            bandwidth_negotiation: false,
            max_psa_size: 0,
            u3_entry: false,
            max_exit_latency_check: false,
            compliance_transition: false,
            large_esit_payload: false,
            extended_tbc: false,
            u1_exit_latency_us: 10,
            u2_exit_latency_us: 0x7FF,
            policy: Policy::DEFAULT,
            latencies: Latencies::TYPICAL,
        }
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Ok(match name {
            "default" => Self::default(),
            "minimal" => Self::minimal(),
            "strict" => Self::strict(),
            "large" => Self::large(),
            _ => return Err(UnknownProfile { name: name.to_owned() }),
        })
    }
}
