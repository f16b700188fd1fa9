//! Connectors: the USB 2 and the USB 3 port behind one socket are separate ports (xHCI 4.19.7).

use super::{Port, Ports, Protocol};
use crate::core::Core;
use sim_time::Instant;
use xhci_spec::{PortId, PortLinkState};

impl Ports {
    /// The USB 2 port in the socket of USB 3 port `id`: the nth one of the nth.
    fn companion(&self, id: PortId) -> Option<PortId> {
        let number = id.get().checked_sub(self.usb2)?.checked_sub(self.gap)?;
        PortId::new(number).filter(|_| number <= self.usb2)
    }

    /// The port that holds what was attached at port `id`: the port itself, or its companion.
    pub(super) fn holder(&self, id: PortId) -> Option<PortId> {
        let port = self.get(id)?;
        let lent = |companion: &PortId| self.get(*companion).is_some_and(|port| port.lent_by() == Some(id));
        match self.companion(id).filter(|_| port.protocol() == Protocol::Usb3).filter(lent) {
            Some(companion) => Some(companion),
            None => Some(id).filter(|_| port.lent_by().is_none()),
        }
    }

    /// PRT-42: a SuperSpeed device whose port is off shows itself at the USB 2 port of its socket, and goes back
    /// as soon as the port listens again. Called after whatever may have changed port `id`.
    pub(super) fn settle_connector(&mut self, id: PortId, now: Instant, core: &mut Core) {
        let Some(usb3) = self.get(id).filter(|port| port.protocol() == Protocol::Usb3) else { return };
        let state = usb3.link_state();
        let Some(companion) = self.companion(id) else { return };
        let lent = self.get(companion).is_some_and(|port| port.lent_by() == Some(id));
        if lent && state != PortLinkState::DISABLED {
            let device = self.get_mut(companion).and_then(|port| port.detach(now, core));
            if let (Some(device), Some(usb3)) = (device, self.get_mut(id)) {
                usb3.place(device, None, now, core);
            }
        } else if state == PortLinkState::DISABLED
            && self.get(companion).is_some_and(|port| !port.is_occupied())
            && let Some(device) = self.get_mut(id).and_then(Port::give_up)
            && let Some(usb2) = self.get_mut(companion)
        {
            usb2.place(device, Some(id), now, core);
        }
    }
}
