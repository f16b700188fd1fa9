//! Where events go: segments, wraps, cycle bits, ERDP (xHCI 4.9.4, 6.5).

use crate::support::any_profile;
use crate::support::interrupts::segments::Segments;
use crate::support::interrupts::{Act, IE, INTE, on_every_profile_with_secondaries};
use crate::support::interrupts::{bulk, normal};
use crate::support::{EVENT_RINGS, INPUT, Machine, on_every_profile};
use expect_test::expect;
use sim_time::Duration;
use xhci_spec::context::{EndpointType, InputControlContext, SlotContext};
use xhci_spec::erst::ErstEntry;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{Gpa, Trb, TrbType};

const TABLE: u64 = EVENT_RINGS + 0xF000;

/// The primary ring is this one now. The controller runs, which the model allows (EVR-09).
fn primary(machine: &mut Machine, segments: &[(u64, u16)]) -> Segments {
    let ring = Segments::new(machine, 0, TABLE, segments);
    ring.enable(machine);
    ring
}

/// Runs one No-Op and says where its completion was written, and its cycle bit.
fn no_op(machine: &mut Machine, ring: &mut Segments) -> (u64, bool) {
    let at = machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    machine.run_us(1_000);
    let (place, event) = ring.take(machine).expect("the event is where it is looked for");
    assert_eq!((event.trb_type(), event.pointer()), (TrbType::COMMAND_COMPLETION_EVENT, at));
    (place, event.cycle())
}

#[test] // req: EVR-01, EVR-02, EVR-04, EVR-18, RTS-10
fn segments_follow_one_another_and_the_cycle_turns_behind_the_last() {
    // Sizes of the segments, five turns each, ERDP written for each event, DESI always 0 (SeaBIOS).
    let sizes: [&[u16]; 8] =
        [&[16], &[3], &[16, 40, 20], &[1, 1, 1], &[2, 1], &[0, 16], &[16, 0, 0, 5], &[0, 0, 4, 0, 1, 0]];
    for sizes in sizes {
        let mut machine = Machine::typical();
        let bases = (0_u64..).map(|index| EVENT_RINGS + 0x8000 - index * 0x1000);
        let segments: Vec<(u64, u16)> = bases.zip(sizes.iter().copied()).collect();
        let mut ring = primary(&mut machine, &segments);
        for turn in 0..5 {
            for (segment, (base, trbs)) in segments.iter().enumerate() {
                for trb in 0..u64::from(*trbs) {
                    let place = no_op(&mut machine, &mut ring);
                    assert_eq!(
                        place,
                        (base + trb * 16, turn % 2 == 0),
                        "{sizes:?} turn {turn} segment {segment}"
                    );
                    ring.ack(&mut machine);
                }
            }
        }
        assert_eq!(machine.interrupts.len(), sizes.iter().map(|size| usize::from(*size) * 5).sum::<usize>());
    }
}

#[test] // req: RTS-10, EVR-11
fn the_index_in_erdp_is_only_a_hint() {
    on_every_profile(|mut machine| {
        if machine.read(8) >> 4 & 0xF < 2 {
            // ERST Max: not so many segments.
            return;
        }
        let segments = [(EVENT_RINGS + 0x8000, 16), (EVENT_RINGS + 0x7000, 40), (EVENT_RINGS + 0x6000, 20)];
        let mut ring = primary(&mut machine, &segments);
        for event in 0..300 {
            no_op(&mut machine, &mut ring);
            // Right once in eight times. The handler has written EHB, so that the next event interrupts.
            let (at, index) = (machine.ir(0) + 0x18, event % 8);
            machine.write64(at, ring.address() | 8 | index);
            assert_eq!(machine.read64(at), ring.address() | index);
        }
        assert_eq!(machine.interrupts.len(), 300);
    });
}

