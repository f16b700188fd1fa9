//! Completion codes (xHCI 6.4.5): how a TRB, a command or a controller condition ended.

open_enum! {
    /// A completion code: DW2 bits 31:24 of every event.
    ///
    /// ```
    /// use xhci_spec::CompletionCode;
    /// assert_eq!(CompletionCode::STOPPED_LENGTH_INVALID.to_string(), "Stopped - Length Invalid");
    /// assert_eq!(CompletionCode(200).to_string(), "CompletionCode(200)");
    /// ```
    pub struct CompletionCode(u8) {
        /// Never written by a controller.
        INVALID = 0, "Invalid";
        /// The TRB, TD or command completed in full.
        SUCCESS = 1, "Success";
        /// The controller could not keep up with the bus.
        DATA_BUFFER_ERROR = 2, "Data Buffer Error";
        /// The device sent more than a packet, or than the TD's remaining buffer.
        BABBLE_DETECTED = 3, "Babble Detected Error";
        /// Errors on the bus exhausted the error count.
        USB_TRANSACTION_ERROR = 4, "USB Transaction Error";
        /// A malformed or ill-placed TRB.
        TRB_ERROR = 5, "TRB Error";
        /// The device answered STALL.
        STALL = 6, "Stall Error";
        /// The controller lacks internal resources.
        RESOURCE_ERROR = 7, "Resource Error";
        /// The periodic budget of the primary bandwidth domain is exceeded.
        BANDWIDTH_ERROR = 8, "Bandwidth Error";
        /// Enable Slot found no free slot.
        NO_SLOTS_AVAILABLE = 9, "No Slots Available Error";
        /// An illegal Stream Context Type.
        INVALID_STREAM_TYPE = 10, "Invalid Stream Type Error";
        /// A command for a Disabled slot.
        SLOT_NOT_ENABLED = 11, "Slot Not Enabled Error";
        /// A doorbell for a Disabled endpoint.
        ENDPOINT_NOT_ENABLED = 12, "Endpoint Not Enabled Error";
        /// A packet shorter than expected ended the TD; not an error.
        SHORT_PACKET = 13, "Short Packet";
        /// The ring of an isochronous OUT endpoint is empty at a service interval.
        RING_UNDERRUN = 14, "Ring Underrun";
        /// The ring of an isochronous IN endpoint is empty at a service interval.
        RING_OVERRUN = 15, "Ring Overrun";
        /// A virtual function's event ring is full.
        VF_EVENT_RING_FULL = 16, "VF Event Ring Full Error";
        /// A context field is illegal.
        PARAMETER_ERROR = 17, "Parameter Error";
        /// An isochronous TD is larger than Max ESIT Payload.
        BANDWIDTH_OVERRUN = 18, "Bandwidth Overrun Error";
        /// The command is illegal in this slot or endpoint state.
        CONTEXT_STATE_ERROR = 19, "Context State Error";
        /// A SuperSpeed isochronous device did not answer PING in time.
        NO_PING_RESPONSE = 20, "No Ping Response Error";
        /// The event ring is full; a Host Controller event.
        EVENT_RING_FULL = 21, "Event Ring Full Error";
        /// The device cannot work at this port.
        INCOMPATIBLE_DEVICE = 22, "Incompatible Device Error";
        /// An isochronous TD was not serviced in its interval.
        MISSED_SERVICE = 23, "Missed Service Error";
        /// The command ring stopped by CS or CA.
        COMMAND_RING_STOPPED = 24, "Command Ring Stopped";
        /// The command ended by CA.
        COMMAND_ABORTED = 25, "Command Aborted";
        /// Stop Endpoint hit inside a TD; the length is the residual of the TRB pointed to.
        STOPPED = 26, "Stopped";
        /// Stop Endpoint hit where a length has no meaning.
        STOPPED_LENGTH_INVALID = 27, "Stopped - Length Invalid";
        /// Stop Endpoint hit after a short packet of an unfinished TD; the length is the EDTLA.
        STOPPED_SHORT_PACKET = 28, "Stopped - Short Packet";
        /// The Max Exit Latency does not fit the endpoint's interval.
        MAX_EXIT_LATENCY_TOO_LARGE = 29, "Max Exit Latency Too Large Error";
        /// Isochronous IN data did not fit the TD's buffer.
        ISOCH_BUFFER_OVERRUN = 31, "Isoch Buffer Overrun";
        /// Events were lost for want of room.
        EVENT_LOST = 32, "Event Lost Error";
        /// An internal error; software must reset the controller.
        UNDEFINED_ERROR = 33, "Undefined Error";
        /// A stream outside the stream array was selected.
        INVALID_STREAM_ID = 34, "Invalid Stream ID Error";
        /// The periodic budget of a secondary bandwidth domain (a TT) is exceeded.
        SECONDARY_BANDWIDTH_ERROR = 35, "Secondary Bandwidth Error";
        /// An error in the TT's part of a split transaction.
        SPLIT_TRANSACTION_ERROR = 36, "Split Transaction Error";
    }
}

impl CompletionCode {
    /// Whether nothing went wrong: Success or Short Packet.
    #[inline]
    #[must_use]
    pub const fn is_success_or_short(self) -> bool {
        matches!(self, Self::SUCCESS | Self::SHORT_PACKET)
    }

    /// Whether Stop Endpoint caused this code.
    #[inline]
    #[must_use]
    pub const fn is_stopped(self) -> bool {
        matches!(self, Self::STOPPED | Self::STOPPED_LENGTH_INVALID | Self::STOPPED_SHORT_PACKET)
    }
}
