//! Configure Endpoint: flags, fields, resources, and what it leaves in the contexts (xHCI 4.6.6).

use crate::support::commands::{PORT, SlotIs};
use crate::support::gadget::{Answer, Gadget};
use crate::support::profiles::named_with_8_slots;
use crate::support::{BUFFERS, INPUT, Machine, Producer, dci, endpoint, on_every_profile, ring_base};
use usb_spec::Speed;
use xhci_model::{Policy, Profile, Violation};
use xhci_spec::context::{
    EndpointContext, EndpointState, EndpointType, InputControlContext, SlotContext, SlotState,
};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, SlotId};

use CompletionCode as C;

fn bulk(slot: SlotId, dci: Dci) -> EndpointContext {
    let kind = if dci.is_in() { EndpointType::BULK_IN } else { EndpointType::BULK_OUT };
    endpoint(slot, dci, kind, 512, 0)
}

fn run(
    machine: &mut Machine,
    slot: SlotId,
    control: InputControlContext,
    endpoints: &[(Dci, EndpointContext)],
) -> CompletionCode {
    machine.input(control, SlotContext::new().with_context_entries(31), endpoints);
    machine.command_code(command::configure_endpoint(Gpa(INPUT), slot, false))
}

fn others() -> impl Iterator<Item = Dci> {
    Dci::all().filter(|dci| *dci != Dci::EP0)
}

/// DCIs of the endpoints that are enabled, as the output contexts say.
fn enabled(machine: &Machine, slot: SlotId) -> Vec<u8> {
    let is_enabled = |dci: &Dci| machine.endpoint_context(slot, *dci).ep_state() != EndpointState::DISABLED;
    others().filter(is_enabled).map(Dci::get).collect()
}

#[test] // req: CMD-25, TRB-57, CMD-03
fn flags_that_say_nothing_about_endpoints() {
    for (name, profile) in named_with_8_slots() {
        for (add, drop, good) in [
            (0b0_1001, 0, true),
            (0b0_1000, 0, false),
            (0b0_1011, 0, false),
            (0b0_1001, 0b01, false),
            (0b0_1001, 0b10, false),
            (0b0_1010, 0b11, false),
        ] {
            let mut machine = Machine::new(profile.clone());
            let slot = machine.slot_in(SlotIs::Addressed);
            let before = machine.output(slot);
            let control = InputControlContext::new().with_add_flags(add).with_drop_flags(drop);
            let dci = dci(1, true);
            let code = run(&mut machine, slot, control, &[(dci, bulk(slot, dci))]);
            let refused = !good && profile.policy.strict;
            assert_eq!(
                code,
                if refused { C::PARAMETER_ERROR } else { C::SUCCESS },
                "{name} A{add:b} D{drop:b}"
            );
            let counted = machine.xhc.violations(Violation::InputContext);
            assert_eq!(counted, u64::from(!good && !profile.policy.strict));
            if refused {
                assert_eq!(machine.output(slot), before);
            } else {
                assert_eq!(enabled(&machine, slot), [3]);
                assert_eq!(machine.slot_context(slot).slot_state(), SlotState::CONFIGURED);
                assert_eq!(machine.endpoint_context(slot, Dci::EP0).ep_state(), EndpointState::RUNNING);
            }
        }
    }
}

#[test] // req: CMD-25, CMD-30
fn without_a0_the_slot_keeps_its_fields() {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.slot_in(SlotIs::Addressed);
    machine.mark_hub(slot, true, 1);
    let dci = dci(1, true);
    let control = InputControlContext::new().adding(dci);
    machine.input(control, SlotContext([!0; 8]).with_number_of_ports(3), &[(dci, bulk(slot, dci))]);
    assert_eq!(machine.command_code(command::configure_endpoint(Gpa(INPUT), slot, false)), C::SUCCESS);
    let context = machine.slot_context(slot);
    assert_eq!((context.number_of_ports(), context.tt_think_time(), context.context_entries()), (15, 1, 3));
}

