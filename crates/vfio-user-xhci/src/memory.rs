//! The guest memory that a client lent us.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use thiserror::Error;
use vm_memory::{
    FileOffset, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion, GuestRegionMmap,
    MmapRegion,
};

/// A window that cannot be mapped.
#[derive(Debug, Error)]
pub(crate) enum MapError {
    #[error("{0} bytes at {1:#x} leave the address space")]
    Range(u64, u64),
    #[error("the file has {0} bytes, the window needs {1}")]
    Short(u64, u64),
    #[error("mmap: {0}")]
    Mmap(String),
}

/// Windows of guest memory by their guest addresses. A window without file, or that may not be written, is remembered by
/// not being there: the controller finds no memory behind it.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    map: GuestMemoryMmap,
}

impl Windows {
    /// What can be reached.
    pub(crate) fn map(&self) -> &GuestMemoryMmap {
        &self.map
    }

    /// Maps `size` bytes of `file` from `offset` on at guest address `address`; what was mapped there before is gone.
    pub(crate) fn insert(
        &mut self,
        address: u64,
        size: u64,
        file: OwnedFd,
        offset: u64,
    ) -> Result<(), MapError> {
        let range = || MapError::Range(size, address);
        address.checked_add(size).ok_or_else(range)?;
        let bytes = usize::try_from(size).map_err(|_| range())?;
        let file = File::from(file);
        let needed = offset.checked_add(size).ok_or_else(range)?;
        let length = file.metadata().map_err(|error| MapError::Mmap(error.to_string()))?.len();
        if length < needed {
            return Err(MapError::Short(length, needed));
        }
        self.remove(address, size);
        let mapping = MmapRegion::from_file(FileOffset::new(file, offset), bytes)
            .map_err(|error| MapError::Mmap(error.to_string()))?;
        let region = GuestRegionMmap::new(mapping, GuestAddress(address)).ok_or_else(range)?;
        self.map =
            self.map.insert_region(Arc::new(region)).map_err(|error| MapError::Mmap(error.to_string()))?;
        Ok(())
    }

    /// Unmaps every window that has an address in common with these.
    pub(crate) fn remove(&mut self, address: u64, size: u64) {
        let end = address.saturating_add(size);
        let hit: Vec<(GuestAddress, u64)> = self
            .map
            .iter()
            .map(|region| (region.start_addr(), region.len()))
            .filter(|(start, length)| start.0 < end && address < start.0.saturating_add(*length))
            .collect();
        for (start, length) in hit {
            if let Ok((rest, _)) = self.map.remove_region(start, length) {
                self.map = rest;
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.map = GuestMemoryMmap::default();
    }
}
