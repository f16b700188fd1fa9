//! Setup packets byte by byte.

use usb_spec::descriptor::DescriptorType;
use usb_spec::hub::PortFeature;
use usb_spec::setup::audio::{
    Attribute, Control, Entity, MUTE_CONTROL, SAM_FREQ_CONTROL, SAMPLING_FREQ_CONTROL, VOLUME_CONTROL,
};
use usb_spec::setup::standard::{DEVICE_REMOTE_WAKEUP, LANGUAGE_EN_US};
use usb_spec::{Direction, EndpointAddress, Recipient, RequestKind, RequestType, SetupPacket, Speed};
use usb_spec::{SyncType, TransferType, UsageType};

fn check(table: &[(&str, SetupPacket, &str)]) {
    for &(name, packet, vector) in table {
        let hex: Vec<String> = packet.to_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(hex.join(" "), vector, "{name}");
        assert_eq!(SetupPacket::from_bytes(packet.to_bytes()), packet, "{name}");
    }
}

// req: UAC-01, UAC-03, UAC-52
#[test]
fn standard_requests() {
    let endpoint = EndpointAddress::new(2, Direction::In);
    #[rustfmt::skip]
    check(&[
        ("device descriptor",    SetupPacket::get_descriptor(DescriptorType::DEVICE, 0, 64),      "80 06 00 01 00 00 40 00"),
        ("configuration",        SetupPacket::get_descriptor(DescriptorType::CONFIGURATION, 1, 9),"80 06 01 02 00 00 09 00"),
        ("languages",            SetupPacket::get_descriptor(DescriptorType::STRING, 0, 255),     "80 06 00 03 00 00 FF 00"),
        ("string 2",             SetupPacket::get_descriptor(DescriptorType::STRING, 2, 255),     "80 06 02 03 09 04 FF 00"),
        ("string 2 by language", SetupPacket::get_string(2, LANGUAGE_EN_US, 255),                 "80 06 02 03 09 04 FF 00"),
        ("set address",          SetupPacket::set_address(0x15),                                  "00 05 15 00 00 00 00 00"),
        ("get configuration",    SetupPacket::get_configuration(),                                "80 08 00 00 00 00 01 00"),
        ("set configuration",    SetupPacket::set_configuration(1),                               "00 09 01 00 00 00 00 00"),
        ("get interface",        SetupPacket::get_interface(3),                                   "81 0A 00 00 03 00 01 00"),
        ("set interface",        SetupPacket::set_interface(3, 1),                                "01 0B 01 00 03 00 00 00"),
        ("device status",        SetupPacket::get_device_status(),                                "80 00 00 00 00 00 02 00"),
        ("endpoint status",      SetupPacket::get_endpoint_status(endpoint),                      "82 00 00 00 82 00 02 00"),
        ("clear halt",           SetupPacket::clear_endpoint_halt(endpoint),                      "02 01 00 00 82 00 00 00"),
        ("set halt",             SetupPacket::set_endpoint_halt(endpoint),                        "02 03 00 00 82 00 00 00"),
        ("remote wakeup on",     SetupPacket::set_device_feature(DEVICE_REMOTE_WAKEUP),           "00 03 01 00 00 00 00 00"),
        ("remote wakeup off",    SetupPacket::clear_device_feature(DEVICE_REMOTE_WAKEUP),         "00 01 01 00 00 00 00 00"),
    ]);
}

// req: UAC-29, UAC-30
#[test]
fn audio_1_requests() {
    let endpoint = EndpointAddress::new(1, Direction::Out);
    let unit = Entity { interface: 0, id: 2 };
    let mute = Control { selector: MUTE_CONTROL, channel: 0 };
    let volume = Control { selector: VOLUME_CONTROL, channel: 1 };
    #[rustfmt::skip]
    check(&[
        ("set rate",   SetupPacket::uac1_set_sampling_freq(endpoint),          "22 01 00 01 01 00 03 00"),
        ("get rate",   SetupPacket::uac1_get_sampling_freq(endpoint),          "A2 81 00 01 01 00 03 00"),
        ("set mute",   SetupPacket::uac1_set(Attribute::Cur, unit, mute, 1),   "21 01 00 01 00 02 01 00"),
        ("get mute",   SetupPacket::uac1_get(Attribute::Cur, unit, mute, 1),   "A1 81 00 01 00 02 01 00"),
        ("get min",    SetupPacket::uac1_get(Attribute::Min, unit, volume, 2), "A1 82 01 02 00 02 02 00"),
        ("get max",    SetupPacket::uac1_get(Attribute::Max, unit, volume, 2), "A1 83 01 02 00 02 02 00"),
        ("get res",    SetupPacket::uac1_get(Attribute::Res, unit, volume, 2), "A1 84 01 02 00 02 02 00"),
        ("set volume", SetupPacket::uac1_set(Attribute::Cur, unit, volume, 2), "21 01 01 02 00 02 02 00"),
    ]);
    assert_eq!(Attribute::from_request(0x84), Some(Attribute::Res));
    assert_eq!(Attribute::from_request(0x01), Some(Attribute::Cur));
    assert_eq!((Attribute::from_request(0x00), Attribute::from_request(0x85)), (None, None));
    let rate = SetupPacket::uac1_set_sampling_freq(endpoint);
    assert_eq!(rate.audio_control(), Control { selector: SAMPLING_FREQ_CONTROL, channel: 0 });
}

