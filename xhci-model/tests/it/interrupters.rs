//! When an interrupter interrupts: IP, IPE, EHB, BEI, and whose events it gets (xHCI 4.17).

mod lost_wakeups;
mod moderation;
mod signalling;

use crate::support::gadget::{Answer, Gadget};
use crate::support::interrupts::{EHB, EINT, IE, INTE, IP, on_every_profile_with_secondaries};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, on_every_profile, ring_base};
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Profile, Violation};
use xhci_spec::context::EndpointType;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, SlotId, Trb, TrbType};

/// A slot with one bulk endpoint, and the ring of that.
fn bulk(machine: &mut Machine, kind: EndpointType) -> (SlotId, Dci, Producer) {
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, kind.is_in());
    machine.configure(slot, &[(ep, endpoint(slot, ep, kind, 512, 0))]);
    (slot, ep, Producer::new(ring_base(slot, ep), 64))
}

fn normal(target: u16) -> Trb {
    transfer::normal(Gpa(BUFFERS), 8).with_ioc(true).with_interrupter_target(InterrupterId(target))
}

#[test] // req: INT-04, INT-07, INT-11, INT-12, RTS-09
fn one_interrupt_until_the_handler_is_done() {
    on_every_profile(|mut machine| {
        machine.no_ops(10);
        assert_eq!(machine.interrupts.len(), 1);
        assert_eq!((machine.iman(0), machine.ehb(0), machine.eint()), (IE, true, true), "IP cleared itself");

        // The handler takes one event and says so: nine are left, so it is called again.
        machine.rings[0].at += 1;
        machine.ack(0);
        assert_eq!(machine.interrupts.len(), 2);
        assert!(machine.ehb(0));
        // It takes the rest: silence.
        assert_eq!(machine.take_events(0, true).len(), 9);
        machine.run_us(10_000);
        assert_eq!(machine.interrupts.len(), 2);
        assert!(!machine.ehb(0));
    });
}

#[test] // req: INT-12
fn the_handler_is_called_again_only_when_moderation_is_over() {
    let mut machine = Machine::typical();
    machine.write(machine.ir(0) + 4, 400);
    machine.no_ops(2);
    let first = machine.interrupts[0].0;
    machine.run((first + Duration::from_micros(20)).since(machine.now));
    machine.rings[0].at += 1;
    machine.ack(0);
    machine.run_us(1_000);
    assert_eq!(machine.interrupts.len(), 2);
    assert_eq!(machine.interrupts[1].0.since(first), Duration::from_micros(100));
}

#[test] // req: INT-13
fn erdp_without_ehb_keeps_the_handler_busy() {
    on_every_profile(|mut machine| {
        machine.no_ops(3);
        let at = machine.rings[0].base + 16;
        machine.write64(machine.ir(0) + 0x18, at);
        assert_eq!(u64::from(machine.read(machine.ir(0) + 0x18)), at | u64::from(EHB));
        machine.run_us(1_000);
        assert_eq!(machine.interrupts.len(), 1);
        // The pointer did move: with the same pointer and EHB, two events are left.
        machine.write64(machine.ir(0) + 0x18, at | 8);
        assert_eq!(machine.interrupts.len(), 2);
    });
}

#[test] // req: INT-03, INT-04
fn ip_is_set_whenever_all_conditions_are_met_whichever_comes_last() {
    on_every_profile(|mut machine| {
        let idle = |machine: &Machine| assert_eq!(machine.iman(0), 0);
        let set = |machine: &Machine| {
            assert_eq!((machine.iman(0), machine.ehb(0), machine.eint()), (IP, true, true));
        };
        let clear = |machine: &mut Machine| {
            machine.write(machine.op + 4, EINT);
            machine.write(machine.ir(0) + 4, 0);
            machine.write(machine.ir(0), IP);
            machine.take_events(0, true);
        };
        machine.write(machine.ir(0), 0);
        // IPE, by an event.
        idle(&machine);
        machine.no_ops(1);
        set(&machine);
        clear(&mut machine);
        // IMODC, by time.
        machine.write(machine.ir(0) + 4, 40_000 << 16);
        machine.no_ops(1);
        let left = machine.imodc(0);
        machine.run(Duration::from_nanos(250) * u64::from(left - 1));
        idle(&machine);
        machine.run(Duration::from_nanos(250));
        set(&machine);
        clear(&mut machine);
        // IMODC, by software.
        machine.write(machine.ir(0) + 4, 60_000 << 16);
        machine.no_ops(1);
        idle(&machine);
        machine.write(machine.ir(0) + 4, 0);
        set(&machine);
        // EHB: IP is 0, and an event is left.
        machine.write(machine.op + 4, EINT);
        machine.write(machine.ir(0), IP);
        machine.no_ops(1);
        idle(&machine);
        machine.ack(0);
        set(&machine);
        // IP: EHB is 0, and an event is left.
        machine.write(machine.op + 4, EINT);
        machine.ack(0);
        assert_eq!((machine.iman(0), machine.ehb(0), machine.eint()), (IP, false, false));
        machine.write(machine.ir(0) + 4, 400);
        machine.write(machine.ir(0), IP);
        idle(&machine);
        machine.run_us(99);
        idle(&machine);
        machine.run_us(1);
        set(&machine);
    });
}

