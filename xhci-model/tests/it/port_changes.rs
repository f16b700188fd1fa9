//! Change bits and Port Status Change events (xHCI 4.19.2).

use crate::support::any_profile;
use crate::support::gadget::Gadget;
use crate::support::ports::{
    CEC, CHANGES, CSC, LWS, OCC, PEC, PED, PLC, PP, PR, PRC, Sleeper, WCE, WPR, WRC, port_id, show,
};
use crate::support::{Machine, on_every_profile};
use expect_test::expect;
use usb_spec::Speed;
use xhci_model::{Policy, PortFault, Profile};
use xhci_spec::Trb;

const PCD: u32 = 1 << 4;

impl Machine {
    fn pcd(&self) -> bool {
        self.read(self.op + 4) & PCD != 0
    }

    fn halt_here(&mut self) {
        self.write(self.op, 4);
        self.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 != 0);
    }

    fn run_here(&mut self) {
        self.write(self.op, 5);
        self.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 0);
    }
}

type Act = fn(&mut Machine, u8);

#[test] // req: PRT-50, PRT-51, PRT-52, PRT-53, PRT-54, PRT-57, PRT-58
fn each_cause_sets_its_bits_and_makes_one_event() {
    // What is done to a USB 2 device in use (2) or a USB 3 one (3), and the changes 600 ms later.
    let causes: &[(&str, u8, Act, u32)] = &[
        ("unplugged", 2, |m, port| drop(m.pull_out(port)), CSC),
        ("unplugged", 3, |m, port| drop(m.pull_out(port)), CSC),
        ("power off", 2, |m, port| m.write_portsc(port, 0), 0),
        ("power off", 3, |m, port| m.write_portsc(port, 0), 0),
        ("disabled", 2, |m, port| m.order(port, PED), 0),
        ("disabled", 3, |m, port| m.order(port, PED), 0),
        ("port error", 2, |m, port| m.fault(port, PortFault::PortError), PEC),
        ("port error", 3, |m, port| m.fault(port, PortFault::PortError), 0),
        ("reset", 2, |m, port| m.order(port, PR), PRC),
        ("reset", 3, |m, port| m.order(port, PR), PRC),
        ("warm reset", 2, |m, port| m.order(port, WPR), 0),
        ("warm reset", 3, |m, port| m.order(port, WPR), PRC | WRC),
        (
            "reset and unplugged",
            2,
            |m, port| {
                m.order(port, PR);
                drop(m.pull_out(port));
            },
            CSC,
        ),
        (
            "reset and power off",
            2,
            |m, port| {
                m.order(port, PR);
                m.write_portsc(port, 0);
            },
            0,
        ),
        (
            "reset and power off",
            3,
            |m, port| {
                m.order(port, WPR);
                m.write_portsc(port, 0);
            },
            0,
        ),
        ("suspended", 2, |m, port| m.set_link(port, 3), 0),
        ("suspended", 3, |m, port| m.set_link(port, 3), 0),
        (
            "software's Resume",
            2,
            |m, port| {
                m.set_link(port, 3);
                m.run_us(10_000);
                m.set_link(port, 15);
            },
            0,
        ),
        (
            "resumed at once",
            2,
            |m, port| {
                m.set_link(port, 3);
                m.run_us(10_000);
                m.set_link(port, 0);
            },
            PLC,
        ),
        (
            "resumed",
            3,
            |m, port| {
                m.set_link(port, 3);
                m.run_us(10_000);
                m.set_link(port, 0);
            },
            PLC,
        ),
        (
            "woken",
            2,
            |m, port| {
                m.set_link(port, 3);
                m.run_us(10_000);
                m.sleeper(port).wakes = true;
                m.touch(port);
            },
            PLC,
        ),
        (
            "woken",
            3,
            |m, port| {
                m.set_link(port, 3);
                m.run_us(10_000);
                m.sleeper(port).wakes = true;
                m.touch(port);
            },
            PLC,
        ),
        ("L1 refused", 2, |m, port| m.set_link(port, 2), PLC),
        ("link error", 3, |m, port| m.fault(port, PortFault::LinkError), 0),
        ("link failure", 3, |m, port| m.fault(port, PortFault::LinkFailure), PLC),
        ("configuration error", 3, |m, port| m.fault(port, PortFault::ConfigError), CEC | PLC),
        ("over-current", 2, |m, port| m.fault(port, PortFault::OverCurrent(true)), OCC | CSC),
        ("over-current", 3, |m, port| m.fault(port, PortFault::OverCurrent(true)), OCC | CSC),
    ];
    for (what, major, act, expected) in causes {
        let mut machine = Machine::new(any_profile());
        machine.with_usb2_device();
        let usb3 = machine.with_usb3_device();
        let port = if *major == 2 { 1 } else { usb3 };
        machine.write(machine.op + 4, PCD);
        act(&mut machine, port);
        machine.run_us(600_000);
        let changes = machine.portsc(port) & CHANGES;
        assert_eq!(show(changes), show(*expected), "USB {major} {what}");
        let events = machine.port_events();
        assert_eq!(events, vec![port; usize::from(*expected != 0)], "USB {major} {what}");
        assert_eq!(machine.pcd(), *expected != 0, "USB {major} {what}");
    }
}