#[test] // req: CMD-26, CMD-31, CMD-32, CTX-03, CTX-27, EPS-01, EPS-07
fn each_flag_of_each_endpoint() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Addressed);
        for dci in others() {
            machine.poison_output(slot);
            let control = InputControlContext::new().adding_slot().adding(dci);
            assert_eq!(run(&mut machine, slot, control, &[(dci, bulk(slot, dci))]), C::SUCCESS);
            let written = machine.written(slot);
            let names: Vec<_> = written.lines().map(|line| line[..5].trim().to_owned()).collect();
            assert_eq!(names, ["slot".to_owned(), format!("ep {dci}")], "what is not flagged is not touched");
            let context = machine.slot_context(slot);
            assert_eq!(context.context_entries(), dci.get());
            assert_eq!(context.slot_state(), SlotState::CONFIGURED);
            let expected = bulk(slot, dci).with_ep_state(EndpointState::RUNNING);
            assert_eq!(machine.endpoint_context(slot, dci), expected);
        }
        // Dropped from below: the highest index stays until it goes itself.
        for dci in others() {
            machine.poison_output(slot);
            let control = InputControlContext::new().adding_slot().dropping(dci);
            assert_eq!(run(&mut machine, slot, control, &[]), C::SUCCESS);
            let context = machine.slot_context(slot);
            let last = dci.get() == 31;
            assert_eq!(context.context_entries(), if last { 1 } else { 31 });
            let state = if last { SlotState::ADDRESSED } else { SlotState::CONFIGURED };
            assert_eq!(context.slot_state(), state);
            let expected = bulk(slot, dci).with_ep_state(EndpointState::DISABLED);
            assert_eq!(machine.endpoint_context(slot, dci), expected);
            assert_eq!(machine.written(slot).lines().count(), 2);
            // To drop what is not there is no fault.
            machine.poison_output(slot);
            assert_eq!(run(&mut machine, slot, control, &[]), C::SUCCESS);
            assert_eq!(machine.written(slot).lines().count(), 1, "the slot's only");
        }
    });
}

#[test] // req: CMD-26, XFR-06, EPS-07
fn dropped_and_added_an_endpoint_begins_anew() {
    on_every_profile(|mut machine| {
        let (slot, mut ring) = machine.endpoint_in(EndpointState::RUNNING);
        let dci = dci(1, true);
        // The toggle is 1 and half a TD has come in.
        machine.gadget(PORT).answer(1, Answer::Data(vec![1; 512]));
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 1024).with_ioc(true));
        machine.ring_doorbell(slot, dci);
        machine.run_us(500);
        let control = InputControlContext::new().adding_slot().dropping(dci).adding(dci);
        let elsewhere = bulk(slot, dci).with_tr_dequeue_pointer(Gpa(0x6_0000)).with_dcs(false);
        assert_eq!(run(&mut machine, slot, control, &[(dci, elsewhere)]), C::SUCCESS);
        let mut ring = Producer::new(0x6_0000, 16);
        ring.cycle = false;
        machine.memory.put(0x6_0000, &[0xFF; 0x100]);
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_ioc(true));
        let tokens = machine.gadget(PORT).tokens.len();
        machine.run_us(1_000);
        assert_eq!(machine.gadget(PORT).tokens.len(), tokens, "nothing before the doorbell");
        machine.take_events(0, true);
        machine.ring_doorbell(slot, dci);
        machine.run_us(500);
        assert_eq!(machine.gadget(PORT).tokens[tokens], (1, 0), "DATA0");
        machine.gadget(PORT).toggle_reset(1);
        machine.gadget(PORT).answer(1, Answer::Data(vec![2; 512]));
        machine.run_us(500);
        assert_eq!(machine.transcript(0), "Transfer Event: Success 0x60000 length 0 slot 1 ep 3\n");
    });
}

