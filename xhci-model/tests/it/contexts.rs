//! What the controller writes into contexts, and what it reads and never touches (xHCI 4.5.2, 6.1, 6.6).

use crate::support::any_profile;
use crate::support::commands::{POISON, PORT, SlotIs, bulk_in};
use crate::support::gadget::{Answer, Gadget};
use crate::support::{
    BUFFERS, CONTEXTS, DCBAA, INPUT, Machine, Producer, SCRATCHPAD_PAGE, SCRATCHPADS, dci, endpoint,
    on_every_profile, ring_base,
};
use expect_test::expect;
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::context::{EndpointState, EndpointType, InputControlContext, SlotContext};
use xhci_spec::trb::transfer::IsochStart;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, SlotId, Trb, TrbType};

/// A step, and which entries it wrote, as they are afterwards.
fn step(text: &mut String, machine: &mut Machine, slot: SlotId, name: &str, act: impl FnOnce(&mut Machine)) {
    machine.poison_output(slot);
    act(machine);
    machine.run_us(1_000);
    *text += &format!("{name}\n");
    for line in machine.written(slot).lines() {
        *text += &format!("  {line}\n");
    }
}

fn run(machine: &mut Machine, trb: Trb) {
    assert_eq!(machine.command_code(trb), CompletionCode::SUCCESS, "{trb:?}");
}

