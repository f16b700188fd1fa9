//! Device slots (xHCI 4.5.3) and where their contexts are in memory.

use crate::agenda::EndpointId;
use crate::device::DeviceAddress;
use crate::dma::{Dma, DmaError};
use crate::endpoints::Endpoint;
use crate::route::Route;
use usb_spec::Speed;
use xhci_spec::context::{ContextSize, SlotContext, SlotState};
use xhci_spec::{Dci, Gpa, InterrupterId, PortId, SlotId};

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

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) life: Life,
    pub(crate) context: SlotContext,
    /// The output device context, from DCBAA when the device was addressed (CTX-01).
    pub(crate) output: Gpa,
    pub(crate) address: DeviceAddress,
    /// The root hub port behind which the device is; known from Address Device on.
    pub(crate) port: Option<PortId>,
    pub(crate) route: Route,
    pub(crate) speed: Speed,
    endpoints: [Option<Box<Endpoint>>; 31],
}

impl Slot {
    fn new() -> Self {
        Self {
            life: Life::Enabled,
            context: SlotContext::new(),
            output: Gpa::NULL,
            address: DeviceAddress::DEFAULT,
            port: None,
            route: Route::ROOT,
            speed: Speed::Full,
            endpoints: [const { None }; 31],
        }
    }

    #[inline]
    pub(crate) fn endpoint(&mut self, dci: Dci) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(dci.index())?.as_deref_mut()
    }

    pub(crate) fn has_endpoint(&self, dci: Dci) -> bool {
        self.endpoints.get(dci.index()).is_some_and(Option::is_some)
    }

    pub(crate) fn set_endpoint(&mut self, dci: Dci, endpoint: Option<Endpoint>) {
        if let Some(entry) = self.endpoints.get_mut(dci.index()) {
            *entry = endpoint.map(Box::new);
        }
    }

    pub(crate) fn endpoints(&mut self) -> impl Iterator<Item = &mut Endpoint> {
        self.endpoints.iter_mut().filter_map(Option::as_deref_mut)
    }

    /// The highest index that is not Disabled; 1 if none but the default endpoint is (CMD-31).
    pub(crate) fn context_entries(&self) -> u8 {
        Dci::all().filter(|dci| self.has_endpoint(*dci)).map(Dci::get).max().unwrap_or(1)
    }

    pub(crate) fn interrupter_target(&self) -> InterrupterId {
        self.context.interrupter_target()
    }

    /// Writes the output slot context.
    pub(crate) fn write_context<D: Dma>(&mut self, dma: &mut D) -> Result<(), DmaError> {
        self.context = self
            .context
            .with_slot_state(self.life.slot_state())
            .with_usb_device_address(self.address.0)
            .with_context_entries(self.context_entries());
        dma.write(self.output, &self.context.to_bytes())
    }

    /// Writes the output context of one endpoint; zero, that is Disabled, if there is none.
    pub(crate) fn write_endpoint_context<D: Dma>(
        &mut self,
        dci: Dci,
        size: ContextSize,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let at = self.output.offset(size.device_endpoint(dci));
        let context = self.endpoint(dci).map(|endpoint| endpoint.output_context()).unwrap_or_default();
        dma.write(at, &context.to_bytes())
    }
}

/// All slots of the controller.
#[derive(Debug)]
pub(crate) struct Slots {
    slots: Vec<Option<Box<Slot>>>,
    /// CONFIG.MaxSlotsEn.
    pub(crate) enabled: u8,
    /// A doorbell to something of the slot that is not enabled waits for its answer.
    answers_due: Vec<bool>,
}

impl Slots {
    pub(crate) fn new(count: u8) -> Self {
        Self { slots: (0..count).map(|_| None).collect(), enabled: 0, answers_due: vec![false; count.into()] }
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
            .zip(1_u8..)
            .take(usize::from(self.enabled))
            .find(|(slot, _)| slot.is_none());
        let (entry, number) = free?;
        let id = SlotId::new(number)?;
        *entry = Some(Box::new(Slot::new()));
        Some(id)
    }

    /// The slot becomes Disabled.
    pub(crate) fn disable(&mut self, id: SlotId) {
        if let Some(entry) = self.slots.get_mut(id.index()) {
            *entry = None;
        }
    }

    pub(crate) fn iter(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut().filter_map(Option::as_deref_mut)
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
        let is_there = |slot: &Option<Box<Slot>>| {
            slot.as_ref().is_some_and(|slot| slot.port == Some(port) && slot.context.route_string() == 0)
        };
        let index = self.slots.iter().position(is_there)?;
        SlotId::new(u8::try_from(index).ok()?.checked_add(1)?)
    }

    /// CMD-20: the lowest address, 1 to 127, that no device behind any port has.
    pub(crate) fn free_address(&mut self) -> Option<DeviceAddress> {
        (1..=127).map(DeviceAddress).find(|address| self.iter().all(|slot| slot.address != *address))
    }
}
