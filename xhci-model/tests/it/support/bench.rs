//! One endpoint on a bench: its ring written in a few letters, its device a [`Probe`], its events in a few more.

use super::probe::Probe;
use super::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use sim_time::Duration;
use std::any::Any;
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Profile, Violation};
use xhci_spec::context::{EndpointContext, EndpointState, EndpointType};
use xhci_spec::trb::event::TransferEvent;
use xhci_spec::trb::{TransferType, command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, PortId, SlotId, Trb, TrbType};

pub struct Bench {
    pub machine: Machine,
    pub port: u8,
    pub slot: SlotId,
    pub ep: Dci,
    pub ring: Producer,
    /// Where the next buffer is.
    pub buffer: u64,
}

impl Bench {
    /// Endpoint 1 of the given type, or the default endpoint, with the packet size that is usual for it.
    pub fn new(profile: Profile, speed: Speed, kind: EndpointType) -> Self {
        let mps = match (speed, kind) {
            (Speed::Low, _) => 8,
            (Speed::Super | Speed::SuperPlus, EndpointType::BULK_IN | EndpointType::BULK_OUT) => 1024,
            (Speed::High, EndpointType::BULK_IN | EndpointType::BULK_OUT) => 512,
            _ => 64,
        };
        Self::with(profile, speed, kind, |context| context.with_max_packet_size(mps))
    }

    /// The same with a context that `change` made.
    pub fn with(
        profile: Profile,
        speed: Speed,
        kind: EndpointType,
        change: impl Fn(EndpointContext) -> EndpointContext,
    ) -> Self {
        let mut machine = Machine::new(profile);
        let is_super = matches!(speed, Speed::Super | Speed::SuperPlus);
        let port = if is_super { machine.usb3_port() } else { 1 };
        let slot = machine.enumerate(port, Probe::new(speed));
        let ep = if kind == EndpointType::CONTROL { Dci::EP0 } else { dci(1, kind.is_in()) };
        if kind != EndpointType::CONTROL {
            let interval =
                if kind.is_periodic() && matches!(speed, Speed::Full | Speed::Low) { 3 } else { 0 };
            let context = change(endpoint(slot, ep, kind, 64, interval));
            assert_eq!(machine.configure(slot, &[(ep, context)]), CompletionCode::SUCCESS);
        }
        let ring = Producer::new(ring_base(slot, ep), 64);
        let mut bench = Self { machine, port, slot, ep, ring, buffer: BUFFERS };
        bench.probe().seen.clear();
        bench
    }

    pub fn probe(&mut self) -> &mut Probe {
        let device: &mut dyn Any = self.machine.xhc.device_mut(PortId::new(self.port).unwrap()).unwrap();
        device.downcast_mut().unwrap()
    }

    /// Writes TRBs: `N100 ch isp, N28 ioc`. Letters: N Normal, S Setup (`S wLength in/out/no`), D Data Stage
    /// (`D64 in`), T Status Stage (`T in`), I Isoch (as soon as possible), E Event Data, 0 No Op. Buffers follow one another in memory.
    pub fn trbs(&mut self, text: &str) -> Vec<Gpa> {
        text.split(',').map(|one| self.trb(one.trim())).collect()
    }

    fn trb(&mut self, text: &str) -> Gpa {
        let trb = self.parse(text);
        self.ring.push(&mut self.machine.memory, trb)
    }

