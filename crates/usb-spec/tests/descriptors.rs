//! Descriptors byte by byte, and a configuration put together and taken apart.

use usb_spec::descriptor::{
    ClassCode, Configuration, ConfigurationAttributes, ConfigurationBuilder, ConfigurationHeader,
    DescriptorList, DescriptorType, Device, DeviceCapability, DeviceQualifier, Endpoint, Interface,
    InterfaceAssociation, MaxPacketSize, ParseError, SuperSpeedCompanion, bos, languages, parse_bos,
    parse_string, string,
};
use usb_spec::hub::{HubDescriptor, PortChange, PortStatus};
use usb_spec::setup::standard::LANGUAGE_EN_US;
use usb_spec::{EndpointAddress, Speed, SyncType, TransferType, UsageType};

const OUT: EndpointAddress = EndpointAddress(0x01);
const IN: EndpointAddress = EndpointAddress(0x81);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}

// req: UAC-01
#[test]
fn device_and_qualifier() {
    let device = Device {
        usb: 0x0200,
        class: ClassCode::MISCELLANEOUS_IAD,
        max_packet_size_0: 64,
        vendor: 0x1234,
        product: 0x5678,
        release: 0x0102,
        manufacturer_string: 1,
        product_string: 2,
        serial_string: 3,
        configurations: 1,
    };
    let bytes = device.to_bytes();
    assert_eq!(hex(&bytes), "12 01 00 02 EF 02 01 40 34 12 78 56 02 01 01 02 03 01");
    assert_eq!(Device::parse(&bytes), Ok(device));
    assert_eq!(Device::parse(&bytes[..8]), Err(ParseError::TooShort { what: "device", length: 8 }));

    let qualifier = device.qualifier();
    assert_eq!(hex(&qualifier.to_bytes()), "0A 06 00 02 EF 02 01 40 01 00");
    assert_eq!(DeviceQualifier::parse(&qualifier.to_bytes()), Ok(qualifier));
    let error = Device::parse(&qualifier.to_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "device descriptor expected, DEVICE_QUALIFIER found");
}

// req: UAC-04, UAC-05, UAC-16, UAC-17
#[test]
fn endpoints() {
    let (async_, adaptive) = (SyncType::Asynchronous, SyncType::Adaptive);
    let size = MaxPacketSize::new(196, 0);
    #[rustfmt::skip]
    let table = [
        ("bulk, high speed",  Endpoint::new(IN, TransferType::Bulk, MaxPacketSize::new(512, 0), 0),                "07 05 81 02 00 02 00"),
        ("isoch 3 × 1024",    Endpoint::isochronous(IN, async_, UsageType::Data, MaxPacketSize::new(1024, 2), 1),  "07 05 81 05 00 14 01"),
        ("implicit feedback", Endpoint::isochronous(IN, async_, UsageType::ImplicitFeedbackData, size, 4),         "07 05 81 25 C4 00 04"),
        ("feedback, audio 2", Endpoint::isochronous(IN, SyncType::None, UsageType::Feedback, MaxPacketSize(4), 4), "07 05 81 11 04 00 04"),
        ("data, audio 1",     Endpoint::isochronous(OUT, async_, UsageType::Data, size, 1).with_audio(0, IN),      "09 05 01 05 C4 00 01 00 81"),
        ("adaptive, audio 1", Endpoint::isochronous(OUT, adaptive, UsageType::Data, size, 1).with_audio(0, EndpointAddress(0)),
                                                                                                                   "09 05 01 09 C4 00 01 00 00"),
        ("feedback, audio 1", Endpoint::isochronous(IN, SyncType::None, UsageType::Data, MaxPacketSize(3), 1).with_audio(5, EndpointAddress(0)),
                                                                                                                   "09 05 81 01 03 00 01 05 00"),
    ];
    for (name, endpoint, vector) in table {
        assert_eq!(hex(&endpoint.to_bytes()), vector, "{name}");
        assert_eq!(Endpoint::parse(&endpoint.to_bytes()), Ok(endpoint), "{name}");
    }
    let wide = MaxPacketSize(0x1400);
    assert_eq!((wide.bytes(), wide.additional_transactions(), wide.bytes_per_microframe()), (1024, 2, 3072));
}

