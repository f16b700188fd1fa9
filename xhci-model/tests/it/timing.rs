//! How long the controller takes for things, and that nothing else changes when that does (TIM-17 to TIM-28).

use crate::support::gadget::{Answer, Gadget};
use crate::support::stream::Stream;
use crate::support::{BUFFERS, Machine, Producer, TIMINGS, dci, endpoint, ring_base};
use expect_test::expect;
use sim_time::{Duration, Instant};
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Latencies, Latency, Profile};
use xhci_spec::context::{EndpointState, EndpointType};
use xhci_spec::trb::command;
use xhci_spec::trb::transfer::{self, IsochStart};
use xhci_spec::{CompletionCode, Gpa, InterrupterId, PortId};

/// The time until `done`, exactly.
fn until(machine: &mut Machine, done: impl Fn(&mut Machine) -> bool) -> Duration {
    let start = machine.now;
    while !done(machine) {
        let next = machine.xhc.poll_timeout().expect("something is to come");
        assert!(next - start < Duration::from_secs(1), "waited in vain");
        machine.run(next - machine.now);
    }
    machine.now - start
}

fn usbsts(machine: &Machine, bit: u32) -> bool {
    machine.read(machine.op + 4) >> bit & 1 != 0
}

fn halted(profile: Profile) -> Machine {
    let mut machine = Machine::new(profile);
    machine.write(machine.op, 0);
    machine.wait_ms(17, |machine| usbsts(machine, 0));
    machine
}

fn start(profile: Profile) -> Duration {
    let mut machine = halted(profile);
    machine.write(machine.op, 1);
    until(&mut machine, |machine| !usbsts(machine, 0))
}

fn stop(profile: Profile) -> Duration {
    let mut machine = Machine::new(profile);
    machine.write(machine.op, 0);
    until(&mut machine, |machine| usbsts(machine, 0))
}

fn reset(profile: Profile) -> Duration {
    let mut machine = halted(profile);
    machine.write(machine.op, 2);
    until(&mut machine, |machine| machine.read(machine.op) & 2 == 0)
}

/// Doorbell to the endpoint being Running.
fn doorbell(profile: Profile) -> Duration {
    let (mut machine, slot, _) = bulk(profile);
    let ep = dci(1, false);
    machine.command_code(command::stop_endpoint(slot, ep, false));
    machine.ring_doorbell(slot, ep);
    until(&mut machine, |machine| machine.endpoint_context(slot, ep).ep_state() == EndpointState::RUNNING)
}

/// Doorbell to the first token of a bulk endpoint.
fn first_token(profile: Profile) -> Duration {
    let (mut machine, slot, mut ring) = bulk(profile);
    // Behind the start of a microframe, so that no end of one is in the way.
    let start =
        machine.mfindex_zero() + Duration::MICROFRAME * (u64::from(machine.read(machine.runtime)) + 2);
    machine.run(start + Duration::from_micros(20) - machine.now);
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 8));
    let rung = machine.now;
    machine.ring_doorbell(slot, dci(1, false));
    machine.run_us(100);
    machine.gadget(1).received[0].0 - rung
}

fn bulk(profile: Profile) -> (Machine, xhci_spec::SlotId, Producer) {
    let mut machine = Machine::new(profile);
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, false);
    machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_OUT, 512, 0))]);
    (machine, slot, Producer::new(ring_base(slot, ep), 16))
}

/// Command doorbell to the completion event of a No Op.
fn no_op(profile: Profile) -> Duration {
    let mut machine = Machine::new(profile);
    machine.take_events(0, true);
    machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    until(&mut machine, |machine| machine.peek(0).is_some())
}

/// Event written to message sent.
fn interrupt(profile: Profile) -> Duration {
    let mut machine = Machine::new(profile);
    machine.take_events(0, true);
    machine.write(machine.ir(0) + 4, 0);
    machine.run_us(2_000);
    machine.interrupts.clear();
    machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    until(&mut machine, |machine| machine.peek(0).is_some());
    until(&mut machine, |machine| !machine.interrupts.is_empty())
}

