//! What event TRBs look like (xHCI 6.4.2), against Appendix B of the requirements.

use crate::support::gadget::{Answer, Gadget};
use crate::support::interrupts::bulk;
use crate::support::interrupts::segments::Segments;
use crate::support::{BUFFERS, EVENT_RINGS, Machine, Producer, dci, endpoint, on_every_profile, ring_base};
use expect_test::expect;
use proptest::prelude::*;
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::context::EndpointType;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Gpa, PortId, Trb, TrbType};

const TABLE: u64 = EVENT_RINGS + 0xF000;

/// A primary ring full of ones (TRB-36).
fn dirty_ring(machine: &mut Machine) -> Segments {
    let ring = Segments::new(machine, 0, TABLE, &[(EVENT_RINGS + 0x1000, 128)]);
    ring.enable(machine);
    ring
}

/// The next event as four dwords.
fn dwords(ring: &mut Segments, machine: &mut Machine) -> String {
    let (_, trb) = ring.take(machine).expect("an event");
    ring.ack(machine);
    trb.to_dwords().map(|dword| format!("{dword:08x}")).join(" ")
}

#[test] // req: TRB-08, TRB-28, TRB-36
fn transfer_events() {
    on_every_profile(|mut machine| {
        let (slot, ep, _) = bulk(&mut machine, EndpointType::BULK_IN);
        let mut ring = dirty_ring(&mut machine);
        // A short packet: TRB 0x50000, residual 100, slot 1, endpoint 3.
        let set = command::set_tr_dequeue_pointer(slot, ep, Gpa(0x5_0000), true);
        for trb in [command::stop_endpoint(slot, ep, false), set] {
            machine.command.push(&mut machine.memory, trb);
        }
        machine.write(machine.doorbells, 0);
        machine.run_us(5_000);
        ring.take_all(&machine);
        ring.ack(&mut machine);
        machine.gadget(1).answer(1, Answer::Data(vec![0; 412]));
        machine
            .memory
            .put(0x5_0000, &transfer::normal(Gpa(BUFFERS), 512).with_isp(true).with_cycle(true).to_bytes());
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        assert_eq!(dwords(&mut ring, &mut machine), "00050000 00000000 0d000064 01038001");
        // Event Data of a TD of 300 bytes.
        machine.gadget(1).answer(1, Answer::Data(vec![0; 300]));
        let normal = transfer::normal(Gpa(BUFFERS), 300).with_chain(true).with_cycle(true);
        machine.memory.put(0x5_0010, &normal.to_bytes());
        let data = transfer::event_data(0x1122_3344_5566_7788).with_ioc(true).with_cycle(true);
        machine.memory.put(0x5_0020, &data.to_bytes());
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        assert_eq!(dwords(&mut ring, &mut machine), "55667788 11223344 0100012c 01038005");
    });
}

#[test] // req: TRB-28
fn an_xrun() {
    let mut machine = Machine::typical();
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, false);
    let context = endpoint(slot, ep, EndpointType::ISOCH_OUT, 28, 0).with_tr_dequeue_pointer(Gpa(0x6_1000));
    machine.configure(slot, &[(ep, context)]);
    let mut ring = dirty_ring(&mut machine);
    machine.ring_doorbell(slot, ep);
    machine.run_us(5_000);
    assert_eq!(dwords(&mut ring, &mut machine), "00061000 00000000 0e000000 01028001");
}

