//! Reset Endpoint, Stop Endpoint and Set TR Dequeue Pointer (xHCI 4.6.8 to 4.6.10).

use super::{Phase, Step};
use crate::agenda::EndpointId;
use crate::controller::Xhci;
use crate::device::StreamId;
use crate::dma::{Dma, DmaError};
use crate::event::Event;
use crate::rings::consumer::RingPosition;
use crate::slots::Life;
use sim_time::Instant;
use xhci_spec::context::EndpointState;
use xhci_spec::{CompletionCode, SlotId, Trb, TrbType};

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
                return done(CompletionCode::SUCCESS);
            }
            _ => {
                let position = RingPosition { address: trb.pointer(), cycle: trb.dcs() };
                let code = endpoint.set_dequeue_of(StreamId(trb.stream_id()), trb.sct(), position, dma)?;
                if code != CompletionCode::SUCCESS {
                    return done(code);
                }
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
        let Self { slots, completions, core, .. } = self;
        let Some(slot) = slots.get(id.slot) else { return Ok(()) };
        let slot_target = slot.interrupter_target();
        let Some(endpoint) = slot.endpoint(id.dci) else { return Ok(()) };
        endpoint.tell_stopped(slot_target, &core.profile, dma, completions)?;
        // EPS-11: the context says Stopped before the event does.
        self.end_service(id, EndpointState::STOPPED, now, dma)?;
        self.completions.post(&mut self.interrupters, now, &mut self.core, dma)
    }

    /// The endpoint leaves its buses and its service, for `state`.
    pub(crate) fn end_service<D: Dma>(
        &mut self,
        id: EndpointId,
        state: EndpointState,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let Self { slots, buses, .. } = self;
        let Some(endpoint) = slots.endpoint(id) else { return Ok(()) };
        endpoint.leave_buses(buses);
        endpoint.leave_service();
        self.set_endpoint_state(id, state, now, dma)
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
            if endpoint.is_running() {
                endpoint.stop_streams(self.core.profile.stopped_edtla, dma)?;
            }
            endpoint.enter(state);
            self.core.log.record(now, Event::EndpointState { endpoint: id, state });
        }
        slot.write_endpoint_context(id.dci, size, dma)
    }
}
