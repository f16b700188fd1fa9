//! Device notifications (xHCI 4.13, 5.4.4): what a USB 3 device says unasked.

use crate::agenda::Task;
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use crate::interrupters::Pending;
use sim_time::Instant;
use xhci_spec::trb::event::DeviceNotification;
use xhci_spec::{PortId, SlotId};

/// A Device Notification Transaction Packet (USB 3.2 8.5.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notification {
    /// Notification Type, 0 to 15; [`Notification::FUNCTION_WAKE`] is the one that drivers want.
    pub kind: u8,
    /// Notification Type Specific, 56 bits.
    pub data: u64,
}

impl Notification {
    /// The type of a Function Wake Notification.
    pub const FUNCTION_WAKE: u8 = 1;
}

impl Xhci {
    /// The device at a USB 3 root port sends a notification. It is dropped silently if DNCTRL doesn't let its
    /// type through, if the device has no slot, or while the controller is halted (OPR-33).
    pub fn notify(&mut self, now: Instant, port: PortId, notification: Notification) {
        let Notification { kind, data } = notification;
        let enabled = self.notification_enable.checked_shr(kind.into()).is_some_and(|bits| bits & 1 != 0);
        if let Some(slot) = self.slots.at_port(port).filter(|_| enabled && self.core.running()) {
            self.core.agenda.push(now, Task::DeviceNotification { slot, kind, data });
        }
    }

    pub(crate) fn post_notification<D: Dma>(
        &mut self,
        id: SlotId,
        notification_type: u8,
        data: u64,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let Some(slot) = self.slots.get(id).filter(|_| self.core.running()) else { return Ok(()) };
        let target = slot.interrupter_target();
        let trb = DeviceNotification { notification_type, data, slot: Some(id) }.to_trb();
        self.interrupters.post(target, Pending::interrupting(trb), now, &mut self.core, dma)
    }
}
