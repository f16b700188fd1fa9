//! Reset Endpoint, Stop Endpoint and Set TR Dequeue Pointer (xHCI 4.6.8 to 4.6.10).

use super::{Phase, Step};
use crate::agenda::EndpointId;
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use crate::endpoints::Endpoint;
use crate::endpoints::completion::Completions;
use crate::endpoints::td::data_length;
use crate::event::Event;
use crate::rings::consumer::{Fetch, RingPosition};
use crate::slots::Life;
use sim_time::Instant;
use xhci_spec::context::EndpointState;
use xhci_spec::{CompletionCode, InterrupterId, SlotId, Trb, TrbType};

impl Xhci {
    pub(crate) fn endpoint_command<D: Dma>(
        &mut self,
        kind: TrbType,
        slot: SlotId,
        trb: Trb,
        now: Instant,
        dma: &mut D,
    ) -> Result<Step, DmaError> {
        let done = |code| Ok(Step::Done((code, Some(slot))));
        // CMD-02: the slot's state, then the Endpoint ID, then the endpoint's state.
        if self.slots.get(slot).is_none_or(|slot| slot.life == Life::Enabled) {
            return done(CompletionCode::CONTEXT_STATE_ERROR);
        }
        let Some(dci) = trb.endpoint_id() else { return done(CompletionCode::TRB_ERROR) };
        let id = EndpointId { slot, dci };
        // EPS-08: an endpoint that is not enabled is in the wrong state for all three.
        let Some(endpoint) = self.slots.endpoint(id) else {
            return done(CompletionCode::CONTEXT_STATE_ERROR);
        };
        let allowed = match kind {
            TrbType::RESET_ENDPOINT => endpoint.state == EndpointState::HALTED,
            TrbType::STOP_ENDPOINT => endpoint.state == EndpointState::RUNNING,
            _ => matches!(endpoint.state, EndpointState::STOPPED | EndpointState::ERROR),
        };
        if !allowed {
            return done(CompletionCode::CONTEXT_STATE_ERROR);
        }
        match kind {
            TrbType::RESET_ENDPOINT => {
                if !trb.tsp() {
                    // CMD-39
                    endpoint.sequence = 0;
                }
            }
            TrbType::STOP_ENDPOINT => {
                if endpoint.flight.is_some() {
                    // CMD-41, CMD-42: what is on the wire ends first, with its events; its end comes back here.
                    endpoint.stopping = true;
                    return Ok(Step::Wait(Phase::Stopping(id), None));
                }
                self.stop_endpoint(id, now, dma)?;
            }
            _ => {
                if trb.stream_id() != 0 {
                    return done(CompletionCode::TRB_ERROR);
                }
                endpoint.set_dequeue(RingPosition { address: trb.pointer(), cycle: trb.dcs() });
            }
        }
        self.set_endpoint_state(id, EndpointState::STOPPED, now, dma)?;
        done(CompletionCode::SUCCESS)
    }

    /// Stop Endpoint was aborted while it waited: the endpoint goes on as if it had never been asked.
    pub(crate) fn resume_stopping(&mut self, id: EndpointId, now: Instant) {
        if let Some(endpoint) = self.slots.endpoint(id) {
            endpoint.stopping = false;
            self.kick(id, now);
        }
    }

    /// The Stopped event (XFR-20) and the end of service.
    fn stop_endpoint<D: Dma>(&mut self, id: EndpointId, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        let Self { slots, buses, completions, interrupters, core, .. } = self;
        let Some(slot) = slots.get(id.slot) else { return Ok(()) };
        let slot_target = slot.interrupter_target();
        let Some(endpoint) = slot.endpoint(id.dci) else { return Ok(()) };
        buses.remove(endpoint.domain, id);
        if core.profile.policy.stopped_event {
            stopped_event(endpoint, slot_target, dma, completions)?;
        }
        endpoint.leave_service();
        completions.post(interrupters, now, core, dma)
    }

    /// Changes an endpoint's state and shows it in memory (EPS-11, CTX-24).
    pub(crate) fn set_endpoint_state<D: Dma>(
        &mut self,
        id: EndpointId,
        state: EndpointState,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let size = self.context_size();
        let Some(slot) = self.slots.get(id.slot) else { return Ok(()) };
        if let Some(endpoint) = slot.endpoint(id.dci) {
            endpoint.enter(state);
            self.core.log.record(now, Event::EndpointState { endpoint: id, state });
        }
        slot.write_endpoint_context(id.dci, size, dma)
    }
}

/// One of Stopped, Stopped - Length Invalid, Stopped - Short Packet (XFR-21 to XFR-24).
fn stopped_event<D: Dma>(
    endpoint: &mut Endpoint,
    slot_target: InterrupterId,
    dma: &mut D,
    completions: &mut Completions,
) -> Result<(), DmaError> {
    if endpoint.fetched.is_empty() {
        // CTX-25: not a Link, but what it leads to.
        endpoint.ring = endpoint.ring.past_links(dma)?;
        let mut ahead = endpoint.ring;
        if let Fetch::Trb(next) = ahead.fetch(dma)? {
            endpoint.ring = ahead;
            endpoint.fetched.push_back(next);
        }
    }
    let front = endpoint.fetched.front().copied();
    let (code, length) = match front {
        _ if endpoint.skip.is_some() => (CompletionCode::STOPPED_SHORT_PACKET, endpoint.edtla),
        Some(front) if endpoint.begun() && has_length(front.trb) => {
            (CompletionCode::STOPPED, data_length(front.trb).saturating_sub(endpoint.offset))
        }
        _ => (CompletionCode::STOPPED_LENGTH_INVALID, 0),
    };
    match front {
        Some(front) => completions.push(endpoint.id, &front, code, length),
        None => {
            // INT-19: without a TRB the slot says where the event goes.
            let position = endpoint.dequeue().address;
            completions.at_position(endpoint.id, slot_target, position, code, length);
        }
    }
    Ok(())
}

/// XFR-22: a length means something only for a TRB that moves data or is a stage of a control transfer.
fn has_length(trb: Trb) -> bool {
    matches!(
        trb.trb_type(),
        TrbType::NORMAL | TrbType::DATA_STAGE | TrbType::ISOCH | TrbType::SETUP_STAGE | TrbType::STATUS_STAGE
    )
}
