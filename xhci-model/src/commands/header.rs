//! Force Header (xHCI 4.6.16).

use crate::controller::Xhci;
use crate::event::Event;
use crate::ports::{Link, Protocol};
use sim_time::Instant;
use xhci_spec::{CompletionCode, PortId, Trb};

impl Xhci {
    /// CMD-52: the packet goes to the link partner of an enabled USB 3 port; devices here have no use for it.
    pub(crate) fn force_header(&mut self, trb: Trb, now: Instant) -> CompletionCode {
        // TRB-25: the port is where other commands have the slot.
        let [.., number] = trb.control.to_le_bytes();
        let Some(id) = PortId::new(number) else { return CompletionCode::TRB_ERROR };
        let Some(port) = self.ports.get_mut(id).filter(|port| port.protocol() == Protocol::Usb3) else {
            return CompletionCode::TRB_ERROR;
        };
        let Link::Active(_) = port.link() else { return CompletionCode::TRB_ERROR };
        let [dw0, dw1, dw2, _] = trb.to_dwords();
        self.core.log.record(now, Event::Header { port: id, dwords: [dw0, dw1, dw2] });
        CompletionCode::SUCCESS
    }
}
