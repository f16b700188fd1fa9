//! Errors that stop the controller: memory that does not answer (HSE), and its own defects (HCE).

use crate::support::any_profile;
use crate::support::gadget::{Answer, Gadget};
use crate::support::{BUFFERS, DCBAA, EVENT_RINGS, INPUT, Machine, Producer, dci, endpoint};
use crate::support::{on_every_profile, ring_base};
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Policy, Profile};
use xhci_spec::context::{EndpointState, EndpointType, InputControlContext};
use xhci_spec::erst::ErstEntry;
use xhci_spec::trb::{TransferType, command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, SlotId, Trb, TrbType};

const HCH: u32 = 1;
const HSE: u32 = 4;
const EINT: u32 = 8;
const HCE: u32 = 1 << 12;
/// An address that no memory answers, within 32 bits.
const NOWHERE: u64 = 0x7FFF_0000;

/// A device with bulk endpoint 1 OUT and its ring.
fn machine(profile: Profile) -> (Machine, SlotId, Dci, Producer) {
    let mut machine = Machine::new(profile);
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, false);
    machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_OUT, 512, 0))]);
    machine.write(machine.op + 4, EINT | 0x10);
    machine.interrupts.clear();
    let ring = Producer::new(ring_base(slot, ep), 64);
    (machine, slot, ep, ring)
}

fn run_command(machine: &mut Machine, trb: Trb) {
    machine.command.push(&mut machine.memory, trb);
    machine.write(machine.doorbells, 0);
    machine.run(Duration::from_millis(10));
}

/// Gives the slot's device its slot anew. The context is where DCBAA says now.
fn address_anew(machine: &mut Machine, slot: SlotId) {
    let context = machine.slot_context(slot).with_context_entries(1);
    run_command(machine, command::disable_slot(slot));
    run_command(machine, command::enable_slot(0));
    let ep0 = endpoint(slot, Dci::EP0, EndpointType::CONTROL, 64, 0);
    machine.input(InputControlContext::new().adding_slot().adding(Dci::EP0), context, &[(Dci::EP0, ep0)]);
    run_command(machine, command::address_device(Gpa(INPUT), slot, true));
}

/// The ways in which software can point to nothing.
type Mistake = fn(&mut Machine, SlotId, Dci, &mut Producer);

