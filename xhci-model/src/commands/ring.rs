//! The command ring (xHCI 4.6.1): CRCR, fetch, the life of one command at a time, stop and abort.

use super::{Answer, Phase, Step};
use crate::agenda::{EndpointId, Task};
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use crate::event::Event;
use crate::interrupters::Pending;
use crate::rings::consumer::{CONSECUTIVE_LINKS, Fetch, Fetched, RingPosition};
use crate::violation::Violation;
use sim_time::{Duration, Instant};
use xhci_spec::registers::operational::Crcr;
use xhci_spec::trb::event::CommandCompletion;
use xhci_spec::{CompletionCode, Gpa, InterrupterId, SlotId, TrbType};

/// SEC-03: the least time of a command.
const SHORTEST_COMMAND: Duration = Duration::from_ticks(1);

/// What CRCR.CS or CRCR.CA asked for and is not done yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    Stop,
    Abort,
}

/// The command being executed.
#[derive(Clone, Copy, Debug)]
struct Current {
    fetched: Fetched,
    phase: Phase,
    /// When it goes on; `None`: something else has to happen first, or it hangs.
    due: Option<Instant>,
}

/// State of the command ring.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommandRing {
    position: RingPosition,
    /// CRCR bits 63:32 as written last.
    high: u32,
    /// The last write of CRCR's low dword set the pointer.
    loads: bool,
    running: bool,
    current: Option<Current>,
    ending: Option<Ending>,
    /// Link TRBs in a row that asked for events (SEC-02).
    links: u32,
    /// When the ring is looked at next.
    fetch_at: Option<Instant>,
    /// Fault: the next command never completes (CMD-54).
    hang_next: bool,
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
            self.loads = false;
            if crcr.ca() {
                self.ending = Some(Ending::Abort);
            } else if crcr.cs() && self.ending.is_none() {
                self.ending = Some(Ending::Stop);
            }
            return self.ending.is_some();
        }
        self.loads = true;
        let address = crcr.pointer().with_high_half(self.high);
        self.position = RingPosition { address, cycle: crcr.rcs() };
        false
    }

    /// OPR-40: the half that belongs to a write of CS or CA is not the pointer's, even if the ring stops in between.
    pub(crate) fn write_crcr_high(&mut self, value: u32) {
        self.high = value;
        if !self.running && self.loads {
            self.position.address = self.position.address.with_high_half(value);
        }
    }

    /// The controller halts: CRR becomes 0, a command that is not executed stays on the ring.
    pub(crate) fn halt(&mut self) {
        if let Some(current) = self.current.take() {
            self.position = current.fetched.position;
        }
        self.running = false;
        self.ending = None;
        self.fetch_at = None;
    }

    /// Fault: the next command that is fetched never completes.
    pub(crate) fn hang_next(&mut self) {
        self.hang_next = true;
    }
}

impl Xhci {
    /// DB 0 was rung.
    pub(crate) fn command_doorbell(&mut self, now: Instant) {
        if self.command.position.address.is_null() && !self.command.running {
            // PWR-04: nobody has written CRCR.
            return;
        }
        // OPR-36: CRR from the doorbell on.
        self.command.running = true;
        let takes = self.core.latency(|all| all.doorbell);
        self.arm_command_fetch(now + takes);
    }

    /// The ring is to be looked at: rung, stopped, aborted, or ready for the next command.
    pub(crate) fn arm_command_fetch(&mut self, at: Instant) {
        if self.command.fetch_at.is_none_or(|armed| armed > at) {
            self.command.fetch_at = Some(at);
            self.core.agenda.push(at, Task::FetchCommand);
        }
    }

    /// An endpoint's transaction ended: Stop Endpoint may wait for that.
    #[inline]
    pub(crate) fn continue_command(&mut self, endpoint: EndpointId, now: Instant) {
        if let Some(current) = &mut self.command.current
            && matches!(current.phase, Phase::Stopping(stopped) if stopped == endpoint)
        {
            current.due = Some(now);
            self.core.agenda.push(now, Task::ExecuteCommand);
        }
    }

    pub(crate) fn fetch_command<D: Dma>(&mut self, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        // A task from before a halt, or one that a more urgent one overtook.
        if self.command.fetch_at.take_if(|at| *at <= now).is_none() {
            return Ok(());
        }
        if !self.core.running() || !self.command.running {
            return Ok(());
        }
        if self.command.ending.is_some() {
            // SEC-06: a ring that is stopped over and over does not pile up events while there is no room.
            if self.interrupters.holds(InterrupterId::PRIMARY, CompletionCode::COMMAND_RING_STOPPED) {
                self.command_waits = true;
                return Ok(());
            }
            return self.end_command_ring(now, dma);
        }
        if self.command.current.is_some() {
            return Ok(());
        }
        let mut position = self.command.position;
        let fetch = position.fetch(dma)?;
        // EVR-13: a command whose completion has no room is not begun.
        if matches!(fetch, Fetch::Trb(_))
            && !self.interrupters.ready(InterrupterId::PRIMARY, now, &mut self.core, dma)?
        {
            self.command_waits = true;
            return Ok(());
        }
        self.command.position = position;
        match fetch {
            Fetch::Empty => {}
            Fetch::LinkLoop(_) => self.host_controller_error(now),
            Fetch::Trb(fetched) if fetched.trb.trb_type() == TrbType::LINK => {
                self.command.links = self.command.links.saturating_add(1);
                if self.command.links > CONSECUTIVE_LINKS {
                    self.host_controller_error(now);
                    return Ok(());
                }
                self.complete_command(fetched, (CompletionCode::SUCCESS, None), now, dma)?;
                self.arm_command_fetch(now);
            }
            Fetch::Trb(fetched) => {
                self.command.links = 0;
                if fetched.crosses_boundary() {
                    self.core.violation(now, Violation::CrossesBoundary);
                }
                // SEC-03: no command is for nothing, so that time goes on whatever the ring looks like.
                let takes = self.core.latency(|all| all.commands.of(fetched.trb)).max(SHORTEST_COMMAND);
                let due = (!core::mem::take(&mut self.command.hang_next)).then_some(now + takes);
                self.command.current = Some(Current { fetched, phase: Phase::Begin, due });
                if let Some(due) = due {
                    self.core.agenda.push(due, Task::ExecuteCommand);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn execute_command<D: Dma>(&mut self, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        if !self.core.running() {
            return Ok(());
        }
        let is_due = |current: &mut Current| current.due.is_some_and(|due| due <= now);
        let Some(current) = self.command.current.take_if(is_due) else { return Ok(()) };
        let Current { fetched, phase, .. } = current;
        match self.perform_command(fetched.trb, phase, now, dma)? {
            Step::Done(answer) => {
                self.complete_command(fetched, answer, now, dma)?;
                self.arm_command_fetch(now);
            }
            Step::Wait(phase, due) => {
                self.command.current = Some(Current { fetched, phase, due });
                if let Some(due) = due {
                    self.core.agenda.push(due, Task::ExecuteCommand);
                }
            }
        }
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
            if let Phase::Stopping(endpoint) = current.phase {
                self.resume_stopping(endpoint, now);
            }
            self.complete_command(current.fetched, (CompletionCode::COMMAND_ABORTED, None), now, dma)?;
        }
        self.command.ending = None;
        self.command.running = false;
        let next = self.command.position.address;
        self.post_command_event(next, CompletionCode::COMMAND_RING_STOPPED, None, now, dma)
    }
}
