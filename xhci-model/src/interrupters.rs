//! Interrupters: a register set, an event ring and a message vector each (xHCI 4.17, 5.5.2).
//!
//! Interrupter 0 is not special here: commands and ports name it as their target, and a stream's TRBs name
//! whichever they like.

use crate::agenda::{EndpointId, Task};
use crate::core::Core;
use crate::dma::{Dma, DmaError};
use crate::event::Event;
use crate::output::Output;
use crate::rings::producer::{Producer, Room};
use crate::violation::Violation;
use sim_time::{Duration, Instant};
use std::collections::VecDeque;
use xhci_spec::trb::event::HostController;
use xhci_spec::{CompletionCode, Gpa, InterrupterId, Trb};

/// Unit of IMODI and IMODC (xHCI 5.5.2.2).
const IMOD_UNIT: Duration = Duration::from_nanos(250);
/// IMODI after reset: 1 ms.
const IMODI_RESET: u16 = 4000;
/// SEC-06: events that one interrupter may hold back while its ring is full.
const HELD_EVENTS: usize = 1024;

#[derive(Debug)]
pub(crate) struct Interrupter {
    id: InterrupterId,
    pub(crate) interrupt_pending: bool,
    pub(crate) interrupt_enable: bool,
    pub(crate) moderation_interval: u16,
    /// When IMODC reaches zero.
    moderation_zero: Instant,
    pub(crate) event_handler_busy: bool,
    /// IPE: an event that may interrupt was posted and is not consumed.
    pending_enable: bool,
    pub(crate) table_size: u16,
    pub(crate) table_base: u64,
    /// ERDP with DESI, without EHB.
    pub(crate) dequeue_pointer: u64,
    producer: Producer,
    /// EVR-12: set when the ring filled up, cleared when ERDP leaves room for an event and the reserve.
    full: bool,
    /// Events of transactions that ended while the ring filled up.
    held: VecDeque<Pending>,
    /// Endpoints that wait for room.
    waiting: Vec<EndpointId>,
    /// The moderation deadline on the agenda.
    armed: Option<Instant>,
    dequeue_written: bool,
}

impl Interrupter {
    fn new(id: InterrupterId) -> Self {
        Self {
            id,
            interrupt_pending: false,
            interrupt_enable: false,
            moderation_interval: IMODI_RESET,
            moderation_zero: Instant::ZERO,
            event_handler_busy: false,
            pending_enable: false,
            table_size: 0,
            table_base: 0,
            dequeue_pointer: 0,
            producer: Producer::default(),
            full: false,
            held: VecDeque::new(),
            waiting: Vec::new(),
            armed: None,
            dequeue_written: false,
        }
    }

    /// IMODC (INT-08): computed, never counted.
    pub(crate) fn moderation_counter(&self, now: Instant) -> u16 {
        let left = self.moderation_zero.since(now);
        let units = (left + IMOD_UNIT - Duration::from_ticks(1)).div_floor(IMOD_UNIT);
        units.min(0xFFFF) as u16
    }

    pub(crate) fn write_iman(&mut self, value: u32, now: Instant, core: &mut Core) {
        if value & 1 != 0 {
            self.clear_pending(now);
        }
        self.interrupt_enable = value & 2 != 0;
        self.recheck(now, core);
    }

    #[expect(clippy::cast_possible_truncation, reason = "halves of a dword")]
    pub(crate) fn write_imod(&mut self, value: u32, now: Instant, core: &mut Core) {
        self.moderation_interval = value as u16;
        self.moderation_zero = now + IMOD_UNIT * u64::from(value >> 16);
        self.recheck(now, core);
    }

    pub(crate) fn write_table_size(&mut self, entries: u16) {
        self.table_size = entries;
        self.producer.set_table_entries(entries);
        if entries == 0 {
            self.forget_ring();
        }
    }

    pub(crate) fn write_table_base(&mut self, base: u64) {
        self.table_base = base & !0x3F;
        self.producer.restart(Gpa(self.table_base));
        self.forget_ring();
    }

