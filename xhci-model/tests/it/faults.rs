//! Faults on demand: which transactions a rule hits, and what the driver sees of each.

use crate::support::gadget::{Answer, Gadget};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use expect_test::expect;
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Event, Fault, FaultRule, LogLevel, Outcome, Profile, TransactionKind};
use xhci_spec::context::{EndpointState, EndpointType};
use xhci_spec::trb::transfer::{self, IsochStart};
use xhci_spec::{Dci, Gpa, PortId, SlotId};

/// A machine with one endpoint, number 1, behind port 1.
fn machine(kind: EndpointType, mps: u16) -> (Machine, SlotId, Dci, Producer) {
    let mut machine = Machine::new(Profile::default());
    let mut gadget = Gadget::new(Speed::High);
    if kind.is_isoch() {
        gadget = gadget.isochronous(1);
    }
    let slot = machine.enumerate(1, gadget);
    let ep = dci(1, kind.is_in());
    machine.configure(slot, &[(ep, endpoint(slot, ep, kind, mps, 0))]);
    (machine, slot, ep, Producer::new(ring_base(slot, ep), 64))
}

/// Three TDs of one packet each, the second of them under a rule for so many transactions; what the driver sees.
fn seen(kind: EndpointType, fault: Fault, count: u32) -> String {
    let (mut machine, slot, ep, mut ring) = machine(kind, 64);
    machine.xhc.add_fault(FaultRule {
        endpoint: Some(ep),
        skip: 1,
        count: Some(count),
        ..FaultRule::new(fault)
    });
    for _ in 0..3 {
        if kind.is_in() {
            machine.gadget(1).answer(1, Answer::Data(vec![1; 64]));
        }
        let trb = if kind.is_isoch() {
            transfer::isoch(Gpa(BUFFERS), 64, IsochStart::Asap)
        } else {
            transfer::normal(Gpa(BUFFERS), 64)
        };
        ring.push(&mut machine.memory, trb.with_ioc(true));
    }
    machine.ring_doorbell(slot, ep);
    machine.run_us(10_000);
    let packets = if kind.is_in() { machine.gadget(1).asked.len() } else { machine.gadget(1).received.len() };
    let state = machine.endpoint_context(slot, ep).ep_state();
    format!("{}{packets} packets, {state}\n", machine.transcript(0))
}

