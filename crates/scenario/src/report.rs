//! What came out of a run.

use crate::scenario::{ClientStyle, DeviceKind, Direction};
use serde::Serialize;

/// Everything that was measured. Holds nothing of the wall clock.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// The whole machine.
    pub machine: MachineReport,
    /// The streams, in the order of the scenario. One that was never started has counted nothing.
    pub streams: Vec<StreamReport>,
    /// The devices, in the order of the scenario.
    pub devices: Vec<DeviceReport>,
}

/// The machine over the whole run.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct MachineReport {
    /// Virtual seconds from power-on to the end.
    pub seconds: f64,
    /// Virtual seconds that the host's processors were off.
    pub asleep_s: f64,
    /// System sleeps that were completed.
    pub sleeps: u32,
    /// System sleeps that were given up.
    pub failed_sleeps: u32,
    /// Interrupts of vector 0 while the host's processors were off.
    pub interrupts_asleep: u64,
    /// Interrupts of vectors without a handler.
    pub spurious_interrupts: u64,
    /// Cycles in the order of lock classes.
    pub lock_order_violations: usize,
    /// What is still held at the end although nothing streams: usage counts, references, interrupters, endpoints.
    pub leaks: Vec<String>,
}

/// A stream.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StreamReport {
    /// Its name in the scenario.
    pub name: String,
    /// `sideband` or `urb`.
    pub path: &'static str,
    /// The class driver.
    pub client: ClientStyle,
    /// The kind of device.
    pub device: DeviceKind,
    /// Which way its audio goes.
    pub direction: Direction,
    /// Audio frames per second.
    pub rate_hz: u32,
    /// Bits of a sample.
    pub bits: u8,
    /// Samples of an audio frame.
    pub channels: u8,
    /// Audio frames that there are.
    pub frames_in: u64,
    /// Audio frames that the other end got.
    pub frames_out: u64,
    /// Whether the other end got exactly the audio that there is.
    pub bit_exact: bool,
    /// TDs of the data endpoint.
    pub tds: u64,
    /// TDs that missed their service interval.
    pub missed_service: u64,
    /// Times that a ring or the device's FIFO ran empty while audio was outstanding.
    pub underruns: u64,
    /// Times that the secondary event ring was full.
    pub ring_full: u64,
    /// TDs that ended with another error.
    pub errors: u64,
    /// Interrupts of vector 0 from the stream's start to its end.
    pub host_interrupts: u64,
    /// The same, for each second of the stream.
    pub host_interrupts_per_s: f64,
    /// Events that the DSP took from its event ring.
    pub sideband_events: u64,
    /// Feedback values received.
    pub feedback_packets: u64,
    /// The usage count of the device at the end of the run, also if it was unplugged.
    pub offload_usage_end: u32,
    /// Virtual seconds from the stream's start to its end.
    pub bus_seconds: f64,
    /// How it ended: `finished`, or why it did not; `not started`, `running`.
    pub end: String,
}

/// A device at the end of the run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DeviceReport {
    /// Its name in the scenario.
    pub name: String,
    /// What the kernel called it when it was seen last.
    pub kernel_name: Option<String>,
    /// Whether the kernel has it still.
    pub attached: bool,
    /// Its usage count.
    pub offload_usage_end: u32,
    /// Whether the usage count is frozen.
    pub pm_locked: bool,
    /// Whether the host may submit transfers to it.
    pub can_submit: bool,
}
