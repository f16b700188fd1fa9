//! How much goes over a bus, and when: saturated buses, frames, NAKs, time-outs, the order of service.

use crate::support::any_profile;
use crate::support::gadget::{Answer, Gadget};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_model::{BitStuffing, Latencies, Outcome, Policy, Profile, TransactionKind};
use xhci_spec::context::{EndpointContext, EndpointType};
use xhci_spec::trb::{TransferType, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, SlotId};

/// Bandwidth is not refused, so that a bus can be filled.
fn unlimited(policy: Policy) -> Profile {
    let policy = Policy { unlimited_bandwidth: true, ..policy };
    Profile { policy, latencies: Latencies::INSTANT, ..Profile::default() }
}

/// The root port for a device of that speed.
fn port_for(machine: &Machine, speed: Speed) -> u8 {
    if speed.is_super() { machine.usb3_port() } else { 1 }
}

/// A device with so many endpoints of one kind, all of them fed for some milliseconds.
struct Load {
    machine: Machine,
    speed: Speed,
}

impl Load {
    fn new(speed: Speed, kind: EndpointType, packets: &[u8], mps: u16, policy: Policy) -> Self {
        let interval = if speed.has_microframes() || !kind.is_periodic() { 0 } else { 3 };
        Self::at_interval(interval, speed, kind, packets, mps, policy)
    }

    fn at_interval(
        interval: u8,
        speed: Speed,
        kind: EndpointType,
        packets: &[u8],
        mps: u16,
        policy: Policy,
    ) -> Self {
        let mut machine = Machine::new(unlimited(policy));
        let mut gadget = Gadget::new(speed);
        for number in (1..16).filter(|_| kind.is_isoch()) {
            gadget = gadget.isochronous(number);
        }
        let port = port_for(&machine, speed);
        let slot = machine.enumerate(port, gadget);
        let mut contexts: Vec<(Dci, EndpointContext)> = Vec::new();
        for (number, packets) in (1..).zip(packets) {
            let ep = dci(number, kind.is_in());
            let burst = packets.min(&16) - 1;
            let context = endpoint(slot, ep, kind, mps, interval)
                .with_max_burst_size(burst)
                .with_mult(packets.div_ceil(16) - 1)
                .with_max_esit_payload(if kind.is_periodic() {
                    u32::from(mps) * u32::from(*packets)
                } else {
                    0
                });
            contexts.push((ep, context));
        }
        assert_eq!(machine.configure(slot, &contexts), CompletionCode::SUCCESS);
        for ((ep, _), packets) in contexts.into_iter().zip(packets) {
            let mut ring = Producer::new(ring_base(slot, ep), 256);
            for _ in 0..200 {
                let bytes = if kind.is_periodic() { u32::from(mps) * u32::from(*packets) } else { 0x1_0000 };
                let trb = if kind.is_isoch() {
                    transfer::isoch(Gpa(BUFFERS), bytes, transfer::IsochStart::Asap)
                } else {
                    transfer::normal(Gpa(BUFFERS), bytes)
                };
                ring.push(&mut machine.memory, trb);
            }
            if kind.is_in() {
                for _ in 0..2_000 {
                    machine.gadget(port).answer(ep.endpoint_number(), Answer::Data(vec![7; mps.into()]));
                }
            }
            machine.ring_doorbell(slot, ep);
        }
        Self { machine, speed }
    }

    /// Data packets that the device saw in each of some frames, or microframes.
    fn counts(mut self, frames: usize) -> Vec<usize> {
        self.machine.run_us(3_000);
        let begin = self.machine.reach_next_frame();
        let unit = if self.speed.has_microframes() { Duration::MICROFRAME } else { Duration::FRAME };
        self.machine.run(unit * frames as u64);
        let port = port_for(&self.machine, self.speed);
        let gadget = self.machine.gadget(port);
        let times: Vec<Instant> = gadget
            .received
            .iter()
            .map(|(at, _, _)| *at)
            .chain(gadget.asked.iter().map(|(at, _)| *at))
            .collect();
        let mut counts = vec![0; frames];
        for at in times.into_iter().filter(|at| *at >= begin) {
            if let Some(count) = counts.get_mut(usize::try_from(at.since(begin).div_floor(unit)).unwrap()) {
                *count += 1;
            }
        }
        counts
    }
}

