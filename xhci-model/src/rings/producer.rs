//! The producer side of event rings (xHCI 4.9.4, 5.5.2.3).

use crate::boundary::{RING, crosses};
use crate::dma::{Dma, DmaError};
use crate::violation::Violation;
use xhci_spec::{Gpa, Trb};

/// EVR-02: a ring of fewer TRBs in all is taken for disabled.
const SMALLEST_RING: u32 = 3;
/// EVR-01: the most TRBs in a segment.
const LARGEST_SEGMENT: u32 = 4096;

/// A place in an event ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Place {
    segment: u16,
    offset: u32,
}

/// The place behind another one.
struct Step {
    to: Place,
    /// Past the end of the last segment.
    wraps: bool,
}

/// One segment, as its table entry says.
#[derive(Clone, Copy, Debug, Default)]
struct Segment {
    base: Gpa,
    trbs: u32,
    misaligned: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// ERSTSZ is 0, or the table makes no ring. Memory is not touched (INT-21, INT-29).
    Disabled,
    /// ERSTBA was written: entry 0 is read when the first event comes (EVR-06).
    Restart,
    /// Events are written.
    Running,
}

/// How many events may be written before ERDP must move. More than two are counted as two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Room {
    /// There is no ring.
    NoRing,
    /// ERDP points outside the ring.
    Unknown,
    /// None.
    None,
    /// One: the last slot.
    One,
    /// Two or more.
    Plenty,
}

/// The state of one event ring's producer.
#[derive(Clone, Debug)]
pub(crate) struct Producer {
    state: State,
    table: Gpa,
    table_entries: u16,
    enqueue: Place,
    segment: Segment,
    cycle: bool,
    /// ERDP as written, bits 63:4.
    dequeue_address: Gpa,
    /// The same as a place; looked up when it is next needed, because software writes ERDP in halves.
    dequeue: Option<Place>,
    dequeue_known: bool,
    /// So many places are surely free: counted when ERDP was looked up, used up by pushes. Spares the walk to
    /// the next places as long as it is more than a few.
    surely_free: u32,
    /// `segment` is new since [`Producer::take_mistake`] looked at it.
    entered: bool,
}

impl Default for Producer {
    fn default() -> Self {
        Self {
            state: State::Disabled,
            table: Gpa(0),
            table_entries: 0,
            enqueue: Place::default(),
            segment: Segment::default(),
            cycle: true,
            dequeue_address: Gpa(0),
            dequeue: None,
            dequeue_known: false,
            surely_free: 0,
            entered: false,
        }
    }
}

impl Producer {
    /// ERSTBA was written (EVR-06): the ring starts again, when an event needs it.
    pub(crate) fn restart(&mut self, table: Gpa) {
        self.table = table;
        self.dequeue_known = false;
        self.state = if self.table_entries == 0 { State::Disabled } else { State::Restart };
    }

    /// Goes on where `saved` was; the dequeue pointer stays the one that software wrote.
    pub(crate) fn restore(&mut self, saved: &Self) {
        let dequeue = self.dequeue_address;
        *self = saved.clone();
        self.set_dequeue(dequeue);
    }

    /// ERSTSZ was written. 0 disables (INT-21); another value alone does not enable.
    pub(crate) fn set_table_entries(&mut self, entries: u16) {
        self.table_entries = entries;
        self.dequeue_known = false;
        if entries == 0 {
            self.state = State::Disabled;
        }
    }

    /// ERDP was written.
    pub(crate) fn set_dequeue(&mut self, address: Gpa) {
        self.dequeue_address = address;
        self.dequeue_known = false;
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.state != State::Disabled
    }

    /// EVR-10: whether software has taken all events. Places are compared by address, which needs no memory.
    pub(crate) fn is_empty(&self) -> bool {
        self.state != State::Running || self.dequeue_address == self.enqueue_address()
    }

    fn enqueue_address(&self) -> Gpa {
        self.segment.base.offset(u64::from(self.enqueue.offset).wrapping_mul(16))
    }

    /// Room for events.
    #[inline]
    pub(crate) fn room<D: Dma>(&mut self, dma: &mut D) -> Result<Room, DmaError> {
        if self.surely_free > 2 && self.dequeue_known && self.state == State::Running {
            return Ok(Room::Plenty);
        }
        self.walk_room(dma)
    }

    fn walk_room<D: Dma>(&mut self, dma: &mut D) -> Result<Room, DmaError> {
        if self.state == State::Restart {
            self.load_first_segment(dma)?;
        }
        if self.state == State::Disabled {
            return Ok(Room::NoRing);
        }
        if !self.dequeue_known {
            self.find_dequeue(dma)?;
        }
        let Some(dequeue) = self.dequeue else { return Ok(Room::Unknown) };
        let next = self.after(self.enqueue, dma)?.to;
        if next == dequeue {
            return Ok(Room::None);
        }
        Ok(if self.after(next, dma)?.to == dequeue { Room::One } else { Room::Plenty })
    }

