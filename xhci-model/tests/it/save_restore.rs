//! Save State and Restore State (xHCI 4.23.2).

use crate::support::any_profile;
use crate::support::bench::Bench;
use crate::support::commands::SlotIs;
use crate::support::gadget::Gadget;
use crate::support::ports::{CSC, PED, PP, WCE, show};
use crate::support::saved::SRE;
use crate::support::{Machine, on_every_profile};
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Latencies, Policy, PowerState, PowerWell, Profile};
use xhci_spec::context::{EndpointState, EndpointType};
use xhci_spec::trb::command;
use xhci_spec::{CompletionCode, Trb, TrbType};

const CSS: u32 = 1 << 8;
const CRS: u32 = 1 << 9;
const SSS: u32 = 1 << 8;
const RSS: u32 = 1 << 9;

/// Nothing in the core is as it was.
fn assert_core_is_new(machine: &Machine) {
    assert_eq!(machine.read(machine.op), 0);
    assert_eq!(machine.usbsts() & !(1 << 11), 1);
    assert_eq!([0x14, 0x30, 0x38].map(|offset| machine.read(machine.op + offset)), [0; 3]);
    let ir = machine.ir(0);
    assert_eq!([0, 4, 8, 0x10, 0x18].map(|offset| machine.read(ir + offset)), [0, 4000, 0, 0, 0]);
    assert_eq!(machine.read(machine.runtime), 0);
}

fn bulk(profile: Profile) -> Bench {
    let profile = Profile { slots: profile.slots.max(8), ..profile };
    Bench::new(profile, Speed::High, EndpointType::BULK_OUT)
}

fn on_profiles(test: impl Fn(Profile)) {
    for name in Profile::NAMES {
        println!("profile {name}");
        test(name.parse().unwrap());
    }
}

#[test] // req: PWR-01, PWR-02, PWR-03, PWR-04, PWR-05, SLT-08, TIM-23
fn transfers_go_on_after_the_core_lost_its_power() {
    on_profiles(|profile| {
        for crcr_before_crs in [true, false] {
            let mut bench = bulk(profile.clone());
            // In the middle of the ring, with DATA1 next, and an event ring that is in its second round.
            bench.trbs("N512 ioc");
            bench.go();
            for _ in 0..300 {
                bench.machine.command_code(command::no_op());
            }
            assert_eq!(bench.stop(), CompletionCode::SUCCESS);
            bench.machine.align_command_ring();
            bench.events();
            let machine = &mut bench.machine;
            machine.halt_controller();
            let mfindex = machine.read(machine.runtime);
            let contexts = machine.slot_context(bench.slot);
            let registers = machine.save_registers();
            assert!(!machine.save_state().1);
            machine.xhc.set_power_state(machine.now, PowerState::D3);
            machine.run_us(500_000);
            machine.xhc.lose_power(machine.now, PowerWell::Core);
            machine.run_us(500_000);
            machine.xhc.set_power_state(machine.now, PowerState::D0);
            assert_core_is_new(machine);
            machine.restore_registers(&registers);
            if crcr_before_crs {
                machine.write_crcr();
            }
            assert!(!machine.restore_state().1, "the state was there");
            if !crcr_before_crs {
                machine.write_crcr();
            }
            assert_eq!(machine.read(machine.runtime), mfindex);
            assert_eq!(machine.slot_context(bench.slot), contexts, "host memory is left alone");
            machine.run_controller();
            bench.probe().lines();
            bench.trbs("N1024 ioc");
            bench.go();
            assert_eq!(bench.probe().lines(), "OUT 1 #1 512 ACK\nOUT 1 #0 512 ACK\n");
            assert_eq!(bench.events(), "1@1:0");
            assert_eq!(bench.machine.command_code(command::no_op()), CompletionCode::SUCCESS);
            assert_eq!(bench.stop(), CompletionCode::SUCCESS);
            let slot = bench.machine.command(command::enable_slot(0)).slot;
            assert_eq!(slot.map(|slot| slot.get()), Some(2), "slot 1 is in use");
            assert_eq!(bench.machine.slot_state(bench.slot), SlotIs::Configured);
        }
    });
}

