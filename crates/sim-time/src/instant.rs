use crate::Duration;
use core::fmt;
use core::ops::{Add, AddAssign, Sub};

/// A point of virtual time: ticks of 1/60 ns since the world began. Wraps never: 9.7 years fit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The beginning of the world.
    pub const ZERO: Self = Self(0);
    /// Later than everything.
    pub const MAX: Self = Self(u64::MAX);

    /// From ticks of 1/60 ns since the beginning.
    pub const fn from_ticks(ticks: u64) -> Self {
        Self(ticks)
    }
    /// Ticks of 1/60 ns since the beginning.
    pub const fn as_ticks(self) -> u64 {
        self.0
    }
    /// The time since the beginning.
    pub const fn since_start(self) -> Duration {
        Duration::from_ticks(self.0)
    }
    /// The time since `earlier`; zero if that is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_ticks(self.0.saturating_sub(earlier.0))
    }
    /// The first multiple of `unit` (counted from the beginning) that is not before this instant.
    pub const fn round_up(self, unit: Duration) -> Self {
        match self.0.checked_next_multiple_of(unit.as_ticks()) {
            Some(ticks) => Self(ticks),
            None => self,
        }
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs.as_ticks()))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, rhs: Self) -> Duration {
        self.since(rhs)
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(rhs.as_ticks()))
    }
}

impl fmt::Display for Instant {
    /// Seconds with nine digits, cut (not rounded) to the nanosecond.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.since_start().as_nanos();
        write!(f, "{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_up_keeps_multiples() {
        let unit = Duration::MICROFRAME;
        assert_eq!(Instant::ZERO.round_up(unit), Instant::ZERO);
        assert_eq!((Instant::ZERO + unit).round_up(unit), Instant::ZERO + unit);
        assert_eq!(Instant::from_ticks(1).round_up(unit), Instant::ZERO + unit);
        assert_eq!(Instant::from_ticks(7).round_up(Duration::ZERO), Instant::from_ticks(7));
    }
}
