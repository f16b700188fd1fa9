//! One interrupter: its registers, the rule by which it interrupts, and the way of an event to its ring.

use super::Pending;
use super::flow_control::{Flow, FlowControl};
use super::moderation::Moderation;
use crate::agenda::{EndpointId, Task};
use crate::core::Core;
use crate::dma::{Dma, DmaError};
use crate::event::Event;
use crate::output::Output;
use crate::rings::producer::{Producer, Room};
use sim_time::{Duration, Instant};
use xhci_spec::trb::event::HostController;
use xhci_spec::{CompletionCode, Gpa, InterrupterId};

#[derive(Clone, Debug)]
pub(crate) struct Interrupter {
    id: InterrupterId,
    pub(crate) interrupt_pending: bool,
    pub(crate) interrupt_enable: bool,
    pub(crate) moderation: Moderation,
    pub(crate) event_handler_busy: bool,
    /// IPE: an event that may interrupt was posted and is not consumed.
    pending_enable: bool,
    pub(crate) table_size: u16,
    pub(crate) table_base: u64,
    /// ERDP with DESI, without EHB.
    pub(crate) dequeue_pointer: u64,
    producer: Producer,
    flow: FlowControl,
    /// When the message that is on its way leaves.
    message_at: Option<Instant>,
    /// A look at this interrupter is on the agenda.
    service_due: bool,
    /// ERDP or the ring changed since that was last looked at.
    ring_changed: bool,
}

impl Interrupter {
    pub(super) fn new(id: InterrupterId) -> Self {
        Self {
            id,
            interrupt_pending: false,
            interrupt_enable: false,
            moderation: Moderation::new(),
            event_handler_busy: false,
            pending_enable: false,
            table_size: 0,
            table_base: 0,
            dequeue_pointer: 0,
            producer: Producer::default(),
            flow: FlowControl::new(),
            message_at: None,
            service_due: false,
            ring_changed: false,
        }
    }

    /// PWR-03: the producer goes on where it was, if software brought the same ring back; ERDP is as software wrote
    /// it. What was posted and is not consumed interrupts again, because an interrupt of before may be lost: IP and
    /// EHB begin at 0. IMODI and IMODC are software's too.
    pub(super) fn restore(&mut self, saved: &Self) {
        self.interrupt_pending = false;
        self.event_handler_busy = false;
        self.flow = saved.flow.clone();
        let same_ring = (self.table_base, self.table_size) == (saved.table_base, saved.table_size);
        if same_ring {
            self.producer.restore(&saved.producer);
            self.pending_enable = saved.pending_enable && !self.producer.is_empty();
            self.ring_changed = true;
        }
    }

    pub(crate) fn write_iman(&mut self, value: u32, now: Instant, core: &mut Core) {
        if value & 1 != 0 {
            self.clear_pending(now);
        }
        self.interrupt_enable = value & 2 != 0;
        self.recheck(now, core);
    }

    pub(crate) fn write_imod(&mut self, value: u32, now: Instant, core: &mut Core) {
        self.moderation.write(value, now);
        self.recheck(now, core);
    }

    pub(crate) fn write_table_size(&mut self, entries: u16) {
        self.table_size = entries;
        self.producer.set_table_entries(entries);
        if entries == 0 {
            self.pending_enable = false;
            if self.id == InterrupterId::PRIMARY {
                // INT-22: what waits goes to the next ring.
                self.flow.flow = Flow::Open;
            } else {
                self.flow.forget();
            }
        }
    }

    /// EVR-06: either half starts the ring anew; no memory is touched before an event needs it.
    pub(crate) fn write_table_base(&mut self, base: u64, is_high: bool, now: Instant, core: &mut Core) {
        self.table_base = base & !0x3F;
        let has_high = core.profile.addresses_64;
        if is_high && !has_high {
            // CAP-11: this half means nothing.
            return;
        }
        self.producer.restart(Gpa(self.table_base));
        self.pending_enable = false;
        self.flow.flow = Flow::Open;
        if is_high == has_high {
            // No other half is to come: what waits for a ring (INT-22) can go to it.
            self.ring_changed = true;
            self.recheck(now, core);
        }
    }

