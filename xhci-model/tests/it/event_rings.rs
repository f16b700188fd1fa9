//! Event rings: what is written where, and what happens when there is no room (xHCI 4.9.4, 5.5.2.3).

mod disabled;
mod drivers;
mod formats;
mod full;
mod memory_use;
mod places;

use crate::support::gadget::Gadget;
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use usb_spec::Speed;
use xhci_spec::context::EndpointType;
use xhci_spec::trb::transfer;
use xhci_spec::{Dci, Gpa, InterrupterId, SlotId, Trb};

/// A slot at port 1 with one bulk endpoint of this kind, and the ring of that.
fn bulk(machine: &mut Machine, kind: EndpointType) -> (SlotId, Dci, Producer) {
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, kind.is_in());
    machine.configure(slot, &[(ep, endpoint(slot, ep, kind, 512, 0))]);
    (slot, ep, Producer::new(ring_base(slot, ep), 128))
}

/// Eight bytes, to be reported to interrupter `target`.
fn normal(target: u16) -> Trb {
    transfer::normal(Gpa(BUFFERS), 8).with_ioc(true).with_interrupter_target(InterrupterId(target))
}
