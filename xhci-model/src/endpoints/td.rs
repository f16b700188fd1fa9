//! Transfer descriptors, read TRB by TRB (xHCI 4.9.1, 4.10.1).
//!
//! TRBs are read ahead only as far as the next packet needs, and retired when their bytes have moved. What is
//! read once is not read again (SEC-08).

use super::Endpoint;
use super::completion::Completions;
use crate::bus::domain::Class;
use crate::dma::{Dma, DmaError};
use crate::rings::consumer::{Fetch, Fetched};
use xhci_spec::{CompletionCode, Gpa, Trb, TrbType};

/// SEC-03: so many TRBs are retired at one visit.
const TRBS_PER_VISIT: u32 = 256;
/// So many TRBs may lie under one packet, or make an isochronous TD.
const TRBS_PER_PACKET: usize = 2048;
/// TRB-02: the longest buffer of a TRB.
const LONGEST_TRB: u32 = 0x1_0000;
const EDTLA_MASK: u32 = 0xFF_FFFF;

/// The rest of a TD after a short packet: each TRB that asks for it gets the same event (RNG-17).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skip {
    code: CompletionCode,
    length: u32,
}

/// What the ring has for the next transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Head {
    /// Nothing: the ring is empty between TDs.
    Idle,
    /// A TD began whose next TRB is still software's (RNG-04).
    Incomplete,
    /// More zero-work TRBs than one visit retires.
    Busy,
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
        /// Bytes that the fetched TRBs hold, the whole rest of the TD if `ends`.
        bytes: u32,
        /// The TD ends with these bytes.
        ends: bool,
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
                match self.ring.fetch(dma)? {
                    Fetch::Trb(fetched) => self.fetched.push_back(fetched),
                    Fetch::Empty if self.in_td || self.skip.is_some() => return Ok(Head::Incomplete),
                    Fetch::Empty => return Ok(Head::Idle),
                    Fetch::LinkLoop(at) => return Ok(self.link_loop(at)),
                }
                self.take_up_where_stopped();
            }
            let Some(front) = self.fetched.front().copied() else { return Ok(Head::Idle) };
            if let Some(skip) = self.skip {
                self.skip_one(front, skip, completions);
                continue;
            }
            match front.trb.trb_type() {
                // RNG-06: a Link appears here only if it asks for an event.
                TrbType::LINK | TrbType::NO_OP_TRANSFER => {
                    completions.success(self.id, &front);
                    self.fetched.pop_front();
                }
                TrbType::EVENT_DATA => self.execute_event_data(front, CompletionCode::SUCCESS, completions),
                TrbType::SETUP_STAGE if self.class == Class::Control => {
                    return Ok(setup_head(front));
                }
                TrbType::STATUS_STAGE if self.class == Class::Control => {
                    return Ok(Head::Status { is_in: front.trb.dir_in() });
                }
                kind if self.takes_data(kind) => {
                    if kind == TrbType::DATA_STAGE {
                        self.data_stage_in = front.trb.dir_in();
                    }
                    match self.window(limit, dma)? {
                        // RNG-13: TRBs without data at the end of a TD add no packet.
                        Head::Data { bytes: 0, .. } if self.in_td => self.retire(0, completions),
                        head => return Ok(head),
                    }
                }
                _ => return Ok(Head::Malformed(front)),
            }
        }
        Ok(Head::Busy)
    }

    /// TRB-10, ISO-02: which types may begin or continue data here.
    fn takes_data(&self, kind: TrbType) -> bool {
        match self.class {
            Class::Isochronous => kind == TrbType::ISOCH || (kind == TrbType::NORMAL && self.in_td),
            Class::Control => kind == TrbType::DATA_STAGE || (kind == TrbType::NORMAL && self.in_td),
            Class::Interrupt | Class::Bulk => kind == TrbType::NORMAL,
        }
    }

    /// Reads ahead until `limit` bytes, or the end of the TD, lie under the next packet.
    fn window<D: Dma>(&mut self, limit: u32, dma: &mut D) -> Result<Head, DmaError> {
        let is_in = if self.class == Class::Control { self.data_stage_in } else { self.is_in() };
        let mut bytes = 0_u32;
        let mut index = 0;
        loop {
            if index == TRBS_PER_PACKET {
                return Ok(self.fetched.back().map_or(Head::Idle, |last| Head::Malformed(*last)));
            }
            if index == self.fetched.len() {
                match self.ring.fetch(dma)? {
                    Fetch::Trb(fetched) => self.fetched.push_back(fetched),
                    Fetch::Empty => return Ok(Head::Incomplete),
                    Fetch::LinkLoop(at) => return Ok(self.link_loop(at)),
                }
            }
            let Some(fetched) = self.fetched.get(index) else { return Ok(Head::Incomplete) };
            let trb = fetched.trb;
            match trb.trb_type() {
                TrbType::LINK | TrbType::NO_OP_TRANSFER if index > 0 => {
                    index = index.saturating_add(1);
                    continue;
                }
                TrbType::EVENT_DATA if index > 0 => {}
                TrbType::NORMAL | TrbType::DATA_STAGE | TrbType::ISOCH if index == 0 => {}
                TrbType::NORMAL => {}
                _ => return Ok(Head::Malformed(*fetched)),
            }
            let length = data_length(trb);
            if length > LONGEST_TRB || (trb.idt() && (is_in || length > 8)) {
                return Ok(Head::Malformed(*fetched));
            }
            bytes = bytes.saturating_add(length.saturating_sub(if index == 0 { self.offset } else { 0 }));
            if !trb.chain() {
                return Ok(Head::Data { is_in, bytes, ends: true });
            }
            if bytes >= limit {
                return Ok(Head::Data { is_in, bytes, ends: false });
            }
            index = index.saturating_add(1);
        }
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

    /// `bytes` moved without error and the packet was not short: retires every TRB that is done with.
    pub(crate) fn retire(&mut self, bytes: u32, completions: &mut Completions) {
        let mut left = bytes;
        while let Some(front) = self.fetched.front().copied() {
            match front.trb.trb_type() {
                TrbType::NORMAL | TrbType::DATA_STAGE | TrbType::ISOCH => {}
                TrbType::EVENT_DATA => {
                    self.execute_event_data(front, CompletionCode::SUCCESS, completions);
                    if !self.in_td {
                        return;
                    }
                    continue;
                }
                TrbType::LINK | TrbType::NO_OP_TRANSFER => {
                    completions.success(self.id, &front);
                    self.fetched.pop_front();
                    continue;
                }
                _ => {}
            }
            let rest = data_length(front.trb).saturating_sub(self.offset);
            let taken = rest.min(left);
            self.account(taken);
            left = left.saturating_sub(taken);
            if taken < rest {
                self.offset = self.offset.saturating_add(taken);
                self.in_td = true;
                return;
            }
            completions.success(self.id, &front);
            if self.pop(front) {
                return;
            }
        }
    }

    /// The TD ended after `bytes`, before its end: a short packet, or an isochronous failure. RNG-15 corrected: a
    /// packet that ends where a TRB ends, ended in that TRB. The rest of the TD is passed over.
    pub(crate) fn retire_early(&mut self, bytes: u32, code: CompletionCode, completions: &mut Completions) {
        let mut left = bytes;
        while let Some(front) = self.fetched.front().copied() {
            let rest = data_length(front.trb).saturating_sub(self.offset);
            if left > rest || (rest == 0 && left > 0) {
                self.account(rest);
                left = left.saturating_sub(rest);
                completions.success(self.id, &front);
                if self.pop(front) {
                    return;
                }
                continue;
            }
            self.account(left);
            let residual = rest.saturating_sub(left);
            // RNG-16, RNG-27: a short packet is told to who asked, anything else always.
            if code != CompletionCode::SHORT_PACKET || front.trb.ioc() || front.trb.isp() {
                completions.push(self.id, &front, code, residual);
            }
            if !self.pop(front) {
                self.skip = Some(Skip { code, length: residual });
            }
            return;
        }
    }

    /// The first TRB failed: an event whether or not it asked for one (RNG-27). It stays where it is.
    pub(crate) fn fail(&mut self, code: CompletionCode, completions: &mut Completions) {
        if let Some(front) = self.fetched.front() {
            let residual = data_length(front.trb).saturating_sub(self.offset);
            completions.push(self.id, front, code, residual);
        }
    }

    /// A Setup or Status TRB is done.
    pub(crate) fn retire_stage(&mut self, completions: &mut Completions) {
        if let Some(front) = self.fetched.front().copied() {
            completions.success(self.id, &front);
            self.pop(front);
        }
    }

    /// Takes the first TRB off. Returns whether the TD ended with it.
    fn pop(&mut self, front: Fetched) -> bool {
        self.fetched.pop_front();
        self.offset = 0;
        self.in_td = front.trb.chain();
        if !self.in_td {
            self.edtla = 0;
            self.issued = false;
            self.take_up_max_packet();
        }
        !self.in_td
    }

    fn account(&mut self, bytes: u32) {
        self.edtla = self.edtla.wrapping_add(bytes) & EDTLA_MASK;
    }

    fn execute_event_data(&mut self, front: Fetched, code: CompletionCode, completions: &mut Completions) {
        completions.event_data(self.id, &front, code, self.edtla);
        self.edtla = 0;
        self.pop(front);
    }

    fn skip_one(&mut self, front: Fetched, skip: Skip, completions: &mut Completions) {
        match front.trb.trb_type() {
            // CAP-17: PAE = 1, every Event Data TRB of the TD is executed.
            TrbType::EVENT_DATA => self.execute_event_data(front, skip.code, completions),
            TrbType::LINK => {
                completions.success(self.id, &front);
                self.fetched.pop_front();
                return;
            }
            _ => {
                if front.trb.ioc() {
                    completions.push(self.id, &front, skip.code, skip.length);
                }
                self.pop(front);
            }
        }
        if !front.trb.chain() {
            self.skip = None;
        }
    }

    /// An isochronous TD is passed over at once: all of it has been read.
    pub(crate) fn skip_fetched(&mut self, completions: &mut Completions) {
        while let Some(skip) = self.skip
            && let Some(front) = self.fetched.front().copied()
        {
            self.skip_one(front, skip, completions);
        }
    }

    fn take_up_where_stopped(&mut self) {
        if let Some((address, offset)) = self.resume.take()
            && let Some(front) = self.fetched.front()
            && front.position.address == address
        {
            self.offset = offset.min(data_length(front.trb));
        }
    }

    /// SEC-02: Links that lead nowhere are a TRB Error at the last of them.
    fn link_loop(&self, at: Gpa) -> Head {
        let position = crate::rings::consumer::RingPosition { address: at, cycle: self.ring.cycle };
        Head::Malformed(Fetched { position, trb: Trb::default() })
    }
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
    let packet = front.trb.parameter.to_le_bytes();
    let set_address = matches!(packet, [0, 5, ..]);
    if !front.trb.idt() || front.trb.transfer_length() != 8 || set_address {
        return Head::Malformed(front);
    }
    Head::Setup(packet)
}
