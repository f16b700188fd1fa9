//! The descriptors (UAC1 4).

use super::controls::{INPUT, OUTPUT, UNIT};
use super::{CONTROL_INTERFACE, DATA_ENDPOINT, MICROFRAMES, OFFERS, STREAMING_INTERFACE, StreamOffer};
use crate::Descriptors;
use usb_spec::audio::uac1::{
    CONTROL_MUTE, CONTROL_VOLUME, DataEndpoint, Entity, FORMAT_PCM, FeatureUnit, FormatTypeI, General,
    InputTerminal, OutputTerminal, SamplingFrequencies, control_interface,
};
use usb_spec::audio::{CONTROL_1, STREAMING_1, TerminalType};
use usb_spec::descriptor::{ClassCode, ConfigurationBuilder, Device, Endpoint, MaxPacketSize};
use usb_spec::{EndpointAddress, SyncType, UsageType};

/// What the speaker answers as a device.
pub(super) fn all() -> Descriptors {
    let device = Device {
        usb: 0x0110,
        class: ClassCode::PER_INTERFACE,
        max_packet_size_0: 64,
        vendor: crate::VENDOR,
        product: 0x0002,
        release: 0x0100,
        manufacturer_string: 1,
        product_string: 2,
        serial_string: 0,
        configurations: 1,
    };
    let configuration = ConfigurationBuilder::new(1)
        .interface(CONTROL_INTERFACE, 0, CONTROL_1)
        .raw(&control_interface(&[STREAMING_INTERFACE], &entities()))
        .interface(STREAMING_INTERFACE, 0, STREAMING_1);
    Descriptors {
        device,
        configuration: OFFERS.iter().fold(configuration, add_stream),
        other_speed: None,
        strings: &["pid.codes", "Speaker"],
        capabilities: Vec::new(),
    }
}

fn entities() -> [Entity; 3] {
    let input = InputTerminal {
        id: INPUT,
        terminal_type: TerminalType::USB_STREAMING,
        channels: 2,
        // Left front and right front.
        channel_config: 0b11,
        ..Default::default()
    };
    let master = CONTROL_MUTE | CONTROL_VOLUME;
    let unit =
        FeatureUnit { id: UNIT, source: INPUT, control_size: 1, controls: vec![master, 0, 0], string: 0 };
    let output = OutputTerminal {
        id: OUTPUT,
        terminal_type: TerminalType::SPEAKER,
        source: UNIT,
        ..Default::default()
    };
    [Entity::InputTerminal(input), Entity::FeatureUnit(unit), Entity::OutputTerminal(output)]
}

/// Adds an alternate setting that carries data.
fn add_stream(builder: ConfigurationBuilder, offer: &StreamOffer) -> ConfigurationBuilder {
    let general = General { terminal_link: INPUT, delay: 1, format_tag: FORMAT_PCM };
    let format = offer.at(0);
    let coding = FormatTypeI {
        channels: offer.channels,
        subframe_size: format.subslot_bytes,
        bit_resolution: format.bits,
        frequencies: SamplingFrequencies::Discrete(offer.rates_hz.to_vec()),
    };
    let size = MaxPacketSize::new(offer.max_packet(MICROFRAMES), 0);
    let data = Endpoint::isochronous(DATA_ENDPOINT, SyncType::Adaptive, UsageType::Data, size, 1);
    let control = DataEndpoint { attributes: DataEndpoint::SAMPLING_FREQUENCY, ..Default::default() };
    builder
        .interface(offer.interface, offer.alternate, STREAMING_1)
        .raw(&general.to_bytes())
        .raw(&coding.to_bytes())
        // No feedback endpoint: bSynchAddress 0.
        .endpoint(data.with_audio(0, EndpointAddress(0)))
        .raw(&control.to_bytes())
}
