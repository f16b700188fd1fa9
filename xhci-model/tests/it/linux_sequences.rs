//! What Linux does step by step: enumeration of a USB 2 device (DRV-02), suspend and resume (DRV-05).

use crate::support::any_profile;
use crate::support::bench::Bench;
use crate::support::gadget::{Answer, Gadget};
use crate::support::ports::{CSC, PED, PP, PR, PRC, show};
use crate::support::{
    BUFFERS, CONTEXTS, DCBAA, INPUT, Machine, Producer, dci, endpoint, on_every_profile, ring_base,
};
use usb_spec::Speed;
use xhci_model::{PowerState, PowerWell, Profile};
use xhci_spec::context::{
    EndpointContext, EndpointState, EndpointType, InputControlContext, SlotContext, SlotState,
};
use xhci_spec::trb::event::TransferEvent;
use xhci_spec::trb::{TransferType, command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, Psiv, SlotId, TrbType};

const DEVICE_DESCRIPTOR: [u8; 18] = [18, 1, 0, 2, 0, 0, 0, 8, 9, 0x12, 1, 0, 0, 1, 0, 0, 0, 1];

/// The device that is being enumerated, as its driver sees it.
struct Enumeration {
    machine: Machine,
    slot: SlotId,
    speed: Psiv,
    ep0: Producer,
}

impl Enumeration {
    /// `hub_port_reset`: PR, then PORTSC is polled.
    fn reset_port(machine: &mut Machine) -> Psiv {
        machine.order(1, PR);
        machine.wait_ms(800, |machine| machine.portsc(1) & PR == 0);
        let portsc = machine.portsc(1);
        assert_eq!(portsc & (PED | PRC), PED | PRC, "{}", show(portsc));
        machine.order(1, PRC);
        Psiv((portsc >> 10 & 0xF) as u8)
    }

    fn address(&mut self, block_set_address: bool, max_packet: u16) -> CompletionCode {
        let context =
            SlotContext::new().with_speed(self.speed).with_context_entries(1).with_root_hub_port_number(1);
        let at = self.ep0.base + self.ep0.at * 16;
        let ep0 = EndpointContext::new()
            .with_ep_type(EndpointType::CONTROL)
            .with_cerr(3)
            .with_max_packet_size(max_packet)
            .with_tr_dequeue_pointer(Gpa(at))
            .with_dcs(self.ep0.cycle);
        let control = InputControlContext::new().adding_slot().adding(Dci::EP0);
        self.machine.input(control, context, &[(Dci::EP0, ep0)]);
        self.machine.command_code(command::address_device(Gpa(INPUT), self.slot, block_set_address))
    }

    /// GET_DESCRIPTOR of the device, up to `length` bytes; `packets` is how the device cuts them.
    fn get_descriptor(&mut self, length: u16, packet: usize) -> CompletionCode {
        let [low, high] = length.to_le_bytes();
        let wanted = DEVICE_DESCRIPTOR.len().min(length.into());
        for chunk in DEVICE_DESCRIPTOR[..wanted].chunks(packet) {
            self.machine.gadget(1).answer(0, Answer::Data(chunk.to_vec()));
        }
        let memory = &mut self.machine.memory;
        self.ep0.push(memory, transfer::setup_stage([0x80, 6, 0, 1, 0, 0, low, high], TransferType::IN));
        self.ep0.push(memory, transfer::data_stage(Gpa(BUFFERS), length.into(), true).with_chain(false));
        self.ep0.push(memory, transfer::status_stage(false).with_ioc(true));
        self.machine.ring_doorbell(self.slot, Dci::EP0);
        self.machine.run_us(20_000);
        let events = self.machine.take_events(0, true);
        let event = events.iter().rfind(|trb| trb.trb_type() == TrbType::TRANSFER_EVENT).unwrap();
        TransferEvent::from_trb(*event).code
    }

    fn state(&self) -> (SlotState, u8) {
        let context = self.machine.slot_context(self.slot);
        (context.slot_state(), context.usb_device_address())
    }
}

