//! Port power, over-current, and waking a controller that sleeps (xHCI 4.15, 4.19.4, 4.19.8).

use crate::support::any_profile;
use crate::support::gadget::Gadget;
use crate::support::ports::{CHANGES, CSC, OCC, PED, PLC, PP, PR, Sleeper, WCE, WDE, WOE, port_id, show};
use crate::support::{Machine, on_every_profile};
use usb_spec::Speed;
use xhci_model::{PortFault, PowerState, Profile};

impl Machine {
    fn fall_asleep(&mut self) {
        self.write(self.op, 0);
        self.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 != 0);
        self.xhc.set_power_state(self.now, PowerState::D3);
        self.settle();
    }

    fn wake_up(&mut self) {
        self.xhc.set_power_state(self.now, PowerState::D0);
        self.settle();
    }
}

#[test] // req: PRT-06, PRT-41, CAP-14, TIM-24
fn a_port_without_power_knows_nothing() {
    // PPC says whether the power is really gone; what PORTSC reads is the same.
    for port_power_control in [false, true] {
        let mut machine = Machine::new(Profile { port_power_control, ..Profile::default() });
        machine.with_usb2_device();
        let usb3 = machine.with_usb3_device();
        for (port, dark, seen) in [(1, 0x0000_00A0, 0x0002_02E1), (usb3, 0x0000_0080, 0x0002_1203)] {
            machine.write_portsc(port, 0);
            assert_eq!(show(machine.portsc(port)), show(dark));
            machine.run_us(50_000);
            assert_eq!(show(machine.portsc(port)), show(dark));
            assert_eq!(machine.port_events(), []);
            let device = machine.pull_out(port);
            assert_eq!(show(machine.portsc(port)), show(dark), "nobody sees it go");
            machine.xhc.attach(machine.now, port_id(port), device).unwrap();
            machine.run_us(50_000);
            assert_eq!(show(machine.portsc(port)), show(dark), "nor come");
            machine.write_portsc(port, PP);
            assert_eq!(show(machine.portsc(port)), show(0x0000_02A0));
            // Power is good after 20 ms.
            machine.run_us(19_999);
            assert_eq!(show(machine.portsc(port)), show(0x0000_02A0));
            machine.wait_ms(16, |machine| machine.portsc(port) & 1 != 0);
            assert_eq!(show(machine.portsc(port)), show(seen));
            machine.run_us(100);
            assert_eq!(machine.port_events(), [port]);
            machine.clear_changes(port);
        }
    }
}

#[test] // req: PRT-06, PRT-41
fn a_device_that_is_exchanged_before_power_is_good() {
    let mut machine = Machine::new(any_profile());
    machine.write_portsc(1, 0);
    machine.write_portsc(1, PP);
    machine.run_us(10_000);
    machine.insert(1, Gadget::new(Speed::High));
    assert_eq!(show(machine.portsc(1)), show(0x0000_02A0));
    drop(machine.pull_out(1));
    machine.insert(1, Gadget::new(Speed::Full));
    machine.run_us(9_999);
    assert_eq!(show(machine.portsc(1)), show(0x0000_02A0));
    machine.run_us(1);
    assert_eq!(show(machine.portsc(1)), show(0x0002_02E1));
    // Off before it was good: nothing comes later.
    machine.write_portsc(1, 0);
    machine.write_portsc(1, PP);
    machine.run_us(10_000);
    machine.write_portsc(1, 0);
    machine.run_us(50_000);
    assert_eq!(show(machine.portsc(1)), show(0x0002_00A0));
}

