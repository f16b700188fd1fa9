//! Address Device, Evaluate Context and Reset Device (xHCI 4.6.5, 4.6.7, 4.6.11).

use crate::agenda::EndpointId;
use crate::controller::Xhci;
use crate::device::{DeviceAddress, Handshake, InReply, Token};
use crate::dma::{Dma, DmaError};
use crate::endpoints::Endpoint;
use crate::event::Event;
use crate::ports::Link;
use crate::route::Route;
use crate::slots::Life;
use sim_time::Instant;
use usb_spec::Speed;
use xhci_spec::context::{EndpointContext, EndpointState, EndpointType, InputControlContext, SlotContext};
use xhci_spec::{CompletionCode, Dci, Gpa, PortId, Psiv, SlotId};

/// CMD-37: EP0 of a full-speed device may have one of these packet sizes, a SuperSpeed device 512.
const LARGEST_CONTROL_PACKET: u16 = 512;
/// SETUP and the status stage of SET_ADDRESS are tried so often (CErr).
const ATTEMPTS: u32 = 3;

impl Xhci {
    pub(crate) fn address_device<D: Dma>(
        &mut self,
        id: SlotId,
        input: Gpa,
        block_set_address: bool,
        now: Instant,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let life = self.slots.get(id).map(|slot| slot.life);
        // CMD-15
        match (life, block_set_address) {
            (Some(Life::Enabled), _) | (Some(Life::Default), false) => {}
            _ => return Ok(CompletionCode::CONTEXT_STATE_ERROR),
        }
        let size = self.context_size();
        let control = InputControlContext::from_bytes(read(input, dma)?);
        let context = SlotContext::from_bytes(read(input.offset(size.input_slot()), dma)?);
        let ep0 = EndpointContext::from_bytes(read(input.offset(size.input_endpoint(Dci::EP0)), dma)?);
        let output = self.device_context(id, dma)?;
        // CMD-05, CMD-16 to CMD-18
        let speed = speed_of(context.speed());
        let port = context.root_hub_port().filter(|port| self.ports.get(*port).is_some());
        let (Some(port), Some(speed)) = (port, speed) else { return Ok(CompletionCode::PARAMETER_ERROR) };
        if output.is_null()
            || !control.adds_slot()
            || !control.adds(Dci::EP0)
            || ep0.ep_type() != EndpointType::CONTROL
            || !(1..=LARGEST_CONTROL_PACKET).contains(&ep0.max_packet_size())
        {
            return Ok(CompletionCode::PARAMETER_ERROR);
        }
        let route = Route::new(context.route_string());
        let address = if block_set_address {
            DeviceAddress::DEFAULT
        } else {
            let Some(address) = self.slots.free_address() else { return Ok(CompletionCode::RESOURCE_ERROR) };
            if !self.set_address(port, route, address, now) {
                // CMD-21: nothing is written.
                return Ok(CompletionCode::USB_TRANSACTION_ERROR);
            }
            address
        };
        let Self { slots, buses, core, .. } = self;
        let Some(slot) = slots.get(id) else { return Ok(CompletionCode::SLOT_NOT_ENABLED) };
        if let Some(old) = slot.endpoint(Dci::EP0) {
            buses.remove(old.domain, old.id);
        }
        slot.life = if block_set_address { Life::Default } else { Life::Addressed };
        slot.context = context;
        slot.output = output;
        slot.address = address;
        slot.port = Some(port);
        slot.route = route;
        slot.speed = speed;
        let endpoint = EndpointId { slot: id, dci: Dci::EP0 };
        slot.set_endpoint(Dci::EP0, Some(Endpoint::new(endpoint, ep0, port, route, speed)));
        core.log.record(now, Event::EndpointState { endpoint, state: EndpointState::RUNNING });
        slot.write_context(dma)?;
        slot.write_endpoint_context(Dci::EP0, size, dma)?;
        Ok(CompletionCode::SUCCESS)
    }

    /// The SET_ADDRESS control transfer to the device at address 0 (CMD-20).
    fn set_address(&mut self, port: PortId, route: Route, address: DeviceAddress, now: Instant) -> bool {
        let Some(Link::Active(device)) = self.ports.get_mut(port).map(|port| port.link()) else {
            return false;
        };
        let setup = [0x00, 0x05, address.0, 0, 0, 0, 0, 0];
        let status = Token { address: DeviceAddress::DEFAULT, endpoint: 0, sequence: 1 };
        route.reach(Some(device), now, |device| {
            let Some(device) = device else { return false };
            let accepted =
                (0..ATTEMPTS).any(|_| device.setup(now, DeviceAddress::DEFAULT, &setup) == Handshake::Ack);
            accepted
                && (0..ATTEMPTS)
                    .any(|_| matches!(device.in_packet(now, status, &mut []), InReply::Data { .. }))
        })
    }

