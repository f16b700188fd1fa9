//! Chapter 9: what every device does.

use crate::host::{Failure, Host};
use sim_time::Instant;
use usb_devices::{Descriptors, Function, OtherSpeed, Peripheral, Reply, RequestError};
use usb_spec::descriptor::{
    ClassCode, ConfigurationAttributes, ConfigurationBuilder, DescriptorType, Device, Endpoint,
    MaxPacketSize, parse_string,
};
use usb_spec::setup::standard::{DEVICE_REMOTE_WAKEUP, TEST_MODE};
use usb_spec::{
    Direction, EndpointAddress, Recipient, RequestKind, RequestType, SetupPacket, Speed, TransferType,
};
use xhci_model::{Device as _, DeviceAddress, Handshake, InReply, StreamId, Token};

const BULK_OUT: EndpointAddress = EndpointAddress(0x01);
const BULK_IN: EndpointAddress = EndpointAddress(0x81);

/// What is sent to its bulk endpoint comes back from the other; vendor requests write and read a notebook.
#[derive(Default)]
struct Loopback {
    packets: Vec<Vec<u8>>,
    notebook: Vec<u8>,
    log: Vec<String>,
    busy: bool,
}

impl Function for Loopback {
    fn speed(&self) -> Speed {
        Speed::High
    }
    fn descriptors(&self) -> Descriptors {
        let device = Device { usb: 0x0200, max_packet_size_0: 64, configurations: 1, ..Device::default() };
        let bulk = |address, size| Endpoint::new(address, TransferType::Bulk, MaxPacketSize::new(size, 0), 0);
        let configuration = |size| {
            ConfigurationBuilder::new(7)
                .attributes(ConfigurationAttributes { self_powered: false, remote_wakeup: true })
                .interface(0, 0, ClassCode::VENDOR)
                .interface(0, 1, ClassCode::VENDOR)
                .endpoint(bulk(BULK_OUT, size))
                .endpoint(bulk(BULK_IN, size))
        };
        Descriptors {
            device,
            configuration: configuration(512),
            other_speed: Some(OtherSpeed { qualifier: device.qualifier(), configuration: configuration(64) }),
            strings: &["Loopback", "\u{1F3A7} two units"],
            capabilities: Vec::new(),
        }
    }
    fn bus_reset(&mut self, _now: Instant) {
        self.log.push("reset".into());
    }
    fn set_configuration(&mut self, _now: Instant, configured: bool) {
        self.log.push(format!("configured {configured}"));
    }
    fn set_interface(&mut self, _now: Instant, interface: u8, alternate: u8) {
        self.log.push(format!("interface {interface} alternate {alternate}"));
    }
    fn control_in(
        &mut self,
        _now: Instant,
        _: &SetupPacket,
        reply: &mut [u8],
    ) -> Result<usize, RequestError> {
        reply[..self.notebook.len()].copy_from_slice(&self.notebook);
        Ok(self.notebook.len())
    }
    fn control_out(&mut self, _now: Instant, setup: &SetupPacket, data: &[u8]) -> Result<(), RequestError> {
        if setup.request != 1 {
            return Err(RequestError);
        }
        self.notebook = data.to_vec();
        Ok(())
    }
    fn packet_out(&mut self, _now: Instant, _endpoint: u8, data: &[u8]) -> Handshake {
        if self.busy {
            return Handshake::Nak;
        }
        self.packets.push(data.to_vec());
        Handshake::Ack
    }
    fn packet_in(&mut self, _now: Instant, _endpoint: u8, buffer: &mut [u8]) -> Reply {
        if self.packets.is_empty() {
            return Reply::Nak;
        }
        let packet = self.packets.remove(0);
        buffer[..packet.len()].copy_from_slice(&packet);
        Reply::Data(packet.len())
    }
    fn suspend(&mut self, _now: Instant) {
        self.log.push("suspend".into());
    }
    fn resume(&mut self, _now: Instant) {
        self.log.push("resume".into());
    }
}

fn configured() -> Host<Peripheral<Loopback>> {
    let mut host = Host::configured(Peripheral::new(Loopback::default()));
    host.set(SetupPacket::set_interface(0, 1), &[]).unwrap();
    host
}
fn vendor(direction: Direction, request: u8, length: u16) -> SetupPacket {
    let request_type = RequestType::new(direction, RequestKind::Vendor, Recipient::Device);
    SetupPacket { request_type, request, value: 0, index: 0, length }
}

