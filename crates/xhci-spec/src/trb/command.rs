//! TRBs of the command ring (xHCI 6.4.3). The cycle bit is 0 until [`Trb::with_cycle`] sets it.
//! The command ring's Link is [`super::transfer::link`].

use super::{Trb, TrbType};
use crate::{Dci, Gpa, InterrupterId, PortId, Psiv, SlotId};

/// No Op.
#[must_use]
pub const fn no_op() -> Trb {
    Trb::of_type(TrbType::NO_OP_COMMAND)
}

/// Enable Slot, of a Supported Protocol capability's Slot Type (0 for USB).
#[must_use]
pub const fn enable_slot(slot_type: u8) -> Trb {
    Trb::of_type(TrbType::ENABLE_SLOT).with_slot_type(slot_type)
}

/// Disable Slot.
#[must_use]
pub const fn disable_slot(slot: SlotId) -> Trb {
    for_slot(TrbType::DISABLE_SLOT, slot)
}

/// Address Device. With `bsr` no SET_ADDRESS is sent and the slot becomes Default.
#[must_use]
pub const fn address_device(input: Gpa, slot: SlotId, bsr: bool) -> Trb {
    with_pointer(for_slot(TrbType::ADDRESS_DEVICE, slot), input).with_bsr(bsr)
}

/// Configure Endpoint. With `dc` all endpoints but 0 are dropped and `input` is not looked at.
#[must_use]
pub const fn configure_endpoint(input: Gpa, slot: SlotId, dc: bool) -> Trb {
    with_pointer(for_slot(TrbType::CONFIGURE_ENDPOINT, slot), input).with_dc(dc)
}

/// Evaluate Context.
#[must_use]
pub const fn evaluate_context(input: Gpa, slot: SlotId) -> Trb {
    with_pointer(for_slot(TrbType::EVALUATE_CONTEXT, slot), input)
}

/// Reset Endpoint. With `tsp` toggle and split state are kept for a retry.
#[must_use]
pub const fn reset_endpoint(slot: SlotId, endpoint: Dci, tsp: bool) -> Trb {
    for_endpoint(TrbType::RESET_ENDPOINT, slot, endpoint).with_tsp(tsp)
}

/// Stop Endpoint. `suspend` announces that the device is about to be suspended.
#[must_use]
pub const fn stop_endpoint(slot: SlotId, endpoint: Dci, suspend: bool) -> Trb {
    for_endpoint(TrbType::STOP_ENDPOINT, slot, endpoint).with_sp(suspend)
}

/// Set TR Dequeue Pointer, without streams; [`Trb::with_stream_id`] and [`Trb::with_sct`] name a stream.
#[must_use]
pub const fn set_tr_dequeue_pointer(slot: SlotId, endpoint: Dci, dequeue: Gpa, dcs: bool) -> Trb {
    with_pointer(for_endpoint(TrbType::SET_TR_DEQUEUE_POINTER, slot, endpoint), dequeue).with_dcs(dcs)
}

/// Reset Device.
#[must_use]
pub const fn reset_device(slot: SlotId) -> Trb {
    for_slot(TrbType::RESET_DEVICE, slot)
}

/// Force Event: `event` is the address of the event TRB.
#[must_use]
pub const fn force_event(event: Gpa, target: InterrupterId, vf_id: u8) -> Trb {
    with_pointer(Trb::of_type(TrbType::FORCE_EVENT), event).with_interrupter_target(target).with_vf_id(vf_id)
}

/// Negotiate Bandwidth.
#[must_use]
pub const fn negotiate_bandwidth(slot: SlotId) -> Trb {
    for_slot(TrbType::NEGOTIATE_BANDWIDTH, slot)
}

/// Set Latency Tolerance Value: `belt` is a BELT field, scale in bits 11:10, value in 9:0.
#[must_use]
pub const fn set_latency_tolerance_value(belt: u16) -> Trb {
    let trb = Trb::of_type(TrbType::SET_LATENCY_TOLERANCE_VALUE);
    Trb { control: trb.control | (belt as u32 & 0xFFF) << 16, ..trb }
}

/// Get Port Bandwidth, of devices of a speed, at the ports of a hub; `None` is the root hub.
#[must_use]
pub const fn get_port_bandwidth(context: Gpa, hub: Option<SlotId>, speed: Psiv) -> Trb {
    let trb = with_pointer(Trb::of_type(TrbType::GET_PORT_BANDWIDTH), context).with_slot_id(hub);
    Trb { control: trb.control | (speed.0 as u32 & 0xF) << 16, ..trb }
}

/// Force Header: the three dwords of the packet, sent at a root port. The packet's type is in `header[0]` 4:0.
#[must_use]
pub const fn force_header(header: [u32; 3], port: PortId) -> Trb {
    let [dw0, dw1, dw2] = header;
    let control = Trb::of_type(TrbType::FORCE_HEADER).control | (port.get() as u32) << 24;
    Trb::from_dwords([dw0, dw1, dw2, control])
}

/// Get Extended Property, of the capability `eci`.
#[must_use]
pub const fn get_extended_property(context: Gpa, eci: u16, slot: SlotId) -> Trb {
    Trb { status: eci as u32, ..with_pointer(for_slot(TrbType::GET_EXTENDED_PROPERTY, slot), context) }
}

/// Set Extended Property, of the capability `eci`.
#[must_use]
pub const fn set_extended_property(eci: u16, parameter: u8, slot: SlotId) -> Trb {
    Trb { status: eci as u32 | (parameter as u32) << 16, ..for_slot(TrbType::SET_EXTENDED_PROPERTY, slot) }
}

const fn for_slot(trb_type: TrbType, slot: SlotId) -> Trb {
    Trb::of_type(trb_type).with_slot_id(Some(slot))
}

const fn for_endpoint(trb_type: TrbType, slot: SlotId, endpoint: Dci) -> Trb {
    for_slot(trb_type, slot).with_endpoint_id(Some(endpoint))
}

const fn with_pointer(trb: Trb, pointer: Gpa) -> Trb {
    Trb { parameter: pointer.0 & !0xF, ..trb }
}