#[test] // req: XFR-06, CMD-26
fn what_is_not_flagged_keeps_its_toggle_and_goes_on() {
    on_every_profile(|mut machine| {
        let (slot, mut ring) = machine.endpoint_in(EndpointState::RUNNING);
        let (kept, other) = (dci(1, true), dci(2, false));
        // The toggle is 1 and half a TD has come in.
        machine.gadget(PORT).answer(1, Answer::Data(vec![1; 512]));
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 1024).with_ioc(true));
        machine.ring_doorbell(slot, kept);
        machine.run_us(500);
        let plain = InputControlContext::new().adding_slot();
        for control in [plain.adding(other), plain.dropping(other).adding(other), plain.dropping(other)] {
            assert_eq!(run(&mut machine, slot, control, &[(other, bulk(slot, other))]), C::SUCCESS);
        }
        assert_eq!(machine.pending, []);
        let tokens = machine.gadget(PORT).tokens.len();
        machine.gadget(PORT).answer(1, Answer::Data(vec![2; 512]));
        machine.run_us(500);
        assert_eq!(machine.gadget(PORT).tokens[tokens..], [(1, 1)], "DATA1");
        assert_eq!(machine.transcript(0), "Transfer Event: Success 0x123000 length 0 slot 1 ep 3\n");
        assert_eq!(machine.memory.get::<2>(BUFFERS + 511), [1, 2]);
    });
}

#[test] // req: CMD-27, CMD-34, TRB-47, CMD-02, CMD-03, CMD-32
fn drops_make_room_for_adds_and_a_shortage_changes_nothing() {
    for (name, profile) in named_with_8_slots() {
        let policy = Policy { endpoint_limit: Some(2), ..profile.policy };
        let usb2_ports = profile.usb2_ports.max(2);
        let mut machine = Machine::new(Profile { policy, usb2_ports, ..profile });
        let slot = machine.slot_in(SlotIs::Configured);
        let two = machine.enumerate(2, Gadget::new(Speed::High));
        let (a, b, c) = (dci(1, true), dci(2, true), dci(3, true));
        // One of each slot: full.
        let plain = || InputControlContext::new().adding_slot();
        assert_eq!(run(&mut machine, two, plain().adding(b), &[(b, bulk(two, b))]), C::SUCCESS);
        machine.poison_output(two);
        let more = plain().adding(c);
        assert_eq!(run(&mut machine, two, more, &[(c, bulk(two, c))]), C::RESOURCE_ERROR, "{name}");
        let more = plain().dropping(b).adding(a).adding(c);
        let endpoints = [(a, bulk(two, a)), (c, bulk(two, c))];
        assert_eq!(run(&mut machine, two, more, &endpoints), C::RESOURCE_ERROR, "{name}");
        // CMD-02: a field that cannot be is seen before the shortage.
        let endpoints = [(a, bulk(two, a)), (c, bulk(two, c).with_max_packet_size(0))];
        assert_eq!(run(&mut machine, two, more, &endpoints), C::PARAMETER_ERROR, "{name}");
        assert_eq!(machine.written(two), "");
        // The old configuration still works.
        machine.gadget(2).answer(2, Answer::Data(vec![1; 512]));
        let mut ring = Producer::new(ring_base(two, b), 16);
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_ioc(true));
        machine.ring_doorbell(two, b);
        machine.run_us(1_000);
        assert_eq!(machine.transcript(0), "Transfer Event: Success 0x145000 length 0 slot 2 ep 5\n");
        // A swap within the limit, and the same endpoint anew.
        let swap = plain().dropping(b).adding(c);
        assert_eq!(run(&mut machine, two, swap, &[(c, bulk(two, c))]), C::SUCCESS, "{name}");
        let again = plain().dropping(c).adding(c);
        assert_eq!(run(&mut machine, two, again, &[(c, bulk(two, c))]), C::SUCCESS, "{name}");
        // What another slot gives up can be had.
        assert_eq!(machine.command_code(command::disable_slot(slot)), C::SUCCESS);
        assert_eq!(run(&mut machine, two, plain().adding(a), &[(a, bulk(two, a))]), C::SUCCESS, "{name}");
    }
}

/// What a profile makes of a deviation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Is {
    Good,
    Tolerated,
    Bad,
}

type Change = fn(EndpointContext) -> EndpointContext;

