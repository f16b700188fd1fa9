use core::fmt;
use core::ops::{Add, AddAssign, Div, Mul, Sub};

/// A length of virtual time, in ticks of 1/60 ns. Arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(u64);

impl Duration {
    /// Ticks in a nanosecond.
    pub const TICKS_PER_NS: u64 = 60;
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest duration.
    pub const MAX: Self = Self(u64::MAX);
    /// One microframe, 125 µs.
    pub const MICROFRAME: Self = Self::from_micros(125);
    /// One full-speed frame, 1 ms.
    pub const FRAME: Self = Self::from_millis(1);

    /// From ticks of 1/60 ns.
    pub const fn from_ticks(ticks: u64) -> Self {
        Self(ticks)
    }
    /// From nanoseconds.
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns.saturating_mul(Self::TICKS_PER_NS))
    }
    /// From microseconds.
    pub const fn from_micros(us: u64) -> Self {
        Self::from_nanos(us.saturating_mul(1_000))
    }
    /// From milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self::from_nanos(ms.saturating_mul(1_000_000))
    }
    /// From seconds.
    pub const fn from_secs(s: u64) -> Self {
        Self::from_nanos(s.saturating_mul(1_000_000_000))
    }
    /// In ticks of 1/60 ns.
    pub const fn as_ticks(self) -> u64 {
        self.0
    }
    /// Whole nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0 / Self::TICKS_PER_NS
    }
    /// Whole microseconds.
    pub const fn as_micros(self) -> u64 {
        self.as_nanos() / 1_000
    }
    /// Whole milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.as_nanos() / 1_000_000
    }
    /// Seconds, for showing to people only.
    #[expect(clippy::cast_precision_loss, reason = "shown to people with a few digits")]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / (Self::TICKS_PER_NS as f64 * 1e9)
    }
    /// How many whole `unit`s fit; 0 for a zero unit.
    pub const fn div_floor(self, unit: Self) -> u64 {
        match self.0.checked_div(unit.0) {
            Some(n) => n,
            None => 0,
        }
    }
    /// This duration `n` times.
    pub const fn saturating_mul(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }
}

impl Add for Duration {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl Sub for Duration {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl Mul<u64> for Duration {
    type Output = Self;
    fn mul(self, n: u64) -> Self {
        self.saturating_mul(n)
    }
}

impl Div<u64> for Duration {
    type Output = Self;
    /// Division by zero gives zero.
    fn div(self, n: u64) -> Self {
        Self(self.0.checked_div(n).unwrap_or(0))
    }
}

impl fmt::Display for Duration {
    /// In the largest unit that keeps the number at least one: `125 us`, `1.500 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.as_nanos();
        let (unit, name) = match ns {
            0..1_000 => return write!(f, "{ns} ns"),
            1_000..1_000_000 => (1_000, "us"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        if ns.is_multiple_of(unit) {
            write!(f, "{} {name}", ns / unit)
        } else {
            write!(f, "{}.{:03} {name}", ns / unit, ns % unit / (unit / 1_000))
        }
    }
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn bus_units_are_whole_ticks() {
        assert_eq!(Duration::MICROFRAME.as_ticks(), 7_500_000);
        assert_eq!(Duration::from_nanos(250).as_ticks(), 15_000);
    }

    #[test]
    fn shown_in_the_largest_fitting_unit() {
        let shown = |ns| Duration::from_nanos(ns).to_string();
        assert_eq!(shown(999), "999 ns");
        assert_eq!(shown(125_000), "125 us");
        assert_eq!(shown(1_500_000), "1.500 ms");
        assert_eq!(shown(10_000_000_000), "10 s");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Duration::MAX + Duration::FRAME, Duration::MAX);
        assert_eq!(Duration::ZERO - Duration::FRAME, Duration::ZERO);
        assert_eq!(Duration::FRAME / 0, Duration::ZERO);
    }
}