#[test] // req: PRT-57, PRT-54
fn over_current_of_an_empty_port_is_told_by_occ_alone() {
    on_every_profile(|mut machine| {
        machine.run_us(20_000);
        for port in [1, machine.usb3_port()] {
            for active in [true, false] {
                machine.write(machine.op + 4, PCD);
                machine.fault(port, PortFault::OverCurrent(active));
                machine.run_us(1_000);
                assert_eq!(machine.portsc(port) & CHANGES, OCC, "port {port}");
                assert_eq!((machine.port_events(), machine.pcd()), (vec![port], true));
                machine.clear_changes(port);
            }
        }
    });
}

#[test] // req: PRT-53
fn entering_l1_is_no_change_and_leaving_it_is() {
    let mut machine = Machine::new(any_profile());
    let slot = machine.enumerate(1, Sleeper::new(Speed::High));
    machine.sleeper(1).lpm_answer = xhci_model::LpmAnswer::Ack;
    machine.write(machine.port_register(1, 4), u32::from(slot.get()) << 8);
    machine.set_link(1, 2);
    machine.run_us(100);
    assert_eq!(show(machine.portsc(1)), show(0x0000_0E43));
    machine.set_link(1, 0);
    machine.run_us(1_000);
    assert_eq!(show(machine.portsc(1)), show(0x0040_0E03));
}

#[test] // req: PRT-55, PRT-02
fn a_one_clears_exactly_its_bit() {
    for bit in [CSC, WRC, OCC, PRC, PLC, CEC] {
        let (mut machine, port, all) = with_all_changes();
        machine.order(port, bit | WCE);
        assert_eq!(machine.portsc(port), all & !bit | WCE, "the rest stays, the same write carries WCE");
        machine.order(port, bit);
        assert_eq!(machine.portsc(port), all & !bit | WCE, "again");
    }
}

