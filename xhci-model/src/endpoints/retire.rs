//! How TRBs leave a ring: with their bytes moved, early, or passed over (xHCI 4.10.1, 4.10.2).

use super::Endpoint;
use super::completion::{Completions, Rules};
use super::td::{data_length, is_transparent, needs_no_bus};
use crate::rings::consumer::Fetched;
use xhci_spec::{CompletionCode, Trb, TrbType};

/// RNG-20
const EDTLA_MASK: u32 = 0xFF_FFFF;

/// The rest of a TD after a short packet: each TRB that asks for it gets the same event (RNG-17).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skip {
    code: CompletionCode,
    length: u32,
    /// An event told of it.
    told: bool,
    /// An Event Data TRB was executed.
    event_data: bool,
}

impl Skip {
    /// RNG-17, ISO-24: whether one more event may tell of it.
    fn tells(self, rules: &Rules) -> bool {
        match self.code {
            CompletionCode::SHORT_PACKET => !(self.told && rules.short_packet_once),
            _ => rules.trailing_event,
        }
    }

    /// CAP-17: whether an Event Data TRB is executed.
    fn tells_event_data(self, rules: &Rules) -> bool {
        let once = rules.short_packet_once && self.told && self.code == CompletionCode::SHORT_PACKET;
        !once && (rules.parse_all_event_data || !self.event_data)
    }
}

impl Endpoint {
    /// The first TRB needs no transaction: executes it.
    pub(crate) fn pass(&mut self, completions: &mut Completions) {
        let Some(front) = self.fetched.front().copied() else { return };
        match (front.trb.trb_type(), self.td.skip) {
            // RNG-06: a Link appears here only if it asks for an event. RNG-25: a No Op is no part of a TD.
            (TrbType::LINK | TrbType::NO_OP_TRANSFER, _) => self.pass_transparent(front, completions),
            (_, Some(skip)) => self.skip_one(front, skip, completions),
            (TrbType::EVENT_DATA, None) => {
                self.execute_event_data(front, CompletionCode::SUCCESS, completions);
            }
            (_, None) => self.retire(0, completions),
        }
    }

    /// `bytes` moved without error and the packet was not short: retires every TRB that is done with.
    pub(crate) fn retire(&mut self, bytes: u32, completions: &mut Completions) {
        let mut left = bytes;
        while let Some(front) = self.fetched.front().copied() {
            if needs_no_bus(front.trb) {
                self.pass(completions);
                continue;
            }
            let rest = data_length(front.trb).saturating_sub(self.offset);
            let taken = rest.min(left);
            self.account(taken);
            left = left.saturating_sub(taken);
            if taken < rest {
                self.offset = self.offset.saturating_add(taken);
                self.td.in_td = true;
                return;
            }
            completions.success(self.id, &front);
            if self.pop(front) {
                return;
            }
        }
    }

    /// The TD ended after `bytes`, before its end: a short packet, or a failure that does not halt. RNG-15: a packet
    /// that ends where a TRB ends, ended in that TRB. The rest of the TD is passed over.
    pub(crate) fn retire_early(&mut self, bytes: u32, code: CompletionCode, completions: &mut Completions) {
        let mut left = bytes;
        while let Some(front) = self.fetched.front().copied() {
            // RNG-22: what stands between buffers was reached with all bytes before it moved.
            if needs_no_bus(front.trb) {
                self.pass(completions);
                continue;
            }
            let rest = data_length(front.trb).saturating_sub(self.offset);
            if left > rest {
                self.account(rest);
                left = left.saturating_sub(rest);
                completions.success(self.id, &front);
                if self.pop(front) {
                    return;
                }
                continue;
            }
            self.account(left);
            let length = rest.saturating_sub(left);
            // RNG-16, RNG-27: a short packet is told to who asked, anything else always.
            let told = code != CompletionCode::SHORT_PACKET || front.trb.ioc() || front.trb.isp();
            if told {
                completions.push(self.id, &front, code, length);
            }
            if !self.pop(front) {
                self.td.skip = Some(Skip { code, length, told, event_data: false });
            }
            return;
        }
    }

    /// The first TRB failed: an event whether or not it asked for one (RNG-27). It stays where it is.
    pub(crate) fn fail(&mut self, code: CompletionCode, completions: &mut Completions) {
        if let Some(front) = self.fetched.front() {
            completions.push(self.id, front, code, self.residual(front.trb));
        }
    }

    /// What of the first TRB has not moved.
    pub(crate) fn residual(&self, front: Trb) -> u32 {
        match front.trb_type() {
            TrbType::SETUP_STAGE => front.transfer_length(),
            _ => data_length(front).saturating_sub(self.offset),
        }
    }

    /// The fetched TD missed its interval: the whole of it is taken off. Returns its last TRB (ISO-16).
    pub(crate) fn drop_td(&mut self) -> Option<Fetched> {
        let mut last = None;
        while let Some(front) = self.fetched.front().copied() {
            let ended = self.pop(front);
            if !is_transparent(front.trb) {
                last = Some(front);
                if ended {
                    break;
                }
            }
        }
        self.td.in_td = false;
        self.td.issued = false;
        self.td.edtla = 0;
        last
    }

    /// The rest of an isochronous TD is passed over at once: all of it has been read.
    pub(crate) fn skip_fetched(&mut self, completions: &mut Completions) {
        while let (Some(_), Some(_)) = (self.td.skip, self.fetched.front()) {
            self.pass(completions);
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
        self.passed = self.passed.wrapping_add(1);
        self.td.retired.step(front.trb, self.class, None);
        self.offset = 0;
        self.td.in_td = front.trb.chain();
        if !self.td.in_td {
            self.td.edtla = 0;
            self.td.issued = false;
            self.take_up_max_packet();
        }
        !self.td.in_td
    }

    /// A Link or No Op, which begins and ends no TD.
    fn pass_transparent(&mut self, front: Fetched, completions: &mut Completions) {
        completions.success(self.id, &front);
        self.fetched.pop_front();
        self.passed = self.passed.wrapping_add(1);
        self.td.retired.step(front.trb, self.class, None);
        if front.trb.trb_type() == TrbType::LINK {
            self.links = self.links.saturating_add(1);
        }
    }

    fn account(&mut self, bytes: u32) {
        self.td.edtla = self.td.edtla.wrapping_add(bytes) & EDTLA_MASK;
    }

    fn execute_event_data(&mut self, front: Fetched, code: CompletionCode, completions: &mut Completions) {
        completions.event_data(self.id, &front, code, self.td.edtla);
        self.td.edtla = 0;
        self.pop(front);
    }

    fn skip_one(&mut self, front: Fetched, mut skip: Skip, completions: &mut Completions) {
        let rules = completions.rules;
        if front.trb.trb_type() == TrbType::EVENT_DATA {
            if skip.tells_event_data(&rules) {
                skip.told |= front.trb.ioc();
                skip.event_data = true;
                self.execute_event_data(front, skip.code, completions);
            } else {
                self.pop(front);
            }
        } else {
            if front.trb.ioc() && skip.tells(&rules) {
                skip.told = true;
                completions.push(self.id, &front, skip.code, skip.length);
            }
            self.pop(front);
        }
        self.td.skip = front.trb.chain().then_some(skip);
    }
}
