//! An endpoint of a device: its transfer ring and the transfers on it.

use crate::UrbError;
use crate::error::urb_status;
use crate::isoch::IsochPipe;
use crate::rings::{TransferRing, TransferRingMemory};
use crate::urb::{Outcome, Urb};
use host_bus::{ArenaFull, DmaBuffer, HostBus};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use xhci_spec::context::{EndpointContext, EndpointType};
use xhci_spec::trb::event::TransferEvent;
use xhci_spec::{CompletionCode, Dci, Gpa, SlotId, Trb};

/// Segments of an endpoint's ring, as Linux has it.
const SEGMENTS: usize = 2;
/// Linux's limit of retries that keep the data toggle.
const SOFT_RETRIES_MAX: u8 = 3;

pub(crate) struct Endpoint {
    pub(crate) slot: SlotId,
    pub(crate) dci: Dci,
    /// As it was configured; the dequeue pointer is the ring's start.
    pub(crate) context: EndpointContext,
    /// Whether a hub translates for the device: no soft retries then (the TT's state would be lost).
    behind_tt: bool,
    memory: TransferRingMemory,
    ring: RefCell<TransferRing>,
    urbs: RefCell<VecDeque<Rc<Urb>>>,
    isoch: RefCell<Option<Rc<IsochPipe>>>,
    alive: Cell<bool>,
}

impl Endpoint {
    /// With a ring of its own, to which `context` is pointed.
    pub(crate) fn alloc(
        bus: &dyn HostBus,
        slot: SlotId,
        dci: Dci,
        context: EndpointContext,
        behind_tt: bool,
    ) -> Result<Rc<Self>, ArenaFull> {
        let memory = TransferRingMemory::alloc(bus, SEGMENTS)?;
        let ring = memory.ring(bus);
        let (dequeue, cycle) = ring.enqueue_pointer();
        Ok(Rc::new(Self {
            slot,
            dci,
            context: context.with_tr_dequeue_pointer(dequeue).with_dcs(cycle),
            behind_tt,
            memory,
            ring: RefCell::new(ring),
            urbs: RefCell::default(),
            isoch: RefCell::default(),
            alive: Cell::new(true),
        }))
    }

    /// Whether the endpoint still is part of the device's setting.
    pub(crate) fn is_alive(&self) -> bool {
        self.alive.get()
    }

    pub(crate) fn segments(&self) -> &[DmaBuffer] {
        self.memory.segments()
    }

    pub(crate) fn with_ring<T>(&self, act: impl FnOnce(&mut TransferRing) -> T) -> T {
        act(&mut self.ring.borrow_mut())
    }

    pub(crate) fn isoch(&self) -> Option<Rc<IsochPipe>> {
        self.isoch.borrow().clone()
    }

    pub(crate) fn set_isoch(&self, pipe: Rc<IsochPipe>) {
        self.isoch.replace(Some(pipe));
    }

    pub(crate) fn has_transfers(&self) -> bool {
        !self.urbs.borrow().is_empty()
            || self.isoch.borrow().as_ref().is_some_and(|pipe| pipe.in_flight() > 0)
    }

    /// Writes the TRBs of a transfer and remembers who waits for it. The doorbell is the caller's.
    pub(crate) fn queue(&self, bus: &dyn HostBus, trbs: &[Trb], urb: Urb) -> Result<Rc<Urb>, UrbError> {
        if !self.is_alive() {
            return Err(UrbError::Shutdown);
        }
        let span = self.ring.borrow_mut().queue_td(bus, trbs).map_err(|_| UrbError::NoMemory)?;
        urb.span.set(Some(span));
        let urb = Rc::new(urb);
        self.urbs.borrow_mut().push_back(urb.clone());
        Ok(urb)
    }

