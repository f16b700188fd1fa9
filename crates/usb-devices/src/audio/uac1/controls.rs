//! The class requests: sampling frequency (UAC1 5.2.3.2) and feature unit (UAC1 5.2.2.4).

use super::{CONTROL_INTERFACE, DATA_ENDPOINT, RATES_HZ, Speaker};
use crate::audio::Volume;
use crate::function::{RequestError, reply_with};
use usb_spec::setup::audio::{Attribute, Entity, MUTE_CONTROL, SAMPLING_FREQ_CONTROL, VOLUME_CONTROL};
use usb_spec::{Direction, Recipient, RequestKind, SetupPacket};

/// USB streaming terminal, feature unit, speaker.
pub(super) const INPUT: u8 = 1;
pub(super) const UNIT: u8 = 2;
pub(super) const OUTPUT: u8 = 3;

/// What a request is about.
enum Subject {
    SamplingFrequency,
    Mute,
    Volume,
}

impl Speaker {
    /// A request with data to the host.
    pub(super) fn get(&mut self, setup: &SetupPacket, reply: &mut [u8]) -> Result<usize, RequestError> {
        match (subject(setup)?, attribute(setup, Direction::In)?) {
            (Subject::SamplingFrequency, Attribute::Cur) => {
                let [low, middle, high, _] = self.rate_hz.to_le_bytes();
                reply_with(reply, &[low, middle, high])
            }
            (Subject::Mute, Attribute::Cur) => reply_with(reply, &[self.mixer.mute.into()]),
            (Subject::Volume, attribute) => {
                let volume = match attribute {
                    Attribute::Cur => self.mixer.volume(),
                    Attribute::Min => Volume::MIN,
                    Attribute::Max => Volume::MAX,
                    Attribute::Res => Volume::RES,
                };
                reply_with(reply, &volume.0.to_le_bytes())
            }
            _ => Err(RequestError),
        }
    }
    /// A request with data from the host. There is nothing to set but CUR.
    pub(super) fn set(&mut self, setup: &SetupPacket, data: &[u8]) -> Result<(), RequestError> {
        if attribute(setup, Direction::Out)? != Attribute::Cur {
            return Err(RequestError);
        }
        match (subject(setup)?, data) {
            (Subject::SamplingFrequency, &[low, middle, high]) => {
                self.set_rate(u32::from_le_bytes([low, middle, high, 0]))
            }
            (Subject::Mute, &[mute @ 0..=1]) => {
                self.mixer.mute = mute == 1;
                Ok(())
            }
            (Subject::Volume, &[low, high]) => {
                self.mixer.set_volume(Volume(i16::from_le_bytes([low, high])));
                Ok(())
            }
            _ => Err(RequestError),
        }
    }

    fn set_rate(&mut self, rate_hz: u32) -> Result<(), RequestError> {
        if !RATES_HZ.contains(&rate_hz) {
            return Err(RequestError);
        }
        self.rate_hz = rate_hz;
        // Hosts choose the alternate setting first, then the rate: the endpoint must be there to be asked.
        if self.sink.is_fresh() {
            self.apply_alternate();
        }
        Ok(())
    }
}

fn subject(setup: &SetupPacket) -> Result<Subject, RequestError> {
    const FEATURE_UNIT: Entity = Entity { interface: CONTROL_INTERFACE, id: UNIT };
    if setup.request_type.kind() != RequestKind::Class || setup.audio_control().channel != 0 {
        return Err(RequestError);
    }
    match (setup.request_type.recipient(), setup.audio_control().selector) {
        (Recipient::Endpoint, SAMPLING_FREQ_CONTROL) if setup.index == u16::from(DATA_ENDPOINT.0) => {
            Ok(Subject::SamplingFrequency)
        }
        (Recipient::Interface, MUTE_CONTROL) if setup.audio_entity() == FEATURE_UNIT => Ok(Subject::Mute),
        (Recipient::Interface, VOLUME_CONTROL) if setup.audio_entity() == FEATURE_UNIT => Ok(Subject::Volume),
        _ => Err(RequestError),
    }
}

/// The attribute of a request whose code goes with its direction.
fn attribute(setup: &SetupPacket, direction: Direction) -> Result<Attribute, RequestError> {
    Attribute::from_request(setup.request)
        .filter(|attribute| attribute.request(direction) == setup.request)
        .ok_or(RequestError)
}
