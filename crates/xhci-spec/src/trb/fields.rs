//! The fields of TRBs, by name. One bit can have several names, as the type decides which it is.

use super::Trb;
use crate::{CompletionCode, Dci, FrameId, InterrupterId, SlotId};

open_enum! {
    /// Transfer Type (TRT) of a Setup Stage TRB: which data stage follows.
    pub struct TransferType(u8) {
        /// No data stage.
        NO_DATA = 0, "No Data Stage";
        /// Data from host to device.
        OUT = 2, "OUT Data Stage";
        /// Data from device to host.
        IN = 3, "IN Data Stage";
    }
}

open_enum! {
    /// Stream Context Type (SCT, xHCI 6.2.4.1): what a stream context's pointer points to.
    pub struct StreamContextType(u8) {
        /// A transfer ring; the context is in a secondary stream array.
        SECONDARY_RING = 0, "Secondary, Transfer Ring";
        /// A transfer ring; the context is in the primary stream array.
        PRIMARY_RING = 1, "Primary, Transfer Ring";
        /// A secondary array of 8 contexts.
        SECONDARY_ARRAY_8 = 2, "Primary, Array of 8";
        /// A secondary array of 16 contexts.
        SECONDARY_ARRAY_16 = 3, "Primary, Array of 16";
        /// A secondary array of 32 contexts.
        SECONDARY_ARRAY_32 = 4, "Primary, Array of 32";
        /// A secondary array of 64 contexts.
        SECONDARY_ARRAY_64 = 5, "Primary, Array of 64";
        /// A secondary array of 128 contexts.
        SECONDARY_ARRAY_128 = 6, "Primary, Array of 128";
        /// A secondary array of 256 contexts.
        SECONDARY_ARRAY_256 = 7, "Primary, Array of 256";
    }
}

/// The `width` bits of `word` from bit `low` on.
#[inline]
const fn get(word: u32, low: u32, width: u32) -> u32 {
    word >> low & ((1 << width) - 1)
}

/// `word` with the `width` bits from bit `low` on replaced; bits of `value` beyond the field are dropped.
#[inline]
const fn put(word: u32, low: u32, width: u32, value: u32) -> u32 {
    let mask = ((1 << width) - 1) << low;
    word & !mask | value << low & mask
}