#[test] // req: PWR-02, PWR-03
fn nothing_is_lost_when_no_power_was() {
    on_every_profile(|mut machine| {
        machine.align_command_ring();
        machine.halt_controller();
        let registers = machine.save_registers();
        machine.save_state();
        machine.restore_registers(&registers);
        assert!(!machine.restore_state().1);
        machine.run_controller();
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS, "CRCR was left alone");
    });
}

#[test] // req: PWR-03
fn endpoints_keep_their_states() {
    let states =
        [EndpointState::RUNNING, EndpointState::STOPPED, EndpointState::HALTED, EndpointState::ERROR];
    for state in states {
        let mut bench = bulk(any_profile());
        match state {
            EndpointState::STOPPED => drop(bench.stop()),
            EndpointState::HALTED => {
                bench.probe().output[1].push_back(crate::support::probe::Say::Stall);
                bench.trbs("N512 ioc");
                bench.go();
            }
            EndpointState::ERROR => {
                bench.ring.push(&mut bench.machine.memory, Trb::of_type(TrbType(63)));
                bench.go();
            }
            _ => {}
        }
        assert_eq!(bench.state(), state);
        bench.machine.align_command_ring();
        sleep_and_lose_the_core(&mut bench.machine);
        bench.trbs("N512 ioc");
        bench.go();
        let stays = matches!(state, EndpointState::HALTED | EndpointState::ERROR);
        let expected = if stays { state } else { EndpointState::RUNNING };
        assert_eq!(bench.state(), expected);
        let code = bench.reset(false);
        let allowed = state == EndpointState::HALTED;
        let expected = if allowed { CompletionCode::SUCCESS } else { CompletionCode::CONTEXT_STATE_ERROR };
        assert_eq!(code, expected, "{state}: the controller itself remembers");
    }
}

fn sleep_and_lose_the_core(machine: &mut Machine) {
    machine.halt_controller();
    let registers = machine.save_registers();
    machine.save_state();
    machine.xhc.lose_power(machine.now, PowerWell::Core);
    machine.restore_registers(&registers);
    machine.write_crcr();
    assert!(!machine.restore_state().1);
    machine.run_controller();
}

#[test] // req: PWR-03
fn each_event_ring_goes_on_where_it_was() {
    let mut bench = bulk(Profile::default());
    bench.machine.align_command_ring();
    // Interrupter 1 has two events that nobody took, at the second and third place of its ring.
    let to_one = |bench: &mut Bench| {
        let trb = bench.parse("N512 ioc").with_interrupter_target(xhci_spec::InterrupterId(1));
        bench.ring.push(&mut bench.machine.memory, trb);
    };
    to_one(&mut bench);
    bench.go();
    assert_eq!(bench.events_of(1), "1@0:0");
    bench.machine.write(bench.machine.ir(1), 2);
    for _ in 0..2 {
        to_one(&mut bench);
    }
    bench.go();
    let told = |bench: &Bench| bench.machine.interrupts.iter().filter(|(_, vector)| *vector == 1).count();
    let before = told(&bench);
    sleep_and_lose_the_core(&mut bench.machine);
    bench.machine.run_us(1_000);
    assert_eq!(told(&bench), before + 1, "what nobody consumed is told again");
    to_one(&mut bench);
    bench.go();
    assert_eq!(bench.events_of(1), "1@1:0 1@2:0 1@3:0");
}

