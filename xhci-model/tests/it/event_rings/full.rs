//! Full event rings: what is said of them, what is lost, and when they end (xHCI 4.9.4).

use crate::support::any_profile;
use crate::support::gadget::Gadget;
use crate::support::interrupts::segments::Segments;
use crate::support::interrupts::{INTE, bulk, clog, normal};
use crate::support::{EVENT_RINGS, Machine, dci, endpoint, on_every_profile};
use expect_test::expect;
use usb_spec::Speed;
use xhci_model::{Notification, Policy, Profile};
use xhci_spec::context::EndpointType;
use xhci_spec::trb::command;
use xhci_spec::{CompletionCode, PortId, SlotId, Trb, TrbType};

const BASE: u64 = EVENT_RINGS + 0x1000;

pub fn without_notice(ring_full_event: bool) -> Profile {
    Profile { policy: Policy { ring_full_event, ..Policy::DEFAULT }, ..Profile::default() }
}

/// A line for each event, `-` for an empty place: the first `count` places.
fn places(machine: &Machine, base: u64, count: u64) -> String {
    let place = |index| Trb::from_bytes(machine.memory.get(base + index * 16));
    let name = |trb: Trb| match (trb.trb_type(), trb.completion_code()) {
        _ if trb.control & !1 == 0xFFFF_FFFE => "-".to_owned(),
        (TrbType::COMMAND_COMPLETION_EVENT, _) => format!("c{:x}", trb.parameter >> 4 & 0xFF),
        (_, code) => format!("{}", code.0),
    };
    (0..count).map(|index| name(place(index)) + " ").collect::<String>().trim_end().to_owned()
}