#[test] // req: PRT-55
fn a_change_in_the_cycle_of_its_clear_stays() {
    let mut machine = Machine::new(any_profile());
    machine.with_usb2_device();
    machine.fault(1, PortFault::PortError);
    assert_eq!(machine.portsc(1) & CHANGES, PEC);
    // In one tick, before the controller works: the device goes, software clears what it saw before and all.
    drop(machine.xhc.detach(machine.now, port_id(1)));
    let portsc = machine.port_register(1, 0);
    machine.xhc.write32(machine.now, portsc, PP | CHANGES);
    assert_eq!(machine.portsc(1) & CHANGES, CSC);
    machine.settle();
    assert_eq!(machine.portsc(1) & CHANGES, CSC);
    // Once it could be seen it can be cleared, in the same tick too.
    machine.clear_changes(1);
    assert_eq!(machine.portsc(1) & CHANGES, 0);
    // The other order: cleared first, then set.
    machine.xhc.write32(machine.now, portsc, PP | CHANGES);
    machine.xhc.attach(machine.now, port_id(1), Box::new(Gadget::new(Speed::High))).unwrap();
    machine.settle();
    assert_eq!(machine.portsc(1) & CHANGES, CSC);
    machine.clear_changes(1);
    // A tick later it is no longer the same cycle.
    drop(machine.xhc.detach(machine.now, port_id(1)));
    machine.xhc.write32(machine.now + sim_time::Duration::from_ticks(1), portsc, PP | CHANGES);
    assert_eq!(machine.portsc(1) & CHANGES, 0);
}

#[test] // req: PRT-55
fn all_changes_of_the_cycle_of_their_clear_stay() {
    let mut machine = Machine::new(any_profile());
    machine.with_usb2_device();
    // In one tick: a port error, the device goes, software clears everything.
    machine.xhc.port_fault(machine.now, port_id(1), PortFault::PortError);
    drop(machine.xhc.detach(machine.now, port_id(1)));
    machine.xhc.write32(machine.now, machine.port_register(1, 0), PP | CHANGES);
    assert_eq!(machine.portsc(1) & CHANGES, PEC | CSC);
    // The same change twice is no less of one: a device goes and another comes.
    let mut machine = Machine::new(any_profile());
    machine.with_usb2_device();
    drop(machine.xhc.detach(machine.now, port_id(1)));
    machine.xhc.attach(machine.now, port_id(1), Box::new(Gadget::new(Speed::High))).unwrap();
    machine.xhc.write32(machine.now, machine.port_register(1, 0), PP | CHANGES);
    assert_eq!(machine.portsc(1) & CHANGES, CSC);
}

/// A USB 3 port with every change bit that such a port has, its event taken, and PORTSC.
fn with_all_changes() -> (Machine, u8, u32) {
    let mut machine = Machine::new(Profile::default());
    let port = machine.usb3_port();
    machine.insert(port, Gadget::new(Speed::Super));
    machine.run_us(20_000);
    machine.order(port, WPR);
    machine.run_us(100_000);
    machine.fault(port, PortFault::ConfigError);
    machine.fault(port, PortFault::OverCurrent(true));
    machine.fault(port, PortFault::OverCurrent(false));
    machine.write_portsc(port, PP);
    machine.run_us(100_000);
    assert_eq!(show(machine.portsc(port)), show(0x00FA_1203));
    assert_eq!(machine.port_events(), [port], "one for all of them");
    let all = machine.portsc(port);
    (machine, port, all)
}

#[test] // req: PRT-63, PRT-58
fn clearing_bit_by_bit_causes_nothing() {
    let (mut machine, port, mut left) = with_all_changes();
    for bit in [CSC, PEC, WRC, OCC, PRC, PLC, CEC] {
        machine.order(port, bit);
        machine.run_us(1_000);
        left &= !bit;
        assert_eq!(show(machine.portsc(port)), show(left));
        assert_eq!(machine.port_events(), []);
    }
    // And then the next change is told.
    drop(machine.pull_out(port));
    assert_eq!(machine.port_events(), [port]);
}

#[test] // req: PRT-58, PRT-43
fn only_the_first_change_is_told_until_all_are_cleared() {
    on_every_profile(|mut machine| {
        machine.run_us(20_000);
        machine.insert(1, Gadget::new(Speed::High));
        machine.run_us(200);
        assert_eq!(machine.port_events(), [1]);
        machine.write(machine.op + 4, PCD);
        machine.order(1, PR);
        machine.wait_ms(60, |machine| machine.portsc(1) & PRC != 0);
        machine.run_us(1_000);
        assert_eq!(machine.portsc(1) & CHANGES, CSC | PRC);
        assert_eq!(machine.port_events(), [], "CSC is still 1");
        assert!(!machine.pcd());
        machine.order(1, CSC);
        machine.fault(1, PortFault::PortError);
        machine.run_us(1_000);
        assert_eq!(machine.port_events(), [], "PRC is still 1");
        machine.clear_changes(1);
        drop(machine.pull_out(1));
        machine.run_us(1_000);
        assert_eq!(machine.port_events(), [1]);
        assert!(machine.pcd());
    });
}

