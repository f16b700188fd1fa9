//! Evaluate Context: the three fields that it takes (xHCI 4.6.7).

use crate::support::commands::{PORT, SlotIs, bulk_in};
use crate::support::gadget::{Answer, Gadget};
use crate::support::profiles::named_with_8_slots;
use crate::support::{BUFFERS, INPUT, Machine, Producer, on_every_profile, ring_base};
use usb_spec::Speed;
use xhci_model::Violation;
use xhci_spec::context::{EndpointContext, EndpointState, InputControlContext, SlotContext};
use xhci_spec::trb::{TransferType, command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, SlotId};

fn evaluate(machine: &mut Machine, slot: SlotId, add: u32, drop: u32) -> CompletionCode {
    let control = InputControlContext::new().with_add_flags(add).with_drop_flags(drop);
    let context = SlotContext([!0; 8]).with_interrupter_target(InterrupterId(1)).with_max_exit_latency(0x321);
    // Junk in all other fields of all endpoints.
    let junk = EndpointContext([!0; 8]).with_max_packet_size(32);
    let endpoints: Vec<_> = Dci::all().map(|dci| (dci, junk)).collect();
    machine.input(control, context, &endpoints);
    machine.command_code(command::evaluate_context(Gpa(INPUT), slot))
}

#[test] // req: CMD-35, CMD-36, CTX-23, CTX-05, TRB-16, CMD-25
fn only_what_is_flagged_and_only_these_fields() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Configured);
        let before = (
            machine.slot_context(slot),
            machine.endpoint_context(slot, Dci::EP0),
            machine.endpoint_context(slot, bulk_in()),
        );
        let everything_else = !0b11;
        // Nothing, drop flags, and add flags of other endpoints: success without effect.
        for (add, drop) in [(0, 0), (0, !0), (everything_else, !0)] {
            machine.poison_output(slot);
            assert_eq!(evaluate(&mut machine, slot, add, drop), CompletionCode::SUCCESS);
            assert_eq!(machine.written(slot), "", "A {add:x} D {drop:x}");
        }
        machine.poison_output(slot);
        assert_eq!(evaluate(&mut machine, slot, 0b01, 0), CompletionCode::SUCCESS);
        let expected = before.0.with_interrupter_target(InterrupterId(1)).with_max_exit_latency(0x321);
        assert_eq!(machine.slot_context(slot), expected);
        assert_eq!(machine.written(slot).lines().count(), 1);
        machine.poison_output(slot);
        assert_eq!(evaluate(&mut machine, slot, 0b10, 0), CompletionCode::SUCCESS);
        assert_eq!(machine.endpoint_context(slot, Dci::EP0), before.1.with_max_packet_size(32));
        assert_eq!(machine.written(slot).lines().count(), 1);
        // The copy that counts is the controller's.
        assert_eq!(
            machine.command_code(command::stop_endpoint(slot, bulk_in(), false)),
            CompletionCode::SUCCESS
        );
        let expected = before.2.with_ep_state(EndpointState::STOPPED);
        assert_eq!(machine.endpoint_context(slot, bulk_in()), expected);
    });
}

#[test] // req: CMD-36, INT-19
fn the_interrupter_target_counts_from_then_on() {
    let mut machine = Machine::new(xhci_model::Profile::default());
    let slot = machine.slot_in(SlotIs::Configured);
    assert_eq!(evaluate(&mut machine, slot, 0b01, 0), CompletionCode::SUCCESS);
    // An empty ring: the Stopped event goes to the slot's interrupter.
    assert_eq!(machine.command_code(command::stop_endpoint(slot, bulk_in(), false)), CompletionCode::SUCCESS);
    assert_eq!(machine.pending, []);
    let stopped = "Transfer Event: Stopped - Length Invalid 0x123000 length 0 slot 1 ep 3\n";
    assert_eq!(machine.transcript(1), stopped);
}

#[test] // req: CMD-36, CMD-18, TRB-57, CMD-03
fn packet_sizes_that_are_refused() {
    for (name, profile) in named_with_8_slots() {
        for (bytes, good) in
            [(8, true), (16, true), (32, true), (64, true), (9, false), (512, false), (0, false)]
        {
            let mut machine = Machine::new(profile.clone());
            let slot = machine.slot_in(SlotIs::Default);
            let control = InputControlContext::new().adding_slot().adding(Dci::EP0);
            let ep0 = EndpointContext::new().with_max_packet_size(bytes);
            let context = SlotContext::new().with_max_exit_latency(7);
            machine.input(control, context, &[(Dci::EP0, ep0)]);
            machine.poison_output(slot);
            let code = machine.command_code(command::evaluate_context(Gpa(INPUT), slot));
            let refused = bytes == 0 || (!good && profile.policy.strict);
            let expected = if refused { CompletionCode::PARAMETER_ERROR } else { CompletionCode::SUCCESS };
            assert_eq!(code, expected, "{name}: {bytes}");
            assert_eq!(machine.written(slot).lines().count(), if refused { 0 } else { 2 }, "{name}: {bytes}");
            let counted = machine.xhc.violations(Violation::InputContext);
            assert_eq!(counted, u64::from(!good && !refused));
        }
    }
}

