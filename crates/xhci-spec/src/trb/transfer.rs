//! TRBs of transfer rings (xHCI 6.4.1). The cycle bit and all flags are 0 until a `with_...` sets them.

use super::{TransferType, Trb, TrbType};
use crate::{FrameId, Gpa};

/// When an isochronous TD is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IsochStart {
    /// Start Isoch ASAP: the next service interval that can be met.
    Asap,
    /// The first free service interval of this frame.
    Frame(FrameId),
}

/// Normal: `length` bytes (0 to 65536) at `buffer`.
#[inline]
#[must_use]
pub const fn normal(buffer: Gpa, length: u32) -> Trb {
    data(TrbType::NORMAL, buffer, length)
}

/// Setup Stage: the eight bytes of the SETUP packet, and which data stage follows.
#[inline]
#[must_use]
pub const fn setup_stage(packet: [u8; 8], trt: TransferType) -> Trb {
    let trb = data(TrbType::SETUP_STAGE, Gpa(u64::from_le_bytes(packet)), 8);
    trb.with_idt(true).with_trt(trt)
}

/// Data Stage: `length` bytes at `buffer`.
#[inline]
#[must_use]
pub const fn data_stage(buffer: Gpa, length: u32, dir_in: bool) -> Trb {
    data(TrbType::DATA_STAGE, buffer, length).with_dir_in(dir_in)
}

/// Status Stage: opposite to the data stage; IN if there was none.
#[inline]
#[must_use]
pub const fn status_stage(dir_in: bool) -> Trb {
    Trb::of_type(TrbType::STATUS_STAGE).with_dir_in(dir_in)
}

/// Isoch: the first TRB of an isochronous TD. TBC and TLBPC matter at SuperSpeed only
/// ([`super::packets::isoch_bursts`]).
#[inline]
#[must_use]
pub const fn isoch(buffer: Gpa, length: u32, start: IsochStart) -> Trb {
    let trb = data(TrbType::ISOCH, buffer, length);
    match start {
        IsochStart::Asap => trb.with_sia(true),
        IsochStart::Frame(frame) => trb.with_frame_id(frame),
    }
}

/// Link: the ring goes on at `segment`. Of transfer rings and of the command ring.
#[inline]
#[must_use]
pub const fn link(segment: Gpa, toggle_cycle: bool) -> Trb {
    Trb { parameter: segment.0 & !0xF, ..Trb::of_type(TrbType::LINK) }.with_toggle_cycle(toggle_cycle)
}

/// Event Data: a Transfer event with `value` in it.
#[inline]
#[must_use]
pub const fn event_data(value: u64) -> Trb {
    Trb { parameter: value, ..Trb::of_type(TrbType::EVENT_DATA) }
}

/// No Op.
#[inline]
#[must_use]
pub const fn no_op() -> Trb {
    Trb::of_type(TrbType::NO_OP_TRANSFER)
}

const fn data(trb_type: TrbType, buffer: Gpa, length: u32) -> Trb {
    Trb { parameter: buffer.0, ..Trb::of_type(trb_type) }.with_transfer_length(length)
}
