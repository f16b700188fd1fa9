//! USBCMD and USBSTS: starting, stopping, resetting, and the microframe index.

use crate::support::any_profile;
use crate::support::gadget::{Answer, Gadget};
use crate::support::hub::behind;
use crate::support::registers::named_profiles;
use crate::support::{BUFFERS, COMMAND_RING, DCBAA, EVENT_RINGS, INPUT, Machine, Producer, dci, endpoint};
use crate::support::{in_every_timing, on_every_profile, ring_base};
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{CommandLatencies, Latencies, Latency, Notification, Profile, Violation};
use xhci_spec::context::{EndpointType, InputControlContext, SlotContext};
use xhci_spec::erst::ErstEntry;
use xhci_spec::trb::event::DeviceNotification;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, PortId, SlotId, Trb, TrbType};

/// 125 µs.
const MICROFRAME: Duration = Duration::MICROFRAME;

#[test] // req: OPR-10, OPR-32, OPR-27, RTS-05
fn everything_has_its_value_after_a_reset() {
    for (name, profile) in named_profiles() {
        let mut machine = Machine::new(profile);
        let (op, ir) = (machine.op, machine.ir(0));
        machine.write(op + 0x14, 0xFFFF);
        machine.run(Duration::from_millis(5));
        machine.stop();
        for step in ["running", "after HCRST"] {
            let running = step == "running";
            let values = [
                (op, 0, 4),
                (op + 4, 1, 1),
                (op + 8, 1, 1),
                (op + 0x14, 0, 0xFFFF),
                (op + 0x18, 0, 0),
                (op + 0x1C, 0, 0),
                (op + 0x30, 0, u32::try_from(DCBAA).unwrap()),
                (op + 0x34, 0, 0),
                (
                    op + 0x38,
                    0,
                    if name == "minimal" {
                        2
                    } else if name == "strict" {
                        8
                    } else {
                        16
                    },
                ),
                (ir, 0, 2),
                (ir + 4, 4000, 0),
                (ir + 8, 0, 1),
                (ir + 0x10, 0, u32::try_from(EVENT_RINGS).unwrap() + 0xFF00),
                (ir + 0x14, 0, 0),
                (ir + 0x18, 0, u32::try_from(EVENT_RINGS).unwrap()),
                (ir + 0x1C, 0, 0),
                (machine.portsc_offset(1), 0x2A0, 0x2A0),
                (machine.portsc_offset(machine.ports()), 0x2A0, 0x2A0),
            ];
            for (register, reset, used) in values {
                let expected = if running { used } else { reset };
                assert_eq!(machine.read(register), expected, "{name}, {step}: {register:#x}");
            }
            assert_eq!(machine.read(machine.runtime) == 0, !running, "{name}, {step}: MFINDEX");
            machine.reset();
        }
    }
}

#[test] // req: OPR-11, OPR-25
fn each_bit_of_usbcmd() {
    let every = Profile {
        max_exit_latency_check: true,
        extended_tbc: true,
        extended_tbc_status: true,
        ..Profile::default()
    };
    // RS, INTE, HSEE, EWE, EU3S, CME, ETE, TSC_EN
    let writable = 0xEC0D;
    for bit in (0..32).filter(|bit| *bit != 1) {
        let mut machine = Machine::ready(every.clone());
        machine.xhc.write32(machine.now, machine.op, 1 << bit);
        assert_eq!(machine.usbcmd(), writable & 1 << bit, "bit {bit}");
        machine.write(machine.op, 0);
        assert_eq!(machine.usbcmd(), 0, "bit {bit}");
    }
    let mut machine = Machine::ready(every);
    machine.write(machine.op, !2 & !1);
    assert_eq!(machine.usbcmd(), writable & !1);
}

#[test] // req: OPR-24, ERR-13
fn extended_tbc_changes_only_while_halted() {
    let profile = Profile { extended_tbc: true, extended_tbc_status: true, ..Profile::default() };
    for bit in [1 << 14, 1 << 15] {
        let mut machine = Machine::new(profile.clone());
        machine.write(machine.op, 5 | bit);
        assert_eq!(machine.usbcmd(), 5);
        assert_eq!(machine.xhc.violations(Violation::ExtendedTbcWhileRunning), 1);
        machine.stop();
        machine.write(machine.op, 4 | bit);
        machine.start();
        machine.write(machine.op, 5);
        assert_eq!(machine.usbcmd(), 5 | bit);
        machine.write(machine.op, 5 | bit);
        assert_eq!(machine.xhc.violations(Violation::ExtendedTbcWhileRunning), 2);
    }
}