// req: UAC-01
#[test]
fn an_address_takes_effect_after_the_status_stage() {
    let mut host = Host::new(Peripheral::new(Loopback::default()));
    host.setup(SetupPacket::set_address(9)).unwrap();
    assert_eq!(host.device.address(), DeviceAddress::DEFAULT);
    host.data_in(EndpointAddress(0x80), 1).unwrap();
    assert_eq!(host.device.address(), DeviceAddress(9));
    // The host may have missed the packet, and asks again where it asked before.
    assert_eq!(host.data_in(EndpointAddress(0x80), 1), Ok(vec![]));
    let setup = SetupPacket::get_descriptor(DescriptorType::DEVICE, 0, 18);
    assert_eq!(host.get(setup), Err(Failure::Silence));
    assert_eq!(host.data_in(EndpointAddress(0x80), 1), Err(Failure::Silence), "no longer");
    host.address = DeviceAddress(9);
    assert_eq!(host.get(setup).unwrap().len(), 18);
    host.device.bus_reset(host.now);
    assert_eq!(host.get(setup), Err(Failure::Silence));
}

// req: UAC-01
#[test]
fn descriptors_come_at_both_speeds() {
    let mut host = Host::new(Peripheral::new(Loopback::default()));
    let here = host.configuration(DescriptorType::CONFIGURATION).unwrap();
    let there = host.configuration(DescriptorType::OTHER_SPEED_CONFIGURATION).unwrap();
    let size = |configuration: &usb_spec::descriptor::Configuration| {
        configuration.setting(0, 1).unwrap().endpoint(BULK_IN).unwrap().descriptor.max_packet_size.bytes()
    };
    assert_eq!((size(&here), size(&there)), (512, 64));
    let qualifier = host.get(SetupPacket::get_descriptor(DescriptorType::DEVICE_QUALIFIER, 0, 10)).unwrap();
    assert_eq!(qualifier, [10, 6, 0x00, 0x02, 0, 0, 0, 64, 1, 0]);
    for (absent, index) in
        [(DescriptorType::BOS, 0), (DescriptorType::CONFIGURATION, 1), (DescriptorType(0xEE), 0)]
    {
        assert_eq!(
            host.get(SetupPacket::get_descriptor(absent, index, 255)),
            Err(Failure::Stall),
            "{absent}"
        );
    }
}

// req: UAC-52
#[test]
fn strings() {
    let mut host = Host::new(Peripheral::new(Loopback::default()));
    let mut get = |index, language, length| host.get(SetupPacket::get_string(index, language, length));
    assert_eq!(get(0, 0, 255), Ok(vec![4, 3, 0x09, 0x04]));
    assert_eq!(parse_string(&get(1, 0x0409, 255).unwrap()).unwrap(), "Loopback");
    assert_eq!(parse_string(&get(2, 0x0409, 255).unwrap()).unwrap(), "\u{1F3A7} two units");
    assert_eq!(get(1, 0x0409, 2), Ok(vec![18, 3]));
    assert_eq!(get(3, 0x0409, 255), Err(Failure::Stall));
    assert_eq!(get(1, 0x0407, 255), Err(Failure::Stall));
}

// req: UAC-01
#[test]
fn data_stages_of_every_length() {
    let mut host = configured();
    for length in [0, 1, 63, 64, 65, 127, 128, 200, 512] {
        let written: Vec<u8> = (0..=255).cycle().take(length).collect();
        let length = u16::try_from(length).unwrap();
        host.set(vendor(Direction::Out, 1, length), &written).unwrap();
        // As much as there is, less, and more: then the end is a short or empty packet.
        for asked in [length, length / 2, length + 1, length + 64] {
            let read = host.get(vendor(Direction::In, 2, asked)).unwrap();
            assert_eq!(read, written[..usize::from(asked.min(length))], "{asked} of {length}");
        }
    }
    assert_eq!(host.set(vendor(Direction::Out, 1, 600), &[0; 600]), Err(Failure::Stall), "no room for it");
}

// req: UAC-01
#[test]
fn a_refused_request_stalls_until_the_next_setup() {
    let mut host = configured();
    host.setup(vendor(Direction::Out, 9, 0)).unwrap();
    for _ in 0..3 {
        assert_eq!(host.data_in(EndpointAddress(0x80), 1), Err(Failure::Stall));
        assert_eq!(host.data_out(EndpointAddress(0), 1, &[]), Err(Failure::Stall));
    }
    host.set(vendor(Direction::Out, 1, 0), &[]).unwrap();
}

