//! Event rings: segments, fullness, flow control (xHCI 4.9.4).

use crate::support::gadget::{Answer, Gadget};
use crate::support::{BUFFERS, EVENT_RINGS, Machine, Producer, dci, endpoint, ring_base};
use expect_test::expect;
use usb_spec::Speed;
use xhci_model::{Policy, Profile};
use xhci_spec::context::EndpointType;
use xhci_spec::erst::ErstEntry;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Gpa, InterrupterId, Trb, TrbType};

#[test] // req: EVR-01, EVR-04, RTS-10, EVR-07
fn segments_follow_one_another_and_the_cycle_turns_at_the_end() {
    let mut machine = Machine::new(Profile::default());
    let sizes = [16_u16, 40, 20];
    let bases = [0x2_0000_u64, 0x2_8000, 0x3_0000].map(|base| base + 0x1_0000);
    let table = EVENT_RINGS + 0xF000;
    for (index, (base, trbs)) in (0_u64..).zip(bases.into_iter().zip(sizes)) {
        machine.memory.put(table + index * 16, &ErstEntry { segment: Gpa(base), trbs }.to_bytes());
    }
    // SeaBIOS: ERSTSZ, ERDP, ERSTBA, and DESI always 0.
    let ir = machine.ir(0);
    machine.write(ir + 8, 3);
    machine.write64(ir + 0x18, bases[0]);
    machine.write64(ir + 0x10, table);
    let places: Vec<u64> = bases
        .into_iter()
        .zip(sizes)
        .flat_map(|(base, trbs)| (0..u64::from(trbs)).map(move |trb| base + trb * 16))
        .collect();
    let mut cycle = true;
    for turn in 0..5 {
        for (index, place) in places.iter().enumerate() {
            let at = machine.command.push(&mut machine.memory, command::no_op());
            machine.write(machine.doorbells, 0);
            machine.run_us(20);
            let event = Trb::from_bytes(machine.memory.get(*place));
            assert_eq!((event.cycle(), event.pointer()), (cycle, at), "turn {turn} event {index}");
            let next = places.get(index + 1).unwrap_or(&places[0]);
            machine.write64(ir + 0x18, next | 8);
        }
        cycle = !cycle;
    }
}

#[test] // req: EVR-10, EVR-12, EVR-13, EVR-16, TRB-61, SEC-06
fn a_full_ring_says_so_once_stalls_and_loses_nothing() {
    for ring_full_event in [true, false] {
        let mut machine = Machine::new(Profile {
            policy: Policy { ring_full_event, ..Policy::DEFAULT },
            ..Profile::default()
        });
        machine.event_ring(0, 16);
        for _ in 0..40 {
            machine.command.push(&mut machine.memory, command::no_op());
        }
        machine.write(machine.doorbells, 0);
        machine.run_us(10_000);
        let mut completions = 0;
        let mut notices = 0;
        for _ in 0..6 {
            let events = machine.take_events(0, true);
            assert!(events.len() <= 15, "one TRB always stays free");
            completions +=
                events.iter().filter(|trb| trb.trb_type() == TrbType::COMMAND_COMPLETION_EVENT).count();
            notices +=
                events.iter().filter(|trb| trb.completion_code() == CompletionCode::EVENT_RING_FULL).count();
            machine.run_us(10_000);
        }
        assert_eq!(completions, 40);
        assert_eq!(notices, if ring_full_event { 2 } else { 0 });
    }
}

#[test] // req: EVR-13, INT-16, INT-17, INT-27
fn a_full_secondary_ring_holds_up_only_what_targets_it() {
    let mut machine = Machine::new(Profile::default());
    machine.event_ring(1, 16);
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let (sideband, host) = (dci(1, false), dci(2, false));
    let contexts = [sideband, host].map(|ep| (ep, endpoint(slot, ep, EndpointType::BULK_OUT, 512, 0)));
    machine.configure(slot, &contexts);
    for (ep, target) in [(sideband, 1), (host, 0)] {
        let mut ring = Producer::new(ring_base(slot, ep), 64);
        for _ in 0..50 {
            let trb = transfer::normal(Gpa(BUFFERS), 8).with_ioc(true);
            ring.push(&mut machine.memory, trb.with_interrupter_target(InterrupterId(target)));
        }
        machine.ring_doorbell(slot, ep);
    }
    machine.run_us(5_000);
    assert_eq!(machine.take_events(0, true).len(), 50);
    assert_eq!(machine.gadget(1).received.iter().filter(|(_, number, _)| *number == 1).count(), 14);
    let mut sideband_events = 0;
    while let Some(count) = Some(machine.take_events(1, true)).filter(|events| !events.is_empty()) {
        sideband_events += count.iter().filter(|trb| trb.trb_type() == TrbType::TRANSFER_EVENT).count();
        machine.run_us(5_000);
    }
    assert_eq!(sideband_events, 50);
}

#[test] // req: INT-21, INT-29, INT-20
fn an_interrupter_without_a_ring_touches_no_memory() {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, false);
    machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_OUT, 512, 0))]);
    machine.write(machine.ir(1) + 8, 0);
    machine.memory.put(EVENT_RINGS + 0x1_0000, &[0xEE; 4096]);
    let mut ring = Producer::new(ring_base(slot, ep), 64);
    for target in [1, 1, 900] {
        let trb = transfer::normal(Gpa(BUFFERS), 8).with_ioc(true);
        ring.push(&mut machine.memory, trb.with_interrupter_target(InterrupterId(target)));
    }
    machine.ring_doorbell(slot, ep);
    machine.run_us(1_000);
    assert_eq!(machine.gadget(1).received.len(), 3, "data moves all the same");
    assert!(machine.memory.slice(EVENT_RINGS + 0x1_0000, 4096).iter().all(|byte| *byte == 0xEE));
}

#[test] // req: EVR-06, EVR-09, DRV-07
fn a_secondary_ring_comes_and_goes_while_the_controller_runs() {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, true);
    machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_IN, 512, 0))]);
    let mut ring = Producer::new(ring_base(slot, ep), 64);
    for round in 0..3 {
        machine.event_ring(1, 64);
        machine.gadget(1).answer(1, Answer::Data(vec![round; 512]));
        let trb = transfer::normal(Gpa(BUFFERS), 512).with_ioc(true);
        ring.push(&mut machine.memory, trb.with_interrupter_target(InterrupterId(1)));
        machine.ring_doorbell(slot, ep);
        machine.run_us(1_000);
        let events = machine.take_events(1, true);
        assert_eq!(events.len(), 1);
        assert_eq!(machine.rings[1].at, 1, "a new ring starts at its first TRB");
        machine.write(machine.ir(1) + 8, 0);
    }
    expect![""].assert_eq(&machine.transcript(0));
}
