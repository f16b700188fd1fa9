//! Fuzz bodies: functions of bytes. Here they run on a fixed corpus and on what proptest makes up; a fuzzer that
//! measures coverage can call the same functions. More cases: `PROPTEST_CASES=100000 cargo test fuzz`; a longer corpus, which
//! is made faster: `FUZZ_INPUTS=100000 cargo test the_corpus`.
//!
//! What they assert: no panic, an end of the work at each instant, the model's own invariants after each step, no
//! memory access while halted, one completion for each command and in order, and no event with a code that does not
//! exist.

use crate::support::probe::{Probe, Say};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use proptest::prelude::*;
use sim_time::{Duration, Instant};
use std::collections::VecDeque;
use usb_spec::Speed;
use xhci_model::{Budget, Profile, Progress};
use xhci_spec::context::EndpointType;
use xhci_spec::erst::ErstEntry;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, PortId, SlotId, Trb, TrbType};

/// Bytes taken one value after the other; what is missing at the end is 0.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            if let Some((first, rest)) = self.0.split_first() {
                (*byte, self.0) = (*first, rest);
            }
        }
        bytes
    }

    fn u8(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.u32() % limit
    }
}

/// Lets time pass to `end` and holds the controller to what it promises on the way.
fn run_to(machine: &mut Machine, end: Instant) {
    let mut steps = 0;
    while let Some(next) = machine.xhc.poll_timeout().filter(|next| *next <= end) {
        machine.now = machine.now.max(next);
        let mut calls = 0;
        // 64 * 256 tasks are far more than anything has to do at one instant.
        while machine.xhc.advance(machine.now, &mut machine.memory, Budget(256)) == Progress::More {
            calls += 1;
            assert!(calls < 64, "no end of work at {}", machine.now);
        }
        while machine.xhc.poll_output().is_some() {}
        steps += 1;
        assert!(steps < 1_000_000, "time does not go on at {}", machine.now);
    }
    machine.now = end;
    machine.xhc.check_invariants().unwrap();
}

fn is_halted(machine: &Machine) -> bool {
    machine.read(machine.op + 4) & 1 != 0
}

/// Halted, and neither about to run nor saving or restoring: no reason to touch memory.
fn is_at_rest(machine: &Machine) -> bool {
    const SSS_RSS: u32 = 3 << 8;
    machine.read(machine.op) & 1 == 0 && machine.read(machine.op + 4) & (1 | SSS_RSS) == 1
}

/// An offset in BAR 0: registers that matter, more often than holes.
fn offset(machine: &Machine, bytes: &mut Bytes<'_>) -> u32 {
    let low = u32::from(bytes.u8());
    match bytes.u8() % 8 {
        0 | 1 => machine.op + (low & 0x3C),
        2 => machine.op + 0x400 + (low & 0xFC),
        3 | 4 => machine.runtime + 0x20 + (low & 0x7C),
        5 | 6 => machine.doorbells + (low & 0x1C),
        _ => bytes.u32(),
    }
}

/// Any register, any memory, any time, devices that come and go.
fn anything(input: &[u8]) {
    let mut bytes = Bytes(input);
    let name = Profile::NAMES[usize::from(bytes.u8()) % Profile::NAMES.len()];
    let mut machine = Machine::new(name.parse().unwrap());
    machine.enumerate(1, Probe::new(Speed::High));
    while !bytes.is_empty() {
        let was_at_rest = is_at_rest(&machine);
        let mut may_start = false;
        machine.memory.take_accesses();
        match bytes.u8() % 8 {
            0..=2 => {
                let at = offset(&machine, &mut bytes);
                let value = match bytes.u8() % 3 {
                    0 => bytes.u8().into(),
                    // A page of the memory.
                    1 => u32::from(bytes.u8()) << 12 & 0x3F_F000 | 1,
                    _ => bytes.u32(),
                };
                may_start = at & !3 == machine.op;
                machine.xhc.write32(machine.now, at, value);
            }
            3 => {
                let at = offset(&machine, &mut bytes);
                let data = bytes.take::<8>();
                let length = usize::from(bytes.u8()) % 9;
                may_start = true;
                machine.xhc.mmio_write(machine.now, at.into(), &data[..length]);
            }
            4 => {
                let at = u64::from(bytes.below(0x40_0000) & !7);
                machine.memory.put(at, &bytes.take::<8>());
            }
            5 => {
                let at = offset(&machine, &mut bytes);
                let mut data = [0; 9];
                let length = usize::from(bytes.u8()) % 10;
                machine.xhc.mmio_read(machine.now, at.into(), &mut data[..length]);
            }
            6 => {
                let port = PortId::new(bytes.u8() % 4 + 1).unwrap();
                if machine.xhc.detach(machine.now, port).is_none() {
                    // A speed that does not fit is refused.
                    let _ = machine.xhc.attach(machine.now, port, Box::new(Probe::new(Speed::High)));
                }
            }
            _ => {}
        }
        let end = machine.now + Duration::from_micros(bytes.u16().into());
        run_to(&mut machine, end);
        if was_at_rest && is_halted(&machine) && !may_start {
            assert_eq!(machine.memory.take_accesses(), [], "memory accesses while halted");
        }
    }
}

