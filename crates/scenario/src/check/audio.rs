use super::{Context, device, name};
use crate::audio::{Audio, Synthetic, read_wav};
use crate::error::Fault;
use crate::offers;
use crate::scenario::{DeviceSpec, StreamSpec};
use crate::schema::{self, Source};
use toml::Spanned;
use usb_spec::audio::PcmFormat;

/// The longest audio: ten minutes at 96 kHz.
const FRAMES_MAX: u64 = 57_600_000;

pub(super) fn streams(
    file: &schema::File,
    devices: &[DeviceSpec],
    context: &Context<'_>,
) -> Result<Vec<StreamSpec>, Fault> {
    let mut streams: Vec<StreamSpec> = Vec::new();
    for spanned in &file.streams {
        let stream = spanned.get_ref();
        let taken = streams.iter().map(|other| &other.name).chain(devices.iter().map(|device| &device.name));
        let name = name(&stream.name, taken.map(String::as_str))?;
        let device = device(stream.device.as_ref(), spanned.span(), devices)?;
        let direction = stream.direction.unwrap_or_default();
        let Some(source) = stream.audio.as_ref().or(file.audio.as_ref()) else {
            return Err(Fault::new(
                spanned.span(),
                "audio",
                "missing; give it to the stream or as table [audio]",
            ));
        };
        let audio = load(source, context)?;
        offers::check(devices[device].kind, direction, audio.format)
            .map_err(|reason| Fault::new(source.span(), "audio", reason))?;
        streams.push(StreamSpec { name, device, direction, audio });
    }
    Ok(streams)
}

fn load(source: &Spanned<Source>, context: &Context<'_>) -> Result<Audio, Fault> {
    let whole = source.span();
    let source = source.get_ref();
    match source {
        Source {
            fixture: Some(name),
            wav: None,
            ms: None,
            frames: None,
            rate: None,
            bits: None,
            channels: None,
        } => {
            if name.get_ref() == "plucked-strings" {
                Ok(Audio::fixture())
            } else {
                Err(Fault::new(name.span(), "fixture", "there is only `plucked-strings`"))
            }
        }
        Source {
            wav: Some(path),
            fixture: None,
            ms: None,
            frames: None,
            rate: None,
            bits: None,
            channels: None,
        } => {
            let file = context.directory.join(path.get_ref());
            read_wav(&file).map_err(|error| Fault::new(path.span(), "wav", error.to_string()))
        }
        Source { fixture: None, wav: None, .. } => synthetic(source, whole),
        _ => Err(Fault::new(
            whole,
            "audio",
            "give one of `fixture`, `wav`, or `ms` or `frames` with rate, bits, channels",
        )),
    }
}

fn synthetic(source: &Source, whole: std::ops::Range<usize>) -> Result<Audio, Fault> {
    let one_of = |field: &Option<Spanned<u8>>, name, allowed: [u8; 2], default| match field {
        None => Ok(default),
        Some(value) if allowed.contains(value.get_ref()) => Ok(*value.get_ref()),
        Some(value) => {
            Err(Fault::new(value.span(), name, format!("allowed is {} or {}", allowed[0], allowed[1])))
        }
    };
    let bits = one_of(&source.bits, "bits", [16, 24], 16)?;
    let channels = one_of(&source.channels, "channels", [1, 2], 2)?;
    let rate = match &source.rate {
        None => 48_000,
        Some(rate) if [44_100, 48_000, 96_000].contains(rate.get_ref()) => *rate.get_ref(),
        Some(rate) => return Err(Fault::new(rate.span(), "rate", "allowed is 44100, 48000 or 96000")),
    };
    let (length, frames) = match (&source.ms, &source.frames) {
        (Some(ms), None) => (ms.span(), ms.get_ref().saturating_mul(rate.into()) / 1000),
        (None, Some(frames)) => (frames.span(), *frames.get_ref()),
        _ => return Err(Fault::new(whole, "audio", "give one of `fixture`, `wav`, `ms` and `frames`")),
    };
    if !(1..=FRAMES_MAX).contains(&frames) {
        return Err(Fault::new(length, "audio", format!("{frames} frames, allowed is 1 to {FRAMES_MAX}")));
    }
    Ok(Synthetic { format: PcmFormat::packed(rate, channels, bits), frames }.render())
}
