//! Device slots (xHCI 4.5.3) and where their contexts are in memory.

use crate::agenda::EndpointId;
use crate::bus::Buses;
use crate::bus::split::Translator;
use crate::core::Core;
use crate::device::DeviceAddress;
use crate::dma::{Dma, DmaError};
use crate::endpoints::Endpoint;
use crate::event::Event;
use crate::route::Route;
use sim_time::Instant;
use usb_spec::Speed;
use xhci_spec::context::{ContextSize, EndpointState, SlotContext, SlotState};
use xhci_spec::{Dci, Gpa, InterrupterId, PortId, SlotId};

/// CTX-27: the bits of a slot context that are fields.
const FIELDS: [u32; 8] = [0xFEFF_FFFF, 0xFFFF_FFFF, 0xFFC3_FFFF, 0xF800_00FF, 0, 0, 0, 0];

/// How far a slot's device has come. A Disabled slot has no [`Slot`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Life {
    Enabled,
    Default,
    Addressed,
    Configured,
}

impl Life {
    pub(crate) fn slot_state(self) -> SlotState {
        match self {
            Self::Enabled => SlotState::DISABLED_ENABLED,
            Self::Default => SlotState::DEFAULT,
            Self::Addressed => SlotState::ADDRESSED,
            Self::Configured => SlotState::CONFIGURED,
        }
    }
}

/// Where a device is plugged in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) port: PortId,
    pub(crate) route: Route,
    pub(crate) speed: Speed,
    /// For a full- or low-speed device behind a high-speed hub.
    pub(crate) translator: Option<Translator>,
}

#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) life: Life,
    pub(crate) context: SlotContext,
    /// The output device context, from DCBAA when the device was addressed (CTX-01).
    pub(crate) output: Gpa,
    pub(crate) address: DeviceAddress,
    /// Known from Address Device on.
    pub(crate) place: Option<Place>,
    /// No endpoint that the slot had reached this generation.
    generation: u32,
    endpoints: [Option<Box<Endpoint>>; 31],
}

impl Slot {
    fn new(generation: u32) -> Self {
        Self {
            generation,
            life: Life::Enabled,
            context: SlotContext::new(),
            output: Gpa::NULL,
            address: DeviceAddress::DEFAULT,
            place: None,
            endpoints: [const { None }; 31],
        }
    }

    pub(crate) fn speed(&self) -> Speed {
        self.place.map_or(Speed::Full, |place| place.speed)
    }

    /// The root hub port behind which the device is.
    pub(crate) fn port(&self) -> Option<PortId> {
        self.place.map(|place| place.port)
    }

    #[inline]
    pub(crate) fn endpoint(&mut self, dci: Dci) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(dci.index())?.as_deref_mut()
    }

    pub(crate) fn has_endpoint(&self, dci: Dci) -> bool {
        self.endpoints.get(dci.index()).is_some_and(Option::is_some)
    }

    /// Enables an endpoint. Deadlines of an earlier one with its index are not its own (SEC-15).
    pub(crate) fn put_endpoint(&mut self, mut endpoint: Endpoint) {
        endpoint.generation = self.generation;
        if let Some(entry) = self.endpoints.get_mut(endpoint.id.dci.index()) {
            *entry = Some(Box::new(endpoint));
        }
    }

    /// Takes an endpoint out of the slot. The caller takes it off its bus.
    pub(crate) fn take_endpoint(&mut self, dci: Dci) -> Option<Box<Endpoint>> {
        let endpoint = self.endpoints.get_mut(dci.index())?.take()?;
        self.generation = self.generation.max(endpoint.generation).wrapping_add(1);
        Some(endpoint)
    }

    /// Disables an endpoint, without events, and shows it. Nothing to do for one that is not enabled.
    pub(crate) fn drop_endpoint<D: Dma>(
        &mut self,
        dci: Dci,
        size: ContextSize,
        now: Instant,
        buses: &mut Buses,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let Some(endpoint) = self.take_endpoint(dci) else { return Ok(()) };
        endpoint.leave_buses(buses);
        let state = EndpointState::DISABLED;
        core.log.record(now, Event::EndpointState { endpoint: endpoint.id, state });
        self.write_disabled_endpoint(&endpoint, size, dma)
    }

    /// Disables every endpoint but the default one.
    pub(crate) fn drop_endpoints<D: Dma>(
        &mut self,
        size: ContextSize,
        now: Instant,
        buses: &mut Buses,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        Dci::all()
            .filter(|dci| *dci != Dci::EP0)
            .try_for_each(|dci| self.drop_endpoint(dci, size, now, buses, core, dma))
    }

    pub(crate) fn endpoints(&mut self) -> impl Iterator<Item = &mut Endpoint> {
        self.endpoints.iter_mut().filter_map(Option::as_deref_mut)
    }

    pub(crate) fn enabled_endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().filter_map(Option::as_deref)
    }

    /// The highest index that is not Disabled; 1 if none but the default endpoint is (CMD-31).
    pub(crate) fn highest_endpoint(&self) -> u8 {
        Dci::all().filter(|dci| self.has_endpoint(*dci)).map(Dci::get).max().unwrap_or(1)
    }

    /// What Address Device says of the device.
    pub(crate) fn set_context(&mut self, context: SlotContext) {
        let mut dwords = context.0;
        dwords.iter_mut().zip(FIELDS).for_each(|(dword, fields)| *dword &= fields);
        self.context = SlotContext(dwords);
    }

    pub(crate) fn interrupter_target(&self) -> InterrupterId {
        self.context.interrupter_target()
    }

    /// Writes the output slot context.
    pub(crate) fn write_context<D: Dma>(&mut self, dma: &mut D) -> Result<(), DmaError> {
        self.context =
            self.context.with_slot_state(self.life.slot_state()).with_usb_device_address(self.address.0);
        dma.write(self.output, &self.context.to_bytes())
    }

    /// Writes the output context of an enabled endpoint.
    pub(crate) fn write_endpoint_context<D: Dma>(
        &mut self,
        dci: Dci,
        size: ContextSize,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let at = self.output.offset(size.device_endpoint(dci));
        match self.endpoint(dci) {
            Some(endpoint) => dma.write(at, &endpoint.output_context().to_bytes()),
            None => Ok(()),
        }
    }

    /// Writes the output context of an endpoint that was just disabled.
    pub(crate) fn write_disabled_endpoint<D: Dma>(
        &self,
        endpoint: &Endpoint,
        size: ContextSize,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let at = self.output.offset(size.device_endpoint(endpoint.id.dci));
        dma.write(at, &endpoint.context.with_ep_state(EndpointState::DISABLED).to_bytes())
    }
}

