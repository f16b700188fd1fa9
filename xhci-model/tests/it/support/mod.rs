//! A driver for tests: registers and guest memory, nothing else. It polls; what it sees is what a driver sees.

pub mod bench;
pub mod bus_log;
pub mod commands;
pub mod gadget;
pub mod hub;
pub mod interrupts;
pub mod memory;
pub mod ports;
pub mod probe;
pub mod profiles;
pub mod registers;
pub mod saved;
pub mod stream;

pub use profiles::{TIMINGS, any_profile, in_every_timing, on_every_profile, on_profiles};

use gadget::Gadget;
use memory::Memory;
use sim_time::{Duration, Instant};
use std::collections::VecDeque;
use xhci_model::{Budget, Device, LogLevel, Output, Profile, Progress, Xhci};
use xhci_spec::context::{ContextSize, EndpointContext, EndpointType, InputControlContext, SlotContext};
use xhci_spec::erst::ErstEntry;
use xhci_spec::trb::event::CommandCompletion;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, PortId, Psiv, SlotId, Trb, TrbType};

pub const DCBAA: u64 = 0x1000;
pub const COMMAND_RING: u64 = 0x2000;
/// Event ring of interrupter n at 0x10000 + n * 0x10000; its table 0x100 before the end of that.
pub const EVENT_RINGS: u64 = 0x1_0000;
pub const INPUT: u64 = 0x9_0000;
/// Device context of slot n at n * 0x1000 behind this.
pub const CONTEXTS: u64 = 0xA_0000;
/// Ring of an endpoint: slot * 0x20000 + dci * 0x1000 behind this.
pub const RINGS: u64 = 0x10_0000;
pub const BUFFERS: u64 = 0x20_0000;
/// The scratchpad array, and the one page that all its entries name: the model touches none of them.
pub const SCRATCHPADS: u64 = 0x3F_0000;
pub const SCRATCHPAD_PAGE: u64 = 0x3F_F000;

/// One software-side ring of one page with a Link back to its start.
#[derive(Clone, Copy)]
pub struct Producer {
    pub base: u64,
    pub at: u64,
    pub trbs: u64,
    pub cycle: bool,
}

impl Producer {
    pub fn new(base: u64, trbs: u64) -> Self {
        Self { base, at: 0, trbs, cycle: true }
    }

    /// Writes a TRB and returns its address.
    pub fn push(&mut self, memory: &mut Memory, trb: Trb) -> Gpa {
        let at = self.base + self.at * 16;
        memory.put(at, &trb.with_cycle(self.cycle).to_bytes());
        self.at += 1;
        if self.at == self.trbs - 1 {
            let link = transfer::link(Gpa(self.base), true).with_cycle(self.cycle);
            memory.put(self.base + self.at * 16, &link.to_bytes());
            self.at = 0;
            self.cycle = !self.cycle;
        }
        Gpa(at)
    }
}

pub struct EventRing {
    pub base: u64,
    pub trbs: u64,
    pub at: u64,
    pub cycle: bool,
}

/// Every so often a machine goes on from a snapshot of its controller, wherever its test is.
const RUNS_TO_A_SNAPSHOT: u32 = 199;

pub struct Machine {
    pub xhc: Xhci,
    pub memory: Memory,
    pub now: Instant,
    pub op: u32,
    pub runtime: u32,
    pub doorbells: u32,
    pub csz: ContextSize,
    pub command: Producer,
    pub rings: Vec<EventRing>,
    pub interrupts: Vec<(Instant, u16)>,
    pub system_errors: u32,
    /// When PME# was asserted.
    pub wakes: Vec<Instant>,
    /// Changes of the interrupt pin.
    pub line: Vec<(Instant, bool)>,
    pub pending: VecDeque<Trb>,
    /// How often time was let pass.
    runs: u32,
}

impl Machine {
    /// A controller that runs, with an event ring of 256 TRBs on interrupter 0 and 1.
    pub fn new(profile: Profile) -> Self {
        let mut machine = Self::cold(profile);
        machine.bring_up();
        machine
    }

