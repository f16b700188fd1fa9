//! Full- and low-speed devices behind a high-speed hub: what they see, and what their tokens cost.

use crate::support::any_profile;
use crate::support::gadget::{Answer, Gadget};
use crate::support::hub::{Hub, behind};
use crate::support::{BUFFERS, INPUT, Machine, Producer, dci, endpoint, ring_base};
use expect_test::expect;
use sim_time::{Duration, Instant};
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Event, Fault, FaultRule, Latencies, LogLevel, Policy, Profile, SplitPhase, Violation};
use xhci_spec::context::{EndpointState, EndpointType, InputControlContext, SlotContext};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, PortId, SlotId, TrbType};

fn with(policy: Policy) -> Machine {
    Machine::new(Profile { policy, latencies: Latencies::INSTANT, slots: 16, ..Profile::default() })
}

/// A device at port 2 of a high-speed hub at root port 1, with endpoint 1 of one kind.
struct Bench {
    machine: Machine,
    slot: SlotId,
    ep: Dci,
    ring: Producer,
}

impl Bench {
    fn new(speed: Speed, kind: EndpointType, mps: u16, policy: Policy) -> Self {
        let mut machine = with(policy);
        let mut gadget = Gadget::new(speed);
        if kind.is_isoch() {
            gadget = gadget.isochronous(1);
        }
        let hub = machine.enumerate(1, Hub::new(Speed::High).with(2, gadget));
        machine.mark_hub(hub, false, 0);
        let slot = machine.enumerate_behind(right(hub, speed));
        let ep = dci(1, kind.is_in());
        let interval = if kind.is_periodic() { 3 } else { 0 };
        let code = machine.configure(slot, &[(ep, endpoint(slot, ep, kind, mps, interval))]);
        assert_eq!(code, CompletionCode::SUCCESS);
        machine.gadget_behind(1, 2).setups.clear();
        let ring = Producer::new(ring_base(slot, ep), 64);
        Self { machine, slot, ep, ring }
    }

    fn gadget(&mut self) -> &mut Gadget {
        self.machine.gadget_behind(1, 2)
    }

    fn bulk(&mut self, bytes: u32) {
        self.ring.push(&mut self.machine.memory, transfer::normal(Gpa(BUFFERS), bytes).with_ioc(true));
    }

    fn isoch(&mut self, bytes: u32) {
        let trb = transfer::isoch(Gpa(BUFFERS), bytes, transfer::IsochStart::Asap).with_ioc(true);
        self.ring.push(&mut self.machine.memory, trb);
    }

    fn kick(&mut self) {
        self.machine.ring_doorbell(self.slot, self.ep);
    }

    /// Tokens and transactions from the beginning of a frame on: when they begin, in microframes and nanoseconds.
    fn on_buses(&mut self, frame: Instant) -> String {
        let mut lines: Vec<(Instant, String)> = Vec::new();
        for (at, event) in self.machine.xhc.drain_log() {
            let line = match event {
                Event::Split { phase, bytes, duration, .. } => {
                    let phase = if phase == SplitPhase::Start { "start" } else { "complete" };
                    (at, format!("{phase}-split {bytes} bytes, {} ns", duration.as_nanos()))
                }
                Event::Transaction { kind, bytes, outcome, duration, .. } => {
                    (at, format!("{kind:?} over: {bytes} bytes, {} ns, {outcome:?}", duration.as_nanos()))
                }
                _ => continue,
            };
            lines.push(line);
        }
        let mut text = String::new();
        for (at, line) in lines.into_iter().filter(|(at, _)| *at >= frame) {
            let into = at.since(frame);
            let microframe = into.div_floor(Duration::MICROFRAME);
            let rest = (into - Duration::MICROFRAME * microframe).as_nanos();
            writeln!(text, "{microframe}+{rest:06} {line}").unwrap();
        }
        text
    }

    fn log(&mut self) {
        self.machine.xhc.set_log_level(LogLevel::Full);
        self.machine.xhc.drain_log().for_each(drop);
    }
}

/// The slot context of a device at port 2 of the hub at root port 1.
fn right(hub: SlotId, speed: Speed) -> SlotContext {
    behind(1, 2, speed).with_parent_hub_slot_id(hub.get()).with_parent_port_number(2)
}

