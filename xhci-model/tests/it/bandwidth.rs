//! Who gets how much of a bus: admission of periodic endpoints, their phases, and Get Port Bandwidth.

use crate::support::gadget::Gadget;
use crate::support::hub::{Hub, behind};
use crate::support::{BUFFERS, INPUT, Machine, Producer, dci, endpoint, ring_base};
use expect_test::expect;
use sim_time::Duration;
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Latencies, Policy, Profile};
use xhci_spec::context::{EndpointContext, EndpointState, EndpointType, InputControlContext, SlotContext};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, Psiv, SlotId};

const GOOD: CompletionCode = CompletionCode::SUCCESS;
const FULL: CompletionCode = CompletionCode::BANDWIDTH_ERROR;
const FULL_BEHIND_HUB: CompletionCode = CompletionCode::SECONDARY_BANDWIDTH_ERROR;
/// Where Get Port Bandwidth writes.
const ANSWER: u64 = 0xB_0000;

fn with(policy: Policy) -> Machine {
    let latencies = Latencies::INSTANT;
    Machine::new(Profile { policy, latencies, slots: 32, usb2_ports: 6, ..Profile::default() })
}

fn machine() -> Machine {
    with(Policy::DEFAULT)
}

/// A periodic endpoint with so many packets of `mps` bytes in an interval.
fn periodic(
    slot: SlotId,
    ep: Dci,
    kind: EndpointType,
    mps: u16,
    packets: u8,
    interval: u8,
) -> (Dci, EndpointContext) {
    let context = endpoint(slot, ep, kind, mps, interval)
        .with_max_burst_size(packets.min(16) - 1)
        .with_mult(packets.div_ceil(16) - 1)
        .with_max_esit_payload(u32::from(mps) * u32::from(packets));
    (ep, context)
}

/// The endpoints of a device: fifteen OUT, or IN.
fn all(is_in: bool) -> impl Iterator<Item = Dci> {
    (1..16).map(move |number| dci(number, is_in))
}

fn opposite(kind: EndpointType) -> EndpointType {
    match kind {
        EndpointType::ISOCH_IN => EndpointType::ISOCH_OUT,
        EndpointType::ISOCH_OUT => EndpointType::ISOCH_IN,
        EndpointType::INTERRUPT_IN => EndpointType::INTERRUPT_OUT,
        _ => EndpointType::INTERRUPT_IN,
    }
}

/// Bits of so many bytes at the worst, and the fraction of a bit that USB 2.0 5.11.3 adds.
fn bits(bytes: u64) -> u64 {
    (19 + 56 * bytes) / 6
}