#[test] // req: EVR-01, EVR-02, EVR-10
fn a_segment_has_up_to_4096_trbs() {
    // The size field: events until the ring is full, the notice of that included.
    let mut table = String::new();
    for trbs in [0_u16, 1, 2, 3, 4, 15, 16, 4095, 4096, 4097, 0xFFFF] {
        let mut machine = Machine::typical();
        let (slot, ep, _) = bulk(&mut machine, EndpointType::BULK_OUT);
        // Behind the buffers, where there is room for 64 KiB and more.
        let base = 0x28_0000;
        machine.memory.put(base, &vec![0; 0x11_0000]);
        machine.memory.put(TABLE, &ErstEntry { segment: Gpa(base), trbs }.to_bytes());
        let ir = machine.ir(1);
        machine.write(ir + 8, 1);
        machine.write64(ir + 0x10, TABLE);
        machine.write64(ir + 0x18, base);
        let ring = crate::support::ring_base(slot, ep);
        for index in 0..15 {
            machine.memory.put(ring + index * 16, &normal(1).with_cycle(true).to_bytes());
        }
        machine.memory.put(ring + 15 * 16, &transfer::link(Gpa(ring), false).with_cycle(true).to_bytes());
        machine.ring_doorbell(slot, ep);
        machine.run_us(20_000);
        let events = (0..0x1_0000)
            .take_while(|index| Trb::from_bytes(machine.memory.get(base + index * 16)).cycle())
            .count();
        table += &format!("{trbs:5}: {events}\n");
    }
    expect![[r#"
            0: 0
            1: 0
            2: 0
            3: 2
            4: 3
           15: 14
           16: 15
         4095: 4094
         4096: 4095
         4097: 4095
        65535: 4095
    "#]]
    .assert_eq(&table);
}

#[test] // req: EVR-02
fn two_trbs_make_no_ring_however_they_are_spread() {
    // As the ring of a secondary interrupter: what targets it is dropped, and its memory is left alone.
    for sizes in [&[2_u16][..], &[1, 1], &[0, 2], &[1, 0, 1], &[0, 0]] {
        let mut machine = Machine::typical();
        let (slot, ep, mut transfers) = bulk(&mut machine, EndpointType::BULK_OUT);
        let bases = (0_u64..).map(|index| EVENT_RINGS + 0x8000 + index * 0x1000);
        let segments: Vec<(u64, u16)> = bases.zip(sizes.iter().copied()).collect();
        let ring = Segments::new(&mut machine, 1, TABLE, &segments);
        ring.enable(&mut machine);
        transfers.push(&mut machine.memory, normal(1));
        transfers.push(&mut machine.memory, normal(0));
        machine.ring_doorbell(slot, ep);
        machine.run_us(1_000);
        for (base, trbs) in segments {
            let bytes = machine.memory.slice(base, usize::from(trbs) * 16);
            assert!(bytes.iter().all(|byte| *byte >= 0xFE), "{sizes:?}");
        }
        assert_eq!(machine.take_events(0, true).len(), 1, "{sizes:?}");
    }
}

#[test] // req: EVR-02, EVR-04, EVR-19
fn a_table_that_is_emptied_under_the_producer_makes_no_ring() {
    let mut machine = Machine::typical();
    let (slot, ep, mut transfers) = bulk(&mut machine, EndpointType::BULK_OUT);
    let base = EVENT_RINGS + 0x8000;
    let mut ring = Segments::new(&mut machine, 1, TABLE, &[(base, 16)]);
    ring.enable(&mut machine);
    for index in 0..20 {
        if index == 5 {
            machine.memory.put(TABLE, &ErstEntry { segment: Gpa(base), trbs: 0 }.to_bytes());
        }
        transfers.push(&mut machine.memory, normal(1));
        machine.ring_doorbell(slot, ep);
        machine.run_us(500);
        while ring.at.1 < 15 && ring.take(&machine).is_some() {}
        ring.ack(&mut machine);
    }
    assert_eq!(machine.gadget(1).received.len(), 20, "as without a ring");
    assert_eq!(Trb::from_bytes(machine.memory.get(base)).trb_type(), TrbType::TRANSFER_EVENT);
    assert!(Trb::from_bytes(machine.memory.get(base)).cycle(), "it was not written again");
    assert_eq!(machine.read(machine.op + 4) & 0x1005, 0);
}

#[test] // req: EVR-20
fn what_happens_to_a_port_while_halted_is_told_after_the_start() {
    on_every_profile(|mut machine| {
        machine.write(machine.op, INTE);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 1);
        let gadget = Box::new(crate::support::gadget::Gadget::new(usb_spec::Speed::High));
        machine.xhc.attach(machine.now, xhci_spec::PortId::new(1).unwrap(), gadget).unwrap();
        machine.run_us(20_000);
        assert_eq!(machine.available(0), 0);
        assert_eq!(machine.portsc(1) & 0x2_0001, 0x2_0001, "PORTSC shows it");
        machine.write(machine.op, 1 | INTE);
        machine.run_us(20_000);
        let types: Vec<TrbType> = machine.take_events(0, true).iter().map(|trb| trb.trb_type()).collect();
        assert_eq!(types, [TrbType::PORT_STATUS_CHANGE_EVENT]);
    });
}

#[test] // req: EVR-05
fn a_table_entry_is_read_when_its_segment_is_entered() {
    let mut machine = Machine::typical();
    let first = EVENT_RINGS + 0x1000;
    let mut ring = primary(&mut machine, &[(first, 16), (EVENT_RINGS + 0x2000, 16)]);
    for _ in 0..15 {
        no_op(&mut machine, &mut ring);
        ring.ack(&mut machine);
    }
    // The second segment becomes another one; the first, which is being filled, is cached.
    let moved = EVENT_RINGS + 0x3000;
    machine.memory.put(TABLE, &ErstEntry { segment: Gpa(EVENT_RINGS + 0x4000), trbs: 16 }.to_bytes());
    machine.memory.put(TABLE + 16, &ErstEntry { segment: Gpa(moved), trbs: 20 }.to_bytes());
    ring.segments[1] = (moved, 20);
    assert_eq!(no_op(&mut machine, &mut ring).0, first + 15 * 16);
    ring.ack(&mut machine);
    for index in 0..19 {
        assert_eq!(no_op(&mut machine, &mut ring).0, moved + index * 16);
        ring.ack(&mut machine);
    }
    ring.segments[0] = (EVENT_RINGS + 0x4000, 16);
    no_op(&mut machine, &mut ring);
    ring.ack(&mut machine);
    assert_eq!(no_op(&mut machine, &mut ring), (EVENT_RINGS + 0x4000, false));
}

#[test] // req: EVR-05, EVR-19
fn a_running_ring_grows_and_shrinks() {
    let mut machine = Machine::typical();
    let bases = [0x1000, 0x2000, 0x3000].map(|offset| EVENT_RINGS + offset);
    let mut ring = primary(&mut machine, &[(bases[0], 16)]);
    for _ in 0..10 {
        no_op(&mut machine, &mut ring);
        ring.ack(&mut machine);
    }
    // Two entries more, then ERSTSZ.
    for (index, base) in (1..).zip(&bases[1..]) {
        machine.memory.put(TABLE + index * 16, &ErstEntry { segment: Gpa(*base), trbs: 16 }.to_bytes());
        machine.memory.put(*base, &[0; 256]);
        ring.segments.push((*base, 16));
    }
    machine.write(machine.ir(0) + 8, 3);
    let mut places = Vec::new();
    for _ in 10..64 {
        let (place, cycle) = no_op(&mut machine, &mut ring);
        ring.ack(&mut machine);
        if place & 0xFFF == 0 {
            places.push((place, cycle));
        }
    }
    assert_eq!(places, [(bases[1], true), (bases[2], true), (bases[0], false)]);
    // One fewer, while the producer is in the first.
    machine.write(machine.ir(0) + 8, 2);
    ring.segments.pop();
    places.clear();
    for _ in 0..33 {
        let (place, cycle) = no_op(&mut machine, &mut ring);
        ring.ack(&mut machine);
        if place & 0xFFF == 0 {
            places.push((place, cycle));
        }
    }
    assert_eq!(places, [(bases[1], false), (bases[0], true), (bases[1], true)]);
}

#[test] // req: EVR-06, EVR-07, EVR-08
fn nothing_is_read_or_written_before_the_controller_runs() {
    // The order of the registers: Linux, SeaBIOS, and high halves first.
    let orders: [[u32; 5]; 3] =
        [[8, 0x10, 0x14, 0x18, 0x1C], [8, 0x18, 0x1C, 0x10, 0x14], [0x1C, 0x18, 8, 0x14, 0x10]];
    for order in orders {
        on_every_profile(|mut machine| {
            machine.no_ops(3);
            machine.take_events(0, true);
            machine.write(machine.op, INTE);
            machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 1);
            machine.write_portsc(1, 0x200);
            let ring = Segments::new(&mut machine, 0, TABLE, &[(EVENT_RINGS + 0x1000, 16)]);
            let (ir, dequeue) = (machine.ir(0), u32::try_from(ring.address()).unwrap());
            for offset in order {
                let value = match offset {
                    8 => 1,
                    0x10 => u32::try_from(TABLE).unwrap(),
                    0x18 => dequeue | 8,
                    _ => 0,
                };
                machine.xhc.write32(machine.now, ir + offset, value);
                let acts = machine.record(Duration::from_millis(1));
                let is_memory = |(_, act): &(_, Act)| !matches!(act, Act::Message { .. });
                assert!(!acts.iter().any(is_memory), "halted: {acts:?}");
            }
            machine.interrupts.clear();
            machine.xhc.write32(machine.now, machine.op, 1 | INTE);
            let acts = machine.record(Duration::from_millis(20));
            let table_reads = |acts: &[(_, Act)]| {
                acts.iter().filter(|(_, act)| *act == Act::Read { at: TABLE, bytes: 16 }).count()
            };
            assert_eq!(table_reads(&acts), 0, "there is no event yet");
            let mut ring = ring;
            machine.command.push(&mut machine.memory, command::no_op());
            machine.xhc.write32(machine.now, machine.doorbells, 0);
            let acts = machine.record(Duration::from_millis(1));
            assert!(table_reads(&acts) > 0);
            assert!(acts.iter().any(|(_, act)| *act == Act::Message { vector: 0 }));
            let (place, event) = ring.take(&machine).unwrap();
            assert_eq!((place, event.cycle()), (EVENT_RINGS + 0x1000, true));
        });
    }
}

