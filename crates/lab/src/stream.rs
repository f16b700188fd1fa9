//! `xhci-lab stream`: play one file and tell what happened.

use crate::capture_file::CaptureFile;
use crate::cli::StreamArgs;
use crate::failure::Failure;
use crate::json::StreamJson;
use crate::output::OutDir;
use crate::progress::Bar;
use crate::table;
use scenario::audio::{Audio, read_wav};
use scenario::{RunOptions, Scenario, StreamPlan};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) fn run(args: &StreamArgs) -> Result<(), Failure> {
    let audio = match &args.wav {
        Some(path) => read_wav(path).map_err(Failure::usage)?,
        None => Audio::fixture(),
    };
    check_times(args, &audio)?;
    let plan = StreamPlan {
        audio,
        client: args.style(),
        device: args.device.into(),
        drift_ppm: args.ppm,
        sleep_ms: args.suspend_at.zip(args.resume_at),
        unplug_at_ms: args.unplug_at,
        seed: args.seed,
    };
    let scenario = Scenario::stream(plan).map_err(|reason| Failure::usage(name_file(args, &reason)))?;
    let mut out = args.out.as_deref().map(OutDir::open).transpose()?;
    let capture = args.pcapng.as_deref().map(CaptureFile::create).transpose()?;

    tracing::info!("playing {:?}", scenario.streams[0].audio);
    let bar = Bar::new("playing");
    let mut show = |progress| bar.show(progress);
    let started = Instant::now();
    let options = RunOptions {
        log: args.log.into(),
        capture: capture.as_ref().map(CaptureFile::capture),
        on_progress: Some(&mut show),
    };
    let run = scenario.run(options);
    let wall = started.elapsed();
    drop(bar);

    if let Some(capture) = capture {
        capture.finish()?;
    }
    if let Some(out) = &mut out {
        out.keep_wav("capture.wav", &run.received[0])?;
        out.keep_text("events.log", &run.log)?;
    }
    let suspended_s = args
        .suspend_at
        .zip(args.resume_at)
        .map_or(Duration::ZERO, |(from, to)| Duration::from_millis(to - from))
        .as_secs_f64();
    let stream = &run.report.streams[0];
    let mut stdout = io::stdout().lock();
    if args.json {
        let json = StreamJson::new(&run.report, stream, args.seed, suspended_s, wall);
        serde_json::to_writer(&mut stdout, &json).map_err(io::Error::from)?;
        writeln!(stdout)?;
    } else {
        table::print(&mut stdout, &run.report, stream, suspended_s, wall)?;
    }
    stdout.flush()?;
    let unmet = run.unmet(&scenario);
    if unmet.is_empty() { Ok(()) } else { Err(Failure::Run(unmet.join("; "))) }
}

/// Times that can't be.
fn check_times(args: &StreamArgs, audio: &Audio) -> Result<(), Failure> {
    let end_ms = (audio.frames() * 1000).div_ceil(audio.format.rate_hz.into());
    let within = |flag: &str, at: u64| {
        if at < end_ms {
            return Ok(());
        }
        Err(Failure::usage(format_args!("{flag} {at}: the audio ends after {end_ms} ms")))
    };
    match (args.suspend_at, args.resume_at) {
        (None, Some(at)) => {
            return Err(Failure::usage(format_args!("--resume-at {at}: there is no --suspend-at")));
        }
        (Some(at), None) => {
            return Err(Failure::usage(format_args!("--suspend-at {at}: there is no --resume-at")));
        }
        (Some(suspend), Some(resume)) if resume <= suspend => {
            return Err(Failure::usage(format_args!(
                "--resume-at {resume}: not after --suspend-at {suspend}"
            )));
        }
        _ => {}
    }
    if let Some(at) = args.suspend_at {
        within("--suspend-at", at)?;
    }
    if let Some(at) = args.unplug_at {
        within("--unplug-at", at)?;
    }
    Ok(())
}

fn name_file(args: &StreamArgs, reason: &str) -> String {
    let file = args.wav.as_deref().unwrap_or_else(|| Path::new("the fixture"));
    format!("{}: {reason}", file.display())
}