#[test] // req: INT-02, EVR-11, EVR-18
fn what_is_consumed_does_not_interrupt() {
    on_every_profile(|mut machine| {
        machine.write(machine.ir(0) + 4, 40_000);
        machine.no_ops(1);
        machine.take_events(0, true);
        machine.no_ops(2);
        assert_eq!(machine.interrupts.len(), 1, "moderation");
        // The driver polls. EHB is 0 already: the pointer alone takes IPE back.
        machine.take_events(0, false);
        let ring = &machine.rings[0];
        machine.write64(machine.ir(0) + 0x18, ring.base + ring.at * 16);
        machine.run_us(20_000);
        assert_eq!(machine.interrupts.len(), 1);
        assert_eq!((machine.iman(0), machine.ehb(0)), (IE, false));
    });
}

#[test] // req: INT-02, EVR-11
fn what_is_consumed_while_halted_does_not_interrupt_either() {
    on_every_profile(|mut machine| {
        machine.no_ops(2);
        machine.write(machine.op, INTE);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 1);
        // One of two: the ring is not empty.
        machine.rings[0].at += 1;
        machine.ack(0);
        assert_eq!(machine.interrupts.len(), 2);
        machine.take_events(0, true);
        machine.run_us(5_000);
        assert_eq!((machine.interrupts.len(), machine.iman(0), machine.ehb(0)), (2, IE, false));
        machine.write(machine.op, 1 | INTE);
        machine.run_us(5_000);
        assert_eq!(machine.interrupts.len(), 2);
    });
}

#[test] // req: INT-02, EVR-06
fn a_new_ring_forgets_that_events_were_posted() {
    // By what the ring ends while an event waits for moderation.
    for part in [0x10, 0x14, 8] {
        on_every_profile_with_secondaries(|mut machine| {
            machine.write(machine.ir(1) + 4, 60_000 << 16 | 60_000);
            machine.write(machine.ir(1), IE);
            let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
            machine.write(machine.ir(1) + 4, 60_000 << 16);
            ring.push(&mut machine.memory, normal(1));
            machine.ring_doorbell(slot, ep);
            machine.wait_for_events(1, 1);
            if part == 0x14 && machine.read(0x10) & 1 == 0 {
                // AC64 = 0: there is no high half.
                return;
            }
            let value = machine.read(machine.ir(1) + part);
            machine.write(machine.ir(1) + part, if part == 8 { 0 } else { value });
            machine.write(machine.ir(1) + 4, 0);
            machine.run_us(20_000);
            assert!(machine.interrupts.iter().all(|(_, vector)| *vector == 0));
            assert_eq!((machine.iman(1), machine.ehb(1)), (IE, false));
        });
    }
}

#[test] // req: INT-05, OPR-18, INT-23
fn enabling_late_signals_at_once() {
    on_every_profile(|mut machine| {
        machine.write(machine.ir(0), 0);
        machine.no_ops(3);
        assert_eq!((machine.iman(0), machine.interrupts.len()), (IP, 0), "events are written, IP is set");
        machine.write(machine.ir(0), IE);
        assert_eq!(machine.interrupts, [(machine.now, 0)]);
        assert_eq!(machine.iman(0), IE);
        machine.take_events(0, true);
        // The same with INTE.
        machine.write(machine.op, 1);
        machine.no_ops(1);
        assert_eq!((machine.iman(0), machine.interrupts.len()), (IP | IE, 1));
        machine.run_us(1_000);
        machine.write(machine.op, 1 | INTE);
        assert_eq!(machine.interrupts.len(), 2);
        assert_eq!(machine.interrupts[1], (machine.now, 0));
    });
}

