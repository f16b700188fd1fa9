//! From what happened to a TRB to the events that tell of it (xHCI 4.10): no state, no memory.

use crate::agenda::EndpointId;
use crate::core::Core;
use crate::dma::{Dma, DmaError};
use crate::interrupters::{Interrupters, Pending};
use crate::rings::consumer::Fetched;
use sim_time::Instant;
use xhci_spec::trb::event::TransferEvent;
use xhci_spec::{CompletionCode, Gpa, InterrupterId};

/// Events of one step, in order. One list serves the whole controller, so that a step allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Completions(Vec<(InterrupterId, Pending)>);

impl Completions {
    /// A TRB is done without error: an event if it asked for one.
    #[inline]
    pub(crate) fn success(&mut self, endpoint: EndpointId, fetched: &Fetched) {
        if fetched.trb.ioc() {
            self.push(endpoint, fetched, CompletionCode::SUCCESS, 0);
        }
    }

    /// An event that points to its TRB. `length` is what the code makes of it: bytes not moved.
    #[inline]
    pub(crate) fn push(
        &mut self,
        endpoint: EndpointId,
        fetched: &Fetched,
        code: CompletionCode,
        length: u32,
    ) {
        let trb = TransferEvent {
            parameter: fetched.position.address.0,
            length,
            code,
            slot: Some(endpoint.slot),
            endpoint: Some(endpoint.dci),
            event_data: false,
        }
        .to_trb();
        self.0.push((
            fetched.trb.interrupter_target(),
            Pending { trb, blocks_interrupt: blocks(fetched, code) },
        ));
    }

    /// An Event Data TRB is executed (RNG-21).
    pub(crate) fn event_data(
        &mut self,
        endpoint: EndpointId,
        fetched: &Fetched,
        code: CompletionCode,
        edtla: u32,
    ) {
        if !fetched.trb.ioc() {
            return;
        }
        let trb = TransferEvent {
            parameter: fetched.trb.parameter,
            length: edtla,
            code,
            slot: Some(endpoint.slot),
            endpoint: Some(endpoint.dci),
            event_data: true,
        }
        .to_trb();
        self.0.push((
            fetched.trb.interrupter_target(),
            Pending { trb, blocks_interrupt: blocks(fetched, code) },
        ));
    }

    /// An event of the endpoint as a whole, at a ring position (INT-18, XFR-22).
    pub(crate) fn at_position(
        &mut self,
        endpoint: EndpointId,
        target: InterrupterId,
        position: Gpa,
        code: CompletionCode,
        length: u32,
    ) {
        let trb = TransferEvent {
            parameter: position.0,
            length,
            code,
            slot: Some(endpoint.slot),
            endpoint: Some(endpoint.dci),
            event_data: false,
        }
        .to_trb();
        self.0.push((target, Pending::interrupting(trb)));
    }

    /// Hands the events to their rings.
    #[inline]
    pub(crate) fn post<D: Dma>(
        &mut self,
        interrupters: &mut Interrupters,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        for (target, event) in self.0.drain(..) {
            interrupters.post(target, event, now, core, dma)?;
        }
        Ok(())
    }
}

/// INT-01 corrected: BEI counts only for the event that IOC asked for, and only if all went well.
fn blocks(fetched: &Fetched, code: CompletionCode) -> bool {
    fetched.trb.bei()
        && fetched.trb.ioc()
        && matches!(code, CompletionCode::SUCCESS | CompletionCode::SHORT_PACKET)
}