#[test] // req: PRT-43
fn ten_times_in_and_out_make_one_event() {
    let mut machine = Machine::new(Profile::default());
    for _ in 0..10 {
        machine.insert(3, Gadget::new(Speed::High));
        machine.run_us(100);
        drop(machine.pull_out(3));
        machine.run_us(100);
    }
    assert_eq!(machine.port_events(), [3]);
    assert_eq!(show(machine.portsc(3)), show(0x0002_02A0));
}

#[test] // req: PRT-59, TRB-30
fn the_event_names_the_port() {
    let mut machine = Machine::new(Profile::default());
    machine.insert(5, Gadget::new(Speed::High));
    let events = machine.take_events(0, true);
    let words = [0x0500_0000_u32, 0, 0x0100_0000, 0x0000_8801];
    let mut bytes = [0; 16];
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    assert_eq!(events, [Trb::from_bytes(bytes)]);
    assert_eq!(machine.take_events(1, false), [], "interrupter 0 alone");
}

#[test] // req: PRT-59, PRT-61, EVR-14
fn a_full_ring_keeps_it_in_portsc() {
    let mut machine = Machine::new(Profile::default());
    machine.halt_here();
    machine.event_ring(0, 16);
    machine.run_here();
    for round in 0..14 {
        if round % 2 == 0 {
            machine.insert(1, Gadget::new(Speed::High));
        } else {
            drop(machine.pull_out(1));
        }
        machine.clear_changes(1);
    }
    machine.write(machine.op + 4, PCD);
    machine.insert(2, Gadget::new(Speed::High));
    machine.insert(4, Gadget::new(Speed::High));
    machine.insert(3, Gadget::new(Speed::High));
    assert!(machine.pcd(), "PCD needs no room");
    machine.run_us(100_000);
    assert_eq!(machine.portsc(2) & CHANGES, CSC);
    machine.clear_changes(4);
    assert_eq!(machine.port_events(), [1; 14]);
    machine.run_us(100);
    assert_eq!(machine.port_events(), [2, 3], "what is still to be seen is told once there is room");
}

#[test] // req: PRT-60
fn what_changed_while_halted_is_told_at_the_start() {
    on_every_profile(|mut machine| {
        let (first, last) = (1, machine.usb3_port());
        machine.run_us(20_000);
        machine.halt_here();
        machine.write(machine.op + 4, PCD);
        machine.insert(last, Gadget::new(Speed::Super));
        machine.run_us(20_000);
        machine.insert(first, Gadget::new(Speed::High));
        machine.run_us(20_000);
        assert_eq!(machine.port_events(), [], "no event is written");
        assert!(machine.pcd());
        assert_eq!(machine.portsc(first) & CHANGES, CSC);
        machine.run_here();
        machine.run_us(1_000);
        assert_eq!(machine.port_events(), [first, last], "in the order of the ports");
        // What was told and is not cleared is told again at the next start.
        machine.clear_changes(first);
        machine.halt_here();
        machine.run_here();
        machine.run_us(1_000);
        assert_eq!(machine.port_events(), [last]);
    });
}

#[test] // req: PRT-60
fn what_was_cleared_while_halted_is_not_told() {
    let mut machine = Machine::new(any_profile());
    machine.halt_here();
    machine.insert(1, Gadget::new(Speed::High));
    machine.clear_changes(1);
    assert_eq!(machine.portsc(1) & CHANGES, 0, "PRT-04: change bits are cleared all the same");
    machine.run_here();
    machine.run_us(1_000);
    assert_eq!(machine.port_events(), []);
    machine.order(1, PR);
    machine.run_us(50_000);
    assert_eq!(machine.port_events(), [1]);
}

