//! Transfer descriptors, read TRB by TRB (xHCI 4.9.1, 4.10.1).
//!
//! TRBs are read ahead only as far as the next packet needs, and retired when their bytes have moved
//! ([`retire`](super::retire)). What is read once is not read again (SEC-08), until the endpoint leaves service.

use super::Endpoint;
use super::checks::Flaw;
use super::completion::Completions;
use crate::bus::domain::Class;
use crate::dma::{Dma, DmaError};
use crate::rings::consumer::{CONSECUTIVE_LINKS, Fetch, Fetched};
use crate::violation::Violation;
use xhci_spec::{Gpa, Trb, TrbType};

/// SEC-03: so many TRBs are retired at one visit.
pub(crate) const TRBS_PER_VISIT: u32 = 1024;
/// SEC-04: so many TRBs may lie under one packet, or make an isochronous TD. It bounds what is kept of a ring.
pub(crate) const TRBS_PER_PACKET: usize = 2048;
/// TRB-02: the longest buffer of a TRB.
const LONGEST_TRB: u32 = 0x1_0000;

/// What the ring has for the next transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Head {
    /// Nothing: the next TRB is still software's.
    Idle,
    /// A packet's first TRB is there, and one that belongs under the packet is still software's (RNG-04).
    Incomplete,
    /// More zero-work TRBs than one visit retires.
    Busy,
    /// A TRB that needs no transaction and asks for an event: [`Endpoint::pass`] executes it, once there is room
    /// for the event (EVR-13).
    Event,
    /// A SETUP packet.
    Setup([u8; 8]),
    /// A status stage.
    Status {
        /// Its direction.
        is_in: bool,
    },
    /// Data of the current TD.
    Data {
        /// The direction.
        is_in: bool,
        /// Bytes that the fetched TRBs hold: the whole rest of the TD, or as many as the caller can use.
        bytes: u32,
    },
    /// A TRB that cannot be executed; the endpoint goes to Error.
    Malformed(Fetched),
}

impl Endpoint {
    /// Retires what needs no transaction and says what comes next. `limit` is how many bytes of data the
    /// caller can use: a packet's worth, or everything.
    pub(crate) fn head<D: Dma>(
        &mut self,
        limit: u32,
        dma: &mut D,
        completions: &mut Completions,
    ) -> Result<Head, DmaError> {
        for _ in 0..TRBS_PER_VISIT {
            if self.fetched.is_empty() {
                match self.read_next(dma, completions)? {
                    Read::Trb => {}
                    Read::Empty => return Ok(Head::Idle),
                    Read::Malformed(at) => return Ok(Head::Malformed(at)),
                }
                self.take_up_where_stopped();
            }
            let Some(front) = self.fetched.front().copied() else { return Ok(Head::Idle) };
            let kind = front.trb.trb_type();
            if kind != TrbType::LINK {
                self.links = 0;
            } else if self.links >= CONSECUTIVE_LINKS {
                // SEC-02: Links that ask for events are a loop just the same.
                return Ok(Head::Malformed(front));
            }
            match kind {
                _ if needs_no_bus(front.trb) => {}
                TrbType::NORMAL if self.td.skip.is_some() => {}
                _ if self.td.skip.is_some() => return Ok(Head::Malformed(front)),
                TrbType::SETUP_STAGE if self.class == Class::Control => return Ok(setup_head(front)),
                TrbType::STATUS_STAGE if self.class == Class::Control => {
                    return Ok(Head::Status { is_in: front.trb.dir_in() });
                }
                _ if self.takes_data(kind) => {
                    if kind == TrbType::DATA_STAGE {
                        self.data_stage_in = front.trb.dir_in();
                    }
                    match self.window(limit, dma, completions)? {
                        // RNG-13: TRBs without data at the end of a TD add no packet.
                        Head::Data { bytes: 0, .. } if self.td.in_td => {}
                        head => return Ok(head),
                    }
                }
                _ => return Ok(Head::Malformed(front)),
            }
            if self.fetched.iter().any(|fetched| fetched.trb.ioc()) {
                return Ok(Head::Event);
            }
            self.pass(completions);
        }
        Ok(Head::Busy)
    }