#[test] // req: CMD-28, TRB-57, CMD-03, SEC-07
fn contexts_that_are_refused() {
    use EndpointType as T;
    use Is::{Bad, Good, Tolerated};
    let same: Change = |e| e;
    // Speed, DCI, type, Max Packet Size, Interval, and what else.
    let table: &[(Speed, u8, EndpointType, u16, u8, Change, Is)] = &[
        (Speed::High, 3, T::BULK_IN, 512, 0, same, Good),
        (Speed::High, 2, T::BULK_OUT, 512, 0, same, Good),
        (Speed::High, 3, T::NOT_VALID, 512, 0, same, Bad),
        (Speed::High, 2, T::NOT_VALID, 512, 0, same, Bad),
        (Speed::High, 2, T::BULK_IN, 512, 0, same, Bad),
        (Speed::High, 3, T::BULK_OUT, 512, 0, same, Bad),
        (Speed::High, 3, T::CONTROL, 64, 0, same, Good),
        (Speed::High, 2, T::CONTROL, 64, 0, same, Bad),
        (Speed::High, 3, T::BULK_IN, 0, 0, same, Bad),
        (Speed::High, 3, T::BULK_IN, 511, 0, same, Tolerated),
        (Speed::High, 3, T::BULK_IN, 513, 0, same, Tolerated),
        (Speed::High, 3, T::CONTROL, 63, 0, same, Tolerated),
        (Speed::High, 3, T::BULK_IN, 512, 0, |e| e.with_max_pstreams(1), Bad),
        (Speed::High, 3, T::BULK_IN, 512, 0, |e| e.with_tr_dequeue_pointer(Gpa(0)), Bad),
        (Speed::High, 3, T::BULK_IN, 512, 0, |e| e.with_max_burst_size(1), Tolerated),
        (Speed::High, 3, T::BULK_IN, 512, 0, |e| e.with_mult(1), Tolerated),
        // An Interval of bulk endpoints says nothing here.
        (Speed::High, 3, T::BULK_IN, 512, 255, same, Good),
        (Speed::High, 3, T::INTERRUPT_IN, 1024, 15, |e| e.with_max_burst_size(2), Good),
        (Speed::High, 3, T::INTERRUPT_IN, 1024, 16, same, Tolerated),
        (Speed::High, 3, T::INTERRUPT_IN, 1025, 0, same, Tolerated),
        (Speed::High, 3, T::INTERRUPT_IN, 64, 0, |e| e.with_max_burst_size(3), Tolerated),
        (Speed::High, 3, T::INTERRUPT_IN, 64, 255, |e| e.with_max_burst_size(255), Tolerated),
        (Speed::High, 3, T::ISOCH_IN, 1024, 0, |e| e.with_max_burst_size(2), Good),
        (Speed::High, 3, T::ISOCH_IN, 1024, 0, |e| e.with_cerr(1), Tolerated),
        (Speed::High, 3, T::ISOCH_IN, 1024, 0, |e| e.with_mult(1), Tolerated),
        (Speed::High, 3, T::ISOCH_IN, 64, 0, |e| e.with_max_esit_payload(0x1_0040), Tolerated),
        (Speed::Full, 3, T::BULK_IN, 64, 0, same, Good),
        (Speed::Full, 3, T::BULK_IN, 8, 0, same, Good),
        (Speed::Full, 3, T::BULK_IN, 65, 0, same, Tolerated),
        (Speed::Full, 3, T::BULK_IN, 63, 0, same, Tolerated),
        (Speed::Full, 3, T::CONTROL, 64, 0, same, Good),
        (Speed::Full, 3, T::BULK_IN, 64, 0, |e| e.with_max_burst_size(1), Tolerated),
        (Speed::Full, 3, T::INTERRUPT_IN, 64, 3, same, Good),
        (Speed::Full, 3, T::INTERRUPT_IN, 63, 3, same, Good),
        (Speed::Full, 3, T::INTERRUPT_IN, 64, 10, same, Good),
        (Speed::Full, 3, T::INTERRUPT_IN, 64, 2, same, Tolerated),
        (Speed::Full, 3, T::INTERRUPT_IN, 64, 11, same, Tolerated),
        (Speed::Full, 3, T::INTERRUPT_IN, 65, 3, same, Tolerated),
        (Speed::Full, 3, T::ISOCH_IN, 1023, 3, same, Good),
        (Speed::Full, 3, T::ISOCH_IN, 192, 18, same, Good),
        (Speed::Full, 3, T::ISOCH_IN, 1024, 3, same, Tolerated),
        (Speed::Full, 3, T::ISOCH_IN, 192, 2, same, Tolerated),
        (Speed::Full, 3, T::ISOCH_IN, 192, 19, same, Tolerated),
        (Speed::Low, 3, T::INTERRUPT_IN, 8, 6, same, Good),
        (Speed::Low, 3, T::INTERRUPT_IN, 9, 6, same, Tolerated),
        (Speed::Low, 3, T::CONTROL, 8, 0, same, Good),
        (Speed::Low, 3, T::CONTROL, 16, 0, same, Tolerated),
        (Speed::Low, 3, T::BULK_IN, 8, 0, same, Tolerated),
        (Speed::Low, 3, T::ISOCH_IN, 8, 3, same, Tolerated),
        (Speed::Super, 3, T::BULK_IN, 1024, 0, |e| e.with_max_burst_size(15), Good),
        (Speed::Super, 3, T::BULK_IN, 1024, 0, |e| e.with_max_burst_size(16), Tolerated),
        (Speed::Super, 3, T::BULK_IN, 512, 0, same, Tolerated),
        (Speed::Super, 3, T::CONTROL, 512, 0, same, Good),
        (Speed::Super, 3, T::CONTROL, 64, 0, same, Tolerated),
        (Speed::Super, 3, T::INTERRUPT_IN, 8, 15, same, Good),
        (Speed::Super, 3, T::INTERRUPT_IN, 8, 0, |e| e.with_mult(1), Tolerated),
        (Speed::Super, 3, T::ISOCH_IN, 1024, 0, |e| e.with_mult(2).with_max_burst_size(7), Good),
        (Speed::Super, 3, T::ISOCH_IN, 1024, 0, |e| e.with_mult(3), Tolerated),
    ];
    for (profile_name, profile) in named_with_8_slots() {
        // Bandwidth is another question.
        let policy = Policy { unlimited_bandwidth: true, ..profile.policy };
        let profile = Profile { policy, ..profile };
        for speed in [Speed::Low, Speed::Full, Speed::High, Speed::Super] {
            let mut machine = Machine::new(profile.clone());
            let port = if speed == Speed::Super { machine.usb3_port() } else { PORT };
            let psiv = machine.plug(port, Gadget::new(speed));
            let slot = machine.enable_slot();
            let device = SlotContext::new().with_speed(psiv).with_context_entries(1);
            let device = device.with_root_hub_port_number(port);
            assert_eq!(machine.address(slot, device, false), C::SUCCESS);
            for (_, index, kind, mps, interval, change, is) in table.iter().filter(|row| row.0 == speed) {
                let dci = Dci::new(*index).unwrap();
                let context = change(endpoint(slot, dci, *kind, *mps, *interval));
                let what = format!("{profile_name}: {speed:?} {context:?}");
                machine.poison_output(slot);
                let before = machine.xhc.violations(Violation::InputContext);
                let control = InputControlContext::new().adding_slot().adding(dci);
                let code = run(&mut machine, slot, control, &[(dci, context)]);
                let refused = *is == Bad || (*is == Tolerated && profile.policy.strict);
                assert_eq!(code, if refused { C::PARAMETER_ERROR } else { C::SUCCESS }, "{what}");
                assert_eq!(machine.written(slot).is_empty(), refused, "{what}");
                let counted = machine.xhc.violations(Violation::InputContext) - before;
                assert_eq!(counted, u64::from(*is == Tolerated && !refused), "{what}");
                let undo = command::configure_endpoint(Gpa(0), slot, true);
                assert_eq!(machine.command_code(undo), C::SUCCESS);
            }
        }
    }
}