#[test] // req: BW-01, BW-03, TRB-48, CMD-34
fn endpoints_are_admitted_until_the_limit_is_reached() {
    use EndpointType as Kind;
    /// 80 % of a microframe, 90 % of a frame and of a microframe, in ticks.
    const HIGH: u64 = 6_000_000;
    const SLOW: u64 = 54_000_000;
    const SUPER: u64 = 6_750_000;
    let super_packet = |bytes: u64| ((bytes + 32) * 12_000).div_ceil(92);
    // Speed, type, packet size, packets, Interval; the limit, and what one endpoint takes.
    let table: [(Speed, Kind, u16, u8, u8, u64, u64); 12] = [
        (Speed::High, Kind::INTERRUPT_IN, 64, 1, 0, HIGH, (440 + bits(64)) * 125),
        (Speed::High, Kind::INTERRUPT_OUT, 1024, 1, 0, HIGH, (440 + bits(1024)) * 125),
        (Speed::High, Kind::ISOCH_IN, 1024, 1, 0, HIGH, (304 + bits(1024)) * 125),
        (Speed::High, Kind::ISOCH_OUT, 512, 2, 0, HIGH, (304 + bits(512)) * 125 * 2),
        (Speed::High, Kind::ISOCH_OUT, 100, 1, 0, HIGH, (304 + bits(100)) * 125),
        (Speed::Full, Kind::INTERRUPT_IN, 64, 1, 3, SLOW, 9_107 * 60 + bits(64) * 50_124 / 10),
        (Speed::Full, Kind::ISOCH_IN, 200, 1, 3, SLOW, 7_268 * 60 + bits(200) * 50_124 / 10),
        (Speed::Full, Kind::ISOCH_OUT, 200, 1, 3, SLOW, 6_265 * 60 + bits(200) * 50_124 / 10),
        (Speed::Low, Kind::INTERRUPT_IN, 8, 1, 3, SLOW, 64_726 * 60 + bits(8) * 406_002 / 10),
        (Speed::Low, Kind::INTERRUPT_OUT, 8, 1, 3, SLOW, 64_773 * 60 + bits(8) * 400_200 / 10),
        (Speed::Super, Kind::ISOCH_OUT, 1024, 8, 0, SUPER, super_packet(1024) * 8),
        (Speed::Super, Kind::INTERRUPT_IN, 1024, 4, 0, SUPER, super_packet(1024) * 4),
    ];
    for (speed, kind, mps, packets, interval, limit, takes) in table {
        let mut machine = machine();
        let first_port = if speed.is_super() { machine.usb3_port() } else { 1 };
        let mut admitted = 0;
        'filling: for port in first_port..first_port + 6 {
            let slot = machine.enumerate(port, Gadget::new(speed));
            for ep in all(kind.is_in()).chain(all(!kind.is_in())) {
                let kind = if ep.is_in() == kind.is_in() { kind } else { opposite(kind) };
                let code = machine.configure(slot, &[periodic(slot, ep, kind, mps, packets, interval)]);
                if code == FULL {
                    // The configuration is what it was.
                    assert_eq!(machine.endpoint_context(slot, ep).ep_state(), EndpointState::DISABLED);
                    break 'filling;
                }
                assert_eq!(code, GOOD);
                admitted += 1;
            }
            assert_eq!(speed, Speed::High, "other buses are full before they run out of endpoints");
        }
        assert_eq!(admitted, limit / takes, "{speed} {kind} {packets} of {mps}");
    }
}

#[test] // req: BW-03
fn the_payload_of_an_interval_counts_and_not_the_packets_that_it_could_hold() {
    // Three packets of 1024 bytes could go; the endpoints say that they send so many bytes.
    for (payload, packets, fit) in [(3072, 3, 1), (2048, 2, 2), (1024, 1, 4)] {
        let mut machine = machine();
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let mut admitted = 0;
        for ep in all(false) {
            let context = endpoint(slot, ep, EndpointType::ISOCH_OUT, 1024, 0)
                .with_max_burst_size(2)
                .with_max_esit_payload(payload);
            let code = machine.configure(slot, &[(ep, context)]);
            if code == FULL {
                break;
            }
            assert_eq!(code, GOOD);
            admitted += 1;
        }
        assert_eq!(6_000_000 / ((304 + bits(1024)) * 125 * packets), fit);
        assert_eq!(admitted, fit, "{payload} bytes");
    }
}

#[test] // req: BW-05, BW-06, TRB-48
fn one_of_the_largest_fits_and_two_do_not() {
    for (speed, mps, packets, interval) in [(Speed::High, 1024, 3, 0), (Speed::Full, 1023, 1, 3)] {
        let mut machine = machine();
        let slot = machine.enumerate(1, Gadget::new(speed));
        let add = |machine: &mut Machine, number| {
            let ep = dci(number, true);
            machine.configure(slot, &[periodic(slot, ep, EndpointType::ISOCH_IN, mps, packets, interval)])
        };
        assert_eq!([add(&mut machine, 1), add(&mut machine, 2)], [GOOD, FULL], "{speed}");
        // The first one is untouched.
        assert_eq!(machine.endpoint_context(slot, dci(1, true)).ep_state(), EndpointState::RUNNING);
        assert_eq!(machine.slot_context(slot).context_entries(), 3);
    }
}

