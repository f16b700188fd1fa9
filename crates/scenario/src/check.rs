//! From what is written to what can be run.

mod audio;
mod bus_fault;
mod devices;
mod expectations;
mod timeline;

use crate::error::{Fault, line_of, nearest};
use crate::scenario::{DeviceKind, DeviceSpec, DspSpec, Scenario, StreamSpec};
use crate::schema;
use sim_time::Duration;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use xhci_model::{Profile, Xhci};

/// Longest run, in virtual time.
const LIMIT_MS_MAX: u64 = 3_600_000;
/// The last time of a timeline: an hour.
const AT_MS_MAX: u64 = 3_600_000;

/// What the checks of a file share.
pub(crate) struct Context<'a> {
    pub(crate) text: &'a str,
    /// Where paths of WAV files start.
    pub(crate) directory: &'a Path,
}

impl Context<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        line_of(self.text, span.start)
    }
}

/// What names stand for.
struct Names<'a> {
    devices: &'a [DeviceSpec],
    streams: &'a [StreamSpec],
}

pub(crate) fn scenario(file: &schema::File, context: &Context<'_>) -> Result<Scenario, Fault> {
    let title = file.title.get_ref().trim();
    if title.is_empty() {
        return Err(Fault::new(file.title.span(), "title", "say in a sentence what the scenario shows"));
    }
    let profile = profile(&file.topology)?;
    let devices = devices::devices(file, &profile)?;
    let streams = audio::streams(file, &devices, context)?;
    let names = Names { devices: &devices, streams: &streams };
    let timeline = timeline::timeline(file, &names, context)?;
    let expect = expectations::expectations(file, &names, context)?;
    let limit = match &file.limit_ms {
        Some(limit) if (1..=LIMIT_MS_MAX).contains(limit.get_ref()) => {
            Duration::from_millis(*limit.get_ref())
        }
        Some(limit) => {
            return Err(Fault::new(limit.span(), "limit_ms", format!("allowed is 1 to {LIMIT_MS_MAX}")));
        }
        None => Scenario::default_limit(&timeline, &streams),
    };
    let seed = file.seed.unwrap_or(0);
    Ok(Scenario {
        title: title.into(),
        seed,
        limit,
        profile,
        dsp: dsp(file)?,
        devices,
        streams,
        timeline,
        expect,
    })
}

fn profile(topology: &schema::Topology) -> Result<Profile, Fault> {
    let mut profile = Profile::default();
    let Some(controller) = &topology.controller else { return Ok(profile) };
    let schema::Controller {
        hci_version,
        slots,
        interrupters,
        usb2_ports,
        usb3_ports,
        erst_max,
        ist_microframes,
        scratchpads,
        contexts_64,
        contiguous_frame_ids,
    } = controller.get_ref();
    set(&mut profile.hci_version, *hci_version);
    set(&mut profile.slots, *slots);
    set(&mut profile.interrupters, *interrupters);
    set(&mut profile.usb2_ports, *usb2_ports);
    set(&mut profile.usb3_ports, *usb3_ports);
    set(&mut profile.erst_max, *erst_max);
    set(&mut profile.ist_microframes, *ist_microframes);
    set(&mut profile.scratchpads, *scratchpads);
    set(&mut profile.contexts_64, *contexts_64);
    set(&mut profile.contiguous_frame_ids, *contiguous_frame_ids);
    match Xhci::new(profile.clone(), 0) {
        Ok(_) => Ok(profile),
        Err(error) => {
            let reason = format!("{} is {}, allowed is {}", error.field, error.value, error.allowed);
            Err(Fault::new(controller.span(), "topology.controller", reason))
        }
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn dsp(file: &schema::File) -> Result<DspSpec, Fault> {
    let Some(dsp) = &file.dsp else { return Ok(DspSpec::default()) };
    let queue_ahead = match &dsp.queue_ahead_ms {
        None => None,
        Some(ms) if (1..=64).contains(ms.get_ref()) => Some(Duration::from_millis(*ms.get_ref())),
        Some(ms) => return Err(Fault::new(ms.span(), "queue_ahead_ms", "allowed is 1 to 64")),
    };
    Ok(DspSpec { queue_ahead, frame_ids: dsp.frame_ids })
}

/// A time of the timeline, or a length of time in it.
fn time(ms: &Spanned<u64>, field: &'static str) -> Result<Duration, Fault> {
    if *ms.get_ref() > AT_MS_MAX {
        return Err(Fault::new(ms.span(), field, format!("allowed is 0 to {AT_MS_MAX}")));
    }
    Ok(Duration::from_millis(*ms.get_ref()))
}

fn name<'a>(name: &Spanned<String>, mut taken: impl Iterator<Item = &'a str>) -> Result<String, Fault> {
    let text = name.get_ref();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        return Err(Fault::new(
            name.span(),
            "name",
            format!("`{text}`: letters, digits, `-` and `_` make a name"),
        ));
    }
    if taken.any(|other| other == text) {
        return Err(Fault::new(name.span(), "name", format!("`{text}` is taken")));
    }
    Ok(text.clone())
}

/// The sound device of this name; without a name the only one there is.
pub(crate) fn device(
    name: Option<&Spanned<String>>,
    whole: Range<usize>,
    devices: &[DeviceSpec],
) -> Result<usize, Fault> {
    if let Some(name) = name {
        let index = devices.iter().position(|device| device.name == *name.get_ref());
        return index
            .ok_or_else(|| unknown("device", name, devices.iter().map(|device| device.name.as_str())));
    }
    let mut sound = (0..devices.len()).filter(|&index| devices[index].kind != DeviceKind::Hub);
    match (sound.next(), sound.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(Fault::new(whole, "device", "missing; there is not exactly one sound device")),
    }
}

/// A name that stands for nothing, with the one that was probably meant.
pub(crate) fn unknown<'a>(
    field: &'static str,
    name: &Spanned<String>,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Fault {
    let written = name.get_ref();
    let reason = match nearest(written, known.clone()) {
        Some(meant) => format!("unknown `{written}`; did you mean `{meant}`?"),
        None => format!("unknown `{written}`; there are: {}", known.collect::<Vec<_>>().join(", ")),
    };
    Fault::new(name.span(), field, reason)
}
