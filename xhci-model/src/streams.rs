//! Which stream of an endpoint goes next (xHCI 4.12).

use crate::agenda::EndpointId;
use crate::controller::Xhci;
use crate::device::{StreamId, Token};
use crate::dma::{Dma, DmaError};
use crate::endpoints::streams::Choice;
use crate::ports::Link;
use sim_time::Instant;
use xhci_spec::context::EndpointState;
use xhci_spec::{CompletionCode, Gpa};

impl Xhci {
    /// Before a turn of an endpoint: has its device choose a stream, if it has streams and none is under way. Returns
    /// whether the endpoint's ring can be looked at.
    pub(crate) fn choose_stream<D: Dma>(
        &mut self,
        id: EndpointId,
        now: Instant,
        dma: &mut D,
    ) -> Result<bool, DmaError> {
        let Self { slots, ports, .. } = self;
        let Some(slot) = slots.get(id.slot) else { return Ok(false) };
        let address = slot.address;
        let Some(endpoint) = slot.endpoint(id.dci) else { return Ok(false) };
        let Some(streams) = &endpoint.streams else { return Ok(true) };
        if streams.current().is_some() || !endpoint.is_running() || endpoint.stopping {
            return Ok(true);
        }
        let Some(proposed) = streams.proposed() else {
            endpoint.busy = false;
            return Ok(false);
        };
        let stream = if endpoint.context.hid() { StreamId::PRIME } else { proposed };
        let token =
            Token { address, endpoint: id.dci.endpoint_number(), sequence: endpoint.sequence, stream };
        let is_in = endpoint.is_in();
        let chosen = match ports.get_mut(endpoint.port).map(|port| port.link()) {
            Some(Link::Active(device)) => endpoint.route.reach(Some(device), now, |device| match device {
                Some(device) => device.stream_ready(now, token, is_in),
                None => Some(proposed),
            }),
            Some(Link::Suspended) => {
                endpoint.wait_for_port();
                return Ok(false);
            }
            // The transaction will find out.
            Some(Link::Dead) | None => Some(proposed),
        };
        match streams.judge(chosen) {
            Choice::NotReady => {
                self.retry_later(id, now);
                Ok(false)
            }
            Choice::Invalid => {
                self.end_streams(id, CompletionCode::INVALID_STREAM_ID, EndpointState::HALTED, now, dma)?;
                Ok(false)
            }
            Choice::Stream(stream) => match endpoint.take_up_stream(stream, dma)? {
                None => Ok(true),
                Some(code) => {
                    self.end_streams(id, code, EndpointState::ERROR, now, dma)?;
                    Ok(false)
                }
            },
        }
    }

    /// The ring of the stream under way is empty: others go on.
    pub(crate) fn rest_stream<D: Dma>(
        &mut self,
        id: EndpointId,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let Self { slots, buses, core, .. } = self;
        let Some(endpoint) = slots.endpoint(id) else { return Ok(()) };
        endpoint.rest_stream(dma)?;
        let goes_on = endpoint.streams.as_ref().is_some_and(|streams| streams.proposed().is_some());
        endpoint.busy = goes_on;
        if goes_on {
            endpoint.packets_used = 0;
            buses.enqueue(endpoint.domain, endpoint.class, id, now, &mut core.agenda);
        }
        Ok(())
    }

    /// STR-04, STR-06: no TRB is to blame, and no stream goes on.
    fn end_streams<D: Dma>(
        &mut self,
        id: EndpointId,
        code: CompletionCode,
        state: EndpointState,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        self.end_service(id, state, now, dma)?;
        self.tell_of_endpoint(id, code, now, dma)
    }

    /// An event of an endpoint that no TRB causes (RNG-27).
    pub(crate) fn tell_of_endpoint<D: Dma>(
        &mut self,
        id: EndpointId,
        code: CompletionCode,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let Self { slots, completions, interrupters, core, .. } = self;
        let Some(slot) = slots.get(id.slot) else { return Ok(()) };
        completions.at_position(id, slot.interrupter_target(), Gpa::NULL, code, 0);
        completions.post(interrupters, now, core, dma)
    }
}
