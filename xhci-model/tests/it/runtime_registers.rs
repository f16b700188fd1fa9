//! The runtime registers bit by bit. What interrupters do with them: interrupters.rs, event_rings.rs.

use crate::support::any_profile;
use crate::support::gadget::Gadget;
use crate::support::registers::named_profiles;
use crate::support::{EVENT_RINGS, Machine, on_every_profile};
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Profile, Violation};
use xhci_spec::trb::command;
use xhci_spec::{CompletionCode, FrameId};

/// A command whose completion interrupts or would do so.
fn complete_one(machine: &mut Machine) {
    machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    machine.run(Duration::from_millis(1));
}

#[test] // req: RTS-04
fn each_bit_of_iman() {
    for (name, profile) in named_profiles() {
        let mut machine = Machine::ready(profile);
        let last = (machine.read(4) >> 8 & 0x7FF) as u16 - 1;
        for id in [0, last] {
            let iman = machine.ir(id);
            for bit in 0..32 {
                machine.write(iman, 1 << bit);
                assert_eq!(machine.read(iman), 2 & 1 << bit, "{name}: interrupter {id} bit {bit}");
            }
        }
    }
    // IP stays until 1 is written, and 1 does not set it.
    let mut machine = Machine::new(any_profile());
    let iman = machine.ir(0);
    machine.write(machine.op, 1);
    machine.write(iman, 3);
    assert_eq!(machine.read(iman), 2);
    complete_one(&mut machine);
    assert_eq!(machine.read(iman), 3);
    for (written, read) in [(2, 3), (0, 1), (2, 3), (3, 2)] {
        machine.write(iman, written);
        assert_eq!(machine.read(iman), read, "after {written}");
    }
}

#[test] // req: RTS-05
fn moderation_counts_down_from_what_is_written() {
    for (_, profile) in named_profiles() {
        let mut machine = Machine::ready(profile);
        let imod = machine.ir(0) + 4;
        assert_eq!(machine.read(imod), 4000, "1 ms, nothing to count");
        machine.write(imod, 0xFFFF_1234);
        assert_eq!(machine.read(imod), 0xFFFF_1234);
        machine.run_us(1);
        assert_eq!(machine.read(imod), 0xFFFB_1234, "four times 250 ns");
        machine.write(imod, 0x0002_0000);
        machine.run_us(1);
        assert_eq!(machine.read(imod), 0);
    }
    // IMODI = 0: every event of its own, as soon as the one before was handled.
    let mut machine = Machine::new(Profile::default());
    machine.write(machine.ir(0) + 4, 0);
    for count in 1..=5 {
        let before = machine.now;
        machine.command.push(&mut machine.memory, command::no_op());
        machine.write(machine.doorbells, 0);
        machine.run_us(50);
        machine.take_events(0, true);
        assert_eq!(machine.interrupts.len(), count);
        assert!(machine.interrupts.last().unwrap().0 - before < Duration::from_micros(50));
    }
}

#[test] // req: RTS-06, ERR-13
fn erstsz_is_16_bits_and_not_more_than_erst_max() {
    for (erst_max, written, read, violations) in [
        (15, 0x0001_2345, 0x2345, 0),
        (15, 0x8000, 0x8000, 0),
        (15, 0x8001, 0x8000, 1),
        (5, 32, 32, 0),
        (5, 33, 32, 1),
        (0, 1, 1, 0),
        (0, 0xFFFF_FFFF, 1, 1),
    ] {
        let mut machine = Machine::ready(Profile { erst_max, ..Profile::default() });
        for id in [0, 7] {
            machine.write(machine.ir(id) + 8, written);
            assert_eq!(machine.read(machine.ir(id) + 8), read, "{written:#x} with 2^{erst_max}");
        }
        assert_eq!(machine.xhc.violations(Violation::TooManySegments), 2 * violations);
    }
}

#[test] // req: RTS-07, RTS-11
fn reserved_registers_read_0() {
    for (name, profile) in named_profiles() {
        let mut machine = Machine::ready(profile);
        let interrupters = (machine.read(4) >> 8 & 0x7FF) as u16;
        for id in 0..interrupters {
            machine.write(machine.ir(id) + 0xC, !0);
            assert_eq!(machine.read(machine.ir(id) + 0xC), 0, "{name}");
        }
        for register in (0..0x20).step_by(4) {
            let beyond = machine.ir(interrupters) + register;
            if beyond < machine.doorbells {
                machine.write(beyond, !0);
                assert_eq!(machine.read(beyond), 0, "{name}: IR[MaxIntrs]");
            }
        }
        for register in (4..0x20).step_by(4) {
            machine.write(machine.runtime + register, !0);
            assert_eq!(machine.read(machine.runtime + register), 0, "{name}");
        }
    }
}