#[test]
fn strings() {
    let text = string("Hé𝄞");
    assert_eq!(hex(&text), "0A 03 48 00 E9 00 34 D8 1E DD");
    assert_eq!(parse_string(&text).unwrap(), "Hé𝄞");
    assert_eq!(hex(&languages(&[LANGUAGE_EN_US])), "04 03 09 04");
    assert_eq!(string(&"x".repeat(300)).len(), 254);
    assert_eq!(parse_string(&[5, 3, 0x48, 0, 0x49]).unwrap(), "H");
    assert_eq!(parse_string(&[4, 3, 0x00, 0xDC]).unwrap(), "\u{FFFD}");
    assert_eq!(parse_string(&[2, 3]).unwrap(), "");
}

#[test]
fn binary_object_store() {
    let capabilities = [
        DeviceCapability::Usb2Extension { attributes: 2 },
        DeviceCapability::SuperSpeed {
            attributes: 0,
            speeds: 0x0E,
            functionality: 1,
            u1_exit_latency_us: 10,
            u2_exit_latency_us: 0x1FF,
        },
    ];
    let bytes = bos(&capabilities);
    assert_eq!(hex(&bytes), "05 0F 16 00 02 07 10 02 02 00 00 00 0A 10 03 00 0E 00 01 0A FF 01");
    assert_eq!(parse_bos(&bytes).unwrap(), capabilities);
    let unknown = DeviceCapability::Other { capability: 4, data: vec![1, 2] };
    assert_eq!(parse_bos(&bos(std::slice::from_ref(&unknown))), Ok(vec![unknown]));
    assert!(parse_bos(&bytes[..bytes.len() - 1]).is_err());
}

#[test]
fn hub() {
    let hub = HubDescriptor {
        ports: 8,
        characteristics: 0x00E9,
        power_on_to_power_good: 50,
        controller_current_ma: 100,
        fixed_ports: vec![1, 8],
    };
    let bytes = hub.to_bytes();
    assert_eq!(hex(&bytes), "0B 29 08 E9 00 32 64 02 01 FF FF");
    assert_eq!(HubDescriptor::parse(&bytes), Ok(hub.clone()));
    assert_eq!(hub.tt_think_time(), 3);
    assert_eq!(HubDescriptor { ports: 7, fixed_ports: vec![7], ..hub }.to_bytes().len(), 9);

    let status = PortStatus::new().with_connection(true).with_enable(true).with_power(true);
    assert_eq!((status.into_bits(), status.speed()), (0x0103, Speed::Full));
    assert_eq!(status.with_low_speed(true).into_bits(), 0x0303);
    assert_eq!(status.with_high_speed(true).into_bits(), 0x0503);
    assert_eq!(status.with_high_speed(true).speed(), Speed::High);
    assert_eq!(PortStatus::new().with_indicator(true).with_reset(true).into_bits(), 0x1010);
    assert_eq!(PortChange::new().with_connection(true).with_reset(true).into_bits(), 0x0011);
}

/// Two interfaces; the second has two alternate settings, with class-specific descriptors at all places.
fn builder() -> ConfigurationBuilder {
    let association = InterfaceAssociation {
        first_interface: 0,
        interface_count: 2,
        function: ClassCode::new(1, 0, 0x20),
        string: 0,
    };
    let companion = SuperSpeedCompanion { max_burst: 2, attributes: 1, bytes_per_interval: 0x0C00 };
    ConfigurationBuilder::new(1)
        .attributes(ConfigurationAttributes { self_powered: true, remote_wakeup: true })
        .max_power(25)
        .string(4)
        .association(&association)
        .interface(0, 0, ClassCode::new(1, 1, 0x20))
        .raw(&[4, 0x24, 0x01, 0xAA])
        .raw(&[3, 0x24, 0x02])
        .interface(1, 0, ClassCode::new(1, 2, 0x20))
        .interface_with(Interface { number: 1, alternate: 1, string: 5, ..Interface::default() })
        .endpoint(Endpoint::new(OUT, TransferType::Bulk, MaxPacketSize(1024), 0))
        .companion(companion)
        .raw(&[3, 0x25, 0x01])
        .endpoint(Endpoint::new(IN, TransferType::Interrupt, MaxPacketSize(8), 4))
}