/// Any TRBs on the ring of any endpoint.
fn any_ring(input: &[u8]) {
    let mut bytes = Bytes(input);
    let speed = [Speed::Low, Speed::Full, Speed::High, Speed::Super][usize::from(bytes.u8()) % 4];
    let kind = EndpointType(bytes.u8() % 7 + 1);
    let (mps, interval, burst) = (bytes.u16(), bytes.u8(), bytes.u8());
    let (cerr, payload) = (bytes.u8() % 4, bytes.u16());
    let mut machine = Machine::new(Profile::default());
    let port = if speed == Speed::Super { machine.usb3_port() } else { 1 };
    let slot = machine.enumerate(port, Probe::new(speed));
    let ep = if kind == EndpointType::CONTROL { Dci::EP0 } else { dci(1, kind.is_in()) };
    let context = endpoint(slot, ep, kind, mps, interval)
        .with_max_burst_size(burst)
        .with_mult(burst)
        .with_cerr(cerr)
        .with_max_esit_payload(payload.into());
    machine.configure(slot, &[(ep, context)]);
    {
        let device: &mut dyn std::any::Any = machine.xhc.device_mut(PortId::new(port).unwrap()).unwrap();
        let probe: &mut Probe = device.downcast_mut().unwrap();
        for number in [0, 1] {
            for _ in 0..8 {
                let say = match bytes.u8() % 6 {
                    0 => Say::Nak,
                    1 => Say::Silence,
                    2 => Say::Again(8),
                    3 => Say::Data(usize::from(bytes.u16()) % 1100),
                    _ => Say::Data(usize::from(mps).min(1024)),
                };
                probe.input[number].push_back(say);
                probe.output[number].push_back(say);
            }
        }
    }
    let base = ring_base(slot, ep);
    let mut index = 0;
    while !bytes.is_empty() && index < 200 {
        let (pointer, status, control) = (bytes.u32(), bytes.u32(), bytes.u32());
        let trb_type = u32::from(bytes.u8() % 14);
        // Pointers are mostly inside the memory, and Links mostly on this ring.
        let pointer = match (trb_type, pointer & 0xF) {
            (_, 0) => pointer,
            (6, _) => u32::try_from(base).unwrap() + (pointer >> 8) % 200 * 16,
            _ => 0x20_0000 + pointer % 0x10_0000,
        };
        let trb =
            Trb::from_dwords([pointer, 0, status & 0xFFC1_FFFF, control & !0xFC00 | trb_type << 10 | 1]);
        machine.memory.put(base + index * 16, &trb.to_bytes());
        index += 1;
    }
    let at = machine.doorbells + 4 * u32::from(slot.get());
    machine.xhc.write32(machine.now, at, ep.get().into());
    let end = machine.now + Duration::from_millis(20);
    run_to(&mut machine, end);
    for trb in machine.take_events(0, true) {
        assert!(exists(trb.completion_code()), "{trb:?}");
    }
}

/// TRB-40, TRB-76: the codes that a controller may write.
fn exists(code: CompletionCode) -> bool {
    matches!(code.0, 1..=29 | 31..=36)
}

