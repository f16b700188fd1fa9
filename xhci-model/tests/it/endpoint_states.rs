//! Endpoints: every command and the doorbell in every state (xHCI 4.8.3), and what the contexts show of it.

use crate::support::any_profile;
use crate::support::commands::{PORT, bulk_in};
use crate::support::gadget::{Answer, Gadget};
use crate::support::profiles::named_with_8_slots;
use crate::support::{BUFFERS, INPUT, Machine, Producer, dci, endpoint, on_every_profile, ring_base};
use expect_test::expect;
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::context::{EndpointState, EndpointType, InputControlContext, SlotContext};
use xhci_spec::trb::{TransferType, command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, SlotId, Trb, TrbType};

const STATES: [EndpointState; 5] = [
    EndpointState::DISABLED,
    EndpointState::RUNNING,
    EndpointState::HALTED,
    EndpointState::STOPPED,
    EndpointState::ERROR,
];

#[derive(Clone, Copy)]
enum Act {
    Doorbell,
    Command(fn(&mut Machine, SlotId) -> Trb),
}

fn configure(
    machine: &mut Machine,
    slot: SlotId,
    change: fn(InputControlContext) -> InputControlContext,
) -> Trb {
    let bulk = endpoint(slot, bulk_in(), EndpointType::BULK_IN, 512, 0);
    let control = change(InputControlContext::new().adding_slot());
    machine.input(control, SlotContext::new().with_context_entries(3), &[(bulk_in(), bulk)]);
    command::configure_endpoint(Gpa(INPUT), slot, false)
}

const ACTS: [(&str, Act); 10] = [
    ("doorbell", Act::Doorbell),
    ("Stop Endpoint", Act::Command(|_, slot| command::stop_endpoint(slot, bulk_in(), false))),
    ("Stop Endpoint, SP = 1", Act::Command(|_, slot| command::stop_endpoint(slot, bulk_in(), true))),
    ("Reset Endpoint", Act::Command(|_, slot| command::reset_endpoint(slot, bulk_in(), false))),
    ("Reset Endpoint, TSP = 1", Act::Command(|_, slot| command::reset_endpoint(slot, bulk_in(), true))),
    (
        "Set TR Dequeue Pointer",
        Act::Command(|_, slot| {
            command::set_tr_dequeue_pointer(slot, bulk_in(), Gpa(ring_base(slot, bulk_in()) + 0x100), true)
        }),
    ),
    ("drop", Act::Command(|machine, slot| configure(machine, slot, |control| control.dropping(bulk_in())))),
    ("add", Act::Command(|machine, slot| configure(machine, slot, |control| control.adding(bulk_in())))),
    (
        "drop and add",
        Act::Command(|machine, slot| {
            configure(machine, slot, |control| control.dropping(bulk_in()).adding(bulk_in()))
        }),
    ),
    ("Reset Device", Act::Command(|_, slot| command::reset_device(slot))),
];

/// Code and state afterwards, and whether the endpoint then works: a packet that waits in the device comes in.
fn outcome(profile: &Profile, state: EndpointState, act: Act) -> String {
    let mut machine = Machine::new(profile.clone());
    let (slot, mut ring) = machine.endpoint_in(state);
    let before = machine.output(slot);
    let code = match act {
        Act::Doorbell => {
            machine.ring_doorbell(slot, bulk_in());
            machine.run_us(1_000);
            "-".to_owned()
        }
        Act::Command(make) => {
            let trb = make(&mut machine, slot);
            let answer = machine.command(trb);
            if answer.code != CompletionCode::SUCCESS {
                assert_eq!(machine.output(slot), before, "a command that fails changes nothing");
            }
            answer.code.0.to_string()
        }
    };
    let after = machine.endpoint_context(slot, bulk_in()).ep_state();
    // DBS-08: only a Running or Stopped endpoint hears its doorbell.
    machine.gadget(PORT).asked.clear();
    let at = machine.endpoint_context(slot, bulk_in()).tr_dequeue_pointer();
    ring.at = (at.0 - ring.base) / 16;
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512));
    machine.ring_doorbell(slot, bulk_in());
    machine.run_us(1_000);
    let works = !machine.gadget(PORT).asked.is_empty();
    let expected = matches!(after, EndpointState::RUNNING | EndpointState::STOPPED);
    assert_eq!(works, expected, "{after}");
    format!("{code} {after}")
}

