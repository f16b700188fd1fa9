//! The controller's way to the guest's memory: four calls.

use thiserror::Error;
use xhci_spec::Gpa;

/// An access that no memory answered. The controller's answer is the architected one (xHCI 4.10.2.6: Host
/// System Error), never a Rust error to its owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("no memory for {length} bytes at {address}")]
pub struct DmaError {
    /// First address of the access.
    pub address: Gpa,
    /// Length of the access in bytes.
    pub length: usize,
}

/// Guest memory as a bus master sees it. An access that fails may have been done in part.
pub trait Dma {
    /// Reads `buffer.len()` bytes.
    fn read(&mut self, address: Gpa, buffer: &mut [u8]) -> Result<(), DmaError>;
    /// Writes `data`.
    fn write(&mut self, address: Gpa, data: &[u8]) -> Result<(), DmaError>;
    /// Reads a little-endian dword that another processor publishes (a TRB's cycle bit): reads after this one
    /// see what was written before it was published. `address` is a multiple of 4.
    fn acquire_u32(&mut self, address: Gpa) -> Result<u32, DmaError>;
    /// Writes a little-endian dword that another processor polls: whoever acquires it sees all earlier writes.
    /// `address` is a multiple of 4.
    fn publish_u32(&mut self, address: Gpa, value: u32) -> Result<(), DmaError>;
    /// The address that a pointer in a register, a context or a TRB stands for: the pointer itself, as far as
    /// memory is concerned. A controller without 64-bit addresses has an adapter of its own in front of memory,
    /// which drops the high half (CAP-11); nobody else needs to implement this.
    fn resolve(&self, pointer: Gpa) -> Gpa {
        pointer
    }
}

impl<D: Dma + ?Sized> Dma for &mut D {
    fn read(&mut self, address: Gpa, buffer: &mut [u8]) -> Result<(), DmaError> {
        (**self).read(address, buffer)
    }
    fn write(&mut self, address: Gpa, data: &[u8]) -> Result<(), DmaError> {
        (**self).write(address, data)
    }
    fn acquire_u32(&mut self, address: Gpa) -> Result<u32, DmaError> {
        (**self).acquire_u32(address)
    }
    fn publish_u32(&mut self, address: Gpa, value: u32) -> Result<(), DmaError> {
        (**self).publish_u32(address, value)
    }
    fn resolve(&self, pointer: Gpa) -> Gpa {
        (**self).resolve(pointer)
    }
}