#[test] // req: EVR-06
fn either_half_of_erstba_restarts_the_ring() {
    for offset in [0x10, 0x14] {
        let mut machine = Machine::typical();
        machine.no_ops(5);
        let value = machine.read(machine.ir(0) + offset);
        machine.memory.put(machine.rings[0].base, &[0; 256]);
        machine.write(machine.ir(0) + offset, value);
        machine.rings[0].at = 0;
        machine.ack(0);
        machine.no_ops(1);
        assert_eq!(machine.available(0), 1, "at the first place, with cycle 1");
    }
}

#[test] // req: EVR-09, RTS-12, INT-29, DRV-07
fn a_secondary_ring_comes_and_goes_beside_traffic_on_the_primary() {
    on_every_profile_with_secondaries(|mut machine| {
        for id in 1..4 {
            let ir = machine.ir(id);
            if id > 1 {
                let registers = [0, 4, 8, 0x10, 0x14, 0x18, 0x1C].map(|offset| machine.read(ir + offset));
                assert_eq!(registers, [0, 4000, 0, 0, 0, 0, 0]);
            }
        }
        let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
        for round in 0..3 {
            machine.event_ring(1, 64);
            for target in [0, 1, 0] {
                ring.push(&mut machine.memory, normal(target));
            }
            machine.ring_doorbell(slot, ep);
            machine.no_ops(1);
            machine.run_us(5_000);
            assert_eq!(machine.take_events(0, true).len(), 3, "round {round}");
            assert_eq!(machine.available(1), 1, "a new ring starts at its first TRB");
            // The client polled its ring in memory; removal leaves ERSTBA stale.
            machine.write(machine.ir(1) + 8, 0);
        }
    });
}

