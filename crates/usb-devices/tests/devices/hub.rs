//! A hub, and devices behind it.

use crate::gadget::{Gadget, gadget, log};
use crate::host::{Failure, Host};
use sim_time::{Duration, Instant};
use usb_devices::hub::{HubError, HubPort};
use usb_devices::{Hub, Peripheral};
use usb_spec::hub::{HubDescriptor, PortFeature};
use usb_spec::setup::standard::DEVICE_REMOTE_WAKEUP;
use usb_spec::{EndpointAddress, SetupPacket, Speed};
use xhci_model::{Device as _, DeviceAddress, Route};

const CHANGES: EndpointAddress = EndpointAddress(0x81);
const HUB: DeviceAddress = DeviceAddress(1);

/// A configured hub with power on all ports.
fn powered() -> Host<Hub> {
    let mut host = Host::new(Hub::new());
    host.enumerate(HUB.0).unwrap();
    for port in 1..=4 {
        host.set(SetupPacket::set_port_feature(port, PortFeature::POWER), &[]).unwrap();
    }
    host
}
fn attach(host: &mut Host<Hub>, port: u8, device: Box<Peripheral<Gadget>>) {
    host.device.attach(host.now, HubPort(port), device).unwrap();
}
/// `wPortStatus` and `wPortChange`.
fn status(host: &mut Host<Hub>, port: u8) -> (u16, u16) {
    let bytes = host.get(SetupPacket::get_port_status(port)).unwrap();
    (u16::from_le_bytes([bytes[0], bytes[1]]), u16::from_le_bytes([bytes[2], bytes[3]]))
}
fn set(host: &mut Host<Hub>, port: u8, feature: PortFeature) {
    host.set(SetupPacket::set_port_feature(port, feature), &[]).unwrap();
}
fn clear(host: &mut Host<Hub>, port: u8, feature: PortFeature) {
    host.set(SetupPacket::clear_port_feature(port, feature), &[]).unwrap();
}
/// Turns to a device behind the hub, or to the hub itself.
fn turn_to(host: &mut Host<Hub>, route: u32, address: u8) {
    host.route = Route::new(route);
    host.address = DeviceAddress(address);
}
/// Resets a port, and gives the device there an address.
fn enumerate(host: &mut Host<Hub>, port: u8, address: u8) {
    set(host, port, PortFeature::RESET);
    host.wait(Duration::from_millis(11));
    turn_to(host, port.into(), 0);
    host.enumerate(address).unwrap();
    turn_to(host, 0, HUB.0);
}

#[test]
fn the_hub_describes_itself() {
    let mut host = Host::new(Hub::with_ports(7).unwrap());
    host.enumerate(HUB.0).unwrap();
    let bytes = host.get(SetupPacket::get_hub_descriptor(255)).unwrap();
    let descriptor = HubDescriptor::parse(&bytes).unwrap();
    assert_eq!((descriptor.ports, descriptor.fixed_ports.len()), (7, 0));
    assert_eq!(bytes, [9, 0x29, 7, 0x09, 0, 10, 0, 0, 0xFF]);
    assert_eq!(host.get(SetupPacket::get_hub_descriptor(7)).unwrap(), bytes[..7]);
    assert_eq!(host.get(SetupPacket::get_hub_status()), Ok(vec![0; 4]));
    for port in [0, 8] {
        assert_eq!(host.get(SetupPacket::get_port_status(port)), Err(Failure::Stall));
    }
    assert_eq!(Hub::with_ports(0).err(), Some(HubError::PortCount(0)));
    assert_eq!(Hub::with_ports(16).err(), Some(HubError::PortCount(16)));
}

#[test]
fn a_port_from_power_to_unplugging() {
    let mut host = Host::new(Hub::new());
    attach(&mut host, 2, gadget(2, Speed::High));
    host.enumerate(HUB.0).unwrap();
    assert_eq!(status(&mut host, 2), (0, 0), "without power");
    assert_eq!(host.data_in(CHANGES, 0), Err(Failure::Nak));

    set(&mut host, 2, PortFeature::POWER);
    assert_eq!(status(&mut host, 2), (0x0101, 0x0001));
    assert_eq!(host.data_in(CHANGES, 0), Ok(vec![1 << 2]));
    clear(&mut host, 2, PortFeature::C_CONNECTION);
    assert_eq!(status(&mut host, 2), (0x0101, 0));
    assert_eq!(host.data_in(CHANGES, 1), Err(Failure::Nak));

    set(&mut host, 2, PortFeature::RESET);
    assert_eq!(status(&mut host, 2), (0x0111, 0), "reset is signalled");
    host.wait(Duration::from_micros(9_900));
    assert_eq!(status(&mut host, 2), (0x0111, 0), "for 10 ms");
    host.wait(Duration::from_micros(100));
    assert_eq!(status(&mut host, 2), (0x0503, 0x0010), "high speed, enabled");
    clear(&mut host, 2, PortFeature::C_RESET);

    clear(&mut host, 2, PortFeature::ENABLE);
    assert_eq!(status(&mut host, 2), (0x0101, 0));
    assert!(host.device.detach(host.now, HubPort(2)).is_some());
    assert_eq!(status(&mut host, 2), (0x0100, 0x0001));
    clear(&mut host, 2, PortFeature::POWER);
    assert_eq!(status(&mut host, 2), (0, 0));
}

