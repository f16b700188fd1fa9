//! Devices behind hubs: the way to them, and whose transaction translator speaks for them.

use crate::support::gadget::{Answer, Gadget};
use crate::support::hub::{Hub, behind};
use crate::support::profiles::on_every_profile_of_8_slots;
use crate::support::{BUFFERS, Machine, Producer, ring_base};
use expect_test::expect;
use usb_spec::Speed;
use xhci_spec::context::SlotState;
use xhci_spec::trb::{TransferType, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, SlotId};

/// Reads one byte from the device in a slot. What it is, is what the device says.
fn read_byte(machine: &mut Machine, slot: SlotId) -> String {
    let mut ring = Producer::new(ring_base(slot, Dci::EP0), 64);
    machine.memory.put(BUFFERS, &[0]);
    let memory = &mut machine.memory;
    ring.push(memory, transfer::setup_stage([0x80, 6, 0, 1, 0, 0, 1, 0], TransferType::IN));
    ring.push(memory, transfer::data_stage(Gpa(BUFFERS), 1, true));
    ring.push(memory, transfer::status_stage(false).with_ioc(true));
    machine.ring_doorbell(slot, Dci::EP0);
    machine.run_us(3_000);
    format!("{}{}\n", machine.transcript(0), machine.memory.get::<1>(BUFFERS)[0])
}

fn saying(speed: Speed, byte: u8) -> Gadget {
    let mut gadget = Gadget::new(speed);
    gadget.answer(0, Answer::Data(vec![byte]));
    gadget
}

#[test] // req: CTX-08, CTX-04
fn a_route_string_leads_through_two_hubs() {
    on_every_profile_of_8_slots(|mut machine| {
        let inner =
            Hub::new(Speed::High).with(15, saying(Speed::High, 0x55)).with(2, saying(Speed::High, 0x22));
        let outer = Hub::new(Speed::High).with(3, inner).with(15, saying(Speed::High, 0x33));
        let hub = machine.enumerate(1, outer);
        machine.mark_hub(hub, false, 0);
        let inner = machine.enumerate_behind(behind(1, 0x3, Speed::High));
        machine.mark_hub(inner, false, 0);
        let slots = [0xF3, 0x23, 0xF].map(|route| machine.enumerate_behind(behind(1, route, Speed::High)));
        assert_eq!(slots.map(|slot| machine.slot_context(slot).route_string()), [0xF3, 0x23, 0xF]);
        machine.take_events(0, true);
        expect![[r#"
            Transfer Event: Success 0x161020 length 0 slot 3 ep 1
            85
            Transfer Event: Success 0x181020 length 0 slot 4 ep 1
            34
            Transfer Event: Success 0x1a1020 length 0 slot 5 ep 1
            51
        "#]]
        .assert_eq(&slots.map(|slot| read_byte(&mut machine, slot)).concat());
    });
}

#[test] // req: CTX-08, SEC-13
fn two_devices_at_address_0_are_told_apart_by_their_route() {
    on_every_profile_of_8_slots(|mut machine| {
        let port = machine.usb3_port();
        let hub =
            Hub::new(Speed::Super).with(1, saying(Speed::Super, 0x11)).with(2, saying(Speed::Super, 0x22));
        let hub = machine.enumerate(port, hub);
        machine.mark_hub(hub, false, 0);
        let slots = [1, 2].map(|route| {
            let slot = machine.enable_slot();
            assert_eq!(
                machine.address(slot, behind(port, route, Speed::Super), true),
                CompletionCode::SUCCESS
            );
            assert_eq!(machine.slot_context(slot).slot_state(), SlotState::DEFAULT);
            slot
        });
        machine.take_events(0, true);
        expect![[r#"
            Transfer Event: Success 0x161020 length 0 slot 3 ep 1
            34
            Transfer Event: Success 0x141020 length 0 slot 2 ep 1
            17
        "#]]
        .assert_eq(&[slots[1], slots[0]].map(|slot| read_byte(&mut machine, slot)).concat());
        // SET_ADDRESS goes to one of them.
        assert_eq!(machine.address(slots[1], behind(port, 2, Speed::Super), false), CompletionCode::SUCCESS);
        let setups =
            [1, 2].map(|at| machine.gadget_behind(port, at).setups.iter().filter(|s| s[1] == 5).count());
        assert_eq!(setups, [0, 1]);
    });
}

#[test] // req: CTX-08, SEC-13, CMD-21
fn a_route_that_leads_nowhere_is_silence() {
    on_every_profile_of_8_slots(|mut machine| {
        let hub = machine.enumerate(1, Hub::new(Speed::High).with(2, Gadget::new(Speed::High)));
        machine.mark_hub(hub, false, 0);
        // An empty port, through a device that is no hub, a way that does not begin, more hubs than there are.
        for route in [0x1, 0x12, 0x20, 0x22222, 0xFFFFF] {
            let slot = machine.enable_slot();
            let code = machine.address(slot, behind(1, route, Speed::High), false);
            assert_eq!(code, CompletionCode::USB_TRANSACTION_ERROR, "route {route:#x}");
            assert_eq!(machine.slot_context(slot).slot_state(), SlotState::DISABLED_ENABLED);
        }
        assert_eq!(machine.gadget_behind(1, 2).setups, [] as [[u8; 8]; 0]);
    });
}
