//! Address Device: what it refuses, what it sends, and what it leaves in the contexts (xHCI 4.6.5).

use crate::support::any_profile;
use crate::support::commands::{PORT, SlotIs};
use crate::support::gadget::{Answer, Gadget};
use crate::support::hub::{Hub, behind};
use crate::support::profiles::named_with_8_slots;
use crate::support::{
    BUFFERS, CONTEXTS, INPUT, Machine, Producer, dci, endpoint, on_every_profile, ring_base,
};
use expect_test::expect;
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_model::{Fault, FaultRule, Latencies, Policy, Profile, TransactionKind, Violation};
use xhci_spec::context::{EndpointContext, EndpointState, EndpointType, InputControlContext, SlotContext};
use xhci_spec::trb::{TransferType, command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, PortId, Psiv, SlotId};

type Change = fn(InputControlContext, SlotContext, EndpointContext) -> Input;
type Input = (InputControlContext, SlotContext, EndpointContext);

/// A machine with a high-speed device and an Enabled slot.
fn enabled(profile: &Profile) -> (Machine, SlotId) {
    let mut machine = Machine::new(profile.clone());
    let slot = machine.slot_in(SlotIs::Enabled);
    (machine, slot)
}

fn address(machine: &mut Machine, slot: SlotId, bsr: bool, change: Change) -> CompletionCode {
    let (control, context, ep0) = machine.address_input(slot, Psiv::HIGH);
    let (control, context, ep0) = change(control, context, ep0);
    machine.input(control, context, &[(Dci::EP0, ep0)]);
    machine.command_code(command::address_device(Gpa(INPUT), slot, bsr))
}

fn unchanged(control: InputControlContext, slot: SlotContext, ep0: EndpointContext) -> Input {
    (control, slot, ep0)
}

/// What a profile makes of a deviation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Is {
    /// Taken by all.
    Good,
    /// Refused by a strict profile; counted by others.
    Tolerated,
    /// Refused by all.
    Bad,
}

#[test] // req: CMD-16, CMD-17, CMD-18, TRB-57, CTX-05
fn contexts_that_are_refused() {
    let table: &[(&str, Is, Change)] = &[
        ("as it should be", Is::Good, unchanged),
        ("without A0", Is::Bad, |c, s, e| (c.with_add_flags(0b10), s, e)),
        ("without A1", Is::Bad, |c, s, e| (c.with_add_flags(0b01), s, e)),
        ("D0", Is::Bad, |c, s, e| (c.with_drop_flags(1), s, e)),
        ("D1", Is::Bad, |c, s, e| (c.with_drop_flags(2), s, e)),
        ("D31", Is::Bad, |c, s, e| (c.with_drop_flags(1 << 31), s, e)),
        ("A2 too", Is::Tolerated, |c, s, e| (c.with_add_flags(0b111), s, e)),
        ("A31 too", Is::Tolerated, |c, s, e| (c.with_add_flags(0b11 | 1 << 31), s, e)),
        ("port 0", Is::Bad, |c, s, e| (c, s.with_root_hub_port_number(0), e)),
        ("full speed at a high-speed port", Is::Tolerated, |c, s, e| (c, s.with_speed(Psiv::FULL), e)),
        ("super speed at a high-speed port", Is::Tolerated, |c, s, e| {
            (c, s.with_speed(Psiv::SUPER), e.with_max_packet_size(512))
        }),
        ("speed 0", Is::Bad, |c, s, e| (c, s.with_speed(Psiv(0)), e)),
        ("speed 15", Is::Bad, |c, s, e| (c, s.with_speed(Psiv(15)), e)),
        ("Context Entries 0", Is::Tolerated, |c, s, e| (c, s.with_context_entries(0), e)),
        ("Context Entries 31", Is::Good, |c, s, e| (c, s.with_context_entries(31), e)),
        ("EP Type 0", Is::Bad, |c, s, e| (c, s, e.with_ep_type(EndpointType::NOT_VALID))),
        ("bulk", Is::Bad, |c, s, e| (c, s, e.with_ep_type(EndpointType::BULK_IN))),
        ("no ring", Is::Bad, |c, s, e| (c, s, e.with_tr_dequeue_pointer(Gpa(0)))),
        ("streams", Is::Bad, |c, s, e| (c, s, e.with_max_pstreams(1))),
        ("MPS 0", Is::Bad, |c, s, e| (c, s, e.with_max_packet_size(0))),
        ("MPS 7", Is::Tolerated, |c, s, e| (c, s, e.with_max_packet_size(7))),
        ("MPS 8", Is::Good, |c, s, e| (c, s, e.with_max_packet_size(8))),
        ("MPS 9", Is::Tolerated, |c, s, e| (c, s, e.with_max_packet_size(9))),
        ("MPS 16", Is::Good, |c, s, e| (c, s, e.with_max_packet_size(16))),
        ("MPS 32", Is::Good, |c, s, e| (c, s, e.with_max_packet_size(32))),
        ("MPS 512 at high speed", Is::Tolerated, |c, s, e| (c, s, e.with_max_packet_size(512))),
        ("Max Burst 1", Is::Tolerated, |c, s, e| (c, s, e.with_max_burst_size(1))),
        ("Mult 1", Is::Tolerated, |c, s, e| (c, s, e.with_mult(1))),
        ("Interval 1", Is::Tolerated, |c, s, e| (c, s, e.with_interval(1))),
        ("CErr 0", Is::Good, |c, s, e| (c, s, e.with_cerr(0))),
    ];
    for (profile_name, profile) in named_with_8_slots() {
        for (name, is, change) in table {
            let (mut machine, slot) = enabled(&profile);
            machine.poison_output(slot);
            let code = address(&mut machine, slot, false, *change);
            let refused = *is == Is::Bad || (*is == Is::Tolerated && profile.policy.strict);
            let expected = if refused { CompletionCode::PARAMETER_ERROR } else { CompletionCode::SUCCESS };
            assert_eq!(code, expected, "{profile_name}: {name}");
            assert_eq!(machine.written(slot).is_empty(), refused, "{profile_name}: {name}");
            assert_eq!(machine.gadget(PORT).setups.is_empty(), refused, "{profile_name}: {name}");
            let counted = machine.xhc.violations(Violation::InputContext);
            let expected = u64::from(*is == Is::Tolerated && !profile.policy.strict);
            assert_eq!(counted, expected, "{profile_name}: {name}");
            if refused {
                assert_eq!(machine.slot_state(slot), SlotIs::Enabled, "{profile_name}: {name}");
            }
        }
    }
}