#[test] // req: TIM-02, TIM-06, TIM-07, TIM-12, TIM-13, TIM-14, TIM-15
fn the_maxima_come_out_of_a_saturated_bus() {
    use EndpointType as Kind;
    let none = Policy::DEFAULT;
    let worst = Policy { bit_stuffing: BitStuffing::Worst, ..none };
    let raw = Policy { super_speed_efficiency_percent: 100, ..none };
    // As real controllers do it: eleven packets in place of thirteen.
    let slow = Policy { turnaround_extra: Duration::from_nanos(1_600), ..none };
    /// Speed, type, packets in an interval of each endpoint, their size, and how many go in a (micro)frame.
    type Row = (Speed, EndpointType, &'static [u8], u16, Policy, usize);
    let table: [Row; 22] = [
        (Speed::High, Kind::BULK_OUT, &[1], 512, none, 13),
        (Speed::High, Kind::BULK_IN, &[1], 512, none, 13),
        (Speed::High, Kind::BULK_OUT, &[1, 1, 1], 512, none, 13),
        (Speed::High, Kind::BULK_OUT, &[1], 512, worst, 11),
        (Speed::High, Kind::BULK_OUT, &[1], 512, slow, 11),
        (Speed::High, Kind::ISOCH_OUT, &[3], 1024, none, 3),
        (Speed::High, Kind::ISOCH_OUT, &[3, 3, 1], 1024, none, 7),
        (Speed::High, Kind::ISOCH_IN, &[3, 3, 1], 1024, none, 7),
        (Speed::High, Kind::ISOCH_IN, &[3, 3], 1024, worst, 6),
        (Speed::High, Kind::INTERRUPT_OUT, &[3, 3], 1024, none, 6),
        (Speed::Full, Kind::BULK_OUT, &[1], 64, none, 19),
        (Speed::Full, Kind::BULK_IN, &[1], 64, none, 19),
        (Speed::Full, Kind::INTERRUPT_OUT, &[1; 15], 64, none, 15),
        (Speed::Full, Kind::ISOCH_OUT, &[1], 1023, none, 1),
        (Speed::Full, Kind::ISOCH_IN, &[1], 1023, worst, 1),
        (Speed::Low, Kind::INTERRUPT_IN, &[1; 12], 8, none, 9),
        (Speed::Low, Kind::INTERRUPT_OUT, &[1; 12], 8, none, 9),
        (Speed::Low, Kind::INTERRUPT_IN, &[1; 12], 8, worst, 8),
        (Speed::Super, Kind::BULK_OUT, &[16], 1024, none, 54),
        (Speed::Super, Kind::BULK_OUT, &[16], 1024, raw, 59),
        (Speed::Super, Kind::ISOCH_OUT, &[48], 1024, none, 48),
        (Speed::SuperPlus, Kind::BULK_OUT, &[16], 1024, none, 131),
    ];
    for (speed, kind, packets, mps, policy, expected) in table {
        let counts = Load::new(speed, kind, packets, mps, policy).counts(8);
        assert_eq!(counts, [expected; 8], "{speed} {kind} {packets:?} of {mps}, {policy:?}");
    }
}

#[test] // req: TIM-06
fn so_many_control_transfers_fit_a_frame() {
    for (speed, bytes, expected) in [(Speed::High, 64, 31), (Speed::Full, 64, 13), (Speed::Low, 8, 3)] {
        let mut machine = Machine::new(unlimited(Policy::DEFAULT));
        let slot = machine.enumerate(1, Gadget::new(speed));
        let mut ring = Producer::new(ring_base(slot, Dci::EP0), 256);
        for _ in 0..40 {
            machine.gadget(1).answer(0, Answer::Data(vec![1; bytes.into()]));
            let memory = &mut machine.memory;
            ring.push(memory, transfer::setup_stage([0xC0, 1, 0, 0, 0, 0, bytes, 0], TransferType::IN));
            ring.push(memory, transfer::data_stage(Gpa(BUFFERS), bytes.into(), true));
            ring.push(memory, transfer::status_stage(false));
        }
        machine.reach_next_frame();
        machine.gadget(1).received.clear();
        machine.ring_doorbell(slot, Dci::EP0);
        machine.run(if speed.has_microframes() { Duration::MICROFRAME } else { Duration::FRAME });
        assert_eq!(machine.gadget(1).received.len(), expected, "{speed}: status stages");
    }
}

/// A device with one endpoint.
fn one_endpoint(
    speed: Speed,
    kind: EndpointType,
    mps: u16,
    interval: u8,
) -> (Machine, SlotId, Dci, Producer) {
    let mut machine = Machine::new(unlimited(Policy::DEFAULT));
    let port = port_for(&machine, speed);
    let slot = machine.enumerate(port, Gadget::new(speed));
    let ep = dci(1, kind.is_in());
    let context = endpoint(slot, ep, kind, mps, interval);
    assert_eq!(machine.configure(slot, &[(ep, context)]), CompletionCode::SUCCESS);
    (machine, slot, ep, Producer::new(ring_base(slot, ep), 64))
}

#[test] // req: TIM-08, TIM-15
fn no_transaction_goes_over_the_end_of_its_frame() {
    use EndpointType as Kind;
    let table: &[(Speed, Kind, &[u8], u16, u64)] = &[
        // SOF: 12 byte times of high speed, 5 of full speed; a timestamp packet of 20 symbols.
        (Speed::High, Kind::BULK_OUT, &[1, 1], 512, 12_000),
        (Speed::High, Kind::ISOCH_OUT, &[3, 3, 3], 1024, 12_000),
        (Speed::High, Kind::INTERRUPT_IN, &[3, 3, 3], 1024, 12_000),
        (Speed::Full, Kind::BULK_IN, &[1], 64, 200_000),
        (Speed::Full, Kind::ISOCH_OUT, &[1, 1], 1023, 200_000),
        (Speed::Low, Kind::INTERRUPT_IN, &[1; 12], 8, 200_000),
        (Speed::Super, Kind::BULK_OUT, &[16], 1024, 2_609),
        (Speed::SuperPlus, Kind::ISOCH_OUT, &[48, 48, 48], 1024, 1_077),
    ];
    for (speed, kind, packets, mps, start_of_frame) in table {
        let mut load = Load::new(*speed, *kind, packets, *mps, Policy::DEFAULT);
        let origin = load.machine.origin();
        load.machine.log_bus();
        load.machine.run_us(4_000);
        let frame = if speed.has_microframes() { Duration::MICROFRAME } else { Duration::FRAME }.as_ticks();
        let transactions = load.machine.on_bus();
        let mut first = u64::MAX;
        for each in &transactions {
            let (begin, end) = (each.begin.since(origin).as_ticks(), each.end.since(origin).as_ticks());
            assert_eq!(begin / frame, (end - 1) / frame, "{speed} {kind}: {each:?}");
            first = first.min(begin % frame);
        }
        assert_eq!(first, *start_of_frame, "{speed} {kind}: where a frame opens");
    }
}

#[test] // req: TIM-08
fn no_stage_of_a_control_transfer_goes_over_the_end_of_its_frame() {
    for speed in [Speed::Low, Speed::Full, Speed::High] {
        let mut machine = Machine::new(unlimited(Policy::DEFAULT));
        let slot = machine.enumerate(1, Gadget::new(speed));
        let mut ring = Producer::new(ring_base(slot, Dci::EP0), 256);
        let origin = machine.origin();
        machine.log_bus();
        let frame = if speed.has_microframes() { Duration::MICROFRAME } else { Duration::FRAME };
        for _ in 0..10 {
            for _ in 0..120 {
                ring.push(&mut machine.memory, transfer::setup_stage([0; 8], TransferType::NO_DATA));
                ring.push(&mut machine.memory, transfer::status_stage(true));
            }
            machine.ring_doorbell(slot, Dci::EP0);
            machine.run(Duration::from_millis(40));
        }
        let stages = machine.on_bus();
        assert_eq!(stages.len(), 10 * 120 * 2, "{speed}");
        for each in stages {
            let (begin, end) = (each.begin.since(origin), each.end.since(origin));
            assert_eq!(begin.div_floor(frame), (end - Duration::from_ticks(1)).div_floor(frame), "{each:?}");
        }
    }
}

/// Intervals of two microframes: the third endpoint of one is put off to the other, with all of its packets.
#[test] // req: TIM-08, ISO-32
fn an_isochronous_interval_is_not_begun_at_the_end_of_a_microframe() {
    let load = (Speed::High, EndpointType::ISOCH_OUT, &[3; 5], 1000, Policy::DEFAULT);
    let mut load = Load::at_interval(1, load.0, load.1, load.2, load.3, load.4);
    let origin = load.machine.origin();
    load.machine.log_bus();
    load.machine.run_us(4_000);
    let intervals = load.machine.on_bus();
    assert!(intervals.len() > 30, "{}", intervals.len());
    for each in intervals {
        let (begin, end) = (each.begin.since(origin), each.end.since(origin));
        let last = end - Duration::from_ticks(1);
        assert_eq!(begin.div_floor(Duration::MICROFRAME), last.div_floor(Duration::MICROFRAME), "{each:?}");
    }
}

#[test] // req: TIM-08
fn a_transaction_that_just_fits_is_done() {
    let packet = 125 * (567 * 8 + 3);
    for (late, fits) in [(0, true), (1, false)] {
        let (mut machine, slot, ep, mut ring) = one_endpoint(Speed::High, EndpointType::BULK_OUT, 512, 0);
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512));
        let next = machine.reach_next_frame() + Duration::MICROFRAME;
        let left = next.since(machine.now).as_ticks() - packet + late;
        machine.run(Duration::from_ticks(left));
        machine.ring_doorbell(slot, ep);
        machine.run_us(100);
        let sent = machine.gadget(1).received[0].0;
        let expected = if fits { left } else { Duration::MICROFRAME.as_ticks() + 12_000 };
        assert_eq!(sent.as_ticks() - (next.as_ticks() - Duration::MICROFRAME.as_ticks()), expected);
    }
}

