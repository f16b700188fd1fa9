//! Enable Slot, Disable Slot and Reset Device (xHCI 4.6.3, 4.6.4, 4.6.11).

use super::Answer;
use crate::controller::Xhci;
use crate::device::DeviceAddress;
use crate::dma::{Dma, DmaError};
use crate::event::Event;
use crate::slots::Life;
use sim_time::Instant;
use xhci_spec::context::EndpointState;
use xhci_spec::{CompletionCode, Dci, SlotId};

impl Xhci {
    /// CMD-10 to CMD-12: no memory is looked at.
    pub(crate) fn enable_slot(&mut self, slot_type: u8) -> Answer {
        // CMD-11: every protocol of this controller has slot type 0.
        let slot = if slot_type == 0 { self.slots.enable() } else { None };
        match slot {
            Some(slot) => (CompletionCode::SUCCESS, Some(slot)),
            None => (CompletionCode::NO_SLOTS_AVAILABLE, None),
        }
    }

    /// CMD-13: all activity ends without events; after the completion memory is not touched any more.
    pub(crate) fn disable_slot<D: Dma>(
        &mut self,
        id: SlotId,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let size = self.context_size();
        let Self { slots, buses, core, .. } = self;
        if let Some(slot) = slots.get(id) {
            let shows = core.profile.policy.disabled_slot_shown && !slot.output.is_null();
            for dci in Dci::all() {
                if let Some(endpoint) = slot.take_endpoint(dci) {
                    endpoint.leave_buses(buses);
                    if shows {
                        slot.write_disabled_endpoint(&endpoint, size, dma)?;
                    }
                }
            }
            if shows {
                // CMD-14: through the pointer of Address Device; DCBAA may be 0 by now.
                slot.life = Life::Enabled;
                slot.write_context(dma)?;
            }
        }
        slots.disable(id);
        Ok(CompletionCode::SUCCESS)
    }

    /// CMD-46, CMD-47
    pub(crate) fn reset_device<D: Dma>(
        &mut self,
        id: SlotId,
        now: Instant,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let size = self.context_size();
        let Self { slots, buses, core, .. } = self;
        let Some(slot) = slots.get(id) else { return Ok(CompletionCode::SLOT_NOT_ENABLED) };
        if !matches!(slot.life, Life::Addressed | Life::Configured) {
            return Ok(CompletionCode::CONTEXT_STATE_ERROR);
        }
        slot.drop_endpoints(size, now, buses, core, dma)?;
        if let Some(endpoint) = slot.endpoint(Dci::EP0) {
            endpoint.leave_buses(buses);
            endpoint.restart();
            let state = EndpointState::RUNNING;
            core.log.record(now, Event::EndpointState { endpoint: endpoint.id, state });
        }
        slot.life = Life::Default;
        slot.address = DeviceAddress::DEFAULT;
        slot.context = slot.context.with_context_entries(1);
        slot.write_endpoint_context(Dci::EP0, size, dma)?;
        slot.write_context(dma)?;
        Ok(CompletionCode::SUCCESS)
    }
}
