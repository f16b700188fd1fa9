use super::registration::Sideband;
use crate::PmCore;
use crate::host::{EpIndex, HostController, SlotId, VirtDeviceId};
use kernel_sim::Watched;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

/// The sideband pointers of a controller's virtual devices, slot by slot.
pub(crate) struct SidebandTable {
    core: PmCore,
    by_slot: Watched<RefCell<BTreeMap<SlotId, Rc<VirtLinks>>>>,
}

/// `xhci_virt_device.sideband` and `xhci_virt_ep.sideband` of one life of a virtual device.
///
/// A sideband holds them like the pointer it has in the kernel: past the end of that life they are what freed
/// memory still shows.
pub(crate) struct VirtLinks {
    id: VirtDeviceId,
    sideband: Watched<RefCell<Option<Rc<Sideband>>>>,
    endpoints: Watched<RefCell<[Weak<Sideband>; EpIndex::COUNT]>>,
}

impl SidebandTable {
    /// Without entries.
    pub(crate) fn new(core: &PmCore, hcd: &str) -> Self {
        let by_slot = core.watched("xhci->devs", hcd, RefCell::default());
        Self { core: core.clone(), by_slot }
    }

    /// The pointers of the virtual device that is in `slot` now.
    pub(crate) fn links(&self, host: &dyn HostController, slot: SlotId) -> Option<Rc<VirtLinks>> {
        let id = host.virt_device(slot)?;
        let mut table = self.by_slot.borrow_mut();
        let links = table.entry(slot).or_insert_with(|| Rc::new(VirtLinks::new(&self.core, id)));
        if links.id != id {
            *links = Rc::new(VirtLinks::new(&self.core, id));
        }
        Some(links.clone())
    }

    /// Whether an endpoint of the device in `slot` is linked to a sideband.
    pub(crate) fn lends(&self, host: &dyn HostController, slot: SlotId) -> bool {
        self.links(host, slot).is_some_and(|links| EpIndex::all().any(|ep| links.endpoint(ep).is_some()))
    }

    /// The sidebands that are registered, by slot.
    pub(crate) fn registered(&self) -> Vec<Rc<Sideband>> {
        self.by_slot.borrow().values().filter_map(|links| links.sideband()).collect()
    }
}

impl Drop for SidebandTable {
    /// A sideband that nobody unregistered is held by its links, and holds them.
    fn drop(&mut self) {
        self.by_slot.borrow().values().for_each(|links| links.set_sideband(None));
    }
}

impl VirtLinks {
    fn new(core: &PmCore, id: VirtDeviceId) -> Self {
        let owner = format!("{id:?}");
        Self {
            id,
            sideband: core.watched("vdev->sideband", &owner, RefCell::default()),
            endpoints: core.watched("ep->sideband", &owner, RefCell::default()),
        }
    }

    /// Whether the life of the virtual device is over.
    pub(super) fn is_dangling(&self, host: &dyn HostController, slot: SlotId) -> bool {
        host.virt_device(slot) != Some(self.id)
    }

    pub(super) fn sideband(&self) -> Option<Rc<Sideband>> {
        self.sideband.borrow().clone()
    }
    pub(super) fn set_sideband(&self, sideband: Option<Rc<Sideband>>) {
        self.sideband.replace(sideband);
    }

    pub(super) fn endpoint(&self, ep: EpIndex) -> Option<Rc<Sideband>> {
        self.endpoints.borrow().get(usize::from(ep.get())).and_then(Weak::upgrade)
    }
    pub(super) fn set_endpoint(&self, ep: EpIndex, sideband: Weak<Sideband>) {
        if let Some(link) = self.endpoints.borrow_mut().get_mut(usize::from(ep.get())) {
            *link = sideband;
        }
    }
}