#[test] // req: PWR-03
fn what_was_consumed_while_asleep_counts() {
    let mut bench = bulk(Profile::default());
    bench.machine.align_command_ring();
    let machine = &mut bench.machine;
    machine.write(machine.ir(1), 2);
    let trb = bench.parse("N512 ioc").with_interrupter_target(xhci_spec::InterrupterId(1));
    bench.ring.push(&mut bench.machine.memory, trb);
    bench.go();
    let machine = &mut bench.machine;
    machine.halt_controller();
    let registers = machine.save_registers();
    machine.save_state();
    machine.xhc.lose_power(machine.now, PowerWell::Core);
    machine.restore_registers(&registers);
    assert_eq!(machine.take_events(1, true).len(), 1);
    machine.write_crcr();
    assert!(!machine.restore_state().1);
    let before = machine.interrupts.len();
    machine.run_controller();
    machine.run_us(10_000);
    assert_eq!(machine.interrupts.len(), before);
}

#[test] // req: PWR-03, OPR-42
fn config_is_as_software_writes_it() {
    let mut bench = bulk(any_profile());
    bench.machine.align_command_ring();
    let machine = &mut bench.machine;
    machine.halt_controller();
    let registers = machine.save_registers();
    machine.save_state();
    machine.xhc.lose_power(machine.now, PowerWell::Core);
    machine.restore_registers(&registers);
    machine.write(machine.op + 0x38, 1);
    machine.write_crcr();
    assert!(!machine.restore_state().1);
    assert_eq!(machine.read(machine.op + 0x38) & 0xFF, 1);
    machine.run_controller();
    let code = machine.command_code(command::enable_slot(0));
    assert_eq!(code, CompletionCode::NO_SLOTS_AVAILABLE, "slot 1 is in use, and there is no other");
}

#[test] // req: PWR-03, INT-03, INT-07
fn what_nobody_has_handled_interrupts_again() {
    let iman = 2;
    for handled in [false, true] {
        let mut machine = Machine::new(Profile::default());
        machine.align_command_ring();
        machine.run_us(2_000);
        machine.insert(1, Gadget::new(Speed::High));
        machine.run_us(2_000);
        let before = machine.interrupts.len();
        // The message left, EHB is 1.
        assert_eq!(machine.read(machine.ir(0) + 0x18) & 8, 8);
        assert_eq!(machine.read(machine.ir(0)), iman);
        if handled {
            machine.take_events(0, true);
        }
        sleep_and_lose_the_core(&mut machine);
        machine.clear_changes(1);
        machine.run_us(2_000);
        // The port tells of its change once more at the start (PRT-60).
        assert_eq!(machine.interrupts.len(), before + 1);
        let events = machine.take_events(0, true).len();
        assert_eq!(events, if handled { 1 } else { 2 });
        machine.run_us(10_000);
        assert_eq!(machine.interrupts.len(), before + 1, "and no more");
    }
}

#[test] // req: PWR-03, INT-10
fn moderation_is_as_software_writes_it() {
    let mut machine = Machine::new(Profile::default());
    machine.write(machine.ir(0) + 4, 0x0FA0_0123);
    machine.halt_controller();
    let registers = machine.save_registers();
    machine.save_state();
    machine.xhc.lose_power(machine.now, PowerWell::Core);
    machine.restore_registers(&registers);
    let imod = machine.read(machine.ir(0) + 4);
    machine.restore_state();
    assert_eq!(imod & 0xFFFF, 0x0123);
    assert_eq!(machine.read(machine.ir(0) + 4) & 0xFFFF, 0x0123);
    // IMODC counts on from what was written, as if nothing were restored.
    machine.save_state();
    machine.write(machine.ir(0) + 4, 0xFFFF_0123);
    let (took, failed) = machine.restore_state();
    assert!(!failed);
    let ticks = u32::try_from(took.div_floor(Duration::from_nanos(250))).unwrap();
    assert_eq!(machine.read(machine.ir(0) + 4) >> 16, 0xFFFF - ticks);
}

