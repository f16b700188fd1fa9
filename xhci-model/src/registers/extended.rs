//! The list of extended capabilities (xHCI 7): which there are, in which order, and what never changes in them.

use crate::profile::Profile;
use xhci_spec::registers::extended::{
    CapabilityId, PROTOCOL_NAME_USB, ProtocolPorts, ProtocolRevision, ProtocolSpeedId,
};

/// EXT-02: 192 to 255 are vendors' own.
const VENDOR: CapabilityId = CapabilityId(192);
/// Dwords of the vendor's capability.
const VENDOR_DWORDS: usize = 6;
/// Dwords of USB Legacy Support: USBLEGSUP and USBLEGCTLSTS.
const LEGACY_DWORDS: usize = 2;

/// PSIE (7.2.1).
const KILOBITS: u8 = 1;
const MEGABITS: u8 = 2;
const GIGABITS: u8 = 3;

/// Where USB Legacy Support is in the list, in bytes from its start.
pub(super) fn legacy_offset(profile: &Profile) -> Option<u32> {
    let before = if profile.vendor_capability { VENDOR_DWORDS } else { 0 };
    u32::try_from(before.saturating_mul(4)).ok().filter(|_| profile.legacy_support)
}

/// All capabilities, linked (EXT-01): each one's Next is its own length, the last one's is 0.
pub(super) fn capabilities(profile: &Profile) -> Vec<u32> {
    let mut list = Vec::new();
    if profile.vendor_capability {
        list.push(blank(VENDOR, VENDOR_DWORDS));
    }
    if profile.legacy_support {
        list.push(blank(CapabilityId::LEGACY_SUPPORT, LEGACY_DWORDS));
    }
    // EXT-06, EXT-07: one for each kind of port.
    if profile.usb2_ports > 0 {
        list.push(usb2(profile));
    }
    if profile.usb3_ports > 0 {
        list.push(usb3(profile));
    }
    let last = list.len().saturating_sub(1);
    for (index, capability) in list.iter_mut().enumerate() {
        let next = if index == last { 0 } else { u32::try_from(capability.len()).unwrap_or(0) };
        if let Some(header) = capability.first_mut() {
            *header |= next << 8;
        }
    }
    list.concat()
}

/// A capability of which nothing is constant but its ID.
fn blank(id: CapabilityId, dwords: usize) -> Vec<u32> {
    let mut capability = vec![0; dwords];
    if let Some(header) = capability.first_mut() {
        *header = id.0.into();
    }
    capability
}

fn usb2(profile: &Profile) -> Vec<u32> {
    let ports = ProtocolPorts::new()
        .with_offset(1)
        .with_count(profile.usb2_ports)
        .with_hlc(profile.hardware_lpm)
        .with_blc(profile.besl_lpm);
    let speed = |psiv, psie, psim| ProtocolSpeedId::new().with_psiv(psiv).with_psie(psie).with_psim(psim);
    let speeds = [speed(1, MEGABITS, 12), speed(2, KILOBITS, 1_500), speed(3, MEGABITS, 480)];
    protocol(profile, 0x0200, ports, &speeds)
}

fn usb3(profile: &Profile) -> Vec<u32> {
    let ports = ProtocolPorts::new()
        .with_offset(profile.first_usb3_port())
        .with_count(profile.usb3_ports)
        .with_lsecc(profile.link_soft_errors);
    let speed = |psiv, lp, psim| {
        ProtocolSpeedId::new().with_psiv(psiv).with_psie(GIGABITS).with_pfd(true).with_lp(lp).with_psim(psim)
    };
    // EXT-10: Gen1 x1, Gen2 x1, Gen1 x2, Gen2 x2.
    let speeds = [speed(4, 0, 5), speed(5, 1, 10), speed(6, 1, 10), speed(7, 1, 20)];
    let count = match profile.usb3_revision {
        0x0300 => 1,
        0x0310 => 2,
        _ => 4,
    };
    protocol(profile, profile.usb3_revision, ports, speeds.get(..count).unwrap_or(&speeds))
}

/// EXT-06: revision, name, ports, slot type (EXT-12: 0), and the speeds if they are to be listed.
fn protocol(profile: &Profile, revision: u16, ports: ProtocolPorts, speeds: &[ProtocolSpeedId]) -> Vec<u32> {
    let speeds = if profile.speed_ids { speeds } else { &[] };
    let [minor, major] = revision.to_le_bytes();
    let revision =
        ProtocolRevision::new().with_id(CapabilityId::SUPPORTED_PROTOCOL).with_minor(minor).with_major(major);
    let ports = ports.with_mhd(profile.hub_depth).with_psic(u8::try_from(speeds.len()).unwrap_or(0));
    [revision.into_bits(), PROTOCOL_NAME_USB, ports.into_bits(), 0]
        .into_iter()
        .chain(speeds.iter().map(|speed| speed.into_bits()))
        .collect()
}
