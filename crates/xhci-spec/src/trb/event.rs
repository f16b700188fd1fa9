//! TRBs of event rings (xHCI 6.4.2), as typed values: a controller encodes them, a driver decodes them.
//!
//! ```
//! use xhci_spec::trb::event::{Event, HostController};
//! use xhci_spec::{CompletionCode, Trb};
//! let trb = HostController { code: CompletionCode::EVENT_LOST }.to_trb().with_cycle(true);
//! assert_eq!(trb.to_dwords(), [0, 0, 0x2000_0000, 0x0000_9401]);
//! assert_eq!(Event::from_trb(trb), Event::HostController(HostController { code: CompletionCode::EVENT_LOST }));
//! ```

use super::{Trb, TrbType};
use crate::{CompletionCode, Dci, Gpa, PortId, SlotId};

/// A decoded event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A transfer TRB completed, or an endpoint stopped or failed.
    Transfer(TransferEvent),
    /// A command completed.
    CommandCompletion(CommandCompletion),
    /// A change bit of a port was set.
    PortStatusChange(PortStatusChange),
    /// Another slot wants bandwidth.
    BandwidthRequest(BandwidthRequest),
    /// A condition of the controller.
    HostController(HostController),
    /// A device sent a Device Notification packet.
    DeviceNotification(DeviceNotification),
    /// MFINDEX wrapped.
    MfindexWrap(MfindexWrap),
    /// Anything else that stands in the ring.
    Other(Trb),
}

impl Event {
    /// Decodes a TRB of an event ring.
    #[must_use]
    pub const fn from_trb(trb: Trb) -> Self {
        match trb.trb_type() {
            TrbType::TRANSFER_EVENT => Self::Transfer(TransferEvent::from_trb(trb)),
            TrbType::COMMAND_COMPLETION_EVENT => Self::CommandCompletion(CommandCompletion::from_trb(trb)),
            TrbType::PORT_STATUS_CHANGE_EVENT => Self::PortStatusChange(PortStatusChange::from_trb(trb)),
            TrbType::BANDWIDTH_REQUEST_EVENT => Self::BandwidthRequest(BandwidthRequest::from_trb(trb)),
            TrbType::HOST_CONTROLLER_EVENT => Self::HostController(HostController::from_trb(trb)),
            TrbType::DEVICE_NOTIFICATION_EVENT => Self::DeviceNotification(DeviceNotification::from_trb(trb)),
            TrbType::MFINDEX_WRAP_EVENT => Self::MfindexWrap(MfindexWrap),
            _ => Self::Other(trb),
        }
    }
}

/// Transfer event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransferEvent {
    /// Address of the TRB, or the 64 bits of an Event Data TRB; 0 if no TRB is responsible.
    pub parameter: u64,
    /// Whether `parameter` is an Event Data TRB's.
    pub event_data: bool,
    /// Residual bytes of the TRB, or the EDTLA; 24 bits.
    pub length: u32,
    /// How it ended.
    pub code: CompletionCode,
    /// The slot.
    pub slot: Option<SlotId>,
    /// The endpoint.
    pub endpoint: Option<Dci>,
}

impl TransferEvent {
    /// The event's TRB, cycle bit 0.
    #[inline]
    #[must_use]
    pub const fn to_trb(self) -> Trb {
        Trb { parameter: self.parameter, ..Trb::of_type(TrbType::TRANSFER_EVENT) }
            .with_event_length(self.length)
            .with_completion_code(self.code)
            .with_event_data(self.event_data)
            .with_endpoint_id(self.endpoint)
            .with_slot_id(self.slot)
    }

    /// Decodes a TRB of this type.
    #[inline]
    #[must_use]
    pub const fn from_trb(trb: Trb) -> Self {
        Self {
            parameter: trb.parameter,
            event_data: trb.event_data(),
            length: trb.event_length(),
            code: trb.completion_code(),
            slot: trb.slot_id(),
            endpoint: trb.endpoint_id(),
        }
    }

    /// Address of the TRB; `None` if the event is an Event Data TRB's.
    #[inline]
    #[must_use]
    pub const fn trb(self) -> Option<Gpa> {
        if self.event_data { None } else { Some(Gpa(self.parameter)) }
    }
}

