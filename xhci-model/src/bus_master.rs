//! The controller as a bus master: which addresses it can put on the bus at all.

use crate::dma::{Dma, DmaError};
use core::ops::Range;
use xhci_spec::Gpa;

/// Guest memory behind the controller's own limits. Everything that the controller reads or writes goes through
/// it, so that no pointer needs to be checked where it is used.
pub(crate) struct BusMaster<'a, D> {
    memory: &'a mut D,
    /// The highest address: bits beyond are ignored (CAP-11).
    highest: u64,
    /// The controller's own registers.
    own: Range<u64>,
}

impl<'a, D: Dma> BusMaster<'a, D> {
    pub(crate) fn new(memory: &'a mut D, addresses_64: bool, own: Range<u64>) -> Self {
        let highest = if addresses_64 { u64::MAX } else { u32::MAX.into() };
        Self { memory, highest, own }
    }

    #[inline]
    fn reach(&self, address: Gpa, length: usize) -> Result<Gpa, DmaError> {
        let address = self.resolve(address);
        let Some(further) = u64::try_from(length).unwrap_or(u64::MAX).checked_sub(1) else {
            return Ok(address);
        };
        // ERR-10: nothing wraps. ERR-11: the controller is not memory.
        match address.0.checked_add(further).filter(|last| *last <= self.highest) {
            Some(last) if last < self.own.start || self.own.end <= address.0 => Ok(address),
            _ => Err(DmaError { address, length }),
        }
    }
}

impl<D: Dma> Dma for BusMaster<'_, D> {
    #[inline]
    fn read(&mut self, address: Gpa, buffer: &mut [u8]) -> Result<(), DmaError> {
        let address = self.reach(address, buffer.len())?;
        self.memory.read(address, buffer)
    }

    #[inline]
    fn write(&mut self, address: Gpa, data: &[u8]) -> Result<(), DmaError> {
        let address = self.reach(address, data.len())?;
        self.memory.write(address, data)
    }

    #[inline]
    fn acquire_u32(&mut self, address: Gpa) -> Result<u32, DmaError> {
        let address = self.reach(address, 4)?;
        self.memory.acquire_u32(address)
    }

    #[inline]
    fn publish_u32(&mut self, address: Gpa, value: u32) -> Result<(), DmaError> {
        let address = self.reach(address, 4)?;
        self.memory.publish_u32(address, value)
    }

    #[inline]
    fn resolve(&self, pointer: Gpa) -> Gpa {
        Gpa(pointer.0 & self.highest)
    }
}
