//! Device slots: every command in every state, what it changes, and what stays behind (xHCI 4.5.3).

use crate::support::bench::Bench;
use crate::support::commands::{PORT, SlotIs, bulk_in};
use crate::support::gadget::{Answer, Gadget};
use crate::support::profiles::named_with_8_slots;
use crate::support::{
    BUFFERS, CONTEXTS, INPUT, Machine, Producer, dci, endpoint, on_every_profile, ring_base,
};
use crate::support::{any_profile, on_profiles};
use expect_test::expect;
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Policy, Profile};
use xhci_spec::context::{
    EndpointContext, EndpointState, EndpointType, InputControlContext, SlotContext, SlotState,
};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, PortId, Psiv, SlotId, Trb};

/// A command for slot 1 with the input context that it needs.
type Make = fn(&mut Machine) -> Trb;

fn one() -> SlotId {
    SlotId::new(1).unwrap()
}

fn address(machine: &mut Machine, bsr: bool) -> Trb {
    let (control, context, ep0) = machine.address_input(one(), Psiv::HIGH);
    machine.input(control, context, &[(Dci::EP0, ep0)]);
    command::address_device(Gpa(INPUT), one(), bsr)
}

fn configure(machine: &mut Machine, control: InputControlContext) -> Trb {
    let bulk = endpoint(one(), bulk_in(), EndpointType::BULK_IN, 512, 0);
    machine.input(control, SlotContext::new().with_context_entries(3), &[(bulk_in(), bulk)]);
    command::configure_endpoint(Gpa(INPUT), one(), false)
}

const COMMANDS: [(&str, Make); 13] = [
    ("Disable Slot", |_| command::disable_slot(one())),
    ("Address Device, BSR = 1", |machine| address(machine, true)),
    ("Address Device, BSR = 0", |machine| address(machine, false)),
    ("Configure Endpoint, A0", |machine| configure(machine, InputControlContext::new().adding_slot())),
    ("Configure Endpoint, drop and add", |machine| {
        configure(machine, InputControlContext::new().adding_slot().dropping(bulk_in()).adding(bulk_in()))
    }),
    ("Configure Endpoint, drop", |machine| {
        configure(machine, InputControlContext::new().adding_slot().dropping(bulk_in()))
    }),
    ("Configure Endpoint, DC = 1", |_| command::configure_endpoint(Gpa(0), one(), true)),
    ("Evaluate Context", |machine| {
        let (control, context, ep0) = machine.address_input(one(), Psiv::HIGH);
        machine.input(control, context, &[(Dci::EP0, ep0)]);
        command::evaluate_context(Gpa(INPUT), one())
    }),
    ("Reset Endpoint 0", |_| command::reset_endpoint(one(), Dci::EP0, false)),
    ("Stop Endpoint 0", |_| command::stop_endpoint(one(), Dci::EP0, false)),
    ("Set TR Dequeue Pointer 0", |_| {
        command::set_tr_dequeue_pointer(one(), Dci::EP0, Gpa(ring_base(one(), Dci::EP0)), true)
    }),
    ("Reset Device", |_| command::reset_device(one())),
    ("Get Port Bandwidth of a hub", |_| command::get_port_bandwidth(Gpa(0xB_0000), Some(one()), Psiv::FULL)),
];

/// Code and state afterwards; a failing command must change neither a state nor a byte of memory.
fn outcome(profile: &Profile, state: SlotIs, make: Make) -> String {
    let mut machine = Machine::new(profile.clone());
    let slot = machine.slot_in(state);
    assert_eq!(machine.slot_state(slot), state);
    let setups = machine.gadget(PORT).setups.len();
    let trb = make(&mut machine);
    let before = machine.output(slot);
    machine.poison_output(slot);
    machine.memory.put(0xB_0000, &[0x5A; 0x1000]);
    let answer = machine.command(trb);
    assert_eq!(answer.slot, Some(slot));
    let written = machine.written(slot);
    if answer.code != CompletionCode::SUCCESS {
        assert_eq!(written, "", "a command that fails writes nothing");
        assert_eq!(machine.memory.slice(0xB_0000, 0x1000), [0x5A; 0x1000]);
        assert_eq!(machine.gadget(PORT).setups.len(), setups);
    }
    if !written.starts_with("slot") {
        // The slot context is as it was: give it back, so that the state can be read.
        let at = CONTEXTS + u64::from(slot.get()) * 0x1000;
        machine.memory.put(at, &before[..32]);
    }
    let after = machine.slot_state(slot);
    if answer.code != CompletionCode::SUCCESS {
        assert_eq!(after, state);
    }
    format!("{} {after:?}", answer.code.0)
}

