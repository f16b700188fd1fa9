//! Audio class descriptors byte by byte, both ways.

use usb_spec::audio::{TerminalType, uac1, uac2};
use usb_spec::descriptor::{DescriptorList, ParseError};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}

/// One descriptor in each line.
fn lines(descriptors: &[u8]) -> String {
    let line = |raw: Result<usb_spec::descriptor::RawDescriptor<'_>, _>| hex(raw.unwrap().bytes);
    DescriptorList::new(descriptors).map(line).collect::<Vec<_>>().join("\n")
}

// req: UAC-22, UAC-23, UAC-24, UAC-25
#[test]
fn audio_1_control_interface() {
    let entities = [
        uac1::Entity::InputTerminal(uac1::InputTerminal {
            id: 1,
            terminal_type: TerminalType::USB_STREAMING,
            channels: 2,
            channel_config: 3,
            ..Default::default()
        }),
        uac1::Entity::FeatureUnit(uac1::FeatureUnit {
            id: 2,
            source: 1,
            control_size: 1,
            controls: vec![uac1::CONTROL_MUTE, uac1::CONTROL_VOLUME, uac1::CONTROL_VOLUME],
            string: 0,
        }),
        uac1::Entity::OutputTerminal(uac1::OutputTerminal {
            id: 3,
            terminal_type: TerminalType::SPEAKER,
            source: 2,
            ..Default::default()
        }),
        uac1::Entity::Other(vec![4, 0x24, 0x04, 9]),
    ];
    let bytes = uac1::control_interface(&[1, 2], &entities);
    assert_eq!(
        lines(&bytes),
        "\
0A 24 01 00 01 2D 00 02 01 02
0C 24 02 01 01 01 00 02 03 00 00 00
0A 24 06 02 01 01 01 02 02 00
09 24 03 03 01 03 00 02 00
04 24 04 09"
    );
    assert_eq!(bytes.len(), 0x2D);
    let read: Vec<_> =
        DescriptorList::new(&bytes).map(|raw| uac1::Entity::parse(raw.unwrap()).unwrap()).collect();
    let header = uac1::Header { adc: 0x0100, total_length: 0x2D, streaming_interfaces: vec![1, 2] };
    assert_eq!(read[0], uac1::Entity::Header(header));
    assert_eq!(read[1..], entities);
    assert_eq!(uac1::control_interface(&[1, 2], &read), bytes, "the header is made anew");
}

// req: UAC-25
#[test]
fn audio_1_feature_unit_with_wide_controls() {
    let parse = |bytes: &[u8]| uac1::Entity::parse(DescriptorList::new(bytes).next().unwrap().unwrap());
    let wide = uac1::Entity::FeatureUnit(uac1::FeatureUnit {
        id: 5,
        source: 4,
        control_size: 2,
        controls: vec![0x0201, 0x8003],
        string: 7,
    });
    assert_eq!(hex(&wide.to_bytes()), "0B 24 06 05 04 02 01 02 03 80 07");
    assert_eq!(parse(&wide.to_bytes()), Ok(wide));
    let error = parse(&[7, 0x24, 6, 5, 4, 0, 7]).unwrap_err();
    assert_eq!(error.to_string(), "feature unit descriptor: bControlSize 0");
}

// req: UAC-26, UAC-27, UAC-28
#[test]
fn audio_1_streaming_interface() {
    let general = uac1::General { terminal_link: 1, delay: 1, format_tag: uac1::FORMAT_PCM };
    assert_eq!(hex(&general.to_bytes()), "07 24 01 01 01 01 00");
    assert_eq!(uac1::General::parse(&general.to_bytes()), Ok(general));

    let discrete = uac1::FormatTypeI {
        channels: 2,
        subframe_size: 2,
        bit_resolution: 16,
        frequencies: uac1::SamplingFrequencies::Discrete(vec![44_100, 48_000]),
    };
    assert_eq!(hex(&discrete.to_bytes()), "0E 24 02 01 02 02 10 02 44 AC 00 80 BB 00");
    assert_eq!(uac1::FormatTypeI::parse(&discrete.to_bytes()), Ok(discrete.clone()));
    assert!(discrete.supports(44_100) && !discrete.supports(44_101));

    let continuous = uac1::FormatTypeI {
        frequencies: uac1::SamplingFrequencies::Continuous(8_000, 48_000),
        ..discrete.clone()
    };
    assert_eq!(hex(&continuous.to_bytes()), "0E 24 02 01 02 02 10 00 40 1F 00 80 BB 00");
    assert_eq!(uac1::FormatTypeI::parse(&continuous.to_bytes()), Ok(continuous.clone()));
    assert!(continuous.supports(44_101) && !continuous.supports(48_001));

    let mut short = discrete.to_bytes();
    short[7] = 3;
    assert_eq!(
        uac1::FormatTypeI::parse(&short),
        Err(ParseError::TooShort { what: "format type I", length: 14 })
    );

    let endpoint = uac1::DataEndpoint {
        attributes: uac1::DataEndpoint::SAMPLING_FREQUENCY,
        lock_delay_units: 2,
        lock_delay: 0x0102,
    };
    assert_eq!(hex(&endpoint.to_bytes()), "07 25 01 01 02 02 01");
    assert_eq!(uac1::DataEndpoint::parse(&endpoint.to_bytes()), Ok(endpoint));
}