#[test] // req: CMD-17, CMD-05, TRB-57
fn a_port_or_a_device_context_that_is_not_there() {
    for (_, profile) in named_with_8_slots() {
        let gap = Profile { usb2_ports: 2, port_gap: 2, usb3_ports: 2, ..profile };
        let (mut machine, slot) = enabled(&gap);
        for port in [3, 4, 7, 255] {
            let (control, context, ep0) = machine.address_input(slot, Psiv::HIGH);
            machine.input(control, context.with_root_hub_port_number(port), &[(Dci::EP0, ep0)]);
            let code = machine.command_code(command::address_device(Gpa(INPUT), slot, true));
            assert_eq!(code, CompletionCode::PARAMETER_ERROR, "port {port}");
        }
        machine.set_output(slot, 0x3F);
        assert_eq!(address(&mut machine, slot, false, unchanged), CompletionCode::PARAMETER_ERROR);
        // Bits 5:0 of an entry are not part of it.
        machine.set_output(slot, CONTEXTS + 0x1000 + 0x3F);
        assert_eq!(address(&mut machine, slot, false, unchanged), CompletionCode::SUCCESS);
        assert_eq!(machine.slot_context(slot).usb_device_address(), 1);
    }
}

#[test] // req: CMD-18
fn the_packet_size_of_a_super_speed_default_endpoint() {
    for (name, profile) in named_with_8_slots() {
        for (bytes, good) in [(64, false), (511, false), (512, true), (513, false)] {
            let mut machine = Machine::new(profile.clone());
            let port = machine.usb3_port();
            machine.plug(port, Gadget::new(Speed::Super));
            let slot = machine.enable_slot();
            let (control, context, ep0) = machine.address_input(slot, Psiv::SUPER);
            let context = context.with_root_hub_port_number(port);
            machine.input(control, context, &[(Dci::EP0, ep0.with_max_packet_size(bytes))]);
            let code = machine.command_code(command::address_device(Gpa(INPUT), slot, false));
            let refused = !good && profile.policy.strict;
            let expected = if refused { CompletionCode::PARAMETER_ERROR } else { CompletionCode::SUCCESS };
            assert_eq!(code, expected, "{name}: {bytes}");
        }
    }
}