#[test] // req: DRV-02, PRT-07, PRT-15, PRT-16, PRT-18, PRT-58, CMD-46
fn a_usb2_device_is_enumerated_by_the_new_scheme_and_by_the_old() {
    on_every_profile(|mut machine| {
        let max_slots = machine.read(4) & 0xFF;
        machine.wait_ms(30, |machine| machine.portsc(1) & PP != 0);
        // The port event, PORTSC, CSC.
        machine.insert(1, Gadget::new(Speed::Full));
        machine.wait_ms(30, |machine| machine.portsc(1) & 1 != 0);
        machine.run_us(2_000);
        assert_eq!(machine.port_events(), [1]);
        assert_eq!(show(machine.portsc(1)), show(0x0002_02E1));
        machine.order(1, CSC);
        machine.run_us(100_000);
        let slot = machine.command(command::enable_slot(0)).slot.unwrap();
        assert!(u32::from(slot.get()) <= max_slots);
        let device = CONTEXTS + u64::from(slot.get()) * 0x1000;
        machine.memory.put(DCBAA + u64::from(slot.get()) * 8, &device.to_le_bytes());
        let speed = Enumeration::reset_port(&mut machine);
        assert_eq!(speed, Psiv::FULL);
        let ep0 = Producer::new(ring_base(slot, Dci::EP0), 64);
        let mut new = Enumeration { machine, slot, speed, ep0 };
        // Address 0, 64 bytes asked for: a device of 8-byte packets sends 8 of them first.
        assert_eq!(new.address(true, 64), CompletionCode::SUCCESS);
        assert_eq!(new.state(), (SlotState::DEFAULT, 0));
        assert_eq!(new.get_descriptor(64, 8), CompletionCode::SUCCESS);
        assert_eq!(new.machine.memory.get::<8>(BUFFERS)[7], 8, "bMaxPacketSize0");
        // Reset again. In state Default there is nothing for Reset Device.
        new.machine.gadget(1).input[0].clear();
        assert_eq!(Enumeration::reset_port(&mut new.machine), speed);
        let code = new.machine.command_code(command::reset_device(slot));
        assert_eq!(code, CompletionCode::CONTEXT_STATE_ERROR);
        assert_eq!(new.address(false, 64), CompletionCode::SUCCESS);
        assert_eq!(new.state(), (SlotState::ADDRESSED, 1));
        // Full speed: the packet size of EP0 is corrected.
        let ep0 = EndpointContext::new().with_ep_type(EndpointType::CONTROL).with_max_packet_size(8);
        new.machine.input(
            InputControlContext::new().adding(Dci::EP0),
            SlotContext::new(),
            &[(Dci::EP0, ep0)],
        );
        let code = new.machine.command_code(command::evaluate_context(Gpa(INPUT), slot));
        assert_eq!(code, CompletionCode::SUCCESS);
        assert_eq!(new.get_descriptor(18, 8), CompletionCode::SUCCESS);
        assert_eq!(new.machine.memory.get::<18>(BUFFERS), DEVICE_DESCRIPTOR);
        // SET_CONFIGURATION, and a SET_INTERFACE that needs one endpoint more.
        for number in [1, 2] {
            let ep = dci(number, true);
            let context = endpoint(slot, ep, EndpointType::BULK_IN, 64, 0);
            assert_eq!(new.machine.configure(slot, &[(ep, context)]), CompletionCode::SUCCESS);
            assert_eq!(new.state().0, SlotState::CONFIGURED);
        }
        // The old scheme: right after the first reset, no address 0.
        let Enumeration { mut machine, slot, .. } = new;
        assert_eq!(machine.command_code(command::disable_slot(slot)), CompletionCode::SUCCESS);
        let again = machine.command(command::enable_slot(0)).slot.unwrap();
        assert_eq!(again, slot);
        let speed = Enumeration::reset_port(&mut machine);
        let ep0 = Producer::new(ring_base(slot, Dci::EP0), 64);
        machine.memory.put(ring_base(slot, Dci::EP0), &[0; 64 * 16]);
        let mut old = Enumeration { machine, slot, speed, ep0 };
        assert_eq!(old.address(false, 8), CompletionCode::SUCCESS);
        assert_eq!(old.state(), (SlotState::ADDRESSED, 1));
        assert_eq!(old.get_descriptor(18, 8), CompletionCode::SUCCESS);
    });
}

