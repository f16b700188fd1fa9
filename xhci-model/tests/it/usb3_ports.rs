//! The life of a USB 3 port: training, resets, U3, disable, errors, compliance (xHCI 4.15, 4.19.1.2).

use crate::support::any_profile;
use crate::support::gadget::Gadget;
use crate::support::ports::{CAS, CEC, CHANGES, CSC, LWS, PED, PLC, PP, PR, PRC, Sleeper, WPR, WRC, show};
use crate::support::{Machine, in_every_timing, on_every_profile};
use expect_test::expect;
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{PortFault, Profile};

#[test] // req: PRT-11, PRT-26, PRT-27, PRT-28, PRT-29, PRT-30, PRT-31, PRT-32, PRT-33, PRT-34, PRT-41, TIM-24
fn the_life_of_a_port() {
    let mut machine = Machine::new(Profile { port_power_control: true, ..Profile::default() });
    let port = machine.usb3_port();
    let mut life = String::new();
    let mut act = |what: &str, machine: &mut Machine, act: &mut dyn FnMut(&mut Machine), ms: u64| {
        act(machine);
        life += &format!("{what}\n{}", machine.trace_ms(port, ms));
        let events = machine.port_events();
        life += &format!("{:>8} events {events:?}\n", "");
        machine.clear_changes(port);
    };
    let m = &mut machine;
    act("empty", m, &mut |_| {}, 10);
    act("attached", m, &mut |m| m.insert(port, Sleeper::new(Speed::Super)), 100);
    act("hot reset", m, &mut |m| m.order(port, PR), 100);
    act("warm reset", m, &mut |m| m.order(port, WPR), 200);
    act("suspended", m, &mut |m| m.set_link(port, 3), 100);
    act("resumed", m, &mut |m| m.set_link(port, 0), 20);
    act("suspended again", m, &mut |m| m.set_link(port, 3), 10);
    act(
        "the device wakes",
        m,
        &mut |m| {
            m.sleeper(port).wakes = true;
            m.touch(port);
        },
        20,
    );
    act("software lets it", m, &mut |m| m.set_link(port, 0), 10);
    act("disabled", m, &mut |m| m.order(port, PED), 100);
    act("enabled", m, &mut |m| m.set_link(port, 5), 100);
    act("link error", m, &mut |m| m.fault(port, PortFault::LinkError), 100);
    act("link failure", m, &mut |m| m.fault(port, PortFault::LinkFailure), 100);
    act("hot reset is no help", m, &mut |m| m.order(port, PR), 200);
    act("warm reset is", m, &mut |m| m.order(port, WPR), 200);
    act("power off", m, &mut |m| m.write_portsc(port, 0), 10);
    act("power on", m, &mut |m| m.write_portsc(port, PP), 100);
    act("gone", m, &mut |m| drop(m.pull_out(port)), 10);
    expect![[r#"
        empty
        @0       000002a0 RxDetect speed 0 PP
                 events []
        attached
        @0       000002e0 Polling speed 0 PP
        @15000   00021203 U0 speed 4 CCS PED PP CSC
                 events [7]
        hot reset
        @0       00001333 Hot Reset speed 4 CCS PED PR PP
        @1000    00201203 U0 speed 4 CCS PED PP PRC
                 events [7]
        warm reset
        @0       000012b1 RxDetect speed 4 CCS PR PP
        @100000  00281203 U0 speed 4 CCS PED PP WRC PRC
                 events [7]
        suspended
        @0       00001203 U0 speed 4 CCS PED PP
        @50      00001263 U3 speed 4 CCS PED PP
                 events []
        resumed
        @0       00001303 Recovery speed 4 CCS PED PP
        @1000    00401203 U0 speed 4 CCS PED PP PLC
                 events [7]
        suspended again
        @0       00001203 U0 speed 4 CCS PED PP
        @50      00001263 U3 speed 4 CCS PED PP
                 events []
        the device wakes
        @0       00001263 U3 speed 4 CCS PED PP
        @100     004013e3 Resume speed 4 CCS PED PP PLC
                 events [7]
        software lets it
        @0       00001303 Recovery speed 4 CCS PED PP
        @1000    00401203 U0 speed 4 CCS PED PP PLC
                 events [7]
        disabled
        @0       00000280 Disabled speed 0 PP
                 events []
        enabled
        @0       000002e0 Polling speed 0 PP
        @15000   00021203 U0 speed 4 CCS PED PP CSC
                 events [7]
        link error
        @0       00001303 Recovery speed 4 CCS PED PP
        @100     00001203 U0 speed 4 CCS PED PP
                 events []
        link failure
        @0       00001303 Recovery speed 4 CCS PED PP
        @18000   004012c1 Inactive speed 4 CCS PP PLC
                 events [7]
        hot reset is no help
        @0       000012c1 Inactive speed 4 CCS PP
                 events []
        warm reset is
        @0       000012b1 RxDetect speed 4 CCS PR PP
        @100000  00281203 U0 speed 4 CCS PED PP WRC PRC
                 events [7]
        power off
        @0       00000080 Disabled speed 0 
                 events []
        power on
        @0       000002a0 RxDetect speed 0 PP
        @20000   000002e0 Polling speed 0 PP
        @35000   00021203 U0 speed 4 CCS PED PP CSC
                 events [7]
        gone
        @0       000202a0 RxDetect speed 0 PP CSC
                 events [7]
    "#]]
    .assert_eq(&life);
}

#[test] // req: PRT-27, PRT-06, PRT-07, EXT-10
fn a_device_appears_when_the_link_has_trained() {
    on_every_profile(|mut machine| {
        machine.run(Duration::from_millis(20));
        let port = machine.usb3_port();
        for (speed, expected) in [(Speed::Super, 0x0002_1203), (Speed::SuperPlus, 0x0002_1603)] {
            machine.insert(port, Gadget::new(speed));
            if machine.portsc(port) & 1 == 0 {
                assert_eq!(show(machine.portsc(port)), show(0x0000_02E0), "Polling");
            }
            machine.wait_ms(20, |machine| machine.portsc(port) & 1 != 0);
            assert_eq!(show(machine.portsc(port)), show(expected));
            machine.run_us(200);
            assert!(machine.port_events().contains(&port));
            machine.clear_changes(port);
            drop(machine.pull_out(port));
            assert_eq!(show(machine.portsc(port)), show(0x0002_02A0));
            machine.run_us(200);
            assert!(machine.port_events().contains(&port));
            machine.clear_changes(port);
        }
    });
}

#[test] // req: PRT-28
fn a_device_that_goes_while_the_link_trains_was_never_there() {
    let mut machine = Machine::new(any_profile());
    let port = machine.usb3_port();
    machine.insert(port, Gadget::new(Speed::Super));
    machine.run_us(14_999);
    drop(machine.pull_out(port));
    machine.run_us(500_000);
    assert_eq!(show(machine.portsc(port)), show(0x0000_02A0));
    assert_eq!(machine.port_events(), []);
}

#[test] // req: PRT-17, PRT-28, PRT-52
fn a_device_that_goes_from_any_state_leaves_an_empty_port() {
    let states = ["U0", "hot reset", "warm reset", "suspending", "U3", "recovery", "waking", "failing"];
    for state in states {
        let mut machine = Machine::new(Profile::default());
        let port = machine.with_usb3_device();
        let sleep = |machine: &mut Machine| {
            machine.set_link(port, 3);
            machine.run_us(1_000);
        };
        match state {
            "hot reset" => machine.order(port, PR),
            "warm reset" => machine.order(port, WPR),
            "suspending" => machine.set_link(port, 3),
            "U3" => sleep(&mut machine),
            "recovery" => {
                sleep(&mut machine);
                machine.set_link(port, 0);
                assert_eq!(machine.pls(port), 8);
            }
            "waking" => {
                sleep(&mut machine);
                machine.sleeper(port).wakes = true;
                machine.touch(port);
            }
            "failing" => machine.fault(port, PortFault::LinkFailure),
            _ => {}
        }
        drop(machine.pull_out(port));
        assert_eq!(show(machine.portsc(port)), show(0x0002_02A0), "{state}");
        machine.run_us(500_000);
        assert_eq!(show(machine.portsc(port)), show(0x0002_02A0), "{state}, later");
    }
}

#[test] // req: PRT-12, PRT-13
fn what_may_be_written_to_the_link_state_and_when() {
    let mut table = String::new();
    for from in ["U0", "U3", "Resume", "Disabled", "Inactive", "Empty"] {
        table += &format!("{from:>8}:");
        for wanted in 0..16 {
            let mut machine = Machine::new(Profile::default());
            let port = machine.usb3_port();
            if from != "Empty" {
                machine.with_usb3_device();
            }
            match from {
                "U3" => machine.set_link(port, 3),
                "Resume" => {
                    machine.set_link(port, 3);
                    machine.run_us(1_000);
                    machine.sleeper(port).wakes = true;
                    machine.touch(port);
                }
                "Disabled" => machine.order(port, PED),
                "Inactive" => machine.fault(port, PortFault::LinkFailure),
                _ => {}
            }
            machine.run_us(30_000);
            let before = machine.portsc(port);
            machine.order(port, wanted << 5);
            machine.run_us(30_000);
            assert_eq!(machine.portsc(port), before, "PRT-11: no strobe");
            machine.set_link(port, wanted);
            assert_eq!(machine.portsc(port) & LWS, 0);
            machine.run_us(30_000);
            table += &format!(" {}", machine.pls(port));
        }
        table += "\n";
    }
    expect![[r#"
              U0: 0 0 0 3 0 0 0 0 0 0 0 0 0 0 0 0
              U3: 0 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3
          Resume: 0 15 15 15 15 15 15 15 15 15 15 15 15 15 15 15
        Disabled: 4 4 4 4 4 0 4 4 4 4 4 4 4 4 4 4
        Inactive: 6 6 6 6 6 6 6 6 6 6 6 6 6 6 6 6
           Empty: 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5
    "#]]
    .assert_eq(&table);
}

#[test] // req: PRT-32, PRT-20
fn the_entry_into_u3_is_told_if_software_asked_for_it() {
    for asked in [false, true] {
        let mut machine = Machine::cold(Profile { u3_entry: true, ..Profile::default() });
        machine.bring_up();
        // CONFIG changes only while halted.
        machine.write(machine.op, 0);
        machine.run_us(1_000);
        machine.write(machine.op + 0x38, 16 | u32::from(asked) << 8);
        machine.write(machine.op, 5);
        machine.run_us(1_000);
        let port = machine.with_usb3_device();
        machine.with_usb2_device();
        for port in [port, 1] {
            machine.set_link(port, 3);
            machine.run_us(10_000);
            assert_eq!(machine.pls(port), 3);
            assert_eq!(machine.portsc(port) & CHANGES, if asked { PLC } else { 0 });
            assert_eq!(machine.port_events().contains(&port), asked);
            // There already.
            machine.clear_changes(port);
            machine.set_link(port, 3);
            machine.run_us(10_000);
            assert_eq!(machine.portsc(port) & CHANGES, 0);
            assert_eq!(machine.sleeper(port).link_calls(), ["reset", "suspend"]);
        }
    }
}

#[test] // req: PRT-12, PRT-32, PRT-20
fn an_entry_into_u3_may_be_called_off() {
    let mut machine = Machine::new(any_profile());
    machine.with_usb2_device();
    let usb3 = machine.with_usb3_device();
    for port in [1, usb3] {
        let before = machine.portsc(port);
        machine.set_link(port, 3);
        machine.set_link(port, 0);
        machine.run_us(30_000);
        assert_eq!(show(machine.portsc(port)), show(before));
        assert_eq!(machine.sleeper(port).link_calls(), ["reset"]);
    }
}

#[test] // req: PRT-33
fn a_resume_goes_through_recovery() {
    in_every_timing(&any_profile(), |mut machine| {
        let port = machine.with_usb3_device();
        machine.set_link(port, 3);
        machine.wait_ms(4, |machine| machine.pls(port) == 3);
        assert_eq!(machine.sleeper(port).link_calls(), ["reset", "suspend"]);
        machine.set_link(port, 0);
        machine.wait_ms(20, |machine| machine.pls(port) == 0);
        assert_eq!(show(machine.portsc(port)), show(0x0040_1203));
        assert_eq!(machine.sleeper(port).link_calls(), ["reset", "suspend", "resume"]);
    });
}

#[test] // req: PRT-29
fn a_hot_reset_that_fails_becomes_a_warm_one() {
    let mut machine = Machine::new(Profile::default());
    let port = machine.with_usb3_device();
    machine.fault(port, PortFault::HotResetFails);
    machine.order(port, PR);
    expect![[r#"
        @0       00001333 Hot Reset speed 4 CCS PED PR PP
        @1000    000012b1 RxDetect speed 4 CCS PR PP
        @101000  00281203 U0 speed 4 CCS PED PP WRC PRC
    "#]]
    .assert_eq(&machine.trace_ms(port, 300));
    assert_eq!(machine.sleeper(port).link_calls(), ["reset", "reset"]);
    machine.clear_changes(port);
    machine.order(port, PR);
    machine.run_us(1_000);
    assert_eq!(show(machine.portsc(port)), show(0x0020_1203), "the next one works");
}

#[test] // req: PRT-30, PRT-52
fn a_warm_reset_works_in_any_state_with_power() {
    let states = ["empty", "polling", "U0", "hot reset", "U3", "disabled", "inactive", "dark"];
    let mut table = String::new();
    for state in states {
        let mut machine = Machine::new(Profile { port_power_control: true, ..Profile::default() });
        let port = machine.usb3_port();
        match state {
            "empty" => {}
            "polling" => machine.insert(port, Sleeper::new(Speed::Super)),
            _ => drop(machine.with_usb3_device()),
        }
        match state {
            "hot reset" => machine.order(port, PR),
            "U3" => machine.set_link(port, 3),
            "disabled" => machine.order(port, PED),
            "inactive" => {
                machine.fault(port, PortFault::LinkFailure);
                machine.run_us(20_000);
                machine.clear_changes(port);
            }
            "dark" => machine.write_portsc(port, 0),
            _ => {}
        }
        machine.run_us(500);
        machine.order(port, WPR);
        assert_eq!(machine.portsc(port) & WPR, 0, "reads 0");
        machine.run_us(50_000);
        // Again: no effect on the time.
        machine.order(port, WPR);
        table += &format!("{state:>9}: {}\n", show(machine.portsc(port)));
        machine.run_us(49_999);
        assert_eq!(machine.portsc(port) & (WRC | PRC), 0);
        machine.run_us(1);
        table += &format!("{:>9}  {}\n", "", show(machine.portsc(port)));
    }
    expect![[r#"
            empty: 000002b0 RxDetect speed 0 PR PP
                   002802a0 RxDetect speed 0 PP WRC PRC
          polling: 000002b0 RxDetect speed 0 PR PP
                   002a1203 U0 speed 4 CCS PED PP CSC WRC PRC
               U0: 000012b1 RxDetect speed 4 CCS PR PP
                   00281203 U0 speed 4 CCS PED PP WRC PRC
        hot reset: 000012b1 RxDetect speed 4 CCS PR PP
                   00281203 U0 speed 4 CCS PED PP WRC PRC
               U3: 000012b1 RxDetect speed 4 CCS PR PP
                   00281203 U0 speed 4 CCS PED PP WRC PRC
         disabled: 000002b0 RxDetect speed 0 PR PP
                   002a1203 U0 speed 4 CCS PED PP CSC WRC PRC
         inactive: 000012b1 RxDetect speed 4 CCS PR PP
                   00281203 U0 speed 4 CCS PED PP WRC PRC
             dark: 00000080 Disabled speed 0 
                   00000080 Disabled speed 0 
    "#]]
    .assert_eq(&table);
}

#[test] // req: PRT-30
fn a_usb2_port_knows_no_warm_reset() {
    let mut machine = Machine::new(any_profile());
    machine.with_usb2_device();
    machine.order(1, WPR);
    machine.run_us(200_000);
    assert_eq!(show(machine.portsc(1)), show(0x0000_0E03));
}

#[test] // req: PRT-31, PRT-50
fn a_disabled_port_is_silent_until_it_may_listen_again() {
    on_every_profile(|mut machine| {
        let port = machine.with_usb3_device();
        machine.order(port, PED);
        assert_eq!(show(machine.portsc(port)), show(0x0000_0280));
        machine.run_us(400_000);
        assert_eq!(show(machine.portsc(port)), show(0x0000_0280));
        drop(machine.pull_out(port));
        machine.insert(port, Gadget::new(Speed::Super));
        machine.run_us(400_000);
        assert_eq!(show(machine.portsc(port)), show(0x0000_0280), "whatever is plugged in");
        assert_eq!(machine.port_events(), []);
        machine.set_link(port, 5);
        machine.wait_ms(20, |machine| machine.portsc(port) & 1 != 0);
        assert_eq!(show(machine.portsc(port)), show(0x0002_1203));
    });
}

#[test] // req: PRT-34, PRT-53
fn a_failed_link_waits_for_a_warm_reset() {
    on_every_profile(|mut machine| {
        let port = machine.with_usb3_device();
        machine.fault(port, PortFault::LinkFailure);
        assert_eq!(show(machine.portsc(port)), show(0x0000_1303), "Recovery");
        machine.run_us(17_999);
        assert_eq!(show(machine.portsc(port)), show(0x0000_1303));
        machine.run_us(1);
        assert_eq!(show(machine.portsc(port)), show(0x0040_12C1), "Inactive");
        machine.run_us(200);
        assert_eq!(machine.port_events(), [port]);
        machine.clear_changes(port);
        machine.order(port, WPR);
        machine.wait_ms(120, |machine| machine.portsc(port) & WRC != 0);
        assert_eq!(show(machine.portsc(port)), show(0x0028_1203));
    });
}

#[test] // req: PRT-38
fn errors_that_retraining_repairs_are_counted_apart() {
    for (link_soft_errors, counted) in [(false, 0), (true, 2)] {
        let mut machine = Machine::new(Profile { link_soft_errors, ..Profile::default() });
        let port = machine.with_usb3_device();
        let count = machine.port_register(port, 12);
        for fault in [PortFault::LinkError, PortFault::LinkError, PortFault::LinkFailure] {
            machine.fault(port, fault);
            machine.run_us(200);
        }
        assert_eq!(machine.read(count), counted);
        machine.write(count, 0xFFFF_FFFF);
        assert_eq!(machine.read(count), 0);
    }
}

#[test] // req: PRT-37, PRT-53
fn link_errors_are_counted_and_otherwise_hardware_s_business() {
    let mut machine = Machine::new(Profile::default());
    let port = machine.with_usb3_device();
    let count = machine.port_register(port, 8);
    for errors in 1..=3 {
        machine.fault(port, PortFault::LinkError);
        assert_eq!(machine.read(count), errors);
        assert_eq!(machine.pls(port), 8);
        machine.run_us(100);
        assert_eq!(show(machine.portsc(port)), show(0x0000_1203));
    }
    // A link that sleeps makes no errors.
    machine.set_link(port, 3);
    machine.run_us(10_000);
    machine.fault(port, PortFault::LinkError);
    assert_eq!((machine.read(count), machine.pls(port)), (3, 3));
    machine.set_link(port, 0);
    machine.run_us(20_000);
    machine.fault(port, PortFault::LinkFailure);
    assert_eq!(machine.read(count), 4);
    machine.run_us(20_000);
    machine.fault(port, PortFault::LinkError);
    assert_eq!(machine.read(count), 4, "there is no link");
    machine.write(count, 0xFFFF_FFFF);
    assert_eq!(machine.read(count), 0);
    // A USB 2 port has no such link.
    machine.with_usb2_device();
    for fault in [PortFault::LinkError, PortFault::LinkFailure, PortFault::ConfigError] {
        machine.fault(1, fault);
        assert_eq!(show(machine.portsc(1)), show(0x0000_0E03), "{fault:?}");
    }
    machine.write(machine.port_register(1, 8), 0xFFFF_FFFF);
    assert_eq!(machine.read(machine.port_register(1, 8)), 0);
    machine.run_us(20_000);
    assert_eq!(show(machine.portsc(1)), show(0x0000_0E03));
}

#[test] // req: PRT-35, PRT-54
fn a_configuration_error_makes_the_link_inactive() {
    let mut machine = Machine::new(Profile::default());
    let port = machine.with_usb3_device();
    machine.fault(port, PortFault::PortError);
    assert_eq!(show(machine.portsc(port)), show(0x0000_1203), "PRT-51: not of USB 3");
    machine.fault(port, PortFault::ConfigError);
    assert_eq!(machine.portsc(port) & CHANGES, CEC | PLC);
    assert_eq!(show(machine.portsc(port)), show(0x00C0_12C1));
    machine.fault(port, PortFault::ConfigError);
    machine.run_us(200);
    assert_eq!(machine.port_events(), [port]);
    machine.order(port, WPR | CHANGES);
    machine.run_us(100_000);
    assert_eq!(show(machine.portsc(port)), show(0x0028_1203));
}

#[test] // req: PRT-35, TIM-24
fn a_link_that_does_not_train() {
    // Compliance mode is for links that never came up; with CTC only if software permitted it.
    let mut table = String::new();
    for (gated, permitted, trained) in [
        (false, false, false),
        (false, false, true),
        (true, false, false),
        (true, true, false),
        (true, true, true),
    ] {
        let profile =
            Profile { compliance_transition: gated, port_power_control: true, ..Profile::default() };
        let mut machine = Machine::new(profile);
        let port = machine.usb3_port();
        if permitted {
            machine.set_link(port, 10);
        }
        if trained {
            machine.with_usb3_device();
            drop(machine.pull_out(port));
            machine.clear_changes(port);
        }
        machine.fault(port, PortFault::TrainingFails(true));
        machine.insert(port, Sleeper::new(Speed::Super));
        machine.run(Duration::from_millis(360) - Duration::from_ticks(1));
        assert_eq!(machine.pls(port), 7);
        machine.run(Duration::from_ticks(1));
        machine.run_us(1_000_000);
        table += &format!(
            "CTC {gated:5} permitted {permitted:5} trained {trained:5}: {}\n",
            show(machine.portsc(port))
        );
        // A warm reset does not bring it back either, as long as the fault lasts.
        machine.order(port, WPR);
        machine.run_us(100_000);
        table += &format!("{:>8} warm reset: {}\n", "", show(machine.portsc(port)));
        machine.fault(port, PortFault::TrainingFails(false));
        machine.order(port, WPR | CHANGES);
        machine.run_us(100_000);
        table += &format!("{:>8} repaired:   {}\n", "", show(machine.portsc(port)));
    }
    expect![[r#"
        CTC false permitted false trained false: 00000340 Compliance Mode speed 0 PP
                 warm reset: 002802e0 Polling speed 0 PP WRC PRC
                 repaired:   002a1203 U0 speed 4 CCS PED PP CSC WRC PRC
        CTC false permitted false trained true : 00000280 Disabled speed 0 PP
                 warm reset: 002802e0 Polling speed 0 PP WRC PRC
                 repaired:   002a1203 U0 speed 4 CCS PED PP CSC WRC PRC
        CTC true  permitted false trained false: 00000280 Disabled speed 0 PP
                 warm reset: 002802e0 Polling speed 0 PP WRC PRC
                 repaired:   002a1203 U0 speed 4 CCS PED PP CSC WRC PRC
        CTC true  permitted true  trained false: 00000340 Compliance Mode speed 0 PP
                 warm reset: 002802e0 Polling speed 0 PP WRC PRC
                 repaired:   002a1203 U0 speed 4 CCS PED PP CSC WRC PRC
        CTC true  permitted true  trained true : 00000280 Disabled speed 0 PP
                 warm reset: 002802e0 Polling speed 0 PP WRC PRC
                 repaired:   002a1203 U0 speed 4 CCS PED PP CSC WRC PRC
    "#]]
    .assert_eq(&table);
}

#[test] // req: PRT-30, PRT-50
fn a_device_that_a_warm_reset_loses_is_gone() {
    let mut machine = Machine::new(Profile::default());
    let port = machine.with_usb3_device();
    machine.fault(port, PortFault::TrainingFails(true));
    machine.order(port, WPR);
    machine.run_us(100_000);
    assert_eq!(show(machine.portsc(port)), show(0x002A_02E0));
}

#[test] // req: PRT-29, PRT-31
fn a_hot_reset_goes_on_whatever_is_written() {
    let mut machine = Machine::new(Profile::default());
    let port = machine.with_usb3_device();
    machine.order(port, PR);
    for order in [PED, PR, LWS | 3 << 5] {
        machine.run_us(200);
        machine.order(port, order);
        assert_eq!(show(machine.portsc(port)), show(0x0000_1333));
    }
    machine.run_us(400);
    assert_eq!(show(machine.portsc(port)), show(0x0020_1203));
}

#[test] // req: PRT-35
fn permission_for_compliance_is_only_taken_while_listening() {
    let mut machine = Machine::new(Profile { compliance_transition: true, ..Profile::default() });
    let port = machine.usb3_port();
    machine.fault(port, PortFault::TrainingFails(true));
    machine.insert(port, Sleeper::new(Speed::Super));
    machine.set_link(port, 10);
    machine.run_us(400_000);
    assert_eq!(machine.pls(port), 4);
}

#[test] // req: PRT-10, PRT-50
fn a_cold_device_is_woken_by_a_warm_reset() {
    let mut machine = Machine::new(Profile::default());
    let port = machine.usb3_port();
    machine.fault(port, PortFault::ColdAttach);
    machine.insert(port, Sleeper::new(Speed::Super));
    machine.run_us(20_000);
    assert_eq!(show(machine.portsc(port)), show(0x0102_02A0));
    assert_eq!(machine.portsc(port) & (CAS | CSC), CAS | CSC);
    assert_eq!(machine.port_events(), [port]);
    machine.clear_changes(port);
    machine.order(port, WPR);
    assert_eq!(machine.portsc(port) & (CAS | CHANGES), 0, "CAS goes without a change");
    machine.run_us(100_000);
    assert_eq!(show(machine.portsc(port)), show(0x002A_1203));
    // And one that goes again unwoken.
    drop(machine.pull_out(port));
    machine.clear_changes(port);
    machine.fault(port, PortFault::ColdAttach);
    machine.insert(port, Sleeper::new(Speed::Super));
    machine.run_us(20_000);
    machine.clear_changes(port);
    drop(machine.pull_out(port));
    assert_eq!(show(machine.portsc(port)), show(0x0002_02A0));
}
