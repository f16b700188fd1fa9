//! Descriptors of a hostile device: parsers end, and keep no more than they were given.

use proptest::collection::vec;
use proptest::prelude::*;
use usb_spec::audio::uac2::Layout;
use usb_spec::audio::{uac1, uac2};
use usb_spec::descriptor::{
    ClassCode, Configuration, ConfigurationBuilder, DescriptorList, Device, DeviceQualifier, Endpoint,
    MaxPacketSize, parse_bos, parse_string,
};
use usb_spec::hub::HubDescriptor;
use usb_spec::{EndpointAddress, TransferType};

/// Runs every parser over the bytes; what is read of a configuration cannot be more than its bytes.
fn parse_everything(bytes: &[u8]) {
    if let Ok(configuration) = Configuration::parse(bytes) {
        let settings = configuration.interfaces.iter().flat_map(|interface| &interface.settings);
        let kept: usize = settings
            .map(|setting| {
                let endpoints = setting.endpoints.iter().map(|endpoint| 7 + endpoint.class_specific.len());
                9 + setting.class_specific.len() + endpoints.sum::<usize>()
            })
            .sum();
        let whole = bytes.len().min(usize::from(configuration.header.total_length));
        assert!(8 * configuration.associations.len() + kept <= whole.saturating_sub(9));
    }
    for raw in DescriptorList::new(bytes).map_while(Result::ok) {
        assert!(raw.bytes.len() >= 2 && raw.offset + raw.bytes.len() <= bytes.len());
        let whole = raw.bytes;
        if let Ok(uac1::Entity::FeatureUnit(unit)) = uac1::Entity::parse(raw) {
            assert!(unit.controls.len() <= whole.len());
        }
        if let Ok(entity) = uac2::Entity::parse(raw) {
            assert!(entity.to_bytes().len() <= whole.len());
        }
        if let Ok(hub) = HubDescriptor::parse(whole) {
            assert!(hub.fixed_ports.len() <= usize::from(hub.ports));
        }
    }
    let accepted = [
        Device::parse(bytes).is_ok(),
        DeviceQualifier::parse(bytes).is_ok(),
        Endpoint::parse(bytes).is_ok(),
        uac1::General::parse(bytes).is_ok(),
        uac1::FormatTypeI::parse(bytes).is_ok(),
        uac1::DataEndpoint::parse(bytes).is_ok(),
        uac2::General::parse(bytes).is_ok(),
        uac2::FormatTypeI::parse(bytes).is_ok(),
        uac2::DataEndpoint::parse(bytes).is_ok(),
        parse_string(bytes).is_ok(),
        parse_bos(bytes).is_ok(),
    ];
    assert!(bytes.len() >= 2 || accepted.iter().all(|accepted| !accepted));
    assert!(uac2::Range::parse_reply(bytes, Layout::Bytes4).len() * 12 <= bytes.len());
}

fn audio_configuration() -> Vec<u8> {
    let unit = uac1::FeatureUnit { id: 2, source: 1, control_size: 2, controls: vec![1, 2, 2], string: 0 };
    let clock = uac2::ClockSelector { id: 9, sources: vec![1, 2], controls: 1, string: 0 };
    let format = uac1::FormatTypeI {
        channels: 2,
        subframe_size: 2,
        bit_resolution: 16,
        frequencies: uac1::SamplingFrequencies::Discrete(vec![44_100, 48_000]),
    };
    ConfigurationBuilder::new(1)
        .interface(0, 0, ClassCode::new(1, 1, 0))
        .raw(&uac1::control_interface(&[1], &[uac1::Entity::FeatureUnit(unit)]))
        .raw(&uac2::Entity::ClockSelector(clock).to_bytes())
        .interface(1, 0, ClassCode::new(1, 2, 0))
        .interface(1, 1, ClassCode::new(1, 2, 0))
        .raw(&uac1::General { terminal_link: 1, delay: 1, format_tag: 1 }.to_bytes())
        .raw(&format.to_bytes())
        .endpoint(Endpoint::new(EndpointAddress(1), TransferType::Isochronous, MaxPacketSize(196), 1))
        .raw(&uac1::DataEndpoint::default().to_bytes())
        .build()
}

/// As a configuration: with its nine bytes in front, and all that follows inside `wTotalLength`.
fn as_configuration(body: &[u8]) -> Vec<u8> {
    [&[9, 2, 0xFF, 0xFF, 1, 1, 0, 0x80, 50], body].concat()
}

// req: UAC-01
#[test]
fn every_prefix_and_every_single_wrong_byte() {
    let good = audio_configuration();
    assert!(Configuration::parse(&good).is_ok());
    for end in 0..good.len() {
        parse_everything(&good[..end]);
        for wrong in [0, 1, 2, 0x7F, 0xFF] {
            let mut bytes = good.clone();
            bytes[end] = wrong;
            parse_everything(&bytes);
            parse_everything(&bytes[end..]);
        }
    }
}

#[test]
fn the_largest_configurations_are_read() {
    let interface = |number, alternate| [9, 4, number, alternate, 0, 1, 2, 0, 0];
    let many: Vec<u8> = (0..7_000u32)
        .flat_map(|n| interface((n % 256).to_le_bytes()[0], (n / 256).to_le_bytes()[0]))
        .collect();
    let configuration = Configuration::parse(&as_configuration(&many)).unwrap();
    assert_eq!(configuration.interfaces.len(), 256);
    assert_eq!(configuration.interfaces.iter().map(|i| i.settings.len()).sum::<usize>(), 7_000);
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..300)) {
        parse_everything(&bytes);
        parse_everything(&as_configuration(&bytes));
    }

    #[test]
    fn any_descriptors(
        descriptors in vec((prop::sample::select(vec![1u8, 2, 4, 5, 6, 0x0B, 0x0F, 0x24, 0x25, 0x29, 0x30]),
                            vec(prop_oneof![0u8..16, any::<u8>()], 0..20)), 0..20),
    ) {
        let list: Vec<u8> = descriptors
            .into_iter()
            .flat_map(|(kind, body)| [&[u8::try_from(body.len() + 2).unwrap(), kind], body.as_slice()].concat())
            .collect();
        parse_everything(&list);
        parse_everything(&as_configuration(&list));
    }
}