#[test] // req: PRT-60
fn a_change_that_came_and_went_while_halted_leaves_no_trace() {
    let mut machine = Machine::new(Profile::default());
    let port = machine.with_usb3_device();
    machine.order(port, PR);
    machine.halt_here();
    machine.run_us(2_000);
    assert_eq!(machine.portsc(port) & CHANGES, PRC);
    machine.clear_changes(port);
    machine.run_here();
    // The port does something of which there is nothing to tell.
    machine.fault(port, PortFault::LinkError);
    machine.run_us(2_000);
    assert_eq!(machine.pls(port), 0);
    assert_eq!(machine.port_events(), []);
}

#[test] // req: PRT-04
fn a_halted_controller_moves_no_link() {
    let mut table = String::new();
    for ports_work_while_halted in [false, true] {
        let orders =
            [("PR", 1, PR), ("PED", 1, PED), ("U3", 1, LWS | 3 << 5), ("PR", 7, PR), ("WPR", 7, WPR)];
        for (what, port, order) in orders {
            let policy = Policy { ports_work_while_halted, ..Policy::DEFAULT };
            let mut machine = Machine::new(Profile { policy, ..Profile::default() });
            machine.with_usb2_device();
            machine.with_usb3_device();
            machine.halt_here();
            machine.order(port, order);
            machine.run_us(5_000);
            table += &format!("port {port} {what:3}: {}\n", show(machine.portsc(port)));
        }
        table += "\n";
    }
    expect![[r#"
        port 1 PR : 00000e03 U0 speed 3 CCS PED PP
        port 1 PED: 000002e1 Polling speed 0 CCS PP
        port 1 U3 : 00000e03 U0 speed 3 CCS PED PP
        port 7 PR : 00001203 U0 speed 4 CCS PED PP
        port 7 WPR: 00001203 U0 speed 4 CCS PED PP

        port 1 PR : 000002f1 Polling speed 0 CCS PR PP
        port 1 PED: 000002e1 Polling speed 0 CCS PP
        port 1 U3 : 00000e63 U3 speed 3 CCS PED PP
        port 7 PR : 00201203 U0 speed 4 CCS PED PP PRC
        port 7 WPR: 000012b1 RxDetect speed 4 CCS PR PP

    "#]]
    .assert_eq(&table);
}

#[test] // req: PRT-04
fn a_halted_controller_switches_power() {
    let mut machine = Machine::new(Profile { port_power_control: true, ..any_profile() });
    machine.with_usb2_device();
    machine.halt_here();
    machine.write_portsc(1, 0);
    assert_eq!(show(machine.portsc(1)), show(0x0000_00A0));
    machine.write_portsc(1, PP);
    machine.run_us(20_000);
    assert_eq!(show(machine.portsc(1)), show(0x0002_02E1));
}

#[test] // req: PRT-04, OPR-17
fn a_light_reset_leaves_the_ports_alone() {
    let mut machine = Machine::new(Profile { light_reset: true, ..Profile::default() });
    machine.with_usb2_device();
    let port = machine.with_usb3_device();
    machine.insert(2, Gadget::new(Speed::High));
    machine.order(1, PR | WCE);
    machine.set_link(port, 3);
    machine.halt_here();
    machine.run_us(10_000);
    let before = [1, 2, port].map(|port| machine.portsc(port));
    machine.write(machine.op, 1 << 7);
    machine.run_us(5_000);
    assert_eq!([1, 2, port].map(|port| machine.portsc(port)), before);
    machine.run_us(50_000);
    assert_eq!(show(machine.portsc(1)), show(0x0220_0E03), "the reset that was under way ended");
}
