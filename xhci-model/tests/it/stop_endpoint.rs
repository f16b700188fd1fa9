//! Stop Endpoint: what it says of where it stopped, and how the endpoint goes on (xHCI 4.6.9).

use crate::support::any_profile;
use crate::support::bench::Bench;
use crate::support::gadget::{Answer, Gadget};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use expect_test::expect;
use usb_spec::Speed;
use xhci_model::{Latencies, Profile};
use xhci_spec::context::{EndpointState, EndpointType};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, SlotId};

fn bulk(kind: EndpointType) -> (Machine, SlotId, Dci, Producer) {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, kind.is_in());
    machine.configure(slot, &[(ep, endpoint(slot, ep, kind, 512, 0))]);
    (machine, slot, ep, Producer::new(ring_base(slot, ep), 16))
}

/// The events of a Stop Endpoint command, in order.
fn stop(machine: &mut Machine, slot: SlotId, ep: Dci) -> String {
    machine.command.push(&mut machine.memory, command::stop_endpoint(slot, ep, false));
    machine.write(machine.doorbells, 0);
    machine.run_us(500);
    let state = machine.endpoint_context(slot, ep);
    let mut text = machine.transcript(0);
    text += &machine.transcript(1);
    text += &format!("{} at {} cycle {}\n", state.ep_state(), state.tr_dequeue_pointer(), state.dcs());
    text
}

#[test] // req: XFR-20, XFR-21, XFR-26, CMD-41, CTX-24, CTX-25, INT-19
fn stopped_inside_a_td_and_gone_on_at_the_same_byte() {
    let (mut machine, slot, ep, mut ring) = bulk(EndpointType::BULK_IN);
    machine.gadget(1).answer(1, Answer::Data(vec![1; 512]));
    machine.gadget(1).answer(1, Answer::Data(vec![2; 512]));
    let trb = transfer::normal(Gpa(BUFFERS), 4096).with_ioc(true);
    ring.push(&mut machine.memory, trb.with_interrupter_target(InterrupterId(1)));
    machine.ring_doorbell(slot, ep);
    machine.run_us(400);
    expect![[r#"
        Command Completion Event: Success 0x2030 slot 1
        Transfer Event: Stopped 0x123000 length 3072 slot 1 ep 3
        Stopped at 0x123000 cycle true
    "#]]
    .assert_eq(&stop(&mut machine, slot, ep));
    for value in 3..=8 {
        machine.gadget(1).answer(1, Answer::Data(vec![value; 512]));
    }
    machine.ring_doorbell(slot, ep);
    machine.run_us(2_000);
    expect![[r#"
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
    "#]]
    .assert_eq(&machine.transcript(1));
    let whole: Vec<u8> = (1..=8).flat_map(|value| [value; 512]).collect();
    assert_eq!(machine.memory.slice(BUFFERS, 4096), whole);
}

#[test] // req: XFR-22, CTX-25, EPS-06
fn stopped_between_tds_the_length_means_nothing() {
    let (mut machine, slot, ep, mut ring) = bulk(EndpointType::BULK_OUT);
    machine.ring_doorbell(slot, ep);
    machine.run_us(100);
    expect![[r#"
        Transfer Event: Stopped - Length Invalid 0x122000 length 0 slot 1 ep 2
        Command Completion Event: Success 0x2030 slot 1
        Stopped at 0x122000 cycle true
    "#]]
    .assert_eq(&stop(&mut machine, slot, ep));
    expect![[r#"
        Command Completion Event: Context State Error 0x2040 slot 1
        Stopped at 0x122000 cycle true
    "#]]
    .assert_eq(&stop(&mut machine, slot, ep));
    // Fifteen TDs, then the Link: the pointer shown is the one behind it.
    for _ in 0..15 {
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 8));
    }
    machine.ring_doorbell(slot, ep);
    machine.run_us(1_000);
    expect![[r#"
        Transfer Event: Stopped - Length Invalid 0x122000 length 0 slot 1 ep 2
        Command Completion Event: Success 0x2050 slot 1
        Stopped at 0x122000 cycle false
    "#]]
    .assert_eq(&stop(&mut machine, slot, ep));
}

#[test] // req: XFR-24, EPS-06, XFR-25
fn an_isochronous_endpoint_stops_between_intervals() {
    let mut machine = Machine::new(any_profile());
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, false);
    machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::ISOCH_OUT, 28, 0))]);
    let mut ring = Producer::new(ring_base(slot, ep), 64);
    for _ in 0..40 {
        let trb = transfer::isoch(Gpa(BUFFERS), 24, transfer::IsochStart::Asap).with_ioc(true);
        ring.push(&mut machine.memory, trb.with_interrupter_target(InterrupterId(1)));
    }
    machine.ring_doorbell(slot, ep);
    machine.run_us(2_000);
    let text = stop(&mut machine, slot, ep);
    let sent = machine.gadget(1).received.len();
    let stopped = format!("Stopped - Length Invalid {:#x}", ring_base(slot, ep) + sent as u64 * 16);
    assert!(text.contains(&stopped), "{text}");
    assert_eq!(text.matches("Success").count(), sent + 1, "a completion each, and the command's");
    assert_eq!(machine.endpoint_context(slot, ep).ep_state(), EndpointState::STOPPED);
    machine.run_us(5_000);
    assert_eq!(machine.gadget(1).received.len(), sent);
    machine.ring_doorbell(slot, ep);
    machine.run_us(10_000);
    assert_eq!(machine.gadget(1).received.len(), 40);
}

#[test] // req: XFR-23, TRB-68
fn stopped_behind_a_short_packet_the_length_is_what_moved() {
    let (mut machine, slot, ep, mut ring) = bulk(EndpointType::BULK_IN);
    machine.gadget(1).answer(1, Answer::Data(vec![1; 100]));
    // The TD goes on in a TRB that the driver has not given yet.
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_chain(true));
    machine.ring_doorbell(slot, ep);
    machine.run_us(400);
    expect![[r#"
        Transfer Event: Stopped - Short Packet 0x123010 length 100 slot 1 ep 3
        Command Completion Event: Success 0x2030 slot 1
        Stopped at 0x123010 cycle true
    "#]]
    .assert_eq(&stop(&mut machine, slot, ep));
}

#[test] // req: CMD-41, CMD-42, XFR-27, EPS-06
fn a_cancelled_td_is_passed_over() {
    let (mut machine, slot, ep, mut ring) = bulk(EndpointType::BULK_IN);
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_ioc(true));
    let next = ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS + 512), 512).with_ioc(true));
    machine.ring_doorbell(slot, ep);
    machine.run_us(400);
    // Asked for and NAKed: the TD has begun.
    assert!(stop(&mut machine, slot, ep).contains("Stopped 0x123000 length 512"));
    let set = command::set_tr_dequeue_pointer(slot, ep, next, true);
    assert_eq!(machine.command_code(set), CompletionCode::SUCCESS);
    machine.gadget(1).answer(1, Answer::Data(vec![7; 512]));
    machine.ring_doorbell(slot, ep);
    machine.run_us(400);
    expect![[r#"
        Transfer Event: Success 0x123010 length 0 slot 1 ep 3
    "#]]
    .assert_eq(&machine.transcript(0));
    assert_eq!(machine.memory.get::<1>(BUFFERS), [0], "the data belong to the next TD");
}

/// Endpoints of one bus take turns, and a stop and a doorbell later one still has one turn, not two. A turn of all
/// takes 40 µs.
#[test] // req: XFR-17, CMD-41, EPS-06
fn a_stopped_endpoint_leaves_its_place_in_line() {
    let mut machine = Machine::new(Profile { latencies: Latencies::INSTANT, ..any_profile() });
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let all = [1, 2, 3, 4].map(|number| dci(number, false));
    let contexts = all.map(|ep| (ep, endpoint(slot, ep, EndpointType::BULK_OUT, 512, 0)));
    machine.configure(slot, &contexts);
    for ep in all {
        let mut ring = Producer::new(ring_base(slot, ep), 64);
        (0..30).for_each(|_| {
            ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 0x1_0000));
        });
        machine.ring_doorbell(slot, ep);
    }
    for _ in 0..10 {
        machine.command.push(&mut machine.memory, command::stop_endpoint(slot, all[0], false));
        machine.write(machine.doorbells, 0);
        machine.run_us(12);
        assert_eq!(machine.endpoint_context(slot, all[0]).ep_state(), EndpointState::STOPPED);
        machine.ring_doorbell(slot, all[0]);
    }
    machine.gadget(1).received.clear();
    machine.run_us(5_000);
    let received = &machine.gadget(1).received;
    let packets = all.map(|ep| received.iter().filter(|(_, to, _)| *to == ep.endpoint_number()).count());
    assert!(packets.iter().all(|count| count.abs_diff(packets[1]) <= 1), "{packets:?}");
}

