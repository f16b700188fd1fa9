//! The numbers of a report that expectations may name.

use crate::report::{DeviceReport, MachineReport, Report, StreamReport};

/// A number of a report.
pub struct Metric<R> {
    /// As it is named in a scenario file and in JSON.
    pub name: &'static str,
    /// Reads it. True counts as 1.
    pub of: fn(&R) -> f64,
}

/// Metrics of the whole machine.
pub const MACHINE: &[Metric<MachineReport>] = &[
    Metric { name: "seconds", of: |machine| machine.seconds },
    Metric { name: "asleep_s", of: |machine| machine.asleep_s },
    Metric { name: "sleeps", of: |machine| machine.sleeps.into() },
    Metric { name: "failed_sleeps", of: |machine| machine.failed_sleeps.into() },
    Metric { name: "interrupts_asleep", of: |machine| count(machine.interrupts_asleep) },
    Metric { name: "spurious_interrupts", of: |machine| count(machine.spurious_interrupts) },
    Metric { name: "lock_order_violations", of: |machine| count(machine.lock_order_violations as u64) },
    Metric { name: "leaks", of: |machine| count(machine.leaks.len() as u64) },
];

/// Metrics of a stream.
pub const STREAM: &[Metric<StreamReport>] = &[
    Metric { name: "frames_in", of: |stream| count(stream.frames_in) },
    Metric { name: "frames_out", of: |stream| count(stream.frames_out) },
    Metric { name: "bit_exact", of: |stream| flag(stream.bit_exact) },
    Metric { name: "tds", of: |stream| count(stream.tds) },
    Metric { name: "missed_service", of: |stream| count(stream.missed_service) },
    Metric { name: "underruns", of: |stream| count(stream.underruns) },
    Metric { name: "ring_full", of: |stream| count(stream.ring_full) },
    Metric { name: "errors", of: |stream| count(stream.errors) },
    Metric { name: "host_interrupts", of: |stream| count(stream.host_interrupts) },
    Metric { name: "host_interrupts_per_s", of: |stream| stream.host_interrupts_per_s },
    Metric { name: "sideband_events", of: |stream| count(stream.sideband_events) },
    Metric { name: "feedback_packets", of: |stream| count(stream.feedback_packets) },
    Metric { name: "offload_usage_end", of: |stream| stream.offload_usage_end.into() },
    Metric { name: "bus_seconds", of: |stream| stream.bus_seconds },
    Metric { name: "finished", of: |stream| flag(stream.end == "finished") },
];

/// Metrics of a device.
pub const DEVICE: &[Metric<DeviceReport>] = &[
    Metric { name: "attached", of: |device| flag(device.attached) },
    Metric { name: "offload_usage_end", of: |device| device.offload_usage_end.into() },
    Metric { name: "pm_locked", of: |device| flag(device.pm_locked) },
    Metric { name: "can_submit", of: |device| flag(device.can_submit) },
];

/// Whole numbers up to 2^53: no counter of a run gets there.
#[expect(clippy::cast_precision_loss, reason = "counters stay far below 2^53")]
fn count(value: u64) -> f64 {
    value as f64
}

fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

fn read<R>(metrics: &[Metric<R>], name: &str, report: &R) -> Option<f64> {
    metrics.iter().find(|metric| metric.name == name).map(|metric| (metric.of)(report))
}

impl Report {
    /// A metric by name: of a stream or device, or of the machine. With `of` unset and one stream only, its metrics are
    /// found too.
    pub fn metric(&self, of: Option<&str>, name: &str) -> Option<f64> {
        if let Some(of) = of {
            let stream = || self.streams.iter().find(|stream| stream.name == of);
            let device = || self.devices.iter().find(|device| device.name == of);
            return match stream() {
                Some(stream) => read(STREAM, name, stream),
                None => read(DEVICE, name, device()?),
            };
        }
        read(MACHINE, name, &self.machine).or_else(|| match self.streams.as_slice() {
            [only] => read(STREAM, name, only),
            _ => None,
        })
    }
}
