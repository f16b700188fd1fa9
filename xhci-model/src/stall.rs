//! A controller that is late (TIM-29): for a while it does nothing, and then all that has become due.

use sim_time::{Duration, Instant};

/// The last stretch of time in which the controller was made to do nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stall {
    from: Instant,
    until: Instant,
}

impl Stall {
    /// From `now` on for `duration`; a stall that is under way is not shortened.
    pub(crate) fn begin(&mut self, now: Instant, duration: Duration) {
        let until = now + duration;
        if now < self.until {
            self.until = self.until.max(until);
        } else {
            *self = Self { from: now, until };
        }
    }

    /// When that is done which is due at `at`.
    #[inline]
    pub(crate) fn delay(&self, at: Instant) -> Instant {
        if self.from <= at && at < self.until { self.until } else { at }
    }

    /// Up to which deadline the controller has come at `now`; `None` if not beyond the time zero.
    pub(crate) fn reached(&self, now: Instant) -> Option<Instant> {
        if self.from <= now && now < self.until {
            return self.from.as_ticks().checked_sub(1).map(Instant::from_ticks);
        }
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // req: TIM-29
    fn what_falls_into_the_stall_is_done_at_its_end() {
        let at = Instant::from_ticks;
        let mut stall = Stall::default();
        assert_eq!([stall.delay(at(0)), stall.delay(at(7))], [at(0), at(7)]);
        assert_eq!(stall.reached(at(0)), Some(at(0)));
        stall.begin(at(10), Duration::from_ticks(5));
        assert_eq!([9, 10, 14, 15].map(|ticks| stall.delay(at(ticks))), [at(9), at(15), at(15), at(15)]);
        assert_eq!([9, 10, 14, 15].map(|ticks| stall.reached(at(ticks))), [9, 9, 9, 15].map(|t| Some(at(t))));
        // Inside of it another: the later end counts.
        stall.begin(at(12), Duration::from_ticks(1));
        assert_eq!(stall.delay(at(10)), at(15));
        stall.begin(at(14), Duration::from_ticks(6));
        assert_eq!(stall.delay(at(10)), at(20));
        stall.begin(at(20), Duration::from_ticks(1));
        assert_eq!([stall.delay(at(19)), stall.delay(at(20))], [at(19), at(21)]);
        let mut stall = Stall::default();
        stall.begin(at(0), Duration::from_ticks(2));
        assert_eq!([0, 1, 2].map(|ticks| stall.reached(at(ticks))), [None, None, Some(at(2))]);
    }
}
