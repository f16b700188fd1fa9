//! The ring itself: who owns a TRB, Links, what is read when, and TRBs that cannot be (xHCI 4.9.2, 4.9.3, 4.11.5.1).

use crate::support::bench::Bench;
use crate::support::memory::Access;
use crate::support::probe::Say;
use crate::support::{BUFFERS, EVENT_RINGS, Producer, ring_base};
use crate::support::{any_profile, on_profiles};
use expect_test::expect;
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Policy, Profile, Violation};
use xhci_spec::context::{EndpointState, EndpointType};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Gpa, Trb, TrbType};

/// A second segment for rings of several.
const ELSEWHERE: u64 = 0x2C_0000;

fn bulk_out() -> Bench {
    Bench::new(any_profile(), Speed::High, EndpointType::BULK_OUT)
}

/// The lengths of the OUT packets since the last call.
fn sent(bench: &mut Bench) -> Vec<usize> {
    bench.probe().seen.drain(..).map(|seen| seen.data.len()).collect()
}

/// Writes TRBs at an address, with a cycle bit each.
fn put(bench: &mut Bench, at: u64, trbs: &[(Trb, bool)]) {
    for (index, (trb, cycle)) in (0..).zip(trbs) {
        bench.machine.memory.put(at + index * 16, &trb.with_cycle(*cycle).to_bytes());
    }
}

fn data(length: u32) -> Trb {
    transfer::normal(Gpa(BUFFERS), length).with_ioc(true)
}

fn link(to: u64, toggle: bool) -> Trb {
    transfer::link(Gpa(to), toggle)
}

#[test] // req: RNG-01, RNG-02
fn the_cycle_bit_says_whose_a_trb_is() {
    on_profiles(|profile| {
        for dcs in [true, false] {
            let mut bench = Bench::with(profile.clone(), Speed::High, EndpointType::BULK_OUT, |context| {
                context.with_max_packet_size(512).with_dcs(dcs)
            });
            let base = bench.ring.base;
            put(&mut bench, base, &[(data(1), dcs), (data(2), dcs), (data(3), !dcs), (data(4), dcs)]);
            bench.go();
            assert_eq!((sent(&mut bench), bench.events()), (vec![1, 2], "1@0:0 1@1:0".to_owned()));
            // Not even looked at without a doorbell.
            put(&mut bench, base + 32, &[(data(3), dcs)]);
            bench.machine.run_us(10_000);
            assert!(sent(&mut bench).is_empty());
            bench.go();
            assert_eq!(sent(&mut bench), [3, 4]);
        }
    });
}

#[test] // req: RNG-03
fn the_cycle_bit_is_read_before_the_rest() {
    let mut bench = bulk_out();
    let base = bench.ring.base;
    // The driver has written everything but the last dword; the rest of the ring is old.
    let bytes = data(7).with_cycle(true).to_bytes();
    bench.machine.memory.put(base, &bytes[..12]);
    bench.machine.memory.take_accesses();
    bench.go();
    let reads: Vec<Access> = bench
        .machine
        .memory
        .take_accesses()
        .into_iter()
        .filter(|access| !access.write && access.at >> 4 == base >> 4)
        .collect();
    assert_eq!(reads, [Access { write: false, at: base + 12, length: 4 }], "and no more");
    bench.machine.memory.put(base + 12, &bytes[12..]);
    bench.go();
    let reads: Vec<u64> = bench
        .machine
        .memory
        .take_accesses()
        .into_iter()
        .filter(|access| !access.write && access.at >> 4 == base >> 4)
        .map(|access| access.at - base)
        .collect();
    assert_eq!(reads, [12, 0], "the cycle bit first, everything once");
    assert_eq!(sent(&mut bench), [7]);
}

