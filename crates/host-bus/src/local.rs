use crate::arena::Arena;
use crate::memory::DmaMemory;
use crate::{ArenaFull, DmaBuffer, HostBus, IrqHandler};
use kernel_sim::Hardware;
use sim_time::{Clock, Instant};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use xhci_model::{Budget, Output, Progress, VmDma, Xhci};
use xhci_spec::Gpa;

/// Where DMA memory begins. Not zero, so that a null pointer is never valid; below 4 GiB, so that a
/// controller with 32-bit addresses reaches all of it.
const ARENA_BASE: usize = 0x4000_0000;
/// How often the controller and the handlers may keep each other busy in one call. What is left stays due, so
/// that whoever calls can see that time stands still.
const ROUNDS_MAX: u32 = 1024;

/// The model in process, with memory and interrupts: a machine with one controller.
///
/// Register writes only latch; [`advance`](Self::advance) lets the controller work and runs the interrupt
/// handlers, with nothing borrowed, so that a handler may access registers and ring doorbells.
///
/// ```no_run
/// # use host_bus::{HostBus, LocalBus};
/// # use sim_time::Clock;
/// # use xhci_model::{Profile, Xhci};
/// let clock = Clock::new();
/// let bus = LocalBus::new(Xhci::new(Profile::default(), 1)?, clock, 1 << 20);
/// let buffer = bus.alloc(64, 64, None)?;
/// bus.mem_write(buffer.address, b"seen by driver and controller");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LocalBus {
    xhc: RefCell<Xhci>,
    clock: Clock,
    memory: DmaMemory,
    arena: RefCell<Arena>,
    vectors: RefCell<Vec<Vector>>,
    // Interrupts that a register access released: a handler may not run inside the access that caused it.
    pending: RefCell<VecDeque<u16>>,
    mmio_reads: Cell<u64>,
    mmio_writes: Cell<u64>,
}

/// What went over the bus since the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BusCounters {
    /// Register reads.
    pub mmio_reads: u64,
    /// Register writes, doorbells included.
    pub mmio_writes: u64,
    /// Interrupts delivered to a handler, of all vectors.
    pub interrupts: u64,
    /// Interrupts of vectors that nobody had requested.
    pub spurious: u64,
}

#[derive(Default)]
struct Vector {
    handler: Option<IrqHandler>,
    delivered: u64,
    spurious: u64,
}

impl LocalBus {
    /// A machine with `arena_bytes` of DMA memory.
    ///
    /// # Panics
    /// If the operating system has no `arena_bytes` of memory left.
    pub fn new(xhc: Xhci, clock: Clock, arena_bytes: usize) -> Rc<Self> {
        Rc::new(Self {
            xhc: RefCell::new(xhc),
            clock,
            memory: DmaMemory::new(ARENA_BASE, arena_bytes),
            arena: RefCell::new(Arena::new(ARENA_BASE, arena_bytes)),
            vectors: RefCell::default(),
            pending: RefCell::default(),
            mmio_reads: Cell::default(),
            mmio_writes: Cell::default(),
        })
    }

    /// The controller itself, to attach devices or to read what they recorded. Interrupts that the call
    /// releases are delivered by the next [`advance`](Self::advance).
    ///
    /// # Panics
    /// When called from inside another call.
    pub fn with_xhci<T>(&self, act: impl FnOnce(&mut Xhci) -> T) -> T {
        let mut xhc = self.xhc.borrow_mut();
        let result = act(&mut xhc);
        self.collect(&mut xhc);
        result
    }

    /// Lets the controller do everything that is due at `now`, and runs the interrupt handlers. A `now` before
    /// the clock's is the clock's.
    pub fn advance(&self, now: Instant) {
        self.clock.advance_to(now);
        let now = self.clock.now();
        for _ in 0..ROUNDS_MAX {
            let progress = {
                let mut xhc = self.xhc.borrow_mut();
                let progress = xhc.advance(now, &mut VmDma::new(self.memory.map()), Budget::default());
                self.collect(&mut xhc);
                progress
            };
            let interrupted = self.deliver();
            if !interrupted && progress == Progress::Idle {
                break;
            }
        }
    }

    /// When [`advance`](Self::advance) is needed next; `None` if only an outside act matters.
    pub fn next_deadline(&self) -> Option<Instant> {
        if !self.pending.borrow().is_empty() {
            return Some(self.clock.now());
        }
        self.xhc.borrow().poll_timeout()
    }