#[test] // req: TRB-29, TRB-36
fn command_completion_events() {
    on_every_profile(|mut machine| {
        let mut ring = dirty_ring(&mut machine);
        let mut lines = String::new();
        let slot = xhci_spec::SlotId::new(1).unwrap();
        // Enable Slot, its opposite twice, one for a slot that is not, and a type that is no command.
        let commands = [
            command::no_op(),
            command::enable_slot(0),
            command::disable_slot(slot),
            command::disable_slot(slot),
            Trb::of_type(TrbType(63)),
        ];
        for trb in commands {
            machine.command.push(&mut machine.memory, trb);
            machine.write(machine.doorbells, 0);
            machine.run_us(5_000);
            lines += &format!("{}\n", dwords(&mut ring, &mut machine));
        }
        expect![[r#"
            00002000 00000000 01000000 00008401
            00002010 00000000 01000000 01008401
            00002020 00000000 01000000 01008401
            00002030 00000000 0b000000 01008401
            00002040 00000000 05000000 00008401
        "#]]
        .assert_eq(&lines);
    });
}

#[test] // req: TRB-30, TRB-36
fn port_status_change_events() {
    let mut machine = Machine::typical();
    let mut ring = dirty_ring(&mut machine);
    machine.xhc.attach(machine.now, PortId::new(5).unwrap(), Box::new(Gadget::new(Speed::High))).unwrap();
    machine.run_us(1_000);
    assert_eq!(dwords(&mut ring, &mut machine), "05000000 00000000 01000000 00008801");
}

#[test] // req: TRB-35, TRB-36
fn mfindex_wrap_events() {
    on_every_profile(|mut machine| {
        let mut ring = dirty_ring(&mut machine);
        machine.write(machine.op, 1 | 4 | 1 << 10);
        machine.run_us(2_048_000);
        assert_eq!(dwords(&mut ring, &mut machine), "00000000 00000000 01000000 00009c01");
        assert!(ring.take(&machine).is_none());
    });
}

/// TRB-32, TRB-40, TRB-76 and the reserved bits of TRB-28 to TRB-36.
fn is_well_formed(trb: Trb) -> bool {
    let [dw0, dw1, dw2, dw3] = trb.to_dwords();
    let code = trb.completion_code().0;
    let known = matches!(code, 1..=36) && code != 30;
    known
        && match trb.trb_type() {
            TrbType::TRANSFER_EVENT => {
                dw3 & 0x00E0_03FA == 0 && trb.endpoint_id().is_some() && trb.slot_id().is_some()
            }
            TrbType::COMMAND_COMPLETION_EVENT => dw0 & 0xF == 0 && dw3 & 0x00FF_03FE == 0,
            TrbType::PORT_STATUS_CHANGE_EVENT => {
                dw0 & 0x00FF_FFFF == 0 && dw0 != 0 && dw1 == 0 && dw2 == 0x0100_0000 && dw3 & !1 == 0x8800
            }
            TrbType::HOST_CONTROLLER_EVENT => {
                (dw0, dw1, dw2 & 0x00FF_FFFF) == (0, 0, 0) && matches!(code, 21 | 32) && dw3 & !1 == 0x9400
            }
            TrbType::MFINDEX_WRAP_EVENT => (dw0, dw1, dw2) == (0, 0, 0x0100_0000) && dw3 & !1 == 0x9C00,
            _ => false,
        }
}

#[test]
fn what_is_not_an_event_is_told_from_one() {
    let well_formed = |dwords| is_well_formed(Trb::from_dwords(dwords));
    assert!(well_formed([0x5_0000, 0, 0x0D00_0064, 0x0103_8001]));
    assert!(!well_formed([0x5_0000, 0, 0x0000_0064, 0x0103_8001]), "code 0");
    assert!(!well_formed([0x5_0000, 0, 0x2500_0064, 0x0103_8001]), "code 37");
    assert!(!well_formed([0, 0, 0x0100_0000, 0x0100_9001]), "a Doorbell event");
    assert!(!well_formed([0, 0, 0x0100_0000, 0x0001_9C01]), "a reserved bit");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test] // req: TRB-32, TRB-36, TRB-40, TRB-42, TRB-76
    fn no_command_or_transfer_leads_to_an_event_that_is_none(
        commands in proptest::collection::vec((0_u32..64, any::<[u32; 3]>(), any::<u32>()), 1..20),
        transfers in proptest::collection::vec((0_u32..16, any::<[u32; 3]>(), any::<u32>()), 1..20),
        kind in 1_u8..8,
        answer in 0_usize..700,
        profile in 0_usize..Profile::NAMES.len(),
    ) {
        let mut machine = Machine::new(Profile::NAMES[profile].parse().unwrap());
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let kind = EndpointType(kind);
        let ep = if kind == EndpointType::CONTROL { xhci_spec::Dci::EP0 } else { dci(1, kind.is_in()) };
        machine.configure(slot, &[(ep, endpoint(slot, ep, kind, if kind.is_periodic() { 64 } else { 512 }, 0))]);
        for size in [answer, 8, 64] {
            machine.gadget(1).answer(1, Answer::Data(vec![0xAA; size]));
        }
        let mut ring = dirty_ring(&mut machine);
        let mut producer = Producer::new(ring_base(slot, ep), 64);
        for (kind, [low, status, _], control) in transfers {
            let control = control & !0xFC00 | kind << 10;
            let trb = Trb::from_dwords([low & 0x1F_FFFF, 0, status & 0x1FFFF, control]);
            producer.push(&mut machine.memory, trb);
        }
        machine.ring_doorbell(slot, ep);
        machine.run_us(20_000);
        // Links may be all that the rest consists of: one command has an event in any case.
        machine.command.push(&mut machine.memory, command::no_op());
        for (kind, [low, high, status], control) in commands {
            let trb = Trb::from_dwords([low & 0x3F_FFF0, high & 1, status, control & !0xFC00 | kind << 10]);
            machine.command.push(&mut machine.memory, trb);
        }
        machine.write(machine.doorbells, 0);
        machine.run_us(20_000);
        let mut count = 0;
        while let Some((at, trb)) = ring.take(&machine) {
            prop_assert!(is_well_formed(trb), "{trb:?} at {at:#x}");
            // TRB-42: there is memory everywhere.
            prop_assert_ne!(trb.completion_code(), CompletionCode::DATA_BUFFER_ERROR);
            count += 1;
        }
        prop_assert!(count > 0 || machine.read(machine.op + 4) & 4 != 0, "events, or a host system error");
    }
}