fn mistakes() -> [(&'static str, Mistake); 10] {
    [
        ("DCBAA", |machine, slot, _, _| {
            machine.write64(machine.op + 0x30, NOWHERE);
            address_anew(machine, slot);
        }),
        ("device context", |machine, slot, _, _| {
            machine.memory.put(DCBAA + 8 * u64::from(slot.get()), &NOWHERE.to_le_bytes());
            address_anew(machine, slot);
        }),
        ("input context", |machine, slot, _, _| {
            run_command(machine, command::evaluate_context(Gpa(NOWHERE), slot));
        }),
        ("command ring", |machine, _, _, _| {
            run_command(machine, transfer::link(Gpa(NOWHERE), false));
        }),
        ("transfer ring", |machine, slot, ep, ring| {
            ring.push(&mut machine.memory, transfer::link(Gpa(NOWHERE), false));
            machine.ring_doorbell(slot, ep);
            machine.run_us(1000);
        }),
        ("OUT data", |machine, slot, ep, ring| {
            ring.push(&mut machine.memory, transfer::normal(Gpa(NOWHERE), 512));
            machine.ring_doorbell(slot, ep);
            machine.run_us(1000);
        }),
        ("IN data", |machine, slot, _, _| {
            let setup = [0x80, 6, 0, 1, 0, 0, 8, 0];
            let mut ring = Producer::new(ring_base(slot, Dci::EP0), 64);
            machine.gadget(1).answer(0, Answer::Data(vec![0; 8]));
            ring.push(&mut machine.memory, transfer::setup_stage(setup, TransferType::IN));
            ring.push(&mut machine.memory, transfer::data_stage(Gpa(NOWHERE), 8, true));
            machine.ring_doorbell(slot, Dci::EP0);
            machine.run_us(1000);
        }),
        ("event ring table", |machine, _, _, _| {
            machine.write64(machine.ir(0) + 0x10, NOWHERE);
            run_command(machine, command::no_op());
        }),
        ("event ring segment", |machine, _, _, _| {
            let table = EVENT_RINGS + 0xFF00;
            machine.memory.put(table, &ErstEntry { segment: Gpa(NOWHERE), trbs: 256 }.to_bytes());
            machine.write64(machine.ir(0) + 0x10, table);
            machine.write64(machine.ir(0) + 0x18, NOWHERE);
            run_command(machine, command::no_op());
        }),
        ("half of a TRB", |machine, slot, ep, ring| {
            // The last 8 bytes of memory.
            machine.memory.put((4 << 20) - 16, &transfer::no_op().with_cycle(true).to_bytes());
            machine.memory.unmap((4 << 20) - 8..4 << 20);
            ring.push(&mut machine.memory, transfer::link(Gpa((4 << 20) - 16), false));
            machine.ring_doorbell(slot, ep);
            machine.run_us(1000);
        }),
    ]
}

#[test] // req: ERR-01, ERR-12, OPR-27, OPR-36
fn every_pointer_to_nothing_is_a_host_system_error() {
    for profile in [any_profile(), Profile::strict()] {
        for (name, mistake) in mistakes() {
            let (mut machine, slot, ep, mut ring) = machine(profile.clone());
            // Software looks at nothing in the meantime: all interrupts are the controller's doing.
            machine.write(machine.ir(0), 0);
            mistake(&mut machine, slot, ep, &mut ring);
            assert_eq!(machine.usbsts() & (HCH | HSE | HCE | EINT), HCH | HSE | EINT, "{name}");
            assert_eq!(machine.read(machine.ir(0)), 1, "{name}: IP");
            assert_eq!(machine.usbcmd() & 1, 0, "{name}: RS");
            assert_eq!(machine.read(machine.op + 0x18), 0, "{name}: CRR");
            assert_eq!(machine.interrupts, [], "{name}");
            assert_eq!(machine.accesses_in(Duration::from_millis(100)), 0, "{name}: memory is left alone");
        }
    }
}

#[test] // req: ERR-01, ERR-06, OPR-27, OPR-28
fn an_error_interrupts_unless_the_policy_says_otherwise() {
    for error_interrupt in [false, true] {
        for inject in [false, true] {
            let policy = match error_interrupt {
                true => Policy::DEFAULT,
                false => Policy { error_interrupt, ..Policy::DEFAULT },
            };
            let (mut machine, slot, ep, mut ring) = machine(Profile { policy, ..any_profile() });
            let before = machine.memory.get::<0x1000>(EVENT_RINGS);
            if inject {
                machine.inject_hce();
            } else {
                ring.push(&mut machine.memory, transfer::normal(Gpa(NOWHERE), 512));
                machine.ring_doorbell(slot, ep);
                machine.run_us(1000);
            }
            let error = if inject { HCE } else { HSE };
            let interrupt = if error_interrupt { EINT } else { 0 };
            assert_eq!(machine.usbsts(), HCH | error | interrupt);
            let vectors: Vec<u16> = machine.interrupts.iter().map(|(_, vector)| *vector).collect();
            assert_eq!(vectors, if error_interrupt { vec![0] } else { vec![] });
            assert!(machine.memory.get::<0x1000>(EVENT_RINGS) == before, "no event");
        }
    }
    // Without IE the interrupt stays pending and is sent when IE comes.
    let (mut machine, ..) = machine(any_profile());
    machine.write(machine.ir(0), 0);
    machine.inject_hce();
    assert_eq!((machine.read(machine.ir(0)), machine.interrupts.len()), (1, 0));
    machine.write(machine.ir(0), 2);
    assert_eq!((machine.read(machine.ir(0)), machine.interrupts.len()), (2, 1));
}

#[test] // req: ERR-03, ERR-09, OPR-25, OPR-26
fn after_an_error_only_a_reset_helps() {
    for inject in [false, true] {
        let (mut machine, slot, ep, mut ring) = machine(any_profile());
        if inject {
            machine.inject_hce();
        } else {
            ring.push(&mut machine.memory, transfer::normal(Gpa(NOWHERE), 512));
            machine.ring_doorbell(slot, ep);
        }
        machine.run_us(1000);
        let error = if inject { HCE } else { HSE };
        assert_eq!(machine.usbsts() & (HCH | HSE | HCE), HCH | error);
        machine.write(machine.op + 4, !0);
        assert_eq!(machine.usbsts(), if inject { HCH | HCE } else { HCH }, "HSE is RW1C, HCE is not");
        for value in [1, 5, 0xC0D, 0] {
            machine.write(machine.op, value);
            assert_eq!(machine.usbcmd(), 4, "{value:#x} is ignored; INTE as it was");
        }
        machine.write(machine.doorbells, 0);
        machine.ring_doorbell(slot, ep);
        assert_eq!(machine.accesses_in(Duration::from_millis(100)), 0);
        assert_eq!(machine.usbsts() & HCH, HCH);
        assert_eq!(machine.portsc(1) & 3, 3, "PORTSC can be read");
        machine.reset();
        assert_eq!(machine.usbsts() & (HCH | HSE | HCE), HCH);
        machine.bring_up_again();
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
    }
}

#[test] // req: ERR-05, OPR-36
fn a_host_controller_error_stops_everything() {
    on_every_profile(|mut machine| {
        machine.enumerate(1, Gadget::new(Speed::High));
        let events = machine.memory.get::<0x1000>(EVENT_RINGS);
        run_command(&mut machine, command::no_op());
        let one_more = machine.memory.get::<0x1000>(EVENT_RINGS);
        assert!(events != one_more);
        machine.command.push(&mut machine.memory, command::no_op());
        machine.xhc.write32(machine.now, machine.doorbells, 0);
        machine.inject_hce();
        assert_eq!(machine.usbsts() & (HCH | HCE), HCH | HCE);
        assert_eq!((machine.usbcmd() & 1, machine.read(machine.op + 0x18)), (0, 0), "RS and CRR");
        assert_eq!(machine.accesses_in(Duration::from_millis(50)), 0);
        assert!(machine.memory.get::<0x1000>(EVENT_RINGS) == one_more);
        machine.reset();
        assert_eq!(machine.usbsts() & HCE, 0);
    });
}

#[test] // req: ERR-05, SEC-02
fn a_command_ring_that_leads_nowhere_is_a_host_controller_error() {
    let (mut machine, ..) = machine(any_profile());
    let at = machine.command.base + machine.command.at * 16;
    run_command(&mut machine, transfer::link(Gpa(at), false));
    assert_eq!(machine.usbsts() & (HCH | HSE | HCE), HCH | HCE);
}

#[test] // req: ERR-05, SEC-02
fn a_command_ring_of_nothing_but_links_that_ask_for_events_is_a_host_controller_error() {
    let mut machine = Machine::new(any_profile());
    let ring = 0x6_0000;
    for index in 0..300 {
        let link = transfer::link(Gpa(ring + (index + 1) * 16), false).with_ioc(true);
        machine.memory.put(ring + index * 16, &link.with_cycle(true).to_bytes());
    }
    machine.write64(machine.op + 0x18, ring | 1);
    machine.write(machine.doorbells, 0);
    let mut events = 0;
    for _ in 0..10 {
        machine.run_us(100);
        let is_completion = |trb: &Trb| trb.trb_type() == TrbType::COMMAND_COMPLETION_EVENT;
        events += machine.take_events(0, true).into_iter().filter(is_completion).count();
    }
    assert_eq!(machine.usbsts() & (HCH | HSE | HCE), HCH | HCE);
    assert_eq!(events, 256, "so many Links in a row are followed");
}

#[test] // req: OPR-19, ERR-04
fn a_host_system_error_is_told_out_of_band_if_hsee_is_set() {
    for (hsee, inject) in [(false, false), (true, false), (true, true)] {
        let (mut machine, slot, ep, mut ring) = machine(any_profile());
        machine.write(machine.op, 5 | u32::from(hsee) << 3);
        if inject {
            machine.inject_hce();
        } else {
            ring.push(&mut machine.memory, transfer::normal(Gpa(NOWHERE), 512));
            machine.ring_doorbell(slot, ep);
        }
        machine.run_us(1000);
        assert_eq!(machine.usbsts() & HSE, if inject { 0 } else { HSE }, "HSE does not depend on HSEE");
        assert_eq!(machine.system_errors, u32::from(hsee && !inject));
    }
}

#[test] // req: ERR-02
fn a_data_buffer_without_memory_may_cost_only_its_td() {
    let policy = Policy { data_buffer_error: true, ..Policy::DEFAULT };
    let (mut machine, slot, ep, mut ring) = machine(Profile { policy, ..any_profile() });
    let bad = ring.push(&mut machine.memory, transfer::normal(Gpa(NOWHERE), 512).with_ioc(true));
    let good = ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_ioc(true));
    machine.ring_doorbell(slot, ep);
    machine.run_us(1000);
    let events = machine.take_events(0, true);
    let codes: Vec<_> = events.iter().map(|event| (event.parameter, event.completion_code())).collect();
    assert_eq!(codes, [(bad.0, CompletionCode::DATA_BUFFER_ERROR), (good.0, CompletionCode::SUCCESS)]);
    assert_eq!(machine.endpoint_context(slot, ep).ep_state(), EndpointState::RUNNING);
    assert_eq!(machine.usbsts() & (HCH | HSE), 0);
    // Anything but data still is a Host System Error.
    ring.push(&mut machine.memory, transfer::link(Gpa(NOWHERE), false));
    machine.ring_doorbell(slot, ep);
    machine.run_us(1000);
    assert_eq!(machine.usbsts() & (HCH | HSE), HCH | HSE);
}

