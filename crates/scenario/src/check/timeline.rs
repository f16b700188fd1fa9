use super::bus_fault::bus_fault;
use super::{Context, Names, device, time, unknown};
use crate::error::Fault;
use crate::scenario::{Action, Scenario, Step, StreamSpec, When};
use crate::schema::{self, ActionName};
use sim_time::Duration;
use toml::Spanned;

pub(super) fn timeline(
    file: &schema::File,
    names: &Names<'_>,
    context: &Context<'_>,
) -> Result<Vec<Step>, Fault> {
    let steps =
        file.timeline.iter().map(|step| one(step, names, context)).collect::<Result<Vec<Step>, _>>()?;
    let starts = |step: &Step| matches!(step.action, Action::Start(_) | Action::OffloadGet(_));
    if !steps.iter().any(starts) {
        let span = file.timeline.first().map_or(0..0, Spanned::span);
        return Err(Fault::new(span, "timeline", "nothing is ever started; begin with action = \"start\""));
    }
    let sleeps = |step: &&Step| matches!(step.action, Action::Suspend { .. });
    for (step, written) in steps.iter().zip(&file.timeline) {
        if let (When::Phase(_), Some(phase)) = (step.when, &written.get_ref().at_phase)
            && steps.iter().find(sleeps).is_none()
        {
            return Err(Fault::new(phase.span(), "at_phase", "the timeline has no system sleep"));
        }
    }
    no_overlap(&steps, file)?;
    Ok(steps)
}

fn one(spanned: &Spanned<schema::Step>, names: &Names<'_>, context: &Context<'_>) -> Result<Step, Fault> {
    let step = spanned.get_ref();
    let whole = spanned.span();
    let when = match (&step.at_ms, &step.at_phase) {
        (Some(ms), None) => When::At(time(ms, "at_ms")?),
        (None, Some(phase)) => When::Phase(*phase.get_ref()),
        (Some(_), Some(phase)) => {
            return Err(Fault::new(phase.span(), "at_phase", "give either at_ms or at_phase"));
        }
        (None, None) => return Err(Fault::new(whole, "at_ms", "missing; give at_ms or at_phase")),
    };
    let name = *step.action.get_ref();
    forbid_others(step, name)?;
    let stream = || stream(step.stream.as_ref(), whole.clone(), names);
    let device = || device(step.device.as_ref(), whole.clone(), names.devices);
    let length = || match &step.for_ms {
        Some(ms) => time(ms, "for_ms"),
        None => Err(Fault::new(whole.clone(), "for_ms", "missing; how long does it last?")),
    };
    let action = match name {
        ActionName::Start => Action::Start(stream()?),
        ActionName::Stop => Action::Stop(stream()?),
        ActionName::Suspend => Action::Suspend { until: wake_up(step, when, whole.clone())? },
        ActionName::Unplug => Action::Unplug(device()?),
        ActionName::Plug => Action::Plug(device()?),
        ActionName::DspStall => Action::DspStall(length()?),
        ActionName::DspLate => Action::DspLate(length()?),
        ActionName::DspSilent => Action::DspSilent(length()?),
        ActionName::DspCrash => Action::DspCrash,
        ActionName::DspRestart => Action::DspRestart,
        ActionName::OffloadGet => Action::OffloadGet(device()?),
        ActionName::OffloadPut => Action::OffloadPut(device()?),
        ActionName::PowerAuto => Action::PowerAuto(device()?),
        ActionName::PowerOn => Action::PowerOn(device()?),
        ActionName::Fault => Action::Fault(device()?, bus_fault(step, whole.clone())?),
    };
    if let When::Phase(_) = when
        && !matches!(action, Action::OffloadGet(_) | Action::OffloadPut(_))
    {
        let reason = "only offload_get and offload_put can happen at a phase of system sleep";
        return Err(Fault::new(step.action.span(), "action", reason));
    }
    let expect = step.expect.as_ref().map(call_result).transpose()?;
    Ok(Step { when, action, expect, line: context.line(&step.action.span()) })
}

/// `ok`, or the name of an error.
fn call_result(text: &Spanned<String>) -> Result<String, Fault> {
    let written = text.get_ref();
    let errno = |name: &str| name.starts_with('E') && name.bytes().all(|byte| byte.is_ascii_uppercase());
    if written == "ok" || written.strip_prefix('-').is_some_and(errno) {
        return Ok(written.clone());
    }
    Err(Fault::new(
        text.span(),
        "expect",
        format!("`{written}`; allowed is `ok` or an error such as `-EBUSY`"),
    ))
}