#[test] // req: EVR-17, EVR-16, EVR-08
fn erdp_may_be_written_for_every_event_or_seldom_or_twice() {
    // Every event, every 128 and at the end of a drain (Linux), once per drain, each value twice.
    for style in ["each", "128", "drain", "twice"] {
        let mut machine = Machine::typical();
        machine.write(machine.ir(1), IE);
        machine.write(machine.ir(1) + 4, 160);
        machine.storm(1, 1);
        let mut ring =
            Segments::new(&mut machine, 1, EVENT_RINGS + 0x2_F000, &[(0x2_8000, 256), (0x2_A000, 100)]);
        ring.enable(&mut machine);
        let mut pointers = Vec::new();
        while pointers.len() < 10_000 {
            machine.run_us(200);
            let mut unsaid = 0;
            while let Some((_, event)) = ring.take(&machine) {
                unsaid += 1;
                if event.trb_type() == TrbType::TRANSFER_EVENT {
                    pointers.push(event.pointer());
                }
                let (ir, at) = (machine.ir(1), ring.address());
                match style {
                    "each" => machine.write64(ir + 0x18, at),
                    "128" if unsaid % 128 == 0 => machine.write64(ir + 0x18, at),
                    _ => {}
                }
            }
            ring.ack(&mut machine);
            if style == "twice" {
                ring.ack(&mut machine);
            }
        }
        // Not one is lost: the ring of 15 TRBs goes round and round.
        for (index, pair) in pointers.windows(2).enumerate() {
            let next = if pair[0].0 & 0xFF == 14 * 16 { pair[0].0 - 14 * 16 } else { pair[0].0 + 16 };
            assert_eq!(pair[1].0, next, "{style}, event {index}");
        }
    }
}

