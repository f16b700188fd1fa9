//! 4 MiB of guest memory at address 0.

use xhci_model::{Dma, DmaError};
use xhci_spec::Gpa;

pub struct Memory(Vec<u8>);

impl Memory {
    pub fn new() -> Self {
        Self(vec![0; 4 << 20])
    }

    pub fn put(&mut self, at: u64, data: &[u8]) {
        let at = usize::try_from(at).unwrap();
        self.0[at..at + data.len()].copy_from_slice(data);
    }

    pub fn get<const N: usize>(&self, at: u64) -> [u8; N] {
        let at = usize::try_from(at).unwrap();
        self.0[at..at + N].try_into().unwrap()
    }

    pub fn slice(&self, at: u64, length: usize) -> &[u8] {
        let at = usize::try_from(at).unwrap();
        &self.0[at..at + length]
    }

    fn range(&mut self, address: Gpa, length: usize) -> Result<&mut [u8], DmaError> {
        let error = DmaError { address, length };
        let at = usize::try_from(address.0).map_err(|_| error)?;
        self.0.get_mut(at..at.checked_add(length).ok_or(error)?).ok_or(error)
    }
}

impl Dma for Memory {
    fn read(&mut self, address: Gpa, buffer: &mut [u8]) -> Result<(), DmaError> {
        buffer.copy_from_slice(self.range(address, buffer.len())?);
        Ok(())
    }
    fn write(&mut self, address: Gpa, data: &[u8]) -> Result<(), DmaError> {
        self.range(address, data.len())?.copy_from_slice(data);
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