#[test]
// req: SLT-01, SLT-02, SLT-03, SLT-04, SLT-05, SLT-09, CMD-03, CMD-05, CMD-13, CMD-15, CMD-24, CMD-32, CMD-33
// req: CMD-35, CMD-46, TRB-13, TRB-41, TRB-51, TRB-59
fn every_command_in_every_state() {
    let table = expect![[r#"
                                          Disabled      Enabled       Default       Addressed     Configured
        Disable Slot                      11 Disabled   1 Disabled    1 Disabled    1 Disabled    1 Disabled
        Address Device, BSR = 1           11 Disabled   1 Default     19 Default    19 Addressed  19 Configured
        Address Device, BSR = 0           11 Disabled   1 Addressed   1 Addressed   19 Addressed  19 Configured
        Configure Endpoint, A0            11 Disabled   19 Enabled    19 Default    1 Addressed   1 Configured
        Configure Endpoint, drop and add  11 Disabled   19 Enabled    19 Default    1 Configured  1 Configured
        Configure Endpoint, drop          11 Disabled   19 Enabled    19 Default    1 Addressed   1 Addressed
        Configure Endpoint, DC = 1        11 Disabled   19 Enabled    19 Default    1 Addressed   1 Addressed
        Evaluate Context                  11 Disabled   19 Enabled    1 Default     1 Addressed   1 Configured
        Reset Endpoint 0                  11 Disabled   19 Enabled    19 Default    19 Addressed  19 Configured
        Stop Endpoint 0                   11 Disabled   19 Enabled    1 Default     1 Addressed   1 Configured
        Set TR Dequeue Pointer 0          11 Disabled   19 Enabled    19 Default    19 Addressed  19 Configured
        Reset Device                      11 Disabled   19 Enabled    19 Default    1 Default     1 Default
        Get Port Bandwidth of a hub       11 Disabled   17 Enabled    17 Default    17 Addressed  17 Configured
    "#]];
    for (_, profile) in named_with_8_slots() {
        let mut text = format!("{:<34}", "");
        for state in SlotIs::ALL {
            text += &format!("{:<14}", format!("{state:?}"));
        }
        text = text.trim_end().to_owned() + "\n";
        for (name, make) in COMMANDS {
            let mut line = format!("{name:<34}");
            for state in SlotIs::ALL {
                line += &format!("{:<14}", outcome(&profile, state, make));
            }
            text += &(line.trim_end().to_owned() + "\n");
        }
        table.assert_eq(&text);
    }
}

/// The matrix shows the commands of endpoints for a default endpoint that is Running, which refuses two of them.
#[test] // req: SLT-03, SLT-04, SLT-05
fn endpoint_commands_are_taken_in_each_state_that_has_an_endpoint() {
    for (name, profile) in named_with_8_slots() {
        for state in [SlotIs::Default, SlotIs::Addressed, SlotIs::Configured] {
            let mut machine = Machine::new(profile.clone());
            let slot = machine.slot_in(state);
            let base = Gpa(ring_base(slot, Dci::EP0));
            let stop = command::stop_endpoint(slot, Dci::EP0, false);
            let dequeue = command::set_tr_dequeue_pointer(slot, Dci::EP0, base, true);
            let done = [stop, dequeue].map(|trb| machine.command_code(trb));
            assert_eq!(done, [CompletionCode::SUCCESS; 2], "{name} {state:?}");
            machine.gadget(PORT).answer(0, Answer::Stall);
            let mut ring = Producer::new(base.0, 16);
            let setup = transfer::setup_stage([0x80, 6, 0, 1, 0, 0, 8, 0], xhci_spec::trb::TransferType::IN);
            ring.push(&mut machine.memory, setup);
            ring.push(&mut machine.memory, transfer::data_stage(Gpa(BUFFERS), 8, true));
            machine.ring_doorbell(slot, Dci::EP0);
            machine.run_us(2_000);
            assert_eq!(machine.endpoint_context(slot, Dci::EP0).ep_state(), EndpointState::HALTED);
            let reset = command::reset_endpoint(slot, Dci::EP0, false);
            let done = [reset, dequeue].map(|trb| machine.command_code(trb));
            assert_eq!(done, [CompletionCode::SUCCESS; 2], "{name} {state:?}");
            assert_eq!(machine.slot_state(slot), state, "{name}");
        }
    }
}

#[test] // req: CMD-10, CMD-11, TRB-12, TRB-49, SLT-06, OPR-42, OPR-44
fn the_lowest_free_slot_is_enabled() {
    on_every_profile(|mut machine| {
        let slots = machine.read(4) & 0xFF;
        let enabled = slots.min(16);
        let codes = |machine: &mut Machine, slot_type| {
            let answer = machine.command(command::enable_slot(slot_type));
            (answer.code, answer.slot.map_or(0, SlotId::get))
        };
        assert_eq!(codes(&mut machine, 31), (CompletionCode::NO_SLOTS_AVAILABLE, 0));
        assert_eq!(codes(&mut machine, 1), (CompletionCode::NO_SLOTS_AVAILABLE, 0));
        for number in 1..=enabled as u8 {
            assert_eq!(codes(&mut machine, 0), (CompletionCode::SUCCESS, number));
        }
        assert_eq!(codes(&mut machine, 0), (CompletionCode::NO_SLOTS_AVAILABLE, 0));
        // One in the middle is given back, and found again.
        let middle = SlotId::new(enabled as u8 / 2).unwrap();
        assert_eq!(machine.command_code(command::disable_slot(middle)), CompletionCode::SUCCESS);
        assert_eq!(machine.command_code(command::disable_slot(middle)), CompletionCode::SLOT_NOT_ENABLED);
        assert_eq!(codes(&mut machine, 0), (CompletionCode::SUCCESS, middle.get()));
        assert_eq!(codes(&mut machine, 0), (CompletionCode::NO_SLOTS_AVAILABLE, 0));
    });
}

#[test] // req: CMD-02, TRB-51, OPR-42
fn a_slot_beyond_max_slots_en_is_not_enabled() {
    let mut machine = Machine::new(Profile::default());
    for _ in 0..3 {
        machine.command(command::enable_slot(0));
    }
    machine.write(machine.op, 0);
    machine.run_us(1_000);
    machine.write(machine.op + 0x38, 2);
    machine.write(machine.op, 1);
    machine.run_us(1_000);
    let codes = [1, 2, 3].map(|number| {
        let trb = command::evaluate_context(Gpa(INPUT), SlotId::new(number).unwrap());
        machine.command_code(trb)
    });
    use CompletionCode as C;
    assert_eq!(codes, [C::CONTEXT_STATE_ERROR, C::CONTEXT_STATE_ERROR, C::SLOT_NOT_ENABLED]);
}

#[test] // req: CMD-12, CMD-08, CTX-02, SEC-10
fn enable_slot_and_no_op_touch_no_context() {
    on_every_profile(|mut machine| {
        machine.memory.take_accesses();
        machine.command(command::no_op());
        machine.command(command::enable_slot(0));
        let elsewhere: Vec<_> = machine
            .memory
            .take_accesses()
            .into_iter()
            // The command ring, the event ring and its table.
            .filter(|access| {
                !(0x2000..0x3000).contains(&access.at) && !(0x1_0000..0x2_0000).contains(&access.at)
            })
            .collect();
        assert_eq!(elsewhere, []);
        // The doorbell of an Enabled slot does nothing.
        machine.memory.take_accesses();
        machine.ring_doorbell(one(), Dci::EP0);
        machine.run_us(1_000);
        assert_eq!(machine.memory.take_accesses(), []);
    });
}

/// The driver frees everything that belongs to a slot as soon as it sees the completion.
#[test] // req: CMD-13, CMD-14, EPS-07, CTX-23, SLT-06
fn a_disabled_slot_touches_no_memory() {
    for (name, profile) in named_with_8_slots() {
        let shown = profile.policy.disabled_slot_shown;
        let mut machine = Machine::new(Profile { ist_microframes: 1, ..profile });
        let slot = machine.slot_in(SlotIs::Configured);
        let (bulk, interrupt, isoch) = (bulk_in(), dci(2, true), dci(3, false));
        machine.configure(
            slot,
            &[
                (interrupt, endpoint(slot, interrupt, EndpointType::INTERRUPT_IN, 64, 0)),
                (isoch, endpoint(slot, isoch, EndpointType::ISOCH_OUT, 100, 0)),
            ],
        );
        // All of them busy, with data under way.
        for _ in 0..2_000 {
            machine.gadget(PORT).answer(1, Answer::Data(vec![1; 512]));
            machine.gadget(PORT).answer(2, Answer::Nak);
        }
        for (dci, trb) in [
            (bulk, transfer::normal(Gpa(BUFFERS), 65_536)),
            (interrupt, transfer::normal(Gpa(BUFFERS), 64)),
            (isoch, transfer::isoch(Gpa(BUFFERS), 100, transfer::IsochStart::Asap)),
        ] {
            let mut ring = Producer::new(ring_base(slot, dci), 64);
            for _ in 0..40 {
                ring.push(&mut machine.memory, trb.with_ioc(true));
            }
            machine.ring_doorbell(slot, dci);
        }
        machine.run_us(1_003);
        machine.take_events(0, true);
        machine.poison_output(slot);
        // Long forgotten by the driver; the controller has its own copy.
        machine.set_output(slot, 0);
        let moved = machine.gadget(PORT).asked.len();
        assert!(moved > 10, "{name}: busy");
        assert_eq!(machine.command_code(command::disable_slot(slot)), CompletionCode::SUCCESS);
        machine.pending.clear();
        if shown {
            let written = machine.written(slot);
            let names: Vec<_> = written.lines().map(|line| line[..5].trim().to_owned()).collect();
            assert_eq!(names, ["slot", "ep 1", "ep 3", "ep 5", "ep 6"], "{name}");
            assert_eq!(machine.slot_context(slot).slot_state(), SlotState::DISABLED_ENABLED);
            for dci in [Dci::EP0, bulk, interrupt, isoch] {
                let context = machine.endpoint_context(slot, dci);
                assert_eq!(context.ep_state(), EndpointState::DISABLED);
                assert_ne!(context.ep_type(), EndpointType::NOT_VALID, "the rest stays");
            }
        } else {
            assert_eq!(machine.written(slot), "", "{name}");
        }
        let asked = machine.gadget(PORT).asked.len();
        let received = machine.gadget(PORT).received.len();
        machine.memory.unmap(CONTEXTS..CONTEXTS + 0x1_0000);
        machine.memory.unmap(BUFFERS..BUFFERS + 0x1_0000);
        machine.memory.unmap(ring_base(slot, Dci::EP0)..ring_base(slot, Dci::EP0) + 0x1_F000);
        for dci in [Dci::EP0, bulk, interrupt, isoch] {
            machine.ring_doorbell(slot, dci);
        }
        machine.run(Duration::from_millis(50));
        assert_eq!(machine.read(machine.op + 4) & 4, 0, "{name}: no host system error");
        assert_eq!(machine.transcript(0), "", "{name}: no event");
        assert_eq!(machine.gadget(PORT).asked.len(), asked, "{name}: no transaction");
        assert_eq!(machine.gadget(PORT).received.len(), received, "{name}");
    }
}

#[test] // req: SLT-06, CTX-01, CMD-20, XFR-06
fn a_slot_comes_back_clean_and_with_a_new_context() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Configured);
        // An odd number of packets leaves the toggle at 1, and a TD half done.
        machine.gadget(PORT).answer(1, Answer::Data(vec![1; 512]));
        let mut ring = Producer::new(ring_base(slot, bulk_in()), 16);
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 1024).with_ioc(true));
        machine.ring_doorbell(slot, bulk_in());
        machine.run_us(1_000);
        assert_eq!(machine.command_code(command::disable_slot(slot)), CompletionCode::SUCCESS);

        // The same slot again, with its contexts elsewhere and its device reset.
        assert_eq!(machine.command(command::enable_slot(0)).slot, Some(slot));
        machine.write_portsc(PORT, 0x200 | 0x10);
        machine.wait_ms(100, |machine| machine.portsc(PORT) & 2 != 0);
        let old = machine.output(slot);
        let elsewhere = CONTEXTS + 0x8000;
        machine.set_output(slot, elsewhere);
        let (control, context, ep0) = machine.address_input(slot, Psiv::HIGH);
        machine.input(control, context, &[(Dci::EP0, ep0)]);
        let code = machine.command_code(command::address_device(Gpa(INPUT), slot, false));
        assert_eq!(code, CompletionCode::SUCCESS);
        let bulk = endpoint(slot, bulk_in(), EndpointType::BULK_IN, 512, 0);
        assert_eq!(machine.configure(slot, &[(bulk_in(), bulk)]), CompletionCode::SUCCESS);
        assert_eq!(machine.output(slot), old, "the old context is not touched");
        let context = SlotContext::from_bytes(machine.memory.get(elsewhere));
        assert_eq!((context.slot_state(), context.usb_device_address()), (SlotState::CONFIGURED, 1));
        // DATA0 is what the endpoint expects, and the TD is a new one.
        machine.pending.clear();
        machine.take_events(0, true);
        machine.gadget(PORT).answer(1, Answer::Data(vec![2; 512]));
        machine.gadget(PORT).answer(1, Answer::Data(vec![3; 512]));
        machine.ring_doorbell(slot, bulk_in());
        machine.run_us(1_000);
        assert_eq!(machine.transcript(0), "Transfer Event: Success 0x123000 length 0 slot 1 ep 3\n");
        assert_eq!(machine.memory.get::<2>(BUFFERS + 511), [2, 3]);
    });
}

