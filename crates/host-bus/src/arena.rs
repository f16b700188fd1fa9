use std::collections::BTreeMap;
use thiserror::Error;

/// DMA memory is exhausted, or too fragmented.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("no {len} bytes of DMA memory at alignment {align} ({free} bytes free)")]
pub struct ArenaFull {
    /// Bytes asked for.
    pub len: usize,
    /// Alignment asked for.
    pub align: usize,
    /// Bytes that are free in all.
    pub free: usize,
}

/// Who has which part of the memory. First fit by address: the same calls give the same addresses.
#[derive(Debug)]
pub(crate) struct Arena {
    // Start and length; neighbours are merged, so two free pieces never touch.
    free: BTreeMap<usize, usize>,
    used: BTreeMap<usize, usize>,
}

impl Arena {
    pub(crate) fn new(start: usize, len: usize) -> Self {
        Self { free: BTreeMap::from([(start, len)]), used: BTreeMap::new() }
    }

    pub(crate) fn alloc(
        &mut self,
        len: usize,
        align: usize,
        boundary: Option<usize>,
    ) -> Result<usize, ArenaFull> {
        let wanted = len.max(1);
        let align = align.max(1);
        let found = self.free.iter().find_map(|(&start, &size)| {
            let at = place(start, wanted, align, boundary)?;
            (at.checked_add(wanted)? <= start + size).then_some((start, size, at))
        });
        let Some((start, size, at)) = found else {
            return Err(ArenaFull { len, align, free: self.free.values().sum() });
        };
        self.free.remove(&start);
        if at > start {
            self.free.insert(start, at - start);
        }
        let (end, free_end) = (at + wanted, start + size);
        if free_end > end {
            self.free.insert(end, free_end - end);
        }
        self.used.insert(at, wanted);
        Ok(at)
    }

    pub(crate) fn release(&mut self, at: usize) {
        let Some(len) = self.used.remove(&at) else { panic!("free of {at:#x}, which nobody holds") };
        let (mut start, mut end) = (at, at + len);
        if let Some((&before, &size)) = self.free.range(..at).next_back()
            && before + size == start
        {
            self.free.remove(&before);
            start = before;
        }
        if let Some(size) = self.free.remove(&end) {
            end += size;
        }
        self.free.insert(start, end - start);
    }

    pub(crate) fn used_bytes(&self) -> usize {
        self.used.values().sum()
    }
}

/// The first place at or after `start` that keeps the alignment and crosses no boundary.
fn place(start: usize, len: usize, align: usize, boundary: Option<usize>) -> Option<usize> {
    let at = start.checked_next_multiple_of(align)?;
    match boundary {
        Some(boundary) if at / boundary != (at + len - 1) / boundary => {
            at.checked_next_multiple_of(boundary)?.checked_next_multiple_of(align)
        }
        _ => Some(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn freed_memory_is_used_again() {
        let mut arena = Arena::new(0x1000, 0x1000);
        let first = arena.alloc(0x400, 64, None).unwrap();
        let second = arena.alloc(0x400, 64, None).unwrap();
        assert_eq!((first, second), (0x1000, 0x1400));
        arena.release(first);
        assert_eq!(arena.alloc(0x100, 64, None), Ok(0x1000));
        arena.release(second);
        assert_eq!(arena.alloc(0xF00, 64, None), Ok(0x1100), "neighbours are one piece again");
        assert_eq!(arena.alloc(1, 1, None), Err(ArenaFull { len: 1, align: 1, free: 0 }));
    }

    #[test]
    fn a_piece_crosses_no_boundary() {
        let mut arena = Arena::new(0xFF80, 0x2_0000);
        assert_eq!(arena.alloc(0x100, 16, Some(0x1_0000)), Ok(0x1_0000));
        assert_eq!(arena.alloc(0x80, 16, Some(0x1_0000)), Ok(0xFF80));
    }

    proptest! {
        #[test]
        fn pieces_never_overlap_and_all_come_back(
            sizes in proptest::collection::vec((1usize..5000, 0u32..8, any::<bool>()), 1..40)
        ) {
            let mut arena = Arena::new(0x4000, 0x10_0000);
            let mut held: Vec<(usize, usize)> = Vec::new();
            for (len, align, keep) in sizes {
                let at = arena.alloc(len, 1 << align, Some(0x1_0000)).unwrap();
                prop_assert_eq!(at % (1 << align), 0);
                prop_assert_eq!(at / 0x1_0000, (at + len - 1) / 0x1_0000);
                prop_assert!(held.iter().all(|&(other, size)| at + len <= other || other + size <= at));
                held.push((at, len));
                if !keep {
                    arena.release(held.remove(0).0);
                }
            }
            for (at, _) in held {
                arena.release(at);
            }
            prop_assert_eq!(arena.alloc(0x10_0000, 1, None), Ok(0x4000));
        }
    }
}
