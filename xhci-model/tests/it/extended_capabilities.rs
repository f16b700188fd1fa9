//! The list of extended capabilities, and the hand-over from firmware.

use crate::support::any_profile;
use crate::support::gadget::Gadget;
use crate::support::registers::named_profiles;
use crate::support::{Machine, on_every_profile};
use expect_test::expect;
use sim_time::Duration;
use std::fmt::Write as _;
use usb_spec::Speed;
use xhci_model::{Latencies, Latency, Policy, Profile};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Gpa, PortId};

/// USB SMI, system error, OS ownership, PCI command, BAR.
const SMI_ENABLES: u32 = 0x0000_E011;
/// Ownership change.
const SMI_ON_OWNERSHIP: u32 = 1 << 29;

#[test] // req: EXT-01, EXT-02, EXT-06, EXT-07, EXT-08, EXT-09, EXT-11
fn the_list_of_each_profile() {
    let mut table = String::new();
    for (name, profile) in named_profiles() {
        let machine = Machine::ready(profile);
        let mut end = machine.read(0x10) >> 16 << 2;
        for (at, mut dwords) in machine.extended_capabilities() {
            assert_eq!(at, end, "{name}: forward, one behind the other");
            end = at + 4 * u32::try_from(dwords.len()).unwrap();
            while dwords.last() == Some(&0) && dwords.len() > 4 {
                dwords.pop();
            }
            write!(table, "{name:8}").unwrap();
            dwords.iter().for_each(|dword| write!(table, " {dword:08x}").unwrap());
            table.push('\n');
        }
        assert!(end <= machine.xhc.bar_size());
    }
    expect![[r#"
        default  00000201 00000000
        default  02000402 20425355 00180601 00000000
        default  03100002 20425355 00000607 00000000
        minimal  02000402 20425355 00000101 00000000
        minimal  03000002 20425355 00000102 00000000
        strict   000006c0 00000000 00000000 00000000
        strict   00010201 00000000
        strict   02000702 20425355 3a180601 00000000 000c0021 05dc0012 01e00023
        strict   03100002 20425355 2a000609 00000000 00050134 000a4135
        large    00000201 00000000
        large    02000402 20425355 00188001 00000000
        large    03200002 20425355 00007f81 00000000
    "#]]
    .assert_eq(&table);
}

#[test] // req: EXT-06, EXT-14, CAP-04, EXT-10
fn every_port_belongs_to_at_most_one_protocol() {
    for port_gap in [0, 1, 3] {
        for (name, profile) in named_profiles() {
            if name == "large" {
                continue;
            }
            let mut machine = Machine::new(Profile { port_gap, ..profile });
            let mut of_port = vec![Vec::new(); usize::from(machine.ports()) + 1];
            for (_, dwords) in machine.extended_capabilities() {
                if dwords[0] & 0xFF == 2 {
                    assert_eq!(dwords[1].to_le_bytes(), *b"USB ");
                    let (first, count) = (dwords[2] as usize & 0xFF, dwords[2] as usize >> 8 & 0xFF);
                    assert!(first >= 1 && first + count - 1 <= usize::from(machine.ports()), "EXT-14");
                    of_port[first..first + count].iter_mut().for_each(|of| of.push(dwords[0] >> 24));
                }
            }
            assert_eq!(of_port.iter().filter(|of| of.is_empty()).count(), 1 + usize::from(port_gap));
            for port in 1..=machine.ports() {
                let (speed, speed_id) = match of_port[usize::from(port)][..] {
                    [] => {
                        // CAP-04: a hole is no port.
                        for register in (0..0x10).step_by(4) {
                            let offset = machine.portsc_offset(port) + register;
                            machine.write(offset, !0);
                            assert_eq!(machine.read(offset), 0, "hole {port}");
                        }
                        let gadget = Box::new(Gadget::new(Speed::High));
                        machine.xhc.attach(machine.now, PortId::new(port).unwrap(), gadget).unwrap_err();
                        continue;
                    }
                    [2] => (Speed::High, 3),
                    [3] => (Speed::Super, 4),
                    _ => panic!("port {port} has two protocols"),
                };
                let slot = machine.enumerate(port, Gadget::new(speed));
                assert_eq!(machine.portsc(port) >> 10 & 0xF, speed_id, "{name}: port {port}");
                machine.command_code(command::disable_slot(slot));
            }
        }
    }
}

#[test] // req: EXT-06, EXT-14
fn a_protocol_without_ports_is_not_offered() {
    for (usb2_ports, usb3_ports, expected) in [(4, 0, vec![(2, 0x0401)]), (0, 3, vec![(3, 0x0301)])] {
        let machine = Machine::ready(Profile { usb2_ports, usb3_ports, ..Profile::default() });
        let list = machine.extended_capabilities();
        let offered: Vec<_> = (list.iter().filter(|(_, dwords)| dwords[0] & 0xFF == 2))
            .map(|(_, dwords)| (dwords[0] >> 24, dwords[2] & 0xFFFF))
            .collect();
        assert_eq!(offered, expected);
        assert_eq!(machine.ports(), usb2_ports + usb3_ports);
    }
}

#[test] // req: EXT-07, EXT-10, EXT-11
fn usb3_ports_say_their_revision_and_speeds() {
    let mut table = String::new();
    for usb3_revision in [0x0300, 0x0310, 0x0320] {
        for speed_ids in [false, true] {
            let machine = Machine::ready(Profile { usb3_revision, speed_ids, ..Profile::default() });
            let (_, dwords) = machine.extended_capabilities().pop().unwrap();
            let count = dwords[2] as usize >> 28;
            let shown: Vec<_> = dwords[..4 + count].iter().map(|dword| format!("{dword:08x}")).collect();
            assert!(dwords[4 + count..].iter().all(|dword| *dword == 0));
            writeln!(table, "{}", shown.join(" ")).unwrap();
        }
    }
    expect![[r#"
        03000002 20425355 00000607 00000000
        03000002 20425355 10000607 00000000 00050134
        03100002 20425355 00000607 00000000
        03100002 20425355 20000607 00000000 00050134 000a4135
        03200002 20425355 00000607 00000000
        03200002 20425355 40000607 00000000 00050134 000a4135 000a4136 00144137
    "#]]
    .assert_eq(&table);
}

#[test] // req: EXT-08, EXT-09
fn what_ports_can_do_is_what_the_profile_says() {
    type Change = fn(&mut Profile);
    let cases: [(Change, u32, u32); 5] = [
        (|_| {}, 0, 0),
        (|profile| profile.hardware_lpm = true, 1 << 19, 0),
        (|profile| profile.besl_lpm = true, 1 << 20, 0),
        (|profile| profile.link_soft_errors = true, 0, 1 << 24),
        (|profile| profile.hub_depth = 5, 5 << 25, 5 << 25),
    ];
    for (change, usb2, usb3) in cases {
        let mut profile = Profile { hardware_lpm: false, besl_lpm: false, ..Profile::default() };
        change(&mut profile);
        let machine = Machine::ready(profile);
        let list = machine.extended_capabilities();
        let ports: Vec<_> =
            list.iter().filter(|(_, dwords)| dwords[0] & 0xFF == 2).map(|(_, dwords)| dwords[2]).collect();
        assert_eq!(ports, [0x0601 | usb2, 0x0607 | usb3]);
    }
}

#[test] // req: EXT-08, EXT-13
fn hardware_lpm_is_there_if_the_capability_says_so() {
    for hardware_lpm in [false, true] {
        let mut machine = Machine::new(Profile { hardware_lpm, ..any_profile() });
        let (portpmsc, porthlpmc) = (machine.portsc_offset(1) + 4, machine.portsc_offset(1) + 0xC);
        // RWE, BESL, L1DS and HLE; HIRDM, L1 timeout and BESLD.
        machine.write(portpmsc, 0x0001_FFF8);
        machine.write(porthlpmc, !0);
        let expected = if hardware_lpm { (0x0001_FFF8, 0x3FFF) } else { (0x0000_FFF8, 0) };
        assert_eq!((machine.read(portpmsc), machine.read(porthlpmc)), expected);
    }
}

#[test] // req: EXT-12
fn every_port_takes_slots_of_type_0() {
    on_every_profile(|mut machine| {
        for (_, dwords) in machine.extended_capabilities() {
            if dwords[0] & 0xFF == 2 {
                assert_eq!(dwords[3], 0);
            }
        }
        assert_eq!(machine.command_code(command::enable_slot(0)), CompletionCode::SUCCESS);
        assert_eq!(machine.command_code(command::enable_slot(1)), CompletionCode::NO_SLOTS_AVAILABLE);
    });
}

#[test] // req: EXT-02, EXT-17, EXT-18
fn nothing_that_a_pci_controller_does_not_have() {
    for (name, profile) in named_profiles() {
        let vendor = profile.vendor_capability;
        let machine = Machine::ready(profile);
        let ids: Vec<_> =
            machine.extended_capabilities().iter().map(|(_, dwords)| dwords[0] & 0xFF).collect();
        assert!(ids.iter().all(|id| matches!(id, 1 | 2 | 192)), "{name}: {ids:?}");
        assert_eq!(ids[0] == 192, vendor, "{name}: drivers must skip it to find anything");
    }
}

/// A driver that skips what it does not know gets along with the vendor's capability in front.
#[test] // req: EXT-02
fn an_unknown_capability_is_skipped() {
    let mut machine = Machine::new(Profile { vendor_capability: true, ..any_profile() });
    let port = machine.usb3_port();
    machine.enumerate(port, Gadget::new(Speed::Super));
}

#[test] // req: EXT-03
fn without_firmware_the_operating_system_owns_at_once() {
    let mut machine = Machine::ready(Profile::default());
    let legacy = machine.extended(1).unwrap();
    assert_eq!(machine.read(legacy) & !0xFF00, 0x0000_0001);
    machine.write(legacy, machine.read(legacy) | 1 << 24);
    assert_eq!(machine.read(legacy) & !0xFF00, 0x0100_0001);
    // Both semaphores can be written, nothing else can.
    machine.write(legacy, 0xFEFE_FFFE);
    assert_eq!(machine.read(legacy) & !0xFF00, 0x0000_0001);
    machine.write(legacy, 1 << 16);
    assert_eq!(machine.read(legacy) & !0xFF00, 0x0001_0001);
    assert_eq!(Machine::ready(Profile::minimal()).extended(1), None);
}

#[test] // req: EXT-03, EXT-04, OPR-02
fn firmware_lets_go_when_it_is_asked() {
    let latencies = Latencies { firmware_handoff: Latency::millis(300), ..Latencies::TYPICAL };
    let policy = Policy { bios_owned: true, ..Policy::DEFAULT };
    for byte_access in [false, true] {
        let mut machine = Machine::ready(Profile { policy, latencies, ..Profile::default() });
        let legacy = machine.extended(1).unwrap();
        let owners = |machine: &Machine| (machine.read8(legacy + 2), machine.read8(legacy + 3));
        assert_eq!(owners(&machine), (1, 0));
        assert_eq!(machine.read(legacy + 4) & SMI_ON_OWNERSHIP, 0);
        if byte_access {
            machine.write8(legacy + 3, 1);
        } else {
            machine.write(legacy, machine.read(legacy) | 1 << 24);
        }
        assert_eq!(owners(&machine), (1, 1));
        assert_eq!(machine.read(legacy + 4) & SMI_ON_OWNERSHIP, SMI_ON_OWNERSHIP);
        machine.run(Duration::from_millis(299));
        assert_eq!(owners(&machine), (1, 1));
        machine.run(Duration::from_millis(2));
        assert_eq!(owners(&machine), (0, 1));
        machine.write8(legacy + 4 + 3, 0xE0);
        assert_eq!(machine.read(legacy + 4) & SMI_ON_OWNERSHIP, 0);
        // The byte at +2 alone.
        machine.write8(legacy + 2, 1);
        assert_eq!(owners(&machine), (1, 1));
        assert_eq!(machine.xhc.violations(xhci_model::Violation::AccessWidth), 0);
        machine.run(Duration::from_millis(301));
        assert_eq!(owners(&machine), (0, 1));
    }
}

#[test] // req: EXT-04, OPR-15
fn a_reset_does_not_keep_firmware_from_letting_go() {
    let policy = Policy { bios_owned: true, ..Policy::DEFAULT };
    let mut machine = Machine::ready(Profile { policy, ..Profile::default() });
    let legacy = machine.extended(1).unwrap();
    machine.write8(legacy + 3, 1);
    machine.reset();
    machine.run(Duration::from_millis(2));
    assert_eq!((machine.read8(legacy + 2), machine.read8(legacy + 3)), (0, 1), "and HCRST changes neither");
    // Power-on does.
    machine.xhc.power_on_reset(machine.now);
    assert_eq!((machine.read8(legacy + 2), machine.read8(legacy + 3)), (1, 0));
}

#[test] // req: EXT-05
fn smi_enables_and_mirrors() {
    let mut machine = Machine::new(Profile::default());
    let control = machine.extended(1).unwrap() + 4;
    assert_eq!(machine.read(control), 0);
    machine.write(control, 0x1FFF_FFFF);
    assert_eq!(machine.read(control), SMI_ENABLES, "reserved bits and mirrors cannot be written");
    // An event interrupt shows in the mirror and in USBSTS.
    machine.xhc.attach(machine.now, PortId::new(1).unwrap(), Box::new(Gadget::new(Speed::High))).unwrap();
    machine.run_us(100);
    assert_eq!(machine.read(control), SMI_ENABLES | 1 << 16);
    machine.write(machine.op + 4, 8);
    assert_eq!(machine.read(control), SMI_ENABLES);
    // Linux: no SMI any more, clear all status.
    machine.write(control, machine.read(control) & 0x000E_1FEE | 0xE000_0000);
    assert_eq!(machine.read(control), 0);
    // Byte by byte, enables of other bytes stay.
    machine.write(control, SMI_ENABLES);
    machine.write8(control + 1, 0x40);
    assert_eq!(machine.read(control), 0x4011);
    // A Host System Error shows too, and its interrupt.
    machine
        .memory
        .put(machine.command.base, &transfer::link(Gpa(0x7FFF_0000), false).with_cycle(true).to_bytes());
    machine.write(machine.doorbells, 0);
    machine.run_us(100);
    assert_eq!(machine.usbsts() & 4, 4);
    assert_eq!(machine.read(control), 0x4011 | 1 << 20 | 1 << 16);
}

#[test] // req: EXT-19
fn the_rest_of_the_capabilities_ignores_writes() {
    for (name, profile) in named_profiles() {
        let mut machine = Machine::ready(profile);
        let start = machine.read(0x10) >> 16 << 2;
        let legacy = machine.extended(1);
        let all =
            |machine: &Machine| (0..0x1000).step_by(4).map(|at| machine.read(start + at)).collect::<Vec<_>>();
        let mut before = all(&machine);
        for at in (0..0x1000).step_by(4) {
            machine.write(start + at, !0);
            machine.write(start + at, 0);
            machine.write8(start + at + 1, 0xFF);
        }
        let mut after = all(&machine);
        if let Some(legacy) = legacy {
            // The semaphores and the ownership status did change.
            let index = (legacy - start) as usize / 4;
            for list in [&mut before, &mut after] {
                list[index] &= 0xFFFF;
                list[index + 1] = 0;
            }
        }
        assert_eq!(after, before, "{name}");
    }
}
