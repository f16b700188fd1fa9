use super::links::VirtLinks;
use super::notify::NotifyClient;
use crate::event::Event;
use crate::host::{EpIndex, HostController, InterrupterHandle, SlotId};
use crate::{UsbHcd, UsbInterface};
use kernel_sim::{LockClass, Mutex, MutexGuard, Watched};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

/// What a sideband is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SidebandType {
    /// Audio, as the standards describe it. Not supported.
    Audio,
    /// A vendor's own.
    Vendor,
}

/// A sideband of one device (`struct xhci_sideband`).
///
/// A call on an unregistered one finds it empty; in the kernel it would find freed memory.
pub struct Sideband {
    pub(super) me: Weak<Self>,
    pub(super) intf: Rc<UsbInterface>,
    pub(super) host: Rc<dyn HostController>,
    pub(super) slot: SlotId,
    pub(super) mutex: Mutex<()>,
    pub(super) notify_client: Option<NotifyClient>,
    /// Whether `sb->xhci` is set.
    pub(super) has_xhci: Watched<Cell<bool>>,
    pub(super) vdev: Watched<RefCell<Option<Rc<VirtLinks>>>>,
    pub(super) eps: Watched<Cell<[bool; EpIndex::COUNT]>>,
    pub(super) ir: Watched<Cell<Option<InterrupterHandle>>>,
    /// Whether `unregister` has freed it.
    freed: Watched<Cell<bool>>,
}

const SB_MUTEX: LockClass = LockClass::new("&sb->mutex");

impl Sideband {
    /// `xhci_sideband_register`: a sideband for the device of `intf`. `notify_client` is told before a ring of a linked
    /// endpoint is freed. No lock is required; drivers call it in their probe.
    ///
    /// `None`: the device has no slot or no virtual device, the type is not [`SidebandType::Vendor`], or the device
    /// has a sideband already (S12).
    pub fn register(
        intf: &Rc<UsbInterface>,
        kind: SidebandType,
        notify_client: Option<NotifyClient>,
    ) -> Option<Rc<Self>> {
        let udev = intf.device()?;
        let slot = udev.slot_id()?;
        if kind != SidebandType::Vendor {
            return None;
        }
        let hcd: Rc<UsbHcd> = udev.hcd()?;
        let links = hcd.sidebands.links(&**udev.host(), slot)?;
        if links.sideband().is_some() {
            return None;
        }
        let core = udev.core();
        let sideband = Rc::new_cyclic(|me: &Weak<Self>| Self {
            me: me.clone(),
            intf: intf.clone(),
            host: udev.host().clone(),
            slot,
            mutex: Mutex::new(udev.core().kernel(), SB_MUTEX, format!("sideband of {}", intf.name()), ()),
            notify_client,
            has_xhci: core.watched("sb->xhci", intf.name(), Cell::new(true)),
            vdev: core.watched("sb->vdev", intf.name(), RefCell::new(Some(links.clone()))),
            eps: core.watched("sb->eps", intf.name(), Cell::new([false; EpIndex::COUNT])),
            ir: core.watched("sb->ir", intf.name(), Cell::default()),
            freed: core.watched("sb", intf.name(), Cell::new(false)),
        });
        links.set_sideband(Some(sideband.clone()));
        intf.emit(|interface| Event::Sideband { interface, registered: true });
        Some(sideband)
    }

    /// `xhci_sideband_unregister`: stops and unlinks every endpoint, takes the interrupter back. Nobody else may use
    /// the sideband meanwhile. A second call returns without doing anything.
    pub async fn unregister(&self) {
        let vdev = {
            let _sb_mutex = self.mutex.lock().await;
            let Some(vdev) = self.vdev("unregister") else { return };
            for ep in EpIndex::all() {
                if self.has_endpoint(ep) {
                    self.stop_and_unlink(ep).await;
                }
            }
            self.take_interrupter_back().await;
            self.vdev.replace(None);
            vdev
        };
        self.has_xhci.set(false);
        vdev.set_sideband(None);
        self.freed.set(true);
        self.intf.emit(|interface| Event::Sideband { interface, registered: false });
    }

    /// `sb->mutex` for `call`. S11: by the time it is had, the sideband may be freed (B19), unless users are counted.
    pub(super) async fn lock(&self, call: &'static str) -> MutexGuard<'_, ()> {
        let guard = self.mutex.lock().await;
        let counted = self.intf.pm().core().design().repairs().sideband_is_told;
        if self.freed.get() && !counted {
            self.intf.emit(|interface| Event::FreedSideband { interface, call });
        }
        guard
    }

    /// The virtual device is freed: nothing of the sideband is left to be used. What it had needs no stopping.
    pub(crate) fn detach(&self) {
        if let Some(vdev) = self.vdev.take() {
            vdev.set_sideband(None);
        }
        self.has_xhci.set(false);
        self.eps.set([false; EpIndex::COUNT]);
        if let Some(handle) = self.ir.take() {
            self.host.remove_secondary_interrupter(handle);
        }
        self.intf.emit(|interface| Event::Sideband { interface, registered: false });
    }

    /// The interface the sideband was registered for.
    pub fn interface(&self) -> &Rc<UsbInterface> {
        &self.intf
    }
    /// Whether the sideband is registered.
    pub fn is_registered(&self) -> bool {
        self.vdev.borrow().is_some()
    }
    /// The endpoints that are linked, ascending.
    pub fn endpoints(&self) -> Vec<EpIndex> {
        EpIndex::all().filter(|ep| self.has_endpoint(*ep)).collect()
    }
    /// The interrupter that is lent.
    pub fn interrupter(&self) -> Option<InterrupterHandle> {
        self.ir.get()
    }

    pub(super) fn has_endpoint(&self, ep: EpIndex) -> bool {
        self.eps.get().get(usize::from(ep.get())).copied().unwrap_or(false)
    }
    pub(super) fn set_endpoint(&self, ep: EpIndex, linked: bool) {
        let mut eps = self.eps.get();
        if let Some(entry) = eps.get_mut(usize::from(ep.get())) {
            *entry = linked;
        }
        self.eps.set(eps);
    }

    /// `sb->vdev` as `call` dereferences it. S10: it may dangle when the controller was set up anew (B6).
    pub(super) fn vdev(&self, call: &'static str) -> Option<Rc<VirtLinks>> {
        let vdev = self.vdev.borrow().clone()?;
        if vdev.is_dangling(&*self.host, self.slot) {
            self.intf.emit(|interface| Event::DanglingVirtDevice { interface, call });
        }
        Some(vdev)
    }
}

impl fmt::Debug for Sideband {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sideband")
            .field("intf", self.intf.name())
            .field("endpoints", &self.endpoints())
            .field("ir", &self.ir)
            .finish_non_exhaustive()
    }
}
