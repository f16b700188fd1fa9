use crate::ArenaFull;
use sim_time::Instant;
use std::rc::Rc;
use xhci_spec::Gpa;

/// An interrupt handler. It runs in hard interrupt context: it may access registers and DMA memory, ring
/// doorbells and wake tasks, and must not wait.
pub type IrqHandler = Rc<dyn Fn()>;

/// A piece of DMA memory: a plain handle, the memory belongs to whoever allocated it until it is freed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DmaBuffer {
    /// Address of the first byte, as the processor and the controller see it.
    pub address: Gpa,
    /// Length in bytes.
    pub len: usize,
}

/// A controller's registers, memory that it can reach, its interrupts, and the time.
///
/// Offsets count from the start of the controller's register space (BAR0). Memory is coherent, and little
/// endian where a width is named.
pub trait HostBus {
    /// Reads a register.
    fn read32(&self, offset: u32) -> u32;
    /// Writes a register. A write is complete for the controller when the call returns; what it causes comes
    /// later.
    fn write32(&self, offset: u32, value: u32);

    /// Reads a 64-bit register as two dwords, low first.
    fn read64(&self, offset: u32) -> u64 {
        let low = u64::from(self.read32(offset));
        low | u64::from(self.read32(offset + 4)) << 32
    }
    /// Writes a 64-bit register as two dwords, low first, as Linux does.
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the value")]
    fn write64(&self, offset: u32, value: u64) {
        self.write32(offset, value as u32);
        self.write32(offset + 4, (value >> 32) as u32);
    }

    /// Takes `len` zeroed bytes of DMA memory at a multiple of `align` (a power of two). With a `boundary`
    /// (a power of two, at least `len`) the piece crosses no multiple of it.
    fn alloc(&self, len: usize, align: usize, boundary: Option<usize>) -> Result<DmaBuffer, ArenaFull>;
    /// Gives memory back. The controller must have been told to forget it.
    ///
    /// # Panics
    /// If `buffer` is not what [`alloc`](Self::alloc) returned, or was freed before.
    fn free(&self, buffer: DmaBuffer);

    /// Reads DMA memory.
    ///
    /// # Panics
    /// Outside DMA memory, as all four accesses: an address that is not the driver's own is a driver's bug.
    fn mem_read(&self, at: Gpa, buf: &mut [u8]);
    /// Writes DMA memory.
    fn mem_write(&self, at: Gpa, data: &[u8]);
    /// Reads a dword that the controller publishes: accesses after it see what the controller wrote before.
    /// `at` is a multiple of 4.
    fn load_acquire(&self, at: Gpa) -> u32;
    /// Writes a dword that the controller polls: the controller that sees it sees all earlier writes.
    /// `at` is a multiple of 4.
    fn store_release(&self, at: Gpa, value: u32);

    /// The present.
    fn now(&self) -> Instant;

    /// Installs the handler of a message vector (the interrupter's index), in place of any other.
    fn request_irq(&self, vector: u16, handler: IrqHandler);
    /// Removes the handler of a vector.
    fn free_irq(&self, vector: u16);
}
