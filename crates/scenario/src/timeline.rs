//! What happens while a scenario runs.

use crate::event_log::Room;
use crate::playing::Playing;
use crate::scenario::{Action, BusFault, Scenario, SleepPhase, Step, When};
use crate::world::World;
use kernel_sim::{JoinHandle, TaskKind};
use offload_core::{Errno, SleepError, suspend_to_ram, usb_offload_get, usb_offload_put};
use serde::Serialize;
use sim_time::Instant;
use snd_offload::AudioError;
use snd_offload::dsp::Fault;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use xhci_model::FaultRule;
use xhci_spec::SlotId;

/// A call that the timeline made, and what it gave.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Call {
    /// The line of the scenario file; 0 without file.
    pub line: usize,
    /// What was called: `start music`.
    pub what: String,
    /// What it gave: `ok`, or an error such as `-EBUSY`.
    pub result: String,
    /// What it was to give; unset if nothing was asked of it.
    pub expected: Option<String>,
}

/// A timeline at work.
pub(crate) struct Timeline {
    world: Rc<World>,
    steps: Vec<Step>,
    names: Names,
    playing: Vec<Rc<Playing>>,
    /// When its time 0 is.
    origin: Cell<Instant>,
    calls: RefCell<Vec<Option<Call>>>,
    sleeps: Cell<u32>,
    failed_sleeps: Cell<u32>,
}

struct Names {
    devices: Vec<String>,
    streams: Vec<String>,
}

impl Timeline {
    pub(crate) fn new(scenario: &Scenario, world: &Rc<World>) -> Rc<Self> {
        let playing =
            scenario.streams.iter().map(|stream| Playing::new(stream, &scenario.devices[stream.device]));
        Rc::new(Self {
            world: world.clone(),
            steps: scenario.timeline.clone(),
            names: Names {
                devices: scenario.devices.iter().map(|device| device.name.clone()).collect(),
                streams: scenario.streams.iter().map(|stream| stream.name.clone()).collect(),
            },
            playing: playing.collect(),
            origin: Cell::default(),
            calls: RefCell::new(vec![None; scenario.timeline.len()]),
            sleeps: Cell::new(0),
            failed_sleeps: Cell::new(0),
        })
    }