/// Suspends a device and its controller, and wakes them up again. Says whether the state was there.
fn sleep_and_wake(bench: &mut Bench, lose: Option<PowerWell>, crcr_first: bool) -> bool {
    // Stop Endpoint with SP = 1 for all endpoints, then U3.
    let endpoints = [bench.ep, Dci::EP0];
    let state = |bench: &Bench, ep| bench.machine.endpoint_context(bench.slot, ep).ep_state();
    for ep in endpoints {
        if state(bench, ep) == EndpointState::RUNNING {
            let code = bench.machine.command_code(command::stop_endpoint(bench.slot, ep, true));
            assert_eq!(code, CompletionCode::SUCCESS);
        }
        assert_eq!(state(bench, ep), EndpointState::STOPPED);
    }
    let machine = &mut bench.machine;
    machine.align_command_ring();
    machine.pending.clear();
    machine.take_events(0, true);
    machine.clear_changes(1);
    machine.set_link(1, 3);
    machine.wait_ms(10, |machine| machine.pls(1) == 3);
    machine.halt_controller();
    let registers = machine.save_registers();
    assert!(!machine.save_state().1);
    machine.xhc.set_power_state(machine.now, PowerState::D3);
    machine.run_us(2_000_000);
    if let Some(well) = lose {
        machine.xhc.lose_power(machine.now, well);
    }
    machine.xhc.set_power_state(machine.now, PowerState::D0);
    machine.restore_registers(&registers);
    if crcr_first {
        machine.write_crcr();
    }
    let failed = machine.restore_state().1;
    if !crcr_first {
        machine.write_crcr();
    }
    if failed {
        return false;
    }
    machine.run_controller();
    machine.set_link(1, 15);
    machine.run_us(40_000);
    machine.set_link(1, 0);
    machine.wait_ms(10, |machine| machine.pls(1) == 0);
    machine.clear_changes(1);
    true
}

#[test] // req: DRV-05, PWR-04, PWR-08, PWR-09, PWR-10, PRT-20, PRT-21, XFR-31
fn a_system_sleeps_and_its_transfers_go_on() {
    for name in Profile::NAMES {
        for lose in [None, Some(PowerWell::Core)] {
            for crcr_first in [true, false] {
                println!("profile {name}, lost {lose:?}, CRCR first {crcr_first}");
                let profile: Profile = name.parse().unwrap();
                let mut bench = Bench::new(profile, Speed::High, EndpointType::BULK_OUT);
                bench.trbs("N512 ioc");
                bench.go();
                for _ in 0..2 {
                    // Half a TD is done when the system goes to sleep.
                    bench.trbs("N65536 ioc");
                    bench.machine.ring_doorbell(bench.slot, bench.ep);
                    bench.machine.run_us(100);
                    let begun = bench.probe().seen.len();
                    assert!(sleep_and_wake(&mut bench, lose, crcr_first));
                    assert_eq!(bench.machine.usbsts() & 0x1404, 0);
                    let slept = bench.probe().seen.len();
                    assert!(begun > 0 && slept % 128 != 1, "in the middle of it");
                    bench.go();
                    assert!(bench.events().starts_with("1@"));
                    assert_eq!(bench.state(), EndpointState::RUNNING);
                }
                let data = bench.probe().stream("OUT", 1);
                assert_eq!(data.len(), 512 + 2 * 65_536, "every byte once");
                let toggles: Vec<u8> = bench.probe().seen.iter().map(|seen| seen.sequence).collect();
                assert!(toggles.iter().zip([0, 1].iter().cycle()).all(|(seen, expected)| seen == expected));
            }
        }
    }
}

#[test] // req: DRV-05, PWR-03, PWR-05
fn a_system_that_lost_everything_is_told() {
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_OUT);
    assert!(!sleep_and_wake(&mut bench, Some(PowerWell::Auxiliary), true));
    assert_eq!(show(bench.machine.portsc(1)), show(0x0002_02E1), "found anew");
}
