//! How registers are accessed: widths, halves, holes, and a controller that is not there.

use crate::support::any_profile;
use crate::support::gadget::Gadget;
use crate::support::registers::named_profiles;
use crate::support::{COMMAND_RING, DCBAA, EVENT_RINGS, Machine, on_every_profile};
use proptest::prelude::*;
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Latencies, Latency, Policy, Profile, Violation};
use xhci_spec::trb::command;
use xhci_spec::{CompletionCode, PortId, Trb, TrbType};

#[test] // req: OPR-01, OPR-02, ERR-13
fn narrow_and_misaligned_writes_are_ignored_and_counted() {
    let mut machine = Machine::ready(Profile::default());
    let (op, ir) = (machine.op, machine.ir(0));
    machine.write(op + 0x14, 0x5A5A);
    let mut mistakes = 0;
    for base in [op, op + 0x14, op + 0x38, ir + 4, machine.doorbells, machine.portsc_offset(1)] {
        let before = machine.read64(base);
        for (offset, bytes) in [
            (0, &[0xFF][..]),
            (3, &[0xFF]),
            (0, &[0xFF; 2]),
            (2, &[0xFF; 2]),
            (0, &[0xFF; 3]),
            (1, &[0xFF; 4]),
            (2, &[0xFF; 8]),
            (0, &[0xFF; 16]),
            (0, &[]),
        ] {
            machine.write_bytes(base + offset, bytes);
            mistakes += 1;
            assert_eq!(machine.read64(base), before, "{} bytes at {base:#x}+{offset}", bytes.len());
            assert_eq!(machine.xhc.violations(Violation::AccessWidth), mistakes);
        }
        machine.xhc.write32(machine.now, base + 1, !0);
        mistakes += 1;
        assert_eq!(machine.xhc.violations(Violation::AccessWidth), mistakes);
    }
    assert_eq!(machine.read8(op + 0x15), 0x5A, "narrow reads give the bytes of the dword");
    assert_eq!(machine.read16(op + 0x14), 0x5A5A);
    assert_eq!(machine.read16(op + 0x16), 0);
    // Aligned dwords and qwords do count.
    machine.write_bytes(op + 0x38, &[4, 0, 0, 0]);
    assert_eq!(machine.read(op + 0x38), 4);
    machine.write64(op + 0x30, 0x1234_5678_9ABC_DEC0);
    assert_eq!(machine.read64(op + 0x30), 0x1234_5678_9ABC_DEC0);
    assert_eq!(machine.xhc.violations(Violation::AccessWidth), mistakes);
}

#[test] // req: OPR-03, OPR-05, EVR-06, EVR-08
fn halves_of_a_pointer_come_in_either_order() {
    for high_first in [false, true] {
        let mut machine = Machine::ready(Profile::default());
        let (op, ir) = (machine.op, machine.ir(0));
        for (register, value, read) in [
            (op + 0x30, 0x1122_3344_5566_7780, 0x1122_3344_5566_7780),
            (ir + 0x10, 0x1122_3344_5566_77FF, 0x1122_3344_5566_77C0),
            (ir + 0x18, 0x1122_3344_5566_77F7, 0x1122_3344_5566_77F7),
            (op + 0x18, 0x1122_3344_5566_7781, 0),
        ] {
            machine.write_halves(register, value, high_first);
            assert_eq!(machine.read64(register), read, "{register:#x}");
        }
        // Real pointers, over what was there: a controller that runs, and commands that complete.
        machine.event_ring(0, 256);
        machine.write(op + 0x38, 16);
        for (register, value) in [
            (op + 0x30, DCBAA),
            (op + 0x18, COMMAND_RING | 1),
            (ir + 0x18, EVENT_RINGS),
            (ir + 0x10, EVENT_RINGS + 0xFF00),
        ] {
            machine.write_halves(register, value, high_first);
        }
        assert_eq!(machine.accesses_in(Duration::from_millis(1)), 0, "OPR-05: nothing is fetched yet");
        machine.start();
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
        let first = Trb::from_bytes(machine.memory.get(EVENT_RINGS));
        assert_eq!(first.trb_type(), TrbType::COMMAND_COMPLETION_EVENT);
    }
}

