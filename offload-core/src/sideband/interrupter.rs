//! The interrupter of a sideband.

use super::registration::Sideband;
use crate::Errno;
use crate::event::Event;
use crate::host::SgTable;

impl Sideband {
    /// `xhci_sideband_create_interrupter`: takes a secondary interrupter. `segments`, `imod_ns` and `intr_num` as for
    /// [`create_secondary_interrupter`](crate::HostController::create_secondary_interrupter).
    ///
    /// # Errors
    /// `-ENODEV` unregistered; `-EBUSY` there is one already; `-ENOMEM` for every reason not to get one.
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
        let _sb_mutex = self.mutex.lock().await;
        if self.ir.get().is_some() {
            return Err(Errno::EBUSY);
        }
        let handle =
            self.host.create_secondary_interrupter(segments, imod_ns, intr_num).ok_or(Errno::ENOMEM)?;
        self.host.set_ip_autoclear(handle, ip_autoclear);
        self.ir.set(Some(handle));
        self.intf.emit(|interface| Event::Interrupter { interface, handle, lent: true });
        Ok(())
    }

    /// `xhci_sideband_remove_interrupter`: gives the interrupter back, if there is one. That no endpoint targets it any
    /// more is the caller's to see to (S9).
    pub async fn remove_interrupter(&self) {
        if self.ir.get().is_none() {
            return;
        }
        let _sb_mutex = self.mutex.lock().await;
        self.take_interrupter_back();
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

    pub(super) fn take_interrupter_back(&self) {
        if let Some(handle) = self.ir.take() {
            self.host.remove_secondary_interrupter(handle);
            self.intf.emit(|interface| Event::Interrupter { interface, handle, lent: false });
        }
    }
}