#[test] // req: CTX-23, CTX-24, CTX-27, CTX-29, CMD-04, CTX-07, EPS-11
fn each_change_is_written_when_it_happens_and_whole() {
    for contexts_64 in [false, true] {
        let mut machine = Machine::new(Profile { contexts_64, ..Profile::default() });
        let slot = machine.slot_in(SlotIs::Enabled);
        let mut ring = Producer::new(ring_base(slot, bulk_in()), 16);
        let bulk = endpoint(slot, bulk_in(), EndpointType::BULK_IN, 512, 0);
        let mut text = String::new();
        let (control, context, ep0) = machine.address_input(slot, xhci_spec::Psiv::HIGH);
        let fields = context.with_max_exit_latency(5).with_interrupter_target(xhci_spec::InterrupterId(1));
        machine.input(control, fields, &[(Dci::EP0, ep0.with_average_trb_length(8))]);
        let text = &mut text;
        let m = &mut machine;
        step(text, m, slot, "Address Device, BSR = 1", |m| {
            run(m, command::address_device(Gpa(INPUT), slot, true));
        });
        step(text, m, slot, "Address Device, BSR = 0", |m| {
            run(m, command::address_device(Gpa(INPUT), slot, false));
        });
        step(text, m, slot, "Evaluate Context, A0", |m| {
            let control = InputControlContext::new().adding_slot();
            m.input(control, SlotContext([!0; 8]).with_max_exit_latency(6), &[]);
            run(m, command::evaluate_context(Gpa(INPUT), slot));
        });
        step(text, m, slot, "Configure Endpoint, add", |m| {
            let control = InputControlContext::new().adding_slot().adding(bulk_in());
            m.input(control, SlotContext::new().with_context_entries(3), &[(bulk_in(), bulk)]);
            run(m, command::configure_endpoint(Gpa(INPUT), slot, false));
        });
        step(text, m, slot, "doorbell of a Running endpoint, and a TD done", |m| {
            m.gadget(PORT).answer(1, Answer::Data(vec![1; 512]));
            ring.push(&mut m.memory, transfer::normal(Gpa(BUFFERS), 512));
            m.ring_doorbell(slot, bulk_in());
        });
        step(text, m, slot, "Stop Endpoint", |m| run(m, command::stop_endpoint(slot, bulk_in(), false)));
        step(text, m, slot, "doorbell of a Stopped endpoint", |m| m.ring_doorbell(slot, bulk_in()));
        step(text, m, slot, "a TD done, and a stall", |m| {
            m.gadget(PORT).answer(1, Answer::Data(vec![1; 512]));
            m.gadget(PORT).answer(1, Answer::Stall);
            for _ in 0..2 {
                ring.push(&mut m.memory, transfer::normal(Gpa(BUFFERS), 512));
            }
            m.ring_doorbell(slot, bulk_in());
        });
        step(text, m, slot, "Reset Endpoint", |m| run(m, command::reset_endpoint(slot, bulk_in(), false)));
        step(text, m, slot, "Set TR Dequeue Pointer", |m| {
            ring = Producer::new(ring.base + 0x800, 16);
            run(m, command::set_tr_dequeue_pointer(slot, bulk_in(), Gpa(ring.base), true));
        });
        step(text, m, slot, "doorbell, and a TRB Error", |m| {
            ring.push(&mut m.memory, Trb::of_type(TrbType(63)));
            m.ring_doorbell(slot, bulk_in());
        });
        step(text, m, slot, "Evaluate Context, A1", |m| {
            let control = InputControlContext::new().adding(Dci::EP0);
            m.input(control, SlotContext([!0; 8]), &[(Dci::EP0, ep0.with_max_packet_size(32))]);
            run(m, command::evaluate_context(Gpa(INPUT), slot));
        });
        step(text, m, slot, "Reset Device", |m| run(m, command::reset_device(slot)));
        step(text, m, slot, "Disable Slot", |m| run(m, command::disable_slot(slot)));
        let expected = expect![[r#"
            Address Device, BSR = 1
              slot  08300000 00010005 00400000 08000000 00000000 00000000 00000000 00000000
              ep 1  00000001 00400026 00121001 00000000 00000008 00000000 00000000 00000000
            Address Device, BSR = 0
              slot  08300000 00010005 00400000 10000001 00000000 00000000 00000000 00000000
              ep 1  00000001 00400026 00121001 00000000 00000008 00000000 00000000 00000000
            Evaluate Context, A0
              slot  08300000 00010006 ffc00000 10000001 00000000 00000000 00000000 00000000
            Configure Endpoint, add
              slot  18300000 00010006 ffc00000 18000001 00000000 00000000 00000000 00000000
              ep 3  00000001 02000036 00123001 00000000 00000000 00000000 00000000 00000000
            doorbell of a Running endpoint, and a TD done
            Stop Endpoint
              ep 3  00000003 02000036 00123011 00000000 00000000 00000000 00000000 00000000
            doorbell of a Stopped endpoint
              ep 3  00000001 02000036 00123011 00000000 00000000 00000000 00000000 00000000
            a TD done, and a stall
              ep 3  00000002 02000036 00123021 00000000 00000000 00000000 00000000 00000000
            Reset Endpoint
              ep 3  00000003 02000036 00123021 00000000 00000000 00000000 00000000 00000000
            Set TR Dequeue Pointer
              ep 3  00000003 02000036 00123801 00000000 00000000 00000000 00000000 00000000
            doorbell, and a TRB Error
              ep 3  00000004 02000036 00123801 00000000 00000000 00000000 00000000 00000000
            Evaluate Context, A1
              ep 1  00000001 00200026 00121001 00000000 00000008 00000000 00000000 00000000
            Reset Device
              slot  08300000 00010006 ffc00000 08000000 00000000 00000000 00000000 00000000
              ep 1  00000001 00200026 00121001 00000000 00000008 00000000 00000000 00000000
              ep 3  00000000 02000036 00123801 00000000 00000000 00000000 00000000 00000000
            Disable Slot
        "#]];
        expected.assert_eq(text);
    }
}

/// The controller's writes behind one command: `c` to output contexts, `e` to the event ring.
fn order(machine: &mut Machine, trb: Trb) -> String {
    machine.memory.take_accesses();
    run(machine, trb);
    let writes = machine.memory.take_accesses().into_iter().filter(|access| access.write);
    writes
        .filter_map(|access| match access.at {
            0x1_0000..0x1_F000 => Some('e'),
            CONTEXTS..0xB_0000 => Some('c'),
            _ => None,
        })
        .collect()
}

#[test] // req: CMD-04, EPS-11
fn contexts_are_written_before_events() {
    on_every_profile(|mut machine| {
        // Of the profiles, the strict one has 64-byte contexts and shows disabled slots.
        let shown = machine.csz.csz();
        machine.plug(PORT, Gadget::new(Speed::High));
        let slot = machine.enable_slot();
        let (control, context, ep0) = machine.address_input(slot, xhci_spec::Psiv::HIGH);
        machine.input(control, context, &[(Dci::EP0, ep0)]);
        // An event is written in two parts, the one with the cycle bit last.
        let order = |machine: &mut Machine, trb| order(machine, trb);
        assert_eq!(order(&mut machine, command::address_device(Gpa(INPUT), slot, true)), "ccee");
        assert_eq!(order(&mut machine, command::address_device(Gpa(INPUT), slot, false)), "ccee");
        assert_eq!(order(&mut machine, command::evaluate_context(Gpa(INPUT), slot)), "ccee");
        let bulk = endpoint(slot, bulk_in(), EndpointType::BULK_IN, 512, 0);
        let control = InputControlContext::new().adding_slot().adding(bulk_in());
        machine.input(control, SlotContext::new().with_context_entries(3), &[(bulk_in(), bulk)]);
        assert_eq!(order(&mut machine, command::configure_endpoint(Gpa(INPUT), slot, false)), "ccee");
        // The Stopped event and the completion.
        assert_eq!(order(&mut machine, command::stop_endpoint(slot, bulk_in(), false)), "ceeee");
        let at = Gpa(ring_base(slot, bulk_in()));
        let dequeue = command::set_tr_dequeue_pointer(slot, bulk_in(), at, true);
        assert_eq!(order(&mut machine, dequeue), "cee");
        assert_eq!(order(&mut machine, command::reset_device(slot)), "cccee");
        let last = if shown { "ccee" } else { "ee" };
        assert_eq!(order(&mut machine, command::disable_slot(slot)), last);
    });
}

#[test] // req: CTX-26, CTX-27, CTX-01
fn the_copy_of_the_controller_counts() {
    on_every_profile(|mut machine| {
        let slot = machine.slot_in(SlotIs::Configured);
        // The driver scribbles over the output contexts and the DCBAA entry.
        machine.memory.put(CONTEXTS + 0x1000, &[0xFF; 0x1000]);
        machine.set_output(slot, 0);
        machine.gadget(PORT).answer(1, Answer::Data(vec![1; 512]));
        let mut ring = Producer::new(ring_base(slot, bulk_in()), 16);
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_ioc(true));
        machine.take_events(0, true);
        machine.ring_doorbell(slot, bulk_in());
        machine.run_us(1_000);
        assert_eq!(machine.transcript(0), "Transfer Event: Success 0x123000 length 0 slot 1 ep 3\n");
        run(&mut machine, command::stop_endpoint(slot, bulk_in(), false));
        let context = machine.endpoint_context(slot, bulk_in());
        let expected = endpoint(slot, bulk_in(), EndpointType::BULK_IN, 512, 0)
            .with_ep_state(EndpointState::STOPPED)
            .with_tr_dequeue_pointer(Gpa(ring_base(slot, bulk_in()) + 16));
        assert_eq!(context, expected);
        // Only the entry that changed.
        assert_eq!(machine.memory.get::<32>(CONTEXTS + 0x1000), [0xFF; 32]);
    });
}

#[test] // req: CTX-26, SEC-08
fn input_contexts_are_read_once_and_never_written() {
    on_every_profile(|mut machine| {
        machine.plug(PORT, Gadget::new(Speed::High));
        let slot = machine.enable_slot();
        let (control, context, ep0) = machine.address_input(slot, xhci_spec::Psiv::HIGH);
        machine.input(control, context, &[(Dci::EP0, ep0)]);
        let more = [(bulk_in(), endpoint(slot, bulk_in(), EndpointType::BULK_IN, 512, 0))];
        let csz = machine.csz;
        for (trb, flags, wanted) in [
            (command::address_device(Gpa(INPUT), slot, false), control, vec![0, 1, 2]),
            (command::evaluate_context(Gpa(INPUT), slot), control.with_add_flags(1), vec![0, 1]),
            (command::evaluate_context(Gpa(INPUT), slot), control.with_add_flags(2), vec![0, 2]),
            (
                command::configure_endpoint(Gpa(INPUT), slot, false),
                control.with_add_flags(0b1001),
                vec![0, 1, 4],
            ),
            (command::configure_endpoint(Gpa(INPUT), slot, true), control, vec![]),
        ] {
            machine.input(flags, context, &more);
            machine.memory.take_accesses();
            run(&mut machine, trb);
            let range = INPUT..INPUT + csz.input_bytes();
            let accesses: Vec<_> = machine
                .memory
                .take_accesses()
                .into_iter()
                .filter(|access| range.contains(&access.at))
                .collect();
            let expected: Vec<_> =
                wanted.iter().map(|entry| (false, INPUT + entry * csz.bytes(), 32)).collect();
            let accesses: Vec<_> =
                accesses.iter().map(|access| (access.write, access.at, access.length)).collect();
            assert_eq!(accesses, expected, "{trb:?}");
        }
    });
}

#[test] // req: CTX-01, OPR-41
fn dcbaa_is_read_by_address_device_only() {
    on_every_profile(|mut machine| {
        machine.plug(PORT, Gadget::new(Speed::High));
        let slot = machine.enable_slot();
        let entry = DCBAA + u64::from(slot.get()) * 8;
        let reads = |machine: &mut Machine, trb| {
            machine.memory.take_accesses();
            run(machine, trb);
            let accesses = machine.memory.take_accesses();
            accesses
                .iter()
                .filter(|access| (DCBAA..DCBAA + 0x800).contains(&access.at))
                .map(|a| (a.at, a.length))
                .collect::<Vec<_>>()
        };
        let (control, context, ep0) = machine.address_input(slot, xhci_spec::Psiv::HIGH);
        machine.input(control, context, &[(Dci::EP0, ep0)]);
        let trb = command::address_device(Gpa(INPUT), slot, true);
        assert_eq!(reads(&mut machine, trb), [(entry, 8)]);
        let trb = command::address_device(Gpa(INPUT), slot, false);
        assert_eq!(reads(&mut machine, trb), [(entry, 8)]);
        for trb in [
            command::evaluate_context(Gpa(INPUT), slot),
            command::stop_endpoint(slot, Dci::EP0, false),
            command::set_tr_dequeue_pointer(slot, Dci::EP0, Gpa(ring_base(slot, Dci::EP0)), true),
            command::reset_device(slot),
            command::disable_slot(slot),
        ] {
            assert_eq!(reads(&mut machine, trb), [], "{trb:?}");
        }
    });
}

#[test] // req: CTX-02, SEC-10
fn scratchpads_are_left_alone() {
    for scratchpads in [0, 4] {
        let mut machine = Machine::cold(Profile { scratchpads, ..any_profile() });
        machine.memory.put(SCRATCHPAD_PAGE, &[POISON; 0x1000]);
        machine.memory.take_accesses();
        machine.bring_up();
        let slot = machine.enumerate(PORT, Gadget::new(Speed::High));
        let bulk = endpoint(slot, bulk_in(), EndpointType::BULK_IN, 512, 0);
        machine.configure(slot, &[(bulk_in(), bulk)]);
        machine.gadget(PORT).answer(1, Answer::Data(vec![1; 512]));
        Producer::new(ring_base(slot, bulk_in()), 16)
            .push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_ioc(true));
        machine.take_events(0, true);
        machine.ring_doorbell(slot, bulk_in());
        machine.run_us(1_000);
        assert_eq!(machine.transcript(0), "Transfer Event: Success 0x123000 length 0 slot 1 ep 3\n");
        let in_pages = |at| (SCRATCHPADS..SCRATCHPADS + 0x1000).contains(&at) || at >= SCRATCHPAD_PAGE;
        let accesses = machine.memory.take_accesses();
        assert!(!accesses.is_empty());
        // The pages themselves are never touched, and without scratchpads the array is not looked for either.
        assert_eq!(accesses.iter().filter(|access| access.at >= SCRATCHPAD_PAGE).count(), 0);
        if scratchpads == 0 {
            let array = |access: &&crate::support::memory::Access| access.at == DCBAA || in_pages(access.at);
            assert_eq!(accesses.iter().filter(array).count(), 0);
        }
        assert_eq!(machine.memory.slice(SCRATCHPAD_PAGE, 0x1000), [POISON; 0x1000]);
    }
}

