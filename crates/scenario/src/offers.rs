//! What the devices of a scenario can carry.

use crate::scenario::{DeviceKind, Direction};
use usb_devices::audio::{StreamOffer, uac1, uac2};
use usb_spec::EndpointAddress;
use usb_spec::audio::PcmFormat;

fn offers(kind: DeviceKind, direction: Direction) -> impl Iterator<Item = &'static StreamOffer> {
    let all = match kind {
        DeviceKind::Uac2 => uac2::Headset::supported_formats(),
        DeviceKind::Uac1 => uac1::Speaker::supported_formats(),
        DeviceKind::Hub => &[],
    };
    let wanted = match direction {
        Direction::Playback => usb_spec::Direction::Out,
        Direction::Capture => usb_spec::Direction::In,
    };
    all.iter().filter(move |offer| offer.endpoint.direction() == wanted)
}

/// Whether a device carries a format as it is.
///
/// # Errors
/// It does not; the text says what it does carry.
pub(crate) fn check(kind: DeviceKind, direction: Direction, format: PcmFormat) -> Result<(), String> {
    if offers(kind, direction).any(|offer| offer.carries(format)) {
        return Ok(());
    }
    let verb = match direction {
        Direction::Playback => "play",
        Direction::Capture => "capture",
    };
    let offered: Vec<String> = offers(kind, direction).map(describe).collect();
    if offered.is_empty() {
        return Err(format!("a {kind} device does not {verb} at all"));
    }
    Err(format!("a {kind} device does not {verb} {format}; it offers {}", offered.join("; ")))
}

/// The endpoint of a device's data in one direction.
pub(crate) fn endpoint(kind: DeviceKind, direction: Direction) -> Option<EndpointAddress> {
    offers(kind, direction).next().map(|offer| offer.endpoint)
}

fn describe(offer: &StreamOffer) -> String {
    let rates: Vec<String> = offer.rates_hz.iter().map(ToString::to_string).collect();
    format!("{} bit {} ch at {} Hz", offer.bits, offer.channels, rates.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_is_offered() {
        let format = PcmFormat::packed(96_000, 2, 24);
        assert_eq!(check(DeviceKind::Uac2, Direction::Capture, format), Ok(()));
        expect_test::expect!["a uac1 device does not play 96000 Hz, 24 bit, 2 ch; it offers 16 bit 2 ch at 44100/48000 Hz; 16 bit 1 ch at 44100/48000 Hz"]
            .assert_eq(&check(DeviceKind::Uac1, Direction::Playback, format).unwrap_err());
        assert_eq!(
            check(DeviceKind::Uac1, Direction::Capture, format),
            Err("a uac1 device does not capture at all".into())
        );
    }
}
