//! Endpoints of a sideband.

use super::links::VirtLinks;
use super::registration::Sideband;
use crate::Errno;
use crate::event::Event;
use crate::host::{EpIndex, SgTable};
use std::rc::{Rc, Weak};

impl Sideband {
    /// `xhci_sideband_add_endpoint`: links an endpoint. Whether it has a ring is not looked at.
    ///
    /// # Errors
    /// `-ENODEV` not registered; `-EINVAL` streams are set up; `-EBUSY` linked already, here or elsewhere.
    pub async fn add_endpoint(&self, ep: EpIndex) -> Result<(), Errno> {
        let _sb_mutex = self.lock("add_endpoint").await;
        let vdev = self.vdev("add_endpoint").ok_or(Errno::ENODEV)?;
        if self.host.endpoint_has_streams(self.slot, ep) {
            return Err(Errno::EINVAL);
        }
        if self.has_endpoint(ep) || vdev.endpoint(ep).is_some() {
            return Err(Errno::EBUSY);
        }
        vdev.set_endpoint(ep, self.me.clone());
        self.set_endpoint(ep, true);
        self.intf.emit(|interface| Event::Endpoint { interface, ep, linked: true });
        Ok(())
    }

    /// `xhci_sideband_remove_endpoint`: stops and unlinks an endpoint; whether it stopped does not matter.
    ///
    /// # Errors
    /// `-ENODEV` the endpoint is not linked here.
    pub async fn remove_endpoint(&self, ep: EpIndex) -> Result<(), Errno> {
        let _sb_mutex = self.lock("remove_endpoint").await;
        self.linked_vdev(ep).ok_or(Errno::ENODEV)?;
        self.stop_and_unlink(ep).await;
        Ok(())
    }

    /// `xhci_sideband_stop_endpoint`. Takes no mutex.
    ///
    /// # Errors
    /// `-EINVAL` the endpoint is not linked here; else of
    /// [`stop_endpoint_sync`](crate::HostController::stop_endpoint_sync).
    pub async fn stop_endpoint(&self, ep: EpIndex) -> Result<(), Errno> {
        let vdev = self.linked_vdev(ep).ok_or(Errno::EINVAL)?;
        self.stop(&vdev, ep).await
    }

    /// `xhci_sideband_get_endpoint_buffer`: the memory of the endpoint's transfer ring. Takes no mutex. `None`: not
    /// linked here, or no ring.
    pub fn get_endpoint_buffer(&self, ep: EpIndex) -> Option<SgTable> {
        let vdev = self.linked_vdev(ep)?;
        if vdev.is_dangling(&*self.host, self.slot) { None } else { self.host.endpoint_ring(self.slot, ep) }
    }

    /// Both ends of the link agree that the endpoint is ours.
    fn linked_vdev(&self, ep: EpIndex) -> Option<Rc<VirtLinks>> {
        if !self.has_endpoint(ep) {
            return None;
        }
        let vdev = self.vdev("endpoint access")?;
        let ours = vdev.endpoint(ep).is_some_and(|owner| std::ptr::eq(&raw const *owner, self));
        ours.then_some(vdev)
    }

    /// An endpoint of freed memory has no ring; whoever has the slot now is not to be touched.
    async fn stop(&self, vdev: &VirtLinks, ep: EpIndex) -> Result<(), Errno> {
        if vdev.is_dangling(&*self.host, self.slot) {
            return Err(Errno::ENODEV);
        }
        self.host.stop_endpoint_sync(self.slot, ep).await
    }

    pub(super) async fn stop_and_unlink(&self, ep: EpIndex) {
        if let Some(vdev) = self.linked_vdev(ep) {
            let _ignored = self.stop(&vdev, ep).await;
            vdev.set_endpoint(ep, Weak::new());
        }
        self.set_endpoint(ep, false);
        self.intf.emit(|interface| Event::Endpoint { interface, ep, linked: false });
    }
}