macro_rules! control_flags {
    ($( $(#[$doc:meta])* $get:ident / $with:ident = $bit:literal; )*) => {
        /// Flags of DW3.
        impl Trb {
            $(
                $(#[$doc])*
                #[inline]
                #[must_use]
                pub const fn $get(self) -> bool {
                    self.control & 1 << $bit != 0
                }

                $(#[$doc])*
                #[inline]
                #[must_use]
                pub const fn $with(self, value: bool) -> Self {
                    Self { control: put(self.control, $bit, 1, value as u32), ..self }
                }
            )*
        }
    };
}

control_flags! {
    /// Cycle bit: who owns the TRB.
    cycle / with_cycle = 0;
    /// Toggle Cycle (Link): the consumer's cycle state flips.
    toggle_cycle / with_toggle_cycle = 1;
    /// Evaluate Next TRB before the endpoint is left.
    ent / with_ent = 1;
    /// Interrupt-on Short Packet.
    isp / with_isp = 2;
    /// Event Data (Transfer event): the parameter is an Event Data TRB's, not a pointer.
    event_data / with_event_data = 2;
    /// No Snoop.
    no_snoop / with_no_snoop = 3;
    /// Chain bit: the next TRB belongs to the same TD.
    chain / with_chain = 4;
    /// Interrupt On Completion: an event is wanted.
    ioc / with_ioc = 5;
    /// Immediate Data: the parameter is the data.
    idt / with_idt = 6;
    /// Block Event Interrupt: the event raises no interrupt.
    bei / with_bei = 9;
    /// Block Set Address Request (Address Device).
    bsr / with_bsr = 9;
    /// Deconfigure (Configure Endpoint).
    dc / with_dc = 9;
    /// Transfer State Preserve (Reset Endpoint).
    tsp / with_tsp = 9;
    /// Direction of a Data or Status Stage: IN.
    dir_in / with_dir_in = 16;
    /// Suspend (Stop Endpoint).
    sp / with_sp = 23;
    /// Start Isoch ASAP: the Frame ID is not looked at.
    sia / with_sia = 31;
}

macro_rules! fields {
    ($( $(#[$doc:meta])* $get:ident / $with:ident : $ty:ty = $word:ident[$low:literal, $width:literal]
        from |$raw:ident| $from:expr, into |$value:ident| $into:expr; )*) => {
        /// Fields of DW2 and DW3. A `with_...` drops bits of the value that do not fit the field.
        impl Trb {
            $(
                $(#[$doc])*
                #[inline]
                #[must_use]
                pub const fn $get(self) -> $ty {
                    let $raw = get(self.$word, $low, $width);
                    $from
                }

                $(#[$doc])*
                #[inline]
                #[must_use]
                pub const fn $with(self, $value: $ty) -> Self {
                    Self { $word: put(self.$word, $low, $width, $into), ..self }
                }
            )*
        }
    };
}

fields! {
    /// TRB Transfer Length in bytes: 17 bits, legal up to 65536.
    transfer_length / with_transfer_length: u32 = status[0, 17] from |raw| raw, into |value| value;
    /// TD Size: packets still to come after this TRB, at most 31; the TBC if USBCMD.ETE.
    td_size / with_td_size: u8 = status[17, 5] from |raw| raw as u8, into |value| value as u32;
    /// Interrupter Target: whose event ring gets the event.
    interrupter_target / with_interrupter_target: InterrupterId = status[22, 10]
        from |raw| InterrupterId(raw as u16), into |value| value.0 as u32;
    /// Length field of an event: a residual, an EDTLA, or a command's parameter; 24 bits.
    event_length / with_event_length: u32 = status[0, 24] from |raw| raw, into |value| value;
    /// Completion Code of an event.
    completion_code / with_completion_code: CompletionCode = status[24, 8]
        from |raw| CompletionCode(raw as u8), into |value| value.0 as u32;
    /// Stream ID (Set TR Dequeue Pointer); 0 without streams.
    stream_id / with_stream_id: u16 = status[16, 16] from |raw| raw as u16, into |value| value as u32;
    /// Slot ID; `None` is a field of 0.
    slot_id / with_slot_id: Option<SlotId> = control[24, 8]
        from |raw| SlotId::new(raw as u8),
        into |value| match value { Some(slot) => slot.get() as u32, None => 0 };
    /// Endpoint ID: a DCI; `None` is a field of 0.
    endpoint_id / with_endpoint_id: Option<Dci> = control[16, 5]
        from |raw| Dci::new(raw as u8),
        into |value| match value { Some(dci) => dci.get() as u32, None => 0 };
    /// Slot Type (Enable Slot).
    slot_type / with_slot_type: u8 = control[16, 5] from |raw| raw as u8, into |value| value as u32;
    /// VF ID of the virtualisation commands and events.
    vf_id / with_vf_id: u8 = control[16, 8] from |raw| raw as u8, into |value| value as u32;
    /// Transfer Type (Setup Stage).
    trt / with_trt: TransferType = control[16, 2]
        from |raw| TransferType(raw as u8), into |value| value.0 as u32;
    /// Transfer Burst Count (Isoch, if not USBCMD.ETE): bursts of the TD less one.
    tbc / with_tbc: u8 = control[7, 2] from |raw| raw as u8, into |value| value as u32;
    /// Transfer Last Burst Packet Count (Isoch): packets of the last burst less one.
    tlbpc / with_tlbpc: u8 = control[16, 4] from |raw| raw as u8, into |value| value as u32;
    /// Frame ID (Isoch): the frame in which the TD is due, unless SIA.
    frame_id / with_frame_id: FrameId = control[20, 11]
        from |raw| FrameId::new(raw as u16), into |value| value.get() as u32;
}

/// Fields of the low bits of DW0, below a 16-byte aligned pointer.
impl Trb {
    /// Dequeue Cycle State (Set TR Dequeue Pointer).
    #[inline]
    #[must_use]
    pub const fn dcs(self) -> bool {
        self.parameter & 1 != 0
    }

    /// Dequeue Cycle State (Set TR Dequeue Pointer).
    #[inline]
    #[must_use]
    pub const fn with_dcs(self, dcs: bool) -> Self {
        Self { parameter: self.parameter & !1 | dcs as u64, ..self }
    }

    /// Stream Context Type (Set TR Dequeue Pointer).
    #[inline]
    #[must_use]
    pub const fn sct(self) -> StreamContextType {
        StreamContextType(self.parameter as u8 >> 1 & 7)
    }

    /// Stream Context Type (Set TR Dequeue Pointer).
    #[inline]
    #[must_use]
    pub const fn with_sct(self, sct: StreamContextType) -> Self {
        Self { parameter: self.parameter & !0xE | (sct.0 as u64 & 7) << 1, ..self }
    }
}
