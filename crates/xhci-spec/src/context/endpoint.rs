//! Endpoint Context (xHCI 6.2.3).

use crate::Gpa;

open_enum! {
    /// Endpoint State (EP State).
    pub struct EndpointState(u8) {
        /// Not in use.
        DISABLED = 0, "Disabled";
        /// Served when its doorbell has rung.
        RUNNING = 1, "Running";
        /// Halted by a STALL or a transaction error.
        HALTED = 2, "Halted";
        /// Stopped by a command.
        STOPPED = 3, "Stopped";
        /// A TRB was in error.
        ERROR = 4, "Error";
    }
}

open_enum! {
    /// Endpoint Type (EP Type).
    pub struct EndpointType(u8) {
        /// Not valid.
        NOT_VALID = 0, "Not Valid";
        /// Isochronous OUT.
        ISOCH_OUT = 1, "Isoch OUT";
        /// Bulk OUT.
        BULK_OUT = 2, "Bulk OUT";
        /// Interrupt OUT.
        INTERRUPT_OUT = 3, "Interrupt OUT";
        /// Control, both directions.
        CONTROL = 4, "Control";
        /// Isochronous IN.
        ISOCH_IN = 5, "Isoch IN";
        /// Bulk IN.
        BULK_IN = 6, "Bulk IN";
        /// Interrupt IN.
        INTERRUPT_IN = 7, "Interrupt IN";
    }
}

impl EndpointType {
    /// Whether the endpoint is isochronous.
    #[inline]
    #[must_use]
    pub const fn is_isoch(self) -> bool {
        matches!(self, Self::ISOCH_OUT | Self::ISOCH_IN)
    }

    /// Whether the endpoint is isochronous or interrupt, which the schedule serves at intervals.
    #[inline]
    #[must_use]
    pub const fn is_periodic(self) -> bool {
        self.is_isoch() || matches!(self, Self::INTERRUPT_OUT | Self::INTERRUPT_IN)
    }

    /// Whether data go only to the host.
    #[inline]
    #[must_use]
    pub const fn is_in(self) -> bool {
        matches!(self, Self::ISOCH_IN | Self::BULK_IN | Self::INTERRUPT_IN)
    }
}

dword_struct! {
    /// What an endpoint is and where its ring goes on.
    pub struct EndpointContext[8] {
        /// EP State.
        ep_state / with_ep_state: EndpointState = [0] 0, 3;
        /// Mult: bursts of a service interval less one; SuperSpeed isochronous.
        mult / with_mult: u8 = [0] 8, 2;
        /// MaxPStreams: 0 no streams, p a primary stream array of 2^(p+1) contexts.
        max_pstreams / with_max_pstreams: u8 = [0] 10, 5;
        /// Linear Stream Array.
        lsa / with_lsa: bool = [0] 15, 1;
        /// Interval: the service interval is 2^Interval × 125 µs.
        interval / with_interval: u8 = [0] 16, 8;
        /// Max ESIT Payload, bits 23:16.
        max_esit_payload_hi / with_max_esit_payload_hi: u8 = [0] 24, 8;
        /// Error Count: consecutive errors that halt; 0 retries for ever; isochronous 0.
        cerr / with_cerr: u8 = [1] 1, 2;
        /// EP Type.
        ep_type / with_ep_type: EndpointType = [1] 3, 3;
        /// Host Initiate Disable.
        hid / with_hid: bool = [1] 7, 1;
        /// Max Burst Size: packets of a burst less one.
        max_burst_size / with_max_burst_size: u8 = [1] 8, 8;
        /// Max Packet Size in bytes.
        max_packet_size / with_max_packet_size: u16 = [1] 16, 16;
        /// Dequeue Cycle State.
        dcs / with_dcs: bool = [2] 0, 1;
        /// Average TRB Length in bytes.
        average_trb_length / with_average_trb_length: u16 = [4] 0, 16;
        /// Max ESIT Payload, bits 15:0.
        max_esit_payload_lo / with_max_esit_payload_lo: u16 = [4] 16, 16;
    }
}

impl EndpointContext {
    /// TR Dequeue Pointer: the TRB to execute next, or the stream array; 16-byte aligned.
    #[inline]
    #[must_use]
    pub const fn tr_dequeue_pointer(self) -> Gpa {
        Gpa((self.0[2] & !0xF) as u64 | (self.0[3] as u64) << 32)
    }

    /// Sets the TR Dequeue Pointer and leaves DCS; bits 3:0 of the address are dropped.
    #[inline]
    #[must_use]
    pub const fn with_tr_dequeue_pointer(mut self, dequeue: Gpa) -> Self {
        self.0[2] = self.0[2] & 0xF | dequeue.0 as u32 & !0xF;
        self.0[3] = (dequeue.0 >> 32) as u32;
        self
    }

    /// Max ESIT Payload: bytes of a service interval.
    #[inline]
    #[must_use]
    pub const fn max_esit_payload(self) -> u32 {
        (self.max_esit_payload_hi() as u32) << 16 | self.max_esit_payload_lo() as u32
    }

    /// Sets both halves of Max ESIT Payload, 24 bits.
    #[inline]
    #[must_use]
    pub const fn with_max_esit_payload(self, bytes: u32) -> Self {
        self.with_max_esit_payload_hi((bytes >> 16) as u8).with_max_esit_payload_lo(bytes as u16)
    }
}
