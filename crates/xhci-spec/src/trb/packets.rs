//! The packet arithmetic that software puts into TRBs: TD Size, TBC and TLBPC.

/// Bursts of an isochronous TD, as its first TRB carries them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IsochBursts {
    /// Transfer Burst Count: bursts less one.
    pub tbc: u8,
    /// Transfer Last Burst Packet Count: packets of the last burst less one.
    pub tlbpc: u8,
}

/// Packets of a transfer: a transfer of 0 bytes is one packet. `max_packet_size` 0 counts as 1.
#[inline]
#[must_use]
pub const fn packet_count(bytes: u32, max_packet_size: u16) -> u32 {
    let size = if max_packet_size == 0 { 1 } else { max_packet_size as u32 };
    if bytes == 0 { 1 } else { bytes.div_ceil(size) }
}

/// TD Size of a TRB: packets still to be sent after it, at most 31 (xHCI 4.11.2.4).
///
/// `done` are the TD's bytes up to and including this TRB. The last TRB of a TD has TD Size 0.
#[inline]
#[must_use]
pub const fn td_size(td_bytes: u32, done: u32, max_packet_size: u16, is_last: bool) -> u8 {
    if is_last || max_packet_size == 0 {
        return 0;
    }
    let size = max_packet_size as u32;
    let remaining = td_bytes.div_ceil(size).saturating_sub(done / size);
    if remaining > 31 { 31 } else { remaining as u8 }
}

/// TBC and TLBPC of an isochronous TD (xHCI 4.11.2.3). `max_burst` is the endpoint context's Max Burst Size:
/// packets of a burst less one.
#[inline]
#[must_use]
pub const fn isoch_bursts(td_bytes: u32, max_packet_size: u16, max_burst: u8) -> IsochBursts {
    let packets = packet_count(td_bytes, max_packet_size);
    let burst = max_burst as u32 + 1;
    let last = (packets - 1) % burst;
    let bursts = packets.div_ceil(burst) - 1;
    IsochBursts { tbc: if bursts > 0xFF { 0xFF } else { bursts as u8 }, tlbpc: last as u8 }
}
