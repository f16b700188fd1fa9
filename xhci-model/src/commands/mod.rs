//! The command ring (xHCI 4.6): fetch, execute after its latency, complete.

pub(crate) mod address;
pub(crate) mod configure;
pub(crate) mod endpoint;

use crate::agenda::Task;
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use crate::event::Event;
use crate::interrupters::Pending;
use crate::rings::consumer::{Fetch, Fetched, RingPosition};
use crate::slots::Slot;
use sim_time::Instant;
use xhci_spec::registers::operational::Crcr;
use xhci_spec::trb::event::CommandCompletion;
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, SlotId, TrbType};

/// What CRCR.CS or CRCR.CA asked for and is not done yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    Stop,
    Abort,
}

/// State of the command ring.
#[derive(Debug, Default)]
pub(crate) struct CommandRing {
    position: RingPosition,
    running: bool,
    /// The command being executed.
    current: Option<Fetched>,
    ending: Option<Ending>,
    /// A fetch is on the agenda.
    armed: bool,
}

impl CommandRing {
    /// OPR-34: only CRR can be read back.
    pub(crate) fn read_crcr(&self) -> u64 {
        Crcr::new().with_crr(self.running).into_bits()
    }

    /// OPR-35 to OPR-40: the low dword acts at once. Returns whether the ring is to be looked at.
    pub(crate) fn write_crcr_low(&mut self, value: u32) -> bool {
        let crcr = Crcr::from_bits(value.into());
        if self.running {
            if crcr.ca() {
                self.ending = Some(Ending::Abort);
            } else if crcr.cs() && self.ending.is_none() {
                self.ending = Some(Ending::Stop);
            }
            return self.ending.is_some();
        }
        let high = self.position.address.0 & !0xFFFF_FFFF;
        self.position = RingPosition { address: Gpa(high | crcr.pointer().0), cycle: crcr.rcs() };
        false
    }

    pub(crate) fn write_crcr_high(&mut self, value: u32) {
        if !self.running {
            let low = self.position.address.0 & 0xFFFF_FFFF;
            self.position.address = Gpa(u64::from(value) << 32 | low);
        }
    }

    /// The controller halts: CRR becomes 0, a command that is not executed stays on the ring.
    pub(crate) fn halt(&mut self) {
        if let Some(current) = self.current.take() {
            self.position = current.position;
        }
        self.running = false;
        self.ending = None;
        self.armed = false;
    }
}

/// How a command ended: the code, and the slot that the event names.
pub(crate) type Answer = (CompletionCode, Option<SlotId>);

impl Xhci {
    /// DB 0 was rung.
    pub(crate) fn command_doorbell(&mut self, now: Instant) {
        // OPR-36: CRR from the doorbell on.
        self.command.running = true;
        let takes = self.core.latency(|all| all.doorbell);
        self.arm_command_fetch(now + takes);
    }

    /// CRCR.CS or CRCR.CA was written to a running ring.
    pub(crate) fn arm_command_fetch(&mut self, at: Instant) {
        if !self.command.armed {
            self.command.armed = true;
            self.core.agenda.push(at, Task::FetchCommand);
        }
    }

    pub(crate) fn fetch_command<D: Dma>(&mut self, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        self.command.armed = false;
        if !self.core.running() || !self.command.running {
            return Ok(());
        }
        if self.command.ending.is_some() {
            return self.end_command_ring(now, dma);
        }
        if self.command.current.is_some() {
            return Ok(());
        }
        // EVR-13: a command whose completion has no room is not begun.
        if !self.interrupters.ready(InterrupterId::PRIMARY, now, &mut self.core, dma)? {
            self.command_waits = true;
            return Ok(());
        }
        match self.command.position.fetch(dma)? {
            Fetch::Empty => {}
            Fetch::LinkLoop(_) => self.host_controller_error(now),
            Fetch::Trb(fetched) if fetched.trb.trb_type() == TrbType::LINK => {
                self.complete_command(fetched, (CompletionCode::SUCCESS, None), now, dma)?;
                self.arm_command_fetch(now);
            }
            Fetch::Trb(fetched) => {
                self.command.current = Some(fetched);
                let takes = self.core.latency(|all| match fetched.trb.trb_type() {
                    TrbType::ADDRESS_DEVICE => all.address_device,
                    _ => all.command,
                });
                self.core.agenda.push(now + takes, Task::ExecuteCommand);
            }
        }
        Ok(())
    }

    pub(crate) fn execute_command<D: Dma>(&mut self, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        if !self.core.running() {
            return Ok(());
        }
        let Some(fetched) = self.command.current.take() else { return Ok(()) };
        let answer = self.perform_command(fetched, now, dma)?;
        self.complete_command(fetched, answer, now, dma)?;
        self.arm_command_fetch(now);
        Ok(())
    }

