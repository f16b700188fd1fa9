//! What was on the buses, from the event log.

use super::Machine;
use sim_time::{Duration, Instant};
use xhci_model::{EndpointId, Event, LogLevel, Outcome, TransactionKind};

/// One transaction; all packets of its interval for an isochronous endpoint.
#[derive(Clone, Copy, Debug)]
pub struct OnBus {
    pub begin: Instant,
    pub end: Instant,
    pub endpoint: EndpointId,
    pub kind: TransactionKind,
    pub bytes: u32,
    pub outcome: Outcome,
}

impl OnBus {
    pub fn duration(&self) -> Duration {
        self.end.since(self.begin)
    }
}

impl Machine {
    pub fn log_bus(&mut self) {
        self.xhc.set_log_level(LogLevel::Full);
        self.xhc.drain_log().for_each(drop);
    }

    /// The transactions that ended since the last call.
    pub fn on_bus(&mut self) -> Vec<OnBus> {
        let transaction = |(end, event): (Instant, Event)| match event {
            Event::Transaction { endpoint, kind, bytes, outcome, duration } => Some(OnBus {
                begin: Instant::from_ticks(end.as_ticks() - duration.as_ticks()),
                end,
                endpoint,
                kind,
                bytes,
                outcome,
            }),
            _ => None,
        };
        self.xhc.drain_log().filter_map(transaction).collect()
    }

    /// When MFINDEX was 0. The controller must be running, and this run be its first.
    pub fn origin(&mut self) -> Instant {
        let into_wrap = u64::from(self.read(self.runtime) & 0x3FFF);
        // To the next microframe, tick by tick of the counter.
        let mut low = Duration::ZERO;
        let mut high = Duration::MICROFRAME;
        while high.as_ticks() - low.as_ticks() > 1 {
            let middle = Duration::from_ticks((low.as_ticks() + high.as_ticks()) / 2);
            let then = u64::from(self.xhc.read32(self.now + middle, self.runtime) & 0x3FFF);
            if then == into_wrap { low = middle } else { high = middle }
        }
        let next = self.now + high;
        Instant::from_ticks(next.as_ticks() - (into_wrap + 1) * Duration::MICROFRAME.as_ticks())
    }

    /// Lets time pass until a frame begins.
    pub fn reach_next_frame(&mut self) -> Instant {
        let origin = self.origin();
        let into = self.now.since(origin).as_ticks() % Duration::FRAME.as_ticks();
        let left = Duration::from_ticks(Duration::FRAME.as_ticks() - into);
        self.run(left);
        self.now
    }
}