#[test] // req: PRT-08, PRT-54, CAP-14
fn too_much_current_takes_the_power() {
    on_every_profile(|mut machine| {
        machine.with_usb2_device();
        machine.fault(1, PortFault::OverCurrent(true));
        assert_eq!(show(machine.portsc(1)), show(0x0012_00A8));
        machine.fault(1, PortFault::OverCurrent(true));
        machine.run_us(1_000);
        assert_eq!(machine.port_events(), [1]);
        machine.clear_changes(1);
        // No power as long as it lasts.
        machine.write_portsc(1, PP);
        machine.run_us(50_000);
        assert_eq!(show(machine.portsc(1)), show(0x0000_00A8));
        // OCA follows without power too.
        machine.fault(1, PortFault::OverCurrent(false));
        assert_eq!(show(machine.portsc(1)), show(0x0010_00A0));
        machine.run_us(50_000);
        assert_eq!(machine.port_events(), [1]);
        machine.write_portsc(1, PP | OCC);
        machine.run_us(20_000);
        assert_eq!(show(machine.portsc(1)), show(0x0002_02E1));
    });
}

#[test] // req: PRT-08
fn a_reset_of_the_controller_does_not_heal_a_short_circuit() {
    let mut machine = Machine::new(any_profile());
    machine.with_usb2_device();
    machine.fault(1, PortFault::OverCurrent(true));
    machine.write(machine.op, 0);
    machine.run_us(1_000);
    machine.write(machine.op, 2);
    machine.run_us(50_000);
    assert_eq!(show(machine.portsc(1)), show(0x0000_00A8));
}

type Act = fn(&mut Machine);

#[test] // req: PRT-56, PRT-62
fn what_may_wake_the_system() {
    let causes: &[(&str, Act, u32)] = &[
        ("plugged in", |m| m.insert(2, Gadget::new(Speed::High)), WCE),
        ("unplugged", |m| drop(m.pull_out(1)), WDE),
        ("over-current of an empty port", |m| m.fault(2, PortFault::OverCurrent(true)), WOE),
        ("over-current of a port in use", |m| m.fault(1, PortFault::OverCurrent(true)), WOE | WDE),
        ("an error of a port", |m| m.fault(1, PortFault::PortError), 0),
        ("the end of a reset", |m| m.run_us(50_000), 0),
        ("a link that fails", |m| m.fault(8, PortFault::LinkFailure), 0),
    ];
    for (what, act, needed) in causes {
        for enabled in 0..8 {
            let enabled = enabled << 25;
            let mut machine = Machine::new(Profile::default());
            machine.with_usb2_device();
            machine.insert(8, Gadget::new(Speed::Super));
            machine.insert(3, Gadget::new(Speed::High));
            machine.run_us(20_000);
            [1, 2, 3, 8].iter().for_each(|port| machine.order(*port, enabled | CHANGES));
            machine.order(3, PR);
            machine.fall_asleep();
            machine.run_us(1_000);
            act(&mut machine);
            let when = machine.now;
            machine.run_us(20_000);
            let woken = if enabled & needed != 0 { vec![when] } else { vec![] };
            assert_eq!(machine.wakes, woken, "{what} with {enabled:08x}");
            // The change is held for the driver.
            machine.wake_up();
            let changed = [1, 2, 3, 8].iter().any(|port| machine.portsc(*port) & CHANGES != 0);
            assert!(changed, "{what}");
            assert_eq!(machine.wakes, woken, "no more of it");
        }
    }
}

#[test] // req: PRT-10, PRT-56
fn a_cold_device_counts_as_plugged_in() {
    for (enabled, wakes) in [(WCE, 1), (WDE, 0)] {
        let mut machine = Machine::new(Profile::default());
        machine.order(7, enabled);
        machine.fault(7, PortFault::ColdAttach);
        machine.fall_asleep();
        machine.insert(7, Gadget::new(Speed::Super));
        machine.run_us(20_000);
        assert_eq!(machine.wakes.len(), wakes);
    }
}

