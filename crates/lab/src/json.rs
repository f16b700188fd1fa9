//! The report of a stream as one JSON object.

use scenario::{ClientStyle, DeviceKind, Report, StreamReport};
use serde::Serialize;
use std::time::Duration;

/// What `xhci-lab stream --json` prints. Keys are only ever added.
#[derive(Serialize)]
pub(crate) struct StreamJson<'a> {
    path: &'a str,
    client: ClientStyle,
    device: DeviceKind,
    rate_hz: u32,
    bits: u8,
    channels: u8,
    frames_in: u64,
    frames_out: u64,
    bit_exact: bool,
    tds: u64,
    missed_service: u64,
    underruns: u64,
    host_interrupts: u64,
    host_interrupts_per_s: f64,
    sideband_events: u64,
    feedback_packets: u64,
    suspended_s: f64,
    asleep_s: f64,
    interrupts_asleep: u64,
    offload_usage_end: u32,
    end: &'a str,
    leaks: &'a [String],
    seed: u64,
    bus_seconds: f64,
    wall_seconds: f64,
}

impl<'a> StreamJson<'a> {
    pub(crate) fn new(
        report: &'a Report,
        stream: &'a StreamReport,
        seed: u64,
        suspended_s: f64,
        wall: Duration,
    ) -> Self {
        Self {
            path: stream.path,
            client: stream.client,
            device: stream.device,
            rate_hz: stream.rate_hz,
            bits: stream.bits,
            channels: stream.channels,
            frames_in: stream.frames_in,
            frames_out: stream.frames_out,
            bit_exact: stream.bit_exact,
            tds: stream.tds,
            missed_service: stream.missed_service,
            underruns: stream.underruns,
            host_interrupts: stream.host_interrupts,
            host_interrupts_per_s: stream.host_interrupts_per_s,
            sideband_events: stream.sideband_events,
            feedback_packets: stream.feedback_packets,
            suspended_s,
            asleep_s: report.machine.asleep_s,
            interrupts_asleep: report.machine.interrupts_asleep,
            offload_usage_end: stream.offload_usage_end,
            end: &stream.end,
            leaks: &report.machine.leaks,
            seed,
            bus_seconds: stream.bus_seconds,
            wall_seconds: wall.as_secs_f64(),
        }
    }
}