/// Devices of a speed at two root ports with one large endpoint each: the answers.
fn at_two_ports(
    machine: &mut Machine,
    first: u8,
    speeds: [Speed; 2],
    kinds: [EndpointType; 2],
) -> [CompletionCode; 2] {
    [0, 1].map(|index| {
        let (speed, kind) = (speeds[index], kinds[index]);
        let slot = machine.enumerate(first + u8::try_from(index).unwrap(), Gadget::new(speed));
        let (mps, packets, interval) = match speed {
            Speed::High => (1024, 3, 0),
            Speed::Full => (1023, 1, 3),
            _ => (1024, 48, 0),
        };
        machine.configure(slot, &[periodic(slot, dci(1, kind.is_in()), kind, mps, packets, interval)])
    })
}

#[test] // req: BW-02
fn which_ports_share_a_bus() {
    use EndpointType as Kind;
    use Speed::{Full as FullSpeed, High, Super};
    let per_port = Policy { high_speed_bus_per_port: true, ..Policy::DEFAULT };
    let out = [Kind::ISOCH_OUT; 2];
    assert_eq!(at_two_ports(&mut machine(), 1, [High; 2], out), [GOOD, FULL], "one high-speed bus");
    assert_eq!(at_two_ports(&mut with(per_port), 1, [High; 2], out), [GOOD, GOOD], "a high-speed bus each");
    assert_eq!(at_two_ports(&mut machine(), 1, [FullSpeed; 2], out), [GOOD, GOOD]);
    assert_eq!(at_two_ports(&mut machine(), 1, [High, FullSpeed], out), [GOOD, GOOD]);
    let mut machine = machine();
    let usb3 = machine.usb3_port();
    assert_eq!(at_two_ports(&mut machine, usb3, [Super; 2], out), [GOOD, GOOD]);
    // USB 3 has a wire for each direction.
    let slot = SlotId::new(1).unwrap();
    let add = |machine: &mut Machine, ep: Dci, kind| {
        machine.configure(slot, &[periodic(slot, ep, kind, 1024, 48, 0)])
    };
    assert_eq!(add(&mut machine, dci(2, true), Kind::ISOCH_IN), GOOD);
    assert_eq!(add(&mut machine, dci(3, true), Kind::ISOCH_IN), FULL);
}

#[test] // req: BW-02
fn high_speed_buses_of_their_own_carry_traffic_side_by_side() {
    for (per_port, each) in [(false, [9, 4]), (true, [13, 13])] {
        let mut machine = with(Policy { high_speed_bus_per_port: per_port, ..Policy::DEFAULT });
        let slots = [1, 2].map(|port| machine.enumerate(port, Gadget::new(Speed::High)));
        for (slot, endpoints) in slots.into_iter().zip([2, 1]) {
            for number in 1..=endpoints {
                let ep = dci(number, false);
                machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_OUT, 512, 0))]);
                let mut ring = Producer::new(ring_base(slot, ep), 64);
                for _ in 0..30 {
                    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 0x1_0000));
                }
                machine.ring_doorbell(slot, ep);
            }
        }
        machine.reach_next_frame();
        for port in [1, 2] {
            machine.gadget(port).received.clear();
        }
        machine.run(Duration::FRAME * 3);
        let counts = [1, 2].map(|port| machine.gadget(port).received.len() / 24);
        let total: usize = counts.iter().sum();
        assert_eq!(total, each.iter().sum::<usize>() - usize::from(!per_port), "{counts:?}");
        if per_port {
            assert_eq!(counts, each);
        }
    }
}