#[test] // req: OPR-26, OPR-29
fn each_bit_of_usbsts() {
    let mut machine = Machine::new(Profile::default());
    machine.xhc.attach(machine.now, PortId::new(1).unwrap(), Box::new(Gadget::new(Speed::High))).unwrap();
    machine.run_us(10);
    // EINT and PCD; HCH is 0.
    assert_eq!(machine.usbsts(), 0x18);
    machine.write(machine.op + 4, 0);
    assert_eq!(machine.usbsts(), 0x18, "0 leaves them");
    machine.write(machine.op + 4, 8);
    assert_eq!(machine.usbsts(), 0x10);
    machine.write(machine.op + 4, !0x10);
    assert_eq!(machine.usbsts(), 0x10);
    machine.write(machine.op + 4, 0x10);
    assert_eq!(machine.usbsts(), 0);
    assert_eq!(machine.portsc(1) >> 17 & 1, 1, "OPR-29: CSC stays");
    machine.stop();
    machine.write(machine.op + 4, !0);
    assert_eq!(machine.usbsts(), 1, "HCH cannot be written");
}

#[test] // req: OPR-29
fn a_connection_sets_pcd_without_any_event_ring() {
    let mut machine = Machine::ready(Profile::default());
    machine.xhc.attach(machine.now, PortId::new(1).unwrap(), Box::new(Gadget::new(Speed::High))).unwrap();
    assert_eq!(machine.usbsts(), 0x11);
    machine.write(machine.op + 4, 0x10);
    assert_eq!(machine.usbsts(), 1);
}

#[test] // req: OPR-12, OPR-13, OPR-27, TIM-23
fn rs_starts_and_stops() {
    let latencies = Latencies { start: Latency::micros(3), stop: Latency::micros(125), ..Latencies::TYPICAL };
    let mut machine = Machine::new(Profile { latencies, ..any_profile() });
    assert_eq!(machine.usbsts() & 1, 0);
    machine.write(machine.op, 4);
    machine.run_us(124);
    assert_eq!(machine.usbsts() & 1, 0);
    machine.run_us(1);
    assert_eq!(machine.usbsts() & 1, 1);
    machine.write(machine.op, 5);
    machine.run_us(2);
    assert_eq!(machine.usbsts() & 1, 1);
    machine.run_us(1);
    assert_eq!(machine.usbsts() & 1, 0);
    // The last word counts, from when it was said.
    for (rs, us) in [(4, 10), (5, 10), (4, 10)] {
        machine.write(machine.op, rs);
        machine.run_us(us);
    }
    machine.run_us(114);
    assert_eq!(machine.usbsts() & 1, 0);
    machine.run_us(1);
    assert_eq!(machine.usbsts() & 1, 1);
    in_every_timing(&any_profile(), |mut machine| {
        machine.write(machine.op, 4);
        machine.run(Duration::from_millis(16));
        assert_eq!(machine.usbsts() & 1, 1);
        machine.write(machine.op, 5);
        machine.run(Duration::from_millis(16));
        assert_eq!(machine.usbsts() & 1, 0);
    });
}

/// A high-speed device with a bulk IN endpoint that has a packet for each token.
fn streaming(profile: Profile) -> (Machine, SlotId, Dci, Producer) {
    let mut machine = Machine::new(profile);
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let ep = dci(1, true);
    machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_IN, 512, 0))]);
    for index in 0..200 {
        machine.gadget(1).answer(1, Answer::Data(vec![index; 512]));
    }
    let mut ring = Producer::new(ring_base(slot, ep), 256);
    for _ in 0..200 {
        ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_ioc(true));
    }
    machine.ring_doorbell(slot, ep);
    machine.run_us(300);
    (machine, slot, ep, ring)
}

