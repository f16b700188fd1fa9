//! A SuperSpeed hub: what a host reads of its ports, and what a device behind it hears.

use crate::gadget::{gadget, log};
use crate::host::{Failure, Host};
use expect_test::expect;
use sim_time::Duration;
use std::fmt::Write;
use usb_devices::Hub;
use usb_devices::hub::{HubError, HubPort};
use usb_spec::hub::PortFeature;
use usb_spec::hub::superspeed::{GET_PORT_ERR_COUNT, HubDescriptor, LinkState, PortChange, PortStatus};
use usb_spec::{Direction, EndpointAddress, Recipient, RequestKind, RequestType, SetupPacket, Speed};
use xhci_model::{Device as _, DeviceAddress, Route};

const CHANGES: EndpointAddress = EndpointAddress(0x81);
const HUB: DeviceAddress = DeviceAddress(1);

fn configured() -> Host<Hub> {
    let mut host = Host::new(Hub::super_speed(4).unwrap());
    host.max_packet_0 = 512;
    host.enumerate(HUB.0).unwrap();
    host.set(SetupPacket::set_hub_depth(0), &[]).unwrap();
    host
}

fn attach(host: &mut Host<Hub>, port: u8, speed: Speed) -> Result<(), HubError> {
    let now = host.now;
    host.device.attach(now, HubPort(port), gadget(port, speed))
}

fn set(host: &mut Host<Hub>, port: u8, feature: PortFeature) -> Result<(), Failure> {
    host.set(SetupPacket::set_port_feature(port, feature), &[])
}

fn clear(host: &mut Host<Hub>, port: u8, feature: PortFeature) {
    host.set(SetupPacket::clear_port_feature(port, feature), &[]).unwrap();
}

/// What a host sees of port 2, and of the bitmap of changes.
fn status(host: &mut Host<Hub>) -> String {
    let bytes = host.get(SetupPacket::get_port_status(2)).unwrap();
    let status = PortStatus::from(u16::from_le_bytes([bytes[0], bytes[1]]));
    let change = PortChange::from(u16::from_le_bytes([bytes[2], bytes[3]]));
    let mut text = format!("link {}", status.link_state().0);
    let flags = [
        (status.power(), " power"),
        (status.connection(), " connection"),
        (status.enable(), " enable"),
        (status.reset(), " reset"),
        (change.connection(), " C_connection"),
        (change.reset(), " C_reset"),
        (change.bh_reset(), " C_bh_reset"),
        (change.link_state(), " C_link_state"),
    ];
    flags.iter().filter(|(set, _)| *set).for_each(|(_, name)| text += name);
    let known = u16::from(PortChange::new()) | 0b111_0001;
    assert_eq!(u16::from(change) & !known, 0);
    text
}

/// Does a step, and tells what it did to port 2.
fn told(
    host: &mut Host<Hub>,
    text: &mut String,
    what: &str,
    wait_ms: u64,
    step: impl FnOnce(&mut Host<Hub>),
) {
    step(host);
    let at_once = status(host);
    host.wait(Duration::from_millis(wait_ms));
    writeln!(text, "{what:<12} {at_once}\n  {wait_ms:>3} ms      {}", status(host)).unwrap();
    for change in
        [PortFeature::C_CONNECTION, PortFeature::C_RESET, PortFeature::C_BH_RESET, PortFeature::C_LINK_STATE]
    {
        clear(host, 2, change);
    }
}

fn link(host: &mut Host<Hub>, state: LinkState) {
    host.set(SetupPacket::set_port_link_state(2, state), &[]).unwrap();
}

#[test]
fn the_hub_describes_itself() {
    let mut host = configured();
    let bytes = host.get(SetupPacket::get_superspeed_hub_descriptor(12)).unwrap();
    assert_eq!(bytes, [12, 0x2A, 4, 0x09, 0, 10, 0, 0, 0, 0, 0, 0]);
    assert_eq!(HubDescriptor::parse(&bytes).unwrap().ports, 4);
    assert_eq!(host.device.speed(), Speed::Super);
    let errors = SetupPacket {
        request_type: RequestType::new(Direction::In, RequestKind::Class, Recipient::Other),
        request: GET_PORT_ERR_COUNT,
        value: 0,
        index: 4,
        length: 2,
    };
    assert_eq!(host.get(errors), Ok(vec![0, 0]));
    assert_eq!(host.get(SetupPacket { index: 5, ..errors }), Err(Failure::Stall));
    // USB 3.2 10.16.2.8: hubs are five deep at most.
    assert_eq!(host.set(SetupPacket::set_hub_depth(5), &[]), Err(Failure::Stall));
    assert_eq!(set(&mut host, 2, PortFeature::SUSPEND), Err(Failure::Stall), "a feature of USB 2");
    assert_eq!(set(&mut host, 5, PortFeature::RESET), Err(Failure::Stall));
    assert_eq!(Hub::super_speed(16).err(), Some(HubError::PortCount(16)));
}

