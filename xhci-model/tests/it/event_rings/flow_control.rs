//! Who stops for a full event ring, and that nothing of theirs is lost (xHCI 4.9.4).

use super::full::without_notice;
use crate::support::gadget::{Answer, Gadget};
use crate::support::interrupts::{bulk, clog, normal, on_every_profile_with_secondaries};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use expect_test::expect;
use usb_spec::Speed;
use xhci_model::{Event, LogLevel};
use xhci_spec::context::EndpointType;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, SlotId, Trb, TrbType};

#[test] // req: EVR-13, EVR-16
fn a_ring_drained_by_halves_delivers_everything() {
    for notice in [true, false] {
        let mut machine = Machine::new(without_notice(notice));
        let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
        machine.event_ring(1, 16);
        let trbs: Vec<Gpa> = (0..100).map(|_| ring.push(&mut machine.memory, normal(1))).collect();
        machine.ring_doorbell(slot, ep);
        let (mut told, mut notices) = (Vec::new(), 0);
        for _ in 0..40 {
            machine.run_us(2_000);
            let available = machine.available(1);
            assert!(available <= 15, "one place is always free");
            // Half of what is there; no doorbell.
            for _ in 0..available.div_ceil(2) {
                let event = machine.peek(1).unwrap();
                if event.trb_type() == TrbType::TRANSFER_EVENT {
                    told.push(event.pointer());
                } else {
                    assert_eq!(event.completion_code(), CompletionCode::EVENT_RING_FULL);
                    notices += 1;
                }
                let ring = &mut machine.rings[1];
                ring.at += 1;
                if ring.at == ring.trbs {
                    ring.at = 0;
                    ring.cycle = !ring.cycle;
                }
            }
            machine.ack(1);
        }
        assert_eq!(told, trbs);
        assert_eq!(notices > 0, notice);
    }
}

#[test] // req: EVR-13, INT-17
fn a_full_secondary_ring_holds_up_only_what_targets_it() {
    on_every_profile_with_secondaries(|mut machine| {
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let endpoints = [dci(1, false), dci(2, false)];
        let contexts = endpoints.map(|ep| (ep, endpoint(slot, ep, EndpointType::BULK_OUT, 512, 0)));
        machine.configure(slot, &contexts);
        machine.event_ring(1, 16);
        for (target, ep) in [1, 0].into_iter().zip(endpoints) {
            let mut ring = Producer::new(ring_base(slot, ep), 64);
            for _ in 0..50 {
                ring.push(&mut machine.memory, normal(target));
            }
            machine.ring_doorbell(slot, ep);
        }
        machine.run_us(20_000);
        machine.no_ops(1);
        let packets = |machine: &mut Machine, number| {
            machine.gadget(1).received.iter().filter(|(_, endpoint, _)| *endpoint == number).count()
        };
        assert_eq!((packets(&mut machine, 1), packets(&mut machine, 2)), (14, 50));
        assert_eq!(machine.take_events(0, true).len(), 51);
        while packets(&mut machine, 1) < 50 {
            assert!(!machine.take_events(1, true).is_empty());
            machine.run_us(5_000);
        }
    });
}

/// What an endpoint is given to do, and what the device answers to an IN.
struct Work {
    name: &'static str,
    kind: EndpointType,
    trbs: Vec<Trb>,
    answers: Vec<Answer>,
}

fn to(trb: Trb, target: u16) -> Trb {
    trb.with_interrupter_target(InterrupterId(target))
}