#[test] // req: INT-05, INT-03
fn enabling_late_tells_of_events_behind_a_cleared_ehb_too() {
    on_every_profile(|mut machine| {
        machine.write(machine.ir(0), 0);
        machine.write(machine.ir(0) + 4, 400);
        machine.no_ops(2);
        machine.ack(0);
        assert_eq!((machine.iman(0), machine.ehb(0)), (IP, false));
        machine.write(machine.ir(0), IE);
        let first = machine.now;
        machine.run_us(1_000);
        assert_eq!(machine.interrupts, [(first, 0), (first + Duration::from_micros(100), 0)]);
    });
}

#[test] // req: INT-14
fn a_driver_that_only_polls_goes_on_for_ever() {
    let mut machine = Machine::typical();
    machine.write(machine.ir(1) + 4, 4000);
    machine.storm(1, 1);
    let mut events = 0;
    while events < 100_000 {
        machine.run_us(200);
        events += machine.take_events(1, false).len();
        let ring = &machine.rings[1];
        machine.write64(machine.ir(1) + 0x18, ring.base + ring.at * 16);
    }
    assert_eq!((machine.iman(1), machine.ehb(1)), (IP, true), "set by the first event, and nobody cares");
    assert_eq!(machine.take_events(1, false), []);
}

#[test] // req: INT-24
fn hcrst_clears_interrupters_and_halting_does_not() {
    on_every_profile(|mut machine| {
        machine.write(machine.ir(0), 0);
        machine.no_ops(2);
        machine.write(machine.ir(0), IE);
        assert_eq!(machine.interrupts.len(), 1);
        machine.write(machine.op, 1);
        machine.ack(0);
        // IMODC runs, IP and EHB are set, IPE is set.
        machine.write(machine.ir(0) + 4, 65_535 << 16 | 77);
        let before = (machine.iman(0), machine.ehb(0));
        assert_eq!(before, (IP | IE, true));
        machine.write(machine.op, 0);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 1);
        assert_eq!((machine.iman(0), machine.ehb(0)), before);
        assert_eq!(machine.read(machine.ir(0) + 4) & 0xFFFF, 77);
        machine.write(machine.op, 2);
        machine.wait_ms(100, |machine| machine.read(machine.op) & 2 == 0);
        assert_eq!((machine.iman(0), machine.ehb(0)), (0, false));
        assert_eq!(machine.read(machine.ir(0) + 4), 4000, "IMODC 0");
        // Nothing is left of the event that was pending.
        machine.interrupts.clear();
        machine.bring_up();
        machine.run_us(20_000);
        assert_eq!((machine.iman(0), machine.interrupts.len()), (IE, 0));
    });
}

#[test] // req: INT-16
fn commands_and_ports_report_to_interrupter_0_alone() {
    on_every_profile_with_secondaries(|mut machine| {
        machine.write(machine.ir(1), IE);
        bulk(&mut machine, EndpointType::BULK_OUT);
        machine.write(machine.op, 1 | INTE | 1 << 10);
        machine.take_events(0, true);
        // MFINDEX wraps, a device is pulled, a command completes.
        machine.run(Duration::from_millis(2_048));
        machine.xhc.detach(machine.now, xhci_spec::PortId::new(1).unwrap());
        machine.no_ops(1);
        machine.run_us(1_000);
        let mut types: Vec<TrbType> = machine.take_events(0, true).iter().map(|trb| trb.trb_type()).collect();
        types.sort_by_key(|trb_type| trb_type.0);
        assert_eq!(
            types,
            [
                TrbType::COMMAND_COMPLETION_EVENT,
                TrbType::PORT_STATUS_CHANGE_EVENT,
                TrbType::MFINDEX_WRAP_EVENT
            ]
        );
        assert_eq!(machine.take_events(1, true), []);
        assert!(machine.interrupts.iter().all(|(_, vector)| *vector == 0));
    });
}

