//! From power-on to an addressed device.

use crate::support::gadget::Gadget;
use crate::support::{Machine, dci, endpoint, on_every_profile};
use expect_test::expect;
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::CompletionCode;
use xhci_spec::context::{EndpointState, EndpointType, SlotState};
use xhci_spec::trb::command;

/// Every behaviour here is the same with 32-byte and 64-byte contexts.
fn profiles() -> [Profile; 2] {
    [Profile::default(), Profile { contexts_64: true, ..Profile::default() }]
}

#[test] // req: OPR-45, EVR-07, EVR-08, CMD-01, CMD-08, CMD-10, RNG-31
fn commands_complete_in_order() {
    for profile in profiles() {
        let mut machine = Machine::new(profile);
        for _ in 0..200 {
            let answer = machine.command(command::no_op());
            assert_eq!((answer.code, answer.slot, answer.parameter), (CompletionCode::SUCCESS, None, 0));
        }
        // Nothing else was told, of the Links on the way least of all, and it was told to interrupter 0.
        assert_eq!((machine.pending.len(), machine.take_events(1, true)), (0, vec![]));
        for slot in 1..=16 {
            assert_eq!(machine.command(command::enable_slot(0)).slot.map(|slot| slot.get()), Some(slot));
        }
        let answer = machine.command(command::enable_slot(0));
        assert_eq!((answer.code, answer.slot), (CompletionCode::NO_SLOTS_AVAILABLE, None));
    }
}

#[test] // req: PRT-15, PRT-16, PRT-18, PRT-58, TRB-30
fn a_high_speed_device_appears_and_is_reset() {
    let mut machine = Machine::new(Profile::default());
    let mut trace = String::new();
    let mut note = |what: &str, machine: &mut Machine| {
        trace += &format!("{what}: {:08x} {}\n", machine.portsc(5), machine.transcript(0).trim());
    };
    note("empty", &mut machine);
    let port = xhci_spec::PortId::new(5).unwrap();
    machine.xhc.attach(machine.now, port, Box::new(Gadget::new(Speed::High))).unwrap();
    machine.run_us(1);
    note("attached", &mut machine);
    machine.write_portsc(5, 0x0002_0200);
    note("CSC cleared", &mut machine);
    machine.write_portsc(5, 0x0000_0210);
    note("resetting", &mut machine);
    machine.run(Duration::from_millis(50));
    note("reset done", &mut machine);
    machine.xhc.detach(machine.now, port);
    machine.run_us(1);
    note("gone", &mut machine);
    expect![[r#"
        empty: 000002a0 
        attached: 000202e1 Port Status Change Event: Success port 5
        CSC cleared: 000002e1 
        resetting: 000002f1 
        reset done: 00200e03 Port Status Change Event: Success port 5
        gone: 002202a0 
    "#]]
    .assert_eq(&trace);
}

#[test] // req: CMD-20, CMD-23, CMD-31, CMD-32, CTX-23, EPS-01, SLT-02, SLT-04
fn a_device_is_addressed_and_configured() {
    for profile in profiles() {
        let mut machine = Machine::new(profile);
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let context = machine.slot_context(slot);
        assert_eq!(context.slot_state(), SlotState::ADDRESSED);
        assert_eq!(context.usb_device_address(), 1);
        assert_eq!(machine.gadget(1).setups, [[0, 5, 1, 0, 0, 0, 0, 0]]);

        let bulk = dci(2, true);
        let code = machine.configure(slot, &[(bulk, endpoint(slot, bulk, EndpointType::BULK_IN, 512, 0))]);
        assert_eq!(code, CompletionCode::SUCCESS);
        let context = machine.slot_context(slot);
        assert_eq!((context.slot_state(), context.context_entries()), (SlotState::CONFIGURED, 5));
        assert_eq!(machine.endpoint_context(slot, bulk).ep_state(), EndpointState::RUNNING);

        assert_eq!(machine.command_code(command::reset_device(slot)), CompletionCode::SUCCESS);
        let context = machine.slot_context(slot);
        assert_eq!((context.slot_state(), context.usb_device_address()), (SlotState::DEFAULT, 0));
        assert_eq!(machine.endpoint_context(slot, bulk).ep_state(), EndpointState::DISABLED);
        assert_eq!(machine.command_code(command::disable_slot(slot)), CompletionCode::SUCCESS);
        assert_eq!(machine.command_code(command::disable_slot(slot)), CompletionCode::SLOT_NOT_ENABLED);
    }
}

#[test] // req: PRT-27, PRT-28
fn a_super_speed_port_trains_by_itself() {
    let mut machine = Machine::new(Profile::default());
    let port = xhci_spec::PortId::new(7).unwrap();
    machine.xhc.attach(machine.now, port, Box::new(Gadget::new(Speed::Super))).unwrap();
    machine.run_us(20_000);
    assert_eq!(machine.portsc(7), 0x0002_1203);
    machine.xhc.detach(machine.now, port);
    assert_eq!(machine.portsc(7), 0x0002_02A0);
}

#[test] // req: OPR-45, EXT-06, CAP-20
fn every_profile_enumerates_a_device_of_either_protocol() {
    on_every_profile(|mut machine| {
        machine.enumerate(1, Gadget::new(Speed::High));
        let port = machine.usb3_port();
        let slot = machine.enumerate(port, Gadget::new(Speed::Super));
        assert_eq!(slot.get(), 2);
    });
}