#[test] // req: SLT-07, CMD-07
fn unplugging_changes_no_state() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Configured);
        machine.xhc.detach(machine.now, PortId::new(PORT).unwrap());
        machine.run_us(1_000);
        machine.take_events(0, true);
        assert_eq!(machine.slot_state(slot), SlotIs::Configured);
        let mut ring = Producer::new(ring_base(slot, bulk_in()), 16);
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512));
        machine.ring_doorbell(slot, bulk_in());
        machine.run_us(2_000);
        let error = "Transfer Event: USB Transaction Error 0x123000 length 512 slot 1 ep 3\n";
        assert_eq!(machine.transcript(0), error);
        use CompletionCode as C;
        let dequeue = command::set_tr_dequeue_pointer(slot, bulk_in(), Gpa(ring_base(slot, bulk_in())), true);
        for (trb, code) in [
            (command::reset_endpoint(slot, bulk_in(), false), C::SUCCESS),
            (dequeue, C::SUCCESS),
            (command::stop_endpoint(slot, Dci::EP0, false), C::SUCCESS),
            (command::reset_device(slot), C::SUCCESS),
            (address(&mut machine, false), C::USB_TRANSACTION_ERROR),
            (command::disable_slot(slot), C::SUCCESS),
        ] {
            assert_eq!(machine.command_code(trb), code, "{trb:?}");
        }
    });
}

