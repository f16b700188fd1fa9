//! What a disk stores on.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of a logical block.
pub(super) const BLOCK_BYTES: u64 = 512;

/// Blocks of 512 bytes.
pub trait Medium: fmt::Debug + Send {
    /// How many blocks there are.
    fn blocks(&self) -> u64;
    /// Reads whole blocks from byte `offset` on, inside the medium.
    ///
    /// # Errors
    /// Whatever the storage says; the disk reports an unrecovered read error.
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Writes bytes from `offset` on, inside the medium.
    ///
    /// # Errors
    /// As for reading.
    fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()>;
    /// What was written is to last.
    ///
    /// # Errors
    /// As for reading.
    fn flush(&mut self) -> io::Result<()>;
}

/// A file of whole blocks; what is left at its end is not part of the disk.
#[derive(Debug)]
pub struct FileMedium {
    file: File,
    blocks: u64,
}

impl FileMedium {
    /// A file that can be read and written.
    ///
    /// # Errors
    /// Its length is not known, or less than a block.
    pub fn new(file: File) -> io::Result<Self> {
        let blocks = file.metadata()?.len() / BLOCK_BYTES;
        if blocks == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "shorter than a block of 512 bytes"));
        }
        Ok(Self { file, blocks })
    }
}

impl Medium for FileMedium {
    fn blocks(&self) -> u64 {
        self.blocks
    }
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
    fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// A medium in memory.
#[derive(Clone, Debug)]
pub struct MemoryMedium(Vec<u8>);

impl MemoryMedium {
    /// `blocks` blocks of zeros.
    pub fn new(blocks: usize) -> Self {
        Self(vec![0; blocks * 512])
    }
}

impl Medium for MemoryMedium {
    fn blocks(&self) -> u64 {
        self.0.len() as u64 / BLOCK_BYTES
    }
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start.saturating_add(buffer.len());
        buffer.copy_from_slice(self.0.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
    fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start.saturating_add(data.len());
        self.0.get_mut(start..end).ok_or(io::ErrorKind::UnexpectedEof)?.copy_from_slice(data);
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