#[test] // req: XFR-29
fn bulk_data_go_through_a_translator() {
    let mut bench = Bench::new(Speed::Full, EndpointType::BULK_OUT, 64, Policy::DEFAULT);
    let data: Vec<u8> = (0..=250).cycle().take(1000).collect();
    bench.machine.memory.put(BUFFERS, &data);
    bench.bulk(1000);
    bench.kick();
    bench.machine.run_us(5_000);
    let received = &bench.gadget().received;
    let sizes: Vec<usize> = received.iter().map(|(_, _, data)| data.len()).collect();
    assert_eq!(sizes, [[64; 15].as_slice(), &[40]].concat());
    assert_eq!(received.iter().flat_map(|(_, _, data)| data.clone()).collect::<Vec<_>>(), data);
    expect![[r#"
        Transfer Event: Success 0x142000 length 0 slot 2 ep 2
    "#]]
    .assert_eq(&bench.machine.transcript(0));

    let mut bench = Bench::new(Speed::Full, EndpointType::BULK_IN, 64, Policy::DEFAULT);
    for answer in [Answer::Data(vec![1; 64]), Answer::Nak, Answer::Silence, Answer::Data(vec![2; 10])] {
        bench.gadget().answer(1, answer);
    }
    bench.bulk(200);
    bench.kick();
    bench.machine.run_us(5_000);
    assert_eq!(bench.machine.memory.slice(BUFFERS, 75), [[1; 64].as_slice(), &[2; 10], &[0]].concat());
    expect![[r#"
        Transfer Event: Short Packet 0x143000 length 126 slot 2 ep 3
    "#]]
    .assert_eq(&bench.machine.transcript(0));
}

#[test] // req: XFR-29, TRB-75, EPS-02
fn what_goes_wrong_behind_a_translator_is_told_as_if_it_were_not_there() {
    let mut text = String::new();
    let mut run = |what: &str, spoil: &dyn Fn(&mut Bench)| {
        let mut bench = Bench::new(Speed::Full, EndpointType::BULK_IN, 64, Policy::DEFAULT);
        bench.bulk(64);
        spoil(&mut bench);
        bench.kick();
        bench.machine.run_us(5_000);
        let events = bench.machine.take_events(0, true);
        let transfers = events.iter().filter(|event| event.trb_type() == TrbType::TRANSFER_EVENT);
        let codes: Vec<String> = transfers.map(|event| format!("{:?}", event.completion_code())).collect();
        let state = bench.machine.endpoint_context(bench.slot, bench.ep).ep_state();
        writeln!(text, "{what}: {codes:?}, {state}").unwrap();
    };
    run("NAK", &|_| {});
    run("STALL", &|bench| bench.gadget().answer(1, Answer::Stall));
    run("babble", &|bench| bench.gadget().answer(1, Answer::Data(vec![0; 65])));
    run("two silences", &|bench| {
        bench.gadget().input[1].extend([Answer::Silence, Answer::Silence, Answer::Data(vec![1; 64])]);
    });
    run("three silences", &|bench| bench.gadget().input[1].extend(vec![Answer::Silence; 3]));
    run("device gone", &|bench| bench.machine.device::<Hub>(1).unplug(2));
    run("hub gone", &|bench| {
        bench.machine.xhc.detach(bench.machine.now, PortId::new(1).unwrap());
    });
    run("translator failing", &|bench| {
        bench.machine.xhc.add_fault(FaultRule { count: Some(3), ..FaultRule::new(Fault::SplitError) });
    });
    expect![[r#"
        NAK: [], Running
        STALL: ["Stall Error"], Halted
        babble: ["Babble Detected Error"], Halted
        two silences: ["Success"], Running
        three silences: ["USB Transaction Error"], Halted
        device gone: ["USB Transaction Error"], Halted
        hub gone: ["Split Transaction Error"], Halted
        translator failing: ["Split Transaction Error"], Halted
    "#]]
    .assert_eq(&text);
}

#[test] // req: TIM-11, XFR-29
fn a_bulk_transaction_is_a_start_split_a_packet_and_a_complete_split() {
    let mut bench = Bench::new(Speed::Full, EndpointType::BULK_OUT, 64, Policy::DEFAULT);
    bench.bulk(128);
    let frame = bench.machine.reach_next_frame();
    bench.log();
    bench.kick();
    bench.machine.run_us(200);
    expect![[r#"
        0+000200 start-split 64 bytes, 2056 ns
        0+056130 complete-split 0 bytes, 989 ns
        0+057119 Out over: 64 bytes, 52130 ns, Done
        0+057119 start-split 64 bytes, 2056 ns
        0+111972 complete-split 0 bytes, 989 ns
        0+112962 Out over: 64 bytes, 52130 ns, Done
    "#]]
    .assert_eq(&bench.on_buses(frame));
}

#[test] // req: ISO-30, XFR-29
fn full_speed_audio_behind_a_hub_is_a_packet_a_frame() {
    let mut bench = Bench::new(Speed::Full, EndpointType::ISOCH_OUT, 200, Policy::DEFAULT);
    let data: Vec<u8> = (0..=250).cycle().take(1000).collect();
    bench.machine.memory.put(BUFFERS, &data);
    for _ in 0..20 {
        bench.isoch(192);
    }
    let origin = bench.machine.origin();
    bench.kick();
    bench.machine.run_us(25_000);
    let received = &bench.gadget().received;
    let frames: Vec<u64> =
        received.iter().map(|(at, ..)| at.since(origin).div_floor(Duration::FRAME)).collect();
    assert_eq!(frames, (frames[0]..frames[0] + 20).collect::<Vec<_>>());
    assert!(received.iter().all(|(_, _, packet)| *packet == data[..192]));
    let codes: Vec<CompletionCode> =
        bench.machine.take_events(0, true).iter().map(|event| event.completion_code()).collect();
    assert_eq!(codes, [vec![CompletionCode::SUCCESS; 20], vec![CompletionCode::RING_UNDERRUN]].concat());
}

#[test] // req: ISO-30, TIM-11
fn an_isochronous_packet_is_carried_188_bytes_a_microframe() {
    for (kind, bytes) in [(EndpointType::ISOCH_OUT, 1023), (EndpointType::ISOCH_OUT, 188)] {
        let mut bench = Bench::new(Speed::Full, kind, 1023, Policy::DEFAULT);
        bench.isoch(bytes);
        bench.log();
        let frame = bench.machine.reach_next_frame();
        bench.kick();
        bench.machine.run_us(3_500);
        let text = bench.on_buses(frame);
        if bytes == 1023 {
            expect![[r#"
                8+000200 start-split 188 bytes, 3839 ns
                9+000200 start-split 188 bytes, 3839 ns
                10+000200 start-split 188 bytes, 3839 ns
                11+000200 start-split 188 bytes, 3839 ns
                12+000200 start-split 188 bytes, 3839 ns
                13+000200 start-split 83 bytes, 2089 ns
                13+069913 Out over: 1023 bytes, 690206 ns, Done
            "#]]
            .assert_eq(&text);
        } else {
            expect![[r#"
                8+000200 start-split 188 bytes, 3839 ns
                9+011866 Out over: 188 bytes, 132159 ns, Done
            "#]]
            .assert_eq(&text);
        }
    }
    let mut bench = Bench::new(Speed::Full, EndpointType::ISOCH_IN, 1023, Policy::DEFAULT);
    bench.gadget().answer(1, Answer::Data((0..=254).cycle().take(500).collect()));
    bench.isoch(1023);
    bench.log();
    let frame = bench.machine.reach_next_frame();
    bench.kick();
    bench.machine.run_us(2_900);
    expect![[r#"
        8+000200 start-split 0 bytes, 706 ns
        9+000200 complete-split 188 bytes, 3839 ns
        10+000200 complete-split 188 bytes, 3839 ns
        10+095678 complete-split 124 bytes, 2772 ns
        10+098451 In over: 500 bytes, 341678 ns, Done
    "#]]
    .assert_eq(&bench.on_buses(frame));
    assert_eq!(bench.machine.memory.get::<2>(BUFFERS + 499), [244, 0]);
}

#[test] // req: ISO-30, TRB-75
fn an_isochronous_endpoint_goes_on_after_a_split_error() {
    let mut bench = Bench::new(Speed::Full, EndpointType::ISOCH_OUT, 200, Policy::DEFAULT);
    let rule = FaultRule { skip: 1, count: Some(1), ..FaultRule::new(Fault::SplitError) };
    bench.machine.xhc.add_fault(FaultRule { slot: Some(bench.slot), ..rule });
    for _ in 0..3 {
        bench.isoch(192);
    }
    bench.kick();
    bench.machine.run_us(5_500);
    expect![[r#"
        Transfer Event: Success 0x142000 length 0 slot 2 ep 2
        Transfer Event: Split Transaction Error 0x142010 length 192 slot 2 ep 2
        Transfer Event: Success 0x142020 length 0 slot 2 ep 2
        Transfer Event: Ring Underrun 0x142030 length 0 slot 2 ep 2
    "#]]
    .assert_eq(&bench.machine.transcript(0));
    let context = bench.machine.endpoint_context(bench.slot, bench.ep);
    assert_eq!(context.ep_state(), EndpointState::RUNNING);
}

#[test] // req: ISO-30, TRB-75
fn an_isochronous_endpoint_whose_hub_is_gone_loses_its_tds_and_runs_on() {
    let mut bench = Bench::new(Speed::Full, EndpointType::ISOCH_OUT, 200, Policy::DEFAULT);
    (0..2).for_each(|_| bench.isoch(192));
    bench.machine.xhc.detach(bench.machine.now, PortId::new(1).unwrap());
    bench.machine.take_events(0, true);
    bench.kick();
    bench.machine.run_us(5_500);
    expect![[r#"
        Port Status Change Event: Success port 1
        Transfer Event: Split Transaction Error 0x142000 length 192 slot 2 ep 2
        Transfer Event: Split Transaction Error 0x142010 length 192 slot 2 ep 2
        Transfer Event: Ring Underrun 0x142020 length 0 slot 2 ep 2
    "#]]
    .assert_eq(&bench.machine.transcript(0));
    let context = bench.machine.endpoint_context(bench.slot, bench.ep);
    assert_eq!(context.ep_state(), EndpointState::RUNNING);
}

#[test] // req: XFR-29, TIM-11, BW-02
fn translators_work_side_by_side_and_leave_the_high_speed_bus_to_others() {
    // A token waits for the packet on the high-speed bus: 13 transactions a frame in place of 18.
    // Full-speed bulk behind two hubs, or two ports of a hub with one translator or two; high-speed bulk besides.
    for (hubs, multi_tt, expected) in [(2, false, [13, 13]), (1, false, [9, 9]), (1, true, [13, 13])] {
        let mut machine = with(Policy::DEFAULT);
        let mut slots = Vec::new();
        for port in 1..=hubs {
            let gadget = || Gadget::new(Speed::Full);
            let hub = machine.enumerate(port, Hub::new(Speed::High).with(1, gadget()).with(2, gadget()));
            machine.mark_hub(hub, multi_tt, 0);
            for at in (1..=2).filter(|at| hubs == 1 || *at == 1) {
                let context = behind(port, at, Speed::Full)
                    .with_parent_hub_slot_id(hub.get())
                    .with_parent_port_number(u8::try_from(at).unwrap())
                    .with_mtt(multi_tt);
                slots.push((port, at, machine.enumerate_behind(context)));
            }
        }
        let fast = machine.enumerate(3, Gadget::new(Speed::High));
        let all: Vec<(SlotId, u16)> =
            slots.iter().map(|(.., slot)| (*slot, 64)).chain([(fast, 512)]).collect();
        for (slot, mps) in all {
            let ep = dci(1, false);
            machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_OUT, mps, 0))]);
            let mut ring = Producer::new(ring_base(slot, ep), 64);
            for _ in 0..30 {
                ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 0x1_0000));
            }
            machine.ring_doorbell(slot, ep);
        }
        machine.run_us(2_000);
        machine.reach_next_frame();
        let count = |machine: &mut Machine| {
            let slow = slots
                .iter()
                .map(|(port, at, _)| machine.gadget_behind(*port, u8::try_from(*at).unwrap()).received.len());
            let slow: Vec<usize> = slow.collect();
            [slow[0], slow[1], machine.gadget(3).received.len()]
        };
        let before = count(&mut machine);
        machine.run(Duration::FRAME * 10);
        let after = count(&mut machine);
        let counts: Vec<usize> =
            after.iter().zip(before).map(|(after, before)| (after - before) / 10).collect();
        assert_eq!(counts[..2], expected, "{hubs} hubs, multi-TT {multi_tt}");
        // 104 packets a frame without the others; each of their transactions takes two small tokens.
        assert!((90..104).contains(&counts[2]), "{counts:?}");
    }
}

#[test] // req: CTX-06, CMD-17, SEC-13
fn a_strict_controller_wants_the_translator_named() {
    for speed in [Speed::Low, Speed::Full] {
        for strict in [false, true] {
            let mut machine = with(Policy { strict, ..Policy::DEFAULT });
            let hub = Hub::new(Speed::High).with(2, Gadget::new(speed)).with(3, Gadget::new(Speed::High));
            let hub = machine.enumerate(1, hub);
            let slot = machine.enable_slot();
            let context = right(hub, speed);
            let unmarked = machine.address(slot, context, true);
            machine.mark_hub(hub, false, 0);
            let other = machine.enumerate_behind(behind(1, 3, Speed::High));
            let wrong = [
                context.with_parent_hub_slot_id(0),
                context.with_parent_hub_slot_id(other.get()),
                // SEC-13: the device itself, and a slot that is nobody's.
                context.with_parent_hub_slot_id(slot.get()),
                context.with_parent_hub_slot_id(200),
                context.with_parent_port_number(0),
                context.with_parent_port_number(1),
                context.with_parent_port_number(3),
                context.with_mtt(true),
            ];
            let mut codes = vec![unmarked];
            for context in wrong {
                let slot = machine.enable_slot();
                codes.push(machine.address(slot, context, true));
                machine.command_code(command::disable_slot(slot));
            }
            let expected = if strict { CompletionCode::PARAMETER_ERROR } else { CompletionCode::SUCCESS };
            assert_eq!(codes, [expected; 9], "{speed} strict {strict}");
            assert_eq!(machine.xhc.violations(Violation::InputContext), if strict { 0 } else { 9 });
            let slot = machine.enable_slot();
            assert_eq!(machine.address(slot, context, false), CompletionCode::SUCCESS);
            assert_eq!(
                machine.gadget_behind(1, 2).setups.len(),
                1,
                "SET_ADDRESS went through the translator"
            );
        }
    }
}

#[test] // req: SEC-13, CTX-06
fn a_translator_is_where_the_devices_are_whatever_the_fields_say() {
    // The fields name the device's own slot; its packets go over the bus behind the hub all the same.
    let mut machine = with(Policy::DEFAULT);
    let hub = machine.enumerate(1, Hub::new(Speed::High).with(2, Gadget::new(Speed::Full)));
    machine.mark_hub(hub, false, 0);
    let slot = machine.enable_slot();
    let context = right(slot, Speed::Full);
    assert_eq!(machine.address(slot, context, false), CompletionCode::SUCCESS);
    let ep = dci(1, false);
    machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_OUT, 64, 0))]);
    let mut ring = Producer::new(ring_base(slot, ep), 64);
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 64).with_ioc(true));
    machine.xhc.set_log_level(LogLevel::Full);
    machine.xhc.drain_log().for_each(drop);
    machine.ring_doorbell(slot, ep);
    machine.run_us(1_000);
    let splits = machine.xhc.drain_log().filter(|(_, event)| matches!(event, Event::Split { .. })).count();
    assert_eq!(splits, 2);
    assert_eq!(machine.gadget_behind(1, 2).received.len(), 1);
}

#[test] // req: CTX-06, CTX-08
fn hubs_of_full_speed_are_behind_a_translator_or_none() {
    // High-speed hub, full-speed hub, low-speed device: the first hub translates.
    let mut machine = with(Policy { strict: true, ..Policy::DEFAULT });
    let inner = Hub::new(Speed::Full).with(4, Gadget::new(Speed::Low));
    let hub = machine.enumerate(1, Hub::new(Speed::High).with(2, inner));
    machine.mark_hub(hub, false, 0);
    let inner = machine.enumerate_behind(right(hub, Speed::Full));
    machine.mark_hub(inner, false, 0);
    let low = behind(1, 0x42, Speed::Low).with_parent_hub_slot_id(hub.get()).with_parent_port_number(2);
    let slot = machine.enable_slot();
    let wrong = low.with_parent_hub_slot_id(inner.get()).with_parent_port_number(4);
    assert_eq!(machine.address(slot, wrong, false), CompletionCode::PARAMETER_ERROR);
    assert_eq!(machine.address(slot, low, false), CompletionCode::SUCCESS);

    // The same on a full-speed bus of its own: nobody translates, and nobody may be named.
    let hub = machine.enumerate(2, Hub::new(Speed::Full).with(2, Gadget::new(Speed::Low)));
    machine.mark_hub(hub, false, 0);
    let slot = machine.enable_slot();
    let low = behind(2, 2, Speed::Low);
    let wrong = low.with_parent_hub_slot_id(hub.get()).with_parent_port_number(2);
    assert_eq!(machine.address(slot, wrong, false), CompletionCode::PARAMETER_ERROR);
    assert_eq!(machine.address(slot, low, false), CompletionCode::SUCCESS);
    machine.xhc.set_log_level(LogLevel::Full);
    machine.xhc.drain_log().for_each(drop);
    let mut ring = Producer::new(ring_base(slot, Dci::EP0), 64);
    let memory = &mut machine.memory;
    ring.push(memory, transfer::setup_stage([0, 9, 1, 0, 0, 0, 0, 0], xhci_spec::trb::TransferType::NO_DATA));
    ring.push(memory, transfer::status_stage(true).with_ioc(true));
    machine.ring_doorbell(slot, Dci::EP0);
    machine.run_us(2_000);
    let splits = machine.xhc.drain_log().filter(|(_, event)| matches!(event, Event::Split { .. })).count();
    assert_eq!(splits, 0);
    assert_eq!(machine.take_events(0, true).len(), 1);
}

/// Where nothing answers, the fields can only be looked at: the slot must be that of a high-speed hub with such a port.
#[test] // req: CMD-17, CTX-06
fn at_an_empty_port_a_hub_must_be_named_that_could_be_there() {
    let mut machine = with(Policy { strict: true, ..Policy::DEFAULT });
    let fast = machine.enumerate(1, Hub::new(Speed::High));
    machine.mark_hub(fast, false, 0);
    let slow = machine.enumerate(2, Hub::new(Speed::Full));
    machine.mark_hub(slow, false, 0);
    // It has ports and says that it is no hub.
    let none = machine.enumerate(3, Hub::new(Speed::High));
    let context = machine.slot_context(none).with_number_of_ports(15);
    machine.input(InputControlContext::new().adding_slot(), context, &[]);
    machine.command_code(command::configure_endpoint(Gpa(INPUT), none, false));
    let slot = machine.enable_slot();
    let mut code = |hub: SlotId, port| {
        let context = behind(4, 2, Speed::Full).with_parent_hub_slot_id(hub.get());
        let code = machine.address(slot, context.with_parent_port_number(port), true);
        if code == CompletionCode::SUCCESS {
            machine.command_code(command::disable_slot(slot));
            assert_eq!(machine.enable_slot(), slot);
        }
        code
    };
    let (taken, refused) = (CompletionCode::SUCCESS, CompletionCode::PARAMETER_ERROR);
    assert_eq!([0, 1, 15, 16].map(|port| code(fast, port)), [refused, taken, taken, refused]);
    let nobody = SlotId::new(16).unwrap();
    assert_eq!([slow, none, nobody].map(|hub| code(hub, 2)), [refused; 3]);
    assert_eq!(machine.address(slot, behind(4, 2, Speed::Full), true), taken, "nobody is named");
}

#[test] // req: SEC-01, BW-02
fn translators_that_nobody_uses_any_more_are_forgotten() {
    // With a translator for each port, one slot of four goes from port to port.
    let mut hub = Hub::new(Speed::High);
    for port in 1..=15 {
        hub = hub.with(port, Gadget::new(Speed::Full));
    }
    let profile = Profile { slots: 4, latencies: Latencies::INSTANT, ..any_profile() };
    let mut machine = Machine::new(profile);
    let hub = machine.enumerate(1, hub);
    machine.mark_hub(hub, true, 0);
    for port in 1..=15 {
        let slot = machine.enable_slot();
        let context = behind(1, port.into(), Speed::Full)
            .with_parent_hub_slot_id(hub.get())
            .with_parent_port_number(port)
            .with_mtt(true);
        assert_eq!(machine.address(slot, context, false), CompletionCode::SUCCESS);
        machine.xhc.check_invariants().unwrap();
        machine.command_code(command::disable_slot(slot));
    }
}
