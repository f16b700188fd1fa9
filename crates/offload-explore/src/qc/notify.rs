//! The sideband's notice that the ring of an endpoint is about to be freed.

use super::QcCard;
use offload_core::{NotifyClient, SidebandEvent};
use std::rc::Rc;

impl QcCard {
    pub(super) fn notifier(&self) -> NotifyClient {
        let me = self.me.clone();
        Rc::new(move |_intf, event| {
            let card = me.upgrade();
            Box::pin(async move {
                if let Some(card) = card {
                    card.ring_free(event).await;
                }
                Ok(())
            })
        })
    }

    /// Compares the endpoint's address with an index: right for EP1 OUT only (B13). Mended: indices.
    async fn ring_free(&self, event: SidebandEvent) {
        let SidebandEvent::RingFree(ep) = event;
        let Some(chip) = self.chip() else { return };
        let _busy = self.busy();
        let locks = self.lock(Some(&chip)).await;
        let number = if self.is_mended() { self.seat.endpoint.get() } else { self.seat.endpoint_address };
        if self.info.get().is_some() && number == ep.get() && self.in_use.get() {
            let locks = self.have_dsp_stop(locks, &chip).await;
            if self.is_mended() && self.has_stream() {
                self.tear_down(locks, &chip).await;
            }
        }
    }
}
