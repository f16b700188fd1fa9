//! Address Device (xHCI 4.6.5).

use super::check::{self, Verdict, speed_of};
use super::input::Input;
use super::{Phase, Step};
use crate::agenda::EndpointId;
use crate::boundary::{PAGE, crosses};
use crate::bus::frame::Frame;
use crate::bus::time::Pace;
use crate::controller::Xhci;
use crate::device::{DeviceAddress, StreamId, Token};
use crate::dma::{Dma, DmaError};
use crate::endpoints::Endpoint;
use crate::event::{Event, Outcome, TransactionKind};
use crate::fault::{Probe, Wire};
use crate::ports::Link;
use crate::slots::{Life, Place};
use crate::violation::Violation;
use sim_time::{Duration, Instant};
use xhci_spec::context::{EndpointContext, EndpointState, SlotContext};
use xhci_spec::{CompletionCode, Dci, Gpa, SlotId, Trb};

/// Transaction errors in a row that end SET_ADDRESS (CErr).
const ATTEMPTS: u8 = 3;
/// USB 2.0 9.2.6.3: so long a device may take for the status stage of SET_ADDRESS.
const DEVICE_TIME: Duration = Duration::from_millis(50);

/// What Address Device was asked for, checked.
#[derive(Clone, Copy, Debug)]
struct Target {
    context: SlotContext,
    ep0: EndpointContext,
    output: Gpa,
    place: Place,
}

/// How far SET_ADDRESS has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Setup,
    Status,
    Over,
}

/// The SET_ADDRESS control transfer to the device that answers address 0 (CMD-20).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addressing {
    target: Target,
    address: DeviceAddress,
    stage: Stage,
    errors: u8,
    deadline: Instant,
}

impl Xhci {
    pub(crate) fn address_device<D: Dma>(
        &mut self,
        id: SlotId,
        trb: Trb,
        phase: Phase,
        now: Instant,
        dma: &mut D,
    ) -> Result<Step, DmaError> {
        if let Phase::Addressing(transfer) = phase {
            return self.set_address(id, transfer, now, dma);
        }
        let done = |code| Ok(Step::Done((code, Some(id))));
        // CMD-15
        match (self.slots.get(id).map(|slot| slot.life), trb.bsr()) {
            (Some(Life::Enabled), _) | (Some(Life::Default), false) => {}
            _ => return done(CompletionCode::CONTEXT_STATE_ERROR),
        }
        let Some(target) = self.target(id, trb.pointer(), now, dma)? else {
            return done(CompletionCode::PARAMETER_ERROR);
        };
        if trb.bsr() {
            // CMD-19: nothing goes over the bus.
            self.enter(id, target, None, now, dma)?;
            return done(CompletionCode::SUCCESS);
        }
        let space = self.address_space(target.place.port);
        let Some(address) = self.slots.free_address(space) else {
            return done(CompletionCode::RESOURCE_ERROR);
        };
        let deadline = now + DEVICE_TIME;
        let transfer = Addressing { target, address, stage: Stage::Setup, errors: 0, deadline };
        self.set_address(id, transfer, now, dma)
    }

    /// Reads and checks the input context (CMD-05, CMD-16 to CMD-18).
    fn target<D: Dma>(
        &mut self,
        id: SlotId,
        input: Gpa,
        now: Instant,
        dma: &mut D,
    ) -> Result<Option<Target>, DmaError> {
        let input = Input::new(input, self.context_size());
        let control = input.control(dma)?;
        if !control.adds_slot() || !control.adds(Dci::EP0) || control.drop_flags() != 0 {
            return Ok(None);
        }
        let (context, ep0) = (input.slot(dma)?, input.endpoint(Dci::EP0, dma)?);
        let output = self.device_context(id, now, dma)?;
        let root = context.root_hub_port().and_then(|id| Some((id, self.ports.get(id)?.speed())));
        let (Some((port, port_speed)), Some(speed)) = (root, speed_of(context.speed())) else {
            return Ok(None);
        };
        let (place, fields) = self.place(id, &context, port, speed, now);
        let only_two = control.add_flags() == 0b11;
        let verdict = Verdict::tolerable_unless(only_two)
            .max(check::slot(&context, port_speed))
            .max(fields)
            .max(check::default_endpoint(&ep0, speed));
        if output.is_null() || !self.accept(verdict, now) {
            return Ok(None);
        }
        Ok(Some(Target { context, ep0, output, place }))
    }

