//! Whose events an interrupter gets (xHCI 4.17.1, 4.10.4).

use crate::support::gadget::{Answer, Gadget};
use crate::support::interrupts::{IE, INTE, bulk, normal, on_every_profile_with_secondaries};
use crate::support::{BUFFERS, INPUT, Machine, dci, endpoint};
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Profile, Violation};
use xhci_spec::context::{EndpointType, InputControlContext};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Gpa, InterrupterId, PortId, TrbType};
#[test] // req: INT-16
fn commands_and_ports_report_to_interrupter_0_alone() {
    on_every_profile_with_secondaries(|mut machine| {
        machine.write(machine.ir(1), IE);
        bulk(&mut machine, EndpointType::BULK_OUT);
        machine.write(machine.op, 1 | INTE | 1 << 10);
        machine.take_events(0, true);
        // MFINDEX wraps, a device is pulled, a command completes.
        machine.run(Duration::from_millis(2_048));
        machine.xhc.detach(machine.now, PortId::new(1).unwrap());
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
        machine.target_slot(slot, 2);
        let context = machine.slot_context(slot);
        let mut control = InputControlContext::new().adding_slot();
        control = control.adding(ep);
        let context = context.with_context_entries(31);
        machine.input(control, context, &[(ep, endpoint(slot, ep, EndpointType::ISOCH_OUT, 28, 0))]);
        assert_eq!(
            machine.command_code(command::configure_endpoint(Gpa(INPUT), slot, false)),
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

#[test] // req: INT-18
fn a_bandwidth_request_goes_where_the_slot_says() {
    let mut machine = Machine::new(Profile { bandwidth_negotiation: true, ..Profile::default() });
    let asking = machine.enumerate(1, Gadget::new(Speed::High));
    let asked = machine.enumerate(2, Gadget::new(Speed::High));
    let ep = dci(1, true);
    machine.configure(asked, &[(ep, endpoint(asked, ep, EndpointType::INTERRUPT_IN, 8, 3))]);
    machine.target_slot(asked, 1);
    machine.pending.clear();
    let code = machine.command_code(command::negotiate_bandwidth(asking));
    assert_eq!((code, machine.pending.len()), (CompletionCode::SUCCESS, 0));
    assert_eq!(machine.transcript(1), "Bandwidth Request Event: Success slot 2\n");
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