/// Command Completion event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommandCompletion {
    /// Address of the command's TRB.
    pub command: Gpa,
    /// Command Completion Parameter; 0 unless the command defines it.
    pub parameter: u32,
    /// How it ended.
    pub code: CompletionCode,
    /// The slot; `None` of a command without one.
    pub slot: Option<SlotId>,
}

impl CommandCompletion {
    /// The event's TRB, cycle bit 0.
    #[must_use]
    pub const fn to_trb(self) -> Trb {
        Trb { parameter: self.command.0 & !0xF, ..Trb::of_type(TrbType::COMMAND_COMPLETION_EVENT) }
            .with_event_length(self.parameter)
            .with_completion_code(self.code)
            .with_slot_id(self.slot)
    }

    /// Decodes a TRB of this type.
    #[must_use]
    pub const fn from_trb(trb: Trb) -> Self {
        Self {
            command: trb.pointer(),
            parameter: trb.event_length(),
            code: trb.completion_code(),
            slot: trb.slot_id(),
        }
    }
}

/// Port Status Change event; always Success.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortStatusChange {
    /// The port; `None` is a field of 0, which no controller writes.
    pub port: Option<PortId>,
}

impl PortStatusChange {
    /// The event's TRB, cycle bit 0.
    #[must_use]
    pub const fn to_trb(self) -> Trb {
        let port = match self.port {
            Some(port) => (port.get() as u64) << 24,
            None => 0,
        };
        Trb { parameter: port, ..success(TrbType::PORT_STATUS_CHANGE_EVENT) }
    }

    /// Decodes a TRB of this type.
    #[must_use]
    pub const fn from_trb(trb: Trb) -> Self {
        Self { port: PortId::new((trb.parameter >> 24) as u8) }
    }
}

/// Bandwidth Request event; always Success.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BandwidthRequest {
    /// The slot that could give bandwidth back.
    pub slot: Option<SlotId>,
}

impl BandwidthRequest {
    /// The event's TRB, cycle bit 0.
    #[must_use]
    pub const fn to_trb(self) -> Trb {
        success(TrbType::BANDWIDTH_REQUEST_EVENT).with_slot_id(self.slot)
    }

    /// Decodes a TRB of this type.
    #[must_use]
    pub const fn from_trb(trb: Trb) -> Self {
        Self { slot: trb.slot_id() }
    }
}

/// Host Controller event: Event Ring Full, Event Lost and the like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostController {
    /// What happened.
    pub code: CompletionCode,
}

impl HostController {
    /// The event's TRB, cycle bit 0.
    #[must_use]
    pub const fn to_trb(self) -> Trb {
        Trb::of_type(TrbType::HOST_CONTROLLER_EVENT).with_completion_code(self.code)
    }

    /// Decodes a TRB of this type.
    #[must_use]
    pub const fn from_trb(trb: Trb) -> Self {
        Self { code: trb.completion_code() }
    }
}

/// Device Notification event; always Success.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceNotification {
    /// Notification Type, 4 bits; 1 is Function Wake.
    pub notification_type: u8,
    /// Notification data, 56 bits.
    pub data: u64,
    /// The slot of the device.
    pub slot: Option<SlotId>,
}

impl DeviceNotification {
    /// The event's TRB, cycle bit 0.
    #[must_use]
    pub const fn to_trb(self) -> Trb {
        let parameter = self.data << 8 | (self.notification_type as u64 & 0xF) << 4;
        Trb { parameter, ..success(TrbType::DEVICE_NOTIFICATION_EVENT) }.with_slot_id(self.slot)
    }

    /// Decodes a TRB of this type.
    #[must_use]
    pub const fn from_trb(trb: Trb) -> Self {
        Self { notification_type: trb.parameter as u8 >> 4, data: trb.parameter >> 8, slot: trb.slot_id() }
    }
}

/// MFINDEX Wrap event: nothing but its type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MfindexWrap;

impl MfindexWrap {
    /// The event's TRB, cycle bit 0; always Success.
    #[must_use]
    pub const fn to_trb(self) -> Trb {
        success(TrbType::MFINDEX_WRAP_EVENT)
    }
}

const fn success(trb_type: TrbType) -> Trb {
    Trb::of_type(trb_type).with_completion_code(CompletionCode::SUCCESS)
}