    /// EVR-11: latch the pointer, see whether the ring is empty, clear EHB, look again at the level rule. Whether
    /// a full ring has room is found out when memory can be looked at.
    pub(crate) fn write_dequeue(&mut self, raw: u64, clear_busy: bool, now: Instant, core: &mut Core) {
        self.dequeue_pointer = raw & !0x8;
        self.producer.set_dequeue(Gpa(raw & !0xF));
        if self.producer.is_empty() {
            // INT-02
            self.pending_enable = false;
        }
        if clear_busy {
            self.event_handler_busy = false;
        }
        self.ring_changed = true;
        self.recheck(now, core);
    }

    fn clear_pending(&mut self, now: Instant) {
        if self.interrupt_pending {
            self.interrupt_pending = false;
            self.moderation.reload(now);
        }
    }

    /// Whether a change of USBCMD or of the signalling can make a difference.
    pub(super) fn has_news(&self) -> bool {
        self.interrupt_pending || self.ring_changed
    }

    /// Puts a look at this interrupter on the agenda, once.
    pub(super) fn recheck(&mut self, now: Instant, core: &mut Core) {
        if !self.service_due {
            self.service_due = true;
            core.agenda.push(now, Task::Interrupter(self.id));
        }
    }

    /// IMODC reached zero, if it was not written meanwhile.
    pub(super) fn moderation_over(&mut self, now: Instant, core: &mut Core) {
        self.moderation.disarm();
        self.evaluate(now, core);
    }

    /// ERR-01: IP without an event.
    pub(super) fn interrupt_for_error(&mut self, now: Instant, core: &mut Core) {
        self.interrupt_pending = true;
        core.status.set_eint(true);
        self.evaluate(now, core);
    }

    /// The signalling of INT-05 to INT-07.
    fn evaluate(&mut self, now: Instant, core: &mut Core) {
        loop {
            self.apply_level_rule(now, core);
            if !self.signals(core) {
                break;
            }
            let Some(vector) = core.signals.mode.vector(self.id) else { break };
            if !self.message_leaves(now, core) {
                break;
            }
            core.log.record(now, Event::Interrupt(self.id));
            core.outputs.push_back(Output::Message { vector });
            // INT-07. The rule looks at IP too: it applies again, and with EHB set by it there is an end.
            self.clear_pending(now);
        }
        self.drive_line(now, core);
    }

    /// TIM-21: a message takes its time from the first reason for it.
    fn message_leaves(&mut self, now: Instant, core: &mut Core) -> bool {
        if let Some(at) = self.message_at {
            return at <= now;
        }
        let takes = core.latency(|all| all.interrupt);
        if takes > Duration::ZERO {
            self.message_at = Some(now + takes);
            core.agenda.push(now + takes, Task::Message(self.id));
        }
        takes == Duration::ZERO
    }

    /// The message leaves, if there still is a reason.
    pub(super) fn send_message(&mut self, now: Instant, core: &mut Core) {
        self.evaluate(now, core);
        self.message_at = None;
        // What the message made room for is a reason for the next.
        self.evaluate(now, core);
    }

    /// INT-03.
    fn apply_level_rule(&mut self, now: Instant, core: &mut Core) {
        if !self.pending_enable || self.event_handler_busy || self.interrupt_pending {
            return;
        }
        if self.moderation.is_over(now) {
            self.interrupt_pending = true;
            self.event_handler_busy = true;
            core.status.set_eint(true);
        } else {
            self.moderation.arm(self.id, &mut core.agenda);
        }
    }

    fn signals(&self, core: &Core) -> bool {
        self.interrupt_pending && self.interrupt_enable && core.command.inte()
    }

    /// PCI-11: the pin is interrupter 0's alone.
    fn drive_line(&self, now: Instant, core: &mut Core) {
        if self.id == InterrupterId::PRIMARY {
            core.drive_line(self.signals(core), now);
        }
    }