// req: UAC-33, UAC-34, UAC-35, UAC-36, UAC-37, UAC-38, UAC-39
#[test]
fn audio_2_control_interface() {
    let read_write = |index| uac2::Access::ReadWrite.bits(index);
    let mute_and_volume = read_write(uac2::CONTROL_MUTE) | read_write(uac2::CONTROL_VOLUME);
    let entities = [
        uac2::Entity::ClockSource(uac2::ClockSource {
            id: 0x10,
            attributes: uac2::ClockAttributes::InternalProgrammable,
            synchronized_to_sof: true,
            controls: 7,
            associated_terminal: 0,
            string: 0,
        }),
        uac2::Entity::ClockSelector(uac2::ClockSelector {
            id: 0x11,
            sources: vec![0x10, 0x12],
            controls: 3,
            string: 0,
        }),
        uac2::Entity::ClockMultiplier(uac2::ClockMultiplier {
            id: 0x13,
            source: 0x10,
            controls: 5,
            string: 0,
        }),
        uac2::Entity::InputTerminal(uac2::InputTerminal {
            id: 1,
            terminal_type: TerminalType::USB_STREAMING,
            clock: 0x10,
            channels: 2,
            channel_config: 3,
            controls: 0x0102,
            ..Default::default()
        }),
        uac2::Entity::FeatureUnit(uac2::FeatureUnit {
            id: 2,
            source: 1,
            controls: vec![mute_and_volume, 0xC, 0x8000_000C],
            string: 0,
        }),
        uac2::Entity::OutputTerminal(uac2::OutputTerminal {
            id: 3,
            terminal_type: TerminalType::SPEAKER,
            source: 2,
            clock: 0x10,
            ..Default::default()
        }),
    ];
    let bytes = uac2::control_interface(8, 1, &entities);
    assert_eq!(
        lines(&bytes),
        "\
09 24 01 00 02 08 50 00 01
08 24 0A 10 07 07 00 00
09 24 0B 11 02 10 12 03 00
07 24 0C 13 10 05 00
11 24 02 01 01 01 00 10 02 03 00 00 00 00 02 01 00
12 24 06 02 01 0F 00 00 00 0C 00 00 00 0C 00 00 80 00
0C 24 03 03 01 03 00 02 10 00 00 00"
    );
    assert_eq!(bytes.len(), 0x50);
    let read: Vec<_> =
        DescriptorList::new(&bytes).map(|raw| uac2::Entity::parse(raw.unwrap()).unwrap()).collect();
    assert_eq!(read[1..], entities);
    assert_eq!(uac2::control_interface(8, 1, &read), bytes, "the header is made anew");
    assert_eq!(uac2::Access::of(mute_and_volume, uac2::CONTROL_VOLUME), uac2::Access::ReadWrite);
    assert_eq!(uac2::Access::of(mute_and_volume, 2), uac2::Access::None);
    assert_eq!(uac2::Access::of(7, uac2::CONTROL_VALIDITY), uac2::Access::ReadOnly);
}

// req: UAC-40, UAC-41, UAC-42
#[test]
fn audio_2_streaming_interface() {
    let general = uac2::General {
        terminal_link: 1,
        controls: 5,
        formats: uac2::FORMAT_PCM,
        channels: 2,
        channel_config: 3,
        channel_names_string: 0,
    };
    assert_eq!(hex(&general.to_bytes()), "10 24 01 01 05 01 01 00 00 00 02 03 00 00 00 00");
    assert_eq!(uac2::General::parse(&general.to_bytes()), Ok(general));

    let format = uac2::FormatTypeI { subslot_size: 4, bit_resolution: 24 };
    assert_eq!(hex(&format.to_bytes()), "06 24 02 01 04 18");
    assert_eq!(uac2::FormatTypeI::parse(&format.to_bytes()), Ok(format));
    let wrong_type = ParseError::BadField { what: "format type I", field: "bFormatType", value: 2 };
    assert_eq!(uac2::FormatTypeI::parse(&[6, 0x24, 2, 2, 4, 24]), Err(wrong_type));
    let wrong_subtype = ParseError::WrongSubtype { what: "format type I", found: 1 };
    assert_eq!(uac2::FormatTypeI::parse(&general.to_bytes()), Err(wrong_subtype));

    let endpoint =
        uac2::DataEndpoint { attributes: 0x80, controls: 1, lock_delay_units: 1, lock_delay: 0x0203 };
    assert_eq!(hex(&endpoint.to_bytes()), "08 25 01 80 01 01 03 02");
    assert_eq!(uac2::DataEndpoint::parse(&endpoint.to_bytes()), Ok(endpoint));
}

// req: UAC-43, UAC-45
#[test]
fn audio_2_ranges() {
    use uac2::{Layout, Range};
    let rates = [Range::single(44_100), Range::single(48_000)];
    let reply = Range::reply(&rates, Layout::Bytes4);
    assert_eq!(hex(&reply), "02 00 44 AC 00 00 44 AC 00 00 00 00 00 00 80 BB 00 00 80 BB 00 00 00 00 00 00");
    assert_eq!(Range::parse_reply(&reply, Layout::Bytes4), rates);
    assert_eq!(Range::parse_reply(&reply[..14], Layout::Bytes4), rates[..1], "a reply cut by wLength");
    assert_eq!(Range::parse_reply(&[1], Layout::Bytes4), []);

    let volume = [Range { min: 0x8100, max: 0x0000, resolution: 0x0100 }];
    let reply = Range::reply(&volume, Layout::Bytes2);
    assert_eq!(hex(&reply), "01 00 00 81 00 00 00 01");
    assert_eq!(Range::parse_reply(&reply, Layout::Bytes2), volume);

    let steps = Range { min: 8_000, max: 48_000, resolution: 4_000 };
    assert!(steps.contains(12_000) && !steps.contains(12_001) && !steps.contains(52_000));
    assert!(Range::single(44_100).contains(44_100) && !Range::single(44_100).contains(44_101));
}
