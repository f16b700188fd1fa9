//! Event storms, interrupt handlers, and a record of what the controller does outside of itself.

pub mod segments;

use super::gadget::Gadget;
use super::memory::Memory;
use super::{BUFFERS, INPUT, Machine, Producer, dci, endpoint, ring_base};
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_model::{Budget, Dma, DmaError, Output, Profile, Progress};
use xhci_spec::context::{EndpointType, InputControlContext};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, SlotId, Trb};

/// Bits of IMAN, ERDP, USBSTS and USBCMD.
pub const IP: u32 = 1;
pub const IE: u32 = 2;
pub const EHB: u32 = 8;
pub const EINT: u32 = 8;
pub const INTE: u32 = 4;

/// Runs a test on a machine of each named profile that has more than one interrupter.
pub fn on_every_profile_with_secondaries(test: impl Fn(Machine)) {
    super::on_every_profile(|machine| {
        if machine.read(4) >> 8 & 0x7FF > 1 {
            test(machine);
        }
    });
}

/// A slot at port 1 with one bulk endpoint of this kind, and the ring of that.
pub fn bulk(machine: &mut Machine, kind: EndpointType) -> (SlotId, Dci, Producer) {
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, kind.is_in());
    machine.configure(slot, &[(ep, endpoint(slot, ep, kind, 512, 0))]);
    (slot, ep, Producer::new(ring_base(slot, ep), 128))
}

/// Eight bytes, to be reported to interrupter `target`.
pub fn normal(target: u16) -> Trb {
    transfer::normal(Gpa(BUFFERS), 8).with_ioc(true).with_interrupter_target(InterrupterId(target))
}

/// The ring of `id` has 64 TRBs and room for no event: the first one makes it full.
pub fn clog(machine: &mut Machine, id: u16) {
    machine.event_ring(id, 64);
    let ring = machine.rings[usize::from(id)].base;
    machine.write64(machine.ir(id) + 0x18, ring + 2 * 16);
}

/// What the controller did outside of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    Read { at: u64, bytes: usize },
    Write { at: u64, bytes: usize },
    Publish { at: u64 },
    Message { vector: u16 },
    Line { asserted: bool },
}

struct Recorder<'a> {
    memory: &'a mut Memory,
    acts: &'a mut Vec<(Instant, Act)>,
    now: Instant,
}

impl Recorder<'_> {
    fn record(&mut self, act: Act) {
        self.acts.push((self.now, act));
    }
}

impl Dma for Recorder<'_> {
    fn read(&mut self, address: Gpa, buffer: &mut [u8]) -> Result<(), DmaError> {
        self.record(Act::Read { at: address.0, bytes: buffer.len() });
        self.memory.read(address, buffer)
    }
    fn write(&mut self, address: Gpa, data: &[u8]) -> Result<(), DmaError> {
        self.record(Act::Write { at: address.0, bytes: data.len() });
        self.memory.write(address, data)
    }
    fn acquire_u32(&mut self, address: Gpa) -> Result<u32, DmaError> {
        self.record(Act::Read { at: address.0, bytes: 4 });
        self.memory.acquire_u32(address)
    }
    fn publish_u32(&mut self, address: Gpa, value: u32) -> Result<(), DmaError> {
        self.record(Act::Publish { at: address.0 });
        self.memory.publish_u32(address, value)
    }
}