    /// EVR-11: latch the pointer; whether the ring is empty or has room is found out when memory can be
    /// looked at; then clear EHB and look again at the level rule.
    pub(crate) fn write_dequeue(&mut self, raw: u64, clear_busy: bool, now: Instant, core: &mut Core) {
        self.dequeue_pointer = raw & !0x8;
        self.producer.set_dequeue(Gpa(raw & !0xF));
        if clear_busy {
            self.event_handler_busy = false;
        }
        self.dequeue_written = true;
        self.recheck(now, core);
    }

    fn forget_ring(&mut self) {
        self.pending_enable = false;
        self.full = false;
        self.held.clear();
    }

    fn clear_pending(&mut self, now: Instant) {
        if self.interrupt_pending {
            self.interrupt_pending = false;
            // INT-08: IMODC is reloaded when IP goes to 0.
            self.moderation_zero = now + IMOD_UNIT * u64::from(self.moderation_interval);
        }
    }

    /// Puts a look at this interrupter on the agenda, once.
    fn recheck(&mut self, at: Instant, core: &mut Core) {
        if self.armed.is_none_or(|armed| armed > at) {
            self.armed = Some(at);
            core.agenda.push(at, Task::Interrupter(self.id));
        }
    }

    /// The level rule of INT-03 and the signalling of INT-05 and INT-07.
    fn evaluate(&mut self, now: Instant, core: &mut Core) {
        if self.pending_enable && !self.event_handler_busy && !self.interrupt_pending {
            if self.moderation_zero > now {
                self.recheck(self.moderation_zero, core);
            } else {
                self.interrupt_pending = true;
                self.event_handler_busy = true;
                core.status.set_eint(true);
            }
        }
        if self.interrupt_pending && self.interrupt_enable && core.command.inte() {
            core.log.record(now, Event::Interrupt(self.id));
            core.outputs.push_back(Output::Interrupt(self.id));
            self.clear_pending(now);
        }
    }

    /// Whether an event can be written now. A disabled ring takes (and drops) everything. Finding the reserve
    /// reached is the moment at which the ring becomes full (EVR-12).
    #[inline]
    fn ready<D: Dma>(&mut self, now: Instant, core: &mut Core, dma: &mut D) -> Result<bool, DmaError> {
        if !self.producer.is_enabled() {
            return Ok(true);
        }
        if self.full {
            return Ok(false);
        }
        match self.producer.room(dma)? {
            Room::Plenty => return Ok(true),
            Room::One if !core.profile.policy.ring_full_event => return Ok(true),
            Room::One => {
                self.set_full(now, core);
                let notice = HostController { code: CompletionCode::EVENT_RING_FULL };
                self.write(notice.to_trb(), false, now, core, dma)?;
            }
            Room::None => self.set_full(now, core),
        }
        Ok(false)
    }

    /// Writes an event, or holds it back while the ring is full.
    fn post<D: Dma>(
        &mut self,
        event: Pending,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        if !self.producer.is_enabled() {
            core.log.record(now, Event::EventLost { interrupter: self.id, trb: event.trb });
        } else if self.held.is_empty() && self.ready(now, core, dma)? {
            self.write(event.trb, event.blocks_interrupt, now, core, dma)?;
        } else if self.held.len() < HELD_EVENTS {
            self.held.push_back(event);
        } else {
            core.log.record(now, Event::EventLost { interrupter: self.id, trb: event.trb });
        }
        Ok(())
    }

    fn set_full(&mut self, now: Instant, core: &mut Core) {
        self.full = true;
        core.log.record(now, Event::EventRingFull { interrupter: self.id, full: true });
    }

    fn write<D: Dma>(
        &mut self,
        trb: Trb,
        blocks_interrupt: bool,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let at = self.producer.push(trb, dma)?;
        core.log.record(now, Event::EventTrb { interrupter: self.id, at, trb });
        if !blocks_interrupt {
            self.pending_enable = true;
            self.evaluate(now, core);
        }
        Ok(())
    }

    /// After a register write, or at the end of moderation. Returns whether a full ring has room again.
    fn service<D: Dma>(&mut self, now: Instant, core: &mut Core, dma: &mut D) -> Result<bool, DmaError> {
        self.armed = None;
        let mut freed = false;
        // EVR-20: while halted memory is left alone; the look at ERDP waits for the start.
        if self.dequeue_written && self.producer.is_enabled() && !core.status.hch() {
            self.dequeue_written = false;
            // INT-02: consuming everything takes IPE back.
            if self.producer.is_empty(dma)? {
                self.pending_enable = false;
            }
            if self.full && self.producer.room(dma)? == Room::Plenty {
                self.full = false;
                core.log.record(now, Event::EventRingFull { interrupter: self.id, full: false });
            }
            while let Some(&event) = self.held.front() {
                if !self.ready(now, core, dma)? {
                    break;
                }
                self.held.pop_front();
                self.write(event.trb, event.blocks_interrupt, now, core, dma)?;
            }
            freed = !self.full;
        }
        self.evaluate(now, core);
        Ok(freed)
    }
}