/// Any event ring segment table, and then a good one.
fn any_event_ring_table(input: &[u8]) {
    let mut bytes = Bytes(input);
    let mut machine = Machine::new(Profile::default());
    let table = 0x3A_0000;
    let entries = bytes.u16();
    for index in 0..64 {
        let base = match bytes.u8() % 4 {
            0 => bytes.u32().into(),
            1 => u64::MAX - u64::from(bytes.u32()),
            _ => 0x30_0000 + u64::from(bytes.u8()) * 64,
        };
        let trbs = if bytes.u8() % 2 == 0 { bytes.u8().into() } else { bytes.u16() };
        let entry = ErstEntry { segment: Gpa(base), trbs };
        machine.memory.put(table + index * 16, &entry.to_bytes());
    }
    let ir = machine.ir(0);
    machine.xhc.write32(machine.now, ir + 8, entries.into());
    machine.xhc.mmio_write(machine.now, (ir + 0x10).into(), &(table | u64::from(bytes.u8())).to_le_bytes());
    let dequeue = 0x30_0000 + u64::from(bytes.u16()) % 0x8000;
    machine.xhc.mmio_write(machine.now, (ir + 0x18).into(), &dequeue.to_le_bytes());
    for _ in 0..40 {
        machine.command.push(&mut machine.memory, command::no_op());
        machine.xhc.write32(machine.now, machine.doorbells, 0);
        let end = machine.now + Duration::from_micros(100);
        run_to(&mut machine, end);
    }
    if is_halted(&machine) {
        // A segment where no memory is.
        assert_eq!(machine.read(machine.op + 4) & 4, 4, "HSE");
        return;
    }
    machine.event_ring(0, 256);
    let end = machine.now + Duration::from_millis(10);
    run_to(&mut machine, end);
    machine.take_events(0, true);
    assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
}

/// A driver that keeps to its own rings and does everything else at random.
fn a_driver(input: &[u8]) {
    let mut bytes = Bytes(input);
    let mut machine = Machine::new(Profile::default());
    let slot = machine.enumerate(1, Probe::new(Speed::High));
    let kinds = [
        (dci(1, true), EndpointType::BULK_IN, 512),
        (dci(2, false), EndpointType::BULK_OUT, 512),
        (dci(3, true), EndpointType::INTERRUPT_IN, 64),
        (dci(4, false), EndpointType::ISOCH_OUT, 64),
    ];
    let contexts = kinds.map(|(ep, kind, mps)| (ep, endpoint(slot, ep, kind, mps, 0)));
    assert_eq!(machine.configure(slot, &contexts), CompletionCode::SUCCESS);
    let mut rings = kinds.map(|(ep, ..)| Producer::new(ring_base(slot, ep), 32));
    // Commands that were given and have not completed.
    let mut commands = VecDeque::<Gpa>::new();
    while !bytes.is_empty() {
        let which = usize::from(bytes.u8()) % 4;
        let (ep, kind, _) = kinds[which];
        match bytes.u8() % 8 {
            0 | 1 => {
                let length = u32::from(bytes.u16()) % 2000;
                let trb = match bytes.u8() % 8 {
                    0 => transfer::no_op(),
                    1 => transfer::event_data(7),
                    2 => transfer::status_stage(true),
                    _ if kind.is_isoch() => transfer::isoch(Gpa(BUFFERS), length, transfer::IsochStart::Asap),
                    _ => transfer::normal(Gpa(BUFFERS), length),
                };
                let flags = bytes.u8();
                let trb = trb
                    .with_ioc(flags & 1 != 0)
                    .with_chain(flags & 6 == 2)
                    .with_bei(flags & 8 != 0)
                    .with_interrupter_target(InterrupterId(u16::from(flags >> 7)));
                rings[which].push(&mut machine.memory, trb);
                machine.ring_doorbell(slot, ep);
            }
            2 => machine.ring_doorbell(slot, ep),
            3 | 4 if commands.len() < 40 => {
                let ring = &rings[which];
                let trb = match bytes.u8() % 6 {
                    0 => command::stop_endpoint(slot, ep, false),
                    1 => command::reset_endpoint(slot, ep, bytes.u8() % 2 == 0),
                    2 | 3 => {
                        let at = Gpa(ring.base + ring.at * 16);
                        command::set_tr_dequeue_pointer(slot, ep, at, ring.cycle)
                    }
                    4 => command::no_op(),
                    _ => Trb { parameter: 0, ..Trb::of_type(TrbType(bytes.u8() & 0x3F)) }
                        .with_slot_id(SlotId::new(9)),
                };
                if !matches!(trb.trb_type(), TrbType::LINK | TrbType::ENABLE_SLOT) {
                    commands.push_back(machine.command.push(&mut machine.memory, trb));
                    machine.write(machine.doorbells, 0);
                }
            }
            5 => {
                let port = PortId::new(1).unwrap();
                let device: &mut dyn std::any::Any = machine.xhc.device_mut(port).unwrap();
                let probe: &mut Probe = device.downcast_mut().unwrap();
                let say = match bytes.u8() % 8 {
                    0 => Say::Stall,
                    1 => Say::Silence,
                    2 => Say::Nak,
                    3 => Say::Again(8),
                    _ => Say::Data(usize::from(bytes.u16()) % 600),
                };
                let number = usize::from(ep.endpoint_number());
                let answers = if ep.is_in() { &mut probe.input } else { &mut probe.output };
                answers[number].push_back(say);
            }
            6 => {
                // RS off and on: what was not executed is still on the ring.
                machine.write(machine.op, 4);
                machine.wait_ms(16, is_halted);
                machine.memory.take_accesses();
                machine.ring_doorbell(slot, ep);
                machine.run_us(500);
                assert_eq!(machine.memory.take_accesses(), [], "memory accesses while halted");
                machine.write(machine.op, 5);
                machine.wait_ms(16, |machine| !is_halted(machine));
                machine.write(machine.doorbells, 0);
            }
            _ => {
                let ack = bytes.u8() % 4 > 0;
                take(&mut machine, &mut commands, ack);
            }
        }
        let end = machine.now + Duration::from_micros(u64::from(bytes.u8()) * 4);
        run_to(&mut machine, end);
    }
    for _ in 0..40 {
        take(&mut machine, &mut commands, true);
        let end = machine.now + Duration::from_millis(1);
        run_to(&mut machine, end);
    }
    assert_eq!(commands, [], "each command completes");
}

