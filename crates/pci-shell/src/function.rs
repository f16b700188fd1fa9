use crate::capabilities::{
    BAR0, COMMAND, COMMAND_BUS_MASTER, COMMAND_INTX_DISABLE, COMMAND_MEMORY, FLR_CONTROL, MSIX_CONTROL,
    MSIX_ENABLE, MSIX_FUNCTION_MASK, PMCSR, PMCSR_PME_ENABLE, PMCSR_PME_STATUS, PMCSR_STATE, STATUS,
    STATUS_INTERRUPT, Sizes, config_space,
};
use crate::config::ConfigSpace;
use crate::msi;
use crate::msix::{ENTRY_BYTES, Message, MsixTable};
use sim_time::Instant;
use std::collections::VecDeque;
use xhci_model::{Budget, Dma, DmaError, Output, PowerState, Progress, Signalling, Xhci};
use xhci_spec::Gpa;

/// Who holds the tables that turn message numbers into addresses and data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageOwner {
    /// This function: its MSI and MSI-X capabilities are in force, and outputs are whole messages.
    Function,
    /// The embedder, as VFIO clients do: it says with [`PciFunction::set_message_count`] how many messages it takes, and
    /// gets their numbers.
    Embedder,
}

/// The ways to interrupt, each with those before it: which of them software finds in configuration space.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum InterruptKind {
    /// The INTx pin.
    Pin,
    /// MSI.
    Msi,
    /// MSI-X.
    MsiX,
}

/// What the function wants done outside of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PciOutput {
    /// Write `data` to `address`: an MSI or MSI-X message. Only with [`MessageOwner::Function`].
    Message {
        /// Where to.
        address: u64,
        /// What.
        data: u32,
    },
    /// Deliver this message. Only with [`MessageOwner::Embedder`].
    Vector(u16),
    /// INTA# goes to this level.
    Intx(bool),
    /// SERR#.
    SystemError,
    /// PME# goes to this level: something wants the sleeping function awake (PCI-07).
    PowerManagementEvent(bool),
}

impl From<Message> for PciOutput {
    fn from(Message { address, data }: Message) -> Self {
        Self::Message { address, data }
    }
}

/// An xHCI controller as a PCI function.
#[derive(Debug)]
pub struct PciFunction {
    xhci: Xhci,
    sizes: Sizes,
    config: ConfigSpace,
    owner: MessageOwner,
    /// Messages that the embedder takes; 0: it uses the pin.
    embedder_messages: u16,
    msix: MsixTable,
    outputs: VecDeque<PciOutput>,
    /// What the controller drives, before INTx Disable.
    pin: bool,
    intx: bool,
    pme: bool,
}

impl PciFunction {
    /// The function after power-on, with all ways to interrupt.
    pub fn new(xhci: Xhci, owner: MessageOwner) -> Self {
        Self::with_interrupts(xhci, owner, InterruptKind::MsiX)
    }

    /// The function after power-on. `best` is the last way to interrupt that it has.
    pub fn with_interrupts(xhci: Xhci, owner: MessageOwner, best: InterruptKind) -> Self {
        let sizes = sizes(&xhci, best);
        let mut function = Self {
            config: config_space(&sizes),
            msix: MsixTable::new(sizes.msix_entries),
            xhci,
            sizes,
            owner,
            embedder_messages: 0,
            outputs: VecDeque::new(),
            pin: false,
            intx: false,
            pme: false,
        };
        function.apply(Instant::ZERO);
        function
    }

    /// The controller itself, to attach devices and to look at.
    pub fn xhci(&self) -> &Xhci {
        &self.xhci
    }

    /// The controller itself. Registers are accessed through the BAR.
    pub fn xhci_mut(&mut self) -> &mut Xhci {
        &mut self.xhci
    }

    /// The controller, with what is plugged into it.
    pub fn into_xhci(self) -> Xhci {
        self.xhci
    }

    /// Size of BAR 0 in bytes, a power of two.
    pub fn bar_size(&self) -> u64 {
        self.sizes.bar
    }

    /// Entries of the MSI-X table, one for each interrupter; 0 without MSI-X.
    pub fn msix_entries(&self) -> u16 {
        self.sizes.msix_entries
    }

    /// Messages of MSI, a power of two up to 32; 0 without MSI.
    pub fn msi_messages(&self) -> u16 {
        self.sizes.msi_log2.map_or(0, |log2| 1 << log2)
    }

    /// Reads configuration space, any width and alignment; beyond 256 bytes it reads 0.
    pub fn config_read(&self, offset: u64, buffer: &mut [u8]) {
        self.config.read(usize::try_from(offset).unwrap_or(usize::MAX), buffer);
    }

