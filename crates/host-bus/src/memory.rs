use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use vm_memory::{GuestAddress, GuestMemoryMmap, GuestRegionMmap, MmapRegion, VolatileMemory};
use xhci_spec::Gpa;

/// The one region of DMA memory. The region is kept beside the map, so that an access is a range check and a
/// copy, with no lookup.
#[derive(Debug)]
pub(crate) struct DmaMemory {
    map: GuestMemoryMmap,
    region: Arc<GuestRegionMmap>,
    base: usize,
}

impl DmaMemory {
    pub(crate) fn new(base: usize, len: usize) -> Self {
        let region = GuestRegionMmap::from_range(GuestAddress(base as u64), len, None);
        let region = Arc::new(region.expect("anonymous memory for the arena"));
        let map = GuestMemoryMmap::from_arc_regions(vec![region.clone()]).expect("one region");
        Self { map, region, base }
    }

    pub(crate) fn map(&self) -> &GuestMemoryMmap {
        &self.map
    }

    pub(crate) fn read(&self, at: Gpa, buf: &mut [u8]) {
        match self.offset(at).and_then(|offset| self.bytes().get_slice(offset, buf.len()).ok()) {
            Some(slice) => {
                slice.copy_to(buf);
            }
            None => outside(at, buf.len()),
        }
    }

    pub(crate) fn write(&self, at: Gpa, data: &[u8]) {
        match self.offset(at).and_then(|offset| self.bytes().get_slice(offset, data.len()).ok()) {
            Some(slice) => slice.copy_from(data),
            None => outside(at, data.len()),
        }
    }

    pub(crate) fn fill_zero(&self, at: Gpa, len: usize) {
        const ZEROS: [u8; 4096] = [0; 4096];
        let mut done = 0;
        while done < len {
            let part = (len - done).min(ZEROS.len());
            self.write(Gpa(at.0 + done as u64), &ZEROS[..part]);
            done += part;
        }
    }

    pub(crate) fn dword(&self, at: Gpa) -> &AtomicU32 {
        match self.offset(at).and_then(|offset| self.bytes().get_atomic_ref::<AtomicU32>(offset).ok()) {
            Some(dword) => dword,
            None => outside(at, 4),
        }
    }

    pub(crate) fn load_acquire(&self, at: Gpa) -> u32 {
        u32::from_le(self.dword(at).load(Ordering::Acquire))
    }

    pub(crate) fn store_release(&self, at: Gpa, value: u32) {
        self.dword(at).store(value.to_le(), Ordering::Release);
    }

    fn offset(&self, at: Gpa) -> Option<usize> {
        usize::try_from(at.0).ok()?.checked_sub(self.base)
    }

    fn bytes(&self) -> &MmapRegion {
        &self.region
    }
}

#[cold]
fn outside(at: Gpa, len: usize) -> ! {
    panic!("the driver accesses {len} bytes at {at}, which is no DMA memory (or misaligned)")
}