#[test] // req: TIM-09
fn a_nak_costs_a_token_and_a_handshake() {
    for (speed, mps, ticks) in [(Speed::High, 512, 24 * 8 * 125), (Speed::Full, 64, 11 * 8 * 5_000)] {
        let (mut machine, slot, ep, mut ring) = one_endpoint(speed, EndpointType::BULK_IN, mps, 0);
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), mps.into()));
        machine.log_bus();
        machine.ring_doorbell(slot, ep);
        machine.run_us(3_000);
        let asked = machine.on_bus();
        assert!(asked.len() > 2);
        for each in asked {
            assert_eq!((each.outcome, each.kind, each.bytes), (Outcome::Nak, TransactionKind::In, 0));
            assert_eq!(each.duration().as_ticks(), ticks, "{speed}");
        }
    }
}

#[test] // req: TIM-09, BW-11
fn polling_takes_nothing_from_periodic_endpoints_and_they_leave_it_their_rest() {
    // Isochronous packets up to the limit, six endpoints that are never ready, and one that always is.
    let mut load = Load::new(Speed::High, EndpointType::ISOCH_OUT, &[3, 1], 1024, Policy::DEFAULT);
    let mut gadget = Gadget::new(Speed::High);
    gadget.output[7].extend(vec![Answer::Nak; 10_000]);
    let machine = &mut load.machine;
    let slot = machine.enumerate(2, gadget);
    let silent: Vec<Dci> = (1..=6).map(|number| dci(number, true)).chain([dci(7, false)]).collect();
    let busy = dci(8, false);
    let contexts: Vec<(Dci, EndpointContext)> = silent
        .iter()
        .chain([&busy])
        .map(|ep| {
            let kind = if ep.is_in() { EndpointType::BULK_IN } else { EndpointType::BULK_OUT };
            (*ep, endpoint(slot, *ep, kind, 512, 0))
        })
        .collect();
    assert_eq!(machine.configure(slot, &contexts), CompletionCode::SUCCESS);
    let feed = |machine: &mut Machine, ep: Dci| {
        let mut ring = Producer::new(ring_base(slot, ep), 64);
        for _ in 0..4 {
            ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 0x1_0000));
        }
        machine.ring_doorbell(slot, ep);
    };
    silent.iter().for_each(|ep| feed(machine, *ep));
    feed(machine, busy);
    machine.reach_next_frame();
    machine.gadget(1).received.clear();
    machine.gadget(2).received.clear();
    machine.run(Duration::FRAME);
    assert_eq!(machine.gadget(1).received.len(), 4 * 8, "as without polling");
    // 124.8 us less four times 17.7 us and seven times 0.4 us is 51.3 us: five times 9.45 us.
    assert_eq!(machine.gadget(2).received.len(), 5 * 8);
}