#[test]
fn slower_devices_show_their_speed() {
    let mut host = powered();
    attach(&mut host, 1, gadget(1, Speed::Full));
    attach(&mut host, 3, gadget(3, Speed::Low));
    enumerate(&mut host, 1, 10);
    assert_eq!(status(&mut host, 1), (0x0103, 0x0011));
    assert_eq!(status(&mut host, 3), (0x0301, 0x0001));
}

#[test]
fn two_devices_behind_one_hub() {
    let mut host = powered();
    attach(&mut host, 1, gadget(41, Speed::High));
    attach(&mut host, 4, gadget(44, Speed::High));
    for port in [1, 4] {
        set(&mut host, port, PortFeature::RESET);
    }
    host.wait(Duration::from_millis(11));
    // Both are at the default address: the way tells them apart.
    for (route, address) in [(4, 20), (1, 10)] {
        turn_to(&mut host, route, 0);
        host.enumerate(address).unwrap();
    }
    let mut say = |route, address| {
        turn_to(&mut host, route, address);
        host.data_in(EndpointAddress(0x81), 0)
    };
    assert_eq!(say(1, 10), Ok(vec![41]));
    assert_eq!(say(4, 20), Ok(vec![44]));
    assert_eq!(say(0, HUB.0), Ok(vec![1 << 1 | 1 << 4]));
    for (route, address) in [(4, 10), (0, 10), (2, 0), (5, 0), (0x11, 10), (0x40, 20)] {
        assert_eq!(say(route, address), Err(Failure::Silence), "route {route:#x}");
    }
}

#[test]
fn a_suspended_port_repeats_nothing() {
    let mut host = powered();
    attach(&mut host, 1, gadget(41, Speed::High));
    enumerate(&mut host, 1, 10);
    clear(&mut host, 1, PortFeature::C_RESET);
    clear(&mut host, 1, PortFeature::C_CONNECTION);
    set(&mut host, 1, PortFeature::SUSPEND);
    assert_eq!(status(&mut host, 1), (0x0507, 0));
    turn_to(&mut host, 1, 10);
    assert_eq!(host.data_in(EndpointAddress(0x81), 0), Err(Failure::Silence));
    turn_to(&mut host, 0, HUB.0);
    host.now = Instant::ZERO + Duration::from_millis(100);
    clear(&mut host, 1, PortFeature::SUSPEND);
    assert_eq!(status(&mut host, 1), (0x0507, 0), "resume is signalled");
    host.wait(Duration::from_millis(20));
    assert_eq!(status(&mut host, 1), (0x0503, 0x0004));
    turn_to(&mut host, 1, 10);
    assert_eq!(host.data_in(EndpointAddress(0x81), 0), Ok(vec![41]));
    let log = log(&host, 1);
    assert!(log[1].starts_with("suspend at "), "{log:?}");
    assert_eq!(log[2], "resume at 120001 us");
}

#[test]
fn a_suspended_hub_suspends_what_is_behind_it() {
    let mut host = powered();
    attach(&mut host, 1, gadget(41, Speed::High));
    attach(&mut host, 2, gadget(42, Speed::High));
    enumerate(&mut host, 1, 10);
    host.device.suspend(host.now);
    turn_to(&mut host, 1, 10);
    assert_eq!(host.data_in(EndpointAddress(0x81), 0), Err(Failure::Silence));
    host.device.resume(host.now);
    assert_eq!(host.data_in(EndpointAddress(0x81), 0), Ok(vec![41]));
    assert_eq!(log(&host, 1).len(), 3, "reset, suspend, resume");
    assert_eq!(log(&host, 2), [] as [&str; 0], "its port is not enabled");
}

/// Gives the device at a port, and no other, a reason to wake the host; says whether the hub passes that on.
fn wake(host: &mut Host<Hub>, port: u8) -> bool {
    for each in [1, 2] {
        let device: &mut dyn core::any::Any = host.device.device_mut(HubPort(each)).unwrap();
        device.downcast_mut::<Peripheral<Gadget>>().unwrap().function_mut().wakes = each == port;
    }
    host.device.signals_wake(host.now)
}