// req: UAC-01, UAC-02, UAC-32
#[test]
fn a_configuration_is_counted() {
    let bytes = builder().build();
    assert_eq!(hex(&bytes[..9]), "09 02 4A 00 02 01 04 E0 19");
    assert_eq!(bytes.len(), 0x4A);
    assert_eq!(hex(&bytes[9..26]), "08 0B 00 02 01 00 20 00 09 04 00 00 00 01 01 20 00");
    let other = builder().build_other_speed();
    assert_eq!((other[1], &other[2..]), (7, &bytes[2..]));
    assert_eq!(Configuration::parse(&other), Configuration::parse(&bytes));
}

// req: UAC-02
#[test]
fn a_configuration_is_taken_apart() {
    let bytes = builder().build();
    let configuration = Configuration::parse(&bytes).unwrap();
    let interfaces: Vec<_> = configuration.interfaces.iter().map(|i| (i.number, i.settings.len())).collect();
    assert_eq!(interfaces, [(0, 1), (1, 2)]);
    assert_eq!(configuration.associations[0].interface_count, 2);

    let control = configuration.setting(0, 0).unwrap();
    let subtypes: Vec<_> = control.class_specific().map(|raw| raw.unwrap().subtype()).collect();
    assert_eq!(subtypes, [Some(1), Some(2)]);
    assert_eq!(configuration.setting(1, 0).unwrap().endpoints, []);

    let streaming = configuration.setting(1, 1).unwrap();
    assert_eq!(streaming.descriptor.endpoints, 2);
    let out = streaming.endpoint(OUT).unwrap();
    assert_eq!(out.companion.unwrap().bytes_per_interval, 0x0C00);
    assert_eq!(out.class_specific, [3, 0x25, 1]);
    let interrupt = streaming.endpoint(IN).unwrap();
    assert_eq!((interrupt.companion, interrupt.class_specific.as_slice()), (None, [].as_slice()));
    assert_eq!((configuration.setting(1, 2), configuration.interface(2)), (None, None));
}

#[test]
fn what_is_wrong_with_a_configuration_is_said() {
    let header = ConfigurationHeader { total_length: 16, value: 1, ..ConfigurationHeader::default() };
    let with = |rest: &[u8]| Configuration::parse(&[header.to_bytes().as_slice(), rest].concat());
    let endpoint = [7, 5, 0x81, 2, 0, 2, 0];

    let orphan = ParseError::Orphan { offset: 9, found: DescriptorType::ENDPOINT };
    assert_eq!(with(&endpoint), Err(orphan));
    assert_eq!(orphan.to_string(), "ENDPOINT at offset 9 belongs to nothing");
    assert_eq!(with(&[0, 4]), Err(ParseError::BadLength { offset: 9, length: 0 }));
    assert_eq!(with(&[1]), Err(ParseError::BadLength { offset: 9, length: 1 }));
    assert_eq!(with(&[9, 4, 0]), Err(ParseError::BadLength { offset: 9, length: 9 }));
    assert_eq!(with(&[3, 4, 0]), Err(ParseError::TooShort { what: "interface", length: 3 }));
    assert!(with(&[3, 9, 0x80]).is_ok(), "a descriptor of OTG before the first interface");
    let beyond = [[9, 0xFF, 0, 0, 0, 0, 0, 0, 0].as_slice(), &endpoint].concat();
    assert!(
        with(&beyond[2..]).is_err()
            && with(&[&[7, 0xFF, 0, 0, 0, 0, 0], endpoint.as_slice()].concat()).is_ok()
    );
    assert_eq!(Configuration::parse(&[]), Err(ParseError::TooShort { what: "configuration", length: 0 }));
}

#[test]
fn a_list_ends_after_its_first_error() {
    let mut list = DescriptorList::new(&[2, 0x24, 1, 0x24, 2, 0x25]);
    assert_eq!(list.next().unwrap().unwrap().descriptor_type(), DescriptorType::CS_INTERFACE);
    assert_eq!(list.next(), Some(Err(ParseError::BadLength { offset: 2, length: 1 })));
    assert_eq!(list.next(), None);
}