#[test] // req: PWR-03
fn a_ring_that_software_replaced_begins_anew() {
    let mut machine = Machine::new(any_profile());
    machine.align_command_ring();
    machine.halt_controller();
    let registers = machine.save_registers();
    machine.save_state();
    machine.xhc.lose_power(machine.now, PowerWell::Core);
    machine.restore_registers(&registers);
    // Another place for the primary ring.
    machine.write(machine.ir(0), 2);
    let table = 0x9_F000;
    let base = 0x9_E000;
    let entry = xhci_spec::erst::ErstEntry { segment: xhci_spec::Gpa(base), trbs: 16 };
    machine.memory.put(table, &entry.to_bytes());
    machine.write64(machine.ir(0) + 0x10, table);
    machine.write64(machine.ir(0) + 0x18, base);
    machine.write_crcr();
    assert!(!machine.restore_state().1);
    machine.rings[0] = crate::support::EventRing { base, trbs: 16, at: 0, cycle: true };
    machine.run_controller();
    assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
}

#[test] // req: TIM-23, PWR-01, PWR-02, OPR-20
fn saving_and_restoring_take_their_time() {
    let modes = [
        ("instant", Latencies::INSTANT, 0, 0),
        ("typical", Latencies::TYPICAL, 1_000, 5_000),
        ("slow", Latencies::SLOW, 20_000, 100_000),
    ];
    for (name, latencies, save_us, restore_us) in modes {
        let mut machine = Machine::new(Profile { latencies, ..Profile::default() });
        machine.halt_controller();
        assert_eq!(machine.save_state(), (Duration::from_micros(save_us), false), "{name}");
        assert_eq!(machine.restore_state(), (Duration::from_micros(restore_us), false), "{name}");
    }
    let mut machine = Machine::new(Profile::default());
    machine.halt_controller();
    for (order, busy) in [(CSS, SSS), (CRS, RSS)] {
        machine.write(machine.op, order);
        assert_eq!(machine.usbsts() & (SSS | RSS), busy);
        // While it is at it, it takes no other order.
        machine.write(machine.op, CSS);
        machine.write(machine.op, CRS);
        machine.run_us(if busy == SSS { 999 } else { 4_999 });
        assert_eq!(machine.usbsts() & (SSS | RSS), busy);
        machine.run_us(1);
        assert_eq!(machine.usbsts(), 1);
        machine.run_us(200_000);
        assert_eq!(machine.usbsts(), 1);
    }
}

type Act = fn(&mut Machine);
/// What happens to a halted controller before CRS, and whether that fails.
type Case<'a> = (&'a str, Policy, &'a dyn Fn(&mut Machine), bool);

