//! Configure Endpoint (xHCI 4.6.6): drops and adds, all or nothing.

use crate::agenda::EndpointId;
use crate::commands::address::read;
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use crate::endpoints::Endpoint;
use crate::event::Event;
use crate::slots::Life;
use sim_time::Instant;
use xhci_spec::context::{EndpointContext, EndpointState, EndpointType, InputControlContext, SlotContext};
use xhci_spec::{CompletionCode, Dci, Gpa, SlotId};

impl Xhci {
    pub(crate) fn configure_endpoint<D: Dma>(
        &mut self,
        id: SlotId,
        input: Gpa,
        deconfigure: bool,
        now: Instant,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let size = self.context_size();
        let Self { slots, buses, core, .. } = self;
        let Some(slot) = slots.get(id) else { return Ok(CompletionCode::SLOT_NOT_ENABLED) };
        // CMD-24
        if !matches!(slot.life, Life::Addressed | Life::Configured) {
            return Ok(CompletionCode::CONTEXT_STATE_ERROR);
        }
        let Some(port) = slot.port else { return Ok(CompletionCode::CONTEXT_STATE_ERROR) };
        if deconfigure {
            // CMD-33
            let dropped: Vec<Dci> = Dci::all().filter(|dci| slot.has_endpoint(*dci)).collect();
            Self::drop_endpoints(slot, buses);
            slot.life = Life::Addressed;
            for dci in dropped {
                slot.write_endpoint_context(dci, size, dma)?;
            }
            slot.write_context(dma)?;
            return Ok(CompletionCode::SUCCESS);
        }

        let control = InputControlContext::from_bytes(read(input, dma)?);
        let context = SlotContext::from_bytes(read(input.offset(size.input_slot()), dma)?);
        let mut added = Vec::new();
        for dci in changeable().filter(|dci| control.adds(*dci)) {
            let endpoint = EndpointContext::from_bytes(read(input.offset(size.input_endpoint(dci)), dma)?);
            if !acceptable(dci, &endpoint) {
                return Ok(CompletionCode::PARAMETER_ERROR);
            }
            added.push((dci, endpoint));
        }
        for dci in changeable().filter(|dci| control.drops(*dci) || control.adds(*dci)) {
            if let Some(endpoint) = slot.endpoint(dci) {
                buses.remove(endpoint.domain, endpoint.id);
                slot.set_endpoint(dci, None);
                let endpoint = EndpointId { slot: id, dci };
                core.log.record(now, Event::EndpointState { endpoint, state: EndpointState::DISABLED });
            }
        }
        for (dci, context) in added {
            let endpoint = EndpointId { slot: id, dci };
            slot.set_endpoint(dci, Some(Endpoint::new(endpoint, context, port, slot.route, slot.speed)));
            core.log.record(now, Event::EndpointState { endpoint, state: EndpointState::RUNNING });
        }
        if control.adds_slot() {
            // CTX-23: what makes the device a hub.
            slot.context = slot
                .context
                .with_hub(context.hub())
                .with_number_of_ports(context.number_of_ports())
                .with_mtt(context.mtt())
                .with_tt_think_time(context.tt_think_time());
        }
        // CMD-32
        slot.life = if slot.context_entries() > 1 { Life::Configured } else { Life::Addressed };
        for dci in changeable().filter(|dci| control.drops(*dci) || control.adds(*dci)) {
            slot.write_endpoint_context(dci, size, dma)?;
        }
        slot.write_context(dma)?;
        Ok(CompletionCode::SUCCESS)
    }
}

/// CMD-25: the flags of the slot and the default endpoint say nothing about endpoints.
fn changeable() -> impl Iterator<Item = Dci> {
    Dci::all().filter(|dci| *dci != Dci::EP0)
}

/// CMD-28 in the default profile, with the tolerance of CMD-29.
fn acceptable(dci: Dci, context: &EndpointContext) -> bool {
    let kind = context.ep_type();
    let fits = match kind {
        EndpointType::NOT_VALID => false,
        EndpointType::CONTROL => true,
        _ => kind.is_in() == dci.is_in(),
    };
    // Streams are not offered: MaxPSASize is 0 (CAP-19).
    fits && context.max_packet_size() > 0
        && context.max_pstreams() == 0
        && !context.tr_dequeue_pointer().is_null()
}
