//! The report of a stream for a human.

use scenario::{ClientStyle, DeviceKind, Report, StreamReport};
use std::io::{self, Write};
use std::time::Duration;

pub(crate) fn print(
    out: &mut impl Write,
    report: &Report,
    stream: &StreamReport,
    suspended_s: f64,
    wall: Duration,
) -> io::Result<()> {
    writeln!(out, "{}", headline(stream))?;
    let wall_s = wall.as_secs_f64();
    let rows = [
        ("frames in/out", format!("{} / {}", stream.frames_in, stream.frames_out)),
        ("bit-exact", if stream.bit_exact { "yes".into() } else { "no".into() }),
        ("TDs", stream.tds.to_string()),
        ("missed service", stream.missed_service.to_string()),
        ("underruns", stream.underruns.to_string()),
        (
            "host interrupts",
            format!("{} ({:.1} per s)", stream.host_interrupts, stream.host_interrupts_per_s),
        ),
        ("sideband events", stream.sideband_events.to_string()),
        ("asleep", asleep(report, suspended_s)),
        ("offload usage", stream.offload_usage_end.to_string()),
        ("ended", stream.end.clone()),
        ("bus time", format!("{:.3} s", stream.bus_seconds)),
        (
            "wall time",
            format!("{wall_s:.3} s ({:.0} x real time)", report.machine.seconds / wall_s.max(1e-9)),
        ),
    ];
    for (name, value) in rows {
        writeln!(out, "  {name:<16} {value}")?;
    }
    for leak in &report.machine.leaks {
        writeln!(out, "  {:<16} {leak}", "still held")?;
    }
    Ok(())
}

fn headline(stream: &StreamReport) -> String {
    let client = match stream.client {
        ClientStyle::Urb => "no offload".into(),
        client => format!("client {client}"),
    };
    let device = match stream.device {
        DeviceKind::Uac2 => "uac2 headset",
        DeviceKind::Uac1 => "uac1 speaker",
        DeviceKind::Hub => "hub",
    };
    let StreamReport { path, rate_hz, bits, channels, .. } = stream;
    format!("path {path} · {client} · {device} · {rate_hz} Hz {bits} bit {channels} ch")
}

fn asleep(report: &Report, suspended_s: f64) -> String {
    if suspended_s == 0.0 {
        return "no".into();
    }
    let machine = &report.machine;
    let refused = if machine.failed_sleeps > 0 { ", sleep was refused" } else { "" };
    format!(
        "{:.3} s of {suspended_s:.3} s, {} interrupts meanwhile{refused}",
        machine.asleep_s, machine.interrupts_asleep
    )
}
