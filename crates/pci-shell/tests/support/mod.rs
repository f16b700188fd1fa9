//! A machine with one xHCI function, and as much of a driver as makes the controller interrupt.

use pci_shell::{MessageOwner, PciFunction, PciOutput};
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_model::{
    Budget, Device, DeviceAddress, Dma, DmaError, Handshake, InReply, Profile, Progress, Token, Xhci,
};
use xhci_spec::{Gpa, PortId};

/// Where the event ring of interrupter 0 is, 64 TRBs, and its segment table.
const EVENT_RING: u32 = 0x1000;
const TABLE: u32 = 0x2000;

pub(crate) struct Machine {
    pub(crate) function: PciFunction,
    pub(crate) memory: Memory,
    pub(crate) now: Instant,
    pub(crate) outputs: Vec<PciOutput>,
}

impl Machine {
    /// After power-on.
    pub(crate) fn new(profile: Profile, owner: MessageOwner) -> Self {
        let xhci = Xhci::new(profile, 0).expect("the profile is one");
        Self {
            function: PciFunction::new(xhci, owner),
            memory: Memory(vec![0; 0x10000]),
            now: Instant::ZERO,
            outputs: Vec::new(),
        }
    }

    /// Memory and bus master enabled, the controller runs, interrupter 0 has a ring and is enabled, moderation is off.
    pub(crate) fn running(profile: Profile, owner: MessageOwner) -> Self {
        let mut machine = Self::new(profile, owner);
        machine.config_write(0x04, &[0x06, 0]);
        machine.run_ms(10);
        let entry = [u64::from(EVENT_RING).to_le_bytes(), 64_u64.to_le_bytes()].concat();
        machine.memory.write(Gpa(TABLE.into()), &entry).expect("there is memory");
        let ir = machine.bar32(0x18) + 0x20;
        machine.bar_write(ir + 8, 1);
        machine.bar_write(ir + 0x18, EVENT_RING);
        machine.bar_write(ir + 0x10, TABLE);
        machine.bar_write(ir + 4, 0);
        machine.bar_write(ir, 2);
        let op = machine.bar32(0) & 0xFF;
        machine.bar_write(op, 1 | 4);
        machine.run_ms(1);
        machine
    }

    /// A device comes at port 1.
    pub(crate) fn attach(&mut self) {
        let port = PortId::new(1).expect("a port");
        self.function.xhci_mut().attach(self.now, port, Box::new(Silent)).expect("the port is free");
    }

    /// Something to tell the driver: a device comes and goes at port 1, and the driver takes note of what was before.
    pub(crate) fn port_event(&mut self) {
        let op = self.bar32(0) & 0xFF;
        self.bar_write(op + 0x400, 0x200 | 0x00FE_0000);
        let port = PortId::new(1).expect("a port");
        if self.function.xhci_mut().detach(self.now, port).is_none() {
            self.attach();
        }
        self.run_ms(1);
    }

    /// Takes all events: ERDP to where the ring is, with EHB.
    pub(crate) fn take_events(&mut self) {
        let mut next = EVENT_RING;
        while self.memory.acquire_u32(Gpa(u64::from(next) + 12)).is_ok_and(|control| control & 1 != 0) {
            next += 16;
        }
        let erdp = self.bar32(0x18) + 0x38;
        self.bar_write(erdp, next | 8);
    }

    pub(crate) fn run_ms(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        self.settle();
        while let Some(next) = self.function.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.settle();
        }
        self.now = end;
    }

    fn settle(&mut self) {
        while self.function.advance(self.now, &mut self.memory, Budget::default()) == Progress::More {}
        while let Some(output) = self.function.poll_output() {
            self.outputs.push(output);
        }
    }

    pub(crate) fn outputs(&mut self) -> Vec<PciOutput> {
        self.settle();
        std::mem::take(&mut self.outputs)
    }

    pub(crate) fn config<const N: usize>(&self, offset: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.function.config_read(offset, &mut bytes);
        bytes
    }

    pub(crate) fn config_write(&mut self, offset: u64, data: &[u8]) {
        self.function.config_write(self.now, offset, data);
        self.settle();
    }

    pub(crate) fn bar32(&self, offset: u32) -> u32 {
        let mut bytes = [0; 4];
        self.function.bar_read(self.now, offset.into(), &mut bytes);
        u32::from_le_bytes(bytes)
    }

    pub(crate) fn bar_write(&mut self, offset: u32, value: u32) {
        self.function.bar_write(self.now, offset.into(), &value.to_le_bytes());
        self.settle();
    }

    /// The offset in the BAR that a capability names.
    pub(crate) fn table(&self, offset: u64) -> u32 {
        let register = u32::from_le_bytes(self.config(offset));
        assert_eq!(register & 7, 0, "in BAR 0");
        register
    }
}

pub(crate) struct Memory(pub(crate) Vec<u8>);

impl Memory {
    fn range(&mut self, address: Gpa, length: usize) -> Result<&mut [u8], DmaError> {
        let error = DmaError { address, length };
        let start = usize::try_from(address.0).map_err(|_| error)?;
        self.0.get_mut(start..start.checked_add(length).ok_or(error)?).ok_or(error)
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

/// A device that is there, and no more.
struct Silent;

impl Device for Silent {
    fn speed(&self) -> Speed {
        Speed::High
    }
    fn bus_reset(&mut self, _now: Instant) {}
    fn setup(&mut self, _now: Instant, _address: DeviceAddress, _packet: &[u8; 8]) -> Handshake {
        Handshake::NoResponse
    }
    fn out_packet(&mut self, _now: Instant, _token: Token, _data: &[u8]) -> Handshake {
        Handshake::NoResponse
    }
    fn in_packet(&mut self, _now: Instant, _token: Token, _buffer: &mut [u8]) -> InReply {
        InReply::NoResponse
    }
    fn suspend(&mut self, _now: Instant) {}
    fn resume(&mut self, _now: Instant) {}
}
