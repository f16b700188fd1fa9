//! The MSI-X table and its pending bits (PCI-09).

use crate::function::PciOutput;
use std::collections::VecDeque;

/// Bytes of a table entry: address, data, vector control.
pub(crate) const ENTRY_BYTES: u32 = 16;
const MASKED: u32 = 1;

#[derive(Clone, Copy, Debug)]
struct Entry {
    dwords: [u32; 4],
    pending: bool,
}

impl Entry {
    fn is_masked(self) -> bool {
        self.dwords[3] & MASKED != 0
    }
}

/// A message: a dword that is written to an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    pub(crate) address: u64,
    pub(crate) data: u32,
}

/// One entry for each interrupter.
#[derive(Clone, Debug)]
pub(crate) struct MsixTable(Vec<Entry>);

impl MsixTable {
    pub(crate) fn new(entries: u16) -> Self {
        let reset = Entry { dwords: [0, 0, 0, MASKED], pending: false };
        Self(vec![reset; entries.into()])
    }

    pub(crate) fn bytes(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(0) * ENTRY_BYTES
    }

    /// The dword at `offset`, a multiple of 4, of the table.
    pub(crate) fn read(&self, offset: u32) -> u32 {
        let entry = usize::try_from(offset / ENTRY_BYTES).ok().and_then(|index| self.0.get(index));
        entry.map_or(0, |entry| entry.dwords[usize::try_from(offset / 4 % 4).unwrap_or(0)])
    }

    /// Writes a dword of the table. The caller flushes afterwards: unmasking may release a message.
    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        let entry = usize::try_from(offset / ENTRY_BYTES).ok().and_then(|index| self.0.get_mut(index));
        if let Some(entry) = entry {
            let index = usize::try_from(offset / 4 % 4).unwrap_or(0);
            entry.dwords[index] = if index == 3 { value & MASKED } else { value };
        }
    }

    /// The dword at `offset`, a multiple of 4, of the pending bits.
    pub(crate) fn read_pending(&self, offset: u32) -> u32 {
        let first = usize::try_from(offset).unwrap_or(usize::MAX).saturating_mul(8);
        let bits = self.0.iter().skip(first).take(32).enumerate();
        bits.fold(0, |dword, (bit, entry)| dword | u32::from(entry.pending) << bit)
    }

    /// Vector `vector` is to be sent: its message, or none if that has to wait.
    pub(crate) fn signal(&mut self, vector: u16, function_masked: bool) -> Option<Message> {
        let entry = self.0.get_mut(usize::from(vector))?;
        if function_masked || entry.is_masked() {
            entry.pending = true;
            return None;
        }
        Some(message(*entry))
    }

    /// Sends what waited and is not masked any more.
    pub(crate) fn flush(&mut self, outputs: &mut VecDeque<PciOutput>) {
        for entry in self.0.iter_mut().filter(|entry| entry.pending && !entry.is_masked()) {
            entry.pending = false;
            outputs.push_back(message(*entry).into());
        }
    }
}

fn message(entry: Entry) -> Message {
    let [low, high, data, _] = entry.dwords;
    Message { address: u64::from(high) << 32 | u64::from(low & !3), data }
}