#[test] // req: CMD-19, CTX-23, CTX-07, TRB-14, EPS-01, SLT-02
fn blocked_nothing_is_sent_and_the_device_answers_at_address_0() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Enabled);
        machine.poison_output(slot);
        assert_eq!(address(&mut machine, slot, true, unchanged), CompletionCode::SUCCESS);
        assert_eq!(machine.gadget(PORT).setups, [[0; 8]; 0]);
        let written = "slot  08300000 00010000 00000000 08000000 00000000 00000000 00000000 00000000\n\
                       ep 1  00000001 00400026 00121001 00000000 00000000 00000000 00000000 00000000\n";
        assert_eq!(machine.written(slot), written);
        let mut ring = Producer::new(ring_base(slot, Dci::EP0), 16);
        let get_descriptor = [0x80, 6, 0, 1, 0, 0, 8, 0];
        machine.gadget(PORT).answer(0, Answer::Data(vec![18, 1, 0, 2, 0, 0, 0, 64]));
        ring.push(&mut machine.memory, transfer::setup_stage(get_descriptor, TransferType::IN));
        ring.push(&mut machine.memory, transfer::data_stage(Gpa(BUFFERS), 8, true));
        ring.push(&mut machine.memory, transfer::status_stage(false).with_ioc(true));
        machine.ring_doorbell(slot, Dci::EP0);
        machine.run_us(1_000);
        assert_eq!(machine.transcript(0), "Transfer Event: Success 0x121020 length 0 slot 1 ep 1\n");
        assert_eq!(machine.memory.get::<8>(BUFFERS), [18, 1, 0, 2, 0, 0, 0, 64]);
        assert_eq!(machine.gadget(PORT).setups, [get_descriptor]);
    });
}

#[test] // req: CMD-20, CMD-22, CMD-23, CTX-04, CTX-05, CTX-06, CTX-07, CTX-23, CTX-27, CTX-12
fn the_output_is_the_input_with_address_and_state() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Default);
        // Reserved bits everywhere, and the fields that the controller owns.
        machine.memory.put(INPUT, &[0xFF; 0x840]);
        let (control, _, _) = machine.address_input(slot, Psiv::HIGH);
        let slot_dwords = [0x0F30_0000_u32, 0x5A01_1234, 0x017F_0000, 0xFFFF_FFFF, !0, !0, !0, !0];
        // Max Burst, Mult and Interval are 0, as strict profiles want it.
        let ep0_dwords = [0x0000_00FF_u32, 0x0040_00E7, 0x0012_100E, 0, 0x0000_0008, !0, !0, !0];
        machine.input(control, SlotContext(slot_dwords), &[(Dci::EP0, EndpointContext(ep0_dwords))]);
        machine.poison_output(slot);
        let code = machine.command_code(command::address_device(Gpa(INPUT), slot, false));
        assert_eq!(code, CompletionCode::SUCCESS);
        let written = "slot  0e300000 5a011234 01430000 10000001 00000000 00000000 00000000 00000000\n\
                       ep 1  00000001 004000a6 00121000 00000000 00000008 00000000 00000000 00000000\n";
        assert_eq!(machine.written(slot), written);
        assert_eq!(machine.slot_context(slot).interrupter_target(), InterrupterId(5));
        assert_eq!(machine.gadget(PORT).setups, [[0, 5, 1, 0, 0, 0, 0, 0]], "once");
    });
}

#[test] // req: CMD-22, TRB-19, EPS-07
fn a_second_address_device_starts_the_default_endpoint_anew() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Default);
        let stop = command::stop_endpoint(slot, Dci::EP0, false);
        assert_eq!(machine.command_code(stop), CompletionCode::SUCCESS);
        // A hub, which the second command does not say.
        let code = address(&mut machine, slot, false, |c, s, e| {
            (c, s, e.with_tr_dequeue_pointer(Gpa(0x12_1800)).with_dcs(false))
        });
        assert_eq!(code, CompletionCode::SUCCESS);
        let context = machine.endpoint_context(slot, Dci::EP0);
        assert_eq!(
            (context.ep_state(), context.tr_dequeue_pointer()),
            (EndpointState::RUNNING, Gpa(0x12_1800))
        );
        let setup = transfer::setup_stage([0, 9, 1, 0, 0, 0, 0, 0], TransferType::NO_DATA).with_ioc(true);
        machine.memory.put(0x12_1800, &setup.with_cycle(false).to_bytes());
        machine.memory.put(0x12_1810, &setup.with_cycle(true).to_bytes());
        machine.pending.clear();
        machine.ring_doorbell(slot, Dci::EP0);
        machine.run_us(1_000);
        assert_eq!(machine.transcript(0), "Transfer Event: Success 0x121800 length 0 slot 1 ep 1\n");
    });
}

