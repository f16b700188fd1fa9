use super::registration::Sideband;
use crate::host::{EpIndex, LocalBoxFuture, RingFree, SlotId};
use crate::{Errno, UsbDevice, UsbInterface};
use std::rc::Rc;

/// What the owner of a sideband is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SidebandEvent {
    /// The transfer ring of a linked endpoint is about to be freed: by its index, not its address (B13).
    RingFree(EpIndex),
}

/// The owner's callback. May sleep; its result is ignored.
pub type NotifyClient =
    Rc<dyn Fn(Rc<UsbInterface>, SidebandEvent) -> LocalBoxFuture<'static, Result<(), Errno>>>;

impl Sideband {
    /// `xhci_sideband_notify_ep_ring_free`: tells the owner. Nothing pins the sideband meanwhile.
    pub async fn notify_ep_ring_free(&self, ep: EpIndex) {
        if let Some(notify) = &self.notify_client {
            let _ignored = notify(self.intf.clone(), SidebandEvent::RingFree(ep)).await;
        }
    }
}

/// Tells the sideband of a device about rings a reset frees. The only place that does: a changed alternate setting and
/// a freed device do not (B21).
pub(crate) struct RingFreeNotifier<'a> {
    udev: &'a UsbDevice,
    slot: SlotId,
}

impl<'a> RingFreeNotifier<'a> {
    pub(crate) fn new(udev: &'a UsbDevice, slot: SlotId) -> Self {
        Self { udev, slot }
    }

    fn owner(&self, ep: EpIndex) -> Option<Rc<Sideband>> {
        self.udev.hcd()?.sidebands.links(&**self.udev.host(), self.slot)?.endpoint(ep)
    }
}

impl RingFree for RingFreeNotifier<'_> {
    fn ring_free(&self, ep: EpIndex) -> LocalBoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(sideband) = self.owner(ep) {
                sideband.notify_ep_ring_free(ep).await;
            }
        })
    }
}
