//! The event ring of interrupter 0: everything that the controller tells the host arrives here.

use crate::controller::{Controller, HcState};
use xhci_spec::registers::operational::Usbsts;
use xhci_spec::trb::event::{Event, TransferEvent};
use xhci_spec::{InterrupterId, Trb};

/// Events after which the controller is told how far the ring was read, so that a long drain does not let the
/// ring run full (EVR-17: Linux does so every 128).
const EVENTS_PER_UPDATE: u32 = 128;

impl Controller {
    /// The handler of vector 0. Messages clear IP by themselves (INT-07), so the order is: EINT, drain, ERDP
    /// with EHB last. An event that arrives in between finds EHB set and is seen by the drain, or interrupts
    /// when EHB is cleared with the ring not empty (INT-12, INT-15).
    pub(crate) fn interrupt(&self) {
        let status = self.registers.usbsts();
        // All ones: the controller was pulled out (OPR-08).
        if status.into_bits() == u32::MAX || status.hse() || status.hce() {
            self.die();
            return;
        }
        if status.eint() {
            self.registers.clear_usbsts(Usbsts::new().with_eint(true));
        }
        let mut handled = 0;
        while let Some(trb) = self.next_event() {
            self.dispatch(trb);
            handled += 1;
            if handled % EVENTS_PER_UPDATE == 0 {
                self.acknowledge(false);
            }
        }
        self.acknowledge(true);
    }

    fn dispatch(&self, trb: Trb) {
        match Event::from_trb(trb) {
            Event::Transfer(event) => self.transfer_event(event),
            Event::CommandCompletion(event) => self.command_completed(event),
            Event::PortStatusChange(event) => {
                if let Some(port) = event.port {
                    self.port_changed(port);
                }
            }
            // Linux logs these and goes on: a full ring has stalled the endpoints, nothing is lost but what
            // PORTSC still tells (EVR-12, EVR-14).
            Event::HostController(_)
            | Event::BandwidthRequest(_)
            | Event::DeviceNotification(_)
            | Event::MfindexWrap(_)
            | Event::Other(_) => {}
        }
    }

    fn transfer_event(&self, event: TransferEvent) {
        let (Some(slot), Some(dci)) = (event.slot, event.endpoint) else { return };
        // An event of an endpoint that was dropped meanwhile has nobody to tell.
        if let Some(endpoint) = self.device(slot).and_then(|device| device.endpoint(dci)) {
            endpoint.transfer_event(event);
        }
    }

    fn next_event(&self) -> Option<Trb> {
        if self.state() == HcState::Dead {
            return None;
        }
        self.events.borrow_mut().poll(&*self.bus)
    }

    fn acknowledge(&self, clear_busy: bool) {
        let erdp = self.registers.erdp(InterrupterId::PRIMARY);
        self.events.borrow().acknowledge(&*self.bus, erdp, clear_busy);
    }
}