    /// Writes configuration space, any width and alignment.
    pub fn config_write(&mut self, now: Instant, offset: u64, data: &[u8]) {
        let Ok(offset) = usize::try_from(offset) else { return };
        let state = self.config.u16(PMCSR) & PMCSR_STATE;
        self.config.write(offset, data);
        // PCI-07: D1 and D2 are not offered.
        let wanted = self.config.u16(PMCSR);
        if matches!(wanted & PMCSR_STATE, 1 | 2) {
            self.config.set(PMCSR, (wanted & !PMCSR_STATE | state).to_le_bytes());
        }
        if self.config.u8(FLR_CONTROL) & 1 != 0 {
            self.reset(now);
            return;
        }
        self.apply(now);
    }

    /// Reads from BAR 0.
    pub fn bar_read(&self, now: Instant, offset: u64, buffer: &mut [u8]) {
        let size = u64::from(self.xhci.bar_size());
        if offset < size || !self.is_accessible() {
            self.xhci.mmio_read(now, offset, buffer);
            return;
        }
        for (byte, at) in buffer.iter_mut().zip(offset..) {
            let dword = self.table_dword(at & !3);
            *byte = dword.to_le_bytes()[usize::from((at & 3) as u8)];
        }
    }

    /// Writes to BAR 0.
    pub fn bar_write(&mut self, now: Instant, offset: u64, data: &[u8]) {
        if offset < u64::from(self.xhci.bar_size()) {
            self.xhci.mmio_write(now, offset, data);
            self.collect();
            return;
        }
        if !self.is_accessible() || !offset.is_multiple_of(4) || !data.len().is_multiple_of(4) {
            return;
        }
        for (dword, at) in data.chunks_exact(4).zip((offset..).step_by(4)) {
            if let Some(offset) = at.checked_sub(self.sizes.msix_table.into())
                && let Ok(offset) = u32::try_from(offset)
                && offset < self.msix.bytes()
            {
                self.msix.write(offset, u32::from_le_bytes([dword[0], dword[1], dword[2], dword[3]]));
            }
        }
        self.flush_messages();
    }

    /// The embedder takes so many messages from now on; 0: it takes the pin. Only with [`MessageOwner::Embedder`].
    pub fn set_message_count(&mut self, now: Instant, messages: u16) {
        self.embedder_messages = messages;
        self.apply(now);
    }

    /// Does what is due, see [`Xhci::advance`]. Without Bus Master Enable no memory answers (PCI-02).
    pub fn advance<D: Dma>(&mut self, now: Instant, dma: &mut D, budget: Budget) -> Progress {
        let progress = if self.config.u16(COMMAND) & COMMAND_BUS_MASTER == 0 {
            self.xhci.advance(now, &mut NoMemory, budget)
        } else {
            self.xhci.advance(now, dma, budget)
        };
        self.collect();
        progress
    }

