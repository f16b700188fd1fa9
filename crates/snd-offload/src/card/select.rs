//! The requests that a card is asked with, and that select a format.

use super::{AudioCard, ClassVersion, ControlPipe, Rates, Selection};
use crate::error::{AudioError, CardError};
use offload_core::{Errno, UsbDevice};
use usb_spec::audio::uac2::{Access, CONTROL_VALIDITY, ClockSource, Layout, Range};
use usb_spec::descriptor::Configuration;
use usb_spec::setup::audio::{CLOCK_VALID_CONTROL, Control, Entity, SAM_FREQ_CONTROL};
use usb_spec::{SetupPacket, Speed};

const SAMPLING_FREQUENCY: Control = Control { selector: SAM_FREQ_CONTROL, channel: 0 };
const CLOCK_VALID: Control = Control { selector: CLOCK_VALID_CONTROL, channel: 0 };
/// Bytes of a RANGE reply before its subranges, and of a subrange of rates.
const RANGE_HEADER: u16 = 2;
const RANGE_BYTES: u16 = 12;

impl AudioCard {
    /// Reads a configuration as [`AudioCard::parse`] does, and asks the clocks for their rates.
    ///
    /// # Errors
    /// As [`AudioCard::parse`], or a clock did not answer.
    pub async fn probe(
        configuration: &Configuration,
        speed: Speed,
        pipe: &dyn ControlPipe,
    ) -> Result<Self, CardError> {
        let mut card = Self::parse(configuration, speed)?;
        let mut asked: Vec<(u8, Vec<Range>)> = Vec::new();
        for index in 0..card.settings.len() {
            let Rates::Clock(clock) = card.settings[index].rates else { continue };
            let known = asked.iter().find(|(id, _)| *id == clock).map(|(_, ranges)| ranges.clone());
            let ranges = match known {
                Some(ranges) => ranges,
                None => {
                    let entity = Entity { interface: card.control_interface, id: clock };
                    let ranges = clock_ranges(pipe, entity).await;
                    ranges.map_err(|errno| CardError::Request { request: "GET RANGE of a clock", errno })?
                }
            };
            asked.push((clock, ranges.clone()));
            card.settings[index].rates = Rates::Ranges(ranges);
        }
        Ok(card)
    }

    /// Sets the rate and chooses the alternate setting, in the order of Linux: the clock first (UAC-44), the rate of
    /// an Audio 1.0 endpoint last (UAC-29).
    ///
    /// # Errors
    /// A request failed, or the rate was not taken over.
    pub async fn select(
        &self,
        selection: &Selection,
        udev: &UsbDevice,
        pipe: &dyn ControlPipe,
    ) -> Result<(), AudioError> {
        let setting = &selection.setting;
        if let (ClassVersion::Uac2, Some(clock)) = (self.version, setting.clock) {
            self.set_clock(clock, selection.format.rate_hz, pipe).await?;
        }
        set_alternate(udev, setting.interface, setting.alternate).await?;
        if self.version == ClassVersion::Uac1 && setting.data.sets_sampling_frequency {
            set_endpoint_rate(selection, pipe).await?;
        }
        Ok(())
    }

    /// Chooses alternate setting 0: nothing is carried any more.
    ///
    /// # Errors
    /// The request failed.
    pub async fn deselect(&self, selection: &Selection, udev: &UsbDevice) -> Result<(), AudioError> {
        set_alternate(udev, selection.setting.interface, 0).await
    }

    pub(super) async fn set_clock(
        &self,
        clock: ClockSource,
        rate_hz: u32,
        pipe: &dyn ControlPipe,
    ) -> Result<(), AudioError> {
        let entity = Entity { interface: self.control_interface, id: clock.id };
        let current = clock_rate(pipe, entity).await?;
        if current != rate_hz {
            let setup = SetupPacket::uac2_set_cur(entity, SAMPLING_FREQUENCY, 4);
            let set = pipe.control_out(setup, &rate_hz.to_le_bytes()).await;
            set.map_err(AudioError::kernel("SET CUR of the clock"))?;
            let actual_hz = clock_rate(pipe, entity).await?;
            if actual_hz != rate_hz {
                return Err(AudioError::ClockRate { wanted_hz: rate_hz, actual_hz });
            }
        }
        if Access::of(clock.controls.into(), CONTROL_VALIDITY) == Access::None {
            return Ok(());
        }
        let mut valid = [0];
        let setup = SetupPacket::uac2_get_cur(entity, CLOCK_VALID, 1);
        let got = pipe.control_in(setup, &mut valid).await;
        got.map_err(AudioError::kernel("GET CUR of clock validity"))?;
        if valid == [0] { Err(AudioError::ClockNotValid { clock: clock.id }) } else { Ok(()) }
    }
}

async fn clock_ranges(pipe: &dyn ControlPipe, entity: Entity) -> Result<Vec<Range>, Errno> {
    let mut header = [0; RANGE_HEADER as usize];
    let setup = |length| SetupPacket::uac2_get_range(entity, SAMPLING_FREQUENCY, length);
    pipe.control_in(setup(RANGE_HEADER), &mut header).await?;
    let count = u16::from_le_bytes(header);
    let length = count.checked_mul(RANGE_BYTES).and_then(|bytes| bytes.checked_add(RANGE_HEADER));
    let length = length.ok_or(Errno::EINVAL)?;
    let mut reply = vec![0; usize::from(length)];
    let got = pipe.control_in(setup(length), &mut reply).await?;
    Ok(Range::parse_reply(reply.get(..got).unwrap_or_default(), Layout::Bytes4))
}

async fn clock_rate(pipe: &dyn ControlPipe, entity: Entity) -> Result<u32, AudioError> {
    let mut rate = [0; 4];
    let setup = SetupPacket::uac2_get_cur(entity, SAMPLING_FREQUENCY, 4);
    let got = pipe.control_in(setup, &mut rate).await;
    got.map_err(AudioError::kernel("GET CUR of the clock"))?;
    Ok(u32::from_le_bytes(rate))
}

async fn set_endpoint_rate(selection: &Selection, pipe: &dyn ControlPipe) -> Result<(), AudioError> {
    let endpoint = selection.setting.data.address;
    let wanted_hz = selection.format.rate_hz;
    let [a, b, c, _] = wanted_hz.to_le_bytes();
    let set = pipe.control_out(SetupPacket::uac1_set_sampling_freq(endpoint), &[a, b, c]).await;
    set.map_err(AudioError::kernel("SET_CUR of the sampling frequency"))?;
    let mut rate = [0; 4];
    let get = pipe.control_in(SetupPacket::uac1_get_sampling_freq(endpoint), &mut rate[..3]).await;
    get.map_err(AudioError::kernel("GET_CUR of the sampling frequency"))?;
    let actual_hz = u32::from_le_bytes(rate);
    if actual_hz == wanted_hz { Ok(()) } else { Err(AudioError::ClockRate { wanted_hz, actual_hz }) }
}

async fn set_alternate(udev: &UsbDevice, interface: u8, alternate: u8) -> Result<(), AudioError> {
    let gone = AudioError::Kernel { call: "usb_set_interface", errno: Errno::ENODEV };
    let interface = udev.interface(interface).ok_or(gone)?;
    interface.set_alternate(alternate).await.map_err(AudioError::kernel("usb_set_interface"))
}
