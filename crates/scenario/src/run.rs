//! Running a scenario.

use crate::audio::Audio;
use crate::report::{DeviceReport, MachineReport, Report};
use crate::scenario::Scenario;
use crate::timeline::{Call, Timeline};
use crate::world::{Cards, Machine, World, WorldError};
use kernel_sim::{JoinHandle, RunError, TaskKind};
use scope::Capture;
use sim_time::{Duration, Instant};
use std::rc::Rc;
use xhci_model::LogLevel;

/// How a scenario is run.
#[derive(Default)]
pub struct RunOptions<'a> {
    /// How much the event log holds.
    pub log: LogLevel,
    /// Where the packets on the cables of the devices go. It can't change anything.
    pub capture: Option<Capture>,
    /// Called every now and then. It can't change anything.
    pub on_progress: Option<&'a mut dyn FnMut(Progress)>,
}

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Virtual time that has passed.
    pub at: Duration,
    /// Virtual time that the run will take, roughly.
    pub expected: Duration,
}

/// What came out of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// What was measured.
    pub report: Report,
    /// The calls of the timeline and what they gave.
    pub calls: Vec<Call>,
    /// What the other end of each stream got.
    pub received: Vec<Audio>,
    /// The event log as text; empty at [`LogLevel::Off`].
    pub log: String,
    /// Why the run did not come to its end: a deadlock, the time limit, a machine that does not start. Several lines.
    pub failure: Option<String>,
}

/// How much virtual time passes between two calls of `on_progress`.
const SLICE: Duration = Duration::from_millis(100);
/// The timeline begins at a multiple of this, so that times in the log read easily.
const ORIGIN_UNIT: Duration = Duration::from_secs(1);
/// How long a machine is left alone before its counters are read.
const SETTLE: Duration = Duration::from_millis(100);

impl Scenario {
    /// Runs the scenario from power-on to its end. The same scenario gives the same result, always.
    pub fn run(&self, options: RunOptions<'_>) -> Run {
        match World::build(self, &options) {
            Ok(world) => self.run_in(&world, options),
            Err(error) => Run {
                report: Report {
                    machine: MachineReport::default(),
                    streams: Vec::new(),
                    devices: Vec::new(),
                },
                calls: Vec::new(),
                received: Vec::new(),
                log: String::new(),
                failure: Some(error.to_string()),
            },
        }
    }

    fn run_in(&self, world: &Rc<World>, mut options: RunOptions<'_>) -> Run {
        let timeline = Timeline::new(self, world);
        let task = {
            let (scenario, world, timeline) = (self.clone(), world.clone(), timeline.clone());
            let kernel = world.kernel.clone();
            kernel.spawn(TaskKind::Kernel, "scenario", async move { scenario.live(&world, timeline).await })
        };
        let run = self.drive(world, &task, &mut options);
        let failure = match run {
            Err(error) => Some(error.to_string()),
            Ok(()) => task.try_take().and_then(Result::err).map(|error| error.to_string()),
        };
        if let Some(failure) = &failure {
            world.log.record(world.kernel.now(), crate::event_log::Room::Timeline, failure);
        }
        let received: Vec<Audio> = timeline.playing().iter().map(|playing| playing.received(world)).collect();
        let report = self.report(world, &timeline, &received);
        let log = world.log.take();
        let calls = timeline.calls();
        world.shutdown();
        Run { report, calls, received, log, failure }
    }

    /// The life of the machine: boot, timeline, and rest.
    async fn live(&self, world: &Rc<World>, timeline: Rc<Timeline>) -> Result<(), WorldError> {
        let machine = Machine::boot(world, self.dsp).await?;
        if world.machine.set(machine).is_err() {
            unreachable!("a machine boots once");
        }
        Cards::bind_all(world);
        world.cards.wait_for(|index| !self.devices[index].absent).await?;
        let origin = (world.kernel.now() + SETTLE).round_up(ORIGIN_UNIT);
        world.kernel.sleep_until(origin).await;
        timeline.run(origin).await;
        world.kernel.sleep(SETTLE).await;
        world.core.hub_wq().flush().await;
        Ok(())
    }

    fn drive<T>(
        &self,
        world: &World,
        task: &JoinHandle<T>,
        options: &mut RunOptions<'_>,
    ) -> Result<(), RunError> {
        let limit = Instant::ZERO + self.limit;
        let expected = self.expected_length();
        loop {
            let slice = (world.kernel.now() + SLICE).min(limit);
            match world.kernel.run_until_finished(task, slice) {
                Err(RunError::TimeLimit { .. }) if slice < limit => {}
                result => return result,
            }
            if let Some(on_progress) = &mut options.on_progress {
                on_progress(Progress { at: world.kernel.now().since_start(), expected });
            }
        }
    }

    /// Boot, then the longest audio.
    fn expected_length(&self) -> Duration {
        let millis = |frames: u64, rate: u32| frames * 1000 / u64::from(rate);
        let audio =
            self.streams.iter().map(|stream| millis(stream.audio.frames(), stream.audio.format.rate_hz));
        ORIGIN_UNIT + Duration::from_millis(audio.max().unwrap_or(0))
    }

    fn report(&self, world: &World, timeline: &Timeline, received: &[Audio]) -> Report {
        let (sleeps, failed_sleeps) = timeline.sleeps();
        let usb = world.machine.get().map(|machine| machine.hcd.usb());
        let leaks = usb.map_or_else(Vec::new, |usb| offload_core::leaks(usb));
        let machine = MachineReport {
            seconds: seconds(world.kernel.now().since_start()),
            asleep_s: seconds(world.sleep.asleep()),
            sleeps,
            failed_sleeps,
            interrupts_asleep: world.sleep.interrupts_asleep(),
            spurious_interrupts: world.bus.counters().spurious,
            lock_order_violations: world.kernel.lock_order_violations().len(),
            leaks: leaks.iter().map(ToString::to_string).collect(),
        };
        let streams = timeline.playing().iter().zip(received);
        let device = |(index, spec): (usize, &crate::DeviceSpec)| {
            let udev = world.cards.udev(index);
            DeviceReport {
                name: spec.name.clone(),
                kernel_name: udev.as_ref().map(|udev| udev.name().to_string()),
                attached: udev.as_ref().is_some_and(|udev| udev.is_attached()),
                offload_usage_end: udev.as_ref().map_or(0, |udev| udev.offload.usage()),
                pm_locked: udev.as_ref().is_some_and(|udev| udev.offload.is_pm_locked()),
                can_submit: udev.as_ref().is_some_and(|udev| udev.can_submit()),
            }
        };
        Report {
            machine,
            streams: streams.map(|(playing, received)| playing.report(world, received)).collect(),
            devices: self.devices.iter().enumerate().map(device).collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "hours in nanoseconds stay below 2^53")]
fn seconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e9
}