#[test] // req: PRT-22
fn a_device_wakes_through_the_hub_if_it_may() {
    let mut host = powered();
    for (port, address) in [(1, 10), (2, 20)] {
        attach(&mut host, port, gadget(port, Speed::High));
        enumerate(&mut host, port, address);
        clear(&mut host, port, PortFeature::C_RESET);
        clear(&mut host, port, PortFeature::C_CONNECTION);
    }
    turn_to(&mut host, 1, 10);
    host.set(SetupPacket::set_device_feature(DEVICE_REMOTE_WAKEUP), &[]).unwrap();
    turn_to(&mut host, 0, HUB.0);
    assert!(!wake(&mut host, 1), "it is awake itself");
    // Its port alone is suspended: the hub lets it resume, and the host is told by the change.
    set(&mut host, 1, PortFeature::SUSPEND);
    assert!(!wake(&mut host, 1), "the hub is awake");
    assert_eq!(status(&mut host, 1), (0x0507, 0), "resume is signalled");
    host.wait(Duration::from_millis(20));
    assert_eq!(status(&mut host, 1), (0x0503, 0x0004));
    clear(&mut host, 1, PortFeature::C_SUSPEND);
    // The whole bus is suspended.
    host.device.suspend(host.now);
    assert!(!wake(&mut host, 2), "it was not permitted to");
    assert!(wake(&mut host, 1));
    host.device.resume(host.now);
    assert_eq!(status(&mut host, 1), (0x0503, 0), "only the bus was suspended");
    // The bus, and the port before it.
    set(&mut host, 1, PortFeature::SUSPEND);
    host.device.suspend(host.now);
    assert!(wake(&mut host, 1));
    host.device.resume(host.now);
    host.wait(Duration::from_millis(20));
    assert_eq!(status(&mut host, 1), (0x0503, 0x0004));
    // Unplugged, there is nobody.
    assert!(host.device.detach(host.now, HubPort(1)).is_some());
    host.device.suspend(host.now);
    assert!(!host.device.signals_wake(host.now));
}

#[test] // req: PRT-22
fn a_plug_wakes_through_the_hub_if_it_may() {
    let mut host = powered();
    host.device.suspend(host.now);
    attach(&mut host, 1, gadget(41, Speed::High));
    assert!(!host.device.signals_wake(host.now), "the host did not permit it");
    host.device.resume(host.now);
    clear(&mut host, 1, PortFeature::C_CONNECTION);
    host.set(SetupPacket::set_device_feature(DEVICE_REMOTE_WAKEUP), &[]).unwrap();
    assert!(!host.device.signals_wake(host.now), "the hub is awake");
    host.device.suspend(host.now);
    assert!(!host.device.signals_wake(host.now), "nothing happened");
    assert!(host.device.detach(host.now, HubPort(1)).is_some());
    assert!(host.device.signals_wake(host.now));
    host.device.resume(host.now);
    assert_eq!(status(&mut host, 1), (0x0100, 0x0001));
}

#[test]
fn a_reset_of_the_hub_switches_its_ports_off() {
    let mut host = powered();
    attach(&mut host, 1, gadget(41, Speed::High));
    enumerate(&mut host, 1, 10);
    host.device.bus_reset(host.now);
    turn_to(&mut host, 1, 10);
    assert_eq!(host.data_in(EndpointAddress(0x81), 0), Err(Failure::Silence));
    turn_to(&mut host, 0, 0);
    host.enumerate(HUB.0).unwrap();
    assert_eq!(status(&mut host, 1), (0, 0));
}

#[test]
fn hubs_behind_hubs() {
    let mut host = powered();
    let mut inner = Hub::new();
    inner.attach(host.now, HubPort(3), gadget(77, Speed::High)).unwrap();
    host.device.attach(host.now, HubPort(2), Box::new(inner)).unwrap();
    enumerate(&mut host, 2, 2);
    turn_to(&mut host, 2, 2);
    set(&mut host, 3, PortFeature::POWER);
    set(&mut host, 3, PortFeature::RESET);
    host.wait(Duration::from_millis(11));
    assert_eq!(status(&mut host, 3), (0x0503, 0x0011));
    turn_to(&mut host, 0x32, 0);
    host.enumerate(3).unwrap();
    assert_eq!(host.data_in(EndpointAddress(0x81), 0), Ok(vec![77]));
}

#[test]
fn ports_that_cannot_be_used() {
    let mut host = powered();
    let mut attach = |port| host.device.attach(Instant::ZERO, HubPort(port), gadget(1, Speed::High));
    assert_eq!(attach(0), Err(HubError::NoPort { port: 0, ports: 4 }));
    assert_eq!(attach(5), Err(HubError::NoPort { port: 5, ports: 4 }));
    assert_eq!(attach(1), Ok(()));
    assert_eq!(attach(1).unwrap_err().to_string(), "port 1 of the hub is occupied");
    assert!(host.device.detach(Instant::ZERO, HubPort(9)).is_none());
    set(&mut host, 2, PortFeature::RESET);
    assert_eq!(status(&mut host, 2), (0x0100, 0), "there is nothing to reset");
}
