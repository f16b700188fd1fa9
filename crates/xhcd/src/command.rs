//! The command ring (xHCI 4.6): commands in order, each with one completion event on interrupter 0.

use crate::controller::{Controller, HcState};
use crate::error::CommandError;
use crate::rings::{TransferRing, TransferRingMemory};
use host_bus::{ArenaFull, HostBus};
use kernel_sim::{Completion, Kernel};
use sim_time::Duration;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use xhci_spec::registers::operational::Crcr;
use xhci_spec::trb::event::CommandCompletion;
use xhci_spec::{CompletionCode, Gpa, Trb};

/// Linux's limit for a command; the specification gives none.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often, and how long, an aborted ring is watched until it stops (OPR-38).
const ABORT_POLL: Duration = Duration::from_millis(1);
const ABORT_POLLS: u32 = 5000;

pub(crate) struct CommandQueue {
    memory: TransferRingMemory,
    ring: RefCell<TransferRing>,
    pending: RefCell<VecDeque<Rc<Pending>>>,
}

struct Pending {
    trb: Gpa,
    done: Completion,
    result: Cell<Option<CommandCompletion>>,
}

impl CommandQueue {
    pub(crate) fn alloc(bus: &dyn HostBus) -> Result<Self, ArenaFull> {
        let memory = TransferRingMemory::alloc(bus, 1)?;
        let ring = RefCell::new(memory.ring(bus));
        Ok(Self { memory, ring, pending: RefCell::default() })
    }

    /// Empties the ring for a controller that starts anew, and gives what CRCR must hold.
    pub(crate) fn restart(&self, bus: &dyn HostBus) -> Crcr {
        self.memory.zero(bus);
        let ring = self.memory.ring(bus);
        let (pointer, cycle) = ring.enqueue_pointer();
        self.ring.replace(ring);
        Crcr::new().with_pointer(pointer).with_rcs(cycle)
    }

    /// Nobody will answer any more: wakes all who wait.
    pub(crate) fn give_up(&self) {
        for pending in self.pending.take() {
            pending.done.complete();
        }
    }

    fn queue(&self, bus: &dyn HostBus, kernel: &Kernel, trb: Trb) -> Option<Rc<Pending>> {
        let span = self.ring.borrow_mut().queue_td(bus, &[trb]).ok()?;
        let pending = Rc::new(Pending {
            trb: span.last,
            done: Completion::new(kernel, "xhci command"),
            result: Cell::default(),
        });
        self.pending.borrow_mut().push_back(pending.clone());
        Some(pending)
    }

    fn complete(&self, event: CommandCompletion) {
        self.ring.borrow_mut().retire_through(event.command);
        let done = {
            let mut pending = self.pending.borrow_mut();
            let index = pending.iter().position(|each| each.trb == event.command);
            index.and_then(|index| pending.remove(index))
        };
        if let Some(done) = done {
            done.result.set(Some(event));
            done.done.complete();
        }
    }
}

impl Controller {
    /// Queues a command and waits for its completion event.
    ///
    /// # Errors
    /// Any completion code but Success; no answer; no place on the ring; a controller that is not running.
    pub(crate) async fn command(&self, trb: Trb) -> Result<CommandCompletion, CommandError> {
        let command = trb.trb_type();
        if self.state() != HcState::Running {
            return Err(CommandError::Shutdown(command));
        }
        let pending =
            self.commands.queue(&*self.bus, &self.kernel, trb).ok_or(CommandError::NoMemory(command))?;
        self.registers.ring_command_doorbell();
        if !pending.done.wait_timeout(TIMEOUT).await {
            self.abort_command(&pending).await;
        }
        match pending.result.get() {
            Some(event) if event.code == CompletionCode::SUCCESS => Ok(event),
            Some(event) if event.code == CompletionCode::COMMAND_ABORTED => {
                Err(CommandError::TimedOut(command))
            }
            Some(event) => Err(CommandError::Failed { command, code: event.code }),
            None => Err(CommandError::Shutdown(command)),
        }
    }

    /// Command Completion event, in interrupt context.
    pub(crate) fn command_completed(&self, event: CommandCompletion) {
        if event.code == CompletionCode::COMMAND_RING_STOPPED {
            // OPR-37: the pointer names the next command, none has completed. Those behind the aborted one
            // still wait.
            if !self.commands.pending.borrow().is_empty() {
                self.registers.ring_command_doorbell();
            }
            return;
        }
        self.commands.complete(event);
    }

    // OPR-38: Command Aborted for the command that hangs, then Command Ring Stopped. A ring that does not stop
    // is a controller that is dead.
    async fn abort_command(&self, pending: &Pending) {
        let crcr = self.registers.crcr();
        if crcr.crr() {
            self.registers.set_crcr(Crcr::new().with_ca(true));
        }
        for _ in 0..ABORT_POLLS {
            if pending.result.get().is_some() || self.state() != HcState::Running {
                return;
            }
            self.kernel.sleep(ABORT_POLL).await;
        }
        self.die();
    }
}
