//! A sound card, as a class driver reads it from a device's descriptors.

mod clock;
mod control;
mod rates;
mod select;
mod setting;
mod uac1;
mod uac2;

pub use control::ControlPipe;
pub use rates::Rates;
pub use setting::{DataEndpoint, FeedbackEndpoint, StreamSetting};

use crate::error::{AudioError, CardError};
use crate::{StreamDirection, StreamDirection::Capture, StreamDirection::Playback};
use std::fmt;
use usb_spec::Speed;
use usb_spec::audio::{self, PcmFormat};
use usb_spec::descriptor::{Configuration, InterfaceSettings};

/// The versions of the audio class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClassVersion {
    /// Audio 1.0: a rate is set at the endpoint.
    Uac1,
    /// Audio 2.0: a rate is set at a clock source.
    Uac2,
}

/// A sound card: its streams, by alternate setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudioCard {
    version: ClassVersion,
    control_interface: u8,
    settings: Vec<StreamSetting>,
}

/// An alternate setting and the format to run it in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection {
    /// The alternate setting.
    pub setting: StreamSetting,
    /// The format.
    pub format: PcmFormat,
}

impl AudioCard {
    /// Reads a configuration. The rates of an Audio 2.0 clock are not in it: they are
    /// [`Rates::Clock`] until [`AudioCard::probe`] has asked the device.
    ///
    /// # Errors
    /// There is no audio control interface, a class-specific descriptor cannot be read, or no alternate setting
    /// carries PCM.
    pub fn parse(configuration: &Configuration, speed: Speed) -> Result<Self, CardError> {
        let (control, version) = control_interface(configuration).ok_or(CardError::NoControlInterface)?;
        let settings = match version {
            ClassVersion::Uac1 => uac1::settings(configuration, control, speed)?,
            ClassVersion::Uac2 => uac2::settings(configuration, control, speed)?,
        };
        if settings.is_empty() {
            return Err(CardError::NoStreams);
        }
        Ok(Self { version, control_interface: control.number, settings })
    }

    /// The version of the audio class.
    pub fn version(&self) -> ClassVersion {
        self.version
    }
    /// `bInterfaceNumber` of the audio control interface: the one a driver is probed on.
    pub fn control_interface(&self) -> u8 {
        self.control_interface
    }
    /// The alternate settings that carry PCM, in the order of the descriptors.
    pub fn settings(&self) -> &[StreamSetting] {
        &self.settings
    }
    /// The streaming interfaces, ascending: the ones a driver claims.
    pub fn streaming_interfaces(&self) -> Vec<u8> {
        let mut numbers: Vec<u8> = self.settings.iter().map(|setting| setting.interface).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The formats offered in one direction, in the order of the descriptors; of a continuous range its ends.
    pub fn supported_formats(&self, direction: StreamDirection) -> Vec<PcmFormat> {
        let settings = self.settings.iter().filter(|setting| setting.direction == direction);
        settings.flat_map(StreamSetting::formats).collect()
    }

    /// The alternate setting that carries `format`: the first one that does.
    ///
    /// # Errors
    /// [`AudioError::FormatNotOffered`], with what is.
    pub fn find(&self, direction: StreamDirection, format: PcmFormat) -> Result<Selection, AudioError> {
        let mut settings = self.settings.iter().filter(|setting| setting.direction == direction);
        match settings.find(|setting| setting.carries(format)) {
            Some(setting) => Ok(Selection { setting: setting.clone(), format }),
            None => Err(AudioError::FormatNotOffered {
                direction,
                wanted: format,
                offered: self.supported_formats(direction),
            }),
        }
    }
}

impl fmt::Display for AudioCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |direction| self.settings.iter().filter(|setting| setting.direction == direction).count();
        write!(f, "{:?}, {} playback and {} capture settings", self.version, count(Playback), count(Capture))
    }
}

fn control_interface(configuration: &Configuration) -> Option<(&InterfaceSettings, ClassVersion)> {
    configuration.interfaces.iter().find_map(|interface| {
        let class = interface.settings.first()?.descriptor.class;
        let version = match class {
            audio::CONTROL_1 => ClassVersion::Uac1,
            audio::CONTROL_2 => ClassVersion::Uac2,
            _ => return None,
        };
        Some((interface, version))
    })
}

#[cfg(test)]
mod tests;
