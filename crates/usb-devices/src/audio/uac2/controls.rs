//! The class requests: clock source (UAC2 5.2.5.1) and feature units (UAC2 5.2.5.7).

use super::{CONTROL_INTERFACE, Headset, RATES_HZ};
use crate::audio::{Mixer, Volume};
use crate::function::{RequestError, reply_with};
use usb_spec::audio::uac2::{Layout, Range};
use usb_spec::setup::audio::{
    CLOCK_VALID_CONTROL, CUR, MUTE_CONTROL, RANGE, SAM_FREQ_CONTROL, VOLUME_CONTROL,
};
use usb_spec::{Recipient, RequestKind, SetupPacket};

/// The clock source.
pub(super) const CLOCK: u8 = 1;
/// Playback: USB streaming terminal, feature unit, headphones.
pub(super) const PLAYBACK_INPUT: u8 = 2;
pub(super) const PLAYBACK_UNIT: u8 = 3;
pub(super) const PLAYBACK_OUTPUT: u8 = 4;
/// Capture: microphone, feature unit, USB streaming terminal.
pub(super) const CAPTURE_INPUT: u8 = 5;
pub(super) const CAPTURE_UNIT: u8 = 6;
pub(super) const CAPTURE_OUTPUT: u8 = 7;

impl Headset {
    /// A request with data to the host.
    pub(super) fn get(&mut self, setup: &SetupPacket, reply: &mut [u8]) -> Result<usize, RequestError> {
        let (entity, selector) = addressed(setup)?;
        if entity == CLOCK {
            return self.get_clock(selector, setup.request, reply);
        }
        let mixer = self.mixer(entity)?;
        match (selector, setup.request) {
            (MUTE_CONTROL, CUR) => reply_with(reply, &[mixer.mute.into()]),
            (VOLUME_CONTROL, CUR) => reply_with(reply, &mixer.volume().0.to_le_bytes()),
            (VOLUME_CONTROL, RANGE) => {
                let [min, max, resolution] = [Volume::MIN, Volume::MAX, Volume::RES].map(Volume::bits);
                reply_with(reply, &Range::reply(&[Range { min, max, resolution }], Layout::Bytes2))
            }
            _ => Err(RequestError),
        }
    }
    /// A request with data from the host. There is nothing to set but CUR.
    pub(super) fn set(&mut self, setup: &SetupPacket, data: &[u8]) -> Result<(), RequestError> {
        let (entity, selector) = addressed(setup)?;
        match (entity, selector, setup.request, data) {
            (CLOCK, SAM_FREQ_CONTROL, CUR, &[a, b, c, d]) => self.set_rate(u32::from_le_bytes([a, b, c, d])),
            (_, MUTE_CONTROL, CUR, &[mute @ 0..=1]) => {
                self.mixer(entity)?.mute = mute == 1;
                Ok(())
            }
            (_, VOLUME_CONTROL, CUR, &[low, high]) => {
                self.mixer(entity)?.set_volume(Volume(i16::from_le_bytes([low, high])));
                Ok(())
            }
            _ => Err(RequestError),
        }
    }

    fn get_clock(&self, selector: u8, request: u8, reply: &mut [u8]) -> Result<usize, RequestError> {
        match (selector, request) {
            (SAM_FREQ_CONTROL, CUR) => reply_with(reply, &self.rate_hz.to_le_bytes()),
            (SAM_FREQ_CONTROL, RANGE) => {
                // Discrete rates: MIN = MAX, RES 0 (UAC2 5.2.1).
                let rates: Vec<Range> = RATES_HZ.iter().copied().map(Range::single).collect();
                reply_with(reply, &Range::reply(&rates, Layout::Bytes4))
            }
            // The crystal always runs.
            (CLOCK_VALID_CONTROL, CUR) => reply_with(reply, &[1]),
            _ => Err(RequestError),
        }
    }
    fn set_rate(&mut self, rate_hz: u32) -> Result<(), RequestError> {
        if !RATES_HZ.contains(&rate_hz) {
            return Err(RequestError);
        }
        self.rate_hz = rate_hz;
        Ok(())
    }
    fn mixer(&mut self, unit: u8) -> Result<&mut Mixer, RequestError> {
        match unit {
            PLAYBACK_UNIT => Ok(&mut self.playback_mixer),
            CAPTURE_UNIT => Ok(&mut self.capture_mixer),
            _ => Err(RequestError),
        }
    }
}

/// The entity and the control selector of a request to the control interface. All controls are those of the
/// master channel.
fn addressed(setup: &SetupPacket) -> Result<(u8, u8), RequestError> {
    let kind = (setup.request_type.kind(), setup.request_type.recipient());
    let (entity, control) = (setup.audio_entity(), setup.audio_control());
    if kind != (RequestKind::Class, Recipient::Interface)
        || entity.interface != CONTROL_INTERFACE
        || control.channel != 0
    {
        return Err(RequestError);
    }
    Ok((entity.id, control.selector))
}