#[test] // req: OPR-13, OPR-14, RTS-02, DBS-05, TIM-23
fn a_halted_controller_touches_no_memory_and_goes_on_where_it_was() {
    let (mut machine, slot, ep, _) = streaming(Profile::default());
    machine.stop();
    let moved = machine.take_events(0, true).len();
    assert!((1..100).contains(&moved), "in the middle");
    let mfindex = machine.read(machine.runtime);
    assert_ne!(mfindex, 0);
    machine.ring_doorbell(slot, ep);
    machine.write(machine.doorbells, 0);
    assert_eq!(machine.accesses_in(Duration::from_millis(100)), 0);
    assert_eq!(machine.read(machine.runtime), mfindex);
    machine.start();
    assert!((mfindex..=mfindex + 1).contains(&machine.read(machine.runtime)), "counting goes on");
    machine.run(Duration::from_millis(5));
    assert!(machine.take_events(0, true).is_empty(), "a doorbell of before is forgotten");
    machine.ring_doorbell(slot, ep);
    machine.run(Duration::from_millis(20));
    let events = machine.take_events(0, true);
    assert_eq!(moved + events.len(), 200, "none lost, none twice");
    assert!(events.iter().all(|event| event.completion_code() == CompletionCode::SUCCESS));
    assert_eq!(machine.endpoint_context(slot, ep).ep_state().0, 1);
}

#[test] // req: OPR-13, OPR-36
fn stopping_ends_the_command_ring() {
    let commands = CommandLatencies { no_op: Latency::millis(1), ..CommandLatencies::TYPICAL };
    let latencies = Latencies { commands, ..Latencies::TYPICAL };
    let mut machine = Machine::new(Profile { latencies, ..any_profile() });
    let first = machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    machine.run_us(100);
    assert_eq!(machine.read(machine.op + 0x18), 8, "CRR while the command is executed");
    machine.stop();
    assert_eq!(machine.read(machine.op + 0x18), 0);
    assert_eq!(machine.accesses_in(Duration::from_millis(10)), 0);
    machine.start();
    machine.run(Duration::from_millis(10));
    assert!(machine.take_events(0, true).is_empty());
    // The command that was stopped runs after the next doorbell.
    machine.write(machine.doorbells, 0);
    machine.run(Duration::from_millis(2));
    let [event] = machine.take_events(0, true)[..] else { panic!("one event") };
    assert_eq!((event.parameter, event.completion_code()), (first.0, CompletionCode::SUCCESS));
}

#[test] // req: OPR-15, OPR-16, CMD-10, SEC-15
fn a_reset_forgets_slots_and_detects_devices_again() {
    on_every_profile(|mut machine| {
        let usb3 = machine.usb3_port();
        machine.enumerate(1, Gadget::new(Speed::High));
        machine.enumerate(usb3, Gadget::new(Speed::Super));
        machine.stop();
        machine.take_events(0, true);
        machine.xhc.write32(machine.now, machine.op, 2);
        assert_eq!(machine.usbcmd(), 2);
        assert_eq!(machine.accesses_in(Duration::from_micros(1)), 0);
        machine.wait_ms(100, |machine| machine.usbcmd() == 0);
        machine.run(Duration::from_millis(25));
        assert_eq!(machine.take_events(0, false), [], "no events are written");
        assert_eq!(machine.portsc(1), 0x0002_02E1, "CSC again, and no bus reset");
        assert_eq!(machine.portsc(usb3), 0x0002_1203, "trained again");
        machine.bring_up_again();
        assert_eq!(machine.command(command::enable_slot(0)).slot.map(|slot| slot.get()), Some(1));
    });
}

#[test] // req: OPR-15, OPR-36, ERR-13
fn a_reset_ends_everything_at_once_even_while_running() {
    let (mut machine, _, _, _) = streaming(any_profile());
    let before = machine.accesses_in(Duration::from_millis(1));
    assert!(before > 0);
    machine.write(machine.op, 2);
    assert_eq!(machine.xhc.violations(Violation::ResetWhileRunning), 1);
    assert_eq!((machine.usbcmd(), machine.usbsts() & 1), (2, 1));
    assert_eq!(machine.accesses_in(Duration::from_millis(100)), 0);
    assert_eq!((machine.usbcmd(), machine.read(machine.op + 0x18)), (0, 0), "CRR too");
    machine.stop();
    machine.reset();
    assert_eq!(machine.xhc.violations(Violation::ResetWhileRunning), 1);
}

