//! Secondary interrupters: lent with their event ring to somebody who is not this driver.

use crate::controller::Controller;
use crate::rings::{EventRingConsumer, EventRingMemory};
use host_bus::DmaBuffer;
use offload_core::{SgSegment, SgTable};
use std::cell::Cell;
use xhci_spec::InterrupterId;
use xhci_spec::registers::runtime::{Erdp, Iman, Imod};

/// Segments when the borrower asks for none.
const DEFAULT_SEGMENTS: u32 = 2;
/// An IMODI unit (xHCI 5.5.2.2).
const MODERATION_UNIT_NS: u32 = 250;

/// A secondary interrupter that is in use.
pub(crate) struct LentInterrupter {
    memory: EventRingMemory,
    // Where the ring begins: this driver reads none of it, until removal.
    start: EventRingConsumer,
    /// Whether Interrupt Pending clears itself.
    ip_autoclear: Cell<bool>,
}

impl Controller {
    /// `xhci_create_secondary_interrupter`: the lowest free index for 0, else that one. Interrupt Enable stays
    /// 0: the borrower polls, or sets it.
    pub(crate) fn create_interrupter(
        &self,
        segments: u32,
        imod_ns: u32,
        index: u32,
    ) -> Option<InterrupterId> {
        let id = self.free_interrupter(index)?;
        let wanted = if segments == 0 { DEFAULT_SEGMENTS } else { segments };
        let count = wanted.min(self.capabilities.max_event_ring_segments);
        let memory = EventRingMemory::alloc(&*self.bus, count as usize).ok()?;
        let start = memory.restart(&*self.bus);
        // EVR-09: set up while the controller runs; nothing targets it yet.
        self.registers.set_erstsz(id, count);
        self.registers.set_erstba(id, memory.table());
        start.acknowledge(&*self.bus, self.registers.erdp(id), false);
        let interval = u16::try_from(imod_ns / MODERATION_UNIT_NS).unwrap_or(u16::MAX);
        self.registers.set_imod(id, Imod::new().with_interval(interval));
        let lent = LentInterrupter { memory, start, ip_autoclear: Cell::new(false) };
        self.interrupters.borrow_mut()[id.index()] = Some(lent);
        Some(id)
    }

    /// `xhci_remove_secondary_interrupter`: skips what was not read, disables the ring, frees it. Index 0 and
    /// indices not in use are refused silently. ERSTBA keeps its value: with ERSTSZ 0 nobody follows it
    /// (INT-29).
    pub(crate) fn remove_interrupter(&self, id: InterrupterId) {
        let lent = match self.interrupters.borrow_mut().get_mut(id.index()) {
            Some(slot) if id != InterrupterId::PRIMARY => slot.take(),
            _ => None,
        };
        let Some(lent) = lent else { return };
        self.registers.set_iman(id, self.registers.iman(id).with_ip(false).with_ie(false));
        self.skip_events(id, &lent);
        self.registers.set_erstsz(id, 0);
        let erdp = Erdp::from_bits(self.bus.read64(self.registers.erdp(id)));
        self.bus.write64(self.registers.erdp(id), erdp.with_ehb(true).into_bits());
        lent.memory.free(&*self.bus);
    }

    pub(crate) fn set_ip_autoclear(&self, id: InterrupterId, autoclear: bool) {
        if let Some(Some(lent)) = self.interrupters.borrow().get(id.index()) {
            lent.ip_autoclear.set(autoclear);
        }
    }

    /// The event ring of an interrupter, piece by piece.
    pub(crate) fn interrupter_ring(&self, id: InterrupterId) -> Option<SgTable> {
        let interrupters = self.interrupters.borrow();
        let lent = interrupters.get(id.index())?.as_ref()?;
        Some(sg_table(lent.memory.segments()))
    }

    fn free_interrupter(&self, index: u32) -> Option<InterrupterId> {
        let interrupters = self.interrupters.borrow();
        let index = match usize::try_from(index).ok()? {
            0 => (1..interrupters.len()).find(|&index| interrupters[index].is_none())?,
            index => index,
        };
        let free = interrupters.get(index)?.is_none();
        if free { Some(InterrupterId(u16::try_from(index).ok()?)) } else { None }
    }

    // The borrower's position in the ring is not known: ERDP tells how far it came.
    fn skip_events(&self, id: InterrupterId, lent: &LentInterrupter) {
        if !lent.ip_autoclear.get() {
            self.registers.set_iman(id, Iman::new().with_ip(true));
        }
        let erdp = self.registers.erdp(id);
        let read = Erdp::from_bits(self.bus.read64(erdp)).dequeue();
        let mut consumer = lent.start.clone();
        if consumer.resume_at(&*self.bus, read) {
            while consumer.poll(&*self.bus).is_some() {}
        }
        consumer.acknowledge(&*self.bus, erdp, true);
    }
}

/// The memory of a ring as a sideband gets it.
pub(crate) fn sg_table(buffers: &[DmaBuffer]) -> SgTable {
    let segments = buffers
        .iter()
        .map(|buffer| SgSegment {
            dma_address: buffer.address.0,
            length: u32::try_from(buffer.len).unwrap_or(u32::MAX),
        })
        .collect();
    SgTable { segments }
}