/// Everything that may end in an event for ring 1.
fn works() -> Vec<Work> {
    let silent = || to(transfer::normal(Gpa(BUFFERS), 8), 1);
    let asks = || normal(1);
    let data = |bytes| Answer::Data(vec![7; bytes]);
    let work = |name, kind, trbs, answers| Work { name, kind, trbs, answers };
    let isoch = |target: u16| to(transfer::isoch(Gpa(BUFFERS), 8, transfer::IsochStart::Asap), target);
    vec![
        work("out", EndpointType::BULK_OUT, vec![asks()], vec![]),
        work("out without IOC, stalled", EndpointType::BULK_OUT, vec![silent()], vec![Answer::Stall]),
        work("in", EndpointType::BULK_IN, vec![asks()], vec![data(8)]),
        work("in, short, ISP", EndpointType::BULK_IN, vec![silent().with_isp(true)], vec![data(3)]),
        work("in without IOC, stalled", EndpointType::BULK_IN, vec![silent()], vec![Answer::Stall]),
        work("in without IOC, babble", EndpointType::BULK_IN, vec![silent()], vec![data(600)]),
        work("interrupt in", EndpointType::INTERRUPT_IN, vec![asks()], vec![data(8)]),
        work("no op", EndpointType::BULK_OUT, vec![to(transfer::no_op().with_ioc(true), 1)], vec![]),
        work(
            "event data",
            EndpointType::BULK_OUT,
            vec![silent().with_chain(true), to(transfer::event_data(0x55).with_ioc(true), 1)],
            vec![],
        ),
        work("two targets", EndpointType::BULK_OUT, vec![normal(0).with_chain(true), asks()], vec![]),
        work(
            "event data for another target",
            EndpointType::BULK_OUT,
            vec![silent().with_chain(true), to(transfer::event_data(0x55).with_ioc(true), 0)],
            vec![],
        ),
        work("malformed", EndpointType::BULK_OUT, vec![to(Trb::of_type(TrbType::SETUP_STAGE), 1)], vec![]),
        work("isoch out", EndpointType::ISOCH_OUT, vec![isoch(1).with_ioc(true)], vec![]),
        work("isoch in without IOC, silence", EndpointType::ISOCH_IN, vec![isoch(1)], vec![Answer::Silence]),
        work(
            "isoch malformed",
            EndpointType::ISOCH_OUT,
            vec![to(Trb::of_type(TrbType::SETUP_STAGE), 1)],
            vec![],
        ),
    ]
}

fn transfer_codes(events: &[Trb]) -> Vec<u8> {
    let transfers = events.iter().filter(|trb| trb.trb_type() == TrbType::TRANSFER_EVENT);
    transfers.map(|trb| trb.completion_code().0).collect()
}

