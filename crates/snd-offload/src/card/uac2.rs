//! Streams of Audio 2.0.

use super::Rates;
use super::clock::ClockTree;
use super::setting::{self, StreamSetting};
use crate::error::CardError;
use usb_spec::Speed;
use usb_spec::audio::STREAMING_2;
use usb_spec::audio::uac2::{Entity, FORMAT_PCM, FormatTypeI, General};
use usb_spec::descriptor::{AlternateSetting, Configuration, InterfaceSettings};

pub(super) fn settings(
    configuration: &Configuration,
    control: &InterfaceSettings,
    speed: Speed,
) -> Result<Vec<StreamSetting>, CardError> {
    let mut entities = Vec::new();
    for raw in control.settings.iter().flat_map(AlternateSetting::class_specific) {
        entities.push(Entity::parse(raw?)?);
    }
    let clocks = ClockTree::new(entities);
    let alternates = configuration.interfaces.iter().flat_map(|interface| &interface.settings);
    let streaming = alternates.filter(|setting| setting.descriptor.class == STREAMING_2);
    streaming.filter_map(|setting| stream(setting, &clocks, speed).transpose()).collect()
}

/// The stream of a setting; `None` if it carries no PCM, as alternate setting 0, or has no clock.
fn stream(
    alternate: &AlternateSetting,
    clocks: &ClockTree,
    speed: Speed,
) -> Result<Option<StreamSetting>, CardError> {
    let Some((data, feedback)) = setting::endpoints(alternate, speed) else { return Ok(None) };
    let mut general = None;
    let mut format = None;
    for raw in alternate.class_specific() {
        let raw = raw?;
        match raw.subtype() {
            Some(1) => general = Some(General::parse(raw.bytes)?),
            Some(2) => format = Some(FormatTypeI::parse(raw.bytes)?),
            _ => {}
        }
    }
    let (Some(general), Some(format)) = (general, format) else { return Ok(None) };
    let Some(clock) = clocks.source_of(general.terminal_link) else { return Ok(None) };
    if general.formats & FORMAT_PCM == 0 {
        return Ok(None);
    }
    Ok(Some(StreamSetting {
        direction: setting::direction(&data),
        interface: alternate.descriptor.number,
        alternate: alternate.descriptor.alternate,
        channels: general.channels,
        bits: format.bit_resolution,
        subslot_bytes: format.subslot_size,
        rates: Rates::Clock(clock.id),
        clock: Some(clock),
        data,
        feedback,
    }))
}