    pub(crate) fn playing(&self) -> &[Rc<Playing>] {
        &self.playing
    }
    /// The calls that were made, in the order of the scenario.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.borrow().iter().flatten().cloned().collect()
    }
    /// System sleeps that were completed, and that were given up.
    pub(crate) fn sleeps(&self) -> (u32, u32) {
        (self.sleeps.get(), self.failed_sleeps.get())
    }

    /// Lets everything happen, from `origin` on, until all streams have ended.
    pub(crate) async fn run(self: Rc<Self>, origin: Instant) {
        self.origin.set(origin);
        let mut tasks: Vec<JoinHandle<()>> = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            match step.when {
                When::Phase(phase) => self.clone().at_phase(index, phase),
                When::At(after) => {
                    let me = self.clone();
                    let name = format!("{} at {} ms", self.describe(step.action), after.as_millis());
                    let task = async move {
                        me.world.kernel.sleep_until(origin + after).await;
                        me.step(index).await;
                    };
                    tasks.push(self.world.kernel.spawn(task_kind(step.action), name, task));
                }
            }
        }
        for task in tasks {
            task.await;
        }
    }

    /// The calls that can be made in the middle of a transition don't sleep.
    fn at_phase(self: Rc<Self>, index: usize, phase: SleepPhase) {
        let me = self.clone();
        self.world.sleep.at(
            phase,
            Box::new(move || {
                if let Some(result) = me.offload_call(me.steps[index].action) {
                    me.record(index, errno_text(result));
                }
            }),
        );
    }

    async fn step(&self, index: usize) {
        let action = self.steps[index].action;
        if !matches!(action, Action::OffloadGet(_) | Action::OffloadPut(_)) {
            self.world.log.record(self.world.kernel.now(), Room::Timeline, self.describe(action));
        }
        let dsp = self.world.machine.get().map(|machine| &machine.dsp);
        let now = self.world.kernel.now();
        match action {
            Action::Start(stream) => {
                let playing = &self.playing[stream];
                let started = playing.start(&self.world).await;
                let result = if started.is_ok() { "ok".into() } else { audio_text(&started) };
                self.record(index, result);
                if started.is_ok() {
                    let closed = playing.finish(&self.world).await;
                    self.note_failed_close(stream, &closed);
                }
            }
            Action::Stop(stream) => {
                let stopped = self.playing[stream].stop(&self.world).await;
                self.record(index, audio_text(&stopped));
            }
            Action::Suspend { until } => {
                let slept = suspend_to_ram(&self.world.core, self.origin.get() + until).await;
                let counter = if slept.is_ok() { &self.sleeps } else { &self.failed_sleeps };
                counter.set(counter.get() + 1);
                self.record(index, sleep_text(&slept));
            }
            Action::Unplug(device) => {
                let unplugged = self.world.sockets.unplug(device, now);
                self.record(index, unplugged.map_or_else(|error| error.to_string(), |()| "ok".into()));
            }
            Action::Plug(device) => {
                let plugged = self.world.sockets.plug(device, now);
                self.record(index, plugged.map_or_else(|error| error.to_string(), |()| "ok".into()));
            }
            Action::DspStall(length) => {
                if let Some(dsp) = dsp {
                    dsp.inject(Fault::Stall { from: now, length });
                }
            }
            Action::DspLate(length) => {
                if let Some(dsp) = dsp {
                    dsp.inject(Fault::Late { from: now, length });
                }
            }
            Action::DspSilent(length) => {
                if let Some(dsp) = dsp {
                    dsp.set_silent(true);
                    self.world.kernel.sleep(length).await;
                    dsp.set_silent(false);
                }
            }
            Action::DspCrash => {
                if let Some(dsp) = dsp {
                    dsp.crash();
                }
            }
            Action::DspRestart => {
                if let Some(dsp) = dsp {
                    dsp.restart();
                }
            }
            Action::PowerAuto(device) => {
                if let Some(udev) = self.world.cards.udev(device) {
                    udev.pm().allow();
                }
            }
            Action::PowerOn(device) => {
                if let Some(udev) = self.world.cards.udev(device) {
                    // As a write to the attribute, which does not tell of a resume that failed.
                    let _resumed = udev.pm().forbid().await;
                }
            }
            Action::Fault(device, fault) => self.spoil(device, fault, now),
            Action::OffloadGet(_) | Action::OffloadPut(_) => {
                if let Some(result) = self.offload_call(action) {
                    self.record(index, errno_text(result));
                }
            }
        }
    }

    fn spoil(&self, device: usize, fault: BusFault, now: Instant) {
        let slot = self.world.cards.udev(device).and_then(|udev| SlotId::new(udev.slot_id()?.get()));
        let rule = FaultRule {
            slot,
            endpoint: fault.endpoint,
            from: now,
            until: fault.length.map_or(Instant::MAX, |length| now + length),
            skip: fault.skip,
            count: fault.count,
            ..FaultRule::new(fault.fault)
        };
        // A device that was never there has no slot, and no transaction to spoil.
        if slot.is_some() {
            self.world.bus.with_xhci(|xhc| xhc.add_fault(rule));
        }
    }

    fn offload_call(&self, action: Action) -> Option<Result<(), Errno>> {
        match action {
            Action::OffloadGet(device) => Some(usb_offload_get(self.world.cards.udev(device).as_ref())),
            Action::OffloadPut(device) => Some(usb_offload_put(self.world.cards.udev(device).as_ref())),
            _ => None,
        }
    }

    fn record(&self, index: usize, result: String) {
        let step = &self.steps[index];
        let what = self.describe(step.action);
        let line = format_args!("{what} gave {result}");
        self.world.log.record(self.world.kernel.now(), Room::Timeline, line);
        let call = Call { line: step.line, what, result, expected: step.expect.clone() };
        self.calls.borrow_mut()[index] = Some(call);
    }

    fn note_failed_close(&self, stream: usize, closed: &Result<(), AudioError>) {
        if closed.is_err() {
            let line = format_args!("stop {} gave {}", self.names.streams[stream], audio_text(closed));
            self.world.log.record(self.world.kernel.now(), Room::Timeline, line);
        }
    }

    fn describe(&self, action: Action) -> String {
        let stream = |index: usize| &self.names.streams[index];
        let device = |index: usize| &self.names.devices[index];
        match action {
            Action::Start(index) => format!("start {}", stream(index)),
            Action::Stop(index) => format!("stop {}", stream(index)),
            Action::Suspend { until } => format!("suspend until {} ms", until.as_millis()),
            Action::Unplug(index) => format!("unplug {}", device(index)),
            Action::Plug(index) => format!("plug {}", device(index)),
            Action::DspStall(length) => format!("dsp_stall for {} ms", length.as_millis()),
            Action::DspLate(length) => format!("dsp_late for {} ms", length.as_millis()),
            Action::DspSilent(length) => format!("dsp_silent for {} ms", length.as_millis()),
            Action::DspCrash => "dsp_crash".into(),
            Action::DspRestart => "dsp_restart".into(),
            Action::OffloadGet(index) => format!("offload_get {}", device(index)),
            Action::OffloadPut(index) => format!("offload_put {}", device(index)),
            Action::PowerAuto(index) => format!("power_auto {}", device(index)),
            Action::PowerOn(index) => format!("power_on {}", device(index)),
            Action::Fault(index, BusFault { fault, endpoint, .. }) => match endpoint {
                Some(dci) => format!("fault {fault:?} on {} ep {dci}", device(index)),
                None => format!("fault {fault:?} on {}", device(index)),
            },
        }
    }
}

/// Who carries an action out: user space is frozen in system sleep, a hand at a cable and another processor are not.
fn task_kind(action: Action) -> TaskKind {
    match action {
        Action::Start(_) | Action::Stop(_) | Action::PowerAuto(_) | Action::PowerOn(_) => TaskKind::User,
        Action::Suspend { .. } | Action::OffloadGet(_) | Action::OffloadPut(_) => TaskKind::Kernel,
        Action::Unplug(_)
        | Action::Plug(_)
        | Action::DspStall(_)
        | Action::DspLate(_)
        | Action::DspSilent(_)
        | Action::DspCrash
        | Action::DspRestart
        | Action::Fault(..) => TaskKind::Firmware,
    }
}

fn errno_text(result: Result<(), Errno>) -> String {
    result.map_or_else(|errno| errno.to_string(), |()| "ok".into())
}

/// The error number alone where there is one.
fn audio_text(result: &Result<(), AudioError>) -> String {
    match result {
        Ok(()) => "ok".into(),
        Err(AudioError::Kernel { errno, .. }) => errno.to_string(),
        Err(error) => error.to_string(),
    }
}

fn sleep_text(result: &Result<(), SleepError>) -> String {
    match result {
        Ok(()) => "ok".into(),
        Err(SleepError::Devices(errno)) => errno.to_string(),
        Err(SleepError::Freeze(_)) => Errno::EBUSY.to_string(),
    }
}