    /// TRB-10, ISO-02: which types may begin or continue data here.
    fn takes_data(&self, kind: TrbType) -> bool {
        match self.class {
            // The TD goes as a whole.
            Class::Isochronous => kind == TrbType::ISOCH,
            Class::Control => kind == TrbType::DATA_STAGE || (kind == TrbType::NORMAL && self.td.in_td),
            Class::Interrupt | Class::Bulk => kind == TrbType::NORMAL,
        }
    }

    /// Reads ahead until `limit` bytes, or the end of the TD, lie under the next packet.
    fn window<D: Dma>(
        &mut self,
        limit: u32,
        dma: &mut D,
        completions: &mut Completions,
    ) -> Result<Head, DmaError> {
        let is_in = if self.class == Class::Control { self.data_stage_in } else { self.is_in() };
        let mut bytes = 0_u32;
        let mut index = 0;
        loop {
            if index == TRBS_PER_PACKET {
                return Ok(self.fetched.back().map_or(Head::Idle, |last| Head::Malformed(*last)));
            }
            if index == self.fetched.len() {
                match self.read_next(dma, completions)? {
                    Read::Trb => {}
                    Read::Empty => return Ok(Head::Incomplete),
                    Read::Malformed(at) => return Ok(Head::Malformed(at)),
                }
            }
            let Some(fetched) = self.fetched.get(index) else { return Ok(Head::Incomplete) };
            let trb = fetched.trb;
            match trb.trb_type() {
                // RNG-07, RNG-25: their Chain bits say nothing.
                _ if is_transparent(trb) => {
                    index = index.saturating_add(1);
                    continue;
                }
                TrbType::NORMAL | TrbType::EVENT_DATA => {}
                TrbType::DATA_STAGE | TrbType::ISOCH if index == 0 => {}
                _ => return Ok(Head::Malformed(*fetched)),
            }
            let length = data_length(trb);
            // TRB-02, RNG-12
            if length > LONGEST_TRB || (trb.idt() && (is_in || length > 8)) {
                return Ok(Head::Malformed(*fetched));
            }
            bytes = bytes.saturating_add(length.saturating_sub(if index == 0 { self.offset } else { 0 }));
            if !trb.chain() || bytes >= limit {
                return Ok(Head::Data { is_in, bytes });
            }
            index = index.saturating_add(1);
        }
    }

    /// Reads one TRB more.
    fn read_next<D: Dma>(&mut self, dma: &mut D, completions: &mut Completions) -> Result<Read, DmaError> {
        let fetched = match self.td.ring.fetch(dma)? {
            Fetch::Trb(fetched) => fetched,
            Fetch::Empty => return Ok(Read::Empty),
            Fetch::LinkLoop(last) => return Ok(Read::Malformed(last)),
        };
        self.fetched.push_back(fetched);
        if fetched.crosses_boundary() {
            completions.violation(Violation::CrossesBoundary);
        }
        if fetched.trb.interrupter_target() >= completions.rules.refused_targets {
            completions.violation(Violation::BadInterrupterTarget);
            return Ok(Read::Malformed(fetched));
        }
        Ok(match self.read.step(fetched.trb, self.class, completions.rules.longest_td) {
            None => Read::Trb,
            Some(flaw) => judge(fetched, flaw, completions),
        })
    }

    /// Copies bytes of the window, `from` bytes into it, to `packet`.
    #[inline]
    pub(crate) fn gather<D: Dma>(&self, from: u32, packet: &mut [u8], dma: &mut D) -> Result<(), DmaError> {
        self.walk(from, packet.len(), |trb, offset, at, length| {
            let Some(part) = packet.get_mut(at..at.saturating_add(length)) else { return Ok(()) };
            if trb.idt() {
                let immediate = trb.parameter.to_le_bytes();
                let source = immediate.iter().skip(usize::try_from(offset).unwrap_or(8));
                part.iter_mut().zip(source).for_each(|(to, from)| *to = *from);
                return Ok(());
            }
            dma.read(Gpa(trb.parameter).offset(u64::from(offset)), part)
        })
    }

