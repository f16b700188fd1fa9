//! Evaluate Context (xHCI 4.6.7).

use super::check;
use super::input::Input;
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use crate::slots::Life;
use sim_time::Instant;
use xhci_spec::{CompletionCode, Dci, SlotId, Trb};

impl Xhci {
    pub(crate) fn evaluate_context<D: Dma>(
        &mut self,
        id: SlotId,
        trb: Trb,
        now: Instant,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let size = self.context_size();
        let Some(slot) = self.slots.get(id) else { return Ok(CompletionCode::SLOT_NOT_ENABLED) };
        // CMD-35
        if slot.life == Life::Enabled {
            return Ok(CompletionCode::CONTEXT_STATE_ERROR);
        }
        let speed = slot.speed();
        let input = Input::new(trb.pointer(), size);
        let control = input.control(dma)?;
        let context = if control.adds_slot() { Some(input.slot(dma)?) } else { None };
        let packet = if control.adds(Dci::EP0) {
            Some(input.endpoint(Dci::EP0, dma)?.max_packet_size())
        } else {
            None
        };
        if let Some(packet) = packet
            && !self.accept(check::control_packet(packet, speed), now)
        {
            return Ok(CompletionCode::PARAMETER_ERROR);
        }
        // CMD-36: two fields of the slot context, one of the default endpoint's, and nothing else.
        let Some(slot) = self.slots.get(id) else { return Ok(CompletionCode::SLOT_NOT_ENABLED) };
        if let Some(packet) = packet
            && let Some(endpoint) = slot.endpoint(Dci::EP0)
        {
            endpoint.set_max_packet(packet);
            slot.write_endpoint_context(Dci::EP0, size, dma)?;
        }
        if let Some(context) = context {
            slot.context = slot
                .context
                .with_interrupter_target(context.interrupter_target())
                .with_max_exit_latency(context.max_exit_latency());
            slot.write_context(dma)?;
        }
        Ok(CompletionCode::SUCCESS)
    }
}