    /// Transfer event of this endpoint on interrupter 0, in interrupt context.
    pub(crate) fn transfer_event(&self, event: TransferEvent) {
        let isoch = self.isoch.borrow();
        if let Some(pipe) = &*isoch {
            pipe.transfer_event(&mut self.ring.borrow_mut(), event);
            return;
        }
        drop(isoch);
        // Who stops an endpoint reads the output context; the Stopped event tells nothing more.
        if event.code.is_stopped() {
            return;
        }
        if let Some((urb, index)) = event.trb().and_then(|trb| self.find(trb)) {
            self.progress(&urb, index, event);
        }
    }

    /// Forgets a transfer whose task no longer waits. The endpoint is stopped. Returns whether the controller's
    /// dequeue pointer has to be moved past it; otherwise its TRBs became No-Ops (DRV-03).
    pub(crate) fn cancel(&self, bus: &dyn HostBus, urb: &Rc<Urb>) -> bool {
        let index = self.urbs.borrow().iter().position(|each| Rc::ptr_eq(each, urb));
        let Some((index, span)) = index.zip(urb.span.get()) else { return false };
        self.urbs.borrow_mut().remove(index);
        let mut ring = self.ring.borrow_mut();
        if index == 0 {
            ring.retire_through(span.last);
        } else {
            ring.overwrite_with_no_ops(bus, span);
        }
        index == 0
    }

    /// Ends every transfer with `error`. The ring is left as it is.
    pub(crate) fn give_back_all(&self, error: UrbError) {
        for urb in self.urbs.take() {
            urb.finish(Outcome::Done(Err(error)));
        }
        if let Some(pipe) = self.isoch() {
            pipe.give_back_all(error);
        }
    }

    /// Ends every transfer for good: the device or the controller is gone.
    pub(crate) fn shut_down(&self) {
        self.give_back_all(UrbError::Shutdown);
        if let Some(pipe) = self.isoch() {
            pipe.end();
        }
    }

    /// Takes the endpoint out of use and frees its ring. The controller does not know it any more.
    pub(crate) fn retire(&self, bus: &dyn HostBus) {
        if self.alive.replace(false) {
            self.shut_down();
            self.memory.free(bus);
        }
    }

    fn find(&self, trb: Gpa) -> Option<(Rc<Urb>, u32)> {
        let ring = self.ring.borrow();
        let at = ring.position(trb)?;
        self.urbs.borrow().iter().find_map(|urb| {
            let span = urb.span.get()?;
            let first = ring.position(span.first)?;
            let last = ring.position(span.last)?;
            let index = ring.distance(first, at);
            (index <= ring.distance(first, last)).then(|| (urb.clone(), index))
        })
    }

    fn progress(&self, urb: &Rc<Urb>, index: u32, event: TransferEvent) {
        let moved = urb.bytes_through(index, event.length);
        match urb_status(event.code) {
            None if urb.continues_after(index, event.code) => urb.note_moved(moved),
            None => self.finish(urb, Outcome::Done(Ok(urb.total(index, moved)))),
            Some(_) if self.retries_softly(urb, event.code) => urb.finish(Outcome::SoftRetry),
            Some(error) => self.finish(urb, Outcome::Halted(error)),
        }
    }

    // DRV-04: a transaction error of a bulk or interrupt endpoint is tried again with the toggle kept.
    fn retries_softly(&self, urb: &Urb, code: CompletionCode) -> bool {
        let control = self.context.ep_type() == EndpointType::CONTROL;
        if control || self.behind_tt || code != CompletionCode::USB_TRANSACTION_ERROR {
            return false;
        }
        let retries = urb.retries.get();
        urb.retries.set(retries + 1);
        retries < SOFT_RETRIES_MAX
    }

    fn finish(&self, urb: &Rc<Urb>, outcome: Outcome) {
        self.urbs.borrow_mut().retain(|each| !Rc::ptr_eq(each, urb));
        if let Some(span) = urb.span.get() {
            self.ring.borrow_mut().retire_through(span.last);
        }
        urb.finish(outcome);
    }
}