/// An Event Data TRB waits for room in its interrupter's ring when the endpoint is stopped: no length of a buffer.
#[test] // req: XFR-22, TRB-67, EVR-13
fn stopped_at_event_data_the_length_means_nothing() {
    let mut bench = Bench::new(Profile::default(), Speed::High, EndpointType::BULK_OUT);
    // Of 16 places one stays free and one is kept for the event that says so: room for 14.
    bench.machine.event_ring(1, 16);
    (0..14).for_each(|_| {
        bench.trbs("0 ioc ir1");
    });
    bench.trbs("N512 ch, E1 ioc ir1");
    bench.go();
    assert_eq!(bench.stop(), CompletionCode::SUCCESS);
    assert_eq!(bench.dequeue(), 15);
    bench.events_of(1);
    bench.machine.run_us(1_000);
    assert_eq!(bench.events_of(1), "27@15:0");
}

#[test] // req: CTX-25
fn stopped_at_a_link_that_asks_for_an_event_the_place_is_where_it_leads() {
    let (mut machine, slot, ep, _) = bulk(EndpointType::BULK_OUT);
    let elsewhere = ring_base(slot, ep) + 0x800;
    let link = transfer::link(Gpa(elsewhere), false).with_ioc(true).with_cycle(true);
    machine.memory.put(ring_base(slot, ep), &link.to_bytes());
    let text = stop(&mut machine, slot, ep);
    assert!(text.ends_with(&format!("Stopped at {elsewhere:#x} cycle true\n")), "{text}");
}