#[test] // req: RNG-04
fn a_td_whose_rest_comes_later() {
    let mut bench = bulk_out();
    bench.trbs("N512 ch ioc, N100 ch ioc");
    bench.go();
    // What fills a packet goes; what does not waits for more.
    assert_eq!((sent(&mut bench), bench.events().as_str()), (vec![512], "1@0:0"));
    bench.go();
    assert!(sent(&mut bench).is_empty());
    bench.trbs("N412 ch ioc, N3 ioc");
    assert!(sent(&mut bench).is_empty());
    bench.go();
    assert_eq!((sent(&mut bench), bench.events().as_str()), (vec![512, 3], "1@1:0 1@2:0 1@3:0"));

    // Behind a short packet too.
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_IN);
    bench.probe().sends(1, &[100, 512]);
    bench.trbs("N512 ch isp");
    bench.go();
    assert_eq!(bench.events(), "13@0:412");
    bench.trbs("N512 ioc, N512 ioc");
    bench.go();
    assert_eq!(bench.events(), "13@1:412 1@2:0");
}

#[test] // req: RNG-05, RNG-06, RNG-07, RNG-08, TRB-07
fn links_lead_through_segments() {
    on_profiles(|profile| {
        let mut bench = Bench::new(profile, Speed::High, EndpointType::BULK_OUT);
        let base = bench.ring.base;
        let (second, third) = (ELSEWHERE, ELSEWHERE + 0x1000);
        // Three segments, toggled at the last Link only. Bits 3:0 of the pointer do not count; Chain bits of Links
        // neither; a Link may stand alone, come twice, and begin or end a TD.
        let dirty = |to: u64, toggle| Trb { parameter: to | 0xF, ..link(to, toggle) };
        put(&mut bench, base, &[(data(1), true), (dirty(second, false).with_chain(true), true)]);
        let chained = data(2).with_ioc(false).with_chain(true);
        put(&mut bench, second, &[(chained, true), (link(second + 0x100, false).with_ioc(true), true)]);
        put(&mut bench, second + 0x100, &[(link(third, false).with_chain(true), true)]);
        put(&mut bench, third, &[(data(3), true), (link(base, true).with_ioc(true), true)]);
        bench.go();
        assert_eq!(sent(&mut bench), [1, 5]);
        let events = bench.events();
        assert_eq!(events, "1@0:0 1@0x2c0010:0 1@0x2c1000:0 1@0x2c1010:0");
        // Once around with the other cycle state.
        put(&mut bench, base, &[(data(4), false), (link(second, false), false)]);
        put(&mut bench, second, &[(data(6), false), (data(7), true)]);
        bench.go();
        assert_eq!(sent(&mut bench), [4, 6], "7 has the old cycle bit");
    });
}

#[test] // req: RNG-29, RNG-26
fn a_segment_of_64_kib_is_gone_around() {
    let mut bench = bulk_out();
    let base = ELSEWHERE;
    bench.stop();
    let trb = command::set_tr_dequeue_pointer(bench.slot, bench.ep, Gpa(base), true);
    assert_eq!(bench.machine.command_code(trb), CompletionCode::SUCCESS);
    bench.ring = Producer::new(base, 4096);
    let mut completed = Vec::new();
    for _ in 0..100 {
        for _ in 0..100 {
            let trb = transfer::normal(Gpa(BUFFERS), 1).with_ioc(true);
            bench.ring.push(&mut bench.machine.memory, trb);
        }
        bench.machine.ring_doorbell(bench.slot, bench.ep);
        bench.machine.run_us(1_500);
        let events = bench.machine.take_events(0, true);
        let transfers = events.iter().filter(|trb| trb.trb_type() == TrbType::TRANSFER_EVENT);
        completed.extend(transfers.map(|trb| (trb.parameter - base) / 16));
    }
    let expected: Vec<u64> = (0..10_000).map(|index| index % 4095).collect();
    assert_eq!(completed.len(), 10_000);
    assert_eq!(completed, expected[expected.len() - 10_000..], "each once, in order, twice around");
}

