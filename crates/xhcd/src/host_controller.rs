//! What usbcore and the sideband ask of this driver.

use crate::UrbError;
use crate::controller::Controller;
use crate::device::VirtDevice;
use crate::interrupter::sg_table;
use crate::transfer::{CONTROL_TIMEOUT, Data};
use offload_core::{
    EpIndex, Errno, HcResume, HostController, InterrupterHandle, LocalBoxFuture, RingFree, RootHub, SgTable,
    SlotId, VirtDeviceId,
};
use std::rc::Rc;
use usb_spec::SetupPacket;
use xhci_spec::{Dci, InterrupterId};

impl Controller {
    fn of_slot(&self, slot: SlotId) -> Result<Rc<VirtDevice>, Errno> {
        self.device(slot_id(slot)?).ok_or(Errno::ENODEV)
    }
}

fn slot_id(slot: SlotId) -> Result<xhci_spec::SlotId, Errno> {
    xhci_spec::SlotId::new(slot.get()).ok_or(Errno::ENODEV)
}

fn dci(ep: EpIndex) -> Option<Dci> {
    Dci::new(ep.dci())
}

fn interrupter(handle: InterrupterHandle) -> InterrupterId {
    InterrupterId(handle.index())
}

impl HostController for Controller {
    fn virt_device(&self, slot: SlotId) -> Option<VirtDeviceId> {
        Some(self.of_slot(slot).ok()?.life)
    }

    fn endpoint_has_streams(&self, _slot: SlotId, _ep: EpIndex) -> bool {
        // This driver sets none up.
        false
    }

    fn endpoint_ring(&self, slot: SlotId, ep: EpIndex) -> Option<SgTable> {
        let endpoint = self.of_slot(slot).ok()?.endpoint(dci(ep)?)?;
        Some(sg_table(endpoint.segments()))
    }

    fn stop_endpoint_sync(&self, slot: SlotId, ep: EpIndex) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async move {
            let device = self.of_slot(slot)?;
            let endpoint = dci(ep).and_then(|dci| device.endpoint(dci)).ok_or(Errno::ENODEV)?;
            Self::stop_endpoint_sync(self, &endpoint).await
        })
    }

    fn create_secondary_interrupter(
        &self,
        segments: u32,
        imod_ns: u32,
        intr_num: u32,
    ) -> Option<InterrupterHandle> {
        self.create_interrupter(segments, imod_ns, intr_num).map(|id| InterrupterHandle::new(id.0))
    }

    fn set_ip_autoclear(&self, handle: InterrupterHandle, autoclear: bool) {
        Self::set_ip_autoclear(self, interrupter(handle), autoclear);
    }

    fn remove_secondary_interrupter(&self, handle: InterrupterHandle) {
        self.remove_interrupter(interrupter(handle));
    }

    fn interrupter_ring(&self, handle: InterrupterHandle) -> Option<SgTable> {
        Self::interrupter_ring(self, interrupter(handle))
    }

    fn port_suspend(&self, slot: SlotId, wakeup: bool) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async move { self.suspend_port(&*self.of_slot(slot)?, wakeup).await })
    }

    fn port_resume(&self, slot: SlotId) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async move { self.resume_port(&*self.of_slot(slot)?).await })
    }

    fn port_disable(&self, slot: SlotId) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async move {
            let device = self.of_slot(slot)?;
            let (hub, port) = self.hub_port_of(&device).ok_or(Errno::ENODEV)?;
            Ok(self.disable_port(&hub, port).await?)
        })
    }

    fn get_status(&self, slot: SlotId) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async move {
            let device = self.of_slot(slot)?;
            let mut status = [0; 2];
            let setup = SetupPacket::get_device_status();
            self.control(&device, setup, Data::In(&mut status), CONTROL_TIMEOUT).await?;
            // usbcore asks at the end of every resume.
            self.topology.wake_all();
            Ok(())
        })
    }

    fn bus_suspend(&self, root_hub: RootHub, wakeup: bool) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(Self::bus_suspend(self, root_hub, wakeup))
    }

    fn bus_resume(&self, root_hub: RootHub) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(Self::bus_resume(self, root_hub))
    }

    fn hc_suspend(&self, _wakeup: bool) -> LocalBoxFuture<'_, Result<(), Errno>> {
        // What may wake the machine was set port by port in the suspend of the buses.
        Box::pin(self.suspend_controller())
    }

    fn hc_resume(&self, power_lost: bool) -> LocalBoxFuture<'_, Result<HcResume, Errno>> {
        Box::pin(self.resume_controller(power_lost))
    }

    fn reset_device<'a>(
        &'a self,
        slot: SlotId,
        rings: &'a dyn RingFree,
    ) -> LocalBoxFuture<'a, Result<SlotId, Errno>> {
        Box::pin(async move {
            self.discover_or_reset(slot_id(slot)?, rings).await?;
            Ok(slot)
        })
    }

    fn port_init(&self, slot: SlotId) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async move { self.init_again(&*self.of_slot(slot)?).await })
    }

    fn configure(&self, slot: SlotId) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async move { self.configure_again(&*self.of_slot(slot)?).await })
    }

    fn set_interface(
        &self,
        slot: SlotId,
        interface: u8,
        alternate: u8,
    ) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async move { Self::set_interface(self, &*self.of_slot(slot)?, interface, alternate).await })
    }

    fn flush_endpoints(&self, slot: SlotId) -> LocalBoxFuture<'_, ()> {
        Box::pin(async move {
            if let Ok(device) = self.of_slot(slot) {
                self.flush_device(&device, UrbError::Shutdown).await;
            }
        })
    }

    fn drop_endpoints(&self, slot: SlotId) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async move { Self::drop_endpoints(self, &*self.of_slot(slot)?).await })
    }

    fn free_device(&self, slot: SlotId) -> LocalBoxFuture<'_, ()> {
        Box::pin(async move {
            if let Ok(slot) = slot_id(slot) {
                self.forget_lost(slot).await;
            }
            let Ok(device) = self.of_slot(slot) else { return };
            self.forget_hub(device.slot);
            self.disable_slot(device.slot).await;
            // Whatever is still plugged in there is a new device.
            self.kick_parent(&device);
            self.topology.wake_all();
        })
    }
}
