//! Where Stop Endpoint stopped: the Stopped event (xHCI 4.6.9).

use super::Endpoint;
use super::completion::Completions;
use crate::dma::{Dma, DmaError};
use crate::profile::Profile;
use crate::rings::consumer::Fetch;
use xhci_spec::{CompletionCode, Gpa, InterrupterId, Trb, TrbType};

impl Endpoint {
    /// One of Stopped, Stopped - Length Invalid, Stopped - Short Packet (XFR-20 to XFR-24), if the profile tells of
    /// stops at all. The dequeue pointer is moved past Links.
    pub(crate) fn tell_stopped<D: Dma>(
        &mut self,
        slot_target: InterrupterId,
        profile: &Profile,
        dma: &mut D,
        completions: &mut Completions,
    ) -> Result<(), DmaError> {
        let under_way = self.streams.as_ref().is_none_or(|streams| streams.current().is_some());
        if under_way && self.fetched.is_empty() {
            // CTX-25: not a Link, but what it leads to.
            self.td.ring = self.td.ring.past_links(dma)?;
            let mut ahead = self.td.ring;
            if let Fetch::Trb(next) = ahead.fetch(dma)? {
                self.td.ring = ahead;
                self.fetched.push_back(next);
                self.take_up_where_stopped();
            }
        }
        if !profile.policy.stopped_event {
            return Ok(());
        }
        let front = self.fetched.front().copied();
        let (code, length) = match front {
            _ if self.td.skip.is_some() && profile.stopped_short_packet => {
                (CompletionCode::STOPPED_SHORT_PACKET, self.td.edtla)
            }
            Some(front) if self.begun() && has_length(front.trb) => {
                (CompletionCode::STOPPED, self.residual(front.trb))
            }
            _ => (CompletionCode::STOPPED_LENGTH_INVALID, 0),
        };
        match front {
            Some(front) => completions.push(self.id, &front, code, length),
            None => {
                // INT-19: without a TRB the slot says where the event goes.
                let position = if under_way { self.dequeue().address } else { Gpa::NULL };
                completions.at_position(self.id, slot_target, position, code, length);
            }
        }
        Ok(())
    }
}

/// XFR-22: a length means something only for a TRB that moves data or is a stage of a control transfer.
fn has_length(trb: Trb) -> bool {
    matches!(
        trb.trb_type(),
        TrbType::NORMAL | TrbType::DATA_STAGE | TrbType::ISOCH | TrbType::SETUP_STAGE | TrbType::STATUS_STAGE
    )
}
