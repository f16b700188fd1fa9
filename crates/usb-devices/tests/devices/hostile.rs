//! Hosts that mean no good: whatever they send, devices answer.

use crate::host::{Failure, Host};
use usb_devices::audio::uac1::Speaker;
use usb_devices::audio::uac2::Headset;
use usb_devices::hub::HubPort;
use usb_devices::{Hub, Peripheral};
use usb_spec::descriptor::DescriptorType;
use usb_spec::{Direction, EndpointAddress, RequestType, SetupPacket};
use xhci_model::{Device, DeviceAddress, StreamId, Token};

const ADDRESS: u8 = 5;

fn hub() -> Hub {
    let mut hub = Hub::new();
    let behind = Box::new(Peripheral::new(Headset::new()));
    hub.attach(sim_time::Instant::ZERO, HubPort(1), behind).unwrap();
    hub
}

// req: UAC-01, UAC-30, UAC-43
#[test]
fn every_request_of_every_type_is_answered() {
    every_request("headset", Peripheral::new(Headset::new()));
    every_request("full-speed headset", Peripheral::new(Headset::full_speed()));
    every_request("speaker", Peripheral::new(Speaker::new()));
    every_request("hub", hub());
}

#[test]
fn every_token_is_answered_in_every_stage() {
    every_token("headset", Peripheral::new(Headset::new()));
    every_token("full-speed headset", Peripheral::new(Headset::full_speed()));
    every_token("speaker", Peripheral::new(Speaker::new()));
    every_token("hub", hub());
}

fn every_request(name: &str, device: impl Device) {
    let mut host = Host::new(device);
    host.enumerate(ADDRESS).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for (request_type, request) in (0..=255).flat_map(|t| (0..=255).map(move |r| (t, r))) {
        for (value, index, length) in [
            (0, 0, 0),
            (0, 0, 1),
            (1, 1, 2),
            (0x0100, 0x0100, 4),
            (0x0200, 0x0300, 2),
            (0x0101, 0x0001, 3),
            (0xFFFF, 0xFFFF, 8),
            (0x0200, 0x0081, 64),
        ] {
            let request_type = RequestType(request_type);
            match transfer(&mut host, SetupPacket { request_type, request, value, index, length }) {
                Ok(()) => taken += 1,
                Err(Failure::Stall) => refused += 1,
                Err(failure) => panic!("{name}: {request_type:?} {request}: {failure:?}"),
            }
            // It may have lost its configuration or its address by rights.
            if host.get(SetupPacket::get_configuration()) != Ok(vec![1]) {
                host.device.bus_reset(host.now);
                host.enumerate(ADDRESS).unwrap();
            }
        }
    }
    assert!(taken > 20 && refused > 100_000, "{name}: {taken} taken, {refused} refused");
}

/// A transfer of a request as it stands.
fn transfer(host: &mut Host<impl Device>, setup: SetupPacket) -> Result<(), Failure> {
    match setup.direction() {
        Direction::In => host.get(setup).map(drop),
        Direction::Out => host.set(setup, &[0xA5; 64][..setup.length.into()]),
    }
}

fn every_token(name: &str, device: impl Device) {
    let mut host = Host::new(device);
    host.enumerate(ADDRESS).unwrap();
    let setups = [
        SetupPacket::get_descriptor(DescriptorType::CONFIGURATION, 0, 500),
        SetupPacket::set_interface(1, 1),
        SetupPacket::set_address(ADDRESS),
        SetupPacket { length: 100, ..SetupPacket::set_interface(1, 0) },
    ];
    for setup in setups.into_iter().cycle().take(40) {
        host.setup(setup).unwrap();
        for (endpoint, sequence) in (0..=20).flat_map(|e| [0, 1, 2, 255].map(|s| (e, s))) {
            let token = Token { address: DeviceAddress(ADDRESS), endpoint, sequence, stream: StreamId::NONE };
            for length in [0, 1, 7, 64, 2000] {
                let mut data = [0x5A; 2000];
                host.device.out_packet(host.now, token, &data[..length]);
                host.device.in_packet(host.now, token, &mut data[..length]);
            }
        }
    }
    assert_eq!(host.get(SetupPacket::get_configuration()), Ok(vec![1]), "{name} is as it was");
    assert_eq!(host.data_in(EndpointAddress(0x8F), 0), Err(Failure::Silence));
}