#[test] // req: SLT-07
fn a_port_reset_changes_no_state_and_the_device_answers_no_more() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Configured);
        machine.write_portsc(PORT, 0x200 | 0x10);
        machine.wait_ms(100, |machine| machine.portsc(PORT) & 0x12 == 2);
        machine.take_events(0, true);
        assert_eq!(machine.slot_state(slot), SlotIs::Configured);
        let context = machine.endpoint_context(slot, bulk_in());
        assert_eq!(context.ep_state(), EndpointState::RUNNING);
        // The device is at address 0, which is not where the slot has it.
        let mut ring = Producer::new(ring_base(slot, bulk_in()), 16);
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512));
        machine.ring_doorbell(slot, bulk_in());
        machine.run_us(2_000);
        let error = "Transfer Event: USB Transaction Error 0x123000 length 512 slot 1 ep 3\n";
        assert_eq!(machine.transcript(0), error);
        assert_eq!(machine.command_code(command::reset_device(slot)), CompletionCode::SUCCESS);
        let set_address = address(&mut machine, false);
        assert_eq!(machine.command_code(set_address), CompletionCode::SUCCESS);
        assert_eq!(machine.slot_state(slot), SlotIs::Addressed);
    });
}

#[test] // req: SLT-08, OPR-14
fn a_halt_keeps_the_slots_and_a_reset_takes_them() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Configured);
        machine.write(machine.op, 0);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 != 0);
        machine.write(machine.op, 1);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 0);
        assert_eq!(machine.slot_state(slot), SlotIs::Configured);
        machine.write(machine.op, 0);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 != 0);
        machine.write(machine.op, 2);
        machine.wait_ms(100, |machine| machine.read(machine.op) & 2 == 0);
        machine.command = Producer::new(crate::support::COMMAND_RING, 64);
        machine.memory.put(crate::support::COMMAND_RING, &[0; 0x400]);
        machine.bring_up();
        let evaluate = command::evaluate_context(Gpa(INPUT), slot);
        assert_eq!(machine.command_code(evaluate), CompletionCode::SLOT_NOT_ENABLED);
        assert_eq!(machine.command(command::enable_slot(0)).slot, Some(slot));
    });
}