    pub(crate) fn evaluate_context<D: Dma>(
        &mut self,
        id: SlotId,
        input: Gpa,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let size = self.context_size();
        let Some(slot) = self.slots.get(id) else { return Ok(CompletionCode::SLOT_NOT_ENABLED) };
        if slot.life == Life::Enabled {
            return Ok(CompletionCode::CONTEXT_STATE_ERROR);
        }
        let control = InputControlContext::from_bytes(read(input, dma)?);
        let context = SlotContext::from_bytes(read(input.offset(size.input_slot()), dma)?);
        let ep0 = EndpointContext::from_bytes(read(input.offset(size.input_endpoint(Dci::EP0)), dma)?);
        if control.adds(Dci::EP0) && !(1..=LARGEST_CONTROL_PACKET).contains(&ep0.max_packet_size()) {
            return Ok(CompletionCode::PARAMETER_ERROR);
        }
        // CMD-36: two fields of the slot context, one of the default endpoint's, and nothing else.
        if control.adds_slot() {
            slot.context = slot
                .context
                .with_interrupter_target(context.interrupter_target())
                .with_max_exit_latency(context.max_exit_latency());
        }
        if control.adds(Dci::EP0)
            && let Some(endpoint) = slot.endpoint(Dci::EP0)
        {
            endpoint.context = endpoint.context.with_max_packet_size(ep0.max_packet_size());
            endpoint.max_packet = ep0.max_packet_size().into();
            slot.write_endpoint_context(Dci::EP0, size, dma)?;
        }
        slot.write_context(dma)?;
        Ok(CompletionCode::SUCCESS)
    }

    pub(crate) fn reset_device<D: Dma>(
        &mut self,
        id: SlotId,
        now: Instant,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let size = self.context_size();
        let Self { slots, buses, core, .. } = self;
        let Some(slot) = slots.get(id) else { return Ok(CompletionCode::SLOT_NOT_ENABLED) };
        // CMD-46
        if !matches!(slot.life, Life::Addressed | Life::Configured) {
            return Ok(CompletionCode::CONTEXT_STATE_ERROR);
        }
        let dropped: Vec<Dci> = Dci::all().filter(|dci| slot.has_endpoint(*dci)).collect();
        Self::drop_endpoints(slot, buses);
        if let Some(endpoint) = slot.endpoint(Dci::EP0) {
            buses.remove(endpoint.domain, endpoint.id);
            endpoint.leave_service();
            // CMD-47 corrected: Running, with its ring, packet size and error count; the rest 0.
            endpoint.state = EndpointState::RUNNING;
            let old = endpoint.context;
            endpoint.context = EndpointContext::new()
                .with_ep_type(old.ep_type())
                .with_cerr(old.cerr())
                .with_max_packet_size(old.max_packet_size())
                .with_average_trb_length(old.average_trb_length());
            core.log
                .record(now, Event::EndpointState { endpoint: endpoint.id, state: EndpointState::RUNNING });
        }
        slot.life = Life::Default;
        slot.address = DeviceAddress::DEFAULT;
        for dci in dropped {
            slot.write_endpoint_context(dci, size, dma)?;
        }
        slot.write_context(dma)?;
        Ok(CompletionCode::SUCCESS)
    }

    /// CTX-01: DCBAA is read when a command needs it.
    fn device_context<D: Dma>(&self, id: SlotId, dma: &mut D) -> Result<Gpa, DmaError> {
        let mut pointer = [0; 8];
        dma.read(self.core.contexts.offset(u64::from(id.get()).wrapping_mul(8)), &mut pointer)?;
        Ok(Gpa(u64::from_le_bytes(pointer) & !0x3F))
    }
}

/// One 32-byte context, read once (SEC-08).
pub(crate) fn read<D: Dma>(at: Gpa, dma: &mut D) -> Result<[u8; 32], DmaError> {
    let mut bytes = [0; 32];
    dma.read(at, &mut bytes)?;
    Ok(bytes)
}

fn speed_of(psiv: Psiv) -> Option<Speed> {
    Some(match psiv {
        Psiv::FULL => Speed::Full,
        Psiv::LOW => Speed::Low,
        Psiv::HIGH => Speed::High,
        Psiv::SUPER => Speed::Super,
        Psiv::SUPER_PLUS => Speed::SuperPlus,
        _ => return None,
    })
}