#[test] // req: EVR-21
fn a_table_or_segment_without_memory_is_a_host_system_error() {
    let nowhere = 0x7000_0000_u64;
    for (table, base) in [(nowhere, 0), (TABLE, nowhere)] {
        on_every_profile(|mut machine| {
            machine.memory.put(TABLE, &ErstEntry { segment: Gpa(base), trbs: 16 }.to_bytes());
            let ir = machine.ir(0);
            machine.write64(ir + 0x10, table);
            machine.write64(ir + 0x18, base);
            machine.run_us(1_000);
            assert_eq!(machine.read(machine.op + 4) & 5, 0, "not before an event needs it");
            machine.command.push(&mut machine.memory, command::no_op());
            machine.write(machine.doorbells, 0);
            machine.run_us(1_000);
            assert_eq!(machine.read(machine.op + 4) & 5, 5, "HSE, HCH");
        });
    }
}

#[test] // req: EVR-22
fn completions_of_an_endpoint_come_before_that_of_the_command_that_stops_it() {
    on_every_profile(|mut machine| {
        let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
        let trbs: Vec<Gpa> = (0..60).map(|_| ring.push(&mut machine.memory, normal(0))).collect();
        machine.ring_doorbell(slot, ep);
        machine.command.push(&mut machine.memory, command::stop_endpoint(slot, ep, false));
        machine.run_us(30);
        machine.write(machine.doorbells, 0);
        machine.run_us(5_000);
        let events = machine.take_events(0, true);
        let stop = events.iter().position(|trb| trb.trb_type() == TrbType::COMMAND_COMPLETION_EVENT).unwrap();
        assert_eq!(stop, events.len() - 1);
        // In the order of the TRBs; the last is the Stopped event.
        let told: Vec<Gpa> = events[..stop].iter().map(|trb| trb.pointer()).collect();
        let sent = machine.gadget(1).received.len();
        let mut expected = trbs[..sent].to_vec();
        expected.extend(trbs.get(sent).copied().or(Some(Gpa(trbs[59].0 + 16))));
        assert_eq!(told, expected);
    });
}

#[test] // req: EVR-22
fn completions_of_an_endpoint_come_before_that_of_the_command_that_drops_it() {
    on_every_profile(|mut machine| {
        let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
        let trbs: Vec<Gpa> = (0..100).map(|_| ring.push(&mut machine.memory, normal(0))).collect();
        let control = InputControlContext::new().adding_slot().dropping(ep);
        machine.input(control, SlotContext::new().with_context_entries(1), &[]);
        machine.command.push(&mut machine.memory, command::configure_endpoint(Gpa(INPUT), slot, false));
        machine.ring_doorbell(slot, ep);
        machine.wait_for_events(0, 1);
        machine.write(machine.doorbells, 0);
        machine.run_us(10_000);
        let events = machine.take_events(0, true);
        let (done, before) = events.split_last().unwrap();
        assert_eq!(done.trb_type(), TrbType::COMMAND_COMPLETION_EVENT);
        let told: Vec<Gpa> = before.iter().map(|trb| trb.pointer()).collect();
        assert_eq!(told, trbs[..told.len()], "in the order of the TRBs, and nothing behind the completion");
    });
}

#[test] // req: EVR-18, EVR-11
fn erdp_of_a_drained_ring_is_empty_and_of_a_fresh_one_nowhere() {
    on_every_profile(|mut machine| {
        machine.no_ops(1);
        machine.take_events(0, true);
        machine.run_us(20_000);
        assert_eq!((machine.interrupts.len(), machine.ehb(0)), (1, false));
    });
    // ERDP 0, never written: nothing is written, and it is no full ring, either.
    let mut machine = Machine::cold(any_profile());
    machine.bring_up();
    let mut ring = Segments::new(&mut machine, 0, TABLE, &[(EVENT_RINGS + 0x1000, 16)]);
    machine.write(machine.ir(0) + 8, 1);
    machine.write64(machine.ir(0) + 0x18, 0);
    machine.write64(machine.ir(0) + 0x10, TABLE);
    machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    machine.run_us(1_000);
    assert!(ring.take(&machine).is_none());
    ring.ack(&mut machine);
    machine.run_us(1_000);
    let events = ring.take_all(&machine);
    assert_eq!(
        events.iter().map(|trb| trb.trb_type()).collect::<Vec<_>>(),
        [TrbType::COMMAND_COMPLETION_EVENT]
    );
}
