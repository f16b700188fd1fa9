//! An endpoint whose transfer ring is lent: TDs go in, events say what became of them.

use super::message::{DspError, EndpointGrant};
use super::schedule::Schedule;
use host_bus::HostBus;
use sim_time::Duration;
use std::ops::Range;
use xhcd::rings::TransferRing;
use xhci_spec::registers::doorbell::Doorbell;
use xhci_spec::registers::runtime::Mfindex;
use xhci_spec::trb::packets::isoch_bursts;
use xhci_spec::trb::transfer;
use xhci_spec::{Gpa, InterrupterId};

/// TDs that fit in the one page of a ring that is lent: all but the Link and the one that stays free.
const RING_TDS: u32 = TransferRing::SEGMENT_TRBS - 2;
/// Places for what is remembered of a TD: a power of two, more than a ring holds.
const REMEMBERED: usize = 256;

/// One TRB is one TD is one packet. TDs are counted from 0.
pub(super) struct LentEndpoint {
    grant: EndpointGrant,
    ring: TransferRing,
    interrupter: InterrupterId,
    schedule: Schedule,
    mfindex: u32,
    /// Bytes from one packet of the buffer to the next: a power of two, so that no packet crosses a 64 KiB boundary.
    stride: u32,
    depth: u32,
    lengths: Box<[u32; REMEMBERED]>,
    /// TDs written since the beginning.
    written: u64,
}

/// How much is queued ahead, and when TDs start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) queue_ahead: Duration,
    /// Read for Frame IDs.
    pub(super) mfindex: u32,
    pub(super) schedule: Schedule,
}

impl LentEndpoint {
    /// The ring's Links are written: the first page is turned back on itself.
    pub(super) fn new(
        bus: &dyn HostBus,
        grant: EndpointGrant,
        interrupter: InterrupterId,
        pace: Pace,
    ) -> Result<Self, DspError> {
        let stride = stride(grant.max_payload);
        let packets = u32::try_from(grant.buffer.len / stride as usize).unwrap_or(u32::MAX);
        let needed = least_depth(grant.interval_microframes);
        if packets < needed {
            return Err(DspError::BufferTooSmall { bytes: grant.buffer.len, packets, needed });
        }
        let depth = depth(grant.interval_microframes, pace.queue_ahead).min(packets);
        Ok(Self {
            ring: TransferRing::new(bus, &[grant.ring], TransferRing::SEGMENT_TRBS),
            grant,
            interrupter,
            schedule: pace.schedule,
            mfindex: pace.mfindex,
            stride,
            depth,
            lengths: Box::new([0; REMEMBERED]),
            written: 0,
        })
    }

    pub(super) fn grant(&self) -> &EndpointGrant {
        &self.grant
    }
    /// TDs written since the beginning.
    pub(super) fn written(&self) -> u64 {
        self.written
    }
    /// TDs whose end is known; those after are on the ring.
    pub(super) fn retired(&self) -> u64 {
        self.written - u64::from(self.ring.queued_trbs())
    }
    /// Bytes of a TD that is, or was just, on the ring.
    pub(super) fn length(&self, td: u64) -> u32 {
        self.lengths[remembered(td)]
    }
    /// Where the packet of a TD is.
    pub(super) fn packet(&self, td: u64) -> Gpa {
        let packets = (self.grant.buffer.len / self.stride as usize).max(1) as u64;
        self.grant.buffer.address.offset(td % packets * u64::from(self.stride))
    }
    /// Whether less is queued than shall be.
    pub(super) fn has_room(&self) -> bool {
        self.ring.queued_trbs() < self.depth
    }
    /// Whether everything that was written is done: a TD that is written now comes too late for the next service
    /// interval, which begins within the Isochronous Scheduling Threshold.
    pub(super) fn has_run_empty(&self) -> bool {
        self.written > 0 && self.ring.queued_trbs() == 0
    }
    /// The next TD starts anew: the endpoint stood still.
    pub(super) fn resync(&mut self) {
        self.schedule.resync();
    }

    /// Queues the packet that was written to where [`LentEndpoint::packet`] of the next TD says, of `length` bytes.
    pub(super) fn queue(&mut self, bus: &dyn HostBus, length: u32) {
        if self.schedule.needs_mfindex() {
            self.schedule.place(Mfindex::from_bits(bus.read32(self.mfindex)));
        }
        let bursts = isoch_bursts(length, self.grant.max_packet_size, self.grant.max_burst);
        let trb = transfer::isoch(self.packet(self.written), length, self.schedule.next_start())
            .with_tbc(bursts.tbc)
            .with_tlbpc(bursts.tlbpc)
            .with_isp(self.grant.dci.is_in())
            .with_ioc(true)
            .with_interrupter_target(self.interrupter);
        self.lengths[remembered(self.written)] = length;
        // There is room: the depth is less than the ring.
        if self.ring.queue_td(bus, &[trb]).is_ok() {
            self.written += 1;
        }
    }

    /// Tells the controller that there are new TDs.
    pub(super) fn ring_doorbell(&self, bus: &dyn HostBus) {
        bus.write32(self.grant.doorbell, Doorbell::endpoint(self.grant.dci).into_bits());
    }

    /// An event names the TRB of a TD: it and all before it are done. Gives the TDs that were not done before.
    pub(super) fn retire_through(&mut self, trb: Gpa) -> Option<Range<u64>> {
        let first = self.retired();
        self.ring.retire_through(trb).then(|| first..self.retired())
    }
}

/// Bytes of buffer for a packet.
pub(super) fn stride(max_payload: u32) -> u32 {
    max_payload.clamp(4, 0x1_0000).next_power_of_two()
}

/// TDs that are kept queued.
pub(super) fn depth(interval_microframes: u32, queue_ahead: Duration) -> u32 {
    intervals(queue_ahead, interval_microframes).max(least_depth(interval_microframes)).min(RING_TDS)
}

/// Until the firmware wakes again, a period's TDs are played; one more is being played.
fn least_depth(interval_microframes: u32) -> u32 {
    intervals(super::PERIOD, interval_microframes).saturating_add(1)
}

fn intervals(time: Duration, interval_microframes: u32) -> u32 {
    let interval = Duration::MICROFRAME * u64::from(interval_microframes);
    u32::try_from(time.div_floor(interval)).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder of 256")]
fn remembered(td: u64) -> usize {
    (td % REMEMBERED as u64) as usize
}
