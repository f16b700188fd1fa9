//! L1 of USB 2 ports by software (xHCI 4.23.5.1.1).

use crate::support::any_profile;
use crate::support::gadget::Answer;
use crate::support::ports::{CHANGES, PED, PLC, PR, Sleeper, port_id, show};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, on_every_profile, ring_base};
use usb_spec::Speed;
use xhci_model::{DeviceAddress, LpmAnswer, LpmRequest, Profile};
use xhci_spec::context::EndpointType;
use xhci_spec::trb::transfer;
use xhci_spec::{Gpa, SlotId, TrbType};

const RWE: u32 = 1 << 3;

impl Machine {
    fn with_lpm_device(&mut self, answer: LpmAnswer) -> SlotId {
        let slot = self.enumerate(1, Sleeper::new(Speed::High));
        self.sleeper(1).lpm_answer = answer;
        slot
    }

    /// PORTPMSC: the slot, a BESL, and what else.
    fn ask(&mut self, slot: SlotId, besl: u32, more: u32) {
        self.write(self.port_register(1, 4), u32::from(slot.get()) << 8 | besl << 4 | more);
    }

    fn l1_status(&self) -> u32 {
        self.read(self.port_register(1, 4)) & 7
    }
}

#[test] // req: PRT-23, PRT-40, PRT-53
fn the_device_s_answer_is_the_status() {
    let answers = [(LpmAnswer::Ack, 1), (LpmAnswer::Nyet, 2), (LpmAnswer::Stall, 3), (LpmAnswer::Silence, 4)];
    for (answer, status) in answers {
        on_every_profile(|mut machine| {
            let slot = machine.with_lpm_device(answer);
            machine.ask(slot, 4, RWE | 7);
            assert_eq!(machine.l1_status(), 0, "read-only");
            machine.set_link(1, 2);
            machine.run_us(10);
            assert_eq!(machine.l1_status(), status);
            let (state, change) = if answer == LpmAnswer::Ack { (2, 0) } else { (0, PLC) };
            assert_eq!((machine.pls(1), machine.portsc(1) & CHANGES), (state, change));
            let request = LpmRequest { besl: 4, remote_wake: true };
            assert_eq!(machine.sleeper(1).lpm_requests, [(DeviceAddress(1), request)]);
            // Asked again, the status begins anew.
            machine.clear_changes(1);
            machine.set_link(1, 2);
            let expected = if answer == LpmAnswer::Ack { 1 } else { 0 };
            assert_eq!(machine.l1_status(), expected, "in L1 there is nothing to ask for");
        });
    }
}

#[test] // req: PRT-23, PRT-40
fn a_slot_that_is_not_there_has_no_device_that_answers() {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.with_lpm_device(LpmAnswer::Ack);
    let elsewhere = machine.enumerate(2, Sleeper::new(Speed::High));
    for wrong in [0, elsewhere.get(), 9] {
        machine.write(machine.port_register(1, 4), u32::from(wrong) << 8);
        machine.set_link(1, 2);
        machine.run_us(100);
        assert_eq!((machine.l1_status(), machine.pls(1)), (4, 0), "slot {wrong}");
    }
    assert_eq!(machine.sleeper(1).lpm_requests, []);
    machine.ask(slot, 0, 0);
    machine.set_link(1, 2);
    machine.run_us(100);
    assert_eq!((machine.l1_status(), machine.pls(1)), (1, 2));
}

#[test] // req: PRT-23, PRT-40
fn leaving_l1_takes_as_long_as_besl_says() {
    let table_us =
        [125, 150, 200, 300, 400, 500, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000];
    for (besl, us) in (0..).zip(table_us) {
        let mut machine = Machine::new(any_profile());
        let slot = machine.with_lpm_device(LpmAnswer::Ack);
        machine.ask(slot, besl, 0);
        machine.set_link(1, 2);
        machine.run_us(10);
        machine.clear_changes(1);
        machine.set_link(1, 0);
        machine.run_us(us - 1);
        assert_eq!(show(machine.portsc(1)), show(0x0000_0E43), "BESL {besl}");
        machine.run_us(1);
        assert_eq!(show(machine.portsc(1)), show(0x0040_0E03), "BESL {besl}");
    }
}

#[test] // req: PRT-23, PRT-22
fn a_device_in_l1_wakes_if_it_may() {
    for (rwe, wakes, awake) in [(0, true, false), (RWE, false, false), (RWE, true, true)] {
        let mut machine = Machine::new(any_profile());
        let slot = machine.with_lpm_device(LpmAnswer::Ack);
        machine.ask(slot, 0, rwe);
        machine.set_link(1, 2);
        machine.run_us(10);
        machine.sleeper(1).wakes = wakes;
        machine.touch(1);
        machine.run_us(1_000);
        let expected = if awake { 0x0040_0E03 } else { 0x0000_0E43 };
        assert_eq!(show(machine.portsc(1)), show(expected), "RWE {rwe} wakes {wakes}");
    }
    // One that is awake has nothing to leave.
    let mut machine = Machine::new(any_profile());
    let slot = machine.with_lpm_device(LpmAnswer::Ack);
    machine.ask(slot, 0, RWE);
    machine.sleeper(1).wakes = true;
    machine.touch(1);
    machine.run_us(1_000);
    assert_eq!(show(machine.portsc(1)), show(0x0000_0E03));
}

#[test] // req: PRT-23, XFR-31
fn transfers_wait_for_l1_to_end() {
    let mut machine = Machine::new(any_profile());
    let slot = machine.with_lpm_device(LpmAnswer::Ack);
    let bulk = dci(2, true);
    machine.configure(slot, &[(bulk, endpoint(slot, bulk, EndpointType::BULK_IN, 512, 0))]);
    machine.take_events(0, true);
    machine.ask(slot, 0, 0);
    machine.set_link(1, 2);
    machine.run_us(10);
    machine.sleeper(1).gadget.answer(2, Answer::Data(vec![7; 3]));
    let mut ring = Producer::new(ring_base(slot, bulk), 256);
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 3).with_ioc(true));
    machine.ring_doorbell(slot, bulk);
    machine.run_us(10_000);
    assert_eq!(machine.sleeper(1).gadget.asked, []);
    machine.set_link(1, 0);
    machine.run_us(1_000);
    let events = machine.take_events(0, true);
    assert!(events.iter().any(|trb| trb.trb_type() == TrbType::TRANSFER_EVENT));
    assert_eq!(machine.memory.get::<3>(BUFFERS), [7; 3]);
}

#[test] // req: PRT-23, PRT-13
fn only_an_enabled_port_asks() {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.with_lpm_device(LpmAnswer::Ack);
    machine.ask(slot, 0, 0);
    machine.order(1, PED);
    machine.set_link(1, 2);
    machine.run_us(1_000);
    assert_eq!((machine.l1_status(), machine.pls(1)), (0, 7));
    // Suspended from L1, and a reset in L1.
    machine.order(1, PR);
    machine.run_us(50_000);
    machine.clear_changes(1);
    machine.set_link(1, 2);
    machine.run_us(10);
    machine.set_link(1, 3);
    machine.run_us(3_000);
    assert_eq!(show(machine.portsc(1)), show(0x0000_0E63));
    assert!(machine.xhc.device(port_id(1)).is_some());
}