#[test] // req: BW-04, ISO-26
fn endpoints_take_the_phase_of_the_lowest_load() {
    use EndpointType as Kind;
    // Each one of them takes more than half of a microframe's 100 us; isochronous ones begin in the first frame.
    for (kind, interval, fit) in [
        (Kind::ISOCH_OUT, 0, 1),
        (Kind::ISOCH_OUT, 1, 2),
        (Kind::ISOCH_OUT, 3, 8),
        (Kind::ISOCH_OUT, 4, 8),
        (Kind::ISOCH_OUT, 15, 8),
        (Kind::INTERRUPT_OUT, 0, 1),
        (Kind::INTERRUPT_OUT, 3, 8),
        (Kind::INTERRUPT_OUT, 4, 14),
    ] {
        let mut machine = machine();
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let mut codes = Vec::new();
        for ep in all(false).take(14) {
            codes.push(machine.configure(slot, &[periodic(slot, ep, kind, 1024, 3, interval)]));
        }
        let admitted = codes.iter().filter(|code| **code == GOOD).count();
        assert_eq!(admitted, fit, "{kind} Interval {interval}");
        assert!(codes[admitted..].iter().all(|code| *code == FULL));
    }
}

#[test] // req: BW-04, ISO-26
fn the_phase_is_where_the_packets_are() {
    let mut machine = machine();
    let origin = machine.origin();
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    // A light endpoint in every second microframe sends the next one to an odd one, and so on.
    let endpoints = [(1, 0, 64), (2, 1, 512), (3, 2, 64), (4, 1, 64), (5, 3, 1024), (6, 5, 1024)];
    for (number, interval, mps) in endpoints {
        let ep = dci(number, false);
        let context = periodic(slot, ep, EndpointType::ISOCH_OUT, mps, 1, interval);
        assert_eq!(machine.configure(slot, &[context]), GOOD);
    }
    for (number, ..) in endpoints {
        let ep = dci(number, false);
        let mut ring = Producer::new(ring_base(slot, ep), 256);
        for _ in 0..200 {
            ring.push(&mut machine.memory, transfer::isoch(Gpa(BUFFERS), 8, transfer::IsochStart::Asap));
        }
        machine.ring_doorbell(slot, ep);
    }
    machine.run_us(20_000);
    let mut text = String::new();
    for (number, interval, mps) in endpoints {
        let received = &machine.gadget(1).received;
        let mut phases: Vec<u64> = received
            .iter()
            .filter(|(_, endpoint, _)| *endpoint == number)
            .map(|(at, ..)| at.since(origin).div_floor(Duration::MICROFRAME) % (1 << interval))
            .collect();
        let packets = phases.len();
        phases.dedup();
        writeln!(text, "{mps} bytes every {}: phases {phases:?}, {}", 1 << interval, packets > 3).unwrap();
    }
    expect![[r#"
        64 bytes every 1: phases [0], true
        512 bytes every 2: phases [0], true
        64 bytes every 4: phases [1], true
        64 bytes every 2: phases [1], true
        1024 bytes every 8: phases [3], true
        1024 bytes every 32: phases [7], true
    "#]]
    .assert_eq(&text);
}

/// Get Port Bandwidth: the answer, and the percent of each port.
fn left(machine: &mut Machine, hub: Option<SlotId>, speed: Speed) -> (CompletionCode, [u8; 16]) {
    machine.memory.put(ANSWER, &[0xEE; 16]);
    let code = machine.command_code(command::get_port_bandwidth(Gpa(ANSWER), hub, Psiv(speed.psiv())));
    (code, machine.memory.get(ANSWER))
}

#[test] // req: BW-10, CMD-51, CTX-22
fn get_port_bandwidth_tells_what_is_left() {
    let mut machine = machine();
    assert_eq!(machine.ports(), 12);
    let six = |before: u8, percent: u8| {
        let mut bytes = [0; 16];
        bytes[usize::from(before) + 1..usize::from(before) + 7].fill(percent);
        bytes
    };
    let idle = [
        (Speed::High, six(0, 80)),
        (Speed::Full, six(0, 90)),
        (Speed::Low, six(0, 90)),
        (Speed::Super, six(6, 90)),
    ];
    for (speed, percents) in idle {
        assert_eq!(left(&mut machine, None, speed), (GOOD, percents), "{speed}");
    }
    // Loads of a tenth: 609 bytes a microframe take 12.48 us, 110 bytes a frame 93 us, 5 packets 11.5 us.
    for (port, speed, mps, packets, interval) in
        [(1, Speed::High, 609, 1, 0), (2, Speed::Full, 110, 1, 3), (7, Speed::Super, 1024, 5, 0)]
    {
        let slot = machine.enumerate(port, Gadget::new(speed));
        let ep = dci(1, false);
        let context = periodic(slot, ep, EndpointType::ISOCH_OUT, mps, packets, interval);
        assert_eq!(machine.configure(slot, &[context]), GOOD);
    }
    assert_eq!(left(&mut machine, None, Speed::High).1, six(0, 70), "one bus for all ports");
    let mut full = six(0, 90);
    full[2] = 80;
    assert_eq!(left(&mut machine, None, Speed::Full).1, full);
    let mut super_speed = six(6, 90);
    super_speed[7] = 80;
    assert_eq!(left(&mut machine, None, Speed::Super).1, super_speed);
    // A load in one microframe of eight is the load of the bus at the worst.
    let slot = SlotId::new(1).unwrap();
    let ep = dci(2, true);
    assert_eq!(machine.configure(slot, &[periodic(slot, ep, EndpointType::INTERRUPT_IN, 1024, 1, 3)]), GOOD);
    assert_eq!(left(&mut machine, None, Speed::High).1, six(0, 53), "20.66 us more");
}

#[test] // req: BW-12, CMD-27
fn what_is_dropped_makes_room() {
    let mut machine = machine();
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let large = |number| periodic(slot, dci(number, true), EndpointType::ISOCH_IN, 1024, 3, 0);
    let configure =
        |machine: &mut Machine, control: InputControlContext, contexts: &[(Dci, EndpointContext)]| {
            machine.input(control.adding_slot(), SlotContext::new().with_context_entries(31), contexts);
            machine.command_code(command::configure_endpoint(Gpa(INPUT), slot, false))
        };
    let none = InputControlContext::new();
    for round in 0..100 {
        let code = configure(&mut machine, none.adding(dci(1, true)), &[large(1)]);
        assert_eq!(code, GOOD, "round {round}");
        // Dropped and added at once.
        let swap = none.dropping(dci(1, true)).adding(dci(2, true));
        assert_eq!(configure(&mut machine, swap, &[large(2)]), GOOD);
        let same = none.dropping(dci(2, true)).adding(dci(2, true));
        assert_eq!(configure(&mut machine, same, &[large(2)]), GOOD);
        // All or nothing: the drop is not done either.
        let too_much = none.dropping(dci(2, true)).adding(dci(3, true)).adding(dci(4, true));
        assert_eq!(configure(&mut machine, too_much, &[large(3), large(4)]), FULL);
        assert_eq!(machine.endpoint_context(slot, dci(2, true)).ep_state(), EndpointState::RUNNING);
        assert_eq!(configure(&mut machine, none.dropping(dci(2, true)), &[]), GOOD);
    }
}

#[test] // req: BW-12
fn what_ends_a_configuration_gives_its_bandwidth_back() {
    let ends = [
        |slot| command::configure_endpoint(Gpa::NULL, slot, true),
        |slot| command::reset_device(slot),
        |slot| command::disable_slot(slot),
    ];
    for end in ends {
        let mut machine = machine();
        let [slot, other] = [1, 2].map(|port| machine.enumerate(port, Gadget::new(Speed::High)));
        let large = |slot| periodic(slot, dci(1, true), EndpointType::ISOCH_IN, 1024, 3, 0);
        assert_eq!(machine.configure(slot, &[large(slot)]), GOOD);
        assert_eq!(machine.configure(other, &[large(other)]), FULL);
        assert_eq!(machine.command_code(end(slot)), GOOD);
        assert_eq!(machine.configure(other, &[large(other)]), GOOD);
    }
}

#[test] // req: BW-14
fn without_limits_everything_is_admitted() {
    let mut machine = with(Policy { unlimited_bandwidth: true, ..Policy::DEFAULT });
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    for ep in all(true).chain(all(false)).take(20) {
        let kind = if ep.is_in() { EndpointType::ISOCH_IN } else { EndpointType::ISOCH_OUT };
        assert_eq!(machine.configure(slot, &[periodic(slot, ep, kind, 1024, 3, 0)]), GOOD);
    }
    assert_eq!(left(&mut machine, None, Speed::High).1[1], 0);
}

#[test] // req: BW-11
fn bulk_gets_what_a_full_speed_bus_has_left() {
    let mut machine = machine();
    let slot = machine.enumerate(1, Gadget::new(Speed::Full));
    let (audio, bulk) = (dci(1, false), dci(2, false));
    let contexts = [
        periodic(slot, audio, EndpointType::ISOCH_OUT, 1023, 1, 3),
        (bulk, endpoint(slot, bulk, EndpointType::BULK_OUT, 64, 0)),
    ];
    assert_eq!(machine.configure(slot, &contexts), GOOD);
    let mut rings = [audio, bulk].map(|ep| Producer::new(ring_base(slot, ep), 64));
    for _ in 0..30 {
        let isoch = transfer::isoch(Gpa(BUFFERS), 1023, transfer::IsochStart::Asap);
        rings[0].push(&mut machine.memory, isoch);
        rings[1].push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 0x1_0000));
    }
    for ep in [audio, bulk] {
        machine.ring_doorbell(slot, ep);
    }
    machine.run_us(5_000);
    machine.reach_next_frame();
    machine.gadget(1).received.clear();
    machine.run(Duration::FRAME * 4);
    let received = &machine.gadget(1).received;
    let packets = [1, 2].map(|number| received.iter().filter(|(_, ep, _)| *ep == number).count());
    // 1 ms less 3.3 us and 690.2 us is 306.5 us: five times 52.1 us.
    assert_eq!(packets, [4, 4 * 5]);
}

