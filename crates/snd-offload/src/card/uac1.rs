//! Streams of Audio 1.0.

use super::Rates;
use super::setting::{self, StreamSetting};
use crate::error::CardError;
use usb_spec::Speed;
use usb_spec::audio::STREAMING_1;
use usb_spec::audio::uac1::{DataEndpoint, FORMAT_PCM, FormatTypeI, General, SamplingFrequencies};
use usb_spec::audio::uac2::Range;
use usb_spec::descriptor::{AlternateSetting, Configuration, InterfaceSettings};

pub(super) fn settings(
    configuration: &Configuration,
    _control: &InterfaceSettings,
    speed: Speed,
) -> Result<Vec<StreamSetting>, CardError> {
    let alternates = configuration.interfaces.iter().flat_map(|interface| &interface.settings);
    let streaming = alternates.filter(|setting| setting.descriptor.class == STREAMING_1);
    streaming.filter_map(|setting| stream(setting, speed).transpose()).collect()
}

/// The stream of a setting; `None` if it carries no PCM, as alternate setting 0.
fn stream(alternate: &AlternateSetting, speed: Speed) -> Result<Option<StreamSetting>, CardError> {
    let Some((mut data, feedback)) = setting::endpoints(alternate, speed) else { return Ok(None) };
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
    if general.format_tag != FORMAT_PCM {
        return Ok(None);
    }
    data.sets_sampling_frequency = sets_sampling_frequency(alternate)?;
    Ok(Some(StreamSetting {
        direction: setting::direction(&data),
        interface: alternate.descriptor.number,
        alternate: alternate.descriptor.alternate,
        channels: format.channels,
        bits: format.bit_resolution,
        subslot_bytes: format.subframe_size,
        rates: match format.frequencies {
            SamplingFrequencies::Discrete(rates) => Rates::Discrete(rates),
            SamplingFrequencies::Continuous(min, max) => {
                Rates::Ranges(vec![Range { min, max, resolution: 1 }])
            }
        },
        clock: None,
        data,
        feedback,
    }))
}

fn sets_sampling_frequency(alternate: &AlternateSetting) -> Result<bool, CardError> {
    for endpoint in &alternate.endpoints {
        for raw in endpoint.class_specific() {
            let raw = raw?;
            if raw.subtype() == Some(1) {
                let attributes = DataEndpoint::parse(raw.bytes)?.attributes;
                return Ok(attributes & DataEndpoint::SAMPLING_FREQUENCY != 0);
            }
        }
    }
    Ok(false)
}
