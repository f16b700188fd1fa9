//! The controller's agenda: what it does, and when.
//!
//! Register writes, doorbells and the passing of time all become entries here; `Xhci::advance` takes them in
//! order of time, and equal times in the order in which they were made. Each source has at most one entry
//! waiting (a flag beside it says so), so that a guest cannot grow the agenda by writing a register often.

use crate::bus::DomainId;
use sim_time::DeadlineQueue;
use xhci_spec::{Dci, InterrupterId, PortId, SlotId};

pub(crate) type Agenda = DeadlineQueue<Task>;

/// An endpoint of a device slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EndpointId {
    /// The device slot.
    pub slot: SlotId,
    /// The Device Context Index of the endpoint.
    pub dci: Dci,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Power-on is over.
    Ready,
    /// Firmware has seen that the operating system wants the controller.
    FirmwareLetsGo,
    /// USBCMD.RS was changed, or its latency is over.
    RunStop,
    /// Host Controller Reset is over.
    ResetDone,
    /// The command doorbell was rung, or the next command may be fetched.
    FetchCommand,
    /// The latency of the fetched command is over.
    ExecuteCommand,
    /// A doorbell reaches its endpoint.
    Doorbell(EndpointId),
    /// A service interval of a periodic endpoint begins. `generation` tells it from one armed before the
    /// endpoint was stopped.
    Service { endpoint: EndpointId, generation: u32 },
    /// A NAKed endpoint may be tried again.
    Retry { endpoint: EndpointId, generation: u32 },
    /// More data of a split transaction can go.
    Split { endpoint: EndpointId, generation: u32 },
    /// The transaction on a bus ends, or a new one may begin.
    Bus(DomainId),
    /// A register of an interrupter was written.
    Interrupter(InterrupterId),
    /// The moderation counter of an interrupter reaches zero.
    Moderation(InterrupterId),
    /// The message of an interrupter is on its way (TIM-21).
    Message(InterrupterId),
    /// A port's state machine: a reset or a resume ends, a link has trained.
    Port(PortId),
    /// What USBCMD.CSS asked for is done.
    SaveState,
    /// What USBCMD.CRS asked for is done.
    RestoreState,
    /// MFINDEX wraps.
    MfindexWrap,
    /// A device sent a notification that DNCTRL lets through.
    DeviceNotification { slot: SlotId, kind: u8, data: u64 },
}
