//! The crystal beside a converter: audio frames out of virtual time.

use sim_time::{Duration, Instant};
use usb_spec::audio::{Feedback, FeedbackFormat};

/// Parts in a million, to which a drift is added.
const MILLION: u64 = 1_000_000;
/// Ticks of [`Instant`] in a second.
const TICKS_PER_SECOND: u64 = 1_000_000_000 * Duration::TICKS_PER_NS;
/// What the clock counts in: one audio frame is this many units of tick × hertz × 10⁻⁶.
const FRAME: u128 = TICKS_PER_SECOND as u128 * MILLION as u128;

/// A sample clock that runs at `rate × (1 + drift × 10⁻⁶)`. It has no tick: it counts when it is shown the time,
/// in integers, so that a frame is neither lost nor gained however the calls are spread.
///
/// ```
/// use sim_time::{Duration, Instant};
/// use usb_devices::audio::SampleClock;
/// let mut clock = SampleClock::new(44_100, 0);
/// clock.start(Instant::ZERO);
/// let frames: Vec<u64> =
///     (1..=10).map(|ms| clock.advance(Instant::ZERO + Duration::from_millis(ms))).collect();
/// assert_eq!(frames, [44, 44, 44, 44, 44, 44, 44, 44, 44, 45]);
/// ```
#[derive(Clone, Debug)]
pub struct SampleClock {
    rate_hz: u32,
    drift_ppm: i32,
    shown: Instant,
    /// How much of a frame had passed at `shown`; below [`FRAME`].
    part: u128,
}

impl SampleClock {
    /// A clock of a nominal rate, off by `drift_ppm`. A drift of -10⁶ or below stops it.
    pub const fn new(rate_hz: u32, drift_ppm: i32) -> Self {
        Self { rate_hz, drift_ppm, shown: Instant::ZERO, part: 0 }
    }
    /// Begins to count at `now`, at the start of a frame.
    pub fn start(&mut self, now: Instant) {
        self.shown = now;
        self.part = 0;
    }
    /// Counts on to `now`: the frames that ended since the last call.
    pub fn advance(&mut self, now: Instant) -> u64 {
        let units = self.part + self.units(now.since(self.shown));
        self.shown = self.shown.max(now);
        self.part = units % FRAME;
        u64::try_from(units / FRAME).unwrap_or(u64::MAX)
    }
    /// Changes how far the clock is off, from the last instant shown on.
    pub fn set_drift_ppm(&mut self, drift_ppm: i32) {
        self.drift_ppm = drift_ppm;
    }
    /// Whole frames in a length of time.
    pub fn frames_in(&self, time: Duration) -> u64 {
        u64::try_from(self.units(time) / FRAME).unwrap_or(u64::MAX)
    }
    /// The rate as a feedback endpoint reports it (USB 2.0 5.12.4.2), cut to the format's precision.
    pub fn feedback(&self, format: FeedbackFormat) -> Feedback {
        let per_second = self.units(Duration::from_secs(1)) << format.fraction_bits();
        let raw = per_second / FRAME / u128::from(format.units_per_second());
        Feedback::new(u32::try_from(raw).unwrap_or(u32::MAX), format)
    }
    fn units(&self, time: Duration) -> u128 {
        let speed = u64::try_from(i64::from(self.drift_ppm).saturating_add_unsigned(MILLION)).unwrap_or(0);
        // At most 2^64 × 2^32 × 2^31: fits.
        u128::from(time.as_ticks()) * (u128::from(self.rate_hz) * u128::from(speed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_the_rate_however_it_is_cut() {
        for (rate, drift, second) in
            [(44_100, 0, 44_100), (48_000, 100, 48_004), (96_000, -1000, 95_904), (44_100, -1_000_000, 0)]
        {
            for step in [1_000_003, 7_499_999, 7_500_000, 59_999_999_999] {
                let mut clock = SampleClock::new(rate, drift);
                clock.start(Instant::from_ticks(12_345));
                let end = 12_345 + TICKS_PER_SECOND;
                let frames: u64 = (12_345..end)
                    .step_by(step)
                    .chain([end])
                    .map(|at| clock.advance(Instant::from_ticks(at)))
                    .sum();
                assert_eq!(frames, second, "{rate} Hz {drift} ppm, step {step}");
            }
        }
    }

    // req: UAC-13, UAC-14
    #[test]
    fn rates_as_feedback() {
        let raw =
            |rates: [u32; 3], format| rates.map(|rate| SampleClock::new(rate, 0).feedback(format).raw());
        assert_eq!(raw([44_100, 48_000, 88_200], FeedbackFormat::Q16_16), [0x5_8333, 0x6_0000, 0xB_0666]);
        assert_eq!(raw([96_000, 176_400, 192_000], FeedbackFormat::Q16_16), [0xC_0000, 0x16_0CCC, 0x18_0000]);
        assert_eq!(raw([44_100, 48_000, 96_000], FeedbackFormat::Q10_14), [0x0B_0666, 0x0C_0000, 0x18_0000]);
        let fast = SampleClock::new(48_000, 1000).feedback(FeedbackFormat::Q16_16).raw();
        assert_eq!(fast, 0x6_0000 + 0x6_0000 / 1000);
    }
}