    /// Interrupts delivered to the handler of one vector since the beginning.
    pub fn interrupts(&self, vector: u16) -> u64 {
        self.vectors.borrow().get(usize::from(vector)).map_or(0, |vector| vector.delivered)
    }

    /// What went over the bus since the beginning.
    pub fn counters(&self) -> BusCounters {
        let vectors = self.vectors.borrow();
        BusCounters {
            mmio_reads: self.mmio_reads.get(),
            mmio_writes: self.mmio_writes.get(),
            interrupts: vectors.iter().map(|vector| vector.delivered).sum(),
            spurious: vectors.iter().map(|vector| vector.spurious).sum(),
        }
    }

    /// Bytes of DMA memory that are allocated.
    pub fn dma_bytes_in_use(&self) -> usize {
        self.arena.borrow().used_bytes()
    }

    fn collect(&self, xhc: &mut Xhci) {
        while let Some(output) = xhc.poll_output() {
            if let Output::Message { vector } = output {
                self.pending.borrow_mut().push_back(vector);
            }
        }
    }

    fn deliver(&self) -> bool {
        let mut any = false;
        while let Some(vector) = self.next_pending() {
            any = true;
            let handler = self.vector_mut(vector, |slot| {
                match slot.handler {
                    Some(_) => slot.delivered += 1,
                    None => slot.spurious += 1,
                }
                slot.handler.clone()
            });
            if let Some(handler) = handler {
                handler();
            }
        }
        any
    }

    fn next_pending(&self) -> Option<u16> {
        self.pending.borrow_mut().pop_front()
    }

    fn vector_mut<T>(&self, vector: u16, act: impl FnOnce(&mut Vector) -> T) -> T {
        let mut vectors = self.vectors.borrow_mut();
        let index = usize::from(vector);
        if vectors.len() <= index {
            vectors.resize_with(index + 1, Vector::default);
        }
        act(&mut vectors[index])
    }
}

impl HostBus for LocalBus {
    fn read32(&self, offset: u32) -> u32 {
        self.mmio_reads.set(self.mmio_reads.get() + 1);
        let mut bytes = [0; 4];
        self.xhc.borrow_mut().mmio_read(self.clock.now(), u64::from(offset), &mut bytes);
        u32::from_le_bytes(bytes)
    }
    fn write32(&self, offset: u32, value: u32) {
        self.mmio_writes.set(self.mmio_writes.get() + 1);
        let mut xhc = self.xhc.borrow_mut();
        xhc.mmio_write(self.clock.now(), u64::from(offset), &value.to_le_bytes());
        self.collect(&mut xhc);
    }
    fn alloc(&self, len: usize, align: usize, boundary: Option<usize>) -> Result<DmaBuffer, ArenaFull> {
        let address = Gpa(self.arena.borrow_mut().alloc(len, align, boundary)? as u64);
        self.memory.fill_zero(address, len);
        Ok(DmaBuffer { address, len })
    }
    fn free(&self, buffer: DmaBuffer) {
        match usize::try_from(buffer.address.0) {
            Ok(at) => self.arena.borrow_mut().release(at),
            Err(_) => panic!("free of {}, which is no DMA memory", buffer.address),
        }
    }
    fn mem_read(&self, at: Gpa, buf: &mut [u8]) {
        self.memory.read(at, buf);
    }
    fn mem_write(&self, at: Gpa, data: &[u8]) {
        self.memory.write(at, data);
    }
    fn load_acquire(&self, at: Gpa) -> u32 {
        self.memory.load_acquire(at)
    }
    fn store_release(&self, at: Gpa, value: u32) {
        self.memory.store_release(at, value);
    }
    fn now(&self) -> Instant {
        self.clock.now()
    }
    fn request_irq(&self, vector: u16, handler: IrqHandler) {
        self.vector_mut(vector, |slot| slot.handler = Some(handler));
    }
    fn free_irq(&self, vector: u16) {
        self.vector_mut(vector, |slot| slot.handler = None);
    }
}

impl Hardware for LocalBus {
    fn advance(&self, now: Instant) {
        Self::advance(self, now);
    }
    fn next_deadline(&self) -> Option<Instant> {
        Self::next_deadline(self)
    }
}
