//! How many audio frames go into each service interval (Audio Data Formats 2.2.1).

use super::Feedback;

/// Spreads a rate over service intervals: each gets the whole frames that are due, what is left of a frame is
/// carried. Integers only, so that no frame is ever lost or gained, and two packets differ by one frame at most.
///
/// ```
/// use usb_spec::audio::FrameAccumulator;
/// let mut per_ms = FrameAccumulator::nominal(44_100, 8);
/// let packets: Vec<u32> = (0..10).map(|_| per_ms.next_frames()).collect();
/// assert_eq!(packets, [44, 44, 44, 44, 44, 44, 44, 44, 44, 45]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameAccumulator {
    /// Parts of a frame that fall due in an interval.
    step: u64,
    /// Parts of a frame.
    parts: u64,
    /// Parts carried; fewer than `parts`.
    carried: u64,
}

impl FrameAccumulator {
    /// A nominal rate over service intervals of `microframes` (8 are 1 ms), from the start of a frame.
    #[must_use]
    pub const fn nominal(rate_hz: u32, microframes: u32) -> Self {
        Self { step: rate_hz as u64 * microframes as u64, parts: 8000, carried: 0 }
    }

    /// Goes over to a device's feedback, with what is carried kept. `microframes` is the service interval.
    pub const fn follow(&mut self, feedback: Feedback, microframes: u32) {
        // Feedback counts frames per 8000th or 1000th of a second: 1 or 8 microframes.
        let unit = 8000 / feedback.format().units_per_second() as u64;
        self.rescale(unit << feedback.format().fraction_bits());
        self.step = feedback.raw() as u64 * microframes as u64;
    }

    /// Goes over to a nominal rate, with what is carried kept.
    pub const fn follow_nominal(&mut self, rate_hz: u32, microframes: u32) {
        self.rescale(8000);
        self.step = rate_hz as u64 * microframes as u64;
    }

    /// The frames of the next service interval.
    #[inline]
    #[must_use]
    pub fn next_frames(&mut self) -> u32 {
        let due = self.carried + self.step;
        self.carried = due % self.parts;
        u32::try_from(due / self.parts).unwrap_or(u32::MAX)
    }

    /// The most that [`FrameAccumulator::next_frames`] gives at this rate.
    #[must_use]
    pub fn frames_max(&self) -> u32 {
        u32::try_from(self.step.div_ceil(self.parts)).unwrap_or(u32::MAX)
    }

    const fn rescale(&mut self, parts: u64) {
        self.carried = self.carried * parts / self.parts;
        self.parts = parts;
    }
}
