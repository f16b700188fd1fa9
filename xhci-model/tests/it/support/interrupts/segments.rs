//! Event rings of several segments, and a consumer that reads them as a driver does: by address and cycle bit.

use crate::support::Machine;
use xhci_spec::erst::ErstEntry;
use xhci_spec::{Gpa, Trb};

/// An event ring as software knows it.
pub struct Segments {
    pub id: u16,
    pub table: u64,
    /// Base and TRBs of each.
    pub segments: Vec<(u64, u16)>,
    /// Which segment and TRB is read next.
    pub at: (usize, u16),
    pub cycle: bool,
}

impl Segments {
    /// Writes the table and prefills the segments with ones, but for a cycle bit of 0 (TRB-36).
    pub fn new(machine: &mut Machine, id: u16, table: u64, segments: &[(u64, u16)]) -> Self {
        for (index, (base, trbs)) in (0_u64..).zip(segments) {
            // What is reserved in an entry is not looked at.
            let mut entry = ErstEntry { segment: Gpa(*base), trbs: *trbs }.to_bytes();
            entry[0] |= 0x3F;
            entry[10..].fill(0xFF);
            machine.memory.put(table + index * 16, &entry);
            for trb in 0..u64::from(*trbs) {
                let mut dirt = [0xFF; 16];
                dirt[12] = 0xFE;
                machine.memory.put(base + trb * 16, &dirt);
            }
        }
        let first = segments.iter().position(|(_, trbs)| *trbs > 0).unwrap_or(0);
        Self { id, table, segments: segments.to_vec(), at: (first, 0), cycle: true }
    }

    pub fn address(&self) -> u64 {
        self.segments[self.at.0].0 + u64::from(self.at.1) * 16
    }

    /// ERSTSZ, ERSTBA, ERDP: the order of Linux.
    pub fn enable(&self, machine: &mut Machine) {
        let ir = machine.ir(self.id);
        machine.write(ir + 8, u32::try_from(self.segments.len()).unwrap());
        machine.write64(ir + 0x10, self.table);
        machine.write64(ir + 0x18, self.address());
    }

    /// The next event, if there is one.
    pub fn take(&mut self, machine: &Machine) -> Option<(u64, Trb)> {
        let at = self.address();
        let trb = Trb::from_bytes(machine.memory.get(at));
        if trb.cycle() != self.cycle {
            return None;
        }
        self.at.1 += 1;
        while self.at.1 >= self.segments[self.at.0].1 {
            self.at = (self.at.0 + 1, 0);
            if self.at.0 == self.segments.len() {
                self.at.0 = 0;
                self.cycle = !self.cycle;
            }
        }
        Some((at, trb))
    }

    pub fn take_all(&mut self, machine: &Machine) -> Vec<Trb> {
        core::iter::from_fn(|| self.take(machine).map(|(_, trb)| trb)).collect()
    }

    /// ERDP where the reading stands; with EHB.
    pub fn ack(&self, machine: &mut Machine) {
        let ir = machine.ir(self.id);
        machine.write64(ir + 0x18, self.address() | 8);
    }
}
