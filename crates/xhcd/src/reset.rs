//! Resetting a device that is in use, and finding the devices again when the controller lost its state.

use crate::controller::Controller;
use crate::descriptors::Descriptors;
use crate::device::{Parent, Place, TransactionTranslator, VirtDevice};
use offload_core::{EpIndex, Errno, RingFree, SlotId};
use std::collections::BTreeMap;
use std::rc::Rc;
use usb_spec::descriptor::{DescriptorType, Device};
use xhci_spec::Dci;
use xhci_spec::context::SlotContext;

/// Devices whose slots were lost with the controller's state, by their old slot, and the slots of those that
/// are back. They come back parents first.
#[derive(Default)]
pub(crate) struct LostDevices {
    lost: BTreeMap<u8, LostDevice>,
    renamed: BTreeMap<u8, xhci_spec::SlotId>,
}

struct LostDevice {
    place: Place,
    slot_context: SlotContext,
    descriptors: Option<Rc<Descriptors>>,
}

impl LostDevices {
    fn new_slot(&self, old: xhci_spec::SlotId) -> xhci_spec::SlotId {
        self.renamed.get(&old.get()).copied().unwrap_or(old)
    }

    fn new_place(&self, place: Place) -> Place {
        let parent = match place.parent {
            Parent::HubPort { hub, port } => Parent::HubPort { hub: self.new_slot(hub), port },
            root @ Parent::RootPort(_) => root,
        };
        let tt = place.tt.map(|tt| TransactionTranslator { hub: self.new_slot(tt.hub), ..tt });
        Place { parent, tt, ..place }
    }
}

impl Controller {
    /// The controller will be set up anew: every slot, ring and lent interrupter is gone. Who is using them is
    /// not asked (B6).
    pub(crate) fn lose_devices(&self) {
        let mut lost = LostDevices::default();
        for device in self.all_devices() {
            let record = LostDevice {
                place: device.place,
                slot_context: device.slot_context.get(),
                descriptors: device.descriptors.borrow().clone(),
            };
            lost.lost.insert(device.slot.get(), record);
            self.remove_device(device.slot);
        }
        self.lost.replace(lost);
        self.suspended_ports.borrow_mut().clear();
    }

    /// `xhci_discover_or_reset_device`: the rings of all endpoints but the default one go, each user told first;
    /// then Reset Device. A device that was lost gets a new slot.
    pub(crate) async fn discover_or_reset(
        &self,
        slot: SlotId,
        rings: &dyn RingFree,
    ) -> Result<SlotId, Errno> {
        let lost = self.lost.borrow_mut().lost.remove(&slot.get());
        if let Some(lost) = lost {
            return self.rediscover(slot, lost).await;
        }
        let old = xhci_spec::SlotId::new(slot.get()).ok_or(Errno::ENODEV)?;
        let device = self.device(old).ok_or(Errno::ENODEV)?;
        self.reset_slot(&device).await?;
        for endpoint in device.all_endpoints() {
            if endpoint.dci != Dci::EP0 {
                if let Some(ep) = EpIndex::new(endpoint.dci.get() - 1) {
                    rings.ring_free(ep).await;
                }
                self.forget_endpoint(&device, endpoint.dci);
            }
        }
        Ok(slot)
    }

    async fn rediscover(&self, old: SlotId, lost: LostDevice) -> Result<SlotId, Errno> {
        let place = self.lost.borrow().new_place(lost.place);
        let device = self.enable_slot(place).await?;
        self.lost.borrow_mut().renamed.insert(old.get(), device.slot);
        if let Some(hub) = xhci_spec::SlotId::new(old.get()).and_then(|old| self.hub_in(old)) {
            hub.set_slot(device.slot);
        }
        // A hub is marked as one again when its endpoints are configured (CMD-30).
        device.slot_context.set(
            device
                .slot_context
                .get()
                .with_hub(lost.slot_context.hub())
                .with_number_of_ports(lost.slot_context.number_of_ports())
                .with_mtt(lost.slot_context.mtt())
                .with_tt_think_time(lost.slot_context.tt_think_time()),
        );
        device.descriptors.replace(lost.descriptors);
        SlotId::new(device.slot.get()).ok_or(Errno::ENODEV)
    }

    /// The whole configuration again after a reset; a hub's ports come back with it.
    pub(crate) async fn configure_again(&self, device: &VirtDevice) -> Result<(), Errno> {
        self.configure(device).await?;
        if let Some(hub) = self.hub_in(device.slot) {
            self.activate_hub(&hub).await;
        }
        Ok(())
    }

    /// `hub_port_init` for a device that is known: it must be the same one afterwards.
    pub(crate) async fn init_again(&self, device: &VirtDevice) -> Result<(), Errno> {
        let (hub, port) = self.hub_port_of(device).ok_or(Errno::ENODEV)?;
        let known = device.descriptors.borrow().clone().ok_or(Errno::ENODEV)?;
        let speed = self.reset_port(&hub, port).await?;
        if speed != device.place.speed {
            return Err(Errno::ENODEV);
        }
        self.reset_slot(device).await?;
        self.address_device(device, false).await?;
        let mut bytes = [0; Device::BYTES];
        self.read_descriptor(device, DescriptorType::DEVICE, &mut bytes).await?;
        let same = Device::parse(&bytes).is_ok_and(|found| found == known.device)
            && self.read_configuration(device).await? == known.configuration_bytes;
        if same { Ok(()) } else { Err(Errno::ENODEV) }
    }
}
