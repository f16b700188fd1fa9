//! Capability registers and extended capabilities (xHCI 5.3, 7): constants of a profile.

use super::layout::{CAPLENGTH, Layout};
use crate::profile::Profile;
use xhci_spec::registers::capability::{
    CaplengthHciversion, Hccparams1, Hccparams2, Hcsparams1, Hcsparams2, Hcsparams3, Ist,
};
use xhci_spec::registers::extended::{CapabilityId, PROTOCOL_NAME_USB, ProtocolPorts, ProtocolRevision};

/// The dwords that never change.
#[derive(Debug)]
pub(crate) struct Capabilities {
    capability: [u32; 8],
    extended: Vec<u32>,
}

impl Capabilities {
    #[expect(clippy::cast_possible_truncation, reason = "CAPLENGTH is 0x80; xECP is below 2^16 dwords")]
    pub(crate) fn new(profile: &Profile, layout: &Layout) -> Self {
        let ports = profile.usb2_ports.saturating_add(profile.usb3_ports);
        let ist = match profile.ist_microframes {
            microframes @ 0..8 => Ist::from_microframes(microframes),
            microframes => Ist::from_frames(microframes / 8),
        };
        let capability = [
            CaplengthHciversion::new()
                .with_caplength(CAPLENGTH as u8)
                .with_hciversion(profile.hci_version)
                .into_bits(),
            Hcsparams1::new()
                .with_max_slots(profile.slots)
                .with_max_intrs(profile.interrupters)
                .with_max_ports(ports)
                .into_bits(),
            Hcsparams2::new()
                .with_ist(ist)
                .with_erst_max(profile.erst_max)
                .with_max_scratchpads(profile.scratchpads)
                .into_bits(),
            Hcsparams3::new()
                .with_u1_device_exit_latency_us(profile.u1_exit_latency_us)
                .with_u2_device_exit_latency_us(profile.u2_exit_latency_us)
                .into_bits(),
            Hccparams1::new()
                .with_ac64(profile.addresses_64)
                .with_bnc(profile.bandwidth_negotiation)
                .with_csz(profile.contexts_64)
                .with_ppc(profile.port_power_control)
                .with_nss(true)
                .with_pae(profile.parse_all_event_data)
                .with_spc(profile.stopped_short_packet)
                .with_sec(true)
                .with_cfc(profile.contiguous_frame_ids)
                .with_max_psa_size(profile.max_psa_size)
                .with_xecp((layout.extended / 4) as u16)
                .into_bits(),
            layout.doorbells,
            layout.runtime,
            extensions(profile).into_bits(),
        ];
        Self { capability, extended: protocols(profile) }
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        dword(&self.capability, offset)
    }

    pub(crate) fn read_extended(&self, offset: u32) -> u32 {
        dword(&self.extended, offset)
    }
}

/// CAP-23: a controller of xHCI 1.0 has none of these.
fn extensions(profile: &Profile) -> Hccparams2 {
    if profile.hci_version <= 0x0100 {
        return Hccparams2::new();
    }
    Hccparams2::new()
        .with_u3c(profile.u3_entry)
        .with_cmc(profile.max_exit_latency_check)
        .with_ctc(profile.compliance_transition)
        .with_lec(profile.large_esit_payload)
        .with_etc(profile.extended_tbc)
}

fn dword(dwords: &[u32], offset: u32) -> u32 {
    usize::try_from(offset / 4).ok().and_then(|index| dwords.get(index)).copied().unwrap_or(0)
}

/// EXT-06, EXT-07: one Supported Protocol capability for each kind of port.
fn protocols(profile: &Profile) -> Vec<u32> {
    let first_usb3 = profile.usb2_ports.saturating_add(1);
    let ranges = [(0x02, 1, profile.usb2_ports), (0x03, first_usb3, profile.usb3_ports)];
    let offered = ranges.into_iter().filter(|(_, _, count)| *count > 0).collect::<Vec<_>>();
    let last = offered.len().saturating_sub(1);
    offered
        .iter()
        .enumerate()
        .flat_map(|(index, (major, first, count))| {
            let revision = ProtocolRevision::new()
                .with_id(CapabilityId::SUPPORTED_PROTOCOL)
                .with_next(if index == last { 0 } else { 4 })
                .with_major(*major);
            let ports = ProtocolPorts::new().with_offset(*first).with_count(*count);
            [revision.into_bits(), PROTOCOL_NAME_USB, ports.into_bits(), 0]
        })
        .collect()
}