#[test] // req: OPR-17, CAP-16
fn a_light_reset_leaves_the_ports_alone() {
    let mut machine = Machine::new(Profile { light_reset: true, ..Profile::default() });
    machine.enumerate(1, Gadget::new(Speed::High));
    machine.stop();
    // One port is enabled, another is being reset, a third one trains.
    machine.xhc.attach(machine.now, PortId::new(2).unwrap(), Box::new(Gadget::new(Speed::High))).unwrap();
    machine.xhc.attach(machine.now, PortId::new(7).unwrap(), Box::new(Gadget::new(Speed::Super))).unwrap();
    let ports: Vec<_> = (1..=12).map(|port| machine.portsc(port)).collect();
    machine.write(machine.op, 0x80);
    assert_eq!(machine.usbcmd(), 0x80);
    machine.wait_ms(100, |machine| machine.usbcmd() == 0);
    assert_eq!((1..=12).map(|port| machine.portsc(port)).collect::<Vec<_>>(), ports);
    assert_eq!((machine.read(machine.op + 0x38), machine.read64(machine.ir(0) + 0x10)), (0, 0));
    machine.run(Duration::from_millis(20));
    assert_eq!(machine.portsc(7), 0x0002_1203, "training ends");
    machine.bring_up_again();
    assert_eq!(machine.command(command::enable_slot(0)).slot.map(|slot| slot.get()), Some(1));
    let mut without = Machine::new(Profile::default());
    without.stop();
    without.write(without.op, 0x84);
    assert_eq!((without.usbcmd(), without.read(without.op + 0x38)), (4, 16), "LHRC = 0: nothing");
}

#[test] // req: OPR-18, OPR-28
fn without_inte_everything_goes_on_but_the_message() {
    let mut machine = Machine::new(Profile::default());
    machine.write(machine.op, 1);
    machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    machine.run_us(100);
    assert_eq!(machine.interrupts, []);
    assert_eq!((machine.read(machine.ir(0)), machine.usbsts()), (3, 8), "IP and EINT");
    assert!(machine.peek(0).is_some());
    // OPR-28: EINT is a summary.
    machine.write(machine.op + 4, 8);
    assert_eq!((machine.read(machine.ir(0)), machine.usbsts()), (3, 0));
    let now = machine.now;
    machine.write(machine.op, 5);
    assert_eq!(machine.interrupts, [(now, 0)]);
}

#[test] // req: OPR-21, TRB-35, RTS-01
fn mfindex_wraps_and_says_so_if_asked() {
    for ewe in [false, true] {
        let mut machine = Machine::new(any_profile());
        machine.write(machine.op, 5 | u32::from(ewe) << 10);
        machine.run(MICROFRAME * 0x3FFE);
        assert!(matches!(machine.read(machine.runtime), 0x3FFE | 0x3FFF));
        assert!(machine.peek(0).is_none());
        machine.run(MICROFRAME * 2);
        assert!(matches!(machine.read(machine.runtime), 0 | 1));
        let wrap = [0, 0, 0x0100_0000, 0x0000_9C00];
        let events = |machine: &mut Machine| {
            machine
                .take_events(0, true)
                .iter()
                .map(|trb| trb.with_cycle(false).to_dwords())
                .collect::<Vec<_>>()
        };
        let expected = vec![wrap; usize::from(ewe)];
        assert_eq!(events(&mut machine), expected);
        machine.run(MICROFRAME * 0x4000);
        assert_eq!(events(&mut machine), expected, "every 2.048 s");
        assert_eq!(machine.interrupts.len(), 2 * usize::from(ewe));
        // Standing still puts the wrap off, and starting again does not double it.
        for _ in 0..3 {
            machine.stop();
            machine.run(MICROFRAME * 100);
            machine.start();
        }
        while machine.read(machine.runtime) != 0x3FFF {
            machine.run_us(100);
        }
        assert!(machine.peek(0).is_none());
        machine.run_us(125);
        assert_eq!(events(&mut machine), expected);
        machine.write(machine.op, 5);
        machine.run(MICROFRAME * 0x4000);
        assert!(events(&mut machine).is_empty());
    }
}