#[test] // req: CMD-22, CMD-30, CTX-06
fn a_second_address_device_clears_what_made_the_device_a_hub() {
    let mut machine = Machine::new(any_profile());
    let slot = machine.slot_in(SlotIs::Addressed);
    machine.mark_hub(slot, true, 2);
    let context = machine.slot_context(slot);
    assert!(
        context.hub() && context.mtt() && context.number_of_ports() == 15 && context.tt_think_time() == 2
    );
    assert_eq!(machine.command_code(command::reset_device(slot)), CompletionCode::SUCCESS);
    assert!(machine.slot_context(slot).hub());
    machine.gadget(PORT).bus_reset_by_hand();
    assert_eq!(address(&mut machine, slot, false, unchanged), CompletionCode::SUCCESS);
    let context = machine.slot_context(slot);
    assert!(
        !context.hub() && !context.mtt() && context.number_of_ports() == 0 && context.tt_think_time() == 0
    );
}

/// Plugs a device into a port and addresses it.
fn add(machine: &mut Machine, port: u8, speed: Speed) -> (SlotId, u8) {
    let slot = machine.enumerate(port, Gadget::new(speed));
    (slot, machine.slot_context(slot).usb_device_address())
}

#[test] // req: CMD-20, CMD-23
fn a_device_gets_the_lowest_address_that_is_free_on_its_bus() {
    let mut machine = Machine::new(Profile::default());
    let first = add(&mut machine, 1, Speed::High);
    assert_eq!(first.1, 1);
    assert_eq!(add(&mut machine, 2, Speed::Full).1, 2);
    assert_eq!(add(&mut machine, 3, Speed::High).1, 3);
    // Each USB 3 port is a bus of its own.
    assert_eq!(add(&mut machine, 7, Speed::Super).1, 1);
    assert_eq!(add(&mut machine, 8, Speed::Super).1, 1);
    assert_eq!(machine.gadget(7).setups, [[0, 5, 1, 0, 0, 0, 0, 0]]);
    machine.command_code(command::disable_slot(first.0));
    assert_eq!(add(&mut machine, 4, Speed::High).1, 1);
    assert_eq!(add(&mut machine, 5, Speed::High).1, 4);

    let policy = Policy { high_speed_bus_per_port: true, ..Policy::DEFAULT };
    let mut machine = Machine::new(Profile { policy, ..Profile::default() });
    assert_eq!([1, 2].map(|port| add(&mut machine, port, Speed::High).1), [1, 1]);
    // More devices than a bus has addresses.
    let mut machine = Machine::new(Profile { slots: 128, ..Profile::default() });
    assert_eq!([1, 2].map(|port| add(&mut machine, port, Speed::High).1), [1, 1]);
    let mut machine = Machine::new(Profile { slots: 127, ..Profile::default() });
    assert_eq!([1, 2].map(|port| add(&mut machine, port, Speed::High).1), [1, 2]);
}

#[test] // req: CMD-20, TRB-47, CMD-03
fn a_bus_has_127_addresses() {
    let mut machine = Machine::new(Profile { slots: 200, ..Profile::default() });
    machine.write(machine.op, 0);
    machine.run_us(1_000);
    machine.write(machine.op + 0x38, 200);
    machine.write(machine.op, 1);
    machine.run_us(1_000);
    machine.plug(PORT, Gadget::new(Speed::High));
    // Each time the device is reset behind the controller's back.
    let mut addresses = Vec::new();
    loop {
        let slot = machine.command(command::enable_slot(0)).slot.unwrap();
        machine.set_output(slot, CONTEXTS + 0x1000);
        machine.gadget(PORT).bus_reset_by_hand();
        let (control, context, ep0) = machine.address_input(SlotId::new(1).unwrap(), Psiv::HIGH);
        machine.input(control, context, &[(Dci::EP0, ep0)]);
        match machine.command_code(command::address_device(Gpa(INPUT), slot, false)) {
            CompletionCode::SUCCESS => {
                let context = SlotContext::from_bytes(machine.memory.get(CONTEXTS + 0x1000));
                addresses.push(context.usb_device_address());
            }
            code => {
                assert_eq!(code, CompletionCode::RESOURCE_ERROR);
                break;
            }
        }
    }
    assert_eq!(addresses, (1..=127).collect::<Vec<u8>>());
    assert_eq!(machine.gadget(PORT).setups.len(), 127);
}