    /// When [`advance`](Self::advance) is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.xhci.poll_timeout()
    }

    /// What is to be done outside, in order.
    pub fn poll_output(&mut self) -> Option<PciOutput> {
        self.outputs.pop_front()
    }

    /// Function-level reset, or the reset of the bus: everything is as after power-on, and what is plugged in stays so
    /// (PCI-12).
    pub fn reset(&mut self, now: Instant) {
        self.config = config_space(&self.sizes);
        self.msix = MsixTable::new(self.sizes.msix_entries);
        self.xhci.power_on_reset(now);
        self.apply(now);
    }

    fn is_accessible(&self) -> bool {
        let in_d0 = self.config.u16(PMCSR) & PMCSR_STATE == 0;
        self.config.u16(COMMAND) & COMMAND_MEMORY != 0 && in_d0
    }

    /// What configuration space says takes effect.
    fn apply(&mut self, now: Instant) {
        let asleep = self.config.u16(PMCSR) & PMCSR_STATE != 0;
        self.xhci.set_power_state(now, if asleep { PowerState::D3 } else { PowerState::D0 });
        let accessible = self.is_accessible();
        self.xhci.set_accessible(accessible);
        let base = self.config.u64(BAR0) & !0xF;
        self.xhci.set_bar((accessible && base != 0).then_some(Gpa(base)));
        self.xhci.set_signalling(now, self.signalling());
        self.flush_messages();
        self.collect();
        self.drive_intx();
        self.drive_pme();
    }

    /// PCI-10, PCI-11: MSI-X before MSI before the pin.
    fn signalling(&self) -> Signalling {
        let messages = match self.owner {
            MessageOwner::Embedder => Some(self.embedder_messages).filter(|messages| *messages > 0),
            MessageOwner::Function if self.config.u16(MSIX_CONTROL) & MSIX_ENABLE != 0 => {
                Some(self.sizes.msix_entries)
            }
            MessageOwner::Function => msi::enabled_messages(&self.config),
        };
        messages.map_or(Signalling::Line, |vectors| Signalling::Messages { vectors })
    }

    fn collect(&mut self) {
        while let Some(output) = self.xhci.poll_output() {
            match output {
                Output::Message { vector } => self.send(vector),
                Output::Line { asserted } => {
                    self.pin = asserted;
                    self.drive_intx();
                }
                Output::SystemError => self.outputs.push_back(PciOutput::SystemError),
                Output::PowerManagementEvent => {
                    let status = self.config.u16(PMCSR) | PMCSR_PME_STATUS;
                    self.config.set(PMCSR, status.to_le_bytes());
                    self.drive_pme();
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, vector: u16) {
        if self.owner == MessageOwner::Embedder {
            self.outputs.push_back(PciOutput::Vector(vector));
            return;
        }
        let control = self.config.u16(MSIX_CONTROL);
        let message = if control & MSIX_ENABLE != 0 {
            self.msix.signal(vector, control & MSIX_FUNCTION_MASK != 0)
        } else {
            msi::signal(&mut self.config, vector)
        };
        self.outputs.extend(message.map(PciOutput::from));
    }

    /// Messages that waited for their mask bit.
    fn flush_messages(&mut self) {
        if self.owner == MessageOwner::Function {
            let control = self.config.u16(MSIX_CONTROL);
            if control & MSIX_ENABLE != 0 && control & MSIX_FUNCTION_MASK == 0 {
                self.msix.flush(&mut self.outputs);
            }
            if msi::enabled_messages(&self.config).is_some() {
                msi::flush(&mut self.config, &mut self.outputs);
            }
        }
    }

    /// PCI-11: Interrupt Status shows the pin whether or not INTx Disable lets it through.
    fn drive_intx(&mut self) {
        let status = self.config.u16(STATUS) & !STATUS_INTERRUPT;
        let status = if self.pin { status | STATUS_INTERRUPT } else { status };
        self.config.set(STATUS, status.to_le_bytes());
        let level = self.pin && self.config.u16(COMMAND) & COMMAND_INTX_DISABLE == 0;
        if level != self.intx {
            self.intx = level;
            self.outputs.push_back(PciOutput::Intx(level));
        }
    }

    /// PCI-07: PME Status is shown whether or not PME Enable lets it through.
    fn drive_pme(&mut self) {
        let wanted = PMCSR_PME_ENABLE | PMCSR_PME_STATUS;
        let level = self.config.u16(PMCSR) & wanted == wanted;
        if core::mem::replace(&mut self.pme, level) != level {
            self.outputs.push_back(PciOutput::PowerManagementEvent(level));
        }
    }

    fn table_dword(&self, offset: u64) -> u32 {
        let within = |base: u32, bytes: u32| {
            let offset = u32::try_from(offset.checked_sub(base.into())?).ok()?;
            (offset < bytes).then_some(offset)
        };
        if let Some(offset) = within(self.sizes.msix_table, self.msix.bytes()) {
            return self.msix.read(offset);
        }
        let pending_bytes = u32::from(self.sizes.msix_entries).div_ceil(64) * 8;
        within(self.sizes.msix_pending, pending_bytes).map_or(0, |offset| self.msix.read_pending(offset))
    }
}

/// The BAR holds the registers, then the MSI-X table and its pending bits, each on a page of their own.
fn sizes(xhci: &Xhci, best: InterruptKind) -> Sizes {
    const PAGE: u32 = 0x1000;
    let interrupters = xhci.interrupters();
    let entries = if best >= InterruptKind::MsiX { interrupters } else { 0 };
    let msi_log2 = u8::try_from(interrupters.next_power_of_two().min(32).ilog2()).unwrap_or(0);
    let msix_table = xhci.bar_size();
    let msix_pending = msix_table + (u32::from(entries) * ENTRY_BYTES).next_multiple_of(PAGE);
    Sizes {
        bar: u64::from(msix_pending + PAGE).next_power_of_two(),
        msi_log2: (best >= InterruptKind::Msi).then_some(msi_log2),
        msix_entries: entries,
        msix_table,
        msix_pending,
    }
}

/// What a function without Bus Master Enable sees of memory.
struct NoMemory;

impl Dma for NoMemory {
    fn read(&mut self, address: Gpa, buffer: &mut [u8]) -> Result<(), DmaError> {
        Err(DmaError { address, length: buffer.len() })
    }
    fn write(&mut self, address: Gpa, data: &[u8]) -> Result<(), DmaError> {
        Err(DmaError { address, length: data.len() })
    }
    fn acquire_u32(&mut self, address: Gpa) -> Result<u32, DmaError> {
        Err(DmaError { address, length: 4 })
    }
    fn publish_u32(&mut self, address: Gpa, _value: u32) -> Result<(), DmaError> {
        Err(DmaError { address, length: 4 })
    }
}
