//! What is out of order about TRBs that can be executed all the same (RNG-10 to RNG-12), and how long a TD may be
//! (SEC-04).

use super::td::{data_length, is_transparent};
use crate::bus::domain::Class;
use crate::violation::Violation;
use xhci_spec::trb::TransferType;
use xhci_spec::{Trb, TrbType};

/// SEC-04: the most TRBs of a TD.
pub(crate) const TRBS_PER_TD: u32 = 65_536;
/// RNG-11: a buffer does not cross a boundary of this many bytes.
const BUFFER_BOUNDARY: u64 = 0x1_0000;

/// What is wrong with a TRB.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    /// The TD is longer than the controller can follow.
    TooLong,
    /// A rule that software broke.
    Rule(Violation),
}

/// Which TRB of a control transfer is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Stage {
    /// Unknown: the ring was set up, or moved by Set TR Dequeue Pointer.
    #[default]
    Any,
    Setup,
    Data,
    Status,
}

/// How far a ring has been followed, as far as later TRBs must agree with earlier ones. One follows the TRBs as they
/// are read, another as they are retired; the first falls back to the second when TRBs are to be read again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Followed {
    /// TRBs of the current TD.
    trbs: u32,
    /// Their bytes (SEC-05).
    bytes: u64,
    /// TRBs with data among them.
    buffers: u32,
    /// One of these is immediate.
    immediate: bool,
    stage: Stage,
    /// What the Setup TRB announced.
    transfer: TransferType,
    /// wLength.
    length: u64,
}

impl Followed {
    /// Goes past one TRB. `longest` is how many bytes a TD may have.
    #[inline]
    pub(crate) fn step(&mut self, trb: Trb, class: Class, longest: Option<u32>) -> Option<Flaw> {
        let kind = trb.trb_type();
        let has_data = matches!(kind, TrbType::NORMAL | TrbType::DATA_STAGE | TrbType::ISOCH);
        let transparent = is_transparent(trb);
        // Between TDs a transparent one is none of a TD's; within one it counts as work.
        if !transparent || self.trbs > 0 {
            self.trbs = self.trbs.saturating_add(1);
        }
        self.bytes = self.bytes.saturating_add(data_length(trb).into());
        let too_long =
            self.trbs > TRBS_PER_TD || longest.is_some_and(|longest| self.bytes > u64::from(longest));
        if transparent {
            return too_long.then_some(Flaw::TooLong);
        }
        let mut broken = None;
        if has_data {
            self.immediate |= trb.idt();
            self.buffers = self.buffers.saturating_add(1);
            if self.immediate && self.buffers > 1 {
                broken = Some(Violation::ImmediateDataInLongTd);
            } else if crosses_boundary(trb) {
                broken = Some(Violation::BufferCrossesBoundary);
            }
        }
        if class == Class::Control && !self.follow_control(trb) {
            broken = Some(Violation::ControlStageMismatch);
        }
        if !trb.chain() {
            (self.trbs, self.bytes, self.buffers, self.immediate) = (0, 0, 0, false);
        }
        if too_long { Some(Flaw::TooLong) } else { broken.map(Flaw::Rule) }
    }

    /// RNG-10: whether a TRB is the one that the Setup TRB led to expect.
    fn follow_control(&mut self, trb: Trb) -> bool {
        let is_in = self.transfer == TransferType::IN;
        match trb.trb_type() {
            TrbType::SETUP_STAGE => {
                let [request_type, _, _, _, _, _, length_low, length_high] = trb.immediate_data();
                let due = matches!(self.stage, Stage::Any | Stage::Setup);
                self.transfer = trb.trt();
                self.length = u16::from_le_bytes([length_low, length_high]).into();
                let wanted = match (self.length, request_type & 0x80) {
                    (0, _) => TransferType::NO_DATA,
                    (_, 0) => TransferType::OUT,
                    _ => TransferType::IN,
                };
                let agrees = self.transfer == wanted;
                // What does not agree with itself announces nothing.
                self.stage = match wanted {
                    _ if !agrees => Stage::Any,
                    TransferType::NO_DATA => Stage::Status,
                    _ => Stage::Data,
                };
                due && agrees
            }
            TrbType::DATA_STAGE | TrbType::NORMAL => {
                let first = trb.trb_type() == TrbType::DATA_STAGE;
                let due = matches!(self.stage, Stage::Any | Stage::Data);
                let agrees = self.stage == Stage::Any
                    || ((!first || trb.dir_in() == is_in) && self.agrees_in_length(trb.chain()));
                if first {
                    self.transfer = if trb.dir_in() { TransferType::IN } else { TransferType::OUT };
                }
                if !trb.chain() {
                    self.stage = Stage::Status;
                }
                due && agrees
            }
            TrbType::STATUS_STAGE => {
                let due = matches!(self.stage, Stage::Any | Stage::Status);
                // TRB-05: opposite to the data stage, IN if there was none.
                let agrees = self.stage == Stage::Any || trb.dir_in() != is_in;
                self.stage = Stage::Setup;
                due && agrees
            }
            TrbType::EVENT_DATA => {
                if trb.chain() || self.buffers == 0 || self.stage == Stage::Any {
                    return true;
                }
                self.stage = Stage::Status;
                self.agrees_in_length(false)
            }
            _ => true,
        }
    }

    /// Whether the data stage so far, or as a whole, has the length that the Setup TRB says.
    fn agrees_in_length(&self, goes_on: bool) -> bool {
        if goes_on { self.bytes <= self.length } else { self.bytes == self.length }
    }
}

fn crosses_boundary(trb: Trb) -> bool {
    let within = trb.parameter & BUFFER_BOUNDARY.wrapping_sub(1);
    !trb.idt() && within.saturating_add(data_length(trb).into()) > BUFFER_BOUNDARY
}
