use super::message::EventRingGrant;
use host_bus::HostBus;
use xhcd::rings::EventRingConsumer;
use xhci_spec::InterrupterId;
use xhci_spec::trb::event::Event;

/// A secondary event ring that is lent. Interrupt Enable stays 0: the firmware looks by itself.
pub(super) struct LentInterrupter {
    id: InterrupterId,
    consumer: EventRingConsumer,
    erdp: u32,
}

impl LentInterrupter {
    /// Of a ring on which no event was written yet.
    pub(super) fn new(grant: &EventRingGrant) -> Self {
        let consumer = EventRingConsumer::new(&grant.segments);
        Self { id: grant.interrupter, consumer, erdp: grant.erdp }
    }

    pub(super) fn id(&self) -> InterrupterId {
        self.id
    }

    /// Takes every event there is; then tells the controller so and clears Event Handler Busy.
    pub(super) fn drain(&mut self, bus: &dyn HostBus, mut handle: impl FnMut(Event)) {
        let mut any = false;
        while let Some(trb) = self.consumer.poll(bus) {
            any = true;
            handle(Event::from_trb(trb));
        }
        if any {
            self.consumer.acknowledge(bus, self.erdp, true);
        }
    }
}