#[test] // req: OPR-04, OPR-37
fn a_command_stop_needs_only_the_low_half() {
    let mut machine = Machine::new(any_profile());
    assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
    assert_eq!(machine.read(machine.op + 0x18), 8, "CRR");
    machine.write(machine.op + 0x18, 2);
    machine.run_us(1);
    assert_eq!(machine.read(machine.op + 0x18), 0);
    let [event] = machine.take_events(0, true)[..] else { panic!("one event") };
    assert_eq!(event.completion_code(), CompletionCode::COMMAND_RING_STOPPED);
    assert_eq!(event.parameter, COMMAND_RING + 16);
    // The high half afterwards has no effect of its own.
    machine.write(machine.op + 0x1C, 0);
    machine.run_us(100);
    assert!(machine.take_events(0, true).is_empty());
    assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
}

#[test] // req: OPR-04, EVR-11
fn the_low_half_of_erdp_clears_ehb_once() {
    let mut machine = Machine::new(Profile::default());
    machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    machine.run_us(100);
    let erdp = machine.ir(0) + 0x18;
    let next = u32::try_from(EVENT_RINGS).unwrap() + 16;
    assert_eq!(machine.read(erdp) & 8, 8);
    machine.write(erdp, next | 8);
    assert_eq!(machine.read(erdp), next);
    machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    machine.run_us(100);
    assert_eq!(machine.interrupts.len(), 2);
    assert_eq!(machine.read(erdp) & 8, 8);
    machine.write(erdp + 4, 8);
    assert_eq!(machine.read(erdp) & 8, 8, "a 1 at the same bit of the high half does nothing");
    machine.write(erdp + 4, 0);
    assert_eq!(machine.read64(erdp), u64::from(next) | 8);
}

#[test] // req: OPR-06
fn without_64_bit_addresses_high_halves_stay_0() {
    for halves in [false, true] {
        let mut machine = Machine::ready(Profile { addresses_64: false, ..any_profile() });
        let (op, ir) = (machine.op, machine.ir(0));
        for register in [op + 0x30, ir + 0x10, ir + 0x18, op + 0x18] {
            let value = 0xDEAD_BEEF_0012_3440;
            if halves {
                machine.write_halves(register, value, true);
            } else {
                machine.write64(register, value);
            }
            assert_eq!(machine.read(register + 4), 0, "{register:#x}");
            let low = if register == op + 0x18 { 0 } else { 0x0012_3440 };
            assert_eq!(machine.read(register), low);
        }
    }
}

#[test] // req: OPR-07
fn the_whole_bar_can_be_read_and_written() {
    for (name, profile) in named_profiles() {
        let mut machine = Machine::new(profile);
        let slots = machine.read(4) & 0xFF;
        let size = machine.xhc.bar_size();
        let sweep = |machine: &Machine| (0..size).step_by(4).map(|at| machine.read(at)).collect::<Vec<_>>();
        let first = sweep(&machine);
        assert_eq!(sweep(&machine), first, "{name}: reads have no side effects");
        let used = |at: u32| {
            at < 0x24
                || (machine.op..machine.op + 0x400 + 0x10 * u32::from(machine.ports())).contains(&at)
                || (machine.runtime..machine.ir((machine.read(4) >> 8 & 0x7FF) as u16)).contains(&at)
                || (machine.doorbells..machine.doorbells + 4 * (slots + 1)).contains(&at)
                || at >= machine.read(0x10) >> 16 << 2
        };
        let holes: Vec<_> = (0..size).step_by(4).filter(|at| !used(*at)).collect();
        for at in holes {
            for value in [0, !0] {
                machine.write(at, value);
                assert_eq!(machine.read(at), 0, "{name}: hole at {at:#x}");
            }
        }
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
        // While halted, really everything but USBCMD.
        machine.stop();
        for value in [0, !0] {
            for at in (0..size).step_by(4).filter(|at| *at != machine.op) {
                machine.xhc.write32(machine.now, at, value);
            }
            machine.run_us(100);
        }
        assert_eq!(machine.usbsts() & 0x1005, 1, "{name}: neither HSE nor HCE");
        for at in [0x0C, 0x10, 0x20, 0x28, 0x3C, 0x40, 0x3FC] {
            assert_eq!(machine.read(machine.op + at), 0, "{name}: reserved operational register {at:#x}");
        }
        for at in [4, 8, 0x1C, 0x2C] {
            assert_eq!(machine.read(machine.runtime + at), 0, "{name}: reserved runtime register {at:#x}");
        }
        let mut beyond = [0xAA; 4];
        machine.xhc.mmio_read(machine.now, size.into(), &mut beyond);
        assert_eq!(beyond, [0; 4]);
        machine.xhc.mmio_read(machine.now, u64::MAX - 1, &mut beyond);
        machine.xhc.mmio_write(machine.now, u64::MAX - 1, &beyond);
        machine.xhc.mmio_write(machine.now, 1 << 32, &[2, 0, 0, 0]);
        assert_eq!(machine.usbcmd() & 2, 0, "{name}: offsets do not wrap");
    }
}