#[test] // req: CMD-28, CMD-03
fn one_bad_endpoint_spoils_all() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Configured);
        machine.poison_output(slot);
        let (old, good, bad) = (dci(1, true), dci(2, true), dci(15, true));
        let control = InputControlContext::new().adding_slot().dropping(old).adding(good).adding(bad);
        let endpoints = [(good, bulk(slot, good)), (bad, bulk(slot, bad).with_max_packet_size(0))];
        assert_eq!(run(&mut machine, slot, control, &endpoints), C::PARAMETER_ERROR);
        assert_eq!(machine.written(slot), "");
        let stop = command::stop_endpoint(slot, old, false);
        assert_eq!(machine.command_code(stop), C::SUCCESS, "the old one is there");
        let stop = command::stop_endpoint(slot, good, false);
        assert_eq!(machine.command_code(stop), C::CONTEXT_STATE_ERROR, "the good one is not");
    });
}

#[test] // req: CMD-29, CTX-13, CTX-14
fn what_seabios_and_macos_leave_out() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Addressed);
        let (interrupt, out, isoch) = (dci(1, true), dci(2, false), dci(3, false));
        let bare = |dci, kind, mps| {
            endpoint(slot, dci, kind, mps, 0).with_cerr(0).with_max_esit_payload(0).with_average_trb_length(0)
        };
        let endpoints = [
            (interrupt, bare(interrupt, EndpointType::INTERRUPT_IN, 8)),
            (out, bare(out, EndpointType::BULK_OUT, 512)),
            (isoch, bare(isoch, EndpointType::ISOCH_OUT, 100).with_max_burst_size(2)),
        ];
        for (dci, context) in endpoints {
            let control = InputControlContext::new().adding_slot().adding(dci);
            // Context Entries names the endpoint that is added, whatever else there is.
            machine.input(control, SlotContext::new().with_context_entries(dci.get()), &[(dci, context)]);
            let configure = command::configure_endpoint(Gpa(INPUT), slot, false);
            assert_eq!(machine.command_code(configure), C::SUCCESS);
        }
        assert_eq!(machine.xhc.violations(Violation::InputContext), 0);
        machine.take_events(0, true);
        // Max ESIT Payload is 3 * 100 then: one byte more is too much.
        let mut ring = Producer::new(ring_base(slot, isoch), 16);
        for bytes in [300, 301] {
            let trb = transfer::isoch(Gpa(BUFFERS), bytes, transfer::IsochStart::Asap);
            ring.push(&mut machine.memory, trb.with_ioc(true));
        }
        machine.ring_doorbell(slot, isoch);
        machine.run_us(3_000);
        let codes: Vec<_> = machine.take_events(0, true).iter().map(|trb| trb.completion_code()).collect();
        assert_eq!(codes[..2], [C::SUCCESS, C::BANDWIDTH_OVERRUN]);
        let sizes: Vec<_> =
            machine.gadget(PORT).received[..3].iter().map(|(_, _, data)| data.len()).collect();
        assert_eq!(sizes, [100, 100, 100]);
        // The keyboard works.
        machine.gadget(PORT).answer(1, Answer::Data(vec![4; 8]));
        let mut ring = Producer::new(ring_base(slot, interrupt), 16);
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 8).with_ioc(true));
        machine.ring_doorbell(slot, interrupt);
        machine.run_us(1_000);
        assert_eq!(machine.transcript(0), "Transfer Event: Success 0x123000 length 0 slot 1 ep 3\n");
    });
}