#[test] // req: TIM-10
fn three_silences_in_a_row_take_three_tokens_and_three_time_outs() {
    use EndpointType as Kind;
    for (speed, kind, mps, each) in [
        (Speed::High, Kind::BULK_IN, 512, 125 * (64 + 816)),
        (Speed::High, Kind::BULK_OUT, 512, 125 * (64 + 88 + 64 + 512 * 8 + 816)),
        (Speed::Full, Kind::BULK_IN, 64, 5_000 * (35 + 18)),
        (Speed::Full, Kind::BULK_OUT, 64, 5_000 * (35 + 2 + 35 + 64 * 8 + 18)),
    ] {
        let (mut machine, slot, ep, mut ring) = one_endpoint(speed, kind, mps, 0);
        let answers = vec![Answer::Silence; 3];
        let gadget = machine.gadget(1);
        if kind.is_in() {
            gadget.input[1].extend(answers);
        } else {
            gadget.output[1].extend(answers);
        }
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), mps.into()));
        let begin = machine.reach_next_frame();
        machine.run_us(10);
        machine.log_bus();
        machine.ring_doorbell(slot, ep);
        machine.run_us(500);
        let tries = machine.on_bus();
        let ends: Vec<u64> = tries.iter().map(|each| each.end.since(begin).as_ticks() - 600_000).collect();
        assert_eq!(ends, [each, 2 * each, 3 * each], "{speed} {kind}");
        let events = machine.take_events(0, true);
        let codes: Vec<CompletionCode> = events.iter().map(|event| event.completion_code()).collect();
        assert_eq!(codes, [CompletionCode::USB_TRANSACTION_ERROR]);
    }
}

