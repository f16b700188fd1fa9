//! The consumer side of transfer and command rings (xHCI 4.9.2, 4.9.3).

use crate::boundary::RING;
use crate::dma::{Dma, DmaError};
use xhci_spec::{Gpa, Trb, TrbType};

/// SEC-02: so many Link TRBs may follow one another before the ring is taken for a loop.
pub(crate) const CONSECUTIVE_LINKS: u32 = 256;

/// Where a ring is read next, and the cycle bit that marks TRBs there as the controller's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct RingPosition {
    pub(crate) address: Gpa,
    pub(crate) cycle: bool,
}

/// A TRB with the place it was read from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Fetched {
    pub(crate) position: RingPosition,
    pub(crate) trb: Trb,
}

impl Fetched {
    /// Whether the segment goes on beyond its 64 KiB: what is in the last place of them is no Link (CAP-27).
    pub(crate) fn crosses_boundary(&self) -> bool {
        let next = self.position.address.offset(16);
        next.0 & RING.wrapping_sub(1) == 0 && self.trb.trb_type() != TrbType::LINK
    }
}

pub(crate) enum Fetch {
    /// The next TRB. Link TRBs appear only where they ask for an event (IOC).
    Trb(Fetched),
    /// The TRB at the position is software's.
    Empty,
    /// Links that lead nowhere; the last one that was followed.
    LinkLoop(Fetched),
}

impl RingPosition {
    /// Takes the next TRB, following links, and moves past it.
    pub(crate) fn fetch<D: Dma>(&mut self, dma: &mut D) -> Result<Fetch, DmaError> {
        let mut last = Fetched::default();
        for _ in 0..CONSECUTIVE_LINKS {
            self.address = dma.resolve(self.address);
            // RNG-03: the dword with the cycle bit first; the rest is valid only once that bit says so.
            let control = dma.acquire_u32(self.address.offset(12))?;
            if (control & 1 != 0) != self.cycle {
                return Ok(Fetch::Empty);
            }
            let mut rest = [0; 12];
            dma.read(self.address, &mut rest)?;
            let [p0, p1, p2, p3, p4, p5, p6, p7, s0, s1, s2, s3] = rest;
            let trb = Trb {
                parameter: u64::from_le_bytes([p0, p1, p2, p3, p4, p5, p6, p7]),
                status: u32::from_le_bytes([s0, s1, s2, s3]),
                control,
            };
            let fetched = Fetched { position: *self, trb };
            if trb.trb_type() != TrbType::LINK {
                self.address = self.address.offset(16);
                return Ok(Fetch::Trb(fetched));
            }
            self.address = Gpa(trb.parameter & !0xF);
            self.cycle ^= trb.toggle_cycle();
            if trb.ioc() {
                return Ok(Fetch::Trb(fetched));
            }
            last = fetched;
        }
        Ok(Fetch::LinkLoop(last))
    }

    /// CTX-25: a position on a Link TRB that is the controller's is reported as the link's target.
    pub(crate) fn past_links<D: Dma>(mut self, dma: &mut D) -> Result<Self, DmaError> {
        for _ in 0..CONSECUTIVE_LINKS {
            let before = self;
            match self.fetch(dma)? {
                Fetch::Trb(fetched) if fetched.trb.trb_type() == TrbType::LINK => {}
                // `fetch` went past a TRB: the position wanted is the one it was read from.
                Fetch::Trb(fetched) => return Ok(fetched.position),
                Fetch::Empty => return Ok(self),
                Fetch::LinkLoop(_) => return Ok(before),
            }
        }
        Ok(self)
    }
}