#[test] // req: CTX-04, CTX-08, CTX-06
fn a_route_is_shown_as_it_was_given() {
    let mut machine = Machine::new(any_profile());
    let slot = machine.slot_in(SlotIs::Enabled);
    // Nobody is there; without SET_ADDRESS nobody asks.
    let (control, context, ep0) = machine.address_input(slot, xhci_spec::Psiv::HIGH);
    let context = context.with_route_string(0xF_4321).with_context_entries(31);
    machine.input(control, context, &[(Dci::EP0, ep0)]);
    run(&mut machine, command::address_device(Gpa(INPUT), slot, true));
    let shown = machine.slot_context(slot);
    assert_eq!((shown.route_string(), shown.context_entries()), (0xF_4321, 31));
    assert_eq!(shown.speed(), xhci_spec::Psiv::HIGH);
    let trb = command::address_device(Gpa(INPUT), slot, false);
    assert_eq!(machine.command_code(trb), CompletionCode::USB_TRANSACTION_ERROR);
    assert_eq!(machine.gadget(PORT).setups, [[0; 8]; 0], "the device at the root port is another one");
}

/// The intervals of periodic endpoints, in microframes, from the times of their IN tokens.
#[test] // req: CTX-09, CTX-15, CTX-16, SEC-07
fn an_interval_is_a_power_of_two() {
    let (interrupt, isoch) = (EndpointType::INTERRUPT_IN, EndpointType::ISOCH_IN);
    for (speed, kind, interval, microframes) in [
        (Speed::High, interrupt, 0, 1),
        (Speed::High, interrupt, 3, 8),
        (Speed::High, interrupt, 6, 64),
        (Speed::High, interrupt, 15, 32_768),
        (Speed::High, interrupt, 16, 32_768),
        (Speed::High, interrupt, 255, 32_768),
        (Speed::High, isoch, 2, 4),
        (Speed::Full, interrupt, 0, 8),
        (Speed::Full, interrupt, 3, 8),
        (Speed::Full, interrupt, 10, 1_024),
        (Speed::Full, interrupt, 18, 32_768),
        // Isochronous endpoints of full speed have the longest intervals: 32 s.
        (Speed::Full, isoch, 0, 8),
        (Speed::Full, isoch, 16, 65_536),
        (Speed::Full, isoch, 18, 262_144),
        (Speed::Full, isoch, 19, 262_144),
        (Speed::Low, interrupt, 2, 8),
        (Speed::Low, interrupt, 4, 16),
        (Speed::Super, interrupt, 0, 1),
        (Speed::Super, interrupt, 3, 8),
        (Speed::Super, interrupt, 15, 32_768),
    ] {
        let mut machine = Machine::new(Profile::default());
        let port = if speed == Speed::Super { machine.usb3_port() } else { PORT };
        let psiv = machine.plug(port, Gadget::new(speed).isochronous(2));
        let slot = machine.enable_slot();
        let device =
            SlotContext::new().with_speed(psiv).with_context_entries(1).with_root_hub_port_number(port);
        assert_eq!(machine.address(slot, device, false), CompletionCode::SUCCESS);
        let ep = dci(if kind.is_isoch() { 2 } else { 1 }, true);
        assert_eq!(
            machine.configure(slot, &[(ep, endpoint(slot, ep, kind, 8, interval))]),
            CompletionCode::SUCCESS
        );
        let mut ring = Producer::new(ring_base(slot, ep), 16);
        for _ in 0..6 {
            ring.push(
                &mut machine.memory,
                if kind.is_isoch() {
                    transfer::isoch(Gpa(BUFFERS), 8, IsochStart::Asap)
                } else {
                    transfer::normal(Gpa(BUFFERS), 8)
                },
            );
        }
        machine.gadget(port).asked.clear();
        machine.ring_doorbell(slot, ep);
        machine.run_us(125 * (microframes * 4 + 16));
        let asked: Vec<_> = machine.gadget(port).asked.iter().map(|(at, _)| *at).collect();
        assert!(asked.len() >= 3, "{speed:?} {kind} {interval}");
        for pair in asked.windows(2) {
            let apart = (pair[1] - pair[0]).as_micros();
            assert_eq!(apart, microframes * 125, "{speed:?} {kind} {interval}");
        }
    }
}
