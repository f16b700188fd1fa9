//! The port registers bit by bit (xHCI 5.4.8 to 5.4.11).

use crate::support::any_profile;
use crate::support::gadget::Gadget;
use crate::support::ports::{CHANGES, LWS, PED, PP, PR, PRC, port_id, show};
use crate::support::{Machine, on_every_profile};
use expect_test::expect;
use usb_spec::Speed;
use xhci_model::{PortFault, Profile, Violation};

#[test] // req: PRT-01, PRT-02, PRT-09, PRT-12, CAP-15
fn portsc_bit_by_bit() {
    let mut table = String::new();
    for port_indicators in [false, true] {
        for (name, port) in [("USB 2", 2), ("USB 3", 8)] {
            table += &format!("{name} empty, PIND {}:", u8::from(port_indicators));
            for bit in 0..32 {
                let mut machine = Machine::new(Profile { port_indicators, ..Profile::default() });
                machine.write_portsc(port, PP | 1 << bit);
                machine.run_us(1);
                let differs = machine.portsc(port) ^ 0x0000_02A0;
                if differs != 0 {
                    table += &format!(" {bit}:{differs:08x}");
                }
            }
            table += "\n";
        }
    }
    expect![[r#"
        USB 2 empty, PIND 0: 25:02000000 26:04000000 27:08000000
        USB 3 empty, PIND 0: 25:02000000 26:04000000 27:08000000 31:00000010
        USB 2 empty, PIND 1: 14:00004000 15:00008000 25:02000000 26:04000000 27:08000000
        USB 3 empty, PIND 1: 14:00004000 15:00008000 25:02000000 26:04000000 27:08000000 31:00000010
    "#]]
    .assert_eq(&table);
}

#[test] // req: PRT-01, PRT-02
fn writing_zeros_to_a_port_in_use_takes_what_can_be_taken() {
    let mut machine = Machine::new(Profile { port_indicators: true, ..any_profile() });
    machine.with_usb2_device();
    machine.order(1, 0x0E00_C000);
    assert_eq!(show(machine.portsc(1)), show(0x0E00_CE03));
    machine.write_portsc(1, PP);
    assert_eq!(show(machine.portsc(1)), show(0x0000_0E03));
}

#[test] // req: PRT-09
fn fixed_devices_are_marked() {
    let profile = Profile { non_removable_ports: vec![port_id(2), port_id(9)], ..Profile::default() };
    let mut machine = Machine::new(profile);
    let marked = |machine: &Machine| -> Vec<u8> {
        (1..=machine.ports()).filter(|port| machine.portsc(*port) & 1 << 30 != 0).collect()
    };
    assert_eq!(marked(&machine), [2, 9]);
    machine.write_portsc(2, 0);
    machine.write_portsc(3, PP | 1 << 30);
    assert_eq!(marked(&machine), [2, 9]);
    machine.write(machine.op, 0);
    machine.run_us(1_000);
    machine.write(machine.op, 2);
    machine.run_us(5_000);
    assert_eq!(marked(&machine), [2, 9]);
}

#[test] // req: PRT-05, OPR-10, OPR-16
fn an_empty_port_after_reset() {
    for name in Profile::NAMES {
        let profile: Profile = name.parse().unwrap();
        let unpowered = profile.policy.ports_start_without_power;
        assert_eq!(unpowered, name == "strict", "strict powers ports on demand");
        let mut machine = Machine::cold(profile);
        machine.wait_ms(100, |machine| machine.read(machine.op + 4) & 1 << 11 == 0);
        let usb3 = machine.usb3_port();
        let ports = [1, usb3, machine.ports()];
        let expected = if unpowered { [0x0000_00A0, 0x80, 0x80] } else { [0x0000_02A0; 3] };
        assert_eq!(ports.map(|port| show(machine.portsc(port))), expected.map(show), "{name}");
        machine.write(machine.op, 2);
        machine.wait_ms(100, |machine| machine.read(machine.op) & 2 == 0);
        assert_eq!(ports.map(|port| show(machine.portsc(port))), [0x0000_02A0; 3].map(show), "{name}");
        assert_eq!(ports.map(|port| machine.read(machine.port_register(port, 4))), [0; 3]);
    }
}

#[test] // req: OPR-16, PRT-05
fn a_reset_of_the_controller_starts_every_port_again() {
    on_every_profile(|mut machine| {
        machine.with_usb2_device();
        let port = machine.with_usb3_device();
        machine.order(1, 0x0E00_0000);
        machine.set_link(port, 3);
        machine.fault(port, PortFault::LinkError);
        machine.write(machine.port_register(port, 4), 0x1_2040);
        machine.write(machine.port_register(1, 4), 0x0000_0FF8);
        machine.write(machine.op, 0);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 != 0);
        machine.write(machine.op, 2);
        machine.wait_ms(100, |machine| machine.read(machine.op) & 2 == 0);
        assert_eq!(show(machine.portsc(1)), show(0x0002_02E1));
        assert_eq!(machine.sleeper(1).link_calls(), ["reset"], "no bus reset is signalled");
        machine.wait_ms(20, |machine| machine.portsc(port) & 1 != 0);
        assert_eq!(show(machine.portsc(port)), show(0x0002_1203));
        assert_eq!(machine.read(machine.port_register(port, 4)), 0);
        assert_eq!(machine.read(machine.port_register(1, 4)), 0);
        assert_eq!(machine.port_events(), []);
    });
}

#[test] // req: PRT-03
fn what_was_read_is_written_back() {
    // A USB 2 port after its reset: everything is cleared, and the port is disabled.
    let mut machine = Machine::new(Profile::default());
    machine.insert(1, Gadget::new(Speed::High));
    machine.order(1, PR);
    machine.run_us(50_000);
    let read = machine.portsc(1);
    assert_eq!(read, 0x0022_0E03);
    machine.write_portsc(1, read);
    assert_eq!(show(machine.portsc(1)), show(0x0000_02E1));
    assert_eq!(machine.xhc.violations(Violation::PortscWriteBack), 1);
    machine.run_us(100_000);
    assert_eq!(machine.port_events(), [1], "the one of the attachment");
    // Of an empty port, nothing happens, and nothing is wrong.
    let read = machine.portsc(2);
    machine.write_portsc(2, read);
    assert_eq!(machine.portsc(2), read);
    // Disabled on purpose: no violation.
    let port = machine.with_usb3_device();
    machine.order(port, PED);
    assert_eq!(machine.xhc.violations(Violation::PortscWriteBack), 1);
}

#[test] // req: PRT-03, PRT-18
fn reset_wins_over_disable() {
    for port in [1, 7] {
        let mut machine = Machine::new(Profile::default());
        machine.with_usb2_device();
        machine.with_usb3_device();
        machine.order(port, PR | PED);
        assert_eq!(machine.portsc(port) & PR, PR);
        assert_eq!(machine.xhc.violations(Violation::PortscWriteBack), 1);
        machine.run_us(50_000);
        assert_eq!(machine.portsc(port) & (CHANGES | PED | PR), PRC | PED, "no PEC");
        // A write-back while a USB 3 port resets carries both bits as well: the reset goes on.
        machine.clear_changes(port);
        machine.order(port, PR);
        let read = machine.portsc(port);
        machine.write_portsc(port, read & !LWS);
        assert_eq!(machine.portsc(port), read);
        machine.run_us(50_000);
        assert_eq!(machine.portsc(port) & (CHANGES | PED | PR), PRC | PED);
    }
}

#[test] // req: OPR-43, PRT-36, PRT-37, PRT-38, PRT-40
fn the_registers_beside_portsc() {
    let mut table = String::new();
    for hardware_lpm in [false, true] {
        let mut machine = Machine::new(Profile { hardware_lpm, ..Profile::default() });
        for (name, port) in [("USB 2", 2), ("USB 3", 8)] {
            for (register, offset) in [("PORTPMSC", 4), ("PORTLI", 8), ("PORTHLPMC", 12)] {
                // Without the test control, which has a test of its own.
                machine.write(machine.port_register(port, offset), 0x0FFF_FFFF);
                let set = machine.read(machine.port_register(port, offset));
                machine.write(machine.port_register(port, offset), 0);
                let cleared = machine.read(machine.port_register(port, offset));
                table +=
                    &format!("HLC {} {name} {register}: {set:08x} {cleared:08x}\n", u8::from(hardware_lpm));
            }
        }
    }
    expect![[r#"
        HLC 0 USB 2 PORTPMSC: 0000fff8 00000000
        HLC 0 USB 2 PORTLI: 00000000 00000000
        HLC 0 USB 2 PORTHLPMC: 00000000 00000000
        HLC 0 USB 3 PORTPMSC: 0001ffff 00000000
        HLC 0 USB 3 PORTLI: 00000000 00000000
        HLC 0 USB 3 PORTHLPMC: 00000000 00000000
        HLC 1 USB 2 PORTPMSC: 0001fff8 00000000
        HLC 1 USB 2 PORTLI: 00000000 00000000
        HLC 1 USB 2 PORTHLPMC: 00003fff 00000000
        HLC 1 USB 3 PORTPMSC: 0001ffff 00000000
        HLC 1 USB 3 PORTLI: 00000000 00000000
        HLC 1 USB 3 PORTHLPMC: 00000000 00000000
    "#]]
    .assert_eq(&table);
}

#[test] // req: PRT-36
fn timeouts_last_as_long_as_the_power() {
    let mut machine = Machine::new(Profile { port_power_control: true, ..any_profile() });
    let port = machine.with_usb3_device();
    let register = machine.port_register(port, 4);
    machine.write(register, 0x0001_FF7F);
    machine.order(port, PR);
    machine.run_us(10_000);
    assert_eq!(machine.read(register), 0x0001_FF7F, "after a reset of the port");
    machine.write_portsc(port, 0);
    assert_eq!(machine.read(register), 0, "without power");
}

#[test] // req: PRT-25
fn test_mode() {
    let test = |control: u32| control << 28;
    let mut table = String::new();
    for control in [0, 1, 5, 6, 15] {
        for (what, halted, dark) in
            [("ready", true, true), ("running", false, true), ("powered", true, false)]
        {
            let mut machine = Machine::new(Profile { port_power_control: true, ..Profile::default() });
            machine.with_usb2_device();
            if dark {
                for port in 1..=machine.ports() {
                    machine.write_portsc(port, 0);
                }
            }
            if halted {
                machine.write(machine.op, 0);
                machine.run_us(1_000);
            }
            machine.write(machine.port_register(1, 4), test(control));
            let reads = machine.read(machine.port_register(1, 4)) >> 28;
            table += &format!("{what} {control}: {reads} {}; ", show(machine.portsc(1)));
        }
        table += "\n";
    }
    expect![[r#"
        ready 0: 0 000000a0 RxDetect speed 0 ; running 0: 0 000000a0 RxDetect speed 0 ; powered 0: 0 00000e03 U0 speed 3 CCS PED PP; 
        ready 1: 1 00000160 Test Mode speed 0 ; running 1: 15 000000a0 RxDetect speed 0 ; powered 1: 15 00000e03 U0 speed 3 CCS PED PP; 
        ready 5: 5 00000160 Test Mode speed 0 ; running 5: 15 000000a0 RxDetect speed 0 ; powered 5: 15 00000e03 U0 speed 3 CCS PED PP; 
        ready 6: 15 000000a0 RxDetect speed 0 ; running 6: 15 000000a0 RxDetect speed 0 ; powered 6: 15 00000e03 U0 speed 3 CCS PED PP; 
        ready 15: 15 000000a0 RxDetect speed 0 ; running 15: 15 000000a0 RxDetect speed 0 ; powered 15: 15 00000e03 U0 speed 3 CCS PED PP; 
    "#]].assert_eq(&table);
    // A test that did not begin leaves the port as it was.
    let mut machine = Machine::new(Profile::default());
    machine.with_usb2_device();
    machine.write(machine.port_register(1, 4), test(1));
    machine.order(1, PED);
    assert_eq!(show(machine.portsc(1)), show(0x0000_02E1));
    machine.write(machine.port_register(1, 4), test(0));
    assert_eq!(machine.read(machine.port_register(1, 4)), 0);
    // Only a reset of the controller ends one that did.
    let mut machine = Machine::new(Profile::default());
    for port in 1..=machine.ports() {
        machine.write_portsc(port, 0);
    }
    machine.write(machine.op, 0);
    machine.run_us(1_000);
    machine.write(machine.port_register(1, 4), test(4));
    machine.write(machine.port_register(1, 4), test(0));
    assert_eq!(machine.read(machine.port_register(1, 4)), test(4));
    machine.write_portsc(1, PP);
    machine.insert(1, Gadget::new(Speed::High));
    machine.run_us(30_000);
    assert_eq!(machine.pls(1), 11);
    assert_eq!(machine.portsc(1) & PP, 0);
    machine.write(machine.op, 2);
    machine.run_us(5_000);
    assert_eq!(show(machine.portsc(1)), show(0x0002_02E1));
}
