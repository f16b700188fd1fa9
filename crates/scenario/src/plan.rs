use crate::audio::Audio;
use crate::offers;
use crate::scenario::{
    Action, ClientStyle, DeviceKind, DeviceSpec, Direction, DspSpec, Expectations, PortPath, Scenario, Step,
    StreamSpec, When,
};
use sim_time::Duration;
use xhci_model::Profile;

/// One device, one stream: what `xhci-lab stream` plays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamPlan {
    /// What is played.
    pub audio: Audio,
    /// The class driver.
    pub client: ClientStyle,
    /// The device.
    pub device: DeviceKind,
    /// How far the device's crystal is off.
    pub drift_ppm: i32,
    /// From when to when the host sleeps, in milliseconds from the start.
    pub sleep_ms: Option<(u64, u64)>,
    /// When the cable is pulled, in milliseconds from the start.
    pub unplug_at_ms: Option<u64>,
    /// Seed of the scheduler.
    pub seed: u64,
}

impl Scenario {
    /// The scenario of a plan. It expects that the stream is started and that the host sleeps.
    ///
    /// # Errors
    /// The device does not play the audio's format; the text says which it plays.
    pub fn stream(plan: StreamPlan) -> Result<Self, String> {
        offers::check(plan.device, Direction::Playback, plan.audio.format)?;
        let step = |at_ms, action| Step {
            when: When::At(Duration::from_millis(at_ms)),
            // The cable is pulled, which cannot be refused.
            expect: (!matches!(action, Action::Unplug(_))).then(|| "ok".into()),
            action,
            line: 0,
        };
        let mut timeline = vec![step(0, Action::Start(0))];
        if let Some((from, until)) = plan.sleep_ms {
            timeline.push(step(from, Action::Suspend { until: Duration::from_millis(until) }));
        }
        timeline.extend(plan.unplug_at_ms.map(|at| step(at, Action::Unplug(0))));
        let device = DeviceSpec {
            name: plan.device.to_string(),
            port: PortPath { root: 1, hub_port: None },
            kind: plan.device,
            client: plan.client,
            drift_ppm: plan.drift_ppm,
            absent: false,
        };
        let stream = StreamSpec {
            name: "stream".into(),
            device: 0,
            direction: Direction::Playback,
            audio: plan.audio,
        };
        let streams = vec![stream];
        Ok(Self {
            title: "one stream".into(),
            seed: plan.seed,
            limit: Self::default_limit(&timeline, &streams),
            profile: Profile::default(),
            dsp: DspSpec::default(),
            devices: vec![device],
            streams,
            timeline,
            expect: Expectations::default(),
        })
    }
}