#[test] // req: ERR-07, TRB-27
fn undefined_trbs_are_never_a_host_error() {
    for kind in (24..64).chain([0, 1, 8]) {
        let mut machine = Machine::new(any_profile());
        let trb = Trb::from_dwords([0, 0, 0, kind << 10]);
        assert_eq!(machine.command_code(trb), CompletionCode::TRB_ERROR, "command {kind}");
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
        assert_eq!(machine.usbsts() & (HCH | HSE | HCE), 0);
    }
    for kind in (9..64).chain([0]) {
        let (mut machine, slot, ep, mut ring) = machine(any_profile());
        let at = ring.push(&mut machine.memory, Trb::from_dwords([0, 0, 0, kind << 10]));
        machine.ring_doorbell(slot, ep);
        machine.run_us(1000);
        let [event] = machine.take_events(0, true)[..] else { panic!("one event for {kind}") };
        assert_eq!((event.parameter, event.completion_code()), (at.0, CompletionCode::TRB_ERROR), "{kind}");
        assert_eq!(machine.endpoint_context(slot, ep).ep_state(), EndpointState::ERROR);
        assert_eq!(machine.usbsts() & (HCH | HSE | HCE), 0);
    }
}

#[test] // req: ERR-08
fn malformed_contexts_have_a_code_of_their_own() {
    let (mut machine, slot, ..) = machine(any_profile());
    let ep = dci(2, true);
    let good = endpoint(slot, ep, EndpointType::BULK_IN, 512, 0);
    for bad in [
        good.with_ep_type(EndpointType(0)),
        good.with_ep_type(EndpointType::BULK_OUT),
        good.with_tr_dequeue_pointer(Gpa::NULL),
    ] {
        assert_eq!(machine.configure(slot, &[(ep, bad)]), CompletionCode::PARAMETER_ERROR, "{bad:?}");
    }
    assert_eq!(machine.configure(slot, &[(ep, good)]), CompletionCode::SUCCESS);
    // A misaligned entry of DCBAA: its low bits count as 0.
    let second = machine.command(command::enable_slot(0)).slot.unwrap();
    let device = crate::support::CONTEXTS + u64::from(second.get()) * 0x1000;
    machine.memory.put(DCBAA + 8 * u64::from(second.get()), &(device | 0x3F).to_le_bytes());
    let context = machine.slot_context(slot).with_context_entries(1);
    let ep0 = endpoint(second, Dci::EP0, EndpointType::CONTROL, 64, 0);
    machine.input(InputControlContext::new().adding_slot().adding(Dci::EP0), context, &[(Dci::EP0, ep0)]);
    let code = machine.command_code(command::address_device(Gpa(INPUT), second, true));
    assert_eq!(code, CompletionCode::SUCCESS);
    assert_ne!(machine.memory.get::<16>(device), [0; 16]);
    assert_eq!(machine.xhc.violations(xhci_model::Violation::Misaligned), 1);
}