#[test] // req: PWR-05, PWR-06, PWR-07, OPR-20, OPR-31
fn when_there_is_nothing_to_restore() {
    let save: Act = |m| assert!(!m.save_state().1);
    let saved_then = |act: Act| {
        move |m: &mut Machine| {
            save(m);
            act(m);
        }
    };
    let cases: &[Case<'_>] = &[
        ("saved", Policy::DEFAULT, &saved_then(|_| ()), false),
        ("saved twice", Policy::DEFAULT, &saved_then(|m| assert!(!m.save_state().1)), false),
        ("restored before", Policy::DEFAULT, &saved_then(|m| assert!(!m.restore_state().1)), false),
        ("never saved", Policy::DEFAULT, &|_| (), true),
        (
            "run since",
            Policy::DEFAULT,
            &saved_then(|m| {
                m.run_controller();
                m.halt_controller();
            }),
            true,
        ),
        ("core lost", Policy::DEFAULT, &saved_then(|m| m.xhc.lose_power(m.now, PowerWell::Core)), false),
        ("all lost", Policy::DEFAULT, &saved_then(|m| m.xhc.lose_power(m.now, PowerWell::Auxiliary)), true),
        ("power-on reset", Policy::DEFAULT, &saved_then(|m| m.xhc.power_on_reset(m.now)), true),
        (
            "reset",
            Policy::DEFAULT,
            &saved_then(|m| {
                m.write(m.op, 2);
                m.run_us(10_000);
            }),
            true,
        ),
        (
            "saving is cut off",
            Policy::DEFAULT,
            &saved_then(|m| {
                m.write(m.op, CSS);
                m.run_us(999);
                m.xhc.lose_power(m.now, PowerWell::Core);
            }),
            true,
        ),
        (
            "saving fails",
            Policy { save_fails: true, ..Policy::DEFAULT },
            &|m| assert!(m.save_state().1),
            true,
        ),
        ("restoring fails", Policy { restore_fails: true, ..Policy::DEFAULT }, &saved_then(|_| ()), true),
        (
            "asked for while running",
            Policy::DEFAULT,
            &|m| {
                m.run_controller();
                m.write(m.op, 5 | CSS);
                assert_eq!(m.usbsts() & SSS, 0);
                m.run_us(10_000);
                m.halt_controller();
            },
            true,
        ),
        (
            "asked for with the start",
            Policy::DEFAULT,
            &|m| {
                m.write(m.op, 5 | CSS);
                assert_eq!(m.usbsts() & SSS, 0);
                m.run_us(10_000);
                m.halt_controller();
            },
            true,
        ),
        (
            "started while saving",
            Policy::DEFAULT,
            &|m| {
                m.write(m.op, 4 | CSS);
                m.write(m.op, 5);
                m.run_us(10_000);
                assert_eq!(m.usbsts() & (SSS | SRE), SRE);
                m.halt_controller();
            },
            true,
        ),
    ];
    for (what, policy, act, fails) in cases {
        let mut machine = Machine::new(Profile { policy: *policy, ..Profile::default() });
        machine.halt_controller();
        act(&mut machine);
        machine.run_us(1_000);
        assert_eq!(machine.restore_state().1, *fails, "{what}");
        // SRE is write 1 to clear.
        machine.write(machine.op + 4, 0);
        assert_eq!(machine.usbsts() & SRE != 0, *fails, "{what}");
        machine.write(machine.op + 4, SRE);
        assert_eq!(machine.usbsts() & SRE, 0, "{what}");
    }
}

#[test] // req: OPR-31, OPR-20, PWR-06
fn a_new_order_clears_the_error_of_the_last() {
    for (order, busy) in [(CSS, SSS), (CRS, RSS)] {
        let mut machine = Machine::new(Profile::default());
        machine.halt_controller();
        assert!(machine.restore_state().1, "nothing was saved");
        machine.run_us(10_000);
        assert_eq!(machine.usbsts() & (SSS | RSS | SRE), SRE, "it stays");
        machine.write(machine.op, order);
        assert_eq!(machine.usbsts() & (SSS | RSS | SRE), busy);
        machine.run_us(10_000);
        assert_eq!(machine.usbsts() & (SSS | RSS | SRE), if busy == RSS { SRE } else { 0 }, "how it ended");
    }
}

#[test] // req: PWR-07
fn nothing_is_restored_to_a_controller_that_runs() {
    let mut machine = Machine::new(Profile::default());
    machine.halt_controller();
    machine.save_state();
    machine.run_controller();
    machine.write(machine.op, 5 | CRS);
    assert_eq!(machine.usbsts() & RSS, 0);
    machine.run_us(10_000);
    assert_eq!(machine.usbsts() & SRE, 0);
    // Started while restoring: that fails, and what runs is left alone.
    machine.halt_controller();
    machine.save_state();
    machine.write(machine.op, 4 | CRS);
    machine.write(machine.op, 5);
    machine.run_us(10_000);
    assert_eq!(machine.usbsts() & (RSS | SRE), SRE);
    machine.align_command_ring();
    assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
}