#[test] // req: EVR-10, EVR-12, EVR-15, EVR-16, TRB-61, TRB-33
fn a_full_ring_says_so_once_and_goes_on_when_two_places_are_free() {
    let mut story = String::new();
    for notice in [true, false] {
        let mut machine = Machine::new(without_notice(notice));
        let first = machine.command.at;
        let ring = Segments::new(&mut machine, 0, EVENT_RINGS + 0xF000, &[(BASE, 16)]);
        ring.enable(&mut machine);
        for _ in 0..40 {
            machine.command.push(&mut machine.memory, command::no_op());
        }
        machine.write(machine.doorbells, 0);
        machine.run_us(10_000);
        assert_eq!(first, 0);
        story += &format!("notice {notice}\n       {}\n", places(&machine, BASE, 16));
        if notice {
            let trb = Trb::from_bytes(machine.memory.get(BASE + 14 * 16));
            assert_eq!(trb.to_dwords(), [0, 0, 0x1500_0000, 0x0000_9401], "Appendix B");
        }
        for freed in [0_u64, 1, 1, 2, 3, 5, 5, 6] {
            machine.write64(machine.ir(0) + 0x18, (BASE + freed * 16) | 8);
            machine.run_us(10_000);
            story += &format!("free {freed} {}\n", places(&machine, BASE, 16));
        }
    }
    expect![[r#"
        notice true
               c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd 21 -
        free 0 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd 21 -
        free 1 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd 21 -
        free 1 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd 21 -
        free 2 21 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd 21 ce
        free 3 21 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd 21 ce
        free 5 21 cf c10 21 c4 c5 c6 c7 c8 c9 ca cb cc cd 21 ce
        free 5 21 cf c10 21 c4 c5 c6 c7 c8 c9 ca cb cc cd 21 ce
        free 6 21 cf c10 21 c4 c5 c6 c7 c8 c9 ca cb cc cd 21 ce
        notice false
               c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd ce -
        free 0 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd ce -
        free 1 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd ce -
        free 1 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd ce -
        free 2 c10 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd ce cf
        free 3 c10 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd ce cf
        free 5 c10 c11 c12 c13 c4 c5 c6 c7 c8 c9 ca cb cc cd ce cf
        free 5 c10 c11 c12 c13 c4 c5 c6 c7 c8 c9 ca cb cc cd ce cf
        free 6 c10 c11 c12 c13 c4 c5 c6 c7 c8 c9 ca cb cc cd ce cf
    "#]]
    .assert_eq(&story);
}

#[test] // req: EVR-11
fn an_erdp_outside_the_ring_is_a_silent_stall() {
    on_every_profile(|mut machine| {
        machine.write(machine.op, 1 | INTE | 1 << 10);
        machine.no_ops(1);
        machine.take_events(0, true);
        let interrupts = machine.interrupts.len();
        let end = machine.rings[0].base + 256 * 16;
        for bogus in [0, end, machine.rings[0].base - 16, 0xFFFF_FFF0] {
            machine.write64(machine.ir(0) + 0x18, bogus | 8);
            machine.command.push(&mut machine.memory, command::no_op());
            machine.write(machine.doorbells, 0);
            machine.run_us(1_000);
            assert_eq!(machine.available(0), 0);
        }
        // MFINDEX wraps, which is lost; a port changes, which is kept.
        machine.run_us(2_100_000);
        machine.xhc.attach(machine.now, PortId::new(1).unwrap(), Box::new(Gadget::new(Speed::High))).unwrap();
        machine.run_us(1_000);
        assert_eq!((machine.available(0), machine.interrupts.len()), (0, interrupts));
        machine.ack(0);
        machine.run_us(5_000);
        let mut types: Vec<u8> = machine.take_events(0, true).iter().map(|trb| trb.trb_type().0).collect();
        types.sort_unstable();
        assert_eq!(types, [33, 33, 33, 33, 34], "neither Event Ring Full nor Event Lost");
        assert_eq!(machine.read(machine.op + 4) & 0x1004, 0, "HSE, HCE");
    });
}

#[test] // req: EVR-11
fn a_full_ring_ends_by_erdp_only_if_that_is_in_the_ring() {
    let mut machine = Machine::typical();
    clog(&mut machine, 0);
    machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    machine.run_us(100);
    assert_eq!(machine.take_events(0, false).len(), 1, "the notice");
    machine.write64(machine.ir(0) + 0x18, 0x3000 | 8);
    machine.run_us(1_000);
    assert_eq!(machine.available(0), 0);
    machine.ack(0);
    machine.run_us(1_000);
    assert_eq!(machine.available(0), 1);
}

#[test] // req: EVR-14, TRB-71, TRB-33, PRT-59
fn what_cannot_wait_is_lost_and_told_of_once() {
    let mut story = String::new();
    for notice in [true, false] {
        let mut machine = Machine::new(without_notice(notice));
        // Two streams that run dry; the slot's target is 0.
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let endpoints = [dci(1, false), dci(2, true)];
        let contexts = [
            (endpoints[0], endpoint(slot, endpoints[0], EndpointType::ISOCH_OUT, 28, 0)),
            (endpoints[1], endpoint(slot, endpoints[1], EndpointType::ISOCH_IN, 28, 0)),
        ];
        machine.configure(slot, &contexts);
        machine.write(machine.op, 1 | INTE | 1 << 10);
        clog(&mut machine, 0);
        for ep in endpoints {
            machine.ring_doorbell(slot, ep);
            machine.run_us(5_000);
        }
        machine.run_us(2_100_000);
        for port in 2..=3 {
            let gadget = Box::new(Gadget::new(Speed::High));
            machine.xhc.attach(machine.now, PortId::new(port).unwrap(), gadget).unwrap();
        }
        machine.run_us(1_000);
        assert_eq!(machine.portsc(2) & 0x2_0001, 0x2_0001, "PORTSC keeps CSC");
        // Port 3 was looked at by a driver that polls.
        machine.write_portsc(3, 0x200 | 0x2_0000);
        let full = machine.take_events(0, false).len();
        assert_eq!(full, 1);
        machine.run_us(1_000);
        machine.ack(0);
        let first = machine.peek(0).unwrap();
        assert_eq!(first.to_dwords(), [0, 0, 0x2000_0000, 0x0000_9401], "Appendix B");
        story += &format!("notice {notice}\n{}", machine.transcript(0));
        // That was all: what comes later is told as ever.
        machine.write_portsc(2, 0x200 | 0x2_0000);
        machine.xhc.detach(machine.now, PortId::new(2).unwrap());
        machine.run_us(1_000);
        machine.no_ops(1);
        story += &machine.transcript(0);
    }
    expect![[r#"
        notice true
        Host Controller Event: Event Lost Error
        Port Status Change Event: Success port 2
        Port Status Change Event: Success port 2
        Command Completion Event: Success 0x2030
        notice false
        Host Controller Event: Event Lost Error
        Port Status Change Event: Success port 2
        Port Status Change Event: Success port 2
        Command Completion Event: Success 0x2030
    "#]]
    .assert_eq(&story);
}

#[test] // req: EVR-12, EVR-06
fn a_new_ring_has_a_fullness_of_its_own() {
    let mut machine = Machine::typical();
    clog(&mut machine, 0);
    for round in 0..2 {
        if round > 0 {
            // The same memory anew, with an ERDP that leaves no room either.
            let base = machine.rings[0].base;
            machine.memory.put(base, &[0; 64 * 16]);
            machine.rings[0].at = 0;
            for (offset, value) in [(0x18, base + 2 * 16), (0x10, base + 0xFF00)] {
                machine.write64(machine.ir(0) + offset, value);
            }
        }
        machine.command.push(&mut machine.memory, command::no_op());
        machine.write(machine.doorbells, 0);
        machine.run_us(100);
        assert_eq!(machine.take_events(0, false).len(), 1, "the notice, again");
    }
    machine.ack(0);
    machine.run_us(100);
    assert_eq!(machine.available(0), 2);
}

#[test] // req: EVR-20, EVR-16
fn a_full_ring_drained_while_halted_goes_on_with_the_start() {
    on_every_profile(|mut machine| {
        machine.event_ring(0, 16);
        for _ in 0..20 {
            machine.command.push(&mut machine.memory, command::no_op());
        }
        machine.write(machine.doorbells, 0);
        machine.run_us(20_000);
        machine.write(machine.op, INTE);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 1);
        let before = machine.take_events(0, true).len();
        machine.run_us(20_000);
        assert_eq!((before, machine.available(0)), (15, 0));
        machine.write(machine.op, 1 | INTE);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 0);
        machine.write(machine.doorbells, 0);
        machine.run_us(20_000);
        assert_eq!(machine.available(0), 6);
    });
}

#[test] // req: EVR-20
fn what_is_held_is_not_written_while_halted() {
    let mut machine = Machine::typical();
    let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
    clog(&mut machine, 1);
    ring.push(&mut machine.memory, normal(1));
    machine.ring_doorbell(slot, ep);
    machine.run_us(100);
    // The Stopped event waits.
    machine.command_code(command::stop_endpoint(slot, ep, false));
    machine.write(machine.op, INTE);
    machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 1);
    machine.take_events(1, true);
    machine.run_us(1_000);
    assert_eq!(machine.available(1), 0);
    machine.write(machine.op, 1 | INTE);
    machine.run_us(1_000);
    assert_eq!(machine.available(1), 1, "the start looks at the ring");
}

#[test] // req: EVR-14
fn what_devices_and_other_slots_tell_is_lost_too() {
    type Act = fn(&mut Machine, SlotId);
    let notify: Act = |machine, _| {
        machine.xhc.notify(machine.now, PortId::new(7).unwrap(), Notification { kind: 1, data: 0 });
    };
    let negotiate: Act = |machine, asking| {
        let code = machine.command_code(command::negotiate_bandwidth(asking));
        assert_eq!(code, CompletionCode::SUCCESS);
    };
    let mut story = String::new();
    for act in [notify, negotiate] {
        let mut machine = Machine::new(Profile { bandwidth_negotiation: true, ..Profile::default() });
        let asking = machine.enumerate(1, Gadget::new(Speed::High));
        let periodic = machine.enumerate(2, Gadget::new(Speed::High));
        let ep = dci(1, true);
        machine.configure(periodic, &[(ep, endpoint(periodic, ep, EndpointType::INTERRUPT_IN, 8, 3))]);
        let notifying = machine.enumerate(7, Gadget::new(Speed::Super));
        machine.write(machine.op + 0x14, 2);
        [periodic, notifying].iter().for_each(|slot| machine.target_slot(*slot, 1));
        clog(&mut machine, 1);
        for _ in 0..3 {
            act(&mut machine, asking);
            machine.run_us(1_000);
        }
        assert_eq!(machine.take_events(1, true).len(), 1, "the notice");
        act(&mut machine, asking);
        machine.run_us(1_000);
        story += &machine.transcript(1);
    }
    expect![[r#"
        Host Controller Event: Event Lost Error
        Device Notification Event: Success slot 3
        Host Controller Event: Event Lost Error
        Bandwidth Request Event: Success slot 2
    "#]]
    .assert_eq(&story);
}

#[test] // req: EVR-14, DBS-07
fn the_answer_to_a_dead_doorbell_is_lost_too() {
    let policy = Policy { answer_dead_doorbells: true, ..Policy::DEFAULT };
    let mut machine = Machine::new(Profile { policy, ..any_profile() });
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    clog(&mut machine, 0);
    for _ in 0..3 {
        machine.ring_doorbell(slot, dci(7, false));
        machine.run_us(100);
    }
    assert_eq!(machine.take_events(0, true).len(), 1, "the notice");
    machine.ring_doorbell(slot, dci(7, false));
    machine.run_us(100);
    let codes: Vec<u8> = machine.take_events(0, true).iter().map(|trb| trb.completion_code().0).collect();
    assert_eq!(codes, [32, 12]);
}