#[test]
fn only_what_speaks_on_its_bus_fits() {
    let mut host = configured();
    assert_eq!(attach(&mut host, 2, Speed::High), Err(HubError::Speed(Speed::High)));
    assert_eq!(attach(&mut host, 2, Speed::Super), Ok(()));
    assert_eq!(attach(&mut host, 2, Speed::Super), Err(HubError::Occupied(2)));
    assert_eq!(attach(&mut host, 9, Speed::Super), Err(HubError::NoPort { port: 9, ports: 4 }));
    let now = host.now;
    assert_eq!(
        Hub::new().attach(now, HubPort(1), gadget(1, Speed::Super)),
        Err(HubError::Speed(Speed::Super))
    );
}

#[test]
fn the_life_of_a_port() {
    let mut host = configured();
    let mut text = String::new();
    let host = &mut host;
    told(host, &mut text, "plugged in", 2, |host| attach(host, 2, Speed::Super).unwrap());
    told(host, &mut text, "hot reset", 3, |host| set(host, 2, PortFeature::RESET).unwrap());
    told(host, &mut text, "U3", 1, |host| link(host, LinkState::U3));
    told(host, &mut text, "U0", 2, |host| link(host, LinkState::U0));
    told(host, &mut text, "warm reset", 101, |host| set(host, 2, PortFeature::BH_RESET).unwrap());
    told(host, &mut text, "disabled", 1, |host| link(host, LinkState::DISABLED));
    told(host, &mut text, "hot reset", 3, |host| set(host, 2, PortFeature::RESET).unwrap());
    told(host, &mut text, "Rx.Detect", 2, |host| link(host, LinkState::RX_DETECT));
    told(host, &mut text, "power off", 1, |host| clear(host, 2, PortFeature::POWER));
    told(host, &mut text, "power on", 2, |host| set(host, 2, PortFeature::POWER).unwrap());
    writeln!(text, "device       {}", log(host, 2).join(", ")).unwrap();
    told(host, &mut text, "pulled out", 1, |host| {
        host.device.detach(host.now, HubPort(2));
    });
    expect![[r#"
        plugged in   link 7 power
            2 ms      link 0 power connection enable C_connection
        hot reset    link 9 power connection reset
            3 ms      link 0 power connection enable C_reset
        U3           link 3 power connection enable
            1 ms      link 3 power connection enable
        U0           link 8 power connection enable
            2 ms      link 0 power connection enable C_link_state
        warm reset   link 5 power connection reset
          101 ms      link 0 power connection enable C_reset C_bh_reset
        disabled     link 4 power
            1 ms      link 4 power
        hot reset    link 4 power
            3 ms      link 4 power
        Rx.Detect    link 7 power
            2 ms      link 0 power connection enable C_connection
        power off    link 4
            1 ms      link 4
        power on     link 7 power
            2 ms      link 0 power connection enable C_connection
        device       reset at 1018 us, reset at 4033 us, suspend at 5049 us, resume at 7065 us, reset at 108081 us, reset at 114129 us, reset at 117161 us
        pulled out   link 5 power C_connection
            1 ms      link 5 power C_connection
    "#]].assert_eq(&text);
}

#[test]
fn packets_pass_an_enabled_port_and_changes_are_told() {
    let mut host = configured();
    assert_eq!(host.data_in(CHANGES, 0), Err(Failure::Nak));
    attach(&mut host, 2, Speed::Super).unwrap();
    host.wait(Duration::from_millis(2));
    assert_eq!(host.data_in(CHANGES, 0), Ok(vec![1 << 2]));
    host.route = Route::new(2);
    host.enumerate(7).unwrap();
    assert_eq!(host.data_in(CHANGES, 0), Ok(vec![2]), "the device behind it");
    host.route = Route::ROOT;
    host.address = HUB;
    link(&mut host, LinkState::U3);
    host.route = Route::new(2);
    host.address = DeviceAddress(7);
    assert_eq!(host.data_in(CHANGES, 1), Err(Failure::Silence), "suspended");
}
