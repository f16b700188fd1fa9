//! MFINDEX and the microframe grid, computed from the time (xHCI 5.5.1).

use sim_time::{Duration, Instant};
use xhci_spec::FrameId;

/// The start-of-frame packets or, on USB 3, the Isochronous Timestamp Packet that a microframe begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StartOfFrame {
    /// When it went over the buses.
    pub at: Instant,
    /// The frame number in SOF packets; high-speed buses repeat it eight times (USB 2.0 8.4.3).
    pub frame: FrameId,
    /// The Bus Interval Counter of timestamp packets, 14 bits (USB 3.2 8.7).
    pub interval: u16,
}

/// The unwrapped count of microframes while the controller runs. Its low 14 bits are MFINDEX (ISO-26).
#[derive(Clone, Debug, Default)]
pub(crate) struct MicroframeClock {
    /// The count at `since`.
    base: u64,
    /// When counting began; `None` while halted.
    since: Option<Instant>,
}

impl MicroframeClock {
    pub(crate) fn start(&mut self, now: Instant) {
        if self.since.is_none() {
            self.since = Some(now);
        }
    }

    pub(crate) fn stop(&mut self, now: Instant) {
        self.base = self.index(now);
        self.since = None;
    }

    /// The number of the microframe at `now`.
    pub(crate) fn index(&self, now: Instant) -> u64 {
        let elapsed = self.since.map_or(Duration::ZERO, |since| now.since(since));
        self.base.saturating_add(elapsed.div_floor(Duration::MICROFRAME))
    }

    /// The first microframe that begins at `now` or later.
    pub(crate) fn first_from(&self, now: Instant) -> u64 {
        let index = self.index(now);
        if self.start_of(index) < now { index.saturating_add(1) } else { index }
    }

    /// When microframe `index` begins. In the past if it did; never while halted.
    pub(crate) fn start_of(&self, index: u64) -> Instant {
        match self.since {
            Some(since) => since + Duration::MICROFRAME * index.saturating_sub(self.base),
            None => Instant::MAX,
        }
    }

    /// What the microframe at `now` began with; nothing while halted (RTS-03).
    pub(crate) fn start_of_frame(&self, now: Instant) -> Option<StartOfFrame> {
        self.since?;
        let index = self.index(now);
        let frame = FrameId::of_microframe(index);
        Some(StartOfFrame { at: self.start_of(index), frame, interval: (index & 0x3FFF) as u16 })
    }

    /// MFINDEX: 14 bits.
    pub(crate) fn mfindex(&self, now: Instant) -> u32 {
        (self.index(now) & 0x3FFF) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // req: RTS-01, RTS-02
    fn counts_while_running_and_freezes_while_halted() {
        let mut clock = MicroframeClock::default();
        let at = |us| Instant::ZERO + Duration::from_micros(us);
        clock.start(at(10));
        assert_eq!(clock.mfindex(at(134)), 0);
        assert_eq!(clock.mfindex(at(135)), 1);
        assert_eq!(
            [clock.first_from(at(134)), clock.first_from(at(135)), clock.first_from(at(136))],
            [1, 1, 2]
        );
        clock.stop(at(385));
        assert_eq!(clock.mfindex(at(9_000)), 3);
        clock.start(at(10_000));
        assert_eq!(clock.start_of(clock.index(at(10_000)) + 1), at(10_125));
        assert_eq!(clock.mfindex(at(10_125)), 4);
        assert_eq!(clock.mfindex(at(10_000 + 125 * 0x4000)), 3);
    }
}