/// What Reset Device makes of the default endpoint and of another one, from each state of the default endpoint.
#[test] // req: CMD-46, CMD-47, CMD-23, EPS-07, TRB-20, CTX-23, BW-12
fn reset_device_leaves_a_default_slot() {
    let expected = expect![[r#"
        slot  08300000 00010000 00000000 08000000 00000000 00000000 00000000 00000000
        ep 1  00000001 00400026 00121001 00000000 00000000 00000000 00000000 00000000
        ep 3  00000000 02000036 00123001 00000000 00000000 00000000 00000000 00000000
    "#]];
    for state in [EndpointState::RUNNING, EndpointState::STOPPED, EndpointState::HALTED, EndpointState::ERROR]
    {
        for (_, profile) in named_with_8_slots() {
            let mut machine = Machine::new(profile);
            let slot = machine.slot_in(SlotIs::Configured);
            let mut ring = Producer::new(ring_base(slot, Dci::EP0), 16);
            match state {
                EndpointState::STOPPED => {
                    machine.command_code(command::stop_endpoint(slot, Dci::EP0, false));
                }
                EndpointState::HALTED => {
                    machine.gadget(PORT).answer(0, Answer::Stall);
                    let setup =
                        transfer::setup_stage([0x80, 6, 0, 1, 0, 0, 8, 0], xhci_spec::trb::TransferType::IN);
                    ring.push(&mut machine.memory, setup);
                    ring.push(&mut machine.memory, transfer::data_stage(Gpa(BUFFERS), 8, true));
                    machine.ring_doorbell(slot, Dci::EP0);
                }
                EndpointState::ERROR => {
                    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 8));
                    machine.ring_doorbell(slot, Dci::EP0);
                }
                _ => {}
            }
            machine.run_us(2_000);
            assert_eq!(machine.endpoint_context(slot, Dci::EP0).ep_state(), state);
            let dequeue = machine.endpoint_context(slot, Dci::EP0).tr_dequeue_pointer();
            machine.take_events(0, true);
            machine.pending.clear();
            machine.poison_output(slot);
            let answer = machine.command(command::reset_device(slot));
            assert_eq!((answer.code, answer.slot), (CompletionCode::SUCCESS, Some(slot)));
            assert_eq!(machine.pending, [], "no events of endpoints");
            assert_eq!(machine.endpoint_context(slot, Dci::EP0).tr_dequeue_pointer(), dequeue);
            let text = machine.written(slot);
            // Where the default endpoint stood is checked above.
            expected.assert_eq(&text.replace("00121011", "00121001"));
            assert_eq!(machine.gadget(PORT).setups.iter().filter(|setup| setup[1] == 5).count(), 1);
            let set_address = address(&mut machine, false);
            // The device was reset by its port, as software does before the command.
            machine.gadget(PORT).bus_reset_by_hand();
            assert_eq!(machine.command_code(set_address), CompletionCode::SUCCESS);
            assert_eq!(machine.slot_state(slot), SlotIs::Addressed);
        }
    }
}