#[test] // req: RTS-08, RTS-09
fn erstba_and_erdp_keep_what_is_theirs() {
    let mut machine = Machine::ready(Profile::default());
    for id in [0, 1, 7] {
        let ir = machine.ir(id);
        machine.write64(ir + 0x10, !0);
        assert_eq!(machine.read64(ir + 0x10), !0x3F);
        // EHB cannot be set; DESI is kept.
        machine.write64(ir + 0x18, !0);
        assert_eq!(machine.read64(ir + 0x18), !0x8);
        machine.write64(ir + 0x18, 0x0123_4567_89AB_CDE5);
        assert_eq!(machine.read64(ir + 0x18), 0x0123_4567_89AB_CDE5);
        machine.write64(ir + 0x10, 0x0123_4567_89AB_CDC0);
        assert_eq!(machine.read64(ir + 0x10), 0x0123_4567_89AB_CDC0);
    }
}

#[test] // req: RTS-09
fn ehb_is_set_by_an_interrupt_and_cleared_by_1() {
    on_every_profile(|mut machine| {
        let erdp = machine.ir(0) + 0x18;
        complete_one(&mut machine);
        assert_eq!(machine.read64(erdp), EVENT_RINGS | 8, "as written, with EHB");
        machine.write64(erdp, EVENT_RINGS + 16);
        assert_eq!(machine.read64(erdp), (EVENT_RINGS + 16) | 8, "0 leaves it");
        machine.write64(erdp, (EVENT_RINGS + 16) | 8);
        assert_eq!(machine.read64(erdp), EVENT_RINGS + 16);
    });
}

#[test] // req: RTS-12
fn a_secondary_interrupter_comes_and_goes_while_running() {
    let mut machine = Machine::new(Profile::default());
    let slot = machine.enumerate(7, Gadget::new(Speed::Super));
    machine.evaluate_interrupter(slot, xhci_spec::InterrupterId(1));
    machine.write(machine.op + 0x14, 2);
    let port = xhci_spec::PortId::new(7).unwrap();
    let notification = xhci_model::Notification { kind: 1, data: 0 };
    let notify = |machine: &mut Machine| {
        machine.xhc.notify(machine.now, port, notification);
        machine.run_us(10);
        machine.take_events(1, true).len()
    };
    assert_eq!(notify(&mut machine), 1);
    machine.write(machine.ir(1) + 8, 0);
    assert_eq!(notify(&mut machine), 0, "disabled");
    machine.event_ring(1, 256);
    assert_eq!(notify(&mut machine), 1, "enabled again");
    assert_eq!(
        machine.command_code(command::no_op()),
        CompletionCode::SUCCESS,
        "nothing of it concerns IR 0"
    );
}

#[test] // req: RTS-03
fn the_bus_counts_as_mfindex_does() {
    let mut machine = Machine::cold(any_profile());
    assert_eq!(machine.xhc.start_of_frame(machine.now), None, "no SOF while halted");
    machine.bring_up();
    // Past the wrap, at uneven times.
    for _ in 0..500 {
        machine.run(Duration::from_nanos(4_999_317));
        let sof = machine.xhc.start_of_frame(machine.now).unwrap();
        let mfindex = machine.read(machine.runtime);
        assert_eq!(u32::from(sof.interval), mfindex, "ITP");
        assert_eq!(u32::from(sof.frame.get()), mfindex >> 3, "SOF");
        let since = machine.now - sof.at;
        assert!(since < Duration::MICROFRAME);
        // It was sent when the microframe began: the one before ended there.
        assert_eq!(machine.xhc.read32(sof.at, machine.runtime), mfindex);
        let before = machine.xhc.read32(sof.at - Duration::from_nanos(1), machine.runtime);
        assert_eq!(before, (mfindex + 0x3FFF) & 0x3FFF);
        assert_eq!(sof.frame, FrameId::of_microframe(u64::from(mfindex)));
    }
    machine.stop();
    assert_eq!(machine.xhc.start_of_frame(machine.now), None);
}