#[test] // req: RTS-01, RTS-02, CAP-22
fn mfindex_counts_microframes_while_running() {
    let latencies = Latencies { start: Latency::ZERO, stop: Latency::ZERO, ..Latencies::TYPICAL };
    let mut machine = Machine::ready(Profile { latencies, ..any_profile() });
    machine.bring_up();
    machine.reset();
    assert_eq!(machine.read(machine.runtime), 0);
    machine.run(MICROFRAME * 3);
    assert_eq!(machine.read(machine.runtime), 0, "halted");
    machine.write(machine.op, 1);
    for count in 0..20 {
        assert_eq!(machine.read(machine.runtime), count);
        machine.run_us(124);
        assert_eq!(machine.read(machine.runtime), count);
        machine.run_us(1);
    }
    machine.write(machine.op, 0);
    let stopped = machine.read(machine.runtime);
    machine.run(MICROFRAME * 100);
    assert_eq!((stopped, machine.read(machine.runtime)), (20, 20));
    machine.write(machine.runtime, 5);
    assert_eq!(machine.read(machine.runtime), 20, "read only");
    machine.reset();
    assert_eq!(machine.read(machine.runtime), 0);
}

#[test] // req: OPR-22, RTS-02
fn mfindex_may_go_on_while_all_ports_sleep() {
    let mut machine = Machine::new(any_profile());
    machine.write(machine.op, 5 | 1 << 11);
    assert_eq!(machine.usbcmd(), 5 | 1 << 11);
    let before = machine.read(machine.runtime);
    machine.run(MICROFRAME * 40);
    assert_eq!(machine.read(machine.runtime), before + 40, "the model never stops it");
    assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
}

#[test] // req: OPR-33, TRB-34
fn a_device_notification_comes_through_if_dnctrl_lets_it() {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.enumerate(7, Gadget::new(Speed::Super));
    let port = PortId::new(7).unwrap();
    machine.write(machine.op + 0x14, 0xFFFF_0002);
    assert_eq!(machine.read(machine.op + 0x14), 2);
    for kind in [0, 1, 2, 15, 16, 32, 33, 255] {
        machine.xhc.notify(machine.now, port, Notification { kind, data: 0x0012_3456_789A_BCDE });
    }
    machine.xhc.notify(machine.now, PortId::new(8).unwrap(), Notification { kind: 1, data: 0 });
    machine.run_us(10);
    let [event] = machine.take_events(0, true)[..] else { panic!("one event") };
    assert_eq!(event.with_cycle(false).to_dwords(), [0x9ABC_DE10, 0x1234_5678, 0x0100_0000, 0x0100_9800]);
    assert_eq!(DeviceNotification::from_trb(event).slot, Some(slot));
    machine.write(machine.op + 0x14, 0x8000);
    machine.xhc.notify(machine.now, port, Notification { kind: 15, data: 0 });
    machine.xhc.notify(machine.now, port, Notification { kind: 1, data: 0 });
    machine.run_us(10);
    let kinds: Vec<_> = machine.take_events(0, true).into_iter().map(DeviceNotification::from_trb).collect();
    assert_eq!(kinds.iter().map(|event| event.notification_type).collect::<Vec<_>>(), [15]);
    // The slot says which interrupter.
    machine.evaluate_interrupter(slot, InterrupterId(1));
    machine.xhc.notify(machine.now, port, Notification { kind: 15, data: 0 });
    machine.run_us(10);
    let types: Vec<_> = machine.take_events(1, true).iter().map(|event| event.trb_type()).collect();
    assert_eq!(types, [TrbType::DEVICE_NOTIFICATION_EVENT]);
    machine.stop();
    machine.xhc.notify(machine.now, port, Notification { kind: 15, data: 0 });
    machine.start();
    machine.run_us(100);
    assert_eq!(machine.take_events(1, true), Vec::<Trb>::new());
}

#[test] // req: OPR-41, ERR-13
fn contexts_are_looked_up_where_dcbaap_says_now() {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.command(command::enable_slot(0)).slot.unwrap();
    machine.xhc.attach(machine.now, PortId::new(1).unwrap(), Box::new(Gadget::new(Speed::High))).unwrap();
    machine.write_portsc(1, 0x210);
    machine.wait_ms(100, |machine| machine.portsc(1) & 2 != 0);
    let (elsewhere, device) = (0x3E_0000, 0x3E_1000);
    machine.memory.put(elsewhere + 8 * u64::from(slot.get()), &u64::to_le_bytes(device));
    assert_eq!(machine.xhc.violations(Violation::DcbaapWhileRunning), 0);
    machine.write64(machine.op + 0x30, elsewhere | 0x3F);
    assert_eq!(machine.read64(machine.op + 0x30), elsewhere);
    assert_eq!(machine.xhc.violations(Violation::DcbaapWhileRunning), 2, "both halves");
    assert_eq!(machine.xhc.violations(Violation::Misaligned), 1);
    assert_eq!(machine.address(slot, behind(1, 0, Speed::High), false), CompletionCode::SUCCESS);
    assert_ne!(machine.memory.get::<16>(device), [0; 16], "the context was written there");
}

