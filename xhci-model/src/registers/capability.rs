//! Capability registers (xHCI 5.3): constants of a profile.

use super::extended;
use super::layout::{CAPLENGTH, Layout};
use crate::profile::Profile;
use xhci_spec::registers::capability::{
    CaplengthHciversion, HCCPARAMS2, Hccparams1, Hccparams2, Hcsparams1, Hcsparams2, Hcsparams3, Ist,
};

/// The dwords that never change.
#[derive(Clone, Debug)]
pub(crate) struct Capabilities {
    capability: [u32; 8],
    extended: Vec<u32>,
}

impl Capabilities {
    pub(crate) fn new(profile: &Profile, layout: &Layout) -> Self {
        let capability = [
            version(profile).into_bits(),
            Hcsparams1::new()
                .with_max_slots(profile.slots)
                .with_max_intrs(profile.interrupters)
                .with_max_ports(profile.max_ports())
                .into_bits(),
            structure2(profile).into_bits(),
            Hcsparams3::new()
                .with_u1_device_exit_latency_us(profile.u1_exit_latency_us)
                .with_u2_device_exit_latency_us(profile.u2_exit_latency_us)
                .into_bits(),
            parameters1(profile, layout).into_bits(),
            layout.doorbells,
            layout.runtime,
            parameters2(profile).into_bits(),
        ];
        Self { capability, extended: extended::capabilities(profile) }
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        dword(&self.capability, offset)
    }

    /// What the controller is able to do (HCCPARAMS2).
    pub(crate) fn parameters2(&self) -> Hccparams2 {
        Hccparams2::from_bits(self.read(HCCPARAMS2))
    }

    pub(crate) fn read_extended(&self, offset: u32) -> u32 {
        dword(&self.extended, offset)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "CAPLENGTH is 0x80")]
fn version(profile: &Profile) -> CaplengthHciversion {
    CaplengthHciversion::new().with_caplength(CAPLENGTH as u8).with_hciversion(profile.hci_version)
}

fn structure2(profile: &Profile) -> Hcsparams2 {
    let ist = match profile.ist_microframes {
        microframes @ 0..8 => Ist::from_microframes(microframes),
        microframes => Ist::from_frames(microframes / 8),
    };
    Hcsparams2::new()
        .with_ist(ist)
        .with_erst_max(profile.erst_max)
        .with_max_scratchpads(profile.scratchpads)
        .with_spr(profile.scratchpad_restore)
}

#[expect(clippy::cast_possible_truncation, reason = "xECP is below 2^16 dwords")]
fn parameters1(profile: &Profile, layout: &Layout) -> Hccparams1 {
    Hccparams1::new()
        .with_ac64(profile.addresses_64)
        .with_bnc(profile.bandwidth_negotiation)
        .with_csz(profile.contexts_64)
        .with_ppc(profile.port_power_control)
        .with_pind(profile.port_indicators)
        .with_lhrc(profile.light_reset)
        .with_ltc(profile.latency_tolerance)
        // Secondary stream arrays are an option that this controller does not have.
        .with_nss(true)
        .with_pae(profile.parse_all_event_data)
        .with_spc(profile.stopped_short_packet)
        .with_sec(profile.stopped_edtla)
        .with_cfc(profile.contiguous_frame_ids)
        .with_max_psa_size(profile.max_psa_size)
        .with_xecp((layout.extended / 4) as u16)
}

/// CAP-23: a controller of xHCI 1.0 has none of these.
fn parameters2(profile: &Profile) -> Hccparams2 {
    if profile.hci_version <= 0x0100 {
        return Hccparams2::new();
    }
    Hccparams2::new()
        .with_u3c(profile.u3_entry)
        .with_cmc(profile.max_exit_latency_check)
        .with_fsc(profile.force_save_context)
        .with_ctc(profile.compliance_transition)
        .with_lec(profile.large_esit_payload)
        .with_cic(profile.configuration_information)
        .with_etc(profile.extended_tbc)
        .with_etc_tsc(profile.extended_tbc_status)
}

fn dword(dwords: &[u32], offset: u32) -> u32 {
    usize::try_from(offset / 4).ok().and_then(|index| dwords.get(index)).copied().unwrap_or(0)
}
