//! The frames of a bus: no transaction goes on from one into the next.

use crate::bus::time::Pace;
use crate::microframes::MicroframeClock;
use sim_time::{Duration, Instant};

/// The part of a frame or microframe that transactions can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    /// The end of its start-of-frame packet.
    pub(crate) opens: Instant,
    /// Its end. A transaction begins only if it ends by then (TIM-08).
    pub(crate) closes: Instant,
}

impl Frame {
    /// Until when a transaction that begins at `now` has to wait: for the start-of-frame packet, or for the next frame
    /// if it would not end in this one (TIM-08). What is longer than a frame gets one of its own.
    pub(crate) fn postpones(&self, now: Instant, takes: impl FnOnce() -> Duration) -> Option<Instant> {
        if now < self.opens {
            return Some(self.opens);
        }
        (now > self.opens && now + takes() > self.closes).then_some(self.closes)
    }

    /// The frame at `now` of a bus.
    pub(crate) fn at(now: Instant, pace: Pace, microframes: &MicroframeClock) -> Self {
        let index = microframes.index(now);
        let (first, next) = if pace.speed().has_microframes() {
            (index, index.saturating_add(1))
        } else {
            (index & !7, (index | 7).saturating_add(1))
        };
        Self {
            opens: microframes.start_of(first) + pace.start_of_frame(),
            closes: microframes.start_of(next),
        }
    }
}