// req: XFR-06
#[test]
fn a_repeated_data_packet_is_acknowledged_and_dropped() {
    let mut host = configured();
    host.setup(vendor(Direction::Out, 1, 65)).unwrap();
    host.data_out(EndpointAddress(0), 1, &[1; 64]).unwrap();
    host.data_out(EndpointAddress(0), 1, &[1; 64]).unwrap();
    host.data_out(EndpointAddress(0), 0, &[2]).unwrap();
    host.data_out(EndpointAddress(0), 0, &[2]).unwrap();
    host.data_in(EndpointAddress(0x80), 1).unwrap();
    assert_eq!(host.device.function().notebook.len(), 65);
    // To the host: the first packet is asked for twice.
    host.setup(vendor(Direction::In, 2, 65)).unwrap();
    assert_eq!(host.data_in(EndpointAddress(0x80), 1).unwrap(), [1; 64]);
    assert_eq!(host.data_in(EndpointAddress(0x80), 1).unwrap(), [1; 64]);
    assert_eq!(host.data_in(EndpointAddress(0x80), 0).unwrap(), [2]);
    assert_eq!(host.data_in(EndpointAddress(0x80), 1), Err(Failure::Stall), "there is no more");
}

#[test]
fn data_stages_that_break_the_rules_stall() {
    let mut host = configured();
    host.setup(vendor(Direction::Out, 1, 10)).unwrap();
    assert_eq!(host.data_out(EndpointAddress(0), 1, &[0; 11]), Err(Failure::Stall), "more than wLength");
    host.setup(vendor(Direction::Out, 1, 10)).unwrap();
    assert_eq!(host.data_out(EndpointAddress(0), 1, &[0; 9]), Err(Failure::Stall), "ends early");
    host.setup(vendor(Direction::Out, 1, 10)).unwrap();
    assert_eq!(host.data_in(EndpointAddress(0x80), 1), Err(Failure::Stall), "status before data");
    host.setup(vendor(Direction::In, 2, 10)).unwrap();
    assert_eq!(host.data_out(EndpointAddress(0), 1, &[0; 3]), Err(Failure::Stall), "status with data");
}

// req: UAC-01, UAC-03
#[test]
fn configurations_and_alternate_settings() {
    let mut host = Host::new(Peripheral::new(Loopback::default()));
    let early = [SetupPacket::set_interface(0, 1), SetupPacket::set_configuration(7)];
    for setup in early {
        assert_eq!(host.set(setup, &[]), Err(Failure::Stall), "the address comes first");
    }
    host.enumerate(5).unwrap();
    assert_eq!(host.get(SetupPacket::get_configuration()), Ok(vec![7]));
    assert_eq!(host.get(SetupPacket::get_interface(0)), Ok(vec![0]));
    assert_eq!(host.data_out(BULK_OUT, 0, &[1]), Err(Failure::Silence), "alternate 0 has no endpoints");
    host.set(SetupPacket::set_interface(0, 1), &[]).unwrap();
    assert_eq!(host.get(SetupPacket::get_interface(0)), Ok(vec![1]));
    assert_eq!(host.device.alternate(0), Some(1));
    host.data_out(BULK_OUT, 0, &[1]).unwrap();
    // The same setting again: toggles start over.
    host.set(SetupPacket::set_interface(0, 1), &[]).unwrap();
    host.data_out(BULK_OUT, 0, &[2]).unwrap();
    assert_eq!(host.device.function().packets, [[1], [2]]);
    for setup in [
        SetupPacket::set_interface(0, 2),
        SetupPacket::set_interface(1, 0),
        SetupPacket::set_configuration(6),
        SetupPacket::set_address(8),
    ] {
        assert_eq!(host.set(setup, &[]), Err(Failure::Stall), "{setup:?}");
    }
    host.set(SetupPacket::set_configuration(0), &[]).unwrap();
    assert_eq!(host.get(SetupPacket::get_interface(0)), Err(Failure::Stall));
    let log = &host.device.function().log;
    let expected = [
        "configured false",
        "reset",
        "configured true",
        "interface 0 alternate 1",
        "interface 0 alternate 1",
        "configured false",
    ];
    assert_eq!(*log, expected);
}

// req: XFR-06
#[test]
fn out_toggles() {
    let mut host = configured();
    host.data_out(BULK_OUT, 0, &[1]).unwrap();
    host.data_out(BULK_OUT, 0, &[1]).unwrap();
    host.data_out(BULK_OUT, 1, &[2]).unwrap();
    host.device.function_mut().busy = true;
    assert_eq!(host.data_out(BULK_OUT, 0, &[3]), Err(Failure::Nak));
    host.device.function_mut().busy = false;
    host.data_out(BULK_OUT, 0, &[3]).unwrap();
    assert_eq!(host.device.function().packets, [[1], [2], [3]]);
    assert_eq!(host.data_out(BULK_OUT, 1, &[0; 513]), Err(Failure::Silence), "no packet of this endpoint");
}

