//! What a full event ring holds up (xHCI 4.9.4): nobody begins what may end in an event for it, events of what
//! had begun wait here, and what cannot wait is lost and told of later.

use super::Pending;
use crate::agenda::EndpointId;
use std::collections::VecDeque;
use xhci_spec::{CompletionCode, Trb, TrbType};

/// Whether events go to the ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    Open,
    /// EVR-11: ERDP points nowhere. Nothing is said of it; the next ERDP is looked at.
    Stalled,
    /// EVR-12: until ERDP leaves two places.
    Full,
}

#[derive(Clone, Debug)]
pub(super) struct FlowControl {
    pub(super) flow: Flow,
    /// Events that wait for room, in order. SEC-06: at most those of the transactions and the command that were
    /// under way when the ring filled up, and one Stopped event of each endpoint.
    held: VecDeque<Pending>,
    /// EVR-14: an event was lost since the ring filled up.
    lost: bool,
    /// Endpoints that wait for room.
    waiting: VecDeque<EndpointId>,
}

impl FlowControl {
    pub(super) fn new() -> Self {
        Self { flow: Flow::Open, held: VecDeque::new(), lost: false, waiting: VecDeque::new() }
    }

    #[inline]
    pub(super) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    pub(super) fn holds_code(&self, code: CompletionCode) -> bool {
        self.held.iter().any(|held| held.trb.completion_code() == code)
    }

    /// Keeps an event that can wait; says whether it could.
    pub(super) fn hold(&mut self, event: Pending) -> bool {
        if !can_wait(event.trb) {
            // EVR-11: a stall is silent, so is what it costs.
            self.lost |= self.flow == Flow::Full;
            return false;
        }
        if event.trb.completion_code().is_stopped() {
            // SEC-06: an endpoint that is stopped again has done nothing since; the newer event stands for both.
            self.held.retain(|held| !same_stop(held.trb, event.trb));
        }
        self.held.push_back(event);
        true
    }

    /// The event that waits longest.
    pub(super) fn release(&mut self) -> Option<Pending> {
        self.held.pop_front()
    }

    pub(super) fn has_lost(&self) -> bool {
        self.lost
    }

    pub(super) fn told_of_loss(&mut self) {
        self.lost = false;
    }

    /// INT-21: there is no ring any more, nor anything for it.
    pub(super) fn forget(&mut self) {
        self.flow = Flow::Open;
        self.held.clear();
        self.lost = false;
    }

    pub(super) fn wait(&mut self, endpoint: EndpointId) {
        if !self.waiting.contains(&endpoint) {
            self.waiting.push_back(endpoint);
        }
    }

    pub(super) fn next_waiting(&mut self) -> Option<EndpointId> {
        self.waiting.pop_front()
    }
}

/// EVR-14: completions wait, because whoever makes them does not go on without room. What time or the outside
/// brings about does not. A Port Status Change event never comes here: the port keeps it.
fn can_wait(event: Trb) -> bool {
    match event.trb_type() {
        TrbType::COMMAND_COMPLETION_EVENT => true,
        TrbType::TRANSFER_EVENT => !matches!(
            event.completion_code(),
            CompletionCode::RING_UNDERRUN
                | CompletionCode::RING_OVERRUN
                | CompletionCode::MISSED_SERVICE
                | CompletionCode::ENDPOINT_NOT_ENABLED
        ),
        _ => false,
    }
}

fn same_stop(held: Trb, event: Trb) -> bool {
    held.completion_code().is_stopped()
        && held.slot_id() == event.slot_id()
        && held.endpoint_id() == event.endpoint_id()
}