#[test] // req: CMD-47, CTX-23
fn reset_device_keeps_six_fields_of_the_default_endpoint() {
    // A tolerant profile takes fields that mean nothing to a default endpoint.
    let mut machine = Machine::new(Profile::default());
    let slot = machine.slot_in(SlotIs::Enabled);
    let (control, context, ep0) = machine.address_input(slot, Psiv::HIGH);
    let kept = ep0.with_cerr(2).with_max_packet_size(32).with_average_trb_length(8);
    let more = kept.with_mult(1).with_interval(7).with_max_burst_size(3).with_hid(true).with_lsa(true);
    machine.input(control, context, &[(Dci::EP0, more.with_max_esit_payload(9))]);
    let set_address = command::address_device(Gpa(INPUT), slot, false);
    assert_eq!(machine.command_code(set_address), CompletionCode::SUCCESS);
    let running = |context: EndpointContext| context.with_ep_state(EndpointState::RUNNING);
    let shown = machine.endpoint_context(slot, Dci::EP0);
    assert_eq!(shown, running(more.with_max_esit_payload(9)));
    machine.poison_output(slot);
    assert_eq!(machine.command_code(command::reset_device(slot)), CompletionCode::SUCCESS);
    assert_eq!(machine.endpoint_context(slot, Dci::EP0), running(kept));
}