fn matrix(profile: &Profile) -> String {
    let mut text = format!("{:<25}", "");
    for state in STATES {
        text += &format!("{:<13}", state.to_string());
    }
    text = text.trim_end().to_owned() + "\n";
    for (name, act) in ACTS {
        let mut line = format!("{name:<25}");
        for state in STATES {
            line += &format!("{:<13}", outcome(profile, state, act));
        }
        text += &(line.trim_end().to_owned() + "\n");
    }
    text
}

#[test]
// req: EPS-01, EPS-03, EPS-04, EPS-05, EPS-06, EPS-07, EPS-08, EPS-12, DBS-08, DBS-09, CMD-26, CMD-38, CMD-41
// req: CMD-43, CMD-44, TRB-18, TRB-59
fn every_act_in_every_state() {
    let tolerant = expect![[r#"
                                 Disabled     Running      Halted       Stopped      Error
        doorbell                 - Disabled   - Running    - Halted     - Running    - Error
        Stop Endpoint            19 Disabled  1 Stopped    19 Halted    19 Stopped   19 Error
        Stop Endpoint, SP = 1    19 Disabled  1 Stopped    19 Halted    19 Stopped   19 Error
        Reset Endpoint           19 Disabled  19 Running   1 Stopped    19 Stopped   19 Error
        Reset Endpoint, TSP = 1  19 Disabled  19 Running   1 Stopped    19 Stopped   19 Error
        Set TR Dequeue Pointer   19 Disabled  19 Running   19 Halted    1 Stopped    1 Stopped
        drop                     1 Disabled   1 Disabled   1 Disabled   1 Disabled   1 Disabled
        add                      1 Running    1 Running    1 Running    1 Running    1 Running
        drop and add             1 Running    1 Running    1 Running    1 Running    1 Running
        Reset Device             1 Disabled   1 Disabled   1 Disabled   1 Disabled   1 Disabled
    "#]];
    let strict = expect![[r#"
                                 Disabled     Running      Halted       Stopped      Error
        doorbell                 - Disabled   - Running    - Halted     - Running    - Error
        Stop Endpoint            19 Disabled  1 Stopped    19 Halted    19 Stopped   19 Error
        Stop Endpoint, SP = 1    19 Disabled  1 Stopped    19 Halted    19 Stopped   19 Error
        Reset Endpoint           19 Disabled  19 Running   1 Stopped    19 Stopped   19 Error
        Reset Endpoint, TSP = 1  19 Disabled  19 Running   1 Stopped    19 Stopped   19 Error
        Set TR Dequeue Pointer   19 Disabled  19 Running   19 Halted    1 Stopped    1 Stopped
        drop                     1 Disabled   1 Disabled   1 Disabled   1 Disabled   1 Disabled
        add                      1 Running    17 Running   17 Halted    17 Stopped   17 Error
        drop and add             1 Running    1 Running    1 Running    1 Running    1 Running
        Reset Device             1 Disabled   1 Disabled   1 Disabled   1 Disabled   1 Disabled
    "#]];
    for (_, profile) in named_with_8_slots() {
        let expected = if profile.policy.strict { &strict } else { &tolerant };
        expected.assert_eq(&matrix(&profile));
    }
}

/// The state in the context at the time of each event (EPS-11), with the dequeue pointer.
#[test] // req: EPS-02, EPS-09, EPS-11, CTX-24, CMD-04
fn the_context_says_so_before_the_event() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(crate::support::commands::SlotIs::Configured);
        let other = dci(2, true);
        machine.configure(slot, &[(other, endpoint(slot, other, EndpointType::BULK_IN, 512, 0))]);
        let mut ring = Producer::new(ring_base(slot, bulk_in()), 16);
        let mut second = Producer::new(ring_base(slot, other), 16);
        machine.gadget(PORT).answer(1, Answer::Data(vec![1; 512]));
        machine.gadget(PORT).answer(1, Answer::Stall);
        for _ in 0..3 {
            ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512));
        }
        machine.take_events(0, true);
        machine.ring_doorbell(slot, bulk_in());
        while machine.peek(0).is_none() {
            let next = machine.xhc.poll_timeout().unwrap();
            machine.run(next - machine.now);
        }
        let context = machine.endpoint_context(slot, bulk_in());
        assert_eq!(context.ep_state(), EndpointState::HALTED);
        // The ring is not consumed past the TRB that failed.
        assert_eq!(context.tr_dequeue_pointer(), Gpa(ring_base(slot, bulk_in()) + 16));
        machine.run_us(500);
        assert_eq!(machine.transcript(0), "Transfer Event: Stall Error 0x123010 length 512 slot 1 ep 3\n");
        // The other endpoint does not mind.
        machine.gadget(PORT).answer(2, Answer::Data(vec![2; 512]));
        second.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_ioc(true));
        machine.ring_doorbell(slot, other);
        machine.run_us(500);
        assert_eq!(machine.transcript(0), "Transfer Event: Success 0x125000 length 0 slot 1 ep 5\n");
    });
}

