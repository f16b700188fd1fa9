use std::cell::RefCell;
use xhci_model::Event;
use xhci_spec::trb::event::TransferEvent;
use xhci_spec::{CompletionCode, Dci, SlotId, TrbType};

/// How often each transfer ring was empty when its endpoint was due.
///
/// Counted where it is seen for certain. Ring Underrun and Ring Overrun have no TRB that could name an event ring: they
/// go to the slot's interrupter (INT-18), which is the host's, and the DSP never learns of them.
#[derive(Default)]
pub(crate) struct RingXruns(RefCell<Vec<(SlotId, Dci, u64)>>);

impl RingXruns {
    /// Counts an event of the controller, if it is one of these.
    pub(crate) fn note(&self, event: &Event) {
        let (Event::EventTrb { trb, .. } | Event::EventLost { trb, .. }) = event else { return };
        if trb.trb_type() != TrbType::TRANSFER_EVENT {
            return;
        }
        let TransferEvent { code, slot: Some(slot), endpoint: Some(endpoint), .. } =
            TransferEvent::from_trb(*trb)
        else {
            return;
        };
        if !matches!(code, CompletionCode::RING_UNDERRUN | CompletionCode::RING_OVERRUN) {
            return;
        }
        let mut counts = self.0.borrow_mut();
        match counts.iter_mut().find(|(s, e, _)| (*s, *e) == (slot, endpoint)) {
            Some((.., count)) => *count += 1,
            None => counts.push((slot, endpoint, 1)),
        }
    }

    /// The count of an endpoint.
    pub(crate) fn of(&self, slot: SlotId, endpoint: Dci) -> u64 {
        let counts = self.0.borrow();
        counts.iter().find(|(s, e, _)| (*s, *e) == (slot, endpoint)).map_or(0, |&(.., count)| count)
    }
}