// req: UAC-43, UAC-45
#[test]
fn audio_2_requests() {
    let clock = Entity { interface: 0, id: 0x10 };
    let rate = Control { selector: SAM_FREQ_CONTROL, channel: 0 };
    let volume = Control { selector: VOLUME_CONTROL, channel: 2 };
    #[rustfmt::skip]
    check(&[
        ("set rate",     SetupPacket::uac2_set_cur(clock, rate, 4),     "21 01 00 01 00 10 04 00"),
        ("get rate",     SetupPacket::uac2_get_cur(clock, rate, 4),     "A1 01 00 01 00 10 04 00"),
        ("rates",        SetupPacket::uac2_get_range(clock, rate, 14),  "A1 02 00 01 00 10 0E 00"),
        ("volume range", SetupPacket::uac2_get_range(clock, volume, 8), "A1 02 02 02 00 10 08 00"),
    ]);
    let request = SetupPacket::uac2_get_range(clock, volume, 8);
    assert_eq!((request.audio_entity(), request.audio_control()), (clock, volume));
}

#[test]
fn hub_requests() {
    #[rustfmt::skip]
    check(&[
        ("hub descriptor", SetupPacket::get_hub_descriptor(71),                              "A0 06 00 29 00 00 47 00"),
        ("hub status",     SetupPacket::get_hub_status(),                                    "A0 00 00 00 00 00 04 00"),
        ("port status",    SetupPacket::get_port_status(2),                                  "A3 00 00 00 02 00 04 00"),
        ("power port",     SetupPacket::set_port_feature(2, PortFeature::POWER),             "23 03 08 00 02 00 00 00"),
        ("reset port",     SetupPacket::set_port_feature(2, PortFeature::RESET),             "23 03 04 00 02 00 00 00"),
        ("ack reset",      SetupPacket::clear_port_feature(2, PortFeature::C_RESET),         "23 01 14 00 02 00 00 00"),
    ]);
}

#[test]
fn request_types_say_who_and_where() {
    let request_type = RequestType(0xA3);
    assert_eq!(request_type.direction(), Direction::In);
    assert_eq!(request_type.kind(), RequestKind::Class);
    assert_eq!(request_type.recipient(), Recipient::Other);
    assert_eq!(format!("{request_type:?}"), "In Class Other");
    assert_eq!(RequestType(0x64).kind(), RequestKind::Reserved);
    assert_eq!(RequestType(0x64).recipient(), Recipient::Reserved);
    for bits in 0..=255 {
        let read = RequestType(bits);
        let known = read.recipient() != Recipient::Reserved;
        let built = RequestType::new(read.direction(), read.kind(), read.recipient());
        assert_eq!(built == read, known || bits & 0x1F == 31, "{bits:#04x}");
    }
}

// req: EXT-10, UAC-04
#[test]
fn speeds_and_attributes() {
    let speeds = [Speed::Full, Speed::Low, Speed::High, Speed::Super, Speed::SuperPlus];
    assert_eq!(speeds.map(Speed::psiv), [1, 2, 3, 4, 5]);
    assert!(speeds.iter().all(|speed| Speed::from_psiv(speed.psiv()) == Some(*speed)));
    assert_eq!(
        [0, 6, 7, 8].map(Speed::from_psiv),
        [None, Some(Speed::SuperPlus), Some(Speed::SuperPlus), None]
    );
    assert!(Speed::Low < Speed::Full && Speed::High < Speed::Super);
    for attributes in 0..64 {
        let read = (
            TransferType::from_attributes(attributes),
            SyncType::from_attributes(attributes),
            UsageType::from_attributes(attributes),
        );
        assert_eq!(read.0.attributes() | read.1.attributes() | read.2.attributes(), attributes);
    }
    assert_eq!(SyncType::from_attributes(0x05), SyncType::Asynchronous);
    assert_eq!(SyncType::from_attributes(0x09), SyncType::Adaptive);
    assert_eq!(UsageType::from_attributes(0x11), UsageType::Feedback);
    assert_eq!(UsageType::from_attributes(0x25), UsageType::ImplicitFeedbackData);
    let address = EndpointAddress::new(0x1F, Direction::In);
    assert_eq!((address.0, address.number(), address.to_string().as_str()), (0x8F, 15, "0x8f"));
}