#[test] // req: PWR-03
fn ports_are_no_part_of_it() {
    on_every_profile(|mut machine| {
        machine.with_usb2_device();
        machine.order(1, WCE);
        machine.halt_controller();
        let registers = machine.save_registers();
        machine.save_state();
        let asleep = machine.portsc(1);
        assert_eq!(show(asleep), show(0x0200_0E03));
        machine.xhc.lose_power(machine.now, PowerWell::Core);
        assert_eq!(show(machine.portsc(1)), show(asleep));
        // What happens meanwhile stays.
        let usb3 = machine.usb3_port();
        machine.insert(usb3, Gadget::new(Speed::Super));
        machine.run_us(20_000);
        drop(machine.pull_out(1));
        machine.restore_registers(&registers);
        assert!(!machine.restore_state().1);
        assert_eq!(show(machine.portsc(1)), show(0x0202_02A0));
        assert_eq!(show(machine.portsc(usb3)), show(0x0002_1203));
        // The whole controller: its ports begin anew.
        machine.xhc.lose_power(machine.now, PowerWell::Auxiliary);
        assert_eq!(machine.portsc(1) & (WCE | PED | CSC), 0);
        machine.write_portsc(usb3, PP);
        machine.wait_ms(40, |machine| machine.portsc(usb3) & 1 != 0);
        assert_eq!(show(machine.portsc(usb3)), show(0x0002_1203));
    });
}

#[test] // req: PWR-03, PRT-18
fn a_port_reset_goes_on_while_the_core_has_no_power() {
    let mut machine = Machine::new(Profile::default());
    machine.insert(1, Gadget::new(Speed::High));
    machine.order(1, 0x10);
    machine.run_us(10_000);
    machine.xhc.lose_power(machine.now, PowerWell::Core);
    machine.run_us(39_999);
    assert_eq!(show(machine.portsc(1)), show(0x0002_02F1));
    machine.run_us(1);
    assert_eq!(show(machine.portsc(1)), show(0x0022_0E03));
}

#[test] // req: PWR-04
fn without_a_command_ring_its_doorbell_does_nothing() {
    on_every_profile(|mut machine| {
        machine.halt_controller();
        let registers = machine.save_registers();
        machine.save_state();
        machine.xhc.lose_power(machine.now, PowerWell::Core);
        machine.restore_registers(&registers);
        assert!(!machine.restore_state().1);
        machine.run_controller();
        machine.take_events(0, true);
        machine.write(machine.doorbells, 0);
        machine.run_us(100_000);
        assert_eq!(machine.take_events(0, true), []);
        assert_eq!(machine.usbsts() & !(1 << 3), 0, "neither an error nor a halt");
        // It can be given one still.
        machine.command = crate::support::Producer::new(crate::support::COMMAND_RING, 64);
        machine.memory.put(crate::support::COMMAND_RING, &[0; 64 * 16]);
        machine.write_crcr();
        assert_eq!(machine.command_code(command::no_op()), CompletionCode::SUCCESS);
    });
}

#[test] // req: PWR-06, SLT-08
fn a_driver_sets_everything_up_anew_after_a_failure() {
    on_profiles(|profile| {
        let policy = Policy { restore_fails: true, ..profile.policy };
        let mut machine = Machine::new(Profile { policy, ..profile });
        machine.enumerate(1, Gadget::new(Speed::High));
        machine.align_command_ring();
        machine.halt_controller();
        let registers = machine.save_registers();
        assert!(!machine.save_state().1);
        machine.xhc.lose_power(machine.now, PowerWell::Core);
        machine.restore_registers(&registers);
        machine.write_crcr();
        assert!(machine.restore_state().1);
        machine.write(machine.op, 2);
        machine.wait_ms(100, |machine| machine.read(machine.op) & 2 == 0);
        machine.command = crate::support::Producer::new(crate::support::COMMAND_RING, 64);
        machine.memory.put(crate::support::COMMAND_RING, &[0; 64 * 16]);
        machine.bring_up();
        let events = machine.take_events(0, true);
        let changes = events.iter().filter(|trb| trb.trb_type() == TrbType::PORT_STATUS_CHANGE_EVENT);
        assert_eq!(changes.count(), 1, "the device is found again");
        drop(machine.pull_out(1));
        machine.clear_changes(1);
        assert_eq!(machine.enumerate(1, Gadget::new(Speed::High)).get(), 1);
    });
}