    /// Copies `packet` into the buffers of the window, `from` bytes into it.
    #[inline]
    pub(crate) fn scatter<D: Dma>(&self, from: u32, packet: &[u8], dma: &mut D) -> Result<(), DmaError> {
        self.walk(from, packet.len(), |trb, offset, at, length| {
            let Some(part) = packet.get(at..at.saturating_add(length)) else { return Ok(()) };
            dma.write(Gpa(trb.parameter).offset(u64::from(offset)), part)
        })
    }

    /// Calls `visit(trb, offset in its buffer, offset in the packet, bytes)` for each part of a packet.
    #[inline]
    fn walk(
        &self,
        from: u32,
        length: usize,
        mut visit: impl FnMut(&Trb, u32, usize, usize) -> Result<(), DmaError>,
    ) -> Result<(), DmaError> {
        let mut skip = from.saturating_add(self.offset);
        if let Some(front) = self.fetched.front() {
            // One TRB under the packet: the rule in a stream.
            let size = u32::try_from(length).unwrap_or(u32::MAX);
            if skip.saturating_add(size) <= data_length(front.trb) {
                return if length == 0 { Ok(()) } else { visit(&front.trb, skip, 0, length) };
            }
        }
        let mut at = 0_usize;
        for fetched in &self.fetched {
            if at >= length {
                break;
            }
            let size = data_length(fetched.trb);
            let here = size.saturating_sub(skip);
            let part = usize::try_from(here).unwrap_or(usize::MAX).min(length.saturating_sub(at));
            if part > 0 {
                visit(&fetched.trb, skip, at, part)?;
                at = at.saturating_add(part);
            }
            skip = skip.saturating_sub(size);
        }
        Ok(())
    }

    pub(super) fn take_up_where_stopped(&mut self) {
        if let Some((address, offset)) = self.td.resume.take()
            && let Some(front) = self.fetched.front()
            && front.position.address == address
        {
            self.offset = offset.min(data_length(front.trb));
        }
    }
}

/// What came of reading one TRB more.
enum Read {
    /// It is the last of the fetched ones.
    Trb,
    /// It is still software's.
    Empty,
    /// It cannot be executed.
    Malformed(Fetched),
}

/// RNG-10: what can be executed is executed and counted, unless the profile is strict; RNG-11: even then.
fn judge(fetched: Fetched, flaw: Flaw, completions: &mut Completions) -> Read {
    if let Flaw::Rule(violation) = flaw {
        completions.violation(violation);
        if violation == Violation::BufferCrossesBoundary || !completions.rules.strict {
            return Read::Trb;
        }
    }
    Read::Malformed(fetched)
}

/// A Link or No Op, which begins and ends no TD (RNG-07, RNG-25).
#[inline]
pub(crate) fn is_transparent(trb: Trb) -> bool {
    matches!(trb.trb_type(), TrbType::LINK | TrbType::NO_OP_TRANSFER)
}

/// No transaction is for it.
#[inline]
pub(crate) fn needs_no_bus(trb: Trb) -> bool {
    is_transparent(trb) || trb.trb_type() == TrbType::EVENT_DATA
}

/// The bytes that a TRB of a window stands for.
#[inline]
pub(crate) fn data_length(trb: Trb) -> u32 {
    match trb.trb_type() {
        TrbType::NORMAL | TrbType::DATA_STAGE | TrbType::ISOCH => trb.transfer_length(),
        _ => 0,
    }
}

/// TRB-03: a Setup TRB carries its eight bytes; RNG-28: SET_ADDRESS is the controller's own business.
fn setup_head(front: Fetched) -> Head {
    let packet = front.trb.immediate_data();
    let set_address = matches!(packet, [0, 5, ..]);
    if !front.trb.idt() || front.trb.transfer_length() != 8 || set_address {
        return Head::Malformed(front);
    }
    Head::Setup(packet)
}