/// A high-speed hub at root port 1 with a full-speed device at each of two ports. Returns their slots.
fn behind_hub(machine: &mut Machine, port: u8, multi_tt: bool, think_time: u8) -> (SlotId, [SlotId; 2]) {
    let gadget = || Gadget::new(Speed::Full).isochronous(1);
    let hub = machine.enumerate(port, Hub::new(Speed::High).with(1, gadget()).with(2, gadget()));
    machine.mark_hub(hub, multi_tt, think_time);
    let slots = [1, 2].map(|at| {
        let context = behind(port, at, Speed::Full)
            .with_parent_hub_slot_id(hub.get())
            .with_parent_port_number(u8::try_from(at).unwrap())
            .with_mtt(multi_tt);
        machine.enumerate_behind(context)
    });
    (hub, slots)
}

#[test] // req: BW-02, BW-08, TRB-74, CMD-34, CTX-06
fn a_transaction_translator_has_a_bus_of_its_own() {
    let camera = |slot, number| periodic(slot, dci(number, true), EndpointType::ISOCH_IN, 1023, 1, 3);
    for (multi, same_device, other_port) in
        [(false, FULL_BEHIND_HUB, FULL_BEHIND_HUB), (true, FULL_BEHIND_HUB, GOOD)]
    {
        let mut machine = machine();
        let (hub, [first, second]) = behind_hub(&mut machine, 1, multi, 0);
        assert_eq!(machine.configure(first, &[camera(first, 1)]), GOOD);
        assert_eq!(machine.configure(first, &[camera(first, 2)]), same_device, "multi-TT {multi}");
        assert_eq!(machine.configure(second, &[camera(second, 1)]), other_port, "multi-TT {multi}");
        // Another hub, and a device at a root port, are other buses.
        let (_, [third, _]) = behind_hub(&mut machine, 2, multi, 0);
        assert_eq!(machine.configure(third, &[camera(third, 1)]), GOOD);
        let direct = machine.enumerate(3, Gadget::new(Speed::Full));
        assert_eq!(machine.configure(direct, &[camera(direct, 1)]), GOOD);
        // What the hub's ports have left: 900 us less 805.2 us and the think time is 9.4 %.
        let (code, percents) = left(&mut machine, Some(hub), Speed::Full);
        let used = if multi { [0, 9, 9, 90] } else { [0, 9, 9, 9] };
        assert_eq!((code, &percents[..4]), (GOOD, &used[..]), "multi-TT {multi}");
        // The high-speed bus carries the tokens of two or three packets: 4.4 us each, at the worst.
        let on_bus = if multi { 69 } else { 73 };
        assert_eq!(left(&mut machine, None, Speed::High).1[1], on_bus);
        assert_eq!(left(&mut machine, Some(hub), Speed::High).1[1], on_bus);
    }
}