#[test] // req: RNG-26, RNG-19, TRB-40, TRB-76
fn no_trb_completes_twice_nor_out_of_order() {
    // Random TDs, random packets; a small generator of our own, so that the run is the same everywhere.
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_IN);
    let mut state = 1_u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    bench.stop();
    let at = Gpa(ELSEWHERE);
    bench.machine.command_code(command::set_tr_dequeue_pointer(bench.slot, bench.ep, at, true));
    bench.events();
    // Each place of this ring is used once.
    bench.ring = Producer::new(at.0, 4096);
    let mut told = Vec::new();
    for _ in 0..100 {
        for _ in 0..30 {
            let trb = transfer::normal(Gpa(BUFFERS), random(700))
                .with_chain(random(3) > 0)
                .with_ioc(random(3) == 0)
                .with_isp(random(3) == 0);
            bench.ring.push(&mut bench.machine.memory, trb);
            let length = usize::try_from(random(600)).unwrap();
            bench.probe().input[1].push_back(Say::Data(length.min(512)));
        }
        bench.machine.ring_doorbell(bench.slot, bench.ep);
        bench.machine.run_us(2_000);
        for trb in bench.machine.take_events(0, true) {
            let code = trb.completion_code();
            assert!(matches!(code.0, 1 | 3 | 13), "{code}");
            told.push(trb.parameter);
        }
        if bench.state() == EndpointState::HALTED {
            // A packet that did not fit.
            bench.recover();
        }
    }
    assert!(told.len() > 300, "{}", told.len());
    assert!(told.is_sorted_by(|one, next| one < next), "{told:x?}");
}

#[test] // req: RNG-32
fn what_is_not_executed_may_be_rewritten_after_a_stop() {
    on_profiles(|profile| {
        let mut bench = Bench::new(profile, Speed::High, EndpointType::BULK_OUT);
        bench.probe().output[1].extend([Say::Nak; 1000]);
        let trbs = bench.trbs("N100 ch, N100 ioc, N50 ioc");
        bench.go();
        bench.stop();
        assert_eq!(bench.events(), "26@0:100");
        bench.probe().output[1].clear();
        sent(&mut bench);
        for (trb, length) in trbs.iter().zip([30, 40, 60]) {
            let chained = length == 30;
            let trb_now = data(length).with_chain(chained).with_ioc(!chained).with_cycle(true);
            bench.machine.memory.put(trb.0, &trb_now.to_bytes());
        }
        bench.go();
        assert_eq!((sent(&mut bench), bench.events().as_str()), (vec![70, 60], "1@1:0 1@2:0"));
    });
}

#[test] // req: RNG-32, XFR-09
fn what_is_not_executed_may_be_rewritten_after_a_reset_of_the_endpoint() {
    on_profiles(|profile| {
        let mut bench = Bench::new(profile, Speed::High, EndpointType::BULK_OUT);
        bench.probe().output[1].extend([Say::Data(0), Say::Silence, Say::Silence, Say::Silence]);
        let trbs = bench.trbs("N512 ch, N100 ch, N60 ioc");
        bench.go();
        assert_eq!(bench.events(), "4@1:100");
        sent(&mut bench);
        // The packet that failed had bytes of both TRBs: the last one has been read.
        bench.machine.memory.put(trbs[2].0, &data(30).with_cycle(true).to_bytes());
        assert_eq!(bench.reset(true), CompletionCode::SUCCESS);
        bench.go();
        assert_eq!((sent(&mut bench), bench.events().as_str()), (vec![130], "1@2:0"));
    });
}

#[test] // req: RNG-33
fn data_move_when_their_packet_does() {
    // OUT: the second packet's data are written while the first one is on the bus.
    let mut bench = bulk_out();
    bench.machine.memory.put(BUFFERS, &[1; 1024]);
    bench.probe().output[1].extend([Say::Data(0), Say::Nak, Say::Nak]);
    bench.trbs("N1024 ioc");
    bench.machine.ring_doorbell(bench.slot, bench.ep);
    bench.machine.run_us(130);
    assert_eq!(bench.events(), "");
    bench.machine.memory.put(BUFFERS, &[2; 1024]);
    bench.machine.run_us(1_000);
    let data = bench.probe().stream("OUT", 1);
    assert_eq!((data.len(), data[0], data[512]), (1024, 1, 2));

    // IN: all data are in memory when the event is written.
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_IN);
    bench.probe().sends(1, &[512, 512]);
    bench.trbs("N512 ch, N512 ioc");
    bench.machine.memory.take_accesses();
    bench.go();
    let writes: Vec<Access> =
        bench.machine.memory.take_accesses().into_iter().filter(|access| access.write).collect();
    let to = |range: std::ops::Range<u64>| {
        let hits: Vec<usize> = (0..)
            .zip(&writes)
            .filter(|(_, access)| range.contains(&access.at))
            .map(|(index, _)| index)
            .collect();
        (hits.first().copied().unwrap(), hits.last().copied().unwrap(), hits.len())
    };
    let (_, last_data, packets) = to(BUFFERS..BUFFERS + 1024);
    let (first_event, ..) = to(EVENT_RINGS..EVENT_RINGS + 0x1000);
    assert!(packets == 2 && last_data < first_event, "{writes:x?}");
}