#[test] // req: PRT-62, PWR-08, OPR-08
fn asleep_the_registers_are_gone_and_the_ports_are_not() {
    on_every_profile(|mut machine| {
        let port = machine.usb3_port();
        machine.with_usb2_device();
        machine.set_link(1, 3);
        machine.wait_ms(10, |machine| machine.pls(1) == 3);
        machine.order(1, WDE);
        machine.order(port, WCE);
        machine.fall_asleep();
        let registers = [0, machine.op, machine.op + 4, machine.port_register(1, 0), machine.runtime];
        assert_eq!(registers.map(|offset| machine.read(offset)), [u32::MAX; 5]);
        machine.write_portsc(1, 0);
        machine.write(machine.op, 2);
        machine.run_us(100_000);
        assert_eq!(machine.wakes, []);
        machine.insert(port, Gadget::new(Speed::Super));
        machine.run_us(30_000);
        assert_eq!(machine.wakes.len(), 1);
        machine.wake_up();
        assert_eq!(machine.read(machine.op + 4) & 1, 1, "halted, as before");
        assert_eq!(show(machine.portsc(1)), show(0x0400_0E63), "U3, as before");
        assert_eq!(show(machine.portsc(port)), show(0x0202_1203), "and CSC is held");
        // The command ring and the slots are still there.
        machine.write(machine.op, 5);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 0);
        machine.run_us(1_000);
        assert_eq!(machine.port_events(), [port]);
        assert_eq!(
            machine.command_code(xhci_spec::trb::command::no_op()),
            xhci_spec::CompletionCode::SUCCESS
        );
    });
}

#[test] // req: PRT-62
fn a_change_just_before_sleep_wakes_at_once() {
    let mut machine = Machine::new(Profile::default());
    machine.order(1, WCE);
    machine.write(machine.op, 0);
    machine.run_us(1_000);
    machine.insert(1, Gadget::new(Speed::High));
    assert_eq!(machine.wakes, [], "awake there is nobody to wake");
    machine.fall_asleep();
    assert_eq!(machine.wakes, [machine.now]);
    // Once a sleep, however much happens; and again in the next one, as long as nobody clears it.
    drop(machine.pull_out(1));
    machine.insert(1, Gadget::new(Speed::High));
    assert_eq!(machine.wakes.len(), 1);
    machine.wake_up();
    machine.fall_asleep();
    assert_eq!(machine.wakes.len(), 2);
    machine.wake_up();
    machine.clear_changes(1);
    machine.fall_asleep();
    machine.run_us(1_000);
    assert_eq!(machine.wakes.len(), 2);
}

#[test] // req: PRT-22, PRT-33, PRT-56, PRT-62
fn a_device_wakes_a_sleeping_system() {
    on_every_profile(|mut machine| {
        machine.with_usb2_device();
        let usb3 = machine.with_usb3_device();
        for port in [1, usb3] {
            machine.set_link(port, 3);
            machine.wait_ms(10, |machine| machine.pls(port) == 3);
        }
        for port in [1, usb3] {
            let before = machine.wakes.len();
            machine.fall_asleep();
            machine.touch(port);
            machine.run_us(2_000);
            assert_eq!(machine.wakes.len(), before, "no reason yet");
            machine.sleeper(port).wakes = true;
            machine.touch(port);
            machine.run_us(2_000);
            assert_eq!(machine.wakes.len(), before + 1, "no bit of PORTSC is needed");
            machine.wake_up();
            assert_eq!(machine.pls(port), 15);
            assert_eq!(machine.portsc(port) & CHANGES, PLC);
            machine.clear_changes(port);
        }
    });
}

#[test] // req: PWR-08
fn a_controller_that_runs_is_stopped_by_sleep() {
    let mut machine = Machine::new(Profile::default());
    machine.with_usb2_device();
    machine.xhc.set_power_state(machine.now, PowerState::D3);
    machine.settle();
    machine.insert(2, Sleeper::new(Speed::High));
    machine.run_us(10_000);
    assert_eq!(machine.take_events(0, false), [], "memory is left alone");
    machine.wake_up();
    assert_eq!((machine.read(machine.op) & 1, machine.read(machine.op + 4) & 1), (0, 1));
    assert_eq!(machine.portsc(2) & CHANGES, CSC);
    assert_eq!(machine.portsc(1) & (PED | PR), PED);
}