#[test] // req: EPS-02, EPS-03, ISO-22
fn an_isochronous_endpoint_never_halts_but_errs() {
    let mut machine = Machine::new(any_profile());
    let slot = machine.enumerate(PORT, Gadget::new(Speed::High).isochronous(1));
    let isoch = bulk_in();
    machine.configure(slot, &[(isoch, endpoint(slot, isoch, EndpointType::ISOCH_IN, 512, 0))]);
    let mut ring = Producer::new(ring_base(slot, isoch), 16);
    for answer in [Answer::Stall, Answer::Silence, Answer::Data(vec![0; 513])] {
        machine.gadget(PORT).answer(1, answer);
        let trb = transfer::isoch(Gpa(BUFFERS), 512, transfer::IsochStart::Asap);
        ring.push(&mut machine.memory, trb);
    }
    ring.push(&mut machine.memory, Trb::of_type(TrbType(63)));
    machine.ring_doorbell(slot, isoch);
    let mut text = String::new();
    for _ in 0..40 {
        machine.run_us(100);
        for event in machine.take_events(0, true) {
            let state = machine.endpoint_context(slot, isoch).ep_state();
            text += &format!("{}: {state}\n", event.completion_code());
        }
    }
    expect![[r#"
        USB Transaction Error: Running
        USB Transaction Error: Running
        Babble Detected Error: Running
        TRB Error: Error
    "#]]
    .assert_eq(&text);
}

#[test] // req: CMD-38, CMD-39, CMD-40, EPS-04, TRB-17, XFR-09
fn reset_endpoint_keeps_or_resets_the_toggle() {
    for tsp in [false, true] {
        on_every_profile(|mut machine| {
            let slot = machine.slot_in(crate::support::commands::SlotIs::Configured);
            let mut ring = Producer::new(ring_base(slot, bulk_in()), 16);
            // One packet, so that DATA1 is next; then three errors halt the endpoint.
            machine.gadget(PORT).answer(1, Answer::Data(vec![1; 512]));
            (0..3).for_each(|_| machine.gadget(PORT).answer(1, Answer::Silence));
            ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 1024).with_ioc(true));
            machine.take_events(0, true);
            machine.ring_doorbell(slot, bulk_in());
            machine.run_us(2_000);
            let failed = "Transfer Event: USB Transaction Error 0x123000 length 512 slot 1 ep 3\n";
            assert_eq!(machine.transcript(0), failed);
            machine.poison_output(slot);
            let setups = machine.gadget(PORT).setups.len();
            let code = machine.command_code(command::reset_endpoint(slot, bulk_in(), tsp));
            assert_eq!(code, CompletionCode::SUCCESS);
            let shown = "ep 3  00000003 02000036 00123001 00000000 00000000 00000000 00000000 00000000
";
            assert_eq!(machine.written(slot), shown);
            // Nothing goes over the bus before the doorbell, and no CLEAR_FEATURE ever.
            let asked = machine.gadget(PORT).asked.len();
            machine.run_us(1_000);
            assert_eq!(machine.gadget(PORT).asked.len(), asked);
            machine.ring_doorbell(slot, bulk_in());
            machine.run_us(200);
            let expected = if tsp { [(1, 1)] } else { [(1, 0)] };
            assert_eq!(machine.gadget(PORT).tokens[asked..asked + 1], expected, "TSP = {tsp}");
            assert_eq!(machine.gadget(PORT).setups.len(), setups);
            assert_eq!(machine.endpoint_context(slot, bulk_in()).ep_state(), EndpointState::RUNNING);
            if tsp {
                // A soft retry: the TD goes on at the byte that failed.
                machine.gadget(PORT).answer(1, Answer::Data(vec![2; 512]));
                machine.run_us(500);
                assert_eq!(machine.transcript(0), "Transfer Event: Success 0x123000 length 0 slot 1 ep 3\n");
                assert_eq!(machine.memory.get::<2>(BUFFERS + 511), [1, 2]);
            }
        });
    }
}