#[test] // req: CMD-46
fn reset_device_sends_nothing() {
    on_profiles(|profile| {
        let mut bench = Bench::new(profile, Speed::High, EndpointType::BULK_IN);
        let before = (bench.probe().resets, bench.machine.portsc(PORT));
        let code = bench.machine.command_code(command::reset_device(bench.slot));
        assert_eq!(code, CompletionCode::SUCCESS);
        bench.machine.run_us(100_000);
        assert_eq!((bench.probe().resets, bench.machine.portsc(PORT)), before);
        assert!(bench.probe().seen.is_empty());
    });
}

/// What takes an endpoint away says nothing of its TD, half done as it may be.
#[test] // req: CMD-13, CMD-26, CMD-33, CMD-47
fn an_endpoint_goes_without_an_event() {
    let ends: [(&str, Make); 4] = [
        ("Disable Slot", |_| command::disable_slot(one())),
        ("Reset Device", |_| command::reset_device(one())),
        ("DC = 1", |_| command::configure_endpoint(Gpa(0), one(), true)),
        ("drop", |machine| configure(machine, InputControlContext::new().adding_slot().dropping(bulk_in()))),
    ];
    for (name, end) in ends {
        on_every_profile(|mut machine| {
            let (slot, mut ring) = machine.endpoint_in(EndpointState::RUNNING);
            machine.gadget(PORT).answer(1, Answer::Data(vec![1; 512]));
            ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 1024).with_ioc(true));
            machine.ring_doorbell(slot, bulk_in());
            machine.run_us(500);
            let trb = end(&mut machine);
            assert_eq!(machine.command_code(trb), CompletionCode::SUCCESS, "{name}");
            let asked = machine.gadget(PORT).asked.len();
            machine.run_us(2_000);
            assert_eq!(machine.pending, [], "{name}");
            assert_eq!(machine.take_events(0, true), [], "{name}");
            assert_eq!(machine.gadget(PORT).asked.len(), asked, "{name}");
        });
    }
}

#[test] // req: CMD-14, CMD-13
fn both_kinds_of_disable_slot_are_there() {
    for shown in [false, true] {
        let policy = Policy { disabled_slot_shown: shown, ..Policy::DEFAULT };
        let mut machine = Machine::new(Profile { policy, ..any_profile() });
        // An Enabled slot has no contexts yet, whatever DCBAA says.
        let slot = machine.slot_in(SlotIs::Enabled);
        machine.poison_output(slot);
        assert_eq!(machine.command_code(command::disable_slot(slot)), CompletionCode::SUCCESS);
        assert_eq!(machine.written(slot), "");
        let mut machine = Machine::new(Profile { policy, ..any_profile() });
        let slot = machine.slot_in(SlotIs::Default);
        machine.poison_output(slot);
        assert_eq!(machine.command_code(command::disable_slot(slot)), CompletionCode::SUCCESS);
        assert_eq!(machine.written(slot).lines().count(), if shown { 2 } else { 0 });
    }
}

#[test] // req: CMD-07, CMD-21
fn a_device_that_leaves_during_enumeration() {
    on_every_profile(|mut machine| {
        machine.plug(PORT, Gadget::new(Speed::High));
        let slot = machine.enable_slot();
        let trb = address(&mut machine, false);
        machine.command.push(&mut machine.memory, trb);
        machine.write(machine.doorbells, 0);
        machine.run(Duration::from_nanos(500));
        machine.xhc.detach(machine.now, PortId::new(PORT).unwrap());
        machine.run_us(10_000);
        let codes: Vec<_> = machine
            .take_events(0, true)
            .into_iter()
            .filter(|event| event.trb_type() == xhci_spec::TrbType::COMMAND_COMPLETION_EVENT)
            .map(|event| event.completion_code())
            .collect();
        // With no latency at all the command was faster.
        let done = machine.slot_state(slot) == SlotIs::Addressed;
        let expected = if done { CompletionCode::SUCCESS } else { CompletionCode::USB_TRANSACTION_ERROR };
        assert_eq!(codes, [expected]);
        assert_eq!(machine.command_code(command::disable_slot(slot)), CompletionCode::SUCCESS);
    });
}