#[test] // req: RNG-11
fn a_buffer_may_cross_64_kib_and_is_counted() {
    on_profiles(|profile| {
        for (at, length, count) in
            [(0x21_0000 - 8, 8, 0), (0x21_0000 - 8, 9, 1), (0x21_0000, 0x1_0000, 0), (0x21_0001, 0x1_0000, 1)]
        {
            let mut bench = Bench::new(profile.clone(), Speed::High, EndpointType::BULK_OUT);
            bench.machine.memory.put(at, &[0x5A; 16]);
            let trb = transfer::normal(Gpa(at), length).with_ioc(true);
            bench.ring.push(&mut bench.machine.memory, trb);
            bench.go();
            assert_eq!(bench.events(), "1@0:0");
            assert_eq!(bench.probe().stream("OUT", 1).len(), length as usize);
            assert_eq!(bench.probe().stream("OUT", 1)[..8], [0x5A; 8]);
            assert_eq!(bench.violations(Violation::BufferCrossesBoundary), count, "{at:#x} + {length:#x}");
        }
    });
}

#[test] // req: RNG-12, TRB-01, TRB-06
fn immediate_data() {
    let table = |profile: Profile| {
        let mut table = String::new();
        for (kind, trbs) in [
            (EndpointType::BULK_OUT, "N8 idt ioc"),
            (EndpointType::BULK_OUT, "N3 idt ioc"),
            (EndpointType::BULK_OUT, "N0 idt ioc"),
            (EndpointType::BULK_OUT, "N8 idt ch, E1 ioc"),
            (EndpointType::INTERRUPT_OUT, "N5 idt ioc"),
            (EndpointType::ISOCH_OUT, "I7 idt ioc"),
            (EndpointType::CONTROL, "S8 out, D8 idt, T in ioc"),
            (EndpointType::BULK_OUT, "N9 idt ioc"),
            (EndpointType::BULK_IN, "N8 idt ioc"),
            (EndpointType::ISOCH_IN, "I8 idt ioc"),
            (EndpointType::CONTROL, "S8 in, D8 in idt, T ioc"),
            (EndpointType::BULK_OUT, "N8 idt ch, N4 ioc"),
            (EndpointType::BULK_OUT, "N4 ch, N8 idt ioc"),
        ] {
            let mut bench = Bench::new(profile.clone(), Speed::High, kind);
            for one in trbs.split(',').map(str::trim) {
                let trb = bench.parse(one);
                let immediate = one.contains("idt");
                let trb = if immediate { Trb { parameter: 0x0807_0605_0403_0201, ..trb } } else { trb };
                bench.ring.push(&mut bench.machine.memory, trb);
            }
            bench.go();
            let number = bench.ep.endpoint_number();
            let out = bench.probe().stream("OUT", number);
            let count = bench.violations(Violation::ImmediateDataInLongTd);
            let (events, state) = (bench.events(), bench.state());
            writeln!(table, "{kind}: {trbs} | {out:?} | {events} | {state} | {count}").unwrap();
        }
        table
    };
    expect![[r#"
        Bulk OUT: N8 idt ioc | [1, 2, 3, 4, 5, 6, 7, 8] | 1@0:0 | Running | 0
        Bulk OUT: N3 idt ioc | [1, 2, 3] | 1@0:0 | Running | 0
        Bulk OUT: N0 idt ioc | [] | 1@0:0 | Running | 0
        Bulk OUT: N8 idt ch, E1 ioc | [1, 2, 3, 4, 5, 6, 7, 8] | 1=e001:8 | Running | 0
        Interrupt OUT: N5 idt ioc | [1, 2, 3, 4, 5] | 1@0:0 | Running | 0
        Isoch OUT: I7 idt ioc | [1, 2, 3, 4, 5, 6, 7] | 1@0:0 14@1:0 | Running | 0
        Control: S8 out, D8 idt, T in ioc | [1, 2, 3, 4, 5, 6, 7, 8] | 1@2:0 | Running | 0
        Bulk OUT: N9 idt ioc | [] | 5@0:0 | Error | 0
        Bulk IN: N8 idt ioc | [] | 5@0:0 | Error | 0
        Isoch IN: I8 idt ioc | [] | 5@0:0 | Error | 0
        Control: S8 in, D8 in idt, T ioc | [] | 5@1:0 | Error | 0
        Bulk OUT: N8 idt ch, N4 ioc | [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0] | 1@1:0 | Running | 1
        Bulk OUT: N4 ch, N8 idt ioc | [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8] | 1@1:0 | Running | 1
    "#]]
    .assert_eq(&table(Profile::default()));
    expect![[r#"
        Bulk OUT: N8 idt ioc | [1, 2, 3, 4, 5, 6, 7, 8] | 1@0:0 | Running | 0
        Bulk OUT: N3 idt ioc | [1, 2, 3] | 1@0:0 | Running | 0
        Bulk OUT: N0 idt ioc | [] | 1@0:0 | Running | 0
        Bulk OUT: N8 idt ch, E1 ioc | [1, 2, 3, 4, 5, 6, 7, 8] | 1=e001:8 | Running | 0
        Interrupt OUT: N5 idt ioc | [1, 2, 3, 4, 5] | 1@0:0 | Running | 0
        Isoch OUT: I7 idt ioc | [1, 2, 3, 4, 5, 6, 7] | 1@0:0 14@1:0 | Running | 0
        Control: S8 out, D8 idt, T in ioc | [1, 2, 3, 4, 5, 6, 7, 8] | 1@2:0 | Running | 0
        Bulk OUT: N9 idt ioc | [] | 5@0:0 | Error | 0
        Bulk IN: N8 idt ioc | [] | 5@0:0 | Error | 0
        Isoch IN: I8 idt ioc | [] | 5@0:0 | Error | 0
        Control: S8 in, D8 in idt, T ioc | [] | 5@1:0 | Error | 0
        Bulk OUT: N8 idt ch, N4 ioc | [] | 5@1:0 | Error | 1
        Bulk OUT: N4 ch, N8 idt ioc | [] | 5@1:0 | Error | 1
    "#]]
    .assert_eq(&table(Profile::strict()));
}

#[test] // req: TRB-02, SEC-05, RNG-10
fn a_trb_has_64_kib_at_most() {
    on_profiles(|profile| {
        for kind in [EndpointType::BULK_OUT, EndpointType::BULK_IN] {
            for (length, code) in [(0x1_0000, 1), (0x1_0001, 5), (0x1_FFFF, 5)] {
                let mut bench = Bench::new(profile.clone(), Speed::High, kind);
                bench.probe().endless[1] = Some(512);
                let trb = transfer::normal(Gpa(0x21_0000), length);
                bench.ring.push(&mut bench.machine.memory, trb.with_ioc(code == 1));
                bench.go();
                assert_eq!(bench.events(), format!("{code}@0:0"), "{length:#x}");
                let packets = bench.probe().seen.len();
                assert_eq!(packets, if code == 1 { 128 } else { 0 });
            }
        }
    });
}

#[test] // req: TRB-03, RNG-10, RNG-28
fn setup_trbs_that_cannot_be() {
    on_profiles(|profile| {
        let good = transfer::setup_stage([0, 9, 1, 0, 0, 0, 0, 0], xhci_spec::trb::TransferType::NO_DATA);
        let setup = |packet| transfer::setup_stage(packet, xhci_spec::trb::TransferType::NO_DATA);
        let cases = [
            (good, None),
            (good.with_idt(false), Some(0)),
            (good.with_transfer_length(7), Some(0)),
            (good.with_transfer_length(9), Some(0)),
            (good.with_transfer_length(0), Some(0)),
            // RNG-28: SET_ADDRESS is the controller's. The same request of a class or to an interface is not.
            (setup([0, 5, 9, 0, 0, 0, 0, 0]), Some(0)),
            (setup([0x20, 5, 9, 0, 0, 0, 0, 0]), None),
            (setup([1, 5, 9, 0, 0, 0, 0, 0]), None),
        ];
        for (trb, refused) in cases {
            let mut bench = Bench::new(profile.clone(), Speed::High, EndpointType::CONTROL);
            bench.ring.push(&mut bench.machine.memory, trb);
            bench.trbs("T in ioc");
            bench.go();
            let (events, state, seen) = match refused {
                Some(index) => (format!("5@{index}:0"), EndpointState::ERROR, 0),
                None => ("1@1:0".to_owned(), EndpointState::RUNNING, 2),
            };
            assert_eq!((bench.events(), bench.state()), (events, state), "{trb:?}");
            assert_eq!(bench.probe().seen.len(), seen, "{trb:?}");
        }
    });
}

#[test] // req: TRB-10, TRB-06, TRB-45, EPS-03
fn which_trb_types_stand_where() {
    let mut table = String::new();
    for kind in 1..8 {
        let kind = EndpointType(kind);
        let runs = (0..64).map(TrbType).filter(|trb_type| {
            let mut bench = Bench::with(any_profile(), Speed::High, kind, |context| {
                let bulk = matches!(kind, EndpointType::BULK_IN | EndpointType::BULK_OUT);
                context.with_max_packet_size(if bulk { 512 } else { 64 })
            });
            let other = ring_base(bench.slot, bench.ep) + 16;
            let trb = match *trb_type {
                TrbType::SETUP_STAGE => bench.parse("S"),
                // A Link to an empty ring.
                TrbType::LINK => link(other, false),
                TrbType::ISOCH => bench.parse("I8"),
                trb_type => Trb { parameter: BUFFERS, ..Trb::of_type(trb_type) },
            };
            bench.ring.push(&mut bench.machine.memory, trb);
            bench.go();
            let runs = bench.state() == EndpointState::RUNNING;
            let errors = bench.events().contains("5@0:0");
            assert_eq!(errors, !runs, "{kind} {trb_type}");
            assert!(runs || bench.probe().seen.is_empty(), "nothing of it reaches the device");
            runs
        });
        let runs: Vec<String> = runs.map(|trb_type| trb_type.to_string()).collect();
        writeln!(table, "{kind}: {}", runs.join(", ")).unwrap();
    }
    expect![[r#"
        Isoch OUT: Isoch, Link, Event Data, No Op
        Bulk OUT: Normal, Link, Event Data, No Op
        Interrupt OUT: Normal, Link, Event Data, No Op
        Control: Setup Stage, Data Stage, Status Stage, Link, Event Data, No Op
        Isoch IN: Isoch, Link, Event Data, No Op
        Bulk IN: Normal, Link, Event Data, No Op
        Interrupt IN: Normal, Link, Event Data, No Op
    "#]]
    .assert_eq(&table);
}

#[test] // req: RNG-35, SEC-04, RNG-20
fn a_td_has_any_number_of_bytes() {
    let mut bench = bulk_out();
    let run = |bench: &mut Bench, trbs: u64| {
        bench.stop();
        let at = Gpa(ELSEWHERE);
        let trb = command::set_tr_dequeue_pointer(bench.slot, bench.ep, at, true);
        assert_eq!(bench.machine.command_code(trb), CompletionCode::SUCCESS);
        bench.ring = Producer::new(at.0, 1024);
        for _ in 0..trbs {
            let trb = transfer::normal(Gpa(0x21_0000), 0x1_0000).with_chain(true);
            bench.ring.push(&mut bench.machine.memory, trb);
        }
        bench.trbs("E1 ioc");
        bench.events();
        bench.machine.ring_doorbell(bench.slot, bench.ep);
        bench.machine.run_us(400_000);
    };
    // 17 MiB: the accumulator has 24 bits.
    run(&mut bench, 17 * 16);
    assert_eq!(bench.events(), format!("1=e001:{}", 1 << 20));
    assert_eq!(bench.probe().seen.len(), 17 << 11);

    // An option caps it.
    let longest = Some((16 << 20) - 1);
    let policy = Policy { longest_td: longest, ..Policy::DEFAULT };
    let mut bench = Bench::new(Profile { policy, ..any_profile() }, Speed::High, EndpointType::BULK_OUT);
    run(&mut bench, 255);
    assert_eq!(bench.events(), format!("1=e001:{}", 255 << 16));
    run(&mut bench, 256);
    assert_eq!(bench.events(), "5@255:0");
    assert_eq!(bench.state(), EndpointState::ERROR);
}

#[test] // req: SEC-04
fn so_many_trbs_lie_under_one_packet_or_make_an_isochronous_td() {
    for kind in [EndpointType::BULK_OUT, EndpointType::ISOCH_OUT] {
        for (trbs, code, packets) in [(2048, "1@2047:0", 1), (2049, "5@2047:0", 0)] {
            let mut bench = Bench::new(any_profile(), Speed::High, kind);
            bench.stop();
            let at = Gpa(ELSEWHERE);
            let trb = command::set_tr_dequeue_pointer(bench.slot, bench.ep, at, true);
            assert_eq!(bench.machine.command_code(trb), CompletionCode::SUCCESS);
            bench.events();
            bench.ring = Producer::new(at.0, 4096);
            bench.trbs(if kind.is_isoch() { "I0 ch" } else { "N0 ch" });
            for _ in 2..trbs {
                bench.trbs("N0 ch");
            }
            bench.trbs("N8 ioc");
            bench.go();
            // An isochronous ring that is empty is told of too.
            assert_eq!(bench.events().split(' ').next(), Some(code), "{kind} {trbs}");
            assert_eq!(bench.probe().seen.len(), packets);
            let state = if packets == 0 { EndpointState::ERROR } else { EndpointState::RUNNING };
            assert_eq!(bench.state(), state);
        }
    }
}

#[test] // req: SEC-04
fn a_td_has_65536_trbs_at_most() {
    // No Ops between the first and the last TRB count as TRBs, though they are not of the TD.
    for (trbs, no_ops, code, packets) in [
        (65_536_u64, false, "1@0x3bfff0:0", 2048),
        (65_537, false, "5@0x3c0000:0", 2048),
        (65_536, true, "1@0x3bfff0:0", 2),
        (65_537, true, "5@0x3c0000:0", 1),
        (65_538, true, "5@0x3c0000:0", 1),
    ] {
        let mut bench = bulk_out();
        bench.stop();
        let at = Gpa(ELSEWHERE);
        let trb = command::set_tr_dequeue_pointer(bench.slot, bench.ep, at, true);
        assert_eq!(bench.machine.command_code(trb), CompletionCode::SUCCESS);
        for index in 0..trbs {
            let last = index + 1 == trbs;
            let trb = match no_ops {
                true if index > 0 && !last => transfer::no_op(),
                true => transfer::normal(Gpa(BUFFERS), 512),
                false => transfer::normal(Gpa(BUFFERS), 16),
            };
            let trb = trb.with_chain(!last).with_ioc(last).with_cycle(true);
            bench.machine.memory.put(at.0 + index * 16, &trb.to_bytes());
        }
        bench.machine.memory.put(at.0 + trbs * 16, &[0; 16]);
        bench.events();
        bench.machine.ring_doorbell(bench.slot, bench.ep);
        bench.machine.run_us(30_000);
        assert_eq!(bench.events(), code);
        // Whole packets of what came before have gone.
        assert_eq!(bench.probe().seen.len(), packets, "{trbs} {no_ops}");
    }
}
