//! The interrupter of a sideband.

use super::registration::Sideband;
use crate::event::Event;
use crate::host::SgTable;
use crate::{Errno, UsageChange, UsbDevice};
use kernel_sim::MutexGuard;
use std::rc::Rc;

impl Sideband {
    /// `xhci_sideband_create_interrupter`: takes a secondary interrupter. `segments`, `imod_ns` and `intr_num` as for
    /// [`create_secondary_interrupter`](crate::HostController::create_secondary_interrupter).
    ///
    /// # Errors
    /// `-ENODEV` unregistered; `-EBUSY` there is one already; `-ENOMEM` for every reason not to get one; of the get that
    /// goes with it in the designs where the sideband counts.
    pub async fn create_interrupter(
        &self,
        segments: u32,
        ip_autoclear: bool,
        imod_ns: u32,
        intr_num: u32,
    ) -> Result<(), Errno> {
        // Without the mutex, as in the kernel (B19).
        if !self.has_xhci.get() {
            return Err(Errno::ENODEV);
        }
        let udev = self.intf.device();
        let _device_lock = self.device_lock(udev.as_ref()).await;
        let _sb_mutex = self.lock("create_interrupter").await;
        if self.ir.get().is_some() {
            return Err(Errno::EBUSY);
        }
        let handle =
            self.host.create_secondary_interrupter(segments, imod_ns, intr_num).ok_or(Errno::ENOMEM)?;
        self.host.set_ip_autoclear(handle, ip_autoclear);
        self.ir.set(Some(handle));
        self.intf.emit(|interface| Event::Interrupter { interface, handle, lent: true });
        // LEGACY, RFC v1: a get that fails leaves the interrupter where it is.
        match &udev {
            Some(udev) => udev.core().design().interrupter_changed(udev, UsageChange::Get).await,
            None => Ok(()),
        }
    }

    /// RFC v1 takes the device's mutex first.
    async fn device_lock<'a>(&self, udev: Option<&'a Rc<UsbDevice>>) -> Option<MutexGuard<'a, ()>> {
        match udev {
            Some(udev) if udev.core().design().sideband_locks_device() => Some(udev.lock().await),
            _ => None,
        }
    }

    /// `xhci_sideband_remove_interrupter`: gives the interrupter back, if there is one. That no endpoint targets it any
    /// more is the caller's to see to (S9).
    pub async fn remove_interrupter(&self) {
        if self.ir.get().is_none() {
            return;
        }
        let udev = self.intf.device();
        let _device_lock = self.device_lock(udev.as_ref()).await;
        let _sb_mutex = self.lock("remove_interrupter").await;
        self.take_interrupter_back().await;
    }

    /// `xhci_sideband_get_event_buffer`: the memory of the interrupter's event ring. Takes no mutex.
    pub fn get_event_buffer(&self) -> Option<SgTable> {
        self.host.interrupter_ring(self.ir.get()?)
    }

    /// `xhci_sideband_interrupter_id`: what the Interrupter Target of a TRB has to be. Takes no lock.
    ///
    /// # Errors
    /// `-ENODEV` there is no interrupter.
    pub fn interrupter_id(&self) -> Result<u16, Errno> {
        self.ir.get().map(crate::InterrupterHandle::index).ok_or(Errno::ENODEV)
    }

    pub(super) async fn take_interrupter_back(&self) {
        let Some(handle) = self.ir.take() else { return };
        self.host.remove_secondary_interrupter(handle);
        self.intf.emit(|interface| Event::Interrupter { interface, handle, lent: false });
        if let Some(udev) = self.intf.device() {
            let _ignored = udev.core().design().interrupter_changed(&udev, UsageChange::Put).await;
        }
    }
}