/// The sizes of the packets of a data stage.
fn read_descriptor(machine: &mut Machine, slot: SlotId, ring: &mut Producer, packets: &[usize]) -> String {
    for size in packets {
        machine.gadget(PORT).answer(0, Answer::Data(vec![1; *size]));
    }
    ring.push(&mut machine.memory, transfer::setup_stage([0x80, 6, 0, 1, 0, 0, 64, 0], TransferType::IN));
    ring.push(
        &mut machine.memory,
        transfer::data_stage(Gpa(BUFFERS), 64, true).with_isp(true).with_ioc(true),
    );
    ring.push(&mut machine.memory, transfer::status_stage(false));
    machine.ring_doorbell(slot, Dci::EP0);
    machine.run_us(8_000);
    machine.transcript(0)
}

#[test] // req: CMD-37
fn a_stopped_default_endpoint_takes_its_packet_size_too() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Addressed);
        let stop = command::stop_endpoint(slot, Dci::EP0, false);
        assert_eq!(machine.command_code(stop), CompletionCode::SUCCESS);
        assert_eq!(evaluate(&mut machine, slot, 0b10, 0), CompletionCode::SUCCESS);
        let context = machine.endpoint_context(slot, Dci::EP0);
        assert_eq!((context.max_packet_size(), context.ep_state()), (32, EndpointState::STOPPED));
        let mut ring = Producer::new(ring_base(slot, Dci::EP0), 32);
        let text = read_descriptor(&mut machine, slot, &mut ring, &[32, 32]);
        assert_eq!(text, "Transfer Event: Success 0x121010 length 0 slot 1 ep 1\n");
    });
}

/// A full-speed device is asked with 8 bytes first.
#[test] // req: CMD-37, CTX-10, TRB-16
fn a_new_packet_size_counts_from_the_next_td_on() {
    on_every_profile(|mut machine| {
        let psiv = machine.plug(PORT, Gadget::new(Speed::Full));
        let slot = machine.enable_slot();
        let (control, context, ep0) = machine.address_input(slot, psiv);
        machine.input(control, context, &[(Dci::EP0, ep0.with_max_packet_size(8))]);
        let address = command::address_device(Gpa(INPUT), slot, false);
        assert_eq!(machine.command_code(address), CompletionCode::SUCCESS);
        let mut ring = Producer::new(ring_base(slot, Dci::EP0), 32);
        // Half of a TD with packets of 8, and the device makes the host wait.
        assert_eq!(read_descriptor(&mut machine, slot, &mut ring, &[8, 8]), "");
        let set = |machine: &mut Machine, bytes| {
            let ep0 = EndpointContext::new().with_max_packet_size(bytes);
            machine.input(InputControlContext::new().adding(Dci::EP0), context, &[(Dci::EP0, ep0)]);
            let code = machine.command_code(command::evaluate_context(Gpa(INPUT), slot));
            assert_eq!(code, CompletionCode::SUCCESS);
            let context = machine.endpoint_context(slot, Dci::EP0);
            assert_eq!((context.max_packet_size(), context.ep_state()), (bytes, EndpointState::RUNNING));
        };
        set(&mut machine, 64);
        // The rest still comes in packets of 8: 16 bytes would be babble, and 8 are no short packet.
        for _ in 0..6 {
            machine.gadget(PORT).answer(0, Answer::Data(vec![2; 8]));
        }
        machine.run_us(20_000);
        assert_eq!(machine.transcript(0), "Transfer Event: Success 0x121010 length 0 slot 1 ep 1\n");
        // The next one has packets of 64.
        let text = read_descriptor(&mut machine, slot, &mut ring, &[64]);
        assert_eq!(text, "Transfer Event: Success 0x121040 length 0 slot 1 ep 1\n");
        // Idle: at once.
        set(&mut machine, 16);
        let text = read_descriptor(&mut machine, slot, &mut ring, &[16, 16, 16, 16]);
        assert_eq!(text, "Transfer Event: Success 0x121070 length 0 slot 1 ep 1\n");
        // Stopped in the middle of a TD and sent elsewhere: the next TD has the new size.
        assert_eq!(read_descriptor(&mut machine, slot, &mut ring, &[16]), "");
        set(&mut machine, 64);
        let stop = command::stop_endpoint(slot, Dci::EP0, false);
        assert_eq!(machine.command_code(stop), CompletionCode::SUCCESS);
        let next = Gpa(ring.base + ring.at * 16);
        let dequeue = command::set_tr_dequeue_pointer(slot, Dci::EP0, next, true);
        assert_eq!(machine.command_code(dequeue), CompletionCode::SUCCESS);
        machine.take_events(0, true);
        let text = read_descriptor(&mut machine, slot, &mut ring, &[64]);
        assert_eq!(text, format!("Transfer Event: Success {:#x} length 0 slot 1 ep 1\n", next.0 + 16));
    });
}