#[test] // req: OPR-42, OPR-44, ERR-13
fn config_says_how_many_slots_there_may_be() {
    for enabled in [0, 1, 3, 8] {
        let mut machine = Machine::new(Profile { slots: 8, ..any_profile() });
        machine.write(machine.op + 0x38, 5);
        assert_eq!(machine.read(machine.op + 0x38), 8, "16 were asked for; while running nothing changes");
        assert_eq!(machine.xhc.violations(Violation::ConfigWhileRunning), 1);
        assert_eq!(machine.xhc.violations(Violation::TooManySlots), 1);
        machine.stop();
        machine.write(machine.op + 0x38, 0xFFFF_FC00 | enabled);
        assert_eq!(machine.read(machine.op + 0x38), enabled);
        assert_eq!(machine.xhc.violations(Violation::TooManySlots), 1);
        machine.start();
        for slot in 1..=enabled {
            assert_eq!(
                machine.command(command::enable_slot(0)).slot.map(|slot| u32::from(slot.get())),
                Some(slot)
            );
        }
        let answer = machine.command(command::enable_slot(0));
        assert_eq!((answer.code, answer.slot), (CompletionCode::NO_SLOTS_AVAILABLE, None));
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
    }
}

#[test] // req: CAP-27
fn arrays_that_cross_a_page_are_told_of() {
    let count = |machine: &Machine| machine.xhc.violations(Violation::CrossesBoundary);
    // The array for 16 slots has 17 entries.
    for (offset, violations) in [(0xF40, 0), (0xF80, 1), (0xFC0, 1), (0, 0)] {
        let mut machine = Machine::new(Profile::default());
        machine.stop();
        machine.write64(machine.op + 0x30, DCBAA + offset);
        machine.start();
        assert_eq!(count(&machine), violations, "{offset:#x}");
    }
    for (array, pages, crosses, misaligned) in [
        (0x3F_0E00, 64, 0, 0),
        (0x3F_0E40, 64, 1, 0),
        (0x3F_0020, 64, 0, 1),
        (0x3F_0000, 512, 0, 0),
        (0x3F_0040, 513, 0, 0),
    ] {
        let mut machine = Machine::new(Profile { scratchpads: pages, ..Profile::default() });
        machine.stop();
        machine.memory.put(DCBAA, &u64::to_le_bytes(array));
        machine.start();
        assert_eq!(count(&machine), crosses, "{array:#x}");
        assert_eq!(machine.xhc.violations(Violation::Misaligned), misaligned, "{array:#x}");
    }
    let mut machine = Machine::ready(Profile::default());
    for (register, value) in [(0x18, COMMAND_RING | 0x10), (0x30, DCBAA | 1)] {
        machine.write64(machine.op + register, value);
    }
    machine.write64(machine.ir(0) + 0x10, EVENT_RINGS | 0x20);
    assert_eq!(machine.xhc.violations(Violation::Misaligned), 3);
}

