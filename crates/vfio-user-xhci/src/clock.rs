use sim_time::{Duration, Instant};

/// Real time as virtual time, which begins when the server does and runs at the same speed or so many times slower.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealClock {
    start: std::time::Instant,
    slow_down: u32,
}

impl RealClock {
    pub(crate) fn new(slow_down: u32) -> Self {
        Self { start: std::time::Instant::now(), slow_down: slow_down.max(1) }
    }

    pub(crate) fn now(&self) -> Instant {
        let nanos = u64::try_from((self.start.elapsed() / self.slow_down).as_nanos()).unwrap_or(u64::MAX);
        Instant::ZERO + Duration::from_nanos(nanos)
    }

    /// When the real clock will show `at`.
    pub(crate) fn real(&self, at: Instant) -> std::time::Instant {
        let real = std::time::Duration::from_nanos(at.since(Instant::ZERO).as_nanos());
        // Later than a clock can show is never.
        real.checked_mul(self.slow_down)
            .and_then(|real| self.start.checked_add(real))
            .unwrap_or_else(|| self.start + std::time::Duration::from_secs(1 << 32))
    }
}