#[test] // req: BW-08, TRB-74
fn interrupt_endpoints_fill_the_bus_behind_a_translator() {
    let mut machine = machine();
    let (_, [slot, _]) = behind_hub(&mut machine, 1, false, 0);
    let idle = left(&mut machine, None, Speed::High).1[1];
    let mut codes = Vec::new();
    for ep in all(true).chain(all(false)).take(20) {
        let kind = if ep.is_in() { EndpointType::INTERRUPT_IN } else { EndpointType::INTERRUPT_OUT };
        codes.push(machine.configure(slot, &[periodic(slot, ep, kind, 64, 1, 3)]));
    }
    // A think time of 8 bits of 5000 ticks each.
    let takes = 9_107 * 60 + bits(64) * 50_124 / 10 + 8 * 5_000;
    let fit = usize::try_from(54_000_000 / takes).unwrap();
    assert_eq!(codes[..fit], [GOOD].repeat(fit));
    assert!(codes.len() > fit && codes[fit..].iter().all(|code| *code == FULL_BEHIND_HUB), "{codes:?}");
    // Their tokens take time of the high-speed bus.
    assert!(left(&mut machine, None, Speed::High).1[1] < idle);
}

#[test] // req: BW-08, TRB-48
fn a_full_high_speed_bus_is_the_primary_shortage() {
    let mut machine = machine();
    let slot = machine.enumerate(3, Gadget::new(Speed::High));
    // 91.4 us of the 100 us; a token with 188 bytes takes 4.4 us.
    for (number, mps, packets) in [(1, 1024, 3), (2, 1024, 1), (3, 440, 1)] {
        let context = periodic(slot, dci(number, false), EndpointType::ISOCH_OUT, mps, packets, 0);
        assert_eq!(machine.configure(slot, &[context]), GOOD);
    }
    let (_, [first, _]) = behind_hub(&mut machine, 1, false, 0);
    let (_, [second, _]) = behind_hub(&mut machine, 2, false, 0);
    let speaker = |slot| periodic(slot, dci(1, false), EndpointType::ISOCH_OUT, 1023, 1, 3);
    assert_eq!(machine.configure(first, &[speaker(first)]), GOOD);
    assert_eq!(machine.configure(second, &[speaker(second)]), FULL);
}

