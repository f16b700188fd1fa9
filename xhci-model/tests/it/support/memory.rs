//! 4 MiB of guest memory at address 0.

use std::ops::Range;
use xhci_model::{Dma, DmaError};
use xhci_spec::Gpa;

/// One access of the controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    pub write: bool,
    pub at: u64,
    pub length: usize,
}

pub struct Memory {
    bytes: Vec<u8>,
    holes: Vec<Range<u64>>,
    accesses: Option<Vec<Access>>,
}

impl Memory {
    pub fn new() -> Self {
        Self { bytes: vec![0; 4 << 20], holes: Vec::new(), accesses: None }
    }

    pub fn put(&mut self, at: u64, data: &[u8]) {
        let at = usize::try_from(at).unwrap();
        self.bytes[at..at + data.len()].copy_from_slice(data);
    }

    pub fn get<const N: usize>(&self, at: u64) -> [u8; N] {
        let at = usize::try_from(at).unwrap();
        self.bytes[at..at + N].try_into().unwrap()
    }

    pub fn slice(&self, at: u64, length: usize) -> &[u8] {
        let at = usize::try_from(at).unwrap();
        &self.bytes[at..at + length]
    }

    /// The controller gets no answer here any more; an access is a Host System Error.
    pub fn unmap(&mut self, range: Range<u64>) {
        self.holes.push(range);
    }

    /// All memory answers again.
    pub fn map(&mut self) {
        self.holes.clear();
    }

    /// Begins to note what the controller accesses, and returns what it did since the last call.
    pub fn take_accesses(&mut self) -> Vec<Access> {
        self.accesses.replace(Vec::new()).unwrap_or_default()
    }

    fn range(&mut self, address: Gpa, length: usize, write: bool) -> Result<&mut [u8], DmaError> {
        let error = DmaError { address, length };
        let end = address.0.checked_add(length as u64).ok_or(error)?;
        if self.holes.iter().any(|hole| hole.start < end && address.0 < hole.end) {
            return Err(error);
        }
        if let Some(accesses) = &mut self.accesses {
            accesses.push(Access { write, at: address.0, length });
        }
        let at = usize::try_from(address.0).map_err(|_| error)?;
        self.bytes.get_mut(at..at.checked_add(length).ok_or(error)?).ok_or(error)
    }
}

impl Dma for Memory {
    fn read(&mut self, address: Gpa, buffer: &mut [u8]) -> Result<(), DmaError> {
        buffer.copy_from_slice(self.range(address, buffer.len(), false)?);
        Ok(())
    }
    fn write(&mut self, address: Gpa, data: &[u8]) -> Result<(), DmaError> {
        self.range(address, data.len(), true)?.copy_from_slice(data);
        Ok(())
    }
    fn acquire_u32(&mut self, address: Gpa) -> Result<u32, DmaError> {
        let mut bytes = [0; 4];
        self.read(address, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
    fn publish_u32(&mut self, address: Gpa, value: u32) -> Result<(), DmaError> {
        self.write(address, &value.to_le_bytes())
    }
}
