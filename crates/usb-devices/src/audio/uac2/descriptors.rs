//! The descriptors (UAC2 4), at high and full speed.

use super::controls::{
    CAPTURE_INPUT, CAPTURE_OUTPUT, CAPTURE_UNIT, CLOCK, PLAYBACK_INPUT, PLAYBACK_OUTPUT, PLAYBACK_UNIT,
};
use super::{
    CAPTURE_INTERFACE, CONTROL_INTERFACE, FEEDBACK_ENDPOINT, OFFERS, PLAYBACK_INTERFACE, StreamOffer,
    data_microframes,
};
use crate::{Descriptors, OtherSpeed};
use usb_spec::audio::uac2::{
    Access, CONTROL_FREQUENCY, CONTROL_MUTE, CONTROL_VALIDITY, CONTROL_VOLUME, ClockAttributes, ClockSource,
    DataEndpoint, Entity, FORMAT_PCM, FeatureUnit, FormatTypeI, General, InputTerminal, OutputTerminal,
    control_interface,
};
use usb_spec::audio::{CONTROL_2, FUNCTION_2, FeedbackFormat, STREAMING_2, TerminalType};
use usb_spec::descriptor::{
    ClassCode, ConfigurationBuilder, Device, Endpoint, InterfaceAssociation, MaxPacketSize,
};
use usb_spec::{Speed, SyncType, UsageType};

/// `bCategory`: headset (UAC2 A.7).
const CATEGORY_HEADSET: u8 = 0x04;
/// Front left and front right.
const STEREO: u32 = 0b11;

/// What the headset answers as a device that runs at `speed`.
pub(super) fn all(speed: Speed) -> Descriptors {
    let device = Device {
        usb: 0x0200,
        class: ClassCode::MISCELLANEOUS_IAD,
        max_packet_size_0: 64,
        vendor: crate::VENDOR,
        product: 0x0001,
        release: 0x0100,
        manufacturer_string: 1,
        product_string: 2,
        serial_string: 3,
        configurations: 1,
    };
    let other = if speed == Speed::High { Speed::Full } else { Speed::High };
    Descriptors {
        device,
        configuration: configuration(speed),
        other_speed: Some(OtherSpeed { qualifier: device.qualifier(), configuration: configuration(other) }),
        strings: &["pid.codes", "Headset", "1"],
        capabilities: Vec::new(),
    }
}

fn configuration(speed: Speed) -> ConfigurationBuilder {
    let association = InterfaceAssociation {
        first_interface: CONTROL_INTERFACE,
        interface_count: 3,
        function: FUNCTION_2,
        string: 0,
    };
    let mut builder = ConfigurationBuilder::new(1)
        .association(&association)
        .interface(CONTROL_INTERFACE, 0, CONTROL_2)
        .raw(&control_interface(CATEGORY_HEADSET, 0, &entities()));
    for interface in [PLAYBACK_INTERFACE, CAPTURE_INTERFACE] {
        builder = builder.interface(interface, 0, STREAMING_2);
        for offer in OFFERS.iter().filter(|offer| offer.interface == interface) {
            builder = add_stream(builder, speed, offer);
        }
    }
    builder
}

fn entities() -> [Entity; 7] {
    let rate = Access::ReadWrite.bits(CONTROL_FREQUENCY) | Access::ReadOnly.bits(CONTROL_VALIDITY);
    let clock = ClockSource {
        id: CLOCK,
        attributes: ClockAttributes::InternalProgrammable,
        synchronized_to_sof: false,
        controls: rate.to_le_bytes()[0],
        associated_terminal: 0,
        string: 0,
    };
    [
        Entity::ClockSource(clock),
        input(PLAYBACK_INPUT, TerminalType::USB_STREAMING),
        unit(PLAYBACK_UNIT, PLAYBACK_INPUT),
        output(PLAYBACK_OUTPUT, TerminalType::HEADPHONES, PLAYBACK_UNIT),
        input(CAPTURE_INPUT, TerminalType::MICROPHONE),
        unit(CAPTURE_UNIT, CAPTURE_INPUT),
        output(CAPTURE_OUTPUT, TerminalType::USB_STREAMING, CAPTURE_UNIT),
    ]
}
fn input(id: u8, terminal_type: TerminalType) -> Entity {
    let stereo = InputTerminal { channels: 2, channel_config: STEREO, ..Default::default() };
    Entity::InputTerminal(InputTerminal { id, terminal_type, clock: CLOCK, ..stereo })
}
fn unit(id: u8, source: u8) -> Entity {
    let master = Access::ReadWrite.bits(CONTROL_MUTE) | Access::ReadWrite.bits(CONTROL_VOLUME);
    Entity::FeatureUnit(FeatureUnit { id, source, controls: vec![master, 0, 0], string: 0 })
}
fn output(id: u8, terminal_type: TerminalType, source: u8) -> Entity {
    Entity::OutputTerminal(OutputTerminal { id, terminal_type, source, clock: CLOCK, ..Default::default() })
}

/// Adds an alternate setting that carries data, and feedback if it plays.
fn add_stream(builder: ConfigurationBuilder, speed: Speed, offer: &StreamOffer) -> ConfigurationBuilder {
    let plays = !offer.endpoint.is_in();
    let general = General {
        terminal_link: if plays { PLAYBACK_INPUT } else { CAPTURE_OUTPUT },
        formats: FORMAT_PCM,
        channels: offer.channels,
        channel_config: if offer.channels == 2 { STEREO } else { 0 },
        ..Default::default()
    };
    let format = offer.at(0);
    let coding = FormatTypeI { subslot_size: format.subslot_bytes, bit_resolution: format.bits };
    let size = MaxPacketSize::new(offer.max_packet(data_microframes(speed)), 0);
    let data = Endpoint::isochronous(offer.endpoint, SyncType::Asynchronous, UsageType::Data, size, 1);
    let builder = builder
        .interface(offer.interface, offer.alternate, STREAMING_2)
        .raw(&general.to_bytes())
        .raw(&coding.to_bytes())
        .endpoint(data)
        .raw(&DataEndpoint::default().to_bytes());
    if plays { builder.endpoint(feedback(speed)) } else { builder }
}

/// The feedback endpoint: asked every millisecond, which is bInterval 4 at high speed and 1 at full speed.
fn feedback(speed: Speed) -> Endpoint {
    let (bytes, interval) = match FeedbackFormat::of_speed(speed) {
        FeedbackFormat::Q16_16 => (4, 4),
        FeedbackFormat::Q10_14 => (3, 1),
    };
    let size = MaxPacketSize::new(bytes, 0);
    Endpoint::isochronous(FEEDBACK_ENDPOINT, SyncType::None, UsageType::Feedback, size, interval)
}
