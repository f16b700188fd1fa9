use super::registration::Sideband;
use crate::host::{EpIndex, HostController, SlotId, VirtDeviceId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

/// The sideband pointers of a controller's virtual devices, slot by slot.
#[derive(Default)]
pub(crate) struct SidebandTable(RefCell<BTreeMap<SlotId, Rc<VirtLinks>>>);

/// `xhci_virt_device.sideband` and `xhci_virt_ep.sideband` of one life of a virtual device.
///
/// A sideband holds them like the pointer it has in the kernel: past the end of that life they are what freed
/// memory still shows.
pub(crate) struct VirtLinks {
    id: VirtDeviceId,
    sideband: RefCell<Option<Rc<Sideband>>>,
    endpoints: RefCell<[Weak<Sideband>; EpIndex::COUNT]>,
}

impl SidebandTable {
    /// The pointers of the virtual device that is in `slot` now.
    pub(crate) fn links(&self, host: &dyn HostController, slot: SlotId) -> Option<Rc<VirtLinks>> {
        let id = host.virt_device(slot)?;
        let mut table = self.0.borrow_mut();
        let links = table.entry(slot).or_insert_with(|| Rc::new(VirtLinks::new(id)));
        if links.id != id {
            *links = Rc::new(VirtLinks::new(id));
        }
        Some(links.clone())
    }

    /// The sidebands that are registered, by slot.
    pub(crate) fn registered(&self) -> Vec<Rc<Sideband>> {
        self.0.borrow().values().filter_map(|links| links.sideband()).collect()
    }
}

impl Drop for SidebandTable {
    /// A sideband that nobody unregistered is held by its links, and holds them.
    fn drop(&mut self) {
        self.0.get_mut().values().for_each(|links| links.set_sideband(None));
    }
}

impl VirtLinks {
    fn new(id: VirtDeviceId) -> Self {
        Self { id, sideband: RefCell::default(), endpoints: RefCell::default() }
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