    fn complete_command<D: Dma>(
        &mut self,
        fetched: Fetched,
        (code, slot): Answer,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let trb_type = fetched.trb.trb_type();
        self.core.log.record(now, Event::Command { trb_type, slot, code });
        self.post_command_event(fetched.position.address, code, slot, now, dma)
    }

    fn post_command_event<D: Dma>(
        &mut self,
        command: Gpa,
        code: CompletionCode,
        slot: Option<SlotId>,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let trb = CommandCompletion { command, parameter: 0, code, slot }.to_trb();
        let event = Pending::interrupting(trb);
        self.interrupters.post(InterrupterId::PRIMARY, event, now, &mut self.core, dma)
    }

    /// OPR-37, OPR-38: the running command ends, then Command Ring Stopped with the next one's address.
    fn end_command_ring<D: Dma>(&mut self, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        if let Some(current) = self.command.current {
            if self.command.ending == Some(Ending::Stop) {
                // It completes normally; its end comes back here.
                return Ok(());
            }
            self.command.current = None;
            self.complete_command(current, (CompletionCode::COMMAND_ABORTED, None), now, dma)?;
        }
        self.command.ending = None;
        self.command.running = false;
        let next = self.command.position.address;
        self.post_command_event(next, CompletionCode::COMMAND_RING_STOPPED, None, now, dma)
    }

    fn perform_command<D: Dma>(
        &mut self,
        fetched: Fetched,
        now: Instant,
        dma: &mut D,
    ) -> Result<Answer, DmaError> {
        let trb = fetched.trb;
        let kind = trb.trb_type();
        match kind {
            TrbType::NO_OP_COMMAND => return Ok((CompletionCode::SUCCESS, None)),
            TrbType::ENABLE_SLOT => return Ok(self.enable_slot(trb.slot_type())),
            TrbType::DISABLE_SLOT
            | TrbType::ADDRESS_DEVICE
            | TrbType::CONFIGURE_ENDPOINT
            | TrbType::EVALUATE_CONTEXT
            | TrbType::RESET_ENDPOINT
            | TrbType::STOP_ENDPOINT
            | TrbType::SET_TR_DEQUEUE_POINTER
            | TrbType::RESET_DEVICE => {}
            // TRB-27: the ring goes on with the next TRB.
            _ => return Ok((CompletionCode::TRB_ERROR, trb.slot_id())),
        }
        // CMD-02: slot, then its state, then the endpoint.
        let Some(slot) = trb.slot_id().filter(|slot| self.slots.get(*slot).is_some()) else {
            return Ok((CompletionCode::SLOT_NOT_ENABLED, trb.slot_id()));
        };
        let code = match kind {
            TrbType::DISABLE_SLOT => self.disable_slot(slot),
            TrbType::ADDRESS_DEVICE => self.address_device(slot, trb.pointer(), trb.bsr(), now, dma)?,
            TrbType::CONFIGURE_ENDPOINT => {
                self.configure_endpoint(slot, trb.pointer(), trb.dc(), now, dma)?
            }
            TrbType::EVALUATE_CONTEXT => self.evaluate_context(slot, trb.pointer(), dma)?,
            TrbType::RESET_DEVICE => self.reset_device(slot, now, dma)?,
            _ => self.endpoint_command(kind, slot, trb, now, dma)?,
        };
        Ok((code, Some(slot)))
    }

    fn enable_slot(&mut self, slot_type: u8) -> Answer {
        // CMD-11: every protocol of this controller has slot type 0.
        match (slot_type, self.slots.enable()) {
            (0, Some(slot)) => (CompletionCode::SUCCESS, Some(slot)),
            (_, Some(slot)) => {
                self.slots.disable(slot);
                (CompletionCode::NO_SLOTS_AVAILABLE, None)
            }
            (_, None) => (CompletionCode::NO_SLOTS_AVAILABLE, None),
        }
    }

    /// CMD-13: all activity ends without events; memory is not touched any more.
    fn disable_slot(&mut self, id: SlotId) -> CompletionCode {
        let Self { slots, buses, .. } = self;
        if let Some(slot) = slots.get(id) {
            slot.endpoints().for_each(|endpoint| buses.remove(endpoint.domain, endpoint.id));
        }
        slots.disable(id);
        CompletionCode::SUCCESS
    }

    /// Every endpoint but the default one leaves service and is gone.
    pub(crate) fn drop_endpoints(slot: &mut Slot, buses: &mut crate::bus::Buses) {
        for dci in Dci::all().filter(|dci| *dci != Dci::EP0) {
            if let Some(endpoint) = slot.endpoint(dci) {
                buses.remove(endpoint.domain, endpoint.id);
                slot.set_endpoint(dci, None);
            }
        }
    }
}