#[test] // req: ERR-10
fn buffers_do_not_wrap_around() {
    for (address, length) in [(u64::MAX - 15, 64), (u64::MAX, 2), (1 << 63, 1), ((4 << 20) - 1, 2)] {
        let (mut machine, slot, ep, mut ring) = machine(Profile::default());
        ring.push(&mut machine.memory, transfer::normal(Gpa(address), length).with_ioc(true));
        machine.ring_doorbell(slot, ep);
        machine.run_us(1000);
        assert_eq!(machine.usbsts() & (HCH | HSE), HCH | HSE, "{length} bytes at {address:#x}");
        assert_eq!(machine.gadget(1).received.len(), 0);
    }
}

#[test] // req: ERR-11
fn the_controller_does_not_reach_its_own_registers() {
    // The BAR is put over memory that would answer.
    let bar = 0x30_0000;
    for (address, length, reached) in [
        (bar, 4, false),
        (bar - 4, 5, false),
        (bar - 4, 4, true),
        (bar + 0xFFFF, 1, false),
        (bar + 0x1_0000, 4, true),
    ] {
        let (mut machine, slot, ep, mut ring) = machine(any_profile());
        assert_eq!(machine.xhc.bar_size(), 0x1_0000);
        machine.xhc.set_bar(Some(Gpa(bar)));
        ring.push(&mut machine.memory, transfer::normal(Gpa(address), length).with_ioc(true));
        machine.ring_doorbell(slot, ep);
        machine.run_us(1000);
        assert_eq!(machine.usbsts() & HSE == 0, reached, "{length} bytes at {address:#x}");
        assert_eq!(machine.gadget(1).received.len(), usize::from(reached));
    }
    // Without a known address there is nothing to refuse.
    let (mut machine, slot, ep, mut ring) = machine(any_profile());
    machine.xhc.set_bar(Some(Gpa(bar)));
    machine.xhc.set_bar(None);
    ring.push(&mut machine.memory, transfer::normal(Gpa(bar), 4));
    machine.ring_doorbell(slot, ep);
    machine.run_us(1000);
    assert_eq!(machine.usbsts() & HSE, 0);
}

/// An IN transfer into the BAR would write registers.
#[test] // req: ERR-11
fn a_write_into_the_bar_changes_no_register() {
    let bar = 0x30_0000;
    let mut machine = Machine::new(any_profile());
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, true);
    machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_IN, 512, 0))]);
    machine.xhc.set_bar(Some(Gpa(bar)));
    machine.gadget(1).answer(1, Answer::Data(vec![0xFF; 8]));
    let dnctrl = u64::from(machine.op) + 0x14;
    let mut ring = Producer::new(ring_base(slot, ep), 64);
    ring.push(&mut machine.memory, transfer::normal(Gpa(bar + dnctrl), 8).with_ioc(true));
    machine.ring_doorbell(slot, ep);
    machine.run_us(1000);
    assert_eq!(machine.usbsts() & HSE, HSE);
    assert_eq!(machine.read(machine.op + 0x14), 0);
    assert_eq!(machine.memory.get::<8>(bar + dnctrl), [0; 8]);
}