#[test] // req: TIM-16
fn in_each_microframe_isochronous_then_interrupt_then_control_then_bulk() {
    for name in Profile::NAMES {
        let profile: Profile = name.parse().unwrap();
        let mut machine = Machine::new(Profile { latencies: Latencies::INSTANT, ..profile });
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let kinds = [
            (dci(1, false), EndpointType::BULK_OUT),
            (dci(2, false), EndpointType::INTERRUPT_OUT),
            (dci(3, false), EndpointType::ISOCH_OUT),
            (dci(4, false), EndpointType::INTERRUPT_OUT),
            (dci(5, false), EndpointType::ISOCH_OUT),
        ];
        let contexts = kinds
            .map(|(ep, kind)| (ep, endpoint(slot, ep, kind, if kind.is_periodic() { 64 } else { 512 }, 0)));
        assert_eq!(machine.configure(slot, &contexts), CompletionCode::SUCCESS);
        // Doorbells in the opposite order: it does not matter who came first.
        for (ep, kind) in kinds.into_iter().rev() {
            let mut ring = Producer::new(ring_base(slot, ep), 256);
            for _ in 0..200 {
                let trb = match kind {
                    EndpointType::ISOCH_OUT => transfer::isoch(Gpa(BUFFERS), 64, transfer::IsochStart::Asap),
                    EndpointType::INTERRUPT_OUT => transfer::normal(Gpa(BUFFERS), 64),
                    _ => transfer::normal(Gpa(BUFFERS), 0x1_0000),
                };
                ring.push(&mut machine.memory, trb);
            }
            machine.ring_doorbell(slot, ep);
        }
        machine.run_us(3_000);
        machine.reach_next_frame();
        let mut control = Producer::new(ring_base(slot, Dci::EP0), 64);
        let memory = &mut machine.memory;
        control.push(memory, transfer::setup_stage([0, 9, 1, 0, 0, 0, 0, 0], TransferType::NO_DATA));
        control.push(memory, transfer::status_stage(true));
        machine.log_bus();
        machine.ring_doorbell(slot, Dci::EP0);
        machine.run(Duration::MICROFRAME);
        let order: Vec<u8> = machine.on_bus().iter().map(|each| each.endpoint.dci.get()).collect();
        // By Device Context Index: isochronous 3 and 5, interrupt 2 and 4, SETUP and status, bulk with the rest.
        assert_eq!(order, [6, 10, 4, 8, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2], "profile {name}");
    }
}

#[test] // req: TIM-01
fn a_microframe_is_125_microseconds() {
    let mut machine = Machine::new(any_profile());
    let origin = machine.origin();
    for microframe in [1, 2, 7, 8, 9, 1_000, 0x3FFF, 0x4000, 0x4001, 100_000] {
        let begins = origin + Duration::from_micros(125) * microframe;
        let before = Instant::from_ticks(begins.as_ticks() - 1);
        machine.run(before.since(machine.now));
        assert_eq!(u64::from(machine.read(machine.runtime)), (microframe - 1) & 0x3FFF);
        machine.run(Duration::from_ticks(1));
        assert_eq!(u64::from(machine.read(machine.runtime)), microframe & 0x3FFF);
    }
}
