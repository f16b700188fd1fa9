//! A device whose SuperSpeed link does not come up, and the USB 2 port of the same socket (xHCI 4.24.2).

use crate::support::gadget::Gadget;
use crate::support::ports::{CHANGES, PED, PR, Sleeper, port_id, show};
use crate::support::{Machine, on_every_profile};
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{AttachError, PortFault, Profile, Protocol};

#[test] // req: PRT-42
fn a_super_speed_device_falls_back_to_the_usb2_port_of_its_socket() {
    on_every_profile(|mut machine| {
        let port = machine.usb3_port();
        machine.run(Duration::from_millis(20));
        machine.insert(port, Sleeper::with_usb2_side(Speed::High));
        machine.wait_ms(20, |machine| machine.portsc(port) & 1 != 0);
        machine.clear_changes(port);
        assert_eq!(show(machine.portsc(1)), show(0x0000_02A0), "only there");
        assert_eq!(machine.sleeper(port).connected_at, Some(Speed::Super));
        machine.order(port, PED);
        assert_eq!(show(machine.portsc(port)), show(0x0000_0280));
        assert_eq!(show(machine.portsc(1)), show(0x0002_02E1));
        machine.order(1, PR | CHANGES);
        machine.wait_ms(100, |machine| machine.portsc(1) & PED != 0);
        assert_eq!(show(machine.portsc(1)), show(0x0020_0E03));
        assert_eq!(machine.sleeper(port).connected_at, Some(Speed::High));
        machine.clear_changes(1);
        // The USB 3 port listens again: the device goes back.
        machine.set_link(port, 5);
        assert_eq!(show(machine.portsc(1)), show(0x0002_02A0));
        machine.wait_ms(20, |machine| machine.portsc(port) & 1 != 0);
        assert_eq!(show(machine.portsc(port)), show(0x0002_1203));
        assert_eq!(machine.sleeper(port).connected_at, Some(Speed::Super));
    });
}

#[test] // req: PRT-42, PRT-35
fn a_device_whose_link_fails_to_train_falls_back() {
    let mut machine = Machine::new(Profile { compliance_transition: true, ..Profile::default() });
    let port = machine.usb3_port();
    machine.fault(port, PortFault::TrainingFails(true));
    machine.insert(port, Sleeper::with_usb2_side(Speed::Full));
    machine.run_us(359_999);
    assert_eq!(show(machine.portsc(1)), show(0x0000_02A0));
    machine.run_us(1);
    assert_eq!(show(machine.portsc(1)), show(0x0002_02E1));
    // The socket is in use, the USB 2 port as well, and the device can be pulled out from either.
    let second = |machine: &mut Machine, port, speed| {
        machine.xhc.attach(machine.now, port_id(port), Box::new(Gadget::new(speed)))
    };
    let occupied = |port| Err(AttachError::Occupied { port: port_id(port) });
    assert_eq!(second(&mut machine, port, Speed::Super), occupied(port));
    assert!(machine.xhc.device(port_id(port)).is_some());
    assert!(machine.xhc.device(port_id(1)).is_none(), "it is not what was plugged in there");
    assert!(machine.xhc.detach(machine.now, port_id(1)).is_none());
    assert_eq!(second(&mut machine, 1, Speed::High), occupied(1));
    drop(machine.pull_out(port));
    assert_eq!(show(machine.portsc(1)), show(0x0002_02A0));
    assert_eq!(show(machine.portsc(port)), show(0x0000_0280));
    assert_eq!(second(&mut machine, 1, Speed::High), Ok(()));
}

#[test] // req: PRT-42
fn an_occupied_companion_takes_no_other_device() {
    let mut machine = Machine::new(Profile::default());
    let port = machine.usb3_port();
    machine.insert(1, Sleeper::new(Speed::Full));
    machine.insert(port, Sleeper::with_usb2_side(Speed::High));
    machine.run_us(20_000);
    machine.order(port, PED);
    machine.order(1, PR | CHANGES);
    machine.run_us(50_000);
    assert_eq!(machine.portsc(1) >> 10 & 0xF, 1, "its own device");
    machine.set_link(port, 5);
    machine.run_us(20_000);
    assert_eq!(machine.portsc(port) & 3, 3);
}

#[test] // req: PRT-42, OPR-16
fn a_reset_of_the_controller_sends_a_fallen_back_device_home() {
    let mut machine = Machine::new(Profile::default());
    let port = machine.usb3_port();
    machine.insert(port, Sleeper::with_usb2_side(Speed::High));
    machine.run_us(20_000);
    machine.order(port, PED);
    machine.write(machine.op, 0);
    machine.run_us(1_000);
    machine.write(machine.op, 2);
    machine.run_us(30_000);
    assert_eq!(show(machine.portsc(1)), show(0x0000_02A0));
    assert_eq!(show(machine.portsc(port)), show(0x0002_1203));
}

#[test] // req: PRT-42
fn a_port_takes_devices_of_its_protocol() {
    let mut machine = Machine::new(Profile::default());
    let mut attach =
        |port, speed| machine.xhc.attach(machine.now, port_id(port), Box::new(Gadget::new(speed)));
    assert_eq!(
        attach(1, Speed::Super),
        Err(AttachError::Speed { port: port_id(1), speed: Speed::Super, protocol: Protocol::Usb2 })
    );
    assert_eq!(
        attach(7, Speed::High),
        Err(AttachError::Speed { port: port_id(7), speed: Speed::High, protocol: Protocol::Usb3 })
    );
    assert_eq!(attach(13, Speed::High), Err(AttachError::NoPort { port: port_id(13) }));
    assert_eq!(attach(7, Speed::Super), Ok(()));
    assert_eq!(attach(7, Speed::Super), Err(AttachError::Occupied { port: port_id(7) }));
    assert_eq!(attach(12, Speed::SuperPlus), Ok(()));
}