fn wake_up(step: &schema::Step, when: When, whole: std::ops::Range<usize>) -> Result<Duration, Fault> {
    let Some(ms) = &step.until_ms else {
        return Err(Fault::new(whole, "until_ms", "missing; when does the machine wake up?"));
    };
    let until = time(ms, "until_ms")?;
    match when {
        When::At(at) if until <= at => {
            Err(Fault::new(ms.span(), "until_ms", "the machine wakes up before it goes to sleep"))
        }
        _ => Ok(until),
    }
}

/// Two system sleeps can't be one within the other.
fn no_overlap(steps: &[Step], file: &schema::File) -> Result<(), Fault> {
    let mut awake_from = Duration::ZERO;
    for (step, written) in steps.iter().zip(&file.timeline) {
        if let (When::At(at), Action::Suspend { until }) = (step.when, step.action) {
            if at < awake_from {
                let span = written.get_ref().action.span();
                return Err(Fault::new(
                    span,
                    "action",
                    "the machine is asleep already; list sleeps by their time",
                ));
            }
            awake_from = until;
        }
    }
    Ok(())
}

/// Fields that an action has no use for.
fn forbid_others(step: &schema::Step, name: ActionName) -> Result<(), Fault> {
    use ActionName as A;
    let useless = |field: &'static str, span| {
        Err(Fault::new(span, field, format!("has no meaning for action `{}`", name.as_str())))
    };
    if let Some(stream) = &step.stream
        && !matches!(name, A::Start | A::Stop)
    {
        return useless("stream", stream.span());
    }
    if let Some(device) = &step.device
        && !takes_device(name)
    {
        return useless("device", device.span());
    }
    if let Some(until) = &step.until_ms
        && name != A::Suspend
    {
        return useless("until_ms", until.span());
    }
    if let Some(length) = &step.for_ms
        && !matches!(name, A::DspStall | A::DspLate | A::DspSilent | A::Fault)
    {
        return useless("for_ms", length.span());
    }
    if name != A::Fault {
        let fields = [
            ("fault", step.fault.as_ref().map(Spanned::span)),
            ("endpoint", step.endpoint.as_ref().map(Spanned::span)),
            ("skip", step.skip.as_ref().map(Spanned::span)),
            ("count", step.count.as_ref().map(Spanned::span)),
            ("delay_us", step.delay_us.as_ref().map(Spanned::span)),
        ];
        if let Some((field, span)) = fields.into_iter().find_map(|(field, span)| Some((field, span?))) {
            return useless(field, span);
        }
    }
    if let Some(expect) = &step.expect
        && !matches!(name, A::Start | A::Stop | A::Suspend | A::OffloadGet | A::OffloadPut)
    {
        return useless("expect", expect.span());
    }
    Ok(())
}

fn takes_device(name: ActionName) -> bool {
    use ActionName as A;
    matches!(name, A::Unplug | A::Plug | A::OffloadGet | A::OffloadPut | A::PowerAuto | A::PowerOn | A::Fault)
}

fn stream(
    name: Option<&Spanned<String>>,
    whole: std::ops::Range<usize>,
    names: &Names<'_>,
) -> Result<usize, Fault> {
    let Some(name) = name else {
        return match names.streams {
            [_] => Ok(0),
            _ => Err(Fault::new(whole, "stream", "missing; there is not exactly one stream")),
        };
    };
    let index = names.streams.iter().position(|stream| stream.name == *name.get_ref());
    index.ok_or_else(|| unknown("stream", name, names.streams.iter().map(|stream| stream.name.as_str())))
}

impl Scenario {
    /// Long enough for the timeline, then for all audio, then for every wait of a driver for its DSP.
    pub(crate) fn default_limit(timeline: &[Step], streams: &[StreamSpec]) -> Duration {
        const WAITS: Duration = Duration::from_secs(60);
        let end = |step: &Step| match (step.when, step.action) {
            (_, Action::Suspend { until }) => until,
            (
                When::At(at),
                Action::DspStall(length) | Action::DspLate(length) | Action::DspSilent(length),
            ) => at + length,
            (When::At(at), _) => at,
            (When::Phase(_), _) => Duration::ZERO,
        };
        let timeline = timeline.iter().map(end).max().unwrap_or(Duration::ZERO);
        let seconds =
            |stream: &StreamSpec| stream.audio.frames() / u64::from(stream.audio.format.rate_hz) + 1;
        let audio = Duration::from_secs(streams.iter().map(seconds).max().unwrap_or(0));
        timeline + audio + WAITS
    }
}