    /// A controller after power-on.
    pub fn cold(profile: Profile) -> Self {
        let mut xhc = Xhci::new(profile, 0).unwrap();
        xhc.set_log_level(LogLevel::Off);
        let read = |offset| xhc.read32(Instant::ZERO, offset);
        let (op, doorbells, runtime) = (read(0) & 0xFF, read(0x14), read(0x18));
        let csz = ContextSize::from_csz(read(0x10) & 4 != 0);
        Self {
            memory: Memory::new(),
            now: Instant::ZERO,
            op,
            runtime,
            doorbells,
            csz,
            command: Producer::new(COMMAND_RING, 64),
            rings: Vec::new(),
            interrupts: Vec::new(),
            system_errors: 0,
            wakes: Vec::new(),
            line: Vec::new(),
            pending: VecDeque::new(),
            runs: 0,
            xhc,
        }
    }

    /// As a driver does it: wait until ready, slots, contexts, scratchpads, command ring, event rings, interrupts, run, port power.
    pub fn bring_up(&mut self) {
        self.wait_ms(100, |machine| machine.read(machine.op + 4) & 1 << 11 == 0);
        self.write(self.op + 0x38, 16);
        self.provide_scratchpads();
        self.write64(self.op + 0x30, DCBAA);
        self.write64(self.op + 0x18, COMMAND_RING | 1);
        self.event_ring(0, 256);
        self.event_ring(1, 256);
        self.write(self.ir(0), 2);
        self.write(self.op, 1 | 4);
        self.run(Duration::from_micros(10));
        self.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 0);
        if self.read(0x10) & 8 != 0 {
            for port in 1..=self.ports() {
                self.write_portsc(port, 0x200);
            }
        }
    }

    fn provide_scratchpads(&mut self) {
        let parameters = self.read(8);
        let pages = u64::from(parameters >> 21 & 0x1F) << 5 | u64::from(parameters >> 27);
        if pages > 0 {
            self.memory.put(DCBAA, &SCRATCHPADS.to_le_bytes());
            for page in 0..pages {
                self.memory.put(SCRATCHPADS + page * 8, &SCRATCHPAD_PAGE.to_le_bytes());
            }
        }
    }

    /// MaxPorts.
    pub fn ports(&self) -> u8 {
        self.read(4).to_le_bytes()[3]
    }

    /// The first USB 3 port, from its Supported Protocol capability.
    pub fn usb3_port(&self) -> u8 {
        let mut at = self.read(0x10) >> 16 << 2;
        loop {
            let header = self.read(at);
            if header & 0xFF == 2 && header >> 24 == 3 {
                return self.read(at + 8).to_le_bytes()[0];
            }
            assert_ne!(header >> 8 & 0xFF, 0, "there are USB 3 ports");
            at += (header >> 8 & 0xFF) << 2;
        }
    }

    /// Lets time pass until `done`, at most so many milliseconds.
    pub fn wait_ms(&mut self, limit: u64, done: impl Fn(&Self) -> bool) {
        for _ in 0..=limit * 100 {
            if done(self) {
                return;
            }
            self.run_us(10);
        }
        panic!("waited {limit} ms in vain");
    }

    /// Gives interrupter `id` a ring of one segment, in the order of Linux: ERSTSZ, ERSTBA, ERDP.
    pub fn event_ring(&mut self, id: u16, trbs: u16) {
        let base = EVENT_RINGS + u64::from(id) * 0x1_0000;
        let table = base + 0xFF00;
        self.memory.put(base, &vec![0; usize::from(trbs) * 16]);
        self.memory.put(table, &ErstEntry { segment: Gpa(base), trbs }.to_bytes());
        let ir = self.ir(id);
        self.write(ir + 8, 1);
        self.write64(ir + 0x10, table);
        self.write64(ir + 0x18, base);
        self.write(ir + 4, 0);
        let ring = EventRing { base, trbs: trbs.into(), at: 0, cycle: true };
        let index = usize::from(id);
        if index < self.rings.len() {
            self.rings[index] = ring;
        } else {
            self.rings.push(ring);
        }
    }

    pub fn ir(&self, id: u16) -> u32 {
        self.runtime + 0x20 + 0x20 * u32::from(id)
    }

    pub fn read(&self, offset: u32) -> u32 {
        self.xhc.read32(self.now, offset)
    }

    pub fn write(&mut self, offset: u32, value: u32) {
        self.xhc.write32(self.now, offset, value);
        self.settle();
    }

    pub fn write64(&mut self, offset: u32, value: u64) {
        self.xhc.mmio_write(self.now, offset.into(), &value.to_le_bytes());
        self.settle();
    }

    pub fn portsc(&self, port: u8) -> u32 {
        self.read(self.op + 0x400 + 0x10 * u32::from(port - 1))
    }

    pub fn write_portsc(&mut self, port: u8, value: u32) {
        self.write(self.op + 0x400 + 0x10 * u32::from(port - 1), value);
    }

    pub fn settle(&mut self) {
        while self.xhc.advance(self.now, &mut self.memory, Budget::default()) == Progress::More {}
        while let Some(output) = self.xhc.poll_output() {
            match output {
                Output::Message { vector } => self.interrupts.push((self.now, vector)),
                Output::Line { asserted } => self.line.push((self.now, asserted)),
                Output::SystemError => self.system_errors += 1,
                Output::PowerManagementEvent => self.wakes.push(self.now),
                _ => panic!("unknown output"),
            }
        }
    }

    /// Lets time pass, deadline by deadline.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.xhc.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.settle();
        }
        self.now = end;
        self.runs += 1;
        if self.runs.is_multiple_of(RUNS_TO_A_SNAPSHOT) {
            self.go_on_from_a_snapshot();
        }
    }

    /// PWR-14: replaces the controller by one that goes on from its snapshot. Nothing that a test sees may change by it.
    pub fn go_on_from_a_snapshot(&mut self) {
        let snapshot = self.xhc.snapshot();
        self.xhc = snapshot.resume(self.xhc.take_devices());
    }

    pub fn run_us(&mut self, us: u64) {
        self.run(Duration::from_micros(us));
    }

    /// The next event of a ring, without telling the controller.
    pub fn peek(&mut self, id: u16) -> Option<Trb> {
        let ring = &self.rings[usize::from(id)];
        let trb = Trb::from_bytes(self.memory.get(ring.base + ring.at * 16));
        (trb.cycle() == ring.cycle).then_some(trb)
    }

    /// Takes all events of a ring; `ack` writes ERDP with EHB.
    pub fn take_events(&mut self, id: u16, ack: bool) -> Vec<Trb> {
        let mut events = Vec::new();
        while let Some(trb) = self.peek(id) {
            events.push(trb);
            let ring = &mut self.rings[usize::from(id)];
            ring.at += 1;
            if ring.at == ring.trbs {
                ring.at = 0;
                ring.cycle = !ring.cycle;
            }
        }
        if ack {
            self.ack(id);
        }
        events
    }

    pub fn ack(&mut self, id: u16) {
        let ring = &self.rings[usize::from(id)];
        let at = ring.base + ring.at * 16;
        let offset = self.ir(id) + 0x18;
        self.write64(offset, at | 8);
    }

    /// Takes the events of a ring as lines.
    pub fn transcript(&mut self, id: u16) -> String {
        self.take_events(id, true).iter().map(|trb| format!("{:?}\n", trb.with_cycle(false))).collect()
    }

    /// Runs one command to its completion.
    pub fn command(&mut self, trb: Trb) -> CommandCompletion {
        let at = self.command.push(&mut self.memory, trb);
        self.write(self.doorbells, 0);
        // Drivers wait five seconds; nothing here takes longer than 20 ms.
        for _ in 0..40 {
            self.run_us(500);
            let mut answer = None;
            for event in self.take_events(0, true) {
                let completion = CommandCompletion::from_trb(event);
                if event.trb_type() == TrbType::COMMAND_COMPLETION_EVENT && completion.command == at {
                    answer = Some(completion);
                } else {
                    self.pending.push_back(event);
                }
            }
            if let Some(answer) = answer {
                return answer;
            }
        }
        panic!("a command completes")
    }

    pub fn command_code(&mut self, trb: Trb) -> CompletionCode {
        self.command(trb).code
    }

    /// Attaches a gadget, resets its port and addresses it. Returns its slot.
    pub fn enumerate(&mut self, port: u8, device: impl Device) -> SlotId {
        self.xhc.attach(self.now, PortId::new(port).unwrap(), Box::new(device)).unwrap();
        self.run_us(20_000);
        if self.portsc(port) & 2 == 0 {
            self.write_portsc(port, 0x200 | 0x10);
            self.wait_ms(100, |machine| machine.portsc(port) & 2 != 0);
        }
        let speed = Psiv((self.portsc(port) >> 10 & 0xF) as u8);
        self.write_portsc(port, 0x200 | 0x00FE_0000);
        self.take_events(0, true);
        let slot = self.command(command::enable_slot(0)).slot.unwrap();
        let device = CONTEXTS + u64::from(slot.get()) * 0x1000;
        self.memory.put(DCBAA + u64::from(slot.get()) * 8, &device.to_le_bytes());
        let context =
            SlotContext::new().with_speed(speed).with_context_entries(1).with_root_hub_port_number(port);
        let ep0 = EndpointContext::new()
            .with_ep_type(EndpointType::CONTROL)
            .with_cerr(3)
            .with_max_packet_size(if speed.0 >= 4 { 512 } else { 64 })
            .with_tr_dequeue_pointer(Gpa(ring_base(slot, Dci::EP0)))
            .with_dcs(true);
        let control = InputControlContext::new().adding_slot().adding(Dci::EP0);
        self.input(control, context, &[(Dci::EP0, ep0)]);
        let code = self.command_code(command::address_device(Gpa(INPUT), slot, false));
        assert_eq!(code, CompletionCode::SUCCESS);
        slot
    }

    /// Writes the input context.
    pub fn input(
        &mut self,
        control: InputControlContext,
        slot: SlotContext,
        endpoints: &[(Dci, EndpointContext)],
    ) {
        self.memory.put(INPUT, &control.to_bytes());
        self.memory.put(INPUT + self.csz.input_slot(), &slot.to_bytes());
        for (dci, context) in endpoints {
            self.memory.put(INPUT + self.csz.input_endpoint(*dci), &context.to_bytes());
        }
    }

    /// Adds endpoints to a configuration.
    pub fn configure(&mut self, slot: SlotId, endpoints: &[(Dci, EndpointContext)]) -> CompletionCode {
        let mut control = InputControlContext::new().adding_slot();
        for (dci, _) in endpoints {
            control = control.adding(*dci);
        }
        let context = SlotContext::new().with_context_entries(31);
        self.input(control, context, endpoints);
        self.command_code(command::configure_endpoint(Gpa(INPUT), slot, false))
    }

    pub fn endpoint_context(&self, slot: SlotId, dci: Dci) -> EndpointContext {
        let device = CONTEXTS + u64::from(slot.get()) * 0x1000;
        EndpointContext::from_bytes(self.memory.get(device + self.csz.device_endpoint(dci)))
    }

    pub fn slot_context(&self, slot: SlotId) -> SlotContext {
        SlotContext::from_bytes(self.memory.get(CONTEXTS + u64::from(slot.get()) * 0x1000))
    }

    pub fn ring_doorbell(&mut self, slot: SlotId, dci: Dci) {
        self.write(self.doorbells + 4 * u32::from(slot.get()), dci.get().into());
    }

    pub fn gadget(&mut self, port: u8) -> &mut Gadget {
        let device: &mut dyn std::any::Any = self.xhc.device_mut(PortId::new(port).unwrap()).unwrap();
        device.downcast_mut().unwrap()
    }
}

/// Where the tests put the ring of an endpoint.
pub fn ring_base(slot: SlotId, dci: Dci) -> u64 {
    RINGS + u64::from(slot.get()) * 0x2_0000 + u64::from(dci.get()) * 0x1000
}

/// A context for an endpoint whose ring is at [`ring_base`].
pub fn endpoint(slot: SlotId, dci: Dci, kind: EndpointType, mps: u16, interval: u8) -> EndpointContext {
    EndpointContext::new()
        .with_ep_type(kind)
        .with_cerr(if kind.is_isoch() { 0 } else { 3 })
        .with_max_packet_size(mps)
        .with_interval(interval)
        .with_max_esit_payload(if kind.is_periodic() { mps.into() } else { 0 })
        .with_tr_dequeue_pointer(Gpa(ring_base(slot, dci)))
        .with_dcs(true)
}

pub fn dci(number: u8, is_in: bool) -> Dci {
    Dci::from_endpoint(number, is_in).unwrap()
}
