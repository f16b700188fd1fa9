//! The sideband's notice that the ring of an endpoint is about to be freed.

use super::QcClient;
use crate::Cause;
use offload_core::SidebandEvent;

impl QcClient {
    /// Compares the endpoint's address with an index: right for EP1 OUT only (B13). One wait of 10 s at most for
    /// each entry and endpoint that matches.
    pub(super) async fn ring_free(&self, event: SidebandEvent) {
        let SidebandEvent::RingFree(ep) = event;
        let mut locks = self.lock().await;
        let mut index = 0;
        while index < self.uadev.borrow().num_intf {
            for sync in [false, true] {
                if self.entry_matches(index, sync, ep.get()) && self.in_use() {
                    locks = self.have_dsp_stop(locks, Cause::RingFree).await;
                }
            }
            index += 1;
        }
        drop(locks);
    }

    fn entry_matches(&self, index: usize, sync: bool, ep_index: u8) -> bool {
        let uadev = self.uadev.borrow();
        let entry = uadev.info.as_ref().and_then(|info| info.get(index));
        let endpoint = entry.and_then(|entry| if sync { entry.sync } else { entry.data });
        endpoint.is_some_and(|endpoint| endpoint.address == ep_index)
    }
}