#[test] // req: CAP-27
fn structures_that_cross_their_boundary_are_told_of() {
    let crosses = |machine: &Machine| machine.xhc.violations(Violation::CrossesBoundary);
    // Device contexts: 1024 or 2048 bytes within a page.
    for (contexts_64, context, expected) in
        [(false, 0x3E_0C00, 0), (false, 0x3E_0C40, 1), (true, 0x3E_0800, 0), (true, 0x3E_0840, 1)]
    {
        let mut machine = Machine::new(Profile { contexts_64, ..Profile::default() });
        machine.xhc.attach(machine.now, PortId::new(1).unwrap(), Box::new(Gadget::new(Speed::High))).unwrap();
        machine.write_portsc(1, 0x210);
        machine.wait_ms(100, |machine| machine.portsc(1) & 2 != 0);
        let slot = machine.command(command::enable_slot(0)).slot.unwrap();
        machine.memory.put(DCBAA + 8, &u64::to_le_bytes(context));
        assert_eq!(machine.address(slot, behind(1, 0, Speed::High), false), CompletionCode::SUCCESS);
        assert_eq!(crosses(&machine), expected, "{context:#x}");
    }
    // The last place of 64 KiB holds a Link, or the segment is too long.
    for link in [false, true] {
        let mut machine = Machine::new(Profile::default());
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        let (command_end, transfer_end) = (0x3C_FFF0, 0x3D_FFF0);
        machine.command.push(&mut machine.memory, transfer::link(Gpa(command_end), false));
        machine.command = Producer::new(if link { 0x3D_0100 } else { 0x3D_0000 }, 64);
        let last = if link { transfer::link(Gpa(0x3D_0100), false) } else { command::no_op() };
        machine.memory.put(command_end, &last.with_cycle(true).to_bytes());
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
        assert_eq!(crosses(&machine), u64::from(!link), "command ring");
        let mut ring = Producer::new(ring_base(slot, Dci::EP0), 64);
        ring.push(&mut machine.memory, transfer::link(Gpa(transfer_end), false));
        let last = if link { transfer::link(Gpa(0x3E_0100), false) } else { transfer::no_op() };
        machine.memory.put(transfer_end, &last.with_cycle(true).to_bytes());
        machine.ring_doorbell(slot, Dci::EP0);
        machine.run_us(500);
        assert_eq!(crosses(&machine), 2 * u64::from(!link), "transfer ring");
    }
    // Event ring segments.
    for (segment, trbs, expected, misaligned) in
        [(0x3D_0000, 4096, 0, 0), (0x3D_0040, 4096, 1, 0), (0x3D_F000, 256, 0, 0), (0x3D_0010, 16, 0, 1)]
    {
        let mut machine = Machine::new(Profile::default());
        let table = EVENT_RINGS + 0xFF00;
        machine.memory.put(table, &ErstEntry { segment: Gpa(segment), trbs }.to_bytes());
        machine.memory.put(table, &u64::to_le_bytes(segment));
        machine.write64(machine.ir(0) + 0x10, table);
        machine.write64(machine.ir(0) + 0x18, segment & !0x3F);
        for _ in 0..2 {
            machine.command.push(&mut machine.memory, command::no_op());
        }
        machine.write(machine.doorbells, 0);
        machine.run_us(500);
        assert_eq!(crosses(&machine), expected, "{trbs} events at {segment:#x}");
        assert_eq!(machine.xhc.violations(Violation::Misaligned), misaligned);
    }
}

#[test] // req: OPR-23, PWR-12, TRB-69
fn an_endpoint_whose_links_wake_too_late_is_refused_if_asked() {
    let profile = Profile { max_exit_latency_check: true, ..Profile::default() };
    let code = |cme: bool, latency: u16, kind: EndpointType| {
        let mut machine = Machine::new(profile.clone());
        let slot = machine.enumerate(1, Gadget::new(Speed::High));
        machine.write(machine.op, 5 | u32::from(cme) << 13);
        let ep = dci(1, kind.is_in());
        let evaluated = machine.slot_context(slot).with_max_exit_latency(latency);
        machine.input(InputControlContext::new().adding_slot(), evaluated, &[]);
        machine.command_code(command::evaluate_context(Gpa(INPUT), slot));
        // Every 1 ms.
        let context = endpoint(slot, ep, kind, 512, if kind.is_periodic() { 3 } else { 0 });
        let control = InputControlContext::new().adding_slot().adding(ep);
        machine.input(control, SlotContext::new().with_context_entries(3), &[(ep, context)]);
        machine.command_code(command::configure_endpoint(Gpa(INPUT), slot, false))
    };
    let too_large = CompletionCode::MAX_EXIT_LATENCY_TOO_LARGE;
    for kind in [EndpointType::ISOCH_OUT, EndpointType::INTERRUPT_IN] {
        assert_eq!(code(true, 0xFFFF, kind), too_large);
        assert_eq!(code(true, 1001, kind), too_large);
        assert_eq!(code(true, 1000, kind), CompletionCode::SUCCESS);
        assert_eq!(code(false, 0xFFFF, kind), CompletionCode::SUCCESS);
    }
    assert_eq!(code(true, 0xFFFF, EndpointType::BULK_IN), CompletionCode::SUCCESS);
}
