//! Slots: taking one, addressing the device in it, configuring its endpoints, giving it back (xHCI 4.3).

use crate::context::{InputContext, control_endpoint};
use crate::controller::Controller;
use crate::device::{Place, VirtDevice};
use crate::endpoint::Endpoint;
use crate::error::CommandError;
use std::rc::Rc;
use xhci_spec::context::EndpointState;
use xhci_spec::trb::command;
use xhci_spec::{CompletionCode, Dci, SlotId, TrbType};

/// What Configure Endpoint shall change.
#[derive(Default)]
pub(crate) struct EndpointChanges {
    pub(crate) drop: Vec<Dci>,
    /// With their rings; freed again if the controller refuses.
    pub(crate) add: Vec<Rc<Endpoint>>,
}

impl Controller {
    /// Enable Slot, and the memory a slot needs.
    pub(crate) async fn enable_slot(&self, place: Place) -> Result<Rc<VirtDevice>, CommandError> {
        let slot = self.enable_fresh(place).await?;
        let device = self.new_device(slot, place);
        if device.is_err() {
            let _free_again = self.command(command::disable_slot(slot)).await;
        }
        device
    }

    /// Enable Slot; the controller chooses which.
    pub(crate) async fn enable_any_slot(&self, place: Place) -> Result<SlotId, CommandError> {
        let slot_type = self.capabilities.protocol_of(place.root_port).map_or(0, |each| each.slot_type);
        let event = self.command(command::enable_slot(slot_type)).await?;
        let slot = event.slot.filter(|slot| slot.get() <= self.capabilities.max_slots);
        slot.ok_or(CommandError::Failed {
            command: TrbType::ENABLE_SLOT,
            code: CompletionCode::NO_SLOTS_AVAILABLE,
        })
    }

    /// The memory of a device in an enabled slot: contexts, and the ring of endpoint 0.
    pub(crate) fn new_device(&self, slot: SlotId, place: Place) -> Result<Rc<VirtDevice>, CommandError> {
        let no_memory = |_| CommandError::NoMemory(TrbType::ENABLE_SLOT);
        let size = self.capabilities.context_size;
        let life = self.new_life();
        let device = VirtDevice::alloc(&*self.bus, size, slot, life, place).map_err(no_memory)?;
        let context = control_endpoint(place.speed.max_packet_size_0());
        match Endpoint::alloc(&*self.bus, slot, Dci::EP0, context, place.tt.is_some()) {
            Ok(endpoint0) => device.set_endpoint(endpoint0),
            Err(full) => {
                device.free(&*self.bus);
                return Err(no_memory(full));
            }
        }
        self.insert_device(device.clone());
        Ok(device)
    }

    /// Address Device. With `block_set_address` the device stays at address 0 and can be asked for its
    /// descriptor (CMD-19).
    pub(crate) async fn address_device(
        &self,
        device: &VirtDevice,
        block_set_address: bool,
    ) -> Result<(), CommandError> {
        let no_memory = |_| CommandError::NoMemory(TrbType::ADDRESS_DEVICE);
        let mut input = InputContext::alloc(self).map_err(no_memory)?;
        input.add_slot(device.slot_context.get());
        if let Some(endpoint0) = device.endpoint(Dci::EP0) {
            // The ring may have been used at address 0: go on behind what is done.
            let (dequeue, cycle) = endpoint0.with_ring(|ring| ring.dequeue_pointer());
            let packet = device.output_endpoint(&*self.bus, Dci::EP0).max_packet_size();
            let context = endpoint0.context.with_tr_dequeue_pointer(dequeue).with_dcs(cycle);
            let context = if packet == 0 { context } else { context.with_max_packet_size(packet) };
            input.add_endpoint(Dci::EP0, context);
        }
        self.command(command::address_device(input.seal(), device.slot, block_set_address)).await?;
        Ok(())
    }

    /// Evaluate Context with the packet size that the device named for endpoint 0 (CMD-36).
    pub(crate) async fn set_max_packet_size_0(
        &self,
        device: &VirtDevice,
        bytes: u16,
    ) -> Result<(), CommandError> {
        let no_memory = |_| CommandError::NoMemory(TrbType::EVALUATE_CONTEXT);
        let mut input = InputContext::alloc(self).map_err(no_memory)?;
        let context = device.output_endpoint(&*self.bus, Dci::EP0).with_ep_state(EndpointState::DISABLED);
        input.add_endpoint(Dci::EP0, context.with_max_packet_size(bytes));
        self.command(command::evaluate_context(input.seal(), device.slot)).await?;
        Ok(())
    }

    /// Configure Endpoint: all changes or none. Dropped endpoints end their transfers and free their rings.
    pub(crate) async fn configure_endpoints(
        &self,
        device: &VirtDevice,
        changes: EndpointChanges,
    ) -> Result<(), CommandError> {
        let result = self.try_configure(device, &changes).await;
        if result.is_ok() {
            for &dci in &changes.drop {
                self.forget_endpoint(device, dci);
            }
            for endpoint in changes.add {
                device.set_endpoint(endpoint);
            }
        } else {
            for endpoint in changes.add {
                endpoint.retire(&*self.bus);
            }
        }
        result
    }

    async fn try_configure(
        &self,
        device: &VirtDevice,
        changes: &EndpointChanges,
    ) -> Result<(), CommandError> {
        let no_memory = |_| CommandError::NoMemory(TrbType::CONFIGURE_ENDPOINT);
        let mut input = InputContext::alloc(self).map_err(no_memory)?;
        for &dci in &changes.drop {
            input.drop_endpoint(dci);
        }
        for endpoint in &changes.add {
            input.add_endpoint(endpoint.dci, endpoint.context);
        }
        let kept = device.all_endpoints().into_iter().filter(|each| !changes.drop.contains(&each.dci));
        let entries = kept.chain(changes.add.iter().cloned()).map(|each| each.dci.get()).max();
        let slot = device.slot_context.get().with_context_entries(entries.unwrap_or(1));
        input.add_slot(slot);
        self.command(command::configure_endpoint(input.seal(), device.slot, false)).await?;
        device.slot_context.set(slot);
        Ok(())
    }

    /// The controller knows the endpoint no more: ends its transfers and frees its ring.
    pub(crate) fn forget_endpoint(&self, device: &VirtDevice, dci: Dci) {
        if let Some(endpoint) = device.take_endpoint(dci) {
            endpoint.retire(&*self.bus);
        }
    }

    /// Disable Slot; then the device's memory is the driver's again, whatever the controller said.
    pub(crate) async fn disable_slot(&self, slot: SlotId) {
        if let Some(device) = self.device(slot) {
            device.shut_down();
            let _disabled = self.command(command::disable_slot(slot)).await;
            self.remove_device(slot);
        }
    }
}