#[test] // req: CMD-30, CTX-23, SLT-04, CTX-06
fn a_hub_is_marked_and_nothing_else_of_the_slot_is_taken() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Addressed);
        let before = machine.slot_context(slot);
        machine.poison_output(slot);
        machine.input(InputControlContext::new().adding_slot(), SlotContext([!0; 8]), &[]);
        let configure = command::configure_endpoint(Gpa(INPUT), slot, false);
        assert_eq!(machine.command_code(configure), C::SUCCESS);
        let expected = before.with_hub(true).with_mtt(true).with_number_of_ports(255).with_tt_think_time(3);
        assert_eq!(machine.slot_context(slot), expected);
        assert_eq!(machine.written(slot).lines().count(), 1);
        assert_eq!(expected.max_exit_latency(), 0);
        assert_eq!(expected.interrupter_target(), InterrupterId(0));
        assert_eq!(expected.slot_state(), SlotState::ADDRESSED);
        // And taken back.
        machine.input(InputControlContext::new().adding_slot(), SlotContext::new(), &[]);
        assert_eq!(machine.command_code(configure), C::SUCCESS);
        assert_eq!(machine.slot_context(slot), before);
    });
}

#[test] // req: CMD-33, CMD-31, CMD-32, SLT-05, EPS-07, TRB-15
fn deconfigured_with_no_input_context() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Configured);
        let more = [dci(2, false), dci(15, true)];
        machine.configure(slot, &more.map(|dci| (dci, bulk(slot, dci))));
        machine.poison_output(slot);
        let nowhere = command::configure_endpoint(Gpa(0xFFFF_FFFF_FFFF_FFF0), slot, true);
        assert_eq!(machine.command_code(nowhere), C::SUCCESS);
        let names: Vec<_> = machine.written(slot).lines().map(|line| line[..5].trim().to_owned()).collect();
        assert_eq!(names, ["slot", "ep 3", "ep 4", "ep 31"]);
        assert_eq!(enabled(&machine, slot).len(), 27, "poison in the others");
        for dci in [dci(1, true), more[0], more[1]] {
            assert_eq!(machine.endpoint_context(slot, dci).ep_state(), EndpointState::DISABLED);
            let stop = command::stop_endpoint(slot, dci, false);
            assert_eq!(machine.command_code(stop), C::CONTEXT_STATE_ERROR);
        }
        let context = machine.slot_context(slot);
        assert_eq!((context.slot_state(), context.context_entries()), (SlotState::ADDRESSED, 1));
        // Once more: success without effect.
        machine.poison_output(slot);
        assert_eq!(machine.command_code(nowhere), C::SUCCESS);
        assert_eq!(machine.written(slot), "");
    });
}