fn attached(profile: Profile, usb3: bool) -> (Machine, u8) {
    let mut machine = Machine::new(profile);
    let (port, speed) = if usb3 { (machine.usb3_port(), Speed::Super) } else { (1, Speed::High) };
    machine.xhc.attach(machine.now, PortId::new(port).unwrap(), Box::new(Gadget::new(speed))).unwrap();
    (machine, port)
}

fn port_reset(profile: Profile, usb3: bool, bit: u32) -> Duration {
    let (mut machine, port) = attached(profile, usb3);
    machine.wait_ms(200, |machine| machine.portsc(port) & 1 != 0);
    machine.write_portsc(port, 0x200 | bit);
    assert!(machine.portsc(port) & 0x10 != 0 || machine.portsc(port) & 1 << 21 != 0, "PR");
    until(&mut machine, |machine| machine.portsc(port) & (1 << 21) != 0)
}

fn usb2_port_reset(profile: Profile) -> Duration {
    port_reset(profile, false, 0x10)
}

fn usb3_hot_reset(profile: Profile) -> Duration {
    port_reset(profile, true, 0x10)
}

fn usb3_warm_reset(profile: Profile) -> Duration {
    port_reset(profile, true, 1 << 31)
}

fn usb3_training(profile: Profile) -> Duration {
    let (mut machine, port) = attached(profile, true);
    until(&mut machine, |machine| machine.portsc(port) & 1 != 0)
}

fn port_power_good(profile: Profile) -> Duration {
    let profile = Profile { port_power_control: true, ..profile };
    let (mut machine, port) = attached(profile, false);
    machine.wait_ms(200, |machine| machine.portsc(port) & 1 != 0);
    machine.write_portsc(port, 0);
    machine.run_us(1_000);
    machine.write_portsc(port, 0x200);
    until(&mut machine, |machine| machine.portsc(port) & 1 != 0)
}

/// What is measured, how, and the latency behind it.
struct Measure {
    name: &'static str,
    of: fn(Profile) -> Duration,
    field: fn(&mut Latencies) -> &mut Latency,
    /// Times this latency, and what comes on top in `TYPICAL`, in nanoseconds.
    times: u64,
    more_ns: u64,
}

const fn measure(
    name: &'static str,
    of: fn(Profile) -> Duration,
    field: fn(&mut Latencies) -> &mut Latency,
    times: u64,
    more_ns: u64,
) -> Measure {
    Measure { name, of, field, times, more_ns }
}

const MEASURES: [Measure; 12] = [
    measure("start", start, |all| &mut all.start, 1, 0),
    measure("stop", stop, |all| &mut all.stop, 1, 0),
    measure("reset", reset, |all| &mut all.reset, 1, 0),
    measure("doorbell", doorbell, |all| &mut all.doorbell, 1, 0),
    measure("first token", first_token, |all| &mut all.memory_read, 2, 1_000),
    measure("No Op", no_op, |all| &mut all.commands.no_op, 1, 1_000),
    measure("interrupt", interrupt, |all| &mut all.interrupt, 1, 0),
    measure("USB 2 reset", usb2_port_reset, |all| &mut all.usb2_port_reset, 1, 0),
    measure("USB 3 hot reset", usb3_hot_reset, |all| &mut all.usb3_hot_reset, 1, 0),
    measure("USB 3 warm reset", usb3_warm_reset, |all| &mut all.usb3_warm_reset, 1, 0),
    measure("USB 3 training", usb3_training, |all| &mut all.usb3_training, 1, 0),
    measure("port power", port_power_good, |all| &mut all.port_power_good, 1, 0),
];

fn with(latencies: Latencies) -> Profile {
    Profile { latencies, ..Profile::default() }
}