/// An event on its way to a ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    pub(crate) trb: Trb,
    /// INT-25: BEI of the TRB that caused it, where that counts.
    pub(crate) blocks_interrupt: bool,
}

impl Pending {
    /// An event that interrupts.
    pub(crate) fn interrupting(trb: Trb) -> Self {
        Self { trb, blocks_interrupt: false }
    }
}

/// All interrupters of the controller.
#[derive(Debug)]
pub(crate) struct Interrupters(Vec<Interrupter>);

impl Interrupters {
    pub(crate) fn new(count: u16) -> Self {
        Self((0..count).map(|index| Interrupter::new(InterrupterId(index))).collect())
    }

    pub(crate) fn get(&self, id: InterrupterId) -> Option<&Interrupter> {
        self.0.get(usize::from(id.0))
    }

    pub(crate) fn get_mut(&mut self, id: InterrupterId) -> Option<&mut Interrupter> {
        self.0.get_mut(usize::from(id.0))
    }

    /// INT-17: a controller with one interrupter ignores every Interrupter Target.
    #[inline]
    fn target(&mut self, target: InterrupterId) -> Option<&mut Interrupter> {
        if self.0.len() == 1 { self.0.first_mut() } else { self.0.get_mut(usize::from(target.0)) }
    }

    /// Whether `target` can take an event now (EVR-13). A target that does not exist never holds anything up.
    #[inline]
    pub(crate) fn ready<D: Dma>(
        &mut self,
        target: InterrupterId,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<bool, DmaError> {
        self.target(target).map_or(Ok(true), |interrupter| interrupter.ready(now, core, dma))
    }

    /// Posts an event to `target`. INT-20: one for a target that does not exist is dropped.
    #[inline]
    pub(crate) fn post<D: Dma>(
        &mut self,
        target: InterrupterId,
        event: Pending,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        match self.target(target) {
            Some(interrupter) => interrupter.post(event, now, core, dma),
            None => {
                core.violation(now, Violation::BadInterrupterTarget);
                core.log.record(now, Event::EventLost { interrupter: target, trb: event.trb });
                Ok(())
            }
        }
    }

    /// Keeps `endpoint` until the ring of `target` has room; [`Interrupters::service`] gives it back.
    pub(crate) fn wait(&mut self, target: InterrupterId, endpoint: EndpointId) {
        if let Some(interrupter) = self.target(target)
            && !interrupter.waiting.contains(&endpoint)
        {
            interrupter.waiting.push(endpoint);
        }
    }

    /// Looks at one interrupter after a register write or at the end of moderation. Returns the endpoints that
    /// waited for room, if there is some now.
    pub(crate) fn service<D: Dma>(
        &mut self,
        id: InterrupterId,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<Vec<EndpointId>, DmaError> {
        let Some(interrupter) = self.get_mut(id) else { return Ok(Vec::new()) };
        let freed = interrupter.service(now, core, dma)?;
        Ok(if freed { core::mem::take(&mut interrupter.waiting) } else { Vec::new() })
    }

    /// ERR-01: an error that has no event interrupts through IP of interrupter 0, at once.
    pub(crate) fn interrupt_for_error(&mut self, now: Instant, core: &mut Core) {
        if let Some(primary) = self.0.first_mut() {
            primary.interrupt_pending = true;
            core.status.set_eint(true);
            primary.evaluate(now, core);
        }
    }

    /// USBCMD.INTE was set, or the controller starts: INT-05, OPR-18.
    pub(crate) fn recheck_all(&mut self, now: Instant, core: &mut Core) {
        for interrupter in &mut self.0 {
            if interrupter.interrupt_pending || interrupter.pending_enable || interrupter.dequeue_written {
                interrupter.recheck(now, core);
            }
        }
    }
}