#[test] // req: CTX-11, CTX-10, CTX-12
fn an_endpoint_of_each_type() {
    use EndpointType as T;
    on_every_profile(|mut machine| {
        let slot = machine.enumerate(PORT, Gadget::new(Speed::High).isochronous(5));
        let cases = [
            (T::ISOCH_OUT, 1, 64),
            (T::BULK_OUT, 2, 512),
            (T::INTERRUPT_OUT, 3, 64),
            (T::CONTROL, 4, 64),
            (T::ISOCH_IN, 5, 64),
            (T::BULK_IN, 6, 512),
            (T::INTERRUPT_IN, 7, 64),
        ];
        for (kind, number, mps) in cases {
            let dci = dci(number, kind.is_in() || kind == T::CONTROL);
            let context = endpoint(slot, dci, kind, mps, 0);
            assert_eq!(machine.configure(slot, &[(dci, context)]), C::SUCCESS, "{kind}");
            machine.take_events(0, true);
            machine.memory.put(BUFFERS, &[number; 24]);
            for _ in 0..16 {
                machine.gadget(PORT).answer(number, Answer::Data(vec![0x80 | number; 24]));
            }
            let mut ring = Producer::new(ring_base(slot, dci), 16);
            let trb = match kind {
                T::ISOCH_IN | T::ISOCH_OUT => transfer::isoch(Gpa(BUFFERS), 24, transfer::IsochStart::Asap),
                T::CONTROL => {
                    transfer::setup_stage([0, 9, 1, 0, 0, 0, 0, 0], xhci_spec::trb::TransferType::NO_DATA)
                }
                _ => transfer::normal(Gpa(BUFFERS), 24),
            };
            let at = ring.push(&mut machine.memory, trb.with_ioc(true));
            machine.ring_doorbell(slot, dci);
            machine.run_us(2_500);
            let event = machine.take_events(0, true)[0];
            assert_eq!((event.parameter, event.completion_code()), (at.0, C::SUCCESS), "{kind}");
            let gadget = machine.gadget(PORT);
            match kind {
                T::CONTROL => assert_eq!(gadget.setups.last(), Some(&[0, 9, 1, 0, 0, 0, 0, 0])),
                _ if kind.is_in() => assert_eq!(machine.memory.get::<24>(BUFFERS), [0x80 | number; 24]),
                _ => assert_eq!(gadget.received.last().unwrap().2, [number; 24], "{kind}"),
            }
        }
    });
}
