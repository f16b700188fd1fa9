//! A scenario that can be run: names resolved, audio loaded, everything in its limits.

use crate::audio::Audio;
use crate::expectation::Condition;
use sim_time::Duration;
use std::fmt;
use xhci_model::Profile;
use xhci_spec::Dci;

/// What to build, what to do with it and when, and what is to come out. Comes from a file, or from
/// [`Scenario::stream`](crate::Scenario::stream).
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub title: String,
    /// Seed of the scheduler; 0 runs tasks in the order in which they became runnable.
    pub seed: u64,
    /// When the run is given up, in virtual time.
    pub limit: Duration,
    /// The controller.
    pub profile: Profile,
    /// How the DSP works.
    pub dsp: DspSpec,
    /// The devices; a hub comes before what is plugged into it.
    pub devices: Vec<DeviceSpec>,
    /// The streams that the timeline starts.
    pub streams: Vec<StreamSpec>,
    /// What happens.
    pub timeline: Vec<Step>,
    /// What is to come out.
    pub expect: Expectations,
}

/// How the DSP works, as far as it is not as by default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DspSpec {
    /// How much audio is kept queued ahead of the controller.
    pub queue_ahead: Option<Duration>,
    /// Whether each TD names its frame.
    pub frame_ids: Option<bool>,
}

/// A device and the port that it is plugged into.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceSpec {
    /// Its name in the scenario.
    pub name: String,
    /// Where it is plugged in.
    pub port: PortPath,
    /// What it is.
    pub kind: DeviceKind,
    /// The class driver that is bound to it; without meaning for a hub.
    pub client: ClientStyle,
    /// How far its crystal is off.
    pub drift_ppm: i32,
    /// Not plugged in at the beginning.
    pub absent: bool,
}

/// A root port, or a port of the hub at a root port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PortPath {
    /// The root port, from 1.
    pub root: u8,
    /// The port of the hub there, from 1.
    pub hub_port: Option<u8>,
}

/// Kinds of devices.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A headset of audio class 2.0 at high speed: playback, capture, explicit feedback.
    Uac2,
    /// A speaker of audio class 1.0 at full speed: playback, adaptive.
    Uac1,
    /// A high-speed hub of four ports.
    Hub,
}

/// Class drivers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientStyle {
    /// In the style of Google's AoC driver: the stream goes on through system sleep.
    Aoc,
    /// In the style of Qualcomm's driver: the stream is torn down in the suspend callback.
    Qc,
    /// The host's own URBs, no offload.
    Urb,
}

/// Which way audio goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the device.
    #[default]
    Playback,
    /// From the device.
    Capture,
}

/// A stream that can be started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamSpec {
    /// Its name in the scenario.
    pub name: String,
    /// Index into [`Scenario::devices`].
    pub device: usize,
    /// Which way its audio goes.
    pub direction: Direction,
    /// What is played, or what the microphone hears.
    pub audio: Audio,
}

/// Something that happens at a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// When.
    pub when: When,
    /// What.
    pub action: Action,
    /// What the call is to give: `ok` or an error's name such as `-EBUSY`. Unset: nothing is asked of it.
    pub expect: Option<String>,
    /// The line of the file; 0 without file.
    pub line: usize,
}

/// When something happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// So long after the timeline began, which is when all devices are there.
    At(Duration),
    /// When the next system sleep reaches a phase.
    Phase(SleepPhase),
}

/// Phases of a system sleep, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SleepPhase {
    /// Tasks are about to be frozen.
    Freeze,
    /// Before the suspend callbacks.
    Suspend,
    /// After the suspend callbacks, runtime PM still enabled.
    Late,
    /// Runtime PM disabled, the processors about to go off.
    Asleep,
    /// The processors are on again, runtime PM still disabled.
    Early,
    /// Before the resume callbacks, runtime PM enabled.
    Resume,
    /// After the resume callbacks.
    Complete,
}

/// What can happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// User space starts the stream (index into [`Scenario::streams`]), which goes on until all its audio has passed.
    Start(usize),
    /// User space stops the stream.
    Stop(usize),
    /// Suspend to RAM with an alarm at this time of the timeline.
    Suspend {
        /// The alarm.
        until: Duration,
    },
    /// The cable of a device (index into [`Scenario::devices`]) is pulled.
    Unplug(usize),
    /// A device is plugged in.
    Plug(usize),
    /// The DSP does nothing for a while, then looks at its events first.
    DspStall(Duration),
    /// The DSP sleeps too long and queues TDs whose time has passed.
    DspLate(Duration),
    /// The DSP reads no messages for a while.
    DspSilent(Duration),
    /// The DSP's firmware crashes.
    DspCrash,
    /// A crashed DSP boots.
    DspRestart,
    /// `usb_offload_get` on a device, from a thread that is never frozen.
    OffloadGet(usize),
    /// `usb_offload_put` likewise.
    OffloadPut(usize),
    /// `power/control` of a device becomes `auto`: from now on it is suspended when nobody uses it.
    PowerAuto(usize),
    /// `power/control` becomes `on`: it is resumed and stays so.
    PowerOn(usize),
    /// From now on transactions of a device fail.
    Fault(usize, BusFault),
}

/// Which transactions of a device fail, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BusFault {
    /// How.
    pub fault: xhci_model::Fault,
    /// Of this endpoint; none is all of them.
    pub endpoint: Option<Dci>,
    /// So many pass first.
    pub skip: u32,
    /// So many fail; none is all.
    pub count: Option<u32>,
    /// For so long; none is to the end.
    pub length: Option<Duration>,
}

/// What is to come out.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Expectations {
    /// Conditions on metrics.
    pub metrics: Vec<Expected>,
    /// Texts that lines of the event log contain, in this order.
    pub log: Vec<String>,
    /// Texts that no line contains.
    pub no_log: Vec<String>,
}

/// A condition on a metric.
#[derive(Clone, PartialEq, Debug)]
pub struct Expected {
    /// Whose: a stream's or device's name; none is the whole run.
    pub of: Option<String>,
    /// The metric's name, see [`metrics`](crate::metrics).
    pub metric: &'static str,
    /// What it is to be.
    pub condition: Condition,
    /// The line of the file.
    pub line: usize,
}

impl fmt::Display for PortPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hub_port {
            Some(port) => write!(f, "{}.{port}", self.root),
            None => write!(f, "{}", self.root),
        }
    }
}

impl fmt::Display for ClientStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Aoc => "aoc",
            Self::Qc => "qc",
            Self::Urb => "urb",
        })
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Uac2 => "uac2",
            Self::Uac1 => "uac1",
            Self::Hub => "hub",
        })
    }
}
