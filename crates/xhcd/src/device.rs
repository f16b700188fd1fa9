//! What the controller driver keeps of a slot (`struct xhci_virt_device`).

use crate::descriptors::Descriptors;
use crate::endpoint::Endpoint;
use host_bus::{ArenaFull, DmaBuffer, HostBus};
use offload_core::{RootHub, VirtDeviceId};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use usb_spec::Speed;
use xhci_spec::context::{ContextSize, EndpointContext, EndpointState, SlotContext};
use xhci_spec::{Dci, Gpa, PortId, Psiv, SlotId};

/// Where a device is plugged in, as its slot context says it (xHCI 6.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) bus: RootHub,
    pub(crate) root_port: PortId,
    pub(crate) parent: Parent,
    /// Hubs between the device and the root port.
    pub(crate) tier: u32,
    pub(crate) route: u32,
    pub(crate) speed: Speed,
    pub(crate) tt: Option<TransactionTranslator>,
}

/// The port a device is plugged into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Parent {
    RootPort(PortId),
    HubPort { hub: SlotId, port: u8 },
}

/// The high-speed hub that translates for a full- or low-speed device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TransactionTranslator {
    pub(crate) hub: SlotId,
    pub(crate) port: u8,
    pub(crate) multi: bool,
}

impl Place {
    /// The slot context of a device that is being addressed.
    pub(crate) fn slot_context(&self) -> SlotContext {
        let context = SlotContext::new()
            .with_route_string(self.route)
            .with_speed(Psiv(self.speed.psiv()))
            .with_root_hub_port_number(self.root_port.get())
            .with_context_entries(1);
        match self.tt {
            Some(tt) => context
                .with_parent_hub_slot_id(tt.hub.get())
                .with_parent_port_number(tt.port)
                .with_mtt(tt.multi),
            None => context,
        }
    }

    /// The place of a device on a port of the hub in `hub`, whose own place this is.
    pub(crate) fn below(&self, hub: SlotId, port: u8, speed: Speed, hub_is_multi_tt: bool) -> Self {
        let tt = match self.tt {
            Some(tt) => Some(tt),
            None if self.speed == Speed::High && !speed.has_microframes() => {
                Some(TransactionTranslator { hub, port, multi: hub_is_multi_tt })
            }
            None => None,
        };
        // CTX-08: four bits a tier, from the root on; ports beyond 15 all read 15.
        let route = self.route | u32::from(port.min(15)) << (4 * self.tier);
        Self { parent: Parent::HubPort { hub, port }, tier: self.tier + 1, route, speed, tt, ..*self }
    }
}

pub(crate) struct VirtDevice {
    pub(crate) slot: SlotId,
    pub(crate) life: VirtDeviceId,
    pub(crate) place: Place,
    pub(crate) output: DmaBuffer,
    /// The slot context that software wants; what the controller made of it is in the output context.
    pub(crate) slot_context: Cell<SlotContext>,
    pub(crate) descriptors: RefCell<Option<Rc<Descriptors>>>,
    /// Whether the device was told that it may wake the host.
    pub(crate) may_wake: Cell<bool>,
    size: ContextSize,
    endpoints: RefCell<[Option<Rc<Endpoint>>; Dci::MAX as usize]>,
}

impl VirtDevice {
    pub(crate) fn alloc(
        bus: &dyn HostBus,
        size: ContextSize,
        slot: SlotId,
        life: VirtDeviceId,
        place: Place,
    ) -> Result<Rc<Self>, ArenaFull> {
        let bytes = usize::try_from(size.device_bytes()).unwrap_or(usize::MAX);
        Ok(Rc::new(Self {
            slot,
            life,
            place,
            output: bus.alloc(bytes, 64, Some(4096))?,
            slot_context: Cell::new(place.slot_context()),
            descriptors: RefCell::default(),
            may_wake: Cell::default(),
            size,
            endpoints: RefCell::default(),
        }))
    }

    pub(crate) fn endpoint(&self, dci: Dci) -> Option<Rc<Endpoint>> {
        self.endpoints.borrow()[dci.index()].clone()
    }

    pub(crate) fn set_endpoint(&self, endpoint: Rc<Endpoint>) {
        let index = endpoint.dci.index();
        self.endpoints.borrow_mut()[index] = Some(endpoint);
    }

    pub(crate) fn take_endpoint(&self, dci: Dci) -> Option<Rc<Endpoint>> {
        self.endpoints.borrow_mut()[dci.index()].take()
    }

    pub(crate) fn all_endpoints(&self) -> Vec<Rc<Endpoint>> {
        self.endpoints.borrow().iter().flatten().cloned().collect()
    }

    /// The endpoint context as the controller last wrote it.
    pub(crate) fn output_endpoint(&self, bus: &dyn HostBus, dci: Dci) -> EndpointContext {
        EndpointContext::from_bytes(self.read_output(bus, self.size.device_endpoint(dci)))
    }

    pub(crate) fn endpoint_state(&self, bus: &dyn HostBus, dci: Dci) -> EndpointState {
        self.output_endpoint(bus, dci).ep_state()
    }

    /// Ends every transfer of the device for good.
    pub(crate) fn shut_down(&self) {
        for endpoint in self.all_endpoints() {
            endpoint.shut_down();
        }
    }

    pub(crate) fn free(&self, bus: &dyn HostBus) {
        let endpoints = self.endpoints.take();
        for endpoint in endpoints.iter().flatten() {
            endpoint.retire(bus);
        }
        bus.free(self.output);
    }

    fn read_output(&self, bus: &dyn HostBus, offset: u64) -> [u8; 32] {
        let mut bytes = [0; 32];
        bus.mem_read(Gpa(self.output.address.0 + offset), &mut bytes);
        bytes
    }
}