    /// The next transaction of SET_ADDRESS. Errors and NAKs are tried again in the next (micro)frame.
    fn set_address<D: Dma>(
        &mut self,
        id: SlotId,
        mut transfer: Addressing,
        now: Instant,
        dma: &mut D,
    ) -> Result<Step, DmaError> {
        let Addressing { target, address, stage, .. } = transfer;
        if stage == Stage::Over {
            self.enter(id, target, Some(address), now, dma)?;
            return Ok(Step::Done((CompletionCode::SUCCESS, Some(id))));
        }
        // CMD-07, CMD-21: nothing is written.
        let failed = Ok(Step::Done((CompletionCode::USB_TRANSACTION_ERROR, Some(id))));
        let Some(Link::Active(device)) = self.ports.get_mut(target.place.port).map(|port| port.link()) else {
            return failed;
        };
        let endpoint = EndpointId { slot: id, dci: Dci::EP0 };
        let probe = Probe { endpoint, port: target.place.port };
        let (kind, bytes) =
            if stage == Stage::Setup { (TransactionKind::Setup, 8) } else { (TransactionKind::In, 0) };
        let (outcome, delay) = target.place.route.reach(Some(device), now, |device| {
            let mut wire = Wire::new(device, &mut self.core.faults, probe);
            let outcome = if stage == Stage::Status {
                let token = Token {
                    address: DeviceAddress::DEFAULT,
                    endpoint: 0,
                    sequence: 1,
                    stream: StreamId::NONE,
                };
                wire.status_in(now, token)
            } else {
                wire.setup(now, DeviceAddress::DEFAULT, &[0x00, 0x05, address.0, 0, 0, 0, 0, 0])
            };
            (outcome, wire.delay())
        });
        let pace = Pace::of(target.place.speed, &self.core.profile.policy);
        let duration = delay
            + match outcome {
                Outcome::Done => pace.transaction(kind, u64::from(bytes)),
                Outcome::Error | Outcome::SplitError => pace.silent(kind, u64::from(bytes)),
                _ => pace.refused(kind, u64::from(bytes)),
            };
        self.core.log.record(now, Event::Transaction { endpoint, kind, bytes, outcome, duration });
        let end = now + duration;
        match outcome {
            Outcome::Done if stage == Stage::Status => {
                transfer.stage = Stage::Over;
                return Ok(Step::Wait(Phase::Addressing(transfer), Some(end)));
            }
            Outcome::Done => {
                transfer.stage = Stage::Status;
                transfer.errors = 0;
            }
            Outcome::Nak if now < transfer.deadline => {}
            Outcome::Error | Outcome::SplitError if transfer.errors.saturating_add(1) < ATTEMPTS => {
                transfer.errors = transfer.errors.saturating_add(1);
            }
            _ => return failed,
        }
        let next = Frame::at(end, pace, &self.core.microframes).closes;
        Ok(Step::Wait(Phase::Addressing(transfer), Some(next)))
    }

    /// CMD-19, CMD-20, CMD-22: the slot and its default endpoint are what the input context says. Without an
    /// address the device keeps address 0.
    fn enter<D: Dma>(
        &mut self,
        id: SlotId,
        target: Target,
        address: Option<DeviceAddress>,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let size = self.context_size();
        let Self { slots, buses, core, .. } = self;
        let Some(slot) = slots.get(id) else { return Ok(()) };
        if let Some(old) = slot.take_endpoint(Dci::EP0) {
            old.leave_buses(buses);
        }
        slot.life = if address.is_some() { Life::Addressed } else { Life::Default };
        slot.set_context(target.context);
        slot.output = target.output;
        slot.address = address.unwrap_or_default();
        slot.place = Some(target.place);
        let endpoint = EndpointId { slot: id, dci: Dci::EP0 };
        slot.put_endpoint(Endpoint::new(endpoint, target.ep0, target.place, &core.profile.policy));
        core.log.record(now, Event::EndpointState { endpoint, state: EndpointState::RUNNING });
        slot.write_context(dma)?;
        slot.write_endpoint_context(Dci::EP0, size, dma)
    }

    /// CTX-01: DCBAA is read when a device is addressed, and then no more until the slot is disabled.
    fn device_context<D: Dma>(&mut self, id: SlotId, now: Instant, dma: &mut D) -> Result<Gpa, DmaError> {
        let mut pointer = [0; 8];
        dma.read(self.core.contexts.offset(u64::from(id.get()).wrapping_mul(8)), &mut pointer)?;
        let pointer = Gpa(u64::from_le_bytes(pointer));
        let context = pointer.align_down_bits(6);
        if context != pointer {
            self.core.violation(now, Violation::Misaligned);
        }
        if crosses(context, self.context_size().device_bytes(), PAGE) {
            self.core.violation(now, Violation::CrossesBoundary);
        }
        Ok(context)
    }
}
