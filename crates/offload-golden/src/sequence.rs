use crate::call::Call;
use crate::machine::Machine;
use crate::name::DeviceName;
use crate::order::Phase;
use crate::recording::Recording;
use crate::words::{Words, endpoint, number, pick};
use kernel_sim::RunError;
use offload_core::{Design, EpIndex, Platform, RootHub, SlotId, Speed};
use sim_time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// A text that can be run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sequence {
    pub(crate) controller: Controller,
    pub(crate) steps: Vec<Step>,
}

/// A line that is wrong: what, and what is allowed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct SequenceError {
    /// From 1.
    pub line: usize,
    /// In one line.
    pub reason: String,
}

/// Why a run ended early.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RunFailure {
    /// The sequence does what a kernel would not survive.
    #[error(transparent)]
    Sequence(#[from] SequenceError),
    /// The machine hangs.
    #[error("line {line}: {error}")]
    Machine {
        /// From 1.
        line: usize,
        /// How.
        error: RunError,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Controller {
    pub(crate) platform: Platform,
    pub(crate) interrupters: u16,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Step {
    /// From 1.
    pub(crate) line: usize,
    /// Without the comment.
    pub(crate) text: String,
    pub(crate) action: Action,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Plug(Plug),
    Unplug(DeviceName),
    PowerControl {
        device: DeviceName,
        auto: bool,
    },
    Sleep(Duration),
    /// Without a call: none any more.
    InSuspend {
        device: DeviceName,
        call: Option<Call>,
    },
    Call(Call),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Plug {
    pub(crate) device: DeviceName,
    pub(crate) hub: bool,
    pub(crate) slot: SlotId,
    pub(crate) speed: Speed,
    pub(crate) endpoints: Vec<EpIndex>,
    pub(crate) streams: Vec<EpIndex>,
    pub(crate) autosuspend_ms: u32,
    pub(crate) can_wakeup: bool,
}

/// An interrupter is 32 bytes of the runtime registers (xHCI 5.3.3: MaxIntrs is 11 bits wide, up to 1024).
const INTERRUPTERS_MAX: u16 = 1024;
/// A day.
const SLEEP_MS_MAX: u32 = 86_400_000;

impl Sequence {
    /// Reads the text; see [`FORMAT`](crate::FORMAT).
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, SequenceError> {
        let mut parser = Parser::default();
        for (index, line) in text.lines().enumerate() {
            parser.line(index + 1, line).map_err(|reason| SequenceError { line: index + 1, reason })?;
        }
        Ok(Self { controller: parser.controller.unwrap_or_default(), steps: parser.steps })
    }

    /// Runs it from the beginning in a world of its own, with that version of the usage count.
    ///
    /// # Errors
    /// A call that the version has not, or on a sideband that is not there, or a machine that hangs.
    pub fn run(&self, design: Design) -> Result<Recording, RunFailure> {
        Machine::run(self, design)
    }
}

impl Default for Controller {
    fn default() -> Self {
        Self { platform: Platform::XhciPlat, interrupters: 4 }
    }
}

#[derive(Default)]
struct Parser {
    controller: Option<Controller>,
    steps: Vec<Step>,
    phase: Phase,
    /// Which devices are there, and whether they are hubs.
    plugged: BTreeMap<DeviceName, bool>,
    /// Which devices ever were.
    known: BTreeSet<DeviceName>,
    slots: u8,
}

impl Parser {
    fn line(&mut self, line: usize, text: &str) -> Result<(), String> {
        let Some(mut words) = Words::of(text) else { return Ok(()) };
        let action = match words.keyword {
            "controller" => return self.controller(words),
            "plug" | "plug_hub" => Action::Plug(self.plug(words)?),
            "unplug" => {
                let device = words.device()?;
                words.end()?;
                Action::Unplug(self.unplug(device)?)
            }
            "power_control" => {
                let device = words.device()?;
                let auto = words.one_of("power/control", &[("auto", true), ("on", false)])?;
                words.end()?;
                self.must_be_known(&device)?;
                Action::PowerControl { device, auto }
            }
            "sleep" => {
                let ms = words.number("MS", SLEEP_MS_MAX)?;
                words.end()?;
                Action::Sleep(Duration::from_millis(ms.into()))
            }
            "in_suspend" => self.in_suspend(words)?,
            _ => {
                let call = Call::parse(words)?;
                if let Some(device) = call.device() {
                    self.must_be_known(device)?;
                }
                self.phase = self.phase.after(&call)?;
                Action::Call(call)
            }
        };
        let text = text.split('#').next().unwrap_or_default().trim().to_owned();
        self.steps.push(Step { line, text, action });
        Ok(())
    }

    fn controller(&mut self, mut words: Words<'_>) -> Result<(), String> {
        if self.controller.is_some() || !self.steps.is_empty() {
            return Err("controller: comes once, before every other step".into());
        }
        let mut controller = Controller::default();
        while let Some((key, value)) = words.option()? {
            match key {
                "platform" => {
                    let platforms = [("xhci-plat", Platform::XhciPlat), ("pci", Platform::Pci)];
                    controller.platform = pick("platform", value, &platforms)?;
                }
                "interrupters" => {
                    controller.interrupters = number(value, INTERRUPTERS_MAX)
                        .ok()
                        .filter(|count| *count > 0)
                        .ok_or_else(|| format!("interrupters `{value}`: 1 to {INTERRUPTERS_MAX}"))?;
                }
                _ => return Err(format!("controller: unknown key `{key}`: platform, interrupters")),
            }
        }
        self.controller = Some(controller);
        Ok(())
    }

    fn plug(&mut self, mut words: Words<'_>) -> Result<Plug, String> {
        let hub = words.keyword == "plug_hub";
        let device = words.device()?;
        self.hub_wq_runs()?;
        let Some(parent) = device.parent() else { return Err(format!("{device} is always there")) };
        match self.plugged.get(&parent) {
            _ if parent.is_root_hub() => {}
            Some(true) => {}
            Some(false) => return Err(format!("{device}: {parent} is no hub")),
            None => return Err(format!("{device}: there is no hub {parent}; plug_hub it first")),
        }
        if self.plugged.contains_key(&device) {
            return Err(format!("{device} is plugged in already"));
        }
        self.slots = self.slots.checked_add(1).ok_or("a controller has at most 255 slots")?;
        let slot = SlotId::new(self.slots).ok_or("slots begin at 1")?;
        let speed = match device.bus {
            RootHub::Primary => Speed::High,
            RootHub::Shared => Speed::Super,
        };
        let mut plug = Plug {
            device,
            hub,
            slot,
            speed,
            endpoints: vec![endpoint("0x01")?],
            streams: Vec::new(),
            autosuspend_ms: 2000,
            can_wakeup: false,
        };
        while let Some((key, value)) = words.option()? {
            match key {
                "ep" if !hub => plug.endpoints = endpoints(value)?,
                "streams" if !hub => plug.streams = endpoints(value)?,
                "autosuspend_ms" if !hub => {
                    plug.autosuspend_ms = number(value, SLEEP_MS_MAX)
                        .map_err(|allowed| format!("autosuspend_ms `{value}`: {allowed}"))?;
                }
                "wakeup" if !hub => {
                    plug.can_wakeup = pick("wakeup", value, &[("yes", true), ("no", false)])?;
                }
                _ if hub => return Err(format!("plug_hub: unknown key `{key}`: it has none")),
                _ => return Err(format!("plug: unknown key `{key}`: ep, streams, autosuspend_ms, wakeup")),
            }
        }
        self.plugged.insert(plug.device.clone(), hub);
        self.known.insert(plug.device.clone());
        Ok(plug)
    }

    fn unplug(&mut self, device: DeviceName) -> Result<DeviceName, String> {
        self.hub_wq_runs()?;
        if !self.plugged.contains_key(&device) {
            return Err(format!("{device} is not plugged in"));
        }
        // What is below goes along.
        let below = |other: &DeviceName| {
            std::iter::successors(Some(other.clone()), DeviceName::parent).any(|above| above == device)
        };
        self.plugged.retain(|other, _| !below(other));
        Ok(device)
    }

    fn in_suspend(&self, mut words: Words<'_>) -> Result<Action, String> {
        let device = words.device()?;
        self.must_be_known(&device)?;
        if self.plugged.get(&device) != Some(&false) {
            return Err(format!("{device} has no driver that could be asked: only what `plug` plugged in"));
        }
        let Some(words) = words.nested() else { return Ok(Action::InSuspend { device, call: None }) };
        let call = Call::parse(words)?;
        if !call.fits_a_suspend_callback() {
            return Err("in_suspend: only usb_offload_* and xhci_sideband_* calls, without the checks".into());
        }
        if let Some(device) = call.device() {
            self.must_be_known(device)?;
        }
        Ok(Action::InSuspend { device, call: Some(call) })
    }

    fn must_be_known(&self, device: &DeviceName) -> Result<(), String> {
        if device.is_root_hub() || self.known.contains(device) {
            Ok(())
        } else {
            Err(format!("{device} was not plugged in before"))
        }
    }

    /// Plugging and unplugging is work of `hub_wq`, which is frozen from before dpm_prepare until after dpm_complete.
    fn hub_wq_runs(&self) -> Result<(), String> {
        if self.phase == Phase::Awake {
            return Ok(());
        }
        Err("nothing is plugged or unplugged in system sleep: hub_wq is frozen until after dpm_complete"
            .into())
    }
}

fn endpoints(list: &str) -> Result<Vec<EpIndex>, String> {
    list.split(',').map(endpoint).collect()
}
