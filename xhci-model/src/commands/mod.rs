//! Commands (xHCI 4.6): what each of them checks, in order, and does.

pub(crate) mod address;
pub(crate) mod bandwidth;
mod check;
pub(crate) mod configure;
pub(crate) mod endpoint;
mod evaluate;
mod exit_latency;
mod header;
mod input;
mod place;
pub(crate) mod ring;
mod slot;

use crate::agenda::EndpointId;
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use address::Addressing;
pub(crate) use ring::CommandRing;
use sim_time::Instant;
use xhci_spec::context::InputControlContext;
use xhci_spec::{CompletionCode, SlotId, Trb, TrbType};

/// How a command ended: the code, and the slot that the event names.
pub(crate) type Answer = (CompletionCode, Option<SlotId>);

/// How far a command has come that is not done in one go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    /// Nothing is done.
    Begin,
    /// Address Device: SET_ADDRESS is on the bus.
    Addressing(Addressing),
    /// Configure Endpoint: so many contexts take their time.
    Configuring(InputControlContext),
    /// Stop Endpoint: the transaction on the wire ends first.
    Stopping(EndpointId),
}

/// What came of a command's turn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// It ended.
    Done(Answer),
    /// It goes on in this phase, at that time or when it is told to.
    Wait(Phase, Option<Instant>),
}

impl Xhci {
    fn perform_command<D: Dma>(
        &mut self,
        trb: Trb,
        phase: Phase,
        now: Instant,
        dma: &mut D,
    ) -> Result<Step, DmaError> {
        let kind = trb.trb_type();
        match kind {
            TrbType::NO_OP_COMMAND => return Ok(Step::Done((CompletionCode::SUCCESS, None))),
            // Nothing here would wait longer for it.
            TrbType::SET_LATENCY_TOLERANCE_VALUE if self.core.profile.latency_tolerance => {
                return Ok(Step::Done((CompletionCode::SUCCESS, None)));
            }
            TrbType::ENABLE_SLOT => return Ok(Step::Done(self.enable_slot(trb.slot_type()))),
            TrbType::DISABLE_SLOT
            | TrbType::ADDRESS_DEVICE
            | TrbType::CONFIGURE_ENDPOINT
            | TrbType::EVALUATE_CONTEXT
            | TrbType::RESET_ENDPOINT
            | TrbType::STOP_ENDPOINT
            | TrbType::SET_TR_DEQUEUE_POINTER
            | TrbType::RESET_DEVICE => {}
            TrbType::FORCE_HEADER => return Ok(Step::Done((self.force_header(trb, now), None))),
            TrbType::NEGOTIATE_BANDWIDTH if self.core.profile.bandwidth_negotiation => {}
            TrbType::GET_PORT_BANDWIDTH if trb.slot_id().is_none() => {
                return Ok(Step::Done((self.root_port_bandwidth(trb, dma)?, None)));
            }
            TrbType::GET_PORT_BANDWIDTH => {}
            // TRB-27, CMD-48 to CMD-53: unknown, or an option that is not there. The ring goes on.
            _ => return Ok(Step::Done((CompletionCode::TRB_ERROR, trb.slot_id()))),
        }
        // CMD-02: the slot, then its state, then the endpoint and its state, then the contexts.
        let enabled = self.slots.enabled;
        let exists = |slot: &SlotId| slot.get() <= enabled && self.slots.get(*slot).is_some();
        let Some(slot) = trb.slot_id().filter(exists) else {
            return Ok(Step::Done((CompletionCode::SLOT_NOT_ENABLED, trb.slot_id())));
        };
        let code = match kind {
            TrbType::DISABLE_SLOT => self.disable_slot(slot, dma)?,
            TrbType::ADDRESS_DEVICE => return self.address_device(slot, trb, phase, now, dma),
            TrbType::CONFIGURE_ENDPOINT => return self.configure_endpoint(slot, trb, phase, now, dma),
            TrbType::EVALUATE_CONTEXT => self.evaluate_context(slot, trb, now, dma)?,
            TrbType::RESET_DEVICE => self.reset_device(slot, now, dma)?,
            TrbType::NEGOTIATE_BANDWIDTH => self.negotiate_bandwidth(slot, now, dma)?,
            TrbType::GET_PORT_BANDWIDTH => self.hub_port_bandwidth(slot, trb, dma)?,
            _ => return self.endpoint_command(kind, slot, trb, now, dma),
        };
        Ok(Step::Done((code, Some(slot))))
    }
}