#[test] // req: OPR-08
fn a_hidden_controller_reads_all_ones() {
    let mut machine = Machine::new(any_profile());
    machine.write(machine.op + 0x14, 2);
    machine.xhc.set_accessible(false);
    for at in (0..0x4000).step_by(4) {
        assert_eq!(machine.read(at), !0, "{at:#x}");
        machine.write(at, 0);
    }
    machine.write8(machine.op, 0);
    assert_eq!((machine.read8(3), machine.read64(machine.op + 4)), (0xFF, !0));
    machine.xhc.set_accessible(true);
    assert_eq!((machine.usbcmd(), machine.read(machine.op + 0x14)), (5, 2), "writes were dropped");
    assert_eq!(machine.xhc.violations(Violation::AccessWidth), 0);
    assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
}

#[test] // req: OPR-08
fn a_removed_controller_is_gone() {
    let mut machine = Machine::new(Profile::default());
    machine.enumerate(1, Gadget::new(Speed::High));
    machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    let interrupts = machine.interrupts.len();
    machine.xhc.remove(machine.now);
    assert_eq!(machine.usbsts(), !0);
    machine.xhc.set_accessible(true);
    assert_eq!(machine.usbsts(), !0, "for good");
    assert_eq!(machine.accesses_in(Duration::from_millis(100)), 0);
    let port = PortId::new(2).unwrap();
    machine.xhc.attach(machine.now, port, Box::new(Gadget::new(Speed::High))).unwrap();
    assert_eq!(machine.accesses_in(Duration::from_millis(100)), 0);
    assert_eq!(machine.interrupts.len(), interrupts);
    assert_eq!(machine.xhc.poll_timeout(), None);
    assert!(machine.xhc.detach(machine.now, PortId::new(1).unwrap()).is_some());
}

/// A controller that stays in power-on for 100 µs.
fn powering_up(drop: bool) -> Machine {
    let policy = Policy { drop_writes_while_not_ready: drop, ..Policy::DEFAULT };
    let latencies = Latencies { power_on: Latency::micros(100), ..Latencies::TYPICAL };
    Machine::cold(Profile { policy, latencies, ..Profile::default() })
}

#[test] // req: OPR-09, OPR-30, ERR-13
fn writes_before_the_controller_is_ready() {
    for drop in [false, true] {
        let mut machine = powering_up(drop);
        let violations = |machine: &Machine| machine.xhc.violations(Violation::WriteWhileNotReady);
        assert_eq!(machine.usbsts(), 0x801);
        machine.write(machine.op + 0x38, 7);
        assert_eq!(machine.read(machine.op + 0x38), if drop { 0 } else { 7 });
        assert_eq!(violations(&machine), 1);
        machine.write(machine.op, 4);
        machine.write(machine.ir(0), 2);
        machine.write(machine.doorbells, 0);
        machine.write(machine.portsc_offset(1), 0);
        assert_eq!(violations(&machine), 5);
        // Capabilities are no live registers: firmware is asked to let go before the controller is touched.
        let legacy = machine.extended(1).unwrap();
        machine.write8(legacy + 3, 1);
        machine.write(legacy + 4, 0);
        machine.write(0x10, 0);
        assert_eq!(violations(&machine), 5);
        machine.run_us(99);
        assert_eq!(machine.usbsts() & 0x801, 0x801);
        machine.run_us(1);
        assert_eq!(machine.usbsts() & 0x801, 1);
        machine.write(machine.op + 0x38, 9);
        assert_eq!(machine.read(machine.op + 0x38), 9);
        assert_eq!(violations(&machine), 5);
    }
}