    /// Whether an event can be written now. A secondary interrupter without a ring takes (and drops) everything
    /// (INT-21), the primary one takes nothing (INT-22). Finding the reserve reached is the moment at which the
    /// ring becomes full (EVR-12).
    #[inline]
    pub(super) fn ready<D: Dma>(
        &mut self,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<bool, DmaError> {
        if self.flow.flow != Flow::Open {
            return Ok(false);
        }
        if self.flow.holds() {
            // The ring is new; what waited for it comes first.
            return self.resume(now, core, dma);
        }
        self.has_room(now, core, dma)
    }

    #[inline]
    fn has_room<D: Dma>(&mut self, now: Instant, core: &mut Core, dma: &mut D) -> Result<bool, DmaError> {
        match self.producer.room(dma)? {
            Room::Plenty => return Ok(true),
            Room::One if !core.profile.policy.ring_full_event => return Ok(true),
            Room::One => {
                self.set_flow(Flow::Full, now, core);
                let notice = HostController { code: CompletionCode::EVENT_RING_FULL };
                self.write(Pending::interrupting(notice.to_trb()), now, core, dma)?;
            }
            Room::None => self.set_flow(Flow::Full, now, core),
            Room::Unknown => self.set_flow(Flow::Stalled, now, core),
            Room::NoRing => return Ok(self.id != InterrupterId::PRIMARY),
        }
        Ok(false)
    }

    fn set_flow(&mut self, flow: Flow, now: Instant, core: &mut Core) {
        self.flow.flow = flow;
        core.log.record(now, Event::EventRingFull { interrupter: self.id, full: flow != Flow::Open });
    }

    /// Writes an event, or holds it back while there is no room.
    pub(super) fn post<D: Dma>(
        &mut self,
        event: Pending,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        if self.ready(now, core, dma)? && self.producer.is_enabled() {
            return self.write(event, now, core, dma);
        }
        let has_no_ring = !self.producer.is_enabled() && self.id != InterrupterId::PRIMARY;
        if has_no_ring || !self.flow.hold(event) {
            core.log.record(now, Event::EventLost { interrupter: self.id, trb: event.trb });
        }
        Ok(())
    }

    /// INT-28: the event first, then what tells of it.
    fn write<D: Dma>(
        &mut self,
        event: Pending,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let at = self.producer.push(event.trb, dma)?;
        if let Some(mistake) = self.producer.take_mistake() {
            core.violation(now, mistake);
        }
        core.log.record(now, Event::EventTrb { interrupter: self.id, at, trb: event.trb });
        if !event.blocks_interrupt {
            self.pending_enable = true;
            self.evaluate(now, core);
        }
        Ok(())
    }

    /// After a register write. Returns whether those who wait for room can go on.
    pub(super) fn service<D: Dma>(
        &mut self,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<bool, DmaError> {
        self.service_due = false;
        // EVR-20: while halted memory is left alone; the look at the ring waits for the start.
        let looks = core.running() && core::mem::take(&mut self.ring_changed);
        let has_room = looks && self.look_for_room(now, core, dma)?;
        self.evaluate(now, core);
        Ok(has_room)
    }

    fn look_for_room<D: Dma>(
        &mut self,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<bool, DmaError> {
        match self.flow.flow {
            Flow::Open => {}
            Flow::Stalled => self.flow.flow = Flow::Open,
            // EVR-12: an event and the reserve.
            Flow::Full if self.producer.room(dma)? == Room::Plenty => self.set_flow(Flow::Open, now, core),
            Flow::Full => return Ok(false),
        }
        self.resume(now, core, dma)
    }

    /// EVR-14, EVR-16: writes what waited for room, as far as there is some; a loss is told of first. Returns
    /// whether all of it is written.
    fn resume<D: Dma>(&mut self, now: Instant, core: &mut Core, dma: &mut D) -> Result<bool, DmaError> {
        while self.flow.has_lost() || self.flow.holds() {
            if !self.has_room(now, core, dma)? {
                return Ok(false);
            }
            let next = if self.flow.has_lost() {
                self.flow.told_of_loss();
                Pending::interrupting(HostController { code: CompletionCode::EVENT_LOST }.to_trb())
            } else {
                let Some(held) = self.flow.release() else { break };
                held
            };
            self.write(next, now, core, dma)?;
        }
        Ok(true)
    }

    pub(super) fn holds(&self, code: CompletionCode) -> bool {
        self.flow.holds_code(code)
    }

    pub(super) fn wait(&mut self, endpoint: EndpointId) {
        self.flow.wait(endpoint);
    }

    pub(super) fn next_waiting(&mut self) -> Option<EndpointId> {
        self.flow.next_waiting()
    }
}
