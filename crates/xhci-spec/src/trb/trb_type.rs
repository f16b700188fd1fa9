//! TRB types (xHCI 6.4.6).

open_enum! {
    /// A TRB Type: DW3 bits 15:10. 40 to 47 are reserved, 48 to 63 are the vendor's.
    pub struct TrbType(u8) {
        /// Data of bulk and interrupt transfers, and the chained part of any TD.
        NORMAL = 1, "Normal";
        /// SETUP packet of a control transfer.
        SETUP_STAGE = 2, "Setup Stage";
        /// Data stage of a control transfer.
        DATA_STAGE = 3, "Data Stage";
        /// Status stage of a control transfer.
        STATUS_STAGE = 4, "Status Stage";
        /// First TRB of an isochronous TD.
        ISOCH = 5, "Isoch";
        /// Continues a ring in another segment.
        LINK = 6, "Link";
        /// Puts software's 64 bits into a Transfer event.
        EVENT_DATA = 7, "Event Data";
        /// Nothing, on a transfer ring.
        NO_OP_TRANSFER = 8, "No Op";
        /// Allots a device slot.
        ENABLE_SLOT = 9, "Enable Slot Command";
        /// Gives a device slot back.
        DISABLE_SLOT = 10, "Disable Slot Command";
        /// Enables endpoint 0 and assigns the device's address.
        ADDRESS_DEVICE = 11, "Address Device Command";
        /// Adds and drops endpoints.
        CONFIGURE_ENDPOINT = 12, "Configure Endpoint Command";
        /// Changes parameters of the slot or of endpoint 0.
        EVALUATE_CONTEXT = 13, "Evaluate Context Command";
        /// Takes an endpoint out of Halted.
        RESET_ENDPOINT = 14, "Reset Endpoint Command";
        /// Stops an endpoint.
        STOP_ENDPOINT = 15, "Stop Endpoint Command";
        /// Moves a stopped endpoint to another TRB.
        SET_TR_DEQUEUE_POINTER = 16, "Set TR Dequeue Pointer Command";
        /// Tells the slot that its device was reset.
        RESET_DEVICE = 17, "Reset Device Command";
        /// Puts an event into a virtual function's event ring.
        FORCE_EVENT = 18, "Force Event Command";
        /// Starts bandwidth negotiation.
        NEGOTIATE_BANDWIDTH = 19, "Negotiate Bandwidth Command";
        /// Sets the latency tolerance value.
        SET_LATENCY_TOLERANCE_VALUE = 20, "Set Latency Tolerance Value Command";
        /// Reads the bandwidth left at each port.
        GET_PORT_BANDWIDTH = 21, "Get Port Bandwidth Command";
        /// Sends a link management or transaction packet.
        FORCE_HEADER = 22, "Force Header Command";
        /// Nothing, on the command ring.
        NO_OP_COMMAND = 23, "No Op Command";
        /// Reads an extended property.
        GET_EXTENDED_PROPERTY = 24, "Get Extended Property Command";
        /// Writes an extended property.
        SET_EXTENDED_PROPERTY = 25, "Set Extended Property Command";
        /// A transfer TRB completed, or an endpoint stopped or failed.
        TRANSFER_EVENT = 32, "Transfer Event";
        /// A command completed.
        COMMAND_COMPLETION_EVENT = 33, "Command Completion Event";
        /// A change bit of a port was set.
        PORT_STATUS_CHANGE_EVENT = 34, "Port Status Change Event";
        /// Another slot wants bandwidth.
        BANDWIDTH_REQUEST_EVENT = 35, "Bandwidth Request Event";
        /// A virtual function rang a doorbell.
        DOORBELL_EVENT = 36, "Doorbell Event";
        /// A condition of the controller.
        HOST_CONTROLLER_EVENT = 37, "Host Controller Event";
        /// A device sent a Device Notification packet.
        DEVICE_NOTIFICATION_EVENT = 38, "Device Notification Event";
        /// MFINDEX wrapped from 0x3FFF to 0.
        MFINDEX_WRAP_EVENT = 39, "MFINDEX Wrap Event";
    }
}

impl TrbType {
    /// Whether the specification defines this type for transfer rings.
    #[inline]
    #[must_use]
    pub const fn is_transfer(self) -> bool {
        matches!(self.0, 1..=8)
    }

    /// Whether the specification defines this type for the command ring. A Link is of both rings.
    #[inline]
    #[must_use]
    pub const fn is_command(self) -> bool {
        matches!(self.0, 6 | 9..=25)
    }

    /// Whether the specification defines this type for event rings.
    #[inline]
    #[must_use]
    pub const fn is_event(self) -> bool {
        matches!(self.0, 32..=39)
    }
}