    /// The TRB that a text stands for.
    pub fn parse(&mut self, text: &str) -> Trb {
        let mut words = text.split(' ');
        let head = words.next().unwrap();
        let number: u32 = head[1..].parse().unwrap_or(0);
        let words: Vec<&str> = words.collect();
        let has = |word| words.contains(&word);
        let trb = match &head[..1] {
            "N" => transfer::normal(Gpa(self.buffer), number),
            "D" => transfer::data_stage(Gpa(self.buffer), number, has("in")),
            "I" => transfer::isoch(Gpa(self.buffer), number, transfer::IsochStart::Asap),
            "T" => transfer::status_stage(has("in")),
            "E" => transfer::event_data(0xE000 + u64::from(number)),
            "0" => transfer::no_op(),
            "S" => {
                let (trt, request_type) = match (has("in"), has("out")) {
                    (true, _) => (TransferType::IN, 0x80),
                    (_, true) => (TransferType::OUT, 0),
                    _ => (TransferType::NO_DATA, 0),
                };
                let [low, high, ..] = number.to_le_bytes();
                transfer::setup_stage([request_type, 9, 0, 0, 0, 0, low, high], trt)
            }
            other => panic!("unknown TRB {other}"),
        };
        if matches!(&head[..1], "N" | "D" | "I") {
            self.buffer += u64::from(number);
        }
        let target = if has("ir1") { InterrupterId(1) } else { InterrupterId(0) };
        trb.with_chain(has("ch"))
            .with_ioc(has("ioc"))
            .with_interrupter_target(target)
            .with_control_flag(1, has("ent"))
            .with_control_flag(2, has("isp"))
            .with_control_flag(6, has("idt") || trb.idt())
    }

    /// Rings the doorbell and lets 10 ms pass.
    pub fn go(&mut self) {
        self.machine.ring_doorbell(self.slot, self.ep);
        self.machine.run(Duration::from_millis(10));
    }

    /// The transfer events of interrupter 0 since the last call, in one line: `13@1:50` is code 13 for the TRB at index
    /// 1 of the ring with length 50, `1=e001:600` an Event Data TRB's.
    pub fn events(&mut self) -> String {
        self.events_of(0)
    }

    pub fn events_of(&mut self, interrupter: u16) -> String {
        let mut events: Vec<Trb> = self.machine.pending.drain(..).collect();
        events.extend(self.machine.take_events(interrupter, true));
        let base = self.ring.base;
        let mut text = String::new();
        for trb in events.iter().filter(|trb| trb.trb_type() == TrbType::TRANSFER_EVENT) {
            let event = TransferEvent::from_trb(*trb);
            assert_eq!((event.slot, event.endpoint), (Some(self.slot), Some(self.ep)));
            let TransferEvent { parameter, code, length, .. } = event;
            let end = base + self.ring.trbs * 16;
            let space = if text.is_empty() { "" } else { " " };
            match parameter {
                _ if event.event_data => write!(text, "{space}{}={parameter:x}:{length}", code.0),
                at if (base..end).contains(&at) => {
                    write!(text, "{space}{}@{}:{length}", code.0, (at - base) / 16)
                }
                at => write!(text, "{space}{}@{at:#x}:{length}", code.0),
            }
            .unwrap();
        }
        text
    }

    pub fn state(&self) -> EndpointState {
        self.machine.endpoint_context(self.slot, self.ep).ep_state()
    }

    /// The dequeue pointer in the output context, as an index into the ring.
    pub fn dequeue(&self) -> u64 {
        let at = self.machine.endpoint_context(self.slot, self.ep).tr_dequeue_pointer();
        (at.0 - self.ring.base) / 16
    }

    pub fn stop(&mut self) -> CompletionCode {
        self.machine.command_code(command::stop_endpoint(self.slot, self.ep, false))
    }

    pub fn reset(&mut self, preserve: bool) -> CompletionCode {
        self.machine.command_code(command::reset_endpoint(self.slot, self.ep, preserve))
    }

    /// Set TR Dequeue Pointer to where the next TRB will be written.
    pub fn set_dequeue_to_end(&mut self) -> CompletionCode {
        let (at, cycle) = (Gpa(self.ring.base + self.ring.at * 16), self.ring.cycle);
        self.machine.command_code(command::set_tr_dequeue_pointer(self.slot, self.ep, at, cycle))
    }

    /// After a halt: Reset Endpoint, and on at the end of what was written.
    pub fn recover(&mut self) {
        assert_eq!(self.reset(false), CompletionCode::SUCCESS);
        assert_eq!(self.set_dequeue_to_end(), CompletionCode::SUCCESS);
    }

    pub fn violations(&self, violation: Violation) -> u64 {
        self.machine.xhc.violations(violation)
    }
}

trait ControlFlag {
    fn with_control_flag(self, bit: u32, set: bool) -> Self;
}

impl ControlFlag for Trb {
    fn with_control_flag(self, bit: u32, set: bool) -> Self {
        Self { control: self.control & !(1 << bit) | u32::from(set) << bit, ..self }
    }
}