/// SET_ADDRESS with faults on its way: the code, the SETUP packets that arrived, and the time.
fn with_fault(rule: FaultRule) -> String {
    let (mut machine, slot) = enabled(&Profile::default());
    machine.poison_output(slot);
    let id = machine.xhc.add_fault(FaultRule { endpoint: Some(Dci::EP0), ..rule });
    let (control, context, ep0) = machine.address_input(slot, Psiv::HIGH);
    machine.input(control, context, &[(Dci::EP0, ep0)]);
    let (answer, took) = machine.timed(command::address_device(Gpa(INPUT), slot, false));
    if answer.code != CompletionCode::SUCCESS {
        assert_eq!(machine.written(slot), "");
        assert_eq!(machine.slot_state(slot), SlotIs::Enabled);
    }
    let line =
        format!("{} in {} us, {} SETUPs", answer.code, took.as_micros(), machine.gadget(PORT).setups.len());
    // The next attempt succeeds, as nothing is left of this one.
    machine.xhc.remove_fault(id);
    if answer.code != CompletionCode::SUCCESS {
        machine.gadget(PORT).bus_reset_by_hand();
        assert_eq!(address(&mut machine, slot, false, unchanged), CompletionCode::SUCCESS);
    }
    line
}

#[test] // req: CMD-21, CMD-03, TRB-44, CMD-07, SLT-02
fn set_address_fails() {
    let on = |fault, kind, skip, count| FaultRule { kind: Some(kind), skip, count, ..FaultRule::new(fault) };
    let (setup, status) = (TransactionKind::Setup, TransactionKind::In);
    let mut text = String::new();
    for (name, rule) in [
        ("no fault", on(Fault::Lost, setup, 0, Some(0))),
        ("SETUP lost twice", on(Fault::Lost, setup, 0, Some(2))),
        ("SETUP lost three times", on(Fault::Lost, setup, 0, Some(3))),
        ("SETUP taken, ACK lost", on(Fault::HandshakeLost, setup, 0, Some(1))),
        ("status stalled", on(Fault::Stall, status, 0, Some(1))),
        ("status lost twice", on(Fault::Lost, status, 0, Some(2))),
        ("status lost three times", on(Fault::Lost, status, 0, Some(3))),
        ("status not ready ten times", on(Fault::Nak, status, 0, Some(10))),
        ("status never ready", on(Fault::Nak, status, 0, None)),
        ("status babbles", on(Fault::Babble, status, 0, Some(1))),
    ] {
        text += &format!("{name:<27} {}\n", with_fault(rule));
    }
    expect![[r#"
        no fault                    Success in 116 us, 1 SETUPs
        SETUP lost twice            Success in 366 us, 1 SETUPs
        SETUP lost three times      USB Transaction Error in 241 us, 0 SETUPs
        SETUP taken, ACK lost       Success in 241 us, 2 SETUPs
        status stalled              USB Transaction Error in 116 us, 1 SETUPs
        status lost twice           Success in 366 us, 1 SETUPs
        status lost three times     USB Transaction Error in 366 us, 1 SETUPs
        status not ready ten times  Success in 1366 us, 1 SETUPs
        status never ready          USB Transaction Error in 50116 us, 1 SETUPs
        status babbles              USB Transaction Error in 116 us, 1 SETUPs
    "#]]
    .assert_eq(&text);
}

/// What each try costs on the bus, in nanoseconds at high speed: SETUP of 8 bytes, status stage without data.
#[test] // req: CMD-20, CMD-21, TIM-03, TIM-09
fn set_address_takes_the_bus_for_as_long_as_any_control_transfer() {
    let (setup, status) = (TransactionKind::Setup, TransactionKind::In);
    let mut text = String::new();
    for (fault, kind) in
        [(Fault::Lost, setup), (Fault::Lost, status), (Fault::Nak, status), (Fault::Stall, status)]
    {
        let (mut machine, slot) = enabled(&any_profile());
        machine.xhc.add_fault(FaultRule { kind: Some(kind), count: Some(1), ..FaultRule::new(fault) });
        machine.log_bus();
        address(&mut machine, slot, false, unchanged);
        let tries = machine.on_bus();
        let tries: Vec<String> = tries
            .iter()
            .map(|each| format!("{:?} {:?} {}", each.kind, each.outcome, each.duration().as_nanos()))
            .collect();
        text += &format!("{fault:?} at {kind:?}: {}\n", tries.join(", "));
    }
    expect![[r#"
        Lost at Setup: Setup Error 2283, Setup Done 1056, In Done 922
        Lost at In: Setup Done 1056, In Error 1833, In Done 922
        Nak at In: Setup Done 1056, In Nak 400, In Done 922
        Stall at In: Setup Done 1056, In Stall 400
    "#]]
    .assert_eq(&text);
}

#[test] // req: CMD-21
fn a_status_stage_is_waited_for_to_the_end_of_the_50th_millisecond() {
    // Commands begin at once, so that the deadline can be put on a try and right before it.
    let profile = Profile { latencies: Latencies::INSTANT, ..any_profile() };
    let (mut machine, slot) = enabled(&profile);
    machine.xhc.add_fault(FaultRule { kind: Some(TransactionKind::In), ..FaultRule::new(Fault::Nak) });
    let (control, context, ep0) = machine.address_input(slot, Psiv::HIGH);
    machine.input(control, context, &[(Dci::EP0, ep0)]);
    // A command takes a tick: it begins with a microframe, as each try does.
    machine.reach_next_frame();
    machine.run(Duration::from_ticks(Duration::FRAME.as_ticks() - 1));
    let (answer, took) = machine.timed(command::address_device(Gpa(INPUT), slot, false));
    assert_eq!(answer.code, CompletionCode::USB_TRANSACTION_ERROR);
    assert_eq!(took.as_micros(), 50_000);
}

#[test] // req: CTX-01, CTX-29
fn a_device_context_that_is_not_aligned_is_noted_and_aligned() {
    for (low, noted) in [(0, 0), (0x3F, 1), (0x10, 1)] {
        let (mut machine, slot) = enabled(&any_profile());
        let at = CONTEXTS + u64::from(slot.get()) * 0x1000;
        machine.set_output(slot, at | low);
        let before = machine.xhc.violations(Violation::Misaligned);
        assert_eq!(address(&mut machine, slot, false, unchanged), CompletionCode::SUCCESS);
        assert_eq!(machine.xhc.violations(Violation::Misaligned) - before, noted, "{low:#x}");
        assert_eq!(machine.slot_state(slot), SlotIs::Addressed);
    }
}

#[test] // req: CMD-07, CMD-21, SLT-03
fn a_port_without_an_enabled_device() {
    for (_, profile) in named_with_8_slots() {
        let (mut machine, slot) = enabled(&profile);
        let code = address(&mut machine, slot, true, unchanged);
        assert_eq!(code, CompletionCode::SUCCESS);
        machine.poison_output(slot);
        // Suspended, then disabled, then empty.
        machine.write_portsc(PORT, 0x200 | 3 << 5 | 1 << 16);
        machine.run_us(20_000);
        assert_eq!(address(&mut machine, slot, false, unchanged), CompletionCode::USB_TRANSACTION_ERROR);
        machine.write_portsc(PORT, 0x200 | 2);
        machine.run_us(1_000);
        assert_eq!(address(&mut machine, slot, false, unchanged), CompletionCode::USB_TRANSACTION_ERROR);
        machine.xhc.detach(machine.now, PortId::new(PORT).unwrap());
        machine.run_us(1_000);
        assert_eq!(address(&mut machine, slot, false, unchanged), CompletionCode::USB_TRANSACTION_ERROR);
        assert_eq!(machine.written(slot), "");
    }
}

#[test] // req: CTX-06, CMD-17, CMD-30
fn a_low_speed_device_behind_a_high_speed_hub_names_its_translator() {
    let hub_at = |hub: SlotId, port| {
        move |context: SlotContext| context.with_parent_hub_slot_id(hub.get()).with_parent_port_number(port)
    };
    for (name, profile) in named_with_8_slots() {
        let mut machine = Machine::new(profile.clone());
        let hub = Hub::new(Speed::High).with(3, Gadget::new(Speed::Low));
        let hub_slot = machine.enumerate(PORT, hub);
        let slot = machine.enable_slot();
        let low = behind(PORT, 3, Speed::Low);
        let none = SlotId::new(7).unwrap();
        let code = |machine: &mut Machine, context| {
            let code = machine.address(slot, context, true);
            if code == CompletionCode::SUCCESS {
                machine.command_code(command::disable_slot(slot));
                assert_eq!(machine.enable_slot(), slot);
            }
            code
        };
        let strict = profile.policy.strict;
        let wrong = if strict { CompletionCode::PARAMETER_ERROR } else { CompletionCode::SUCCESS };
        // Not a hub yet.
        assert_eq!(code(&mut machine, hub_at(hub_slot, 3)(low)), wrong, "{name}");
        machine.mark_hub(hub_slot, false, 0);
        assert_eq!(code(&mut machine, low), wrong, "{name}: no hub");
        assert_eq!(code(&mut machine, hub_at(none, 3)(low)), wrong, "{name}: no slot");
        assert_eq!(code(&mut machine, hub_at(slot, 3)(low)), wrong, "{name}: itself");
        assert_eq!(code(&mut machine, hub_at(hub_slot, 0)(low)), wrong, "{name}: port 0");
        assert_eq!(code(&mut machine, hub_at(hub_slot, 16)(low)), wrong, "{name}: port 16");
        assert_eq!(code(&mut machine, hub_at(hub_slot, 2)(low)), wrong, "{name}: another port");
        assert_eq!(code(&mut machine, hub_at(hub_slot, 3)(low)), CompletionCode::SUCCESS);
        let counted = machine.xhc.violations(Violation::InputContext);
        assert_eq!(counted, if strict { 0 } else { 7 });
        // High speed needs no translator.
        assert_eq!(code(&mut machine, behind(PORT, 3, Speed::High)), CompletionCode::SUCCESS);
        let low = hub_at(hub_slot, 3)(low);
        assert_eq!(machine.address(slot, low, false), CompletionCode::SUCCESS);
        let context = machine.slot_context(slot);
        assert_eq!((context.parent_hub_slot_id(), context.parent_port_number()), (hub_slot.get(), 3));
        assert_eq!(machine.gadget_behind(PORT, 3).setups, [[0, 5, 2, 0, 0, 0, 0, 0]]);
    }
}

#[test] // req: CTX-29, CTX-26
fn the_upper_half_of_a_64_byte_context_is_not_looked_at() {
    let mut machine = Machine::new(Profile { contexts_64: true, ..any_profile() });
    machine.plug(PORT, Gadget::new(Speed::High));
    let slot = machine.enable_slot();
    machine.memory.put(INPUT, &[0xFF; 0x840]);
    machine.poison_output(slot);
    assert_eq!(address(&mut machine, slot, false, unchanged), CompletionCode::SUCCESS);
    let bulk = dci(1, true);
    let context = endpoint(slot, bulk, EndpointType::BULK_IN, 512, 0);
    assert_eq!(machine.configure(slot, &[(bulk, context)]), CompletionCode::SUCCESS);
    // `written` asserts that the upper halves are as they were.
    assert_eq!(machine.written(slot).lines().count(), 3);
}

/// A device whose status stage is slow is waited for, and the time is the device's.
#[test] // req: CMD-06, CMD-21
fn a_slow_device_is_waited_for() {
    let (mut machine, slot) = enabled(&any_profile());
    let until = machine.now + Duration::from_millis(49);
    machine.xhc.add_fault(FaultRule {
        kind: Some(TransactionKind::In),
        from: Instant::ZERO,
        until,
        ..FaultRule::new(Fault::Nak)
    });
    let (control, context, ep0) = machine.address_input(slot, Psiv::HIGH);
    machine.input(control, context, &[(Dci::EP0, ep0)]);
    let (answer, took) = machine.timed(command::address_device(Gpa(INPUT), slot, false));
    assert_eq!(answer.code, CompletionCode::SUCCESS);
    assert!((Duration::from_millis(49)..Duration::from_millis(50)).contains(&took), "{took}");
}