#[test] // req: TIM-17, TIM-18, TIM-19, TIM-23, TIM-24
fn typical_latencies() {
    let mut text = String::new();
    for Measure { name, of, .. } in &MEASURES {
        writeln!(text, "{name}: {}", of(with(Latencies::TYPICAL))).unwrap();
    }
    expect![[r#"
        start: 1 us
        stop: 125 us
        reset: 1 ms
        doorbell: 1 us
        first token: 2.600 us
        No Op: 2 us
        interrupt: 0 ns
        USB 2 reset: 50 ms
        USB 3 hot reset: 1 ms
        USB 3 warm reset: 100 ms
        USB 3 training: 15 ms
        port power: 20 ms
    "#]]
    .assert_eq(&text);
}

#[test] // req: TIM-27, TIM-23, TIM-24
fn each_timing_keeps_to_its_ranges() {
    for (timing, latencies) in TIMINGS.into_iter().chain([("slow", Latencies::SLOW)]) {
        for Measure { name, of, field, times, .. } in &MEASURES {
            let range = *field(&mut latencies.clone());
            let took = of(with(latencies));
            let least = range.min * *times;
            // The doorbell comes on top of the last three.
            let most = range.max * *times + Duration::from_micros(4);
            assert!((least..=most).contains(&took), "{timing} {name}: {took}");
        }
    }
    // OPR-13: the drivers' limit.
    assert!(stop(with(Latencies::SLOW)) <= Duration::from_millis(16));
}

#[test] // req: TIM-18
fn only_the_first_reads_behind_a_doorbell_hold_up_the_bus() {
    let reads = |read_us| {
        let latencies = Latencies { memory_read: Latency::micros(read_us), ..Latencies::TYPICAL };
        let (mut machine, slot, mut ring) = bulk(with(latencies));
        let start =
            machine.mfindex_zero() + Duration::MICROFRAME * (u64::from(machine.read(machine.runtime)) + 2);
        machine.run(start + Duration::from_micros(20) - machine.now);
        for _ in 0..3 {
            ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_ioc(true));
        }
        machine.take_events(0, true);
        let rung = machine.now;
        machine.log_bus();
        machine.ring_doorbell(slot, dci(1, false));
        let mut events = Vec::new();
        while events.len() < 3 {
            let next = machine.xhc.poll_timeout().expect("packets are to come");
            machine.run(next - machine.now);
            events.extend(machine.take_events(0, true).iter().map(|_| machine.now - rung));
        }
        let packets = machine.on_bus();
        let ends: Vec<Duration> = packets.iter().map(|each| each.end - rung).collect();
        assert_eq!(events, ends, "an event is in memory when its transaction ends");
        assert!(packets.windows(2).all(|pair| pair[0].end == pair[1].begin), "one behind the other");
        packets[0].begin - rung
    };
    assert_eq!(reads(1), Duration::from_micros(3));
    assert_eq!(reads(30), Duration::from_micros(61));
}

#[test] // req: TIM-21
fn a_message_takes_its_time_from_the_first_event_that_it_is_for() {
    let latencies = Latencies { interrupt: Latency::micros(50), ..Latencies::TYPICAL };
    let mut machine = Machine::new(with(latencies));
    machine.take_events(0, true);
    machine.write(machine.ir(0) + 4, 0);
    machine.run_us(2_000);
    machine.interrupts.clear();
    for _ in 0..3 {
        machine.command.push(&mut machine.memory, command::no_op());
    }
    machine.write(machine.doorbells, 0);
    until(&mut machine, |machine| machine.peek(0).is_some());
    let first = machine.now;
    machine.run_us(49);
    assert_eq!(machine.take_events(0, false).len(), 3, "all before the message");
    assert_eq!((machine.read(machine.ir(0)) & 1, machine.interrupts.len()), (1, 0), "IP is set meanwhile");
    machine.run_us(100);
    assert_eq!(machine.interrupts, [(first + Duration::from_micros(50), 0)]);
    // Taken back in time, it does not come.
    machine.ack(0);
    machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    until(&mut machine, |machine| machine.peek(0).is_some());
    machine.write(machine.ir(0), 0);
    machine.run_us(100);
    assert_eq!(machine.interrupts.len(), 1);
    // And the next takes as long again.
    let enabled = machine.now;
    machine.write(machine.ir(0), 2);
    machine.run_us(100);
    assert_eq!(machine.interrupts[1..], [(enabled + Duration::from_micros(50), 0)]);
}

#[test] // req: TIM-28, TIM-21
fn an_override_changes_what_it_names_and_nothing_else() {
    let typical: Vec<Duration> =
        MEASURES.iter().map(|measure| (measure.of)(with(Latencies::TYPICAL))).collect();
    for (index, overridden) in MEASURES.iter().enumerate() {
        let mut latencies = Latencies::TYPICAL;
        *(overridden.field)(&mut latencies) = Latency::nanos(7_777);
        for (other, measure) in MEASURES.iter().enumerate() {
            let expected = if other == index {
                Duration::from_nanos(7_777 * measure.times + measure.more_ns)
            } else if overridden.name == "doorbell" && measure.more_ns > 0 {
                continue;
            } else {
                typical[other]
            };
            assert_eq!((measure.of)(with(latencies)), expected, "{} with {}", measure.name, overridden.name);
        }
    }
}

/// What a driver sees of a device with a bulk and an isochronous endpoint: events, and when.
fn session(mut machine: Machine) -> (String, Vec<Instant>, Instant) {
    machine.xhc.set_log_level(xhci_model::LogLevel::Full);
    let mut stream = Stream::with(machine, Speed::High, EndpointType::ISOCH_OUT, 28, 0, |context| context);
    let machine = &mut stream.machine;
    let ep = dci(2, true);
    machine.configure(stream.slot, &[(ep, endpoint(stream.slot, ep, EndpointType::BULK_IN, 512, 0))]);
    let mut ring = Producer::new(ring_base(stream.slot, ep), 16);
    for length in [512, 100] {
        machine.gadget(1).answer(2, Answer::Data(vec![3; length]));
        let trb = transfer::normal(Gpa(BUFFERS + 0x1000), 512).with_ioc(true);
        ring.push(&mut machine.memory, trb.with_interrupter_target(InterrupterId(0)));
    }
    machine.ring_doorbell(stream.slot, ep);
    for bytes in 0..4 {
        stream.push(transfer::isoch(Gpa(BUFFERS), bytes, IsochStart::Asap));
    }
    stream.kick();
    stream.run_us(10_000);
    let (slot, ep) = (stream.slot, stream.ep);
    let text = stream.machine.transcript(0) + &stream.machine.transcript(1);
    assert_eq!(stream.machine.command_code(command::stop_endpoint(slot, ep, false)), CompletionCode::SUCCESS);
    let served = stream.served_at().into_iter().take(4).collect();
    (text, served, stream.machine.now)
}

#[test] // req: TIM-27
fn the_timings_differ_in_time_and_in_nothing_else() {
    let mut all = Vec::new();
    for (_, latencies) in TIMINGS {
        all.push(session(Machine::new(with(latencies))));
    }
    let [instant, typical, stress] = &all[..] else { panic!() };
    assert_eq!(instant.0, typical.0);
    assert_eq!(stress.0, typical.0);
    // Service intervals are 125 µs apart in all of them.
    for (_, served, _) in &all {
        assert!(served.windows(2).all(|pair| pair[1] - pair[0] == Duration::MICROFRAME), "{served:?}");
    }
    assert!(instant.1[0] < typical.1[0]);
    assert_ne!(stress.1, typical.1);
    // The same seed draws the same.
    assert_eq!(*stress, session(Machine::new(with(Latencies::STRESS))));
}
