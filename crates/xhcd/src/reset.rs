//! Resetting a device that is in use, and finding the devices again when the controller lost its state.

use crate::controller::Controller;
use crate::descriptors::Descriptors;
use crate::device::{Place, VirtDevice};
use crate::error::CommandError;
use offload_core::{EpIndex, Errno, RingFree};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use usb_spec::descriptor::{DescriptorType, Device};
use xhci_spec::context::SlotContext;
use xhci_spec::trb::command;
use xhci_spec::{Dci, SlotId};

/// Devices whose slots were lost with the controller's state, by slot. Each comes back into the slot that it
/// had: usbcore knows it by that.
#[derive(Default)]
pub(crate) struct LostDevices {
    lost: BTreeMap<SlotId, LostDevice>,
    /// Enabled already, and kept for the lost device that had it.
    kept: BTreeSet<SlotId>,
}

struct LostDevice {
    place: Place,
    slot_context: SlotContext,
    descriptors: Option<Rc<Descriptors>>,
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
            lost.lost.insert(device.slot, record);
            self.remove_device(device.slot);
        }
        self.lost.replace(lost);
        self.suspended_ports.borrow_mut().clear();
    }

    /// `xhci_discover_or_reset_device`: the rings of all endpoints but the default one go, each user told first;
    /// then Reset Device. A device that was lost gets its slot again, with nothing in it.
    pub(crate) async fn discover_or_reset(&self, slot: SlotId, rings: &dyn RingFree) -> Result<(), Errno> {
        let lost = self.lost.borrow_mut().lost.remove(&slot);
        if let Some(lost) = lost {
            return Ok(self.rediscover(slot, lost).await?);
        }
        let device = self.device(slot).ok_or(Errno::ENODEV)?;
        self.reset_slot(&device).await?;
        for endpoint in device.all_endpoints() {
            if endpoint.dci != Dci::EP0 {
                if let Some(ep) = EpIndex::new(endpoint.dci.get() - 1) {
                    rings.ring_free(ep).await;
                }
                self.forget_endpoint(&device, endpoint.dci);
            }
        }
        Ok(())
    }

    async fn rediscover(&self, slot: SlotId, lost: LostDevice) -> Result<(), CommandError> {
        self.enable_again(slot, lost.place).await?;
        let device = self.new_device(slot, lost.place)?;
        // A hub is marked as one again when its endpoints are configured (CMD-30).
        device.slot_context.set(
            lost.place
                .slot_context()
                .with_hub(lost.slot_context.hub())
                .with_number_of_ports(lost.slot_context.number_of_ports())
                .with_mtt(lost.slot_context.mtt())
                .with_tt_think_time(lost.slot_context.tt_think_time()),
        );
        device.descriptors.replace(lost.descriptors);
        Ok(())
    }

    /// Enable Slot for a device that is new: slots of lost devices are kept for them.
    pub(crate) async fn enable_fresh(&self, place: Place) -> Result<SlotId, CommandError> {
        loop {
            let slot = self.enable_any_slot(place).await?;
            let mut lost = self.lost.borrow_mut();
            if !lost.lost.contains_key(&slot) {
                return Ok(slot);
            }
            lost.kept.insert(slot);
        }
    }

    // The controller chooses the slot: others are taken until it is the right one.
    async fn enable_again(&self, wanted: SlotId, place: Place) -> Result<(), CommandError> {
        if self.lost.borrow_mut().kept.remove(&wanted) {
            return Ok(());
        }
        let mut others = Vec::new();
        let result = loop {
            match self.enable_fresh(place).await {
                Ok(slot) if slot == wanted => break Ok(()),
                Ok(slot) => others.push(slot),
                Err(error) => break Err(error),
            }
        };
        for slot in others {
            let _free_again = self.command(command::disable_slot(slot)).await;
        }
        result
    }

    /// A lost device will not come back.
    pub(crate) async fn forget_lost(&self, slot: SlotId) {
        self.lost.borrow_mut().lost.remove(&slot);
        let kept = self.lost.borrow_mut().kept.remove(&slot);
        if kept {
            let _free_again = self.command(command::disable_slot(slot)).await;
        }
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