#[test] // req: INT-17, INT-27
fn each_trb_says_who_is_told() {
    // TRBs of one ring, one of them an Event Data TRB with a target of its own; twice, because a replay is exact.
    let run = || {
        let mut machine = Machine::typical();
        machine.event_ring(2, 64);
        machine.event_ring(3, 64);
        let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
        for target in [2, 1, 0] {
            ring.push(&mut machine.memory, normal(target));
        }
        let chained =
            transfer::normal(Gpa(BUFFERS), 8).with_chain(true).with_interrupter_target(InterrupterId(1));
        ring.push(&mut machine.memory, chained);
        let data = transfer::event_data(0x1122_3344_5566_7788).with_ioc(true);
        ring.push(&mut machine.memory, data.with_interrupter_target(InterrupterId(3)));
        machine.ring_doorbell(slot, ep);
        machine.run_us(1_000);
        let told: Vec<String> = [0, 1, 2, 3].map(|id| machine.transcript(id)).into();
        let rings = machine.memory.slice(0x1_0000, 0x5_0000).to_vec();
        (told.join("-\n"), rings)
    };
    let (told, rings) = run();
    expect_test::expect![[r#"
        Transfer Event: Success 0x122020 length 0 slot 1 ep 2
        -
        Transfer Event: Success 0x122010 length 0 slot 1 ep 2
        -
        Transfer Event: Success 0x122000 length 0 slot 1 ep 2
        -
        Transfer Event: Success 0x1122334455667788 length 8 slot 1 ep 2 ED
    "#]]
    .assert_eq(&told);
    assert_eq!(run(), (told, rings));
}

#[test] // req: INT-18
fn an_xrun_goes_where_the_slot_says() {
    on_every_profile_with_secondaries(|mut machine| {
        machine.event_ring(2, 64);
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let ep = dci(1, false);
        let context = machine.slot_context(slot).with_interrupter_target(InterrupterId(2));
        let control = xhci_spec::context::InputControlContext::new().adding_slot();
        machine.input(control, context, &[]);
        assert_eq!(
            machine.command_code(command::evaluate_context(Gpa(crate::support::INPUT), slot)),
            CompletionCode::SUCCESS
        );
        let mut control = xhci_spec::context::InputControlContext::new().adding_slot();
        control = control.adding(ep);
        let context = context.with_context_entries(31);
        machine.input(control, context, &[(ep, endpoint(slot, ep, EndpointType::ISOCH_OUT, 28, 0))]);
        assert_eq!(
            machine.command_code(command::configure_endpoint(Gpa(crate::support::INPUT), slot, false)),
            CompletionCode::SUCCESS
        );
        machine.ring_doorbell(slot, ep);
        machine.run_us(20_000);
        let events = machine.take_events(2, true);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].completion_code(), CompletionCode::RING_UNDERRUN);
        assert_eq!(machine.take_events(0, true), []);
        assert_eq!(machine.take_events(1, true), []);
    });
}

#[test] // req: INT-19
fn a_stopped_event_goes_where_its_trb_says_or_else_the_slot() {
    on_every_profile_with_secondaries(|mut machine| {
        let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_IN);
        let at = ring.push(&mut machine.memory, normal(1));
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        assert_eq!(machine.command_code(command::stop_endpoint(slot, ep, false)), CompletionCode::SUCCESS);
        let events = machine.take_events(1, true);
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].completion_code(), events[0].pointer()), (CompletionCode::STOPPED, at));
        // There is no TRB: the slot's target, which is 0.
        machine.gadget(1).answer(1, Answer::Data(vec![0; 8]));
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        assert_eq!(machine.take_events(1, true).len(), 1);
        machine.pending.clear();
        assert_eq!(machine.command_code(command::stop_endpoint(slot, ep, false)), CompletionCode::SUCCESS);
        let codes: Vec<CompletionCode> = machine.pending.iter().map(|trb| trb.completion_code()).collect();
        assert_eq!(codes, [CompletionCode::STOPPED_LENGTH_INVALID]);
        assert_eq!(machine.take_events(1, true), []);
    });
}

#[test] // req: INT-20
fn an_event_for_an_interrupter_that_does_not_exist_is_dropped_and_counted() {
    on_every_profile_with_secondaries(|mut machine| {
        let count = machine.read(4) >> 8 & 0x7FF;
        let last = u16::try_from(count - 1).unwrap();
        let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
        let targets = if count == 1024 { vec![last, 0] } else { vec![last + 1, 1023, last, 0] };
        for target in &targets {
            ring.push(&mut machine.memory, normal(*target));
        }
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        assert_eq!(machine.gadget(1).received.len(), targets.len(), "data moves all the same");
        let events = machine.take_events(0, true);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].completion_code(), CompletionCode::SUCCESS);
        let dropped = if count == 1024 { 0 } else { 2 };
        assert_eq!(machine.xhc.violations(Violation::BadInterrupterTarget), dropped);
    });
}