#[test] // req: TRB-42, TRB-75, XFR-01, XFR-02, XFR-03, XFR-04
fn a_bulk_endpoint_under_each_fault() {
    // CErr is 3: two errors are repaired, the third one halts.
    let faults = [
        (Fault::Nak, 3),
        (Fault::Stall, 1),
        (Fault::Lost, 2),
        (Fault::Lost, 3),
        (Fault::HandshakeLost, 1),
        (Fault::Babble, 1),
        (Fault::SplitError, 2),
        (Fault::SplitError, 3),
        (Fault::DataBuffer, 1),
        (Fault::Delay(Duration::from_micros(500)), 1),
    ];
    let mut table = String::new();
    for kind in [EndpointType::BULK_OUT, EndpointType::BULK_IN] {
        for (fault, count) in faults {
            table += &format!("{kind} {count} x {fault:?}\n{}\n", seen(kind, fault, count));
        }
    }
    expect![[r#"
        Bulk OUT 3 x Nak
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        3 packets, Running

        Bulk OUT 1 x Stall
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Stall Error 0x122010 length 64 slot 1 ep 2
        1 packets, Halted

        Bulk OUT 2 x Lost
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        3 packets, Running

        Bulk OUT 3 x Lost
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: USB Transaction Error 0x122010 length 64 slot 1 ep 2
        1 packets, Halted

        Bulk OUT 1 x HandshakeLost
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        4 packets, Running

        Bulk OUT 1 x Babble
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        3 packets, Running

        Bulk OUT 2 x SplitError
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        3 packets, Running

        Bulk OUT 3 x SplitError
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Split Transaction Error 0x122010 length 64 slot 1 ep 2
        1 packets, Halted

        Bulk OUT 1 x DataBuffer
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Data Buffer Error 0x122010 length 64 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        2 packets, Running

        Bulk OUT 1 x Delay(500 us)
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        3 packets, Running

        Bulk IN 3 x Nak
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Success 0x123010 length 0 slot 1 ep 3
        Transfer Event: Success 0x123020 length 0 slot 1 ep 3
        3 packets, Running

        Bulk IN 1 x Stall
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Stall Error 0x123010 length 64 slot 1 ep 3
        1 packets, Halted

        Bulk IN 2 x Lost
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Success 0x123010 length 0 slot 1 ep 3
        Transfer Event: Success 0x123020 length 0 slot 1 ep 3
        3 packets, Running

        Bulk IN 3 x Lost
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: USB Transaction Error 0x123010 length 64 slot 1 ep 3
        1 packets, Halted

        Bulk IN 1 x HandshakeLost
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Success 0x123010 length 0 slot 1 ep 3
        Transfer Event: Success 0x123020 length 0 slot 1 ep 3
        3 packets, Running

        Bulk IN 1 x Babble
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Babble Detected Error 0x123010 length 64 slot 1 ep 3
        1 packets, Halted

        Bulk IN 2 x SplitError
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Success 0x123010 length 0 slot 1 ep 3
        Transfer Event: Success 0x123020 length 0 slot 1 ep 3
        3 packets, Running

        Bulk IN 3 x SplitError
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Split Transaction Error 0x123010 length 64 slot 1 ep 3
        1 packets, Halted

        Bulk IN 1 x DataBuffer
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Data Buffer Error 0x123010 length 64 slot 1 ep 3
        Transfer Event: Success 0x123020 length 0 slot 1 ep 3
        2 packets, Running

        Bulk IN 1 x Delay(500 us)
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Success 0x123010 length 0 slot 1 ep 3
        Transfer Event: Success 0x123020 length 0 slot 1 ep 3
        3 packets, Running

    "#]]
    .assert_eq(&table);
}

#[test] // req: ISO-22, ISO-21, ISO-27
fn an_isochronous_endpoint_under_each_fault() {
    let faults = [Fault::Lost, Fault::Babble, Fault::SplitError, Fault::DataBuffer];
    let mut table = String::new();
    for kind in [EndpointType::ISOCH_OUT, EndpointType::ISOCH_IN] {
        for fault in faults {
            table += &format!("{kind} {fault:?}\n{}\n", seen(kind, fault, 1));
        }
    }
    expect![[r#"
        Isoch OUT Lost
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        Transfer Event: Ring Underrun 0x122030 length 0 slot 1 ep 2
        2 packets, Running

        Isoch OUT Babble
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        Transfer Event: Ring Underrun 0x122030 length 0 slot 1 ep 2
        3 packets, Running

        Isoch OUT SplitError
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Split Transaction Error 0x122010 length 64 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        Transfer Event: Ring Underrun 0x122030 length 0 slot 1 ep 2
        2 packets, Running

        Isoch OUT DataBuffer
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        Transfer Event: Data Buffer Error 0x122010 length 64 slot 1 ep 2
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        Transfer Event: Ring Underrun 0x122030 length 0 slot 1 ep 2
        2 packets, Running

        Isoch IN Lost
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: USB Transaction Error 0x123010 length 64 slot 1 ep 3
        Transfer Event: Success 0x123020 length 0 slot 1 ep 3
        Transfer Event: Ring Overrun 0x123030 length 0 slot 1 ep 3
        2 packets, Running

        Isoch IN Babble
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Babble Detected Error 0x123010 length 0 slot 1 ep 3
        Transfer Event: Success 0x123020 length 0 slot 1 ep 3
        Transfer Event: Ring Overrun 0x123030 length 0 slot 1 ep 3
        2 packets, Running

        Isoch IN SplitError
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Split Transaction Error 0x123010 length 64 slot 1 ep 3
        Transfer Event: Success 0x123020 length 0 slot 1 ep 3
        Transfer Event: Ring Overrun 0x123030 length 0 slot 1 ep 3
        2 packets, Running

        Isoch IN DataBuffer
        Transfer Event: Success 0x123000 length 0 slot 1 ep 3
        Transfer Event: Data Buffer Error 0x123010 length 64 slot 1 ep 3
        Transfer Event: Success 0x123020 length 0 slot 1 ep 3
        Transfer Event: Ring Overrun 0x123030 length 0 slot 1 ep 3
        2 packets, Running

    "#]]
    .assert_eq(&table);
}

/// How many transactions of 20 TDs of one packet each a NAK rule hits.
fn hits(rule: impl Fn(SlotId, Dci) -> FaultRule) -> usize {
    let (mut machine, slot, ep, mut ring) = machine(EndpointType::BULK_OUT, 64);
    machine.xhc.add_fault(rule(slot, ep));
    for _ in 0..20 {
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 64).with_ioc(true));
    }
    machine.xhc.set_log_level(LogLevel::Full);
    machine.ring_doorbell(slot, ep);
    machine.run_us(10_000);
    assert_eq!(machine.gadget(1).received.len(), 20, "a NAK loses nothing");
    let is_nak = |event: &Event| matches!(event, Event::Transaction { outcome: Outcome::Nak, .. });
    machine.xhc.drain_log().filter(|(_, event)| is_nak(event)).count()
}

#[test]
fn a_rule_hits_what_it_names() {
    let rule = FaultRule::new(Fault::Nak);
    let once = FaultRule { count: Some(1), ..rule };
    let table = [
        ("none", hits(|_, _| FaultRule { count: Some(0), ..rule })),
        ("first", hits(|_, _| once)),
        ("sixth to eighth", hits(|_, _| FaultRule { skip: 5, count: Some(3), ..rule })),
        ("this slot", hits(|slot, _| FaultRule { slot: Some(slot), ..once })),
        ("other slot", hits(|_, _| FaultRule { slot: SlotId::new(9), ..once })),
        ("this endpoint", hits(|_, ep| FaultRule { endpoint: Some(ep), ..once })),
        ("other endpoint", hits(|_, _| FaultRule { endpoint: Some(Dci::EP0), ..once })),
        ("this port", hits(|_, _| FaultRule { port: PortId::new(1), ..once })),
        ("other port", hits(|_, _| FaultRule { port: PortId::new(2), ..once })),
        ("OUT", hits(|_, _| FaultRule { kind: Some(TransactionKind::Out), ..once })),
        ("IN", hits(|_, _| FaultRule { kind: Some(TransactionKind::In), ..once })),
    ];
    let text: String = table.iter().map(|(name, count)| format!("{name:16} {count}\n")).collect();
    expect![[r#"
        none             0
        first            1
        sixth to eighth  3
        this slot        1
        other slot       0
        this endpoint    1
        other endpoint   0
        this port        1
        other port       0
        OUT              1
        IN               0
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_rule_has_its_time_and_can_be_removed() {
    let (mut machine, slot, ep, mut ring) = machine(EndpointType::BULK_OUT, 64);
    let start = machine.now;
    let (from, until) = (start + Duration::from_millis(1), start + Duration::from_millis(5));
    machine.xhc.add_fault(FaultRule { from, until, ..FaultRule::new(Fault::Nak) });
    let forever = machine.xhc.add_fault(FaultRule { from: until, ..FaultRule::new(Fault::Nak) });
    for _ in 0..60 {
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 64).with_ioc(true));
        machine.ring_doorbell(slot, ep);
        machine.run_us(100);
    }
    let times: Vec<_> = machine.gadget(1).received.iter().map(|(at, _, _)| *at).collect();
    assert!(!times.is_empty() && times.iter().all(|at| *at < from));
    assert!(machine.xhc.remove_fault(forever));
    assert!(!machine.xhc.remove_fault(forever), "it is gone");
    machine.run_us(1_000);
    assert_eq!(machine.gadget(1).received.len(), 60);
    assert_eq!(machine.endpoint_context(slot, ep).ep_state(), EndpointState::RUNNING);
}
