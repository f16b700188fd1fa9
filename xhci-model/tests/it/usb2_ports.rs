//! The life of a USB 2 port: attach, reset, suspend, resume, wake, disable, detach, power (xHCI 4.15, 4.19.1.1).

use crate::support::any_profile;
use crate::support::bench::Bench;
use crate::support::gadget::Gadget;
use crate::support::ports::{CHANGES, CSC, LWS, PED, PLC, PP, PR, PRC, Sleeper, show};
use crate::support::{Machine, in_every_timing, on_every_profile};
use expect_test::expect;
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{PortFault, Profile, Violation};
use xhci_spec::context::EndpointType;

#[test] // req: PRT-11, PRT-15, PRT-16, PRT-17, PRT-18, PRT-19, PRT-20, PRT-21, PRT-22, PRT-41, TIM-24
fn the_life_of_a_port() {
    let mut machine = Machine::new(Profile { port_power_control: true, ..Profile::default() });
    let mut life = String::new();
    let mut act = |what: &str, machine: &mut Machine, act: &mut dyn FnMut(&mut Machine), ms: u64| {
        act(machine);
        life += &format!("{what}\n{}", machine.trace_ms(1, ms));
        let events = machine.port_events();
        life += &format!("{:>8} events {events:?}\n", "");
        machine.clear_changes(1);
    };
    let m = &mut machine;
    act("empty", m, &mut |_| {}, 10);
    act("attached", m, &mut |m| m.insert(1, Sleeper::new(Speed::High)), 100);
    act("reset", m, &mut |m| m.order(1, PR), 100);
    act("suspended", m, &mut |m| m.set_link(1, 3), 100);
    act("resume signalled", m, &mut |m| m.set_link(1, 15), 20);
    act("resume ended", m, &mut |m| m.set_link(1, 0), 10);
    act("suspended again", m, &mut |m| m.set_link(1, 3), 10);
    act(
        "the device wakes",
        m,
        &mut |m| {
            m.sleeper(1).wakes = true;
            m.touch(1);
        },
        20,
    );
    act("software lets it", m, &mut |m| m.set_link(1, 0), 10);
    act("disabled", m, &mut |m| m.order(1, PED), 10);
    act("reset after that", m, &mut |m| m.order(1, PR), 100);
    act("error", m, &mut |m| m.fault(1, PortFault::PortError), 10);
    act("reset after that", m, &mut |m| m.order(1, PR), 100);
    act("power off", m, &mut |m| m.write_portsc(1, 0), 10);
    act("power on", m, &mut |m| m.write_portsc(1, PP), 100);
    act("gone", m, &mut |m| drop(m.pull_out(1)), 10);
    expect![[r#"
        empty
        @0       000002a0 RxDetect speed 0 PP
                 events []
        attached
        @0       000202e1 Polling speed 0 CCS PP CSC
                 events [1]
        reset
        @0       000002f1 Polling speed 0 CCS PR PP
        @50000   00200e03 U0 speed 3 CCS PED PP PRC
                 events [1]
        suspended
        @0       00000e03 U0 speed 3 CCS PED PP
        @3000    00000e63 U3 speed 3 CCS PED PP
                 events []
        resume signalled
        @0       00000fe3 Resume speed 3 CCS PED PP
                 events []
        resume ended
        @0       00000fe3 Resume speed 3 CCS PED PP
        @100     00400e03 U0 speed 3 CCS PED PP PLC
                 events [1]
        suspended again
        @0       00000e03 U0 speed 3 CCS PED PP
        @3000    00000e63 U3 speed 3 CCS PED PP
                 events []
        the device wakes
        @0       00000e63 U3 speed 3 CCS PED PP
        @100     00400fe3 Resume speed 3 CCS PED PP PLC
                 events [1]
        software lets it
        @0       00000fe3 Resume speed 3 CCS PED PP
        @100     00400e03 U0 speed 3 CCS PED PP PLC
                 events [1]
        disabled
        @0       000002e1 Polling speed 0 CCS PP
                 events []
        reset after that
        @0       000002f1 Polling speed 0 CCS PR PP
        @50000   00200e03 U0 speed 3 CCS PED PP PRC
                 events [1]
        error
        @0       000402e1 Polling speed 0 CCS PP PEC
                 events [1]
        reset after that
        @0       000002f1 Polling speed 0 CCS PR PP
        @50000   00200e03 U0 speed 3 CCS PED PP PRC
                 events [1]
        power off
        @0       000000a0 RxDetect speed 0 
                 events []
        power on
        @0       000002a0 RxDetect speed 0 PP
        @20000   000202e1 Polling speed 0 CCS PP CSC
                 events [1]
        gone
        @0       000202a0 RxDetect speed 0 PP CSC
                 events [1]
    "#]]
    .assert_eq(&life);
}

#[test] // req: PRT-20, PRT-21, PRT-22
fn the_device_hears_of_suspend_and_resume() {
    on_every_profile(|mut machine| {
        machine.with_usb2_device();
        machine.set_link(1, 3);
        machine.wait_ms(10, |machine| machine.pls(1) == 3);
        assert_eq!(machine.sleeper(1).link_calls(), ["reset", "suspend"]);
        machine.run_us(1000);
        machine.set_link(1, 15);
        assert_eq!(machine.pls(1), 15, "at once");
        machine.run_us(20_000);
        assert_eq!(machine.sleeper(1).link_calls(), ["reset", "suspend"], "still signalling");
        assert_eq!(machine.portsc(1) & CHANGES, 0, "PRT-53: software's own doing");
        machine.set_link(1, 0);
        machine.wait_ms(10, |machine| machine.pls(1) == 0);
        assert_eq!(machine.sleeper(1).link_calls(), ["reset", "suspend", "resume"]);
        assert_eq!(machine.portsc(1) & CHANGES, PLC);
        assert_eq!(machine.xhc.violations(Violation::ShortResume), 0);
    });
}

#[test] // req: PRT-21, PRT-53
fn a_resume_that_is_too_short_counts_and_works() {
    for (held_us, counted) in [(0, 1), (19_999, 1), (20_000, 0), (40_000, 0)] {
        let mut machine = Machine::new(Profile::default());
        machine.with_usb2_device();
        machine.set_link(1, 3);
        machine.run_us(5_000);
        machine.set_link(1, 15);
        machine.run_us(held_us);
        machine.set_link(1, 0);
        machine.run_us(1_000);
        assert_eq!(machine.portsc(1) & (CHANGES | 0x1E0), PLC, "{held_us}");
        assert_eq!(machine.xhc.violations(Violation::ShortResume), counted, "{held_us}");
    }
}

#[test] // req: PRT-20, XFR-31
fn no_transaction_begins_while_the_bus_is_to_become_idle() {
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_OUT);
    bench.trbs("N65536 ioc");
    bench.machine.ring_doorbell(bench.slot, bench.ep);
    bench.machine.run_us(100);
    bench.machine.set_link(1, 3);
    // What is on the wire has begun.
    let begun = bench.probe().seen.len();
    assert!(begun > 0);
    bench.machine.run_us(2_900);
    assert_eq!(bench.probe().seen.len(), begun);
    assert_eq!(bench.machine.pls(1), 0);
    // Not idle after all: it goes on by the doorbell.
    bench.machine.set_link(1, 0);
    bench.go();
    assert_eq!(bench.events(), "1@0:0");
}

#[test] // req: PRT-12, PRT-53
fn a_resume_without_resume_is_signalled_by_the_port() {
    let mut machine = Machine::new(Profile::default());
    machine.with_usb2_device();
    machine.set_link(1, 3);
    machine.run_us(5_000);
    machine.set_link(1, 0);
    expect![[r#"
        @0       00000e63 U3 speed 3 CCS PED PP
        @20100   00400e03 U0 speed 3 CCS PED PP PLC
    "#]]
    .assert_eq(&machine.trace_ms(1, 100));
}

#[test] // req: PRT-12, PRT-13
fn what_may_be_written_to_the_link_state_and_when() {
    // From: 0 in U0, 3 suspended, 4 disabled, 5 empty, 15 resuming. What PLS reads 30 ms later.
    let mut table = String::new();
    for from in ["U0", "U3", "Resume", "Disabled", "Empty"] {
        table += &format!("{from:>8}:");
        for wanted in 0..16 {
            let mut machine = Machine::new(Profile::default());
            if from != "Empty" {
                machine.with_usb2_device();
            }
            match from {
                "U3" => machine.set_link(1, 3),
                "Resume" => {
                    machine.set_link(1, 3);
                    machine.run_us(5_000);
                    machine.set_link(1, 15);
                }
                "Disabled" => machine.order(1, PED),
                _ => {}
            }
            machine.run_us(20_000);
            let before = machine.portsc(1);
            // PRT-11: without the strobe nothing happens.
            machine.order(1, wanted << 5);
            machine.run_us(30_000);
            assert_eq!(machine.portsc(1), before);
            machine.set_link(1, wanted);
            assert_eq!(machine.portsc(1) & LWS, 0);
            machine.run_us(30_000);
            table += &format!(" {}", machine.pls(1));
        }
        table += "\n";
    }
    expect![[r#"
              U0: 0 0 0 3 0 0 0 0 0 0 0 0 0 0 0 0
              U3: 0 3 3 3 3 3 3 3 3 3 3 3 3 3 3 15
          Resume: 0 15 15 15 15 15 15 15 15 15 15 15 15 15 15 15
        Disabled: 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7
           Empty: 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5
    "#]]
    .assert_eq(&table);
}

#[test] // req: PRT-20, TIM-24
fn a_suspend_is_taken_back_before_the_bus_was_idle() {
    let mut machine = Machine::new(Profile::default());
    machine.with_usb2_device();
    machine.set_link(1, 3);
    machine.run_us(2_999);
    assert_eq!(machine.pls(1), 0);
    // Written again it begins no new time.
    machine.set_link(1, 3);
    machine.run_us(1);
    assert_eq!(machine.pls(1), 3);
    machine.set_link(1, 15);
    machine.run_us(20_000);
    machine.set_link(1, 0);
    machine.run_us(1_000);
    machine.clear_changes(1);
    machine.set_link(1, 3);
    machine.run_us(2_999);
    machine.set_link(1, 0);
    machine.run_us(20_000);
    assert_eq!(machine.portsc(1), 0x0000_0E03);
    assert_eq!(machine.sleeper(1).link_calls(), ["reset", "suspend", "resume"]);
}

#[test] // req: PRT-07, PRT-18, EXT-10
fn the_speed_is_known_after_the_reset() {
    for (speed, psiv) in [(Speed::Full, 1), (Speed::Low, 2), (Speed::High, 3)] {
        let mut machine = Machine::new(Profile::default());
        machine.insert(1, Gadget::new(speed));
        assert_eq!(machine.portsc(1) >> 10 & 0xF, 0, "before the reset");
        machine.order(1, PR);
        machine.run_us(49_999);
        assert_eq!(machine.portsc(1), 0x0002_02F1, "{}", show(machine.portsc(1)));
        machine.run_us(1);
        assert_eq!(machine.portsc(1), 0x0022_0203 | psiv << 10);
        // A second reset: not valid until it is over.
        machine.order(1, PR | CHANGES);
        assert_eq!(machine.portsc(1), 0x0000_02F1, "PED goes at once");
        machine.run_us(50_000);
        assert_eq!(machine.portsc(1), 0x0020_0203 | psiv << 10);
        machine.order(1, PED);
        assert_eq!(machine.portsc(1) >> 10 & 0xF, 0, "disabled");
    }
}

#[test] // req: PRT-14
fn an_empty_or_dark_port_is_not_reset() {
    let mut machine = Machine::new(Profile { port_power_control: true, ..Profile::default() });
    machine.order(1, PR);
    expect![[r#"
        @0       000002a0 RxDetect speed 0 PP
    "#]]
    .assert_eq(&machine.trace_ms(1, 200));
    machine.insert(2, Gadget::new(Speed::High));
    machine.write_portsc(2, 0);
    machine.write_portsc(2, PR);
    expect![[r#"
        @0       000200a0 RxDetect speed 0 CSC
    "#]]
    .assert_eq(&machine.trace_ms(2, 200));
    // Power and reset in one write: the port sees nobody yet.
    machine.write_portsc(2, PP | PR);
    expect![[r#"
        @0       000202a0 RxDetect speed 0 PP CSC
        @20000   000202e1 Polling speed 0 CCS PP CSC
    "#]]
    .assert_eq(&machine.trace_ms(2, 200));
}

#[test] // req: PRT-14, PRT-18
fn a_reset_under_way_goes_on_whatever_is_written() {
    let mut machine = Machine::new(Profile::default());
    machine.insert(1, Sleeper::new(Speed::High));
    machine.clear_changes(1);
    machine.order(1, PR);
    for (at_ms, bits) in [(10, 0), (20, PR), (30, PED), (40, LWS | 3 << 5)] {
        machine.run_us(10_000);
        machine.order(1, bits);
        assert_eq!(machine.portsc(1), 0x0000_02F1, "after {at_ms} ms");
    }
    machine.run_us(9_999);
    assert_eq!(machine.portsc(1), 0x0000_02F1);
    machine.run_us(1);
    assert_eq!(machine.portsc(1), 0x0020_0E03);
    assert_eq!(machine.sleeper(1).link_calls(), ["reset"]);
}

#[test] // req: PRT-17, PRT-52
fn a_device_that_goes_during_its_reset() {
    on_every_profile(|mut machine| {
        machine.insert(1, Gadget::new(Speed::High));
        machine.wait_ms(30, |machine| machine.portsc(1) & 1 != 0);
        machine.clear_changes(1);
        machine.order(1, PR);
        machine.settle();
        if machine.portsc(1) & PR == 0 {
            // Timing "instant": the reset is over.
            return;
        }
        machine.run_us(100);
        drop(machine.pull_out(1));
        assert_eq!(machine.portsc(1), 0x0002_02A0);
        machine.run_us(200_000);
        assert_eq!(machine.portsc(1), 0x0002_02A0, "no PRC, never enabled");
    });
}

#[test] // req: PRT-17, PRT-28
fn a_device_that_goes_from_any_state_leaves_an_empty_port() {
    for state in
        ["polling", "enabled", "suspending", "suspended", "resuming", "ending resume", "waking", "L1"]
    {
        let mut machine = Machine::new(Profile::default());
        if state == "polling" {
            machine.insert(1, Sleeper::new(Speed::High));
            machine.clear_changes(1);
        } else {
            machine.with_usb2_device();
        }
        let step = |machine: &mut Machine, link| {
            machine.set_link(1, link);
            machine.run_us(5_000);
        };
        match state {
            "suspending" => machine.set_link(1, 3),
            "suspended" => step(&mut machine, 3),
            "resuming" => {
                step(&mut machine, 3);
                step(&mut machine, 15);
            }
            "ending resume" => {
                step(&mut machine, 3);
                step(&mut machine, 15);
                machine.set_link(1, 0);
            }
            "waking" => {
                step(&mut machine, 3);
                machine.sleeper(1).wakes = true;
                machine.touch(1);
            }
            "L1" => machine.set_link(1, 2),
            _ => {}
        }
        drop(machine.pull_out(1));
        assert_eq!(show(machine.portsc(1)), show(0x0002_02A0), "{state}");
        machine.run_us(100_000);
        assert_eq!(show(machine.portsc(1)), show(0x0002_02A0), "{state}, later");
    }
}

#[test] // req: PRT-19, PRT-51
fn software_disables_silently_and_errors_do_not() {
    on_every_profile(|mut machine| {
        machine.with_usb2_device();
        machine.order(1, PED);
        assert_eq!(machine.portsc(1), 0x0000_02E1);
        machine.order(1, PED);
        assert_eq!(machine.portsc(1), 0x0000_02E1, "again");
        machine.fault(1, PortFault::PortError);
        assert_eq!(machine.portsc(1), 0x0000_02E1, "a disabled port has no errors");
        machine.run_us(10_000);
        assert_eq!(machine.port_events(), [], "silent");
        machine.order(1, PR);
        machine.wait_ms(100, |machine| machine.portsc(1) & PED != 0);
        assert_eq!(machine.portsc(1), 0x0020_0E03);
        machine.clear_changes(1);
        machine.take_events(0, true);
        machine.fault(1, PortFault::PortError);
        assert_eq!(machine.portsc(1), 0x0004_02E1);
        assert_eq!(machine.port_events(), [1]);
    });
}

#[test] // req: PRT-22, TIM-24
fn a_device_wakes_only_when_it_sleeps_and_has_a_reason() {
    in_every_timing(&any_profile(), |mut machine| {
        machine.with_usb2_device();
        machine.sleeper(1).wakes = true;
        machine.touch(1);
        machine.run_us(10_000);
        assert_eq!(machine.portsc(1), 0x0000_0E03, "awake");
        machine.set_link(1, 3);
        machine.run_us(20_000);
        machine.sleeper(1).wakes = false;
        machine.touch(1);
        machine.run_us(10_000);
        assert_eq!(machine.portsc(1), 0x0000_0E63, "no reason");
        machine.sleeper(1).wakes = true;
        machine.touch(1);
        machine.touch(1);
        machine.wait_ms(1, |machine| machine.pls(1) == 15);
        assert_eq!(machine.portsc(1), 0x0040_0FE3);
        machine.clear_changes(1);
        machine.run_us(200_000);
        assert_eq!(machine.portsc(1), 0x0000_0FE3, "hardware does not end it");
        assert_eq!(machine.sleeper(1).link_calls(), ["reset", "suspend"]);
        machine.set_link(1, 0);
        machine.wait_ms(10, |machine| machine.pls(1) == 0);
        assert_eq!(machine.portsc(1), 0x0040_0E03);
        assert_eq!(machine.sleeper(1).link_calls(), ["reset", "suspend", "resume"]);
    });
}

#[test] // req: PRT-22
fn software_may_resume_while_the_device_wakes() {
    let mut machine = Machine::new(Profile::default());
    machine.with_usb2_device();
    machine.set_link(1, 3);
    machine.run_us(5_000);
    machine.sleeper(1).wakes = true;
    machine.touch(1);
    machine.set_link(1, 15);
    assert_eq!(machine.portsc(1), 0x0000_0FE3);
    machine.run_us(50_000);
    assert_eq!(machine.portsc(1), 0x0000_0FE3, "no PLC: software was first");
}

#[test] // req: PRT-18, PRT-20
fn a_suspended_port_is_reset_into_use() {
    on_every_profile(|mut machine| {
        machine.with_usb2_device();
        machine.set_link(1, 3);
        machine.wait_ms(10, |machine| machine.pls(1) == 3);
        machine.order(1, PR);
        machine.wait_ms(100, |machine| machine.portsc(1) & PRC != 0);
        assert_eq!(machine.portsc(1), 0x0020_0E03);
        assert_eq!(machine.sleeper(1).link_calls(), ["reset", "suspend", "reset"]);
    });
}

#[test] // req: PRT-06, PRT-16
fn a_device_is_seen_as_soon_as_it_is_plugged_in() {
    on_every_profile(|mut machine| {
        // Power is good by now.
        machine.run(Duration::from_millis(20));
        machine.insert(1, Gadget::new(Speed::High));
        assert_eq!(machine.portsc(1), 0x0002_02E1);
        assert_eq!(machine.portsc(1) & CSC, CSC);
    });
}