    /// Writes one event; the caller knows that there is room. Returns where it went.
    pub(crate) fn push<D: Dma>(&mut self, trb: Trb, dma: &mut D) -> Result<Gpa, DmaError> {
        let at = self.enqueue_address();
        let trb = trb.with_cycle(self.cycle);
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, ..] = trb.to_bytes();
        dma.write(at, &[b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11])?;
        // EVR-03: the dword with the cycle bit last, so that a polling consumer sees a whole TRB.
        dma.publish_u32(at.offset(12), trb.control)?;
        self.surely_free = self.surely_free.saturating_sub(1);
        let Step { to, wraps } = self.after(self.enqueue, dma)?;
        if to.offset == 0 {
            // EVR-04: the cycle state toggles only where the whole ring wraps.
            self.cycle ^= wraps;
            self.segment = self.read_segment(to.segment, dma)?;
            self.entered = true;
            self.dequeue_known = false;
            if self.segment.trbs == 0 {
                // EVR-02: what is left of the table makes no ring.
                self.state = State::Disabled;
            }
        }
        self.enqueue = to;
        Ok(at)
    }

    /// What is wrong with the segment, if it was entered since the last call (CAP-27).
    #[inline]
    pub(crate) fn take_mistake(&mut self) -> Option<Violation> {
        if !core::mem::take(&mut self.entered) {
            return None;
        }
        let Segment { base, trbs, misaligned } = self.segment;
        if misaligned {
            return Some(Violation::Misaligned);
        }
        crosses(base, u64::from(trbs).saturating_mul(16), RING).then_some(Violation::CrossesBoundary)
    }

    fn load_first_segment<D: Dma>(&mut self, dma: &mut D) -> Result<(), DmaError> {
        let mut trbs = 0_u32;
        for index in 0..self.table_entries {
            let segment = self.read_segment(index, dma)?;
            if trbs == 0 {
                self.segment = segment;
                self.enqueue = Place { segment: index, offset: 0 };
            }
            trbs = trbs.saturating_add(segment.trbs);
            if trbs >= SMALLEST_RING {
                break;
            }
        }
        self.cycle = true;
        self.entered = true;
        self.dequeue_known = false;
        self.state = if trbs < SMALLEST_RING { State::Disabled } else { State::Running };
        Ok(())
    }

    fn read_segment<D: Dma>(&self, index: u16, dma: &mut D) -> Result<Segment, DmaError> {
        let mut entry = [0; 16];
        dma.read(self.table.offset(u64::from(index).wrapping_mul(16)), &mut entry)?;
        let [b0, b1, b2, b3, b4, b5, b6, b7, s0, s1, ..] = entry;
        let base = u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
        let trbs = u32::from(u16::from_le_bytes([s0, s1])).min(LARGEST_SEGMENT);
        Ok(Segment { base: dma.resolve(Gpa(base & !0x3F)), trbs, misaligned: base & 0x3F != 0 })
    }

    /// The place behind `place`. Reads the table only at the end of a segment (EVR-05, EVR-19).
    #[inline]
    fn after<D: Dma>(&self, place: Place, dma: &mut D) -> Result<Step, DmaError> {
        let trbs = if place.segment == self.enqueue.segment {
            self.segment.trbs
        } else {
            self.read_segment(place.segment, dma)?.trbs
        };
        let offset = place.offset.saturating_add(1);
        if offset < trbs {
            return Ok(Step { to: Place { offset, ..place }, wraps: false });
        }
        // EVR-02: segments of size 0 are passed over.
        let (mut segment, mut wraps) = (place.segment, false);
        for _ in 0..self.table_entries {
            segment = segment.saturating_add(1);
            if segment >= self.table_entries {
                segment = 0;
                wraps = true;
            }
            if self.read_segment(segment, dma)?.trbs > 0 {
                break;
            }
        }
        Ok(Step { to: Place { segment, offset: 0 }, wraps })
    }

    /// EVR-11: the place of ERDP is found by its address, the segment being filled first. DESI is not needed.
    fn find_dequeue<D: Dma>(&mut self, dma: &mut D) -> Result<(), DmaError> {
        let target = self.dequeue_address;
        let within = |segment: Segment, index: u16| {
            let bytes = target.0.checked_sub(segment.base.0)?;
            let offset = u32::try_from(bytes / 16).ok()?;
            (offset < segment.trbs).then_some(Place { segment: index, offset })
        };
        let mut found = within(self.segment, self.enqueue.segment);
        let mut index = 0;
        while found.is_none() && index < self.table_entries {
            found = within(self.read_segment(index, dma)?, index);
            index = index.saturating_add(1);
        }
        self.dequeue = found;
        self.dequeue_known = true;
        let end = match found {
            Some(place) if place.segment == self.enqueue.segment && place.offset > self.enqueue.offset => {
                place.offset
            }
            Some(_) => self.segment.trbs,
            None => 0,
        };
        self.surely_free = end.saturating_sub(self.enqueue.offset).saturating_sub(1);
        Ok(())
    }
}