/// Takes the events of both rings: commands in order and once, codes that exist.
fn take(machine: &mut Machine, commands: &mut VecDeque<Gpa>, ack: bool) {
    for interrupter in [0, 1] {
        for trb in machine.take_events(interrupter, ack) {
            assert!(exists(trb.completion_code()), "{trb:?}");
            if trb.trb_type() == TrbType::COMMAND_COMPLETION_EVENT {
                assert_eq!(interrupter, 0, "commands are told to interrupter 0");
                assert_eq!(Some(trb.pointer()), commands.pop_front(), "in order, once each");
            }
        }
    }
}

/// Streams of bytes that look random and are always the same.
fn corpus(length: usize) -> impl Iterator<Item = Vec<u8>> {
    let inputs = std::env::var("FUZZ_INPUTS").map_or(64, |inputs| inputs.parse().unwrap());
    (0..inputs).map(move |seed: u64| {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1;
        let byte = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[4]
        };
        (0..length).map(byte).collect()
    })
}

/// Inputs that once broke something, and edges.
const FOUND: &[&[u8]] = &[&[], &[0], &[0xFF; 64], &[0x55; 400], &[0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]];

fn replay(body: fn(&[u8]), length: usize) {
    FOUND.iter().for_each(|input| body(input));
    corpus(length).for_each(|input| body(&input));
}

#[test] // req: SEC-01, OPR-07, OPR-13, ERR-07, ERR-08
fn the_corpus_of_anything() {
    replay(anything, 1500);
}

#[test] // req: SEC-01, SEC-05, SEC-08
fn the_corpus_of_rings() {
    replay(any_ring, 800);
}

#[test] // req: SEC-09, EVR-02
fn the_corpus_of_event_ring_tables() {
    replay(any_event_ring_table, 500);
}

#[test] // req: SEC-01, SEC-06, CMD-01, RNG-31, EVR-20, TRB-40, TRB-76
fn the_corpus_of_drivers() {
    replay(a_driver, 1500);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test] // req: SEC-01, OPR-07, OPR-13, ERR-07, ERR-08
    fn anything_may_be_written_anywhere(input in proptest::collection::vec(any::<u8>(), 0..2000)) {
        anything(&input);
    }

    #[test] // req: SEC-01, SEC-05, SEC-08
    fn any_ring_may_be_rung(input in proptest::collection::vec(any::<u8>(), 0..1000)) {
        any_ring(&input);
    }

    #[test] // req: SEC-09, EVR-02
    fn any_table_may_be_given(input in proptest::collection::vec(any::<u8>(), 0..600)) {
        any_event_ring_table(&input);
    }

    #[test] // req: SEC-01, SEC-06, CMD-01, RNG-31, EVR-20
    fn a_driver_may_do_anything_on_its_rings(input in proptest::collection::vec(any::<u8>(), 0..2000)) {
        a_driver(&input);
    }
}