impl Machine {
    /// Lets time pass one piece of work after the other, and tells what each did to the outside.
    pub fn record(&mut self, time: Duration) -> Vec<(Instant, Act)> {
        let mut acts = Vec::new();
        let end = self.now + time;
        while let Some(next) = self.xhc.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            loop {
                let now = self.now;
                let mut recorder = Recorder { memory: &mut self.memory, acts: &mut acts, now };
                let progress = self.xhc.advance(now, &mut recorder, Budget(1));
                while let Some(output) = self.xhc.poll_output() {
                    acts.push((
                        now,
                        match output {
                            Output::Message { vector } => Act::Message { vector },
                            Output::Line { asserted } => Act::Line { asserted },
                            other => panic!("{other:?}"),
                        },
                    ));
                }
                if progress == Progress::Idle {
                    break;
                }
            }
        }
        self.now = end;
        acts
    }

    /// Lets time pass; `handler` is called with the vector of each message, when it arrives.
    pub fn run_handling(&mut self, time: Duration, mut handler: impl FnMut(&mut Self, u16)) {
        let end = self.now + time;
        let mut handled = self.interrupts.len();
        loop {
            while let Some((_, vector)) = self.interrupts.get(handled).copied() {
                handled += 1;
                handler(self, vector);
            }
            let Some(next) = self.xhc.poll_timeout().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            self.settle();
        }
        self.now = end;
    }

    /// Queues No-Op commands with one doorbell, and waits until `count` more events are on the primary ring.
    pub fn no_ops(&mut self, count: usize) {
        let before = self.available(0);
        for _ in 0..count {
            self.command.push(&mut self.memory, command::no_op());
        }
        self.write(self.doorbells, 0);
        self.wait_for_events(0, before + count);
    }

    /// Lets time pass, no longer than needed, until `count` events wait on a ring.
    pub fn wait_for_events(&mut self, id: u16, count: usize) {
        let limit = self.now + Duration::from_secs(1);
        while self.available(id) < count {
            let next = self.xhc.poll_timeout().filter(|next| *next < limit).expect("events come");
            self.now = self.now.max(next);
            self.settle();
        }
    }

    /// How many events of a ring are not taken yet.
    pub fn available(&self, id: u16) -> usize {
        let ring = &self.rings[usize::from(id)];
        let (mut at, mut cycle, mut count) = (ring.at, ring.cycle, 0);
        while Trb::from_bytes(self.memory.get(ring.base + at * 16)).cycle() == cycle && count < 4096 {
            count += 1;
            at += 1;
            if at == ring.trbs {
                at = 0;
                cycle = !cycle;
            }
        }
        count
    }

    pub fn iman(&self, id: u16) -> u32 {
        self.read(self.ir(id))
    }

    /// IMODC.
    pub fn imodc(&self, id: u16) -> u32 {
        self.read(self.ir(id) + 4) >> 16
    }

    pub fn ehb(&self, id: u16) -> bool {
        self.read(self.ir(id) + 0x18) & EHB != 0
    }

    pub fn eint(&self) -> bool {
        self.read(self.op + 4) & EINT != 0
    }

    /// A bulk endpoint that reports a packet of 8 bytes after the other to interrupter `target`, for ever: its ring
    /// leads back to its start without toggling the cycle.
    pub fn storm(&mut self, port: u8, target: u16) {
        let slot = self.enumerate(port, Gadget::new(Speed::High));
        let ep = dci(1, false);
        self.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_OUT, 512, 0))]);
        let base = ring_base(slot, ep);
        for index in 0..15 {
            let trb = transfer::normal(Gpa(BUFFERS), 8).with_ioc(true);
            let trb = trb.with_interrupter_target(InterrupterId(target)).with_cycle(true);
            self.memory.put(base + index * 16, &trb.to_bytes());
        }
        self.memory.put(base + 15 * 16, &transfer::link(Gpa(base), false).with_cycle(true).to_bytes());
        self.ring_doorbell(slot, ep);
    }

    /// The slot's own events, such as xruns, go to interrupter `target`.
    pub fn target_slot(&mut self, slot: SlotId, target: u16) {
        let context = self.slot_context(slot).with_interrupter_target(InterrupterId(target));
        self.input(InputControlContext::new().adding_slot(), context, &[]);
        let code = self.command_code(command::evaluate_context(Gpa(INPUT), slot));
        assert_eq!(code, CompletionCode::SUCCESS);
    }

    /// A machine of the default profile.
    pub fn typical() -> Self {
        Self::new(Profile::default())
    }
}
