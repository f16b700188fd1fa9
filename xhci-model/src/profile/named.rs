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

    /// As little as a controller may have, which is one of xHCI 1.0: one USB 2 and one USB 3 port, two slots, one
    /// interrupter, one event ring segment, no options.
    #[must_use]
    pub fn minimal() -> Self {
        Self {
            hci_version: 0x0100,
            slots: 2,
            interrupters: 1,
            usb2_ports: 1,
            usb3_ports: 1,
            usb3_revision: 0x0300,
            hardware_lpm: false,
            besl_lpm: false,
            legacy_support: false,
            erst_max: 0,
            ist_microframes: 1,
            parse_all_event_data: false,
            stopped_short_packet: false,
            stopped_edtla: false,
            contiguous_frame_ids: false,
            max_psa_size: 0,
            u3_entry: false,
            force_save_context: false,
            compliance_transition: false,
            configuration_information: false,
            extended_tbc: false,
            ..Self::default()
        }
    }

    /// What real controllers have and emulators don't: 64-byte contexts, scratchpads, port power control, 32-bit
    /// addresses, few slots, port numbers without ports, a vendor's capability, listed speeds, firmware that must
    /// let go, long latencies, and a check of everything that software writes.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            slots: 8,
            interrupters: 4,
            port_gap: 2,
            speed_ids: true,
            hub_depth: 5,
            vendor_capability: true,
            scratchpads: 4,
            scratchpad_restore: true,
            addresses_64: false,
            contexts_64: true,
            port_power_control: true,
            port_indicators: true,
            policy: Policy {
                strict: true,
                bios_owned: true,
                disabled_slot_shown: true,
                ports_start_without_power: true,
                ..Policy::DEFAULT
            },
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
            usb3_revision: 0x0320,
            erst_max: 15,
            scratchpads: 1023,
            max_psa_size: 15,
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
            port_gap: 0,
            usb3_revision: 0x0310,
            speed_ids: false,
            hardware_lpm: true,
            besl_lpm: true,
            link_soft_errors: false,
            hub_depth: 0,
            legacy_support: true,
            vendor_capability: false,
            non_removable_ports: Vec::new(),
            erst_max: 5,
            ist_microframes: 8,
            scratchpads: 0,
            scratchpad_restore: false,
            addresses_64: true,
            contexts_64: false,
            port_power_control: false,
            port_indicators: false,
            light_reset: false,
            latency_tolerance: false,
            parse_all_event_data: true,
            stopped_short_packet: true,
            stopped_edtla: true,
            contiguous_frame_ids: true,
            bandwidth_negotiation: false,
            max_psa_size: 7,
            u3_entry: true,
            max_exit_latency_check: false,
            force_save_context: true,
            compliance_transition: true,
            large_esit_payload: false,
            configuration_information: true,
            extended_tbc: false,
            extended_tbc_status: false,
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
