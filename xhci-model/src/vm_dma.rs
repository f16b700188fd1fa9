//! [`Dma`] over `vm-memory`.

use crate::dma::{Dma, DmaError};
use core::sync::atomic::Ordering;
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryRegion, VolatileSlice};
use xhci_spec::Gpa;

/// Guest memory of `vm-memory` for one call of `advance`: hold it as long as the memory map is known not to
/// change, then make a new one.
///
/// The region that answered last is kept as a slice, because rings and buffers of one driver nearly always
/// share a region and a look-up would cost more than the access.
pub struct VmDma<'m, M: GuestMemoryBackend> {
    memory: &'m M,
    base: u64,
    slice: Option<VolatileSlice<'m, vm_memory::bitmap::MS<'m, M>>>,
}

impl<'m, M: GuestMemoryBackend> VmDma<'m, M> {
    /// Over all regions of `memory`.
    pub fn new(memory: &'m M) -> Self {
        Self { memory, base: 0, slice: None }
    }

    #[inline]
    fn locate(
        &mut self,
        address: Gpa,
        length: usize,
    ) -> Result<(usize, &VolatileSlice<'m, vm_memory::bitmap::MS<'m, M>>), DmaError> {
        let hit = |base: u64, slice: &Option<VolatileSlice<'m, vm_memory::bitmap::MS<'m, M>>>| {
            let offset = usize::try_from(address.0.checked_sub(base)?).ok()?;
            (offset.checked_add(length)? <= slice.as_ref()?.len()).then_some(offset)
        };
        let offset = match hit(self.base, &self.slice) {
            Some(offset) => offset,
            None => {
                self.look_up(address);
                hit(self.base, &self.slice).ok_or(DmaError { address, length })?
            }
        };
        let slice = self.slice.as_ref().ok_or(DmaError { address, length })?;
        Ok((offset, slice))
    }

    #[cold]
    fn look_up(&mut self, address: Gpa) {
        self.slice = self.memory.find_region(GuestAddress(address.0)).and_then(|region| {
            self.base = region.start_addr().0;
            region.as_volatile_slice().ok()
        });
    }
}

impl<M: GuestMemoryBackend> Dma for VmDma<'_, M> {
    #[inline]
    fn read(&mut self, address: Gpa, buffer: &mut [u8]) -> Result<(), DmaError> {
        let error = DmaError { address, length: buffer.len() };
        let (offset, slice) = self.locate(address, buffer.len())?;
        slice.read_slice(buffer, offset).map_err(|_| error)
    }

    #[inline]
    fn write(&mut self, address: Gpa, data: &[u8]) -> Result<(), DmaError> {
        let error = DmaError { address, length: data.len() };
        let (offset, slice) = self.locate(address, data.len())?;
        slice.write_slice(data, offset).map_err(|_| error)
    }

    #[inline]
    fn acquire_u32(&mut self, address: Gpa) -> Result<u32, DmaError> {
        let error = DmaError { address, length: 4 };
        let (offset, slice) = self.locate(address, 4)?;
        slice.load::<u32>(offset, Ordering::Acquire).map(u32::from_le).map_err(|_| error)
    }

    #[inline]
    fn publish_u32(&mut self, address: Gpa, value: u32) -> Result<(), DmaError> {
        let error = DmaError { address, length: 4 };
        let (offset, slice) = self.locate(address, 4)?;
        slice.store(value.to_le(), offset, Ordering::Release).map_err(|_| error)
    }
}