#[test] // req: INT-25
fn only_normal_isoch_and_event_data_trbs_have_a_bei() {
    // Each TRB with IOC and bit 9 set: events on ring 1, interrupts of it.
    let bei = |trb: Trb| trb.with_ioc(true).with_bei(true).with_interrupter_target(InterrupterId(1));
    let setup = transfer::setup_stage([0, 9, 0, 0, 0, 0, 0, 0], xhci_spec::trb::TransferType::NO_DATA);
    let isoch = transfer::isoch(Gpa(BUFFERS), 8, transfer::IsochStart::Asap);
    let cases: [(&str, EndpointType, Vec<Trb>); 7] = [
        ("normal", EndpointType::BULK_OUT, vec![bei(transfer::normal(Gpa(BUFFERS), 8))]),
        ("event data", EndpointType::BULK_OUT, vec![bei(transfer::event_data(1))]),
        ("no op", EndpointType::BULK_OUT, vec![bei(transfer::no_op())]),
        ("link", EndpointType::BULK_OUT, vec![bei(transfer::link(Gpa(BUFFERS + 0x1000), true))]),
        ("isoch", EndpointType::ISOCH_OUT, vec![bei(isoch)]),
        ("setup", EndpointType::CONTROL, vec![bei(setup)]),
        ("status", EndpointType::CONTROL, vec![setup, bei(transfer::status_stage(true))]),
    ];
    let mut table = String::new();
    for (name, kind, trbs) in cases {
        let mut machine = Machine::typical();
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let ep = if kind == EndpointType::CONTROL { Dci::EP0 } else { dci(1, false) };
        if kind != EndpointType::CONTROL {
            machine.configure(slot, &[(ep, endpoint(slot, ep, kind, 512, 0))]);
        }
        machine.write(machine.ir(1), IE);
        let mut ring = Producer::new(ring_base(slot, ep), 64);
        for trb in trbs {
            ring.push(&mut machine.memory, trb);
        }
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        let interrupts = machine.interrupts.iter().filter(|(_, vector)| *vector == 1).count();
        table += &format!("{name:10}: {} {interrupts}\n", machine.take_events(1, true).len());
    }
    expect_test::expect![[r#"
        normal    : 1 0
        event data: 1 0
        no op     : 1 1
        link      : 1 1
        isoch     : 1 0
        setup     : 1 1
        status    : 1 1
    "#]]
    .assert_eq(&table);
}

#[test] // req: INT-01, INT-25, INT-26, TRB-41
fn bei_holds_back_the_interrupt_that_ioc_asked_for_and_no_other() {
    // IOC ISP BEI, the device's answer: events, interrupts
    let mut table = String::new();
    let packet = |bytes| Answer::Data(vec![1; bytes]);
    let answers = [("full", packet(64)), ("short", packet(10)), ("stall", Answer::Stall)];
    for (ioc, isp, bei) in [(1, 0, 0), (1, 0, 1), (0, 1, 0), (0, 1, 1), (1, 1, 1), (0, 0, 0)] {
        for (name, answer) in &answers {
            let mut machine = Machine::new(Profile::default());
            let slot = machine.enumerate(1, Gadget::new(Speed::High));
            let ep = dci(1, true);
            machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_IN, 64, 0))]);
            machine.write(machine.ir(1), 2);
            machine.gadget(1).answer(1, answer.clone());
            let trb = transfer::normal(Gpa(BUFFERS), 64)
                .with_ioc(ioc == 1)
                .with_isp(isp == 1)
                .with_bei(bei == 1)
                .with_interrupter_target(InterrupterId(1));
            Producer::new(ring_base(slot, ep), 16).push(&mut machine.memory, trb);
            machine.ring_doorbell(slot, ep);
            machine.run_us(1_000);
            let interrupts = machine.interrupts.iter().filter(|(_, id)| *id == 1).count();
            let events = machine.take_events(1, true).len();
            table += &format!("{ioc} {isp} {bei} {name:5}: {events} {interrupts}\n");
        }
    }
    expect_test::expect![[r#"
        1 0 0 full : 1 1
        1 0 0 short: 1 1
        1 0 0 stall: 1 1
        1 0 1 full : 1 0
        1 0 1 short: 1 0
        1 0 1 stall: 1 1
        0 1 0 full : 0 0
        0 1 0 short: 1 1
        0 1 0 stall: 1 1
        0 1 1 full : 0 0
        0 1 1 short: 1 1
        0 1 1 stall: 1 1
        1 1 1 full : 1 0
        1 1 1 short: 1 0
        1 1 1 stall: 1 1
        0 0 0 full : 0 0
        0 0 0 short: 0 0
        0 0 0 stall: 1 1
    "#]]
    .assert_eq(&table);
}