#[test] // req: OPR-30
fn ready_long_before_a_millisecond_and_not_touched_by_a_reset() {
    let mut machine = Machine::cold(Profile::default());
    assert_eq!(machine.usbsts(), 0x801);
    machine.run_us(50);
    assert_eq!(machine.usbsts(), 1);
    on_every_profile(|mut machine| {
        machine.stop();
        machine.write(machine.op, 2);
        let mut polls = 0;
        while machine.usbcmd() & 2 != 0 {
            assert_eq!(machine.usbsts() & 0x800, 0, "HCRST, not CNR");
            machine.run_us(10);
            polls += 1;
            assert!(polls < 10_000, "a second");
        }
        assert_eq!(machine.usbsts() & 0x801, 1);
    });
}

#[test] // req: OPR-30, OPR-10
fn a_function_level_reset_is_a_power_on() {
    let mut machine = Machine::new(any_profile());
    machine.enumerate(1, Gadget::new(Speed::High));
    machine.xhc.power_on_reset(machine.now);
    assert_eq!(machine.usbsts(), 0x811, "not ready, halted, and the device was detected again");
    assert_eq!((machine.usbcmd(), machine.read(machine.op + 0x38)), (0, 0));
    assert_eq!(machine.portsc(1), 0x0002_02E1);
    machine.bring_up_again();
    assert_eq!(machine.command(command::enable_slot(0)).slot.map(|slot| slot.get()), Some(1));
}

#[test] // req: OPR-34, OPR-35, OPR-40, ERR-13
fn a_running_command_ring_ignores_its_pointer() {
    let mut machine = Machine::new(any_profile());
    let crcr = machine.op + 0x18;
    let violations = |machine: &Machine| machine.xhc.violations(Violation::CommandRingWhileRunning);
    // Not running: the pointer is loaded, and cannot be read back.
    machine.write64(crcr, 0x3_0000 | 1);
    machine.write64(crcr, COMMAND_RING | 1);
    assert_eq!(machine.read64(crcr), 0);
    // CS and CA without a running ring do nothing.
    for bits in [2, 4, 6] {
        machine.write64(crcr, COMMAND_RING | 1 | bits);
        machine.run_us(100);
        assert!(machine.take_events(0, true).is_empty());
    }
    assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
    assert_eq!((machine.read64(crcr), violations(&machine)), (8, 0));
    // Running: neither pointer nor cycle state of a write count.
    machine.write64(crcr, 0x3_0000);
    assert_eq!((machine.read64(crcr), violations(&machine)), (8, 1));
    assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
    // Stop and abort may come with a pointer, as Linux writes it; it is not followed either.
    for bits in [2, 4] {
        machine.write64(crcr, 0x3_0000 | bits);
        machine.run_us(100);
        let [event] = machine.take_events(0, true)[..] else { panic!("one event") };
        assert_eq!(event.completion_code(), CompletionCode::COMMAND_RING_STOPPED);
        assert_eq!((machine.read64(crcr), violations(&machine)), (0, 1));
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// Writes of any width anywhere: reserved bits stay 0, reads change nothing, the BAR ends where it ends.
    #[test] // req: OPR-07, OPR-25, SEC-01, SEC-11
    fn any_write_of_any_width(
        profile in 0..Profile::NAMES.len(),
        writes in proptest::collection::vec((any::<u32>(), proptest::collection::vec(any::<u8>(), 0..17)), 1..60),
        running: bool,
    ) {
        let profile: Profile = Profile::NAMES[profile].parse().unwrap();
        let mut machine = if running { Machine::new(profile) } else { Machine::ready(profile) };
        let size = machine.xhc.bar_size();
        // Mostly where the registers are.
        let blocks = [machine.op, machine.op + 0x400, machine.runtime, machine.doorbells, machine.read(0x10) >> 16 << 2];
        for (index, (offset, bytes)) in writes.iter().enumerate() {
            let offset = match index % 6 {
                5 => *offset,
                block => blocks[block] + offset % 0x60,
            };
            machine.write_bytes(offset, bytes);
            machine.run_us(u64::from(offset) % 50);
            let mut first = [0; 9];
            let at = u64::from(offset.saturating_sub(1));
            machine.xhc.mmio_read(machine.now, at, &mut first);
            let mut again = [0; 9];
            machine.xhc.mmio_read(machine.now, at, &mut again);
            prop_assert_eq!(first, again);
            if offset >= size && offset < u32::MAX - 8 {
                prop_assert_eq!(&first[1..], &[0; 8]);
            }
            prop_assert_eq!(machine.usbcmd() & 0xFFFF_1070, 0);
            prop_assert_eq!(machine.usbsts() & 0xFFFF_E0E2, 0);
        }
    }
}