#[test] // req: EPS-10, XFR-32, CMD-38, CMD-44
fn the_default_endpoint_after_a_stall() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(crate::support::commands::SlotIs::Addressed);
        let mut ring = Producer::new(ring_base(slot, Dci::EP0), 32);
        let mut transfer = |machine: &mut Machine| {
            let setup = transfer::setup_stage([0x80, 6, 0, 1, 0, 0, 8, 0], TransferType::IN);
            ring.push(&mut machine.memory, setup);
            ring.push(&mut machine.memory, transfer::data_stage(Gpa(BUFFERS), 8, true));
            ring.push(&mut machine.memory, transfer::status_stage(false).with_ioc(true));
            machine.ring_doorbell(slot, Dci::EP0);
            machine.run_us(2_000);
            let next = Gpa(ring.base + ring.at * 16);
            (machine.transcript(0), next)
        };
        machine.gadget(PORT).answer(0, Answer::Stall);
        let (text, next) = transfer(&mut machine);
        assert_eq!(text, "Transfer Event: Stall Error 0x121010 length 8 slot 1 ep 1\n");
        let reset = command::reset_endpoint(slot, Dci::EP0, false);
        assert_eq!(machine.command_code(reset), CompletionCode::SUCCESS);
        let dequeue = command::set_tr_dequeue_pointer(slot, Dci::EP0, next, true);
        assert_eq!(machine.command_code(dequeue), CompletionCode::SUCCESS);
        machine.gadget(PORT).answer(0, Answer::Data(vec![7; 8]));
        let (text, _) = transfer(&mut machine);
        assert_eq!(text, "Transfer Event: Success 0x121050 length 0 slot 1 ep 1\n");
        assert_eq!(machine.memory.get::<8>(BUFFERS), [7; 8]);
    });
}

#[test] // req: TRB-19, CMD-44, CTX-12, EPS-05
fn the_dequeue_pointer_goes_where_it_is_sent_with_its_cycle_state() {
    for state in [EndpointState::STOPPED, EndpointState::ERROR] {
        for dcs in [true, false] {
            on_every_profile(|mut machine| {
                let (slot, _) = machine.endpoint_in(state);
                // Two rings lie there, one of each cycle state.
                let at = ring_base(slot, bulk_in()) + 0x800;
                for (index, cycle) in [dcs, !dcs].into_iter().enumerate() {
                    let trb = transfer::normal(Gpa(BUFFERS), 512).with_ioc(true).with_cycle(cycle);
                    machine.memory.put(at + index as u64 * 16, &trb.to_bytes());
                }
                machine.poison_output(slot);
                let trb = command::set_tr_dequeue_pointer(slot, bulk_in(), Gpa(at), dcs);
                assert_eq!(machine.command_code(trb), CompletionCode::SUCCESS);
                let written = format!(
                    "ep 3  00000003 02000036 {:08x} 00000000 00000000 00000000 00000000 00000000\n",
                    at | u64::from(dcs)
                );
                assert_eq!(machine.written(slot), written, "{state}");
                machine.run_us(1_000);
                let asked = machine.gadget(PORT).asked.len();
                (0..2).for_each(|_| machine.gadget(PORT).answer(1, Answer::Data(vec![1; 512])));
                machine.take_events(0, true);
                machine.ring_doorbell(slot, bulk_in());
                machine.run_us(1_000);
                // The second TRB is software's.
                assert_eq!(machine.gadget(PORT).asked.len(), asked + 1);
                let done = format!("Transfer Event: Success {at:#x} length 0 slot 1 ep 3\n");
                assert_eq!(machine.transcript(0), done);
            });
        }
    }
}

#[test] // req: CMD-45, TRB-19, CMD-02
fn a_stream_of_an_endpoint_without_streams_is_a_trb_error() {
    on_every_profile(|mut machine| {
        let (slot, _) = machine.endpoint_in(EndpointState::STOPPED);
        let before = machine.output(slot);
        let trb = command::set_tr_dequeue_pointer(slot, bulk_in(), Gpa(0x30_0000), true).with_stream_id(1);
        assert_eq!(machine.command_code(trb), CompletionCode::TRB_ERROR);
        assert_eq!(machine.output(slot), before);
    });
}