/// Which devices share the addresses 1 to 127.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AddressSpace {
    /// Those behind the USB 2 root ports up to this number: they share a bus.
    Usb2(u8),
    /// Those behind one root port.
    Port(PortId),
}

impl AddressSpace {
    fn holds(self, port: Option<PortId>) -> bool {
        match self {
            Self::Usb2(last) => port.is_some_and(|port| port.get() <= last),
            Self::Port(only) => port == Some(only),
        }
    }
}

/// All slots of the controller.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    slots: Vec<Option<Box<Slot>>>,
    /// No endpoint of a slot that was disabled reached this generation.
    generation: u32,
    /// CONFIG.MaxSlotsEn.
    pub(crate) enabled: u8,
    /// A doorbell to something of the slot that is not enabled waits for its answer.
    answers_due: Vec<bool>,
}

impl Slots {
    pub(crate) fn new(count: u8) -> Self {
        Self {
            slots: (0..count).map(|_| None).collect(),
            generation: 0,
            enabled: 0,
            answers_due: vec![false; count.into()],
        }
    }

    #[inline]
    pub(crate) fn get(&mut self, id: SlotId) -> Option<&mut Slot> {
        self.slots.get_mut(id.index())?.as_deref_mut()
    }

    /// The lowest Disabled slot becomes Enabled (CMD-10).
    pub(crate) fn enable(&mut self) -> Option<SlotId> {
        let free = self
            .slots
            .iter_mut()
            .zip(1..=u8::MAX)
            .take(usize::from(self.enabled))
            .find(|(slot, _)| slot.is_none());
        let (entry, number) = free?;
        let id = SlotId::new(number)?;
        *entry = Some(Box::new(Slot::new(self.generation)));
        Some(id)
    }

    /// The slot becomes Disabled.
    pub(crate) fn disable(&mut self, id: SlotId) {
        if let Some(mut slot) = self.slots.get_mut(id.index()).and_then(Option::take) {
            for dci in Dci::all() {
                slot.take_endpoint(dci);
            }
            self.generation = self.generation.max(slot.generation);
        }
    }

    pub(crate) fn iter(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut().filter_map(Option::as_deref_mut)
    }

    /// What was saved comes back (PWR-03), under the CONFIG that software wrote. Deadlines of before count no more.
    pub(crate) fn restore(&mut self, saved: &Self) {
        let generation = self.generation.max(saved.generation);
        *self = Self { enabled: self.enabled, generation, ..saved.clone() };
    }

    /// The slots that are not Disabled, with their numbers.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (SlotId, &Slot)> {
        let numbers = (1..=u8::MAX).filter_map(SlotId::new);
        numbers.zip(&self.slots).filter_map(|(id, slot)| Some((id, slot.as_deref()?)))
    }

    #[inline]
    pub(crate) fn endpoint(&mut self, id: EndpointId) -> Option<&mut Endpoint> {
        self.get(id.slot)?.endpoint(id.dci)
    }

    /// Sets whether a doorbell waits for its answer, and says whether one did.
    pub(crate) fn answer_due(&mut self, id: SlotId, due: bool) -> bool {
        self.answers_due.get_mut(id.index()).is_some_and(|entry| core::mem::replace(entry, due))
    }

    /// Doorbells that were rung and not heard are lost (OPR-14).
    pub(crate) fn forget_doorbells(&mut self) {
        self.answers_due.fill(false);
    }

    /// The slot of the device that is plugged into a root hub port.
    pub(crate) fn at_port(&self, port: PortId) -> Option<SlotId> {
        let is_there = |slot: &Slot| slot.port() == Some(port) && slot.context.route_string() == 0;
        self.numbered().find(|(_, slot)| is_there(slot)).map(|(id, _)| id)
    }

    /// CMD-20: the lowest address, 1 to 127, that no other device of the space has.
    pub(crate) fn free_address(&self, space: AddressSpace) -> Option<DeviceAddress> {
        (1..=127).map(DeviceAddress).find(|address| {
            self.slots.iter().flatten().all(|slot| slot.address != *address || !space.holds(slot.port()))
        })
    }
}
