use host_bus::{ArenaFull, DmaBuffer, HostBus};
use thiserror::Error;
use xhci_spec::trb::transfer;
use xhci_spec::{Gpa, Trb};

/// The producer's end of a transfer or command ring (xHCI 4.9.2): segments of TRBs, each ended by a Link TRB,
/// the last Link toggling the cycle.
///
/// It owns no memory. Made from the addresses of the segments it writes the Link TRBs and starts at the first
/// TRB with cycle 1, so a DSP that was lent only the first segment of a ring turns that segment's Link back on
/// itself by making its ring from that one address.
///
/// ```
/// # use host_bus::{HostBus, LocalBus};
/// # use xhcd::rings::TransferRing;
/// # use xhci_spec::{Gpa, trb::transfer};
/// # fn queue(bus: &dyn HostBus, segment: Gpa, buffer: Gpa) -> Result<(), Box<dyn std::error::Error>> {
/// let mut ring = TransferRing::new(bus, &[segment], TransferRing::SEGMENT_TRBS);
/// let td = ring.queue_td(bus, &[transfer::normal(buffer, 64).with_ioc(true)])?;
/// // ... the doorbell; later an event names td.last:
/// ring.retire_through(td.last);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct TransferRing {
    segments: Box<[Gpa]>,
    // TRBs of a segment that carry work: all but the Link.
    per_segment: u32,
    enqueue: RingPosition,
    cycle: bool,
    // TRBs from the oldest one that is not retired up to the enqueue position.
    queued: u32,
}

/// A place in a ring, counted in TRBs without the Link TRBs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RingPosition(u32);

/// Where a TD was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TdSpan {
    /// Its first TRB.
    pub first: Gpa,
    /// Its last TRB: the one whose event ends it.
    pub last: Gpa,
}

/// The ring has no room for the TD.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("{needed} TRBs do not fit: {free} are free")]
pub struct RingFull {
    /// TRBs of the TD.
    pub needed: u32,
    /// TRBs that can still be written.
    pub free: u32,
}

impl TransferRing {
    /// TRBs in a segment of the driver's own rings, with the Link TRB: a page, as Linux has it.
    pub const SEGMENT_TRBS: u32 = 256;
    /// Bytes in a segment of the driver's own rings.
    pub const SEGMENT_BYTES: usize = Self::SEGMENT_TRBS as usize * Trb::BYTES;

    /// A ring over `segments`, each of `trbs_per_segment` TRBs (at least 2) with the Link.
    ///
    /// # Panics
    /// Without a segment, or if a segment has no room beside its Link TRB.
    pub fn new(bus: &dyn HostBus, segments: &[Gpa], trbs_per_segment: u32) -> Self {
        assert!(!segments.is_empty() && trbs_per_segment >= 2, "a ring needs room for a TRB and a Link");
        let ring = Self {
            segments: segments.into(),
            per_segment: trbs_per_segment - 1,
            enqueue: RingPosition(0),
            cycle: true,
            queued: 0,
        };
        for index in 0..segments.len() {
            // Not yet the controller's: the producer hands a Link over when it passes it.
            write_trb(bus, ring.link_address(index), ring.link(index).with_cycle(false));
        }
        ring
    }

    /// Writes a TD. The TRBs come chained as they shall be; their cycle bits are set here, the first one last,
    /// so that the controller sees the TD whole or not at all (xHCI 4.9.2).
    ///
    /// # Errors
    /// If it does not fit; nothing is written then.
    pub fn queue_td(&mut self, bus: &dyn HostBus, trbs: &[Trb]) -> Result<TdSpan, RingFull> {
        let needed = u32::try_from(trbs.len()).unwrap_or(u32::MAX);
        let free = self.free_trbs();
        if needed > free || needed == 0 {
            return Err(RingFull { needed, free });
        }
        let (first, first_cycle) = self.enqueue_pointer();
        let mut last = first;
        for (index, trb) in trbs.iter().enumerate() {
            let (at, cycle) = self.enqueue_pointer();
            if index > 0 {
                write_trb(bus, at, trb.with_cycle(cycle));
            }
            last = at;
            self.step(bus, trb.chain());
        }
        write_trb(bus, first, trbs[0].with_cycle(first_cycle));
        self.queued += needed;
        Ok(TdSpan { first, last })
    }

    /// Takes back everything up to and including the TRB at `trb`. False if no queued TRB is there.
    pub fn retire_through(&mut self, trb: Gpa) -> bool {
        // The enqueue position itself is never queued: a ring is never full.
        let ahead = self.position(trb).map_or(0, |position| self.distance(position, self.enqueue));
        let found = (1..=self.queued).contains(&ahead);
        if found {
            self.queued = ahead - 1;
        }
        found
    }

    /// Forgets everything that is queued and says where the controller shall go on: address and Dequeue Cycle
    /// State for Set TR Dequeue Pointer.
    pub fn discard_all(&mut self) -> (Gpa, bool) {
        self.queued = 0;
        self.enqueue_pointer()
    }