// req: XFR-06
#[test]
fn in_packets_are_repeated_until_the_host_has_them() {
    let mut host = configured();
    host.device.function_mut().packets = vec![vec![1], vec![2], vec![3]];
    assert_eq!(host.data_in(BULK_IN, 0).unwrap(), [1]);
    assert_eq!(host.data_in(BULK_IN, 0).unwrap(), [1]);
    assert_eq!(host.data_in(BULK_IN, 1).unwrap(), [2]);
    assert_eq!(host.data_in(BULK_IN, 0).unwrap(), [3]);
    assert_eq!(host.data_in(BULK_IN, 1), Err(Failure::Nak));
    assert_eq!(host.data_in(BULK_IN, 1), Err(Failure::Nak));
    host.device.function_mut().packets.push(vec![4]);
    assert_eq!(host.data_in(BULK_IN, 1).unwrap(), [4]);
}

// req: XFR-06, UAC-01
#[test]
fn halts() {
    let mut host = configured();
    let status = SetupPacket::get_endpoint_status;
    host.data_out(BULK_OUT, 0, &[1]).unwrap();
    assert_eq!(host.get(status(BULK_OUT)), Ok(vec![0, 0]));
    host.set(SetupPacket::set_endpoint_halt(BULK_OUT), &[]).unwrap();
    assert_eq!(host.get(status(BULK_OUT)), Ok(vec![1, 0]));
    assert_eq!(host.data_out(BULK_OUT, 1, &[2]), Err(Failure::Stall));
    assert_eq!(host.data_in(BULK_IN, 0).unwrap(), [1], "the other direction is another endpoint");
    host.set(SetupPacket::clear_endpoint_halt(BULK_OUT), &[]).unwrap();
    host.data_out(BULK_OUT, 0, &[3]).unwrap();
    // Not halted: clearing starts the toggle over all the same.
    host.set(SetupPacket::clear_endpoint_halt(BULK_OUT), &[]).unwrap();
    host.data_out(BULK_OUT, 0, &[4]).unwrap();
    assert_eq!(host.device.function().packets, [[3], [4]]);
    let absent = EndpointAddress(0x02);
    assert_eq!(host.set(SetupPacket::set_endpoint_halt(absent), &[]), Err(Failure::Stall));
    assert_eq!(host.get(status(absent)), Err(Failure::Stall));
}

// req: UAC-01
#[test]
fn device_features() {
    let mut host = configured();
    host.set(SetupPacket::set_device_feature(DEVICE_REMOTE_WAKEUP), &[]).unwrap();
    assert_eq!(host.get(SetupPacket::get_device_status()), Ok(vec![2, 0]));
    host.set(SetupPacket::clear_device_feature(DEVICE_REMOTE_WAKEUP), &[]).unwrap();
    assert_eq!(host.get(SetupPacket::get_device_status()), Ok(vec![0, 0]));
    let mut test_packet = SetupPacket::set_device_feature(TEST_MODE);
    assert_eq!(host.set(test_packet, &[]), Err(Failure::Stall), "no test 0");
    test_packet.index = 4 << 8;
    host.set(test_packet, &[]).unwrap();
    assert_eq!(host.get(SetupPacket::get_device_status()), Err(Failure::Silence));
}

#[test]
fn a_suspended_device_hears_nothing() {
    let mut host = configured();
    host.device.suspend(host.now);
    assert_eq!(host.get(SetupPacket::get_configuration()), Err(Failure::Silence));
    assert_eq!(host.data_out(BULK_OUT, 0, &[1]), Err(Failure::Silence));
    host.device.resume(host.now);
    host.data_out(BULK_OUT, 0, &[1]).unwrap();
    assert!(host.device.function().log.ends_with(&["suspend".into(), "resume".into()]));
}

#[test]
fn tokens_for_others_are_not_heard() {
    let mut host = configured();
    host.address = DeviceAddress(6);
    assert_eq!(host.get(SetupPacket::get_configuration()), Err(Failure::Silence));
    assert_eq!(host.data_in(BULK_IN, 0), Err(Failure::Silence));
    assert_eq!(host.data_out(BULK_OUT, 0, &[1]), Err(Failure::Silence));
}

#[test]
fn a_small_buffer_shows_a_babbling_device() {
    let mut host = configured();
    host.device.function_mut().packets = vec![vec![5; 100]];
    let token = Token { address: host.address, endpoint: 1, sequence: 0, stream: StreamId::NONE };
    let mut buffer = [0; 64];
    let reply = host.device.in_packet(host.now, token, &mut buffer);
    assert_eq!(reply, InReply::Data { length: 100, sequence: 0 });
    assert_eq!(buffer, [5; 64]);
}