/// CMD-44: the bytes that were moved before do not count in what is executed next.
#[test] // req: CMD-44, RNG-20, RNG-21
fn a_new_dequeue_pointer_forgets_the_td_before() {
    let mut machine = Machine::new(any_profile());
    let slot = machine.slot_in(crate::support::commands::SlotIs::Configured);
    let mut ring = Producer::new(ring_base(slot, bulk_in()), 16);
    machine.gadget(PORT).answer(1, Answer::Data(vec![1; 512]));
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 1024).with_chain(true));
    ring.push(&mut machine.memory, transfer::event_data(1).with_ioc(true));
    machine.ring_doorbell(slot, bulk_in());
    machine.run_us(500);
    assert_eq!(machine.command_code(command::stop_endpoint(slot, bulk_in(), false)), CompletionCode::SUCCESS);
    machine.take_events(0, true);
    let next = ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_chain(true));
    ring.push(&mut machine.memory, transfer::event_data(2).with_ioc(true));
    let trb = command::set_tr_dequeue_pointer(slot, bulk_in(), next, true);
    assert_eq!(machine.command_code(trb), CompletionCode::SUCCESS);
    machine.gadget(PORT).answer(1, Answer::Data(vec![2; 512]));
    machine.ring_doorbell(slot, bulk_in());
    machine.run_us(500);
    assert_eq!(machine.transcript(0), "Transfer Event: Success 0x2 length 512 slot 1 ep 3 ED\n");
}

/// A deadline of an endpoint that was dropped is not one of the endpoint that takes its place.
#[test] // req: CMD-26, SEC-15, DBS-04
fn a_new_endpoint_waits_for_its_doorbell() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(crate::support::commands::SlotIs::Addressed);
        let interrupt = bulk_in();
        // Every 32 ms.
        let context = endpoint(slot, interrupt, EndpointType::INTERRUPT_IN, 64, 8);
        machine.configure(slot, &[(interrupt, context)]);
        let mut ring = Producer::new(ring_base(slot, interrupt), 16);
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 64));
        machine.ring_doorbell(slot, interrupt);
        machine.run_us(100);
        let control = InputControlContext::new().adding_slot().dropping(interrupt).adding(interrupt);
        machine.input(control, SlotContext::new().with_context_entries(3), &[(interrupt, context)]);
        let code = machine.command_code(command::configure_endpoint(Gpa(INPUT), slot, false));
        assert_eq!(code, CompletionCode::SUCCESS);
        let asked = machine.gadget(PORT).asked.len();
        machine.run_us(200_000);
        assert_eq!(machine.gadget(PORT).asked.len(), asked);
        machine.ring_doorbell(slot, interrupt);
        machine.run_us(200_000);
        assert!(machine.gadget(PORT).asked.len() > asked);
    });
}

#[test] // req: CTX-28, DBS-03
fn each_index_has_its_endpoint() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(crate::support::commands::SlotIs::Addressed);
        let (out, input) = (dci(1, false), dci(1, true));
        machine.configure(
            slot,
            &[
                (out, endpoint(slot, out, EndpointType::BULK_OUT, 512, 0)),
                (input, endpoint(slot, input, EndpointType::BULK_IN, 512, 0)),
            ],
        );
        machine.gadget(PORT).answer(1, Answer::Data(vec![1; 3]));
        for index in [2, 3] {
            let dci = Dci::new(index).unwrap();
            let trb = transfer::normal(Gpa(BUFFERS), 3).with_ioc(true);
            Producer::new(ring_base(slot, dci), 16).push(&mut machine.memory, trb);
        }
        let setup = transfer::setup_stage([0, 9, 1, 0, 0, 0, 0, 0], TransferType::NO_DATA).with_ioc(true);
        Producer::new(ring_base(slot, Dci::EP0), 16).push(&mut machine.memory, setup);
        machine.take_events(0, true);
        for (target, expected) in [
            (1, "Transfer Event: Success 0x121000 length 0 slot 1 ep 1\n"),
            (2, "Transfer Event: Success 0x122000 length 0 slot 1 ep 2\n"),
            (3, "Transfer Event: Success 0x123000 length 0 slot 1 ep 3\n"),
        ] {
            machine.write(machine.doorbells + 4, target);
            machine.run_us(500);
            assert_eq!(machine.transcript(0), expected);
        }
    });
}

/// The interrupter of a TRB's own events does not matter to a command.
#[test] // req: XFR-20, CMD-41, TRB-67
fn stop_endpoint_tells_the_interrupter_of_the_trb() {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.slot_in(crate::support::commands::SlotIs::Configured);
    let mut ring = Producer::new(ring_base(slot, bulk_in()), 16);
    let trb = transfer::no_op().with_interrupter_target(InterrupterId(1));
    ring.push(&mut machine.memory, trb);
    machine.command_code(command::stop_endpoint(slot, bulk_in(), false));
    assert_eq!(machine.pending, []);
    let stopped = "Transfer Event: Stopped - Length Invalid 0x123000 length 0 slot 1 ep 3\n";
    assert_eq!(machine.transcript(1), stopped);
}