#[test] // req: EVR-13, EVR-16, SEC-06
fn nothing_begins_that_may_end_in_an_event_for_a_full_ring() {
    // Packets while ring 1 is full and after it was drained; codes of the transfer events on ring 1 and on ring 0.
    let mut table = String::new();
    for Work { name, kind, trbs, answers } in works() {
        let mut machine = Machine::typical();
        let gadget = Gadget::new(Speed::High);
        let slot = machine.enumerate(1, if kind.is_isoch() { gadget.isochronous(1) } else { gadget });
        let ep = dci(1, kind.is_in());
        machine.configure(slot, &[(ep, endpoint(slot, ep, kind, 512, 0))]);
        clog(&mut machine, 1);
        for answer in answers {
            let gadget = machine.gadget(1);
            let queue = if kind.is_in() { &mut gadget.input[1] } else { &mut gadget.output[1] };
            queue.push_back(answer);
        }
        let mut ring = Producer::new(ring_base(slot, ep), 64);
        for trb in trbs {
            ring.push(&mut machine.memory, trb);
        }
        machine.ring_doorbell(slot, ep);
        machine.take_events(0, true);
        let packets = |machine: &mut Machine| {
            let gadget = machine.gadget(1);
            gadget.received.len() + gadget.asked.iter().filter(|(_, number)| *number == 1).count()
        };
        machine.run_us(20_000);
        let full = packets(&mut machine);
        assert_eq!(machine.take_events(1, false).len(), 1, "the notice alone");
        let mut first = machine.take_events(0, true);
        machine.ack(1);
        machine.run_us(2_000);
        let after = packets(&mut machine);
        let told = transfer_codes(&machine.take_events(1, true));
        first.extend(machine.take_events(0, true));
        // The xrun behind an isochronous TD is the slot's.
        let other: Vec<u8> =
            transfer_codes(&first).into_iter().filter(|code| *code != 14 && *code != 15).collect();
        table += &format!("{name:30}: {full} {after} {told:?} {other:?}\n");
    }
    expect![[r#"
        out                           : 0 1 [1] []
        out without IOC, stalled      : 0 0 [6] []
        in                            : 0 1 [1] []
        in, short, ISP                : 0 1 [13] []
        in without IOC, stalled       : 0 1 [6] []
        in without IOC, babble        : 0 1 [3] []
        interrupt in                  : 0 1 [1] []
        no op                         : 0 0 [1] []
        event data                    : 0 1 [1] []
        two targets                   : 0 1 [1] [1]
        event data for another target : 0 1 [] [1]
        malformed                     : 0 0 [5] []
        isoch out                     : 0 1 [1] []
        isoch in without IOC, silence : 0 1 [4] []
        isoch malformed               : 0 0 [5] []
    "#]]
    .assert_eq(&table);
}

#[test] // req: EVR-13
fn what_is_on_the_wire_when_a_ring_fills_up_is_told_later() {
    let mut machine = Machine::typical();
    let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
    let full_speed = machine.enumerate(2, Gadget::new(Speed::Full));
    let slow = dci(1, false);
    machine.configure(full_speed, &[(slow, endpoint(full_speed, slow, EndpointType::BULK_OUT, 64, 0))]);
    // Room for one event and the reserve.
    machine.event_ring(1, 64);
    let base = machine.rings[1].base;
    machine.write64(machine.ir(1) + 0x18, base + 3 * 16);
    let long = to(transfer::normal(Gpa(BUFFERS), 64).with_ioc(true), 1);
    Producer::new(ring_base(full_speed, slow), 16).push(&mut machine.memory, long);
    ring.push(&mut machine.memory, normal(1));
    ring.push(&mut machine.memory, normal(1));
    machine.ring_doorbell(full_speed, slow);
    machine.run_us(3);
    machine.ring_doorbell(slot, ep);
    machine.run_us(2_000);
    let events = machine.take_events(1, false);
    assert_eq!(events.iter().map(|trb| trb.completion_code().0).collect::<Vec<_>>(), [1, 21]);
    assert_eq!(events[0].slot_id(), Some(slot), "the fast one was done first");
    assert_eq!((machine.gadget(1).received.len(), machine.gadget(2).received.len()), (1, 1));
    machine.ack(1);
    let held = machine.take_events(1, false);
    assert_eq!(held.len(), 1, "at once: it is done");
    assert_eq!(held[0].slot_id(), Some(full_speed));
    machine.run_us(2_000);
    assert_eq!(machine.take_events(1, true)[0].slot_id(), Some(slot));
}

#[test] // req: EVR-13, SEC-06, XFR-20
fn a_stop_is_told_when_there_is_room_and_only_the_last() {
    on_every_profile_with_secondaries(|mut machine| {
        let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
        ring.push(&mut machine.memory, normal(1));
        let second = ring.push(&mut machine.memory, normal(1));
        clog(&mut machine, 1);
        for _ in 0..100 {
            machine.ring_doorbell(slot, ep);
            machine.run_us(20);
            let code = machine.command_code(command::stop_endpoint(slot, ep, false));
            assert_eq!(code, CompletionCode::SUCCESS, "the command does not wait");
        }
        let set = command::set_tr_dequeue_pointer(slot, ep, second, true);
        assert_eq!(machine.command_code(set), CompletionCode::SUCCESS);
        machine.ring_doorbell(slot, ep);
        machine.run_us(100);
        assert_eq!(machine.command_code(command::stop_endpoint(slot, ep, false)), CompletionCode::SUCCESS);
        assert_eq!(machine.available(1), 1, "the notice");
        machine.take_events(1, true);
        let stops = machine.take_events(1, true);
        assert_eq!(stops.len(), 1);
        assert!(stops[0].completion_code().is_stopped());
        assert_eq!(stops[0].pointer(), second);
        assert_eq!(machine.gadget(1).received.len(), 0);
    });
}

#[test] // req: SEC-06, EVR-13
fn stops_of_several_endpoints_wait_side_by_side() {
    let mut machine = Machine::typical();
    let mut endpoints: Vec<(SlotId, Dci)> = Vec::new();
    for port in 1..=2 {
        let slot = machine.enumerate(port, Gadget::new(Speed::High));
        let eps = [1, 2, 3, 4].map(|number| dci(number, false));
        machine.configure(slot, &eps.map(|ep| (ep, endpoint(slot, ep, EndpointType::BULK_OUT, 512, 0))));
        endpoints.extend(eps.map(|ep| (slot, ep)));
    }
    clog(&mut machine, 1);
    for _ in 0..3 {
        for (slot, ep) in &endpoints {
            Producer::new(ring_base(*slot, *ep), 16).push(&mut machine.memory, normal(1));
            machine.ring_doorbell(*slot, *ep);
            machine.command_code(command::stop_endpoint(*slot, *ep, false));
        }
    }
    machine.take_events(1, true);
    let told: Vec<(Option<SlotId>, Option<Dci>)> =
        machine.take_events(1, true).iter().map(|trb| (trb.slot_id(), trb.endpoint_id())).collect();
    assert_eq!(told, endpoints.iter().map(|(slot, ep)| (Some(*slot), Some(*ep))).collect::<Vec<_>>());
}

#[test] // req: EVR-13, SEC-06
fn a_command_ring_that_is_stopped_over_and_over_waits_too() {
    let mut machine = Machine::typical();
    clog(&mut machine, 0);
    for _ in 0..100 {
        machine.command.push(&mut machine.memory, command::no_op());
        machine.write(machine.doorbells, 0);
        machine.run_us(20);
        machine.write(machine.op + 0x18, 2);
        machine.run_us(20);
    }
    assert_eq!(machine.available(0), 1, "the notice");
    machine.take_events(0, true);
    machine.run_us(1_000);
    let codes: Vec<u8> = machine.take_events(0, true).iter().map(|trb| trb.completion_code().0).collect();
    assert_eq!(codes, [24, 24]);
    assert_eq!(machine.read(machine.op + 0x18) & 8, 0, "CRR");
}

#[test] // req: EVR-11, EVR-13, EVR-16
fn the_log_tells_when_a_ring_is_full_and_what_is_lost() {
    let mut machine = Machine::typical();
    let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
    ring.push(&mut machine.memory, normal(1));
    clog(&mut machine, 1);
    machine.xhc.set_log_level(LogLevel::Full);
    machine.xhc.drain_log().for_each(drop);
    let told = |machine: &mut Machine| {
        let of_ring = |(_, event)| match event {
            Event::EventRingFull { interrupter: InterrupterId(1), full } => Some(("full", full)),
            Event::EventLost { interrupter: InterrupterId(1), .. } => Some(("lost", true)),
            _ => None,
        };
        machine.xhc.drain_log().filter_map(of_ring).collect::<Vec<_>>()
    };
    machine.ring_doorbell(slot, ep);
    machine.run_us(100);
    assert_eq!(told(&mut machine), [("full", true)]);
    // What can wait is not lost.
    machine.command_code(command::stop_endpoint(slot, ep, false));
    assert_eq!(told(&mut machine), []);
    machine.take_events(1, true);
    machine.run_us(100);
    assert_eq!(told(&mut machine), [("full", false)]);
}
