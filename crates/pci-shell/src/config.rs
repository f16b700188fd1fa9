//! Configuration space as bytes with rights: which bits software may write, and which a written 1 clears.

/// Size of a conventional function's configuration space.
pub(crate) const CONFIG_BYTES: usize = 256;

/// 256 bytes. What is outside of them reads 0 and ignores writes.
#[derive(Clone, Debug)]
pub(crate) struct ConfigSpace {
    bytes: [u8; CONFIG_BYTES],
    writable: [u8; CONFIG_BYTES],
    write_1_to_clear: [u8; CONFIG_BYTES],
}

impl ConfigSpace {
    /// All bits 0 and read-only.
    pub(crate) fn new() -> Self {
        Self { bytes: [0; CONFIG_BYTES], writable: [0; CONFIG_BYTES], write_1_to_clear: [0; CONFIG_BYTES] }
    }

    /// Declares a field: its reset value, and the bits that software may write.
    pub(crate) fn field<const N: usize>(&mut self, offset: usize, value: [u8; N], writable: [u8; N]) {
        self.bytes[offset..offset + N].copy_from_slice(&value);
        self.writable[offset..offset + N].copy_from_slice(&writable);
    }

    /// Declares bits that a written 1 clears.
    pub(crate) fn clearing<const N: usize>(&mut self, offset: usize, bits: [u8; N]) {
        self.write_1_to_clear[offset..offset + N].copy_from_slice(&bits);
    }

    /// A read by software, of any width and alignment.
    pub(crate) fn read(&self, offset: usize, buffer: &mut [u8]) {
        for (byte, at) in buffer.iter_mut().zip(offset..) {
            *byte = self.bytes.get(at).copied().unwrap_or(0);
        }
    }

    /// A write by software, of any width and alignment.
    pub(crate) fn write(&mut self, offset: usize, data: &[u8]) {
        for (value, at) in data.iter().zip(offset..CONFIG_BYTES) {
            let keep = self.bytes[at] & !self.writable[at] & !(self.write_1_to_clear[at] & value);
            self.bytes[at] = keep | value & self.writable[at];
        }
    }

    pub(crate) fn u8(&self, offset: usize) -> u8 {
        self.bytes[offset]
    }

    pub(crate) fn u16(&self, offset: usize) -> u16 {
        u16::from_le_bytes([self.bytes[offset], self.bytes[offset + 1]])
    }

    pub(crate) fn u32(&self, offset: usize) -> u32 {
        u32::from(self.u16(offset)) | u32::from(self.u16(offset + 2)) << 16
    }

    pub(crate) fn u64(&self, offset: usize) -> u64 {
        u64::from(self.u32(offset)) | u64::from(self.u32(offset + 4)) << 32
    }

    /// Sets what the function itself changes, whatever software may write.
    pub(crate) fn set<const N: usize>(&mut self, offset: usize, value: [u8; N]) {
        self.bytes[offset..offset + N].copy_from_slice(&value);
    }
}
