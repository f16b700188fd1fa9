//! Packets to PCM.

use super::endpoint::LentEndpoint;
use crate::stream::StreamState;
use host_bus::HostBus;

/// Queues empty packets for the device to fill. Whether there were any.
pub(super) fn feed(bus: &dyn HostBus, endpoint: &mut LentEndpoint) -> bool {
    let before = endpoint.written();
    let length = endpoint.grant().max_payload;
    while endpoint.has_room() {
        endpoint.queue(bus, length);
    }
    endpoint.written() > before
}

/// Takes the packet of a TD of which `residual` bytes stayed empty. Gives its audio frames.
pub(super) fn take(
    bus: &dyn HostBus,
    endpoint: &LentEndpoint,
    td: u64,
    residual: u32,
    state: &StreamState,
) -> u64 {
    let frame_bytes = state.format.bytes_per_frame().max(1);
    // UAC-07: packets carry whole frames only; a device that breaks one off loses it.
    let frames = endpoint.length(td).saturating_sub(residual) as usize / frame_bytes;
    let taken = state.capture(frames * frame_bytes, |bytes| bus.mem_read(endpoint.packet(td), bytes));
    (taken / frame_bytes) as u64
}
