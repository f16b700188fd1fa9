use sim_time::{Duration, Instant};

/// Real time as virtual time: both run at the same speed, and virtual time begins when the server does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealClock {
    start: std::time::Instant,
}

impl RealClock {
    pub(crate) fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }

    pub(crate) fn now(&self) -> Instant {
        let nanos = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Instant::ZERO + Duration::from_nanos(nanos)
    }

    /// When the real clock will show `at`.
    pub(crate) fn real(&self, at: Instant) -> std::time::Instant {
        self.start + std::time::Duration::from_nanos(at.since(Instant::ZERO).as_nanos())
    }
}
