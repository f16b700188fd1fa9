use host_bus::{ArenaFull, DmaBuffer, HostBus};
use xhci_spec::erst::ErstEntry;
use xhci_spec::registers::runtime::Erdp;
use xhci_spec::{Gpa, Trb};

/// One segment of an event ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventSegment {
    /// Its first TRB.
    pub address: Gpa,
    /// Its size in TRBs.
    pub trbs: u32,
}

/// The consumer's end of an event ring (xHCI 4.9.4): walks the segments in the order of the segment table and
/// takes TRBs whose cycle bit is its own. There are no Link TRBs.
#[derive(Clone, Debug)]
pub struct EventRingConsumer {
    segments: Box<[EventSegment]>,
    segment: usize,
    index: u32,
    cycle: bool,
}

impl EventRingConsumer {
    /// The consumer of a zeroed ring: it waits for the first TRB with cycle 1.
    ///
    /// # Panics
    /// Without a segment, or with an empty one.
    pub fn new(segments: &[EventSegment]) -> Self {
        assert!(
            !segments.is_empty() && segments.iter().all(|segment| segment.trbs > 0),
            "an empty event ring"
        );
        Self { segments: segments.into(), segment: 0, index: 0, cycle: true }
    }

    /// Takes the next event, if the controller has written one.
    pub fn poll(&mut self, bus: &dyn HostBus) -> Option<Trb> {
        let at = self.dequeue_pointer();
        // The cycle bit first: what is read after it is no older (xHCI 4.9.4, RNG-03 on the other side).
        let control = bus.load_acquire(at.offset(Trb::CONTROL_OFFSET));
        if (control & 1 != 0) != self.cycle {
            return None;
        }
        let mut bytes = [0; Trb::BYTES];
        bus.mem_read(at, &mut bytes);
        self.step();
        Some(Trb { control, ..Trb::from_bytes(bytes) })
    }

    /// Goes on where somebody else stopped reading, who left `dequeue` in ERDP: the cycle bit is taken from the
    /// TRB there, as if it were the controller's. False if that is outside the ring.
    pub(crate) fn resume_at(&mut self, bus: &dyn HostBus, dequeue: Gpa) -> bool {
        for (number, segment) in self.segments.iter().enumerate() {
            let offset = dequeue.0.wrapping_sub(segment.address.0) / Trb::BYTES as u64;
            if dequeue >= segment.address && offset < u64::from(segment.trbs) {
                self.segment = number;
                self.index = u32::try_from(offset).unwrap_or_default();
                self.cycle = bus.load_acquire(dequeue.offset(Trb::CONTROL_OFFSET)) & 1 != 0;
                return true;
            }
        }
        false
    }

    /// The TRB that will be read next: everything before it is free for the controller.
    pub fn dequeue_pointer(&self) -> Gpa {
        self.segments[self.segment].address.offset(u64::from(self.index) * Trb::BYTES as u64)
    }

    /// The cycle bit that the next event will have.
    pub fn cycle(&self) -> bool {
        self.cycle
    }

    /// Tells the controller how far the ring was read: writes the Event Ring Dequeue Pointer register at `erdp`.
    /// With `clear_busy` the Event Handler Busy bit is cleared too, so that the interrupter may interrupt
    /// again; do that last, when the ring was found empty.
    pub fn acknowledge(&self, bus: &dyn HostBus, erdp: u32, clear_busy: bool) {
        bus.write64(erdp, self.erdp().with_ehb(clear_busy).into_bits());
    }

    #[expect(clippy::cast_possible_truncation, reason = "DESI is the low three bits of the index")]
    fn erdp(&self) -> Erdp {
        Erdp::new().with_dequeue(self.dequeue_pointer()).with_desi((self.segment & 7) as u8)
    }

    fn step(&mut self) {
        self.index += 1;
        if self.index == self.segments[self.segment].trbs {
            self.index = 0;
            self.segment += 1;
            if self.segment == self.segments.len() {
                self.segment = 0;
                self.cycle = !self.cycle;
            }
        }
    }
}

/// The memory of an event ring that the driver owns: segments and segment table.
#[derive(Clone, Debug)]
pub(crate) struct EventRingMemory {
    segments: Vec<DmaBuffer>,
    table: DmaBuffer,
}

impl EventRingMemory {
    pub(crate) const SEGMENT_TRBS: u16 = 256;
    const SEGMENT_BYTES: usize = Self::SEGMENT_TRBS as usize * Trb::BYTES;

    /// `count` segments of a page each, and their table.
    pub(crate) fn alloc(bus: &dyn HostBus, count: usize) -> Result<Self, ArenaFull> {
        let table = bus.alloc(count * ErstEntry::BYTES, 64, None)?;
        let mut memory = Self { segments: Vec::with_capacity(count), table };
        for index in 0..count {
            match bus.alloc(Self::SEGMENT_BYTES, Self::SEGMENT_BYTES, Some(0x1_0000)) {
                Ok(segment) => {
                    memory.segments.push(segment);
                    let entry = ErstEntry { segment: segment.address, trbs: Self::SEGMENT_TRBS };
                    let at = table.address.offset((index * ErstEntry::BYTES) as u64);
                    bus.mem_write(at, &entry.to_bytes());
                }
                Err(full) => {
                    memory.free(bus);
                    return Err(full);
                }
            }
        }
        Ok(memory)
    }

    /// Zeroes the ring, as it must be when the controller starts on it, and gives its consumer.
    pub(crate) fn restart(&self, bus: &dyn HostBus) -> EventRingConsumer {
        let zeros = [0; Self::SEGMENT_BYTES];
        let segments: Vec<EventSegment> = self
            .segments
            .iter()
            .map(|buffer| {
                bus.mem_write(buffer.address, &zeros);
                EventSegment { address: buffer.address, trbs: u32::from(Self::SEGMENT_TRBS) }
            })
            .collect();
        EventRingConsumer::new(&segments)
    }

    pub(crate) fn table(&self) -> Gpa {
        self.table.address
    }

    pub(crate) fn segments(&self) -> &[DmaBuffer] {
        &self.segments
    }

    pub(crate) fn free(&self, bus: &dyn HostBus) {
        for &segment in &self.segments {
            bus.free(segment);
        }
        bus.free(self.table);
    }
}