    /// Turns the TRBs of a queued TD into No-Ops that tell nobody: the way to take a TD out of the middle of a
    /// ring. The endpoint is stopped.
    pub(crate) fn overwrite_with_no_ops(&self, bus: &dyn HostBus, td: TdSpan) {
        let (Some(first), Some(last)) = (self.position(td.first), self.position(td.last)) else { return };
        for step in 0..=self.distance(first, last) {
            let at = self.address(RingPosition((first.0 + step) % self.total()));
            let cycle = bus.load_acquire(at.offset(Trb::CONTROL_OFFSET)) & 1 != 0;
            write_trb(bus, at, transfer::no_op().with_cycle(cycle));
        }
    }

    /// Where the next TRB will be written, and its cycle bit.
    pub fn enqueue_pointer(&self) -> (Gpa, bool) {
        (self.address(self.enqueue), self.cycle)
    }

    /// Where the oldest TRB that is not retired stands, and its cycle bit. With nothing queued, the enqueue
    /// position.
    pub fn dequeue_pointer(&self) -> (Gpa, bool) {
        let total = self.total();
        let at = RingPosition((self.enqueue.0 + total - self.queued) % total);
        (self.address(at), self.cycle ^ (at.0 > self.enqueue.0))
    }

    /// TRBs that can be written now. One always stays free: a full ring must not look like an empty one.
    pub fn free_trbs(&self) -> u32 {
        self.total() - 1 - self.queued
    }

    /// TRBs that were written and not yet retired.
    pub fn queued_trbs(&self) -> u32 {
        self.queued
    }

    /// Addresses of the segments, in ring order.
    pub fn segments(&self) -> &[Gpa] {
        &self.segments
    }

    /// Which TRB stands at an address; `None` outside the ring and for Link TRBs.
    pub fn position(&self, trb: Gpa) -> Option<RingPosition> {
        self.segments.iter().zip(0..).find_map(|(segment, number)| {
            let offset = trb.0.checked_sub(segment.0)?;
            let index = u32::try_from(offset / Trb::BYTES as u64).ok()?;
            (index < self.per_segment).then_some(RingPosition(number * self.per_segment + index))
        })
    }

    /// How many TRBs `to` is ahead of `from`, 0 to the size of the ring.
    pub fn distance(&self, from: RingPosition, to: RingPosition) -> u32 {
        (to.0 + self.total() - from.0) % self.total()
    }

    fn step(&mut self, bus: &dyn HostBus, chain: bool) {
        let index = self.enqueue.0 / self.per_segment;
        self.enqueue = RingPosition((self.enqueue.0 + 1) % self.total());
        if self.enqueue.0.is_multiple_of(self.per_segment) {
            let index = index as usize;
            let link = self.link(index).with_chain(chain).with_cycle(self.cycle);
            write_trb(bus, self.link_address(index), link);
            self.cycle ^= link.toggle_cycle();
        }
    }

    fn link(&self, index: usize) -> Trb {
        let next = (index + 1) % self.segments.len();
        transfer::link(self.segments[next], next == 0)
    }

    fn link_address(&self, index: usize) -> Gpa {
        self.segments[index].offset(u64::from(self.per_segment) * Trb::BYTES as u64)
    }

    fn address(&self, position: RingPosition) -> Gpa {
        let segment = self.segments[(position.0 / self.per_segment) as usize];
        segment.offset(u64::from(position.0 % self.per_segment) * Trb::BYTES as u64)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a ring has few segments")]
    fn total(&self) -> u32 {
        self.segments.len() as u32 * self.per_segment
    }
}

/// Writes DW0 to DW2, then DW3 with the cycle bit: the controller sees no half-written TRB of its own.
fn write_trb(bus: &dyn HostBus, at: Gpa, trb: Trb) {
    let [rest @ .., _, _, _, _] = &trb.to_bytes();
    bus.mem_write(at, rest);
    bus.store_release(at.offset(Trb::CONTROL_OFFSET), trb.control);
}

/// The memory of a ring that the driver owns.
#[derive(Clone, Debug)]
pub(crate) struct TransferRingMemory {
    segments: Vec<DmaBuffer>,
}

impl TransferRingMemory {
    pub(crate) fn alloc(bus: &dyn HostBus, segments: usize) -> Result<Self, ArenaFull> {
        let mut memory = Self { segments: Vec::with_capacity(segments) };
        for _ in 0..segments {
            // xHCI 6: a segment crosses no 64 KiB boundary; a page of its own makes it mappable for others.
            match bus.alloc(TransferRing::SEGMENT_BYTES, TransferRing::SEGMENT_BYTES, Some(0x1_0000)) {
                Ok(buffer) => memory.segments.push(buffer),
                Err(full) => {
                    memory.free(bus);
                    return Err(full);
                }
            }
        }
        Ok(memory)
    }

    pub(crate) fn ring(&self, bus: &dyn HostBus) -> TransferRing {
        let addresses: Vec<Gpa> = self.segments.iter().map(|buffer| buffer.address).collect();
        TransferRing::new(bus, &addresses, TransferRing::SEGMENT_TRBS)
    }

    pub(crate) fn segments(&self) -> &[DmaBuffer] {
        &self.segments
    }

    pub(crate) fn zero(&self, bus: &dyn HostBus) {
        for segment in &self.segments {
            bus.mem_write(segment.address, &[0; TransferRing::SEGMENT_BYTES]);
        }
    }

    pub(crate) fn free(&self, bus: &dyn HostBus) {
        for &buffer in &self.segments {
            bus.free(buffer);
        }
    }
}
