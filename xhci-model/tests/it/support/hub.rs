//! A hub whose ports are always enabled, and what a driver does with devices behind one.

use super::gadget::Gadget;
use super::{CONTEXTS, DCBAA, INPUT, Machine, ring_base};
use sim_time::Instant;
use usb_spec::Speed;
use xhci_model::{Device, DeviceAddress, Handshake, InReply, Token};
use xhci_spec::context::{EndpointContext, EndpointType, InputControlContext, SlotContext};
use xhci_spec::trb::command;
use xhci_spec::{CompletionCode, Dci, Gpa, Psiv, SlotId};

pub struct Hub {
    pub upstream: Gadget,
    ports: Vec<Option<Box<dyn Device>>>,
}

impl Hub {
    pub fn new(speed: Speed) -> Self {
        Self { upstream: Gadget::new(speed), ports: (0..15).map(|_| None).collect() }
    }

    /// With something plugged in.
    pub fn with(mut self, port: u8, device: impl Device) -> Self {
        self.ports[usize::from(port) - 1] = Some(Box::new(device));
        self
    }

    pub fn unplug(&mut self, port: u8) {
        self.ports[usize::from(port) - 1] = None;
    }

    pub fn at(&mut self, port: u8) -> &mut dyn Device {
        self.ports[usize::from(port) - 1].as_deref_mut().unwrap()
    }
}

impl Device for Hub {
    fn speed(&self) -> Speed {
        self.upstream.speed()
    }
    fn bus_reset(&mut self, now: Instant) {
        self.upstream.bus_reset(now);
    }
    fn setup(&mut self, now: Instant, address: DeviceAddress, packet: &[u8; 8]) -> Handshake {
        self.upstream.setup(now, address, packet)
    }
    fn out_packet(&mut self, now: Instant, token: Token, data: &[u8]) -> Handshake {
        self.upstream.out_packet(now, token, data)
    }
    fn in_packet(&mut self, now: Instant, token: Token, buffer: &mut [u8]) -> InReply {
        self.upstream.in_packet(now, token, buffer)
    }
    fn suspend(&mut self, _now: Instant) {}
    fn resume(&mut self, _now: Instant) {}
    fn downstream(&mut self, _now: Instant, port: u8, visit: &mut dyn FnMut(&mut dyn Device)) {
        if let Some(Some(device)) = self.ports.get_mut(usize::from(port).wrapping_sub(1)) {
            visit(device.as_mut());
        }
    }
}

/// Where a device is, as its slot context says.
pub fn behind(root: u8, route: u32, speed: Speed) -> SlotContext {
    SlotContext::new()
        .with_root_hub_port_number(root)
        .with_route_string(route)
        .with_speed(Psiv(speed.psiv()))
        .with_context_entries(1)
}

impl Machine {
    /// A slot with memory for its contexts.
    pub fn enable_slot(&mut self) -> SlotId {
        let slot = self.command(command::enable_slot(0)).slot.unwrap();
        let device = CONTEXTS + u64::from(slot.get()) * 0x1000;
        self.memory.put(DCBAA + u64::from(slot.get()) * 8, &device.to_le_bytes());
        slot
    }

    /// Address Device.
    pub fn address(&mut self, slot: SlotId, context: SlotContext, block_set_address: bool) -> CompletionCode {
        let ep0 = EndpointContext::new()
            .with_ep_type(EndpointType::CONTROL)
            .with_cerr(3)
            .with_max_packet_size(match context.speed() {
                Psiv::LOW => 8,
                Psiv::SUPER | Psiv::SUPER_PLUS => 512,
                _ => 64,
            })
            .with_tr_dequeue_pointer(Gpa(ring_base(slot, Dci::EP0)))
            .with_dcs(true);
        self.input(InputControlContext::new().adding_slot().adding(Dci::EP0), context, &[(Dci::EP0, ep0)]);
        self.command_code(command::address_device(Gpa(INPUT), slot, block_set_address))
    }

    /// Enables a slot and addresses a device behind hubs, which must succeed.
    pub fn enumerate_behind(&mut self, context: SlotContext) -> SlotId {
        let slot = self.enable_slot();
        assert_eq!(self.address(slot, context, false), CompletionCode::SUCCESS);
        slot
    }

    /// Configure Endpoint that marks a slot as a hub's, as Linux does it.
    pub fn mark_hub(&mut self, slot: SlotId, multi_tt: bool, think_time: u8) {
        let context = self
            .slot_context(slot)
            .with_hub(true)
            .with_number_of_ports(15)
            .with_mtt(multi_tt)
            .with_tt_think_time(think_time);
        self.input(InputControlContext::new().adding_slot(), context, &[]);
        let code = self.command_code(command::configure_endpoint(Gpa(INPUT), slot, false));
        assert_eq!(code, CompletionCode::SUCCESS);
    }

    /// The device at a root port, of a type that the test knows.
    pub fn device<T: Device>(&mut self, port: u8) -> &mut T {
        let device: &mut dyn std::any::Any =
            self.xhc.device_mut(xhci_spec::PortId::new(port).unwrap()).unwrap();
        device.downcast_mut().unwrap()
    }

    /// The gadget at a port of the hub at a root port.
    pub fn gadget_behind(&mut self, root: u8, port: u8) -> &mut Gadget {
        let device: &mut dyn std::any::Any = self.device::<Hub>(root).at(port);
        device.downcast_mut().unwrap()
    }
}