#[test] // req: BW-09, CTX-06
fn think_time_counts_behind_a_translator() {
    // Besides 1023 bytes a frame, so many: 900 us less 805.2 us, less what two transactions think.
    for (think_time, bytes) in [(0, 110), (1, 108), (2, 106), (3, 105)] {
        let mut machine = machine();
        let (_, [first, second]) = behind_hub(&mut machine, 1, false, think_time);
        let endpoint = |slot, bytes| periodic(slot, dci(1, true), EndpointType::ISOCH_IN, bytes, 1, 3);
        assert_eq!(machine.configure(first, &[endpoint(first, 1023)]), GOOD);
        assert_eq!(machine.configure(second, &[endpoint(second, bytes + 1)]), FULL_BEHIND_HUB);
        assert_eq!(machine.configure(second, &[endpoint(second, bytes)]), GOOD, "think time {think_time}");
    }
}

#[test] // req: BW-10, CMD-51
fn hub_ports_have_what_their_bus_has() {
    let mut machine = machine();
    let usb3 = machine.usb3_port();
    let hubs = [(1, Speed::High), (2, Speed::Full), (usb3, Speed::Super)].map(|(port, speed)| {
        let hub = machine.enumerate(port, Hub::new(speed));
        machine.mark_hub(hub, false, 0);
        hub
    });
    // A load of a tenth on each bus, by devices at the root ports next to the high-speed hub and by the other hubs.
    let fast = machine.enumerate(3, Gadget::new(Speed::High));
    for (slot, mps, packets, interval) in [(fast, 609, 1, 0), (hubs[1], 110, 1, 3), (hubs[2], 1024, 5, 0)] {
        let context = periodic(slot, dci(1, false), EndpointType::ISOCH_OUT, mps, packets, interval);
        assert_eq!(machine.configure(slot, &[context]), GOOD);
    }
    // Configure Endpoint said that they are no hubs.
    for hub in hubs {
        machine.mark_hub(hub, false, 0);
    }
    let mut text = String::new();
    for (hub, name) in hubs.into_iter().zip(["high", "full", "super"]) {
        for speed in [Speed::Low, Speed::Full, Speed::High, Speed::Super] {
            let (code, bytes) = left(&mut machine, Some(hub), speed);
            assert_eq!((code, bytes[0]), (GOOD, 0));
            assert!(bytes[1..].iter().all(|percent| *percent == bytes[1]), "15 ports alike");
            writeln!(text, "{name}-speed hub, {speed} device: {}", bytes[1]).unwrap();
        }
    }
    expect![[r#"
        high-speed hub, low-speed device: 90
        high-speed hub, full-speed device: 90
        high-speed hub, high-speed device: 70
        high-speed hub, super-speed device: 0
        full-speed hub, low-speed device: 80
        full-speed hub, full-speed device: 80
        full-speed hub, high-speed device: 0
        full-speed hub, super-speed device: 0
        super-speed hub, low-speed device: 0
        super-speed hub, full-speed device: 0
        super-speed hub, high-speed device: 0
        super-speed hub, super-speed device: 80
    "#]]
    .assert_eq(&text);
    let refused = CompletionCode::PARAMETER_ERROR;
    assert_eq!(left(&mut machine, Some(fast), Speed::High), (refused, [0xEE; 16]), "not a hub");
}

#[test] // req: BW-10, BW-02
fn a_full_speed_hub_shares_the_bus_behind_its_translator() {
    let mut machine = machine();
    let hub = machine.enumerate(1, Hub::new(Speed::High).with(2, Hub::new(Speed::Full)));
    machine.mark_hub(hub, false, 0);
    let context = behind(1, 2, Speed::Full).with_parent_hub_slot_id(hub.get()).with_parent_port_number(2);
    let inner = machine.enumerate_behind(context);
    let load = periodic(inner, dci(1, false), EndpointType::ISOCH_OUT, 110, 1, 3);
    assert_eq!(machine.configure(inner, &[load]), GOOD);
    for slot in [hub, inner] {
        machine.mark_hub(slot, false, 0);
        assert_eq!(left(&mut machine, Some(slot), Speed::Full).1[1], 80);
    }
    assert_eq!(left(&mut machine, None, Speed::Full).1[1], 90);
}
