//! One alternate setting of a streaming interface.

use super::Rates;
use crate::StreamDirection;
use usb_spec::audio::uac2::ClockSource;
use usb_spec::audio::{FeedbackFormat, PcmFormat};
use usb_spec::descriptor::{AlternateSetting, SettingEndpoint};
use usb_spec::{Direction, EndpointAddress, Speed, SyncType, TransferType, UsageType};

/// What one alternate setting of a streaming interface carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamSetting {
    /// Which way the audio goes.
    pub direction: StreamDirection,
    /// `bInterfaceNumber`.
    pub interface: u8,
    /// `bAlternateSetting`.
    pub alternate: u8,
    /// Samples of an audio frame.
    pub channels: u8,
    /// Bits of a sample.
    pub bits: u8,
    /// Bytes of a sample.
    pub subslot_bytes: u8,
    /// Rates it runs at.
    pub rates: Rates,
    /// The clock source of the stream, Audio 2.0 only.
    pub clock: Option<ClockSource>,
    /// The endpoint of the audio.
    pub data: DataEndpoint,
    /// The endpoint that says how fast the device takes audio.
    pub feedback: Option<FeedbackEndpoint>,
}

/// The endpoint that carries audio.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DataEndpoint {
    /// `bEndpointAddress`.
    pub address: EndpointAddress,
    /// Whose clock it runs on.
    pub sync: SyncType,
    /// Service interval in microframes; 8 are 1 ms.
    pub interval_microframes: u32,
    /// Bytes of a packet at most.
    pub max_packet_size: u16,
    /// Packets of a burst less one; SuperSpeed only.
    pub max_burst: u8,
    /// Bytes of a service interval at most.
    pub max_payload: u32,
    /// Whether the sampling frequency is set at the endpoint, Audio 1.0 only.
    pub sets_sampling_frequency: bool,
}

/// An explicit feedback endpoint (USB 2.0 5.12.4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeedbackEndpoint {
    /// `bEndpointAddress`.
    pub address: EndpointAddress,
    /// Service interval in microframes.
    pub interval_microframes: u32,
    /// How its values are coded.
    pub format: FeedbackFormat,
}

impl StreamSetting {
    /// The format of this setting at a rate.
    pub fn at(&self, rate_hz: u32) -> PcmFormat {
        PcmFormat { rate_hz, channels: self.channels, bits: self.bits, subslot_bytes: self.subslot_bytes }
    }

    /// The formats that can be listed: one for each rate; of a range its ends.
    pub fn formats(&self) -> Vec<PcmFormat> {
        self.rates.listed().into_iter().map(|rate_hz| self.at(rate_hz)).collect()
    }

    /// Whether audio of `format` can be carried as it is.
    pub fn carries(&self, format: PcmFormat) -> bool {
        // A packet that holds less than the rate asks for would lose frames.
        let packet = format.packet_bytes_max(self.data.interval_microframes, false);
        self.at(format.rate_hz) == format
            && self.rates.contains(format.rate_hz)
            && packet <= self.data.max_payload as usize
    }
}

/// The isochronous endpoints of a setting: the one of the data, and the one of the feedback.
pub(super) fn endpoints(
    setting: &AlternateSetting,
    speed: Speed,
) -> Option<(DataEndpoint, Option<FeedbackEndpoint>)> {
    let data = setting.endpoints.iter().find(|endpoint| is_data(endpoint))?;
    // UAC-17, UAC-18: Audio 1.0 names it in bSynchAddress, Audio 2.0 says so in the usage bits.
    let named =
        data.descriptor.audio.map(|audio| audio.synch_address).filter(|address| address.number() != 0);
    let feedback = setting.endpoints.iter().find(|endpoint| {
        let descriptor = &endpoint.descriptor;
        descriptor.transfer_type == TransferType::Isochronous
            && descriptor.address.is_in()
            && descriptor.address != data.descriptor.address
            && (descriptor.usage == UsageType::Feedback || Some(descriptor.address) == named)
    });
    Some((data_endpoint(data, speed), feedback.map(|endpoint| feedback_endpoint(endpoint, speed))))
}

pub(super) fn direction(data: &DataEndpoint) -> StreamDirection {
    match data.address.direction() {
        Direction::Out => StreamDirection::Playback,
        Direction::In => StreamDirection::Capture,
    }
}

fn is_data(endpoint: &SettingEndpoint) -> bool {
    let descriptor = &endpoint.descriptor;
    descriptor.transfer_type == TransferType::Isochronous && descriptor.usage != UsageType::Feedback
}

fn data_endpoint(endpoint: &SettingEndpoint, speed: Speed) -> DataEndpoint {
    let descriptor = &endpoint.descriptor;
    let size = descriptor.max_packet_size;
    let (max_burst, max_payload) = match endpoint.companion {
        Some(companion) if speed.is_super() => (companion.max_burst, u32::from(companion.bytes_per_interval)),
        _ => (0, if speed == Speed::High { size.bytes_per_microframe() } else { u32::from(size.bytes()) }),
    };
    DataEndpoint {
        address: descriptor.address,
        sync: descriptor.sync,
        interval_microframes: interval_microframes(descriptor.interval, speed),
        max_packet_size: size.bytes(),
        max_burst,
        max_payload,
        sets_sampling_frequency: false,
    }
}

fn feedback_endpoint(endpoint: &SettingEndpoint, speed: Speed) -> FeedbackEndpoint {
    let descriptor = &endpoint.descriptor;
    FeedbackEndpoint {
        address: descriptor.address,
        interval_microframes: interval_microframes(descriptor.interval, speed),
        format: FeedbackFormat::of_speed(speed),
    }
}

/// USB 2.0 9.6.6: an isochronous endpoint is served every 2^(bInterval-1) frames or microframes.
fn interval_microframes(interval: u8, speed: Speed) -> u32 {
    let units = 1 << (interval.clamp(1, 16) - 1);
    if speed.has_microframes() { units } else { units * 8 }
}
