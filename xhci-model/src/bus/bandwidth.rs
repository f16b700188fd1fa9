//! What periodic endpoints may take of the buses (xHCI 4.16, USB 2.0 5.6.4, 5.7.4).
//!
//! A ledger is made when the question is asked, from the endpoints that are there: nothing has to be given back.

use super::DomainId;
use sim_time::Duration;
use std::collections::BTreeMap;
use usb_spec::Speed;

/// Loads are looked at over so many microframes; an endpoint with a longer interval counts as if it were served
/// once in them.
const WINDOW: u64 = 1024;
/// Microframes of a full-speed frame.
const FRAME: u64 = 8;
/// Over so many microframes the tokens of one split transaction go.
pub(crate) const SPLIT_MICROFRAMES: usize = 8;

/// What one periodic endpoint takes in each of its service intervals, at the worst (BW-03).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Demand {
    pub(crate) bus: DomainId,
    /// The speed of the device, which is that of the bus.
    pub(crate) speed: Speed,
    /// ISO-26: its intervals begin in the first of their frames.
    pub(crate) isochronous: bool,
    /// Service interval in microframes, a power of two.
    pub(crate) interval: u64,
    pub(crate) time: Duration,
    /// Behind a transaction translator: what the split transaction takes of the high-speed bus.
    pub(crate) split: Option<SplitDemand>,
}

/// Time on a high-speed bus, by microframes from the first start-split on (BW-08).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SplitDemand {
    pub(crate) bus: DomainId,
    pub(crate) microframes: [Duration; SPLIT_MICROFRAMES],
}

/// What an endpoint cannot have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shortage {
    /// A bus of the controller itself is full.
    Primary,
    /// The bus behind a transaction translator is full.
    Secondary,
}

/// The loads of some buses.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    loads: BTreeMap<DomainId, Load>,
}

impl Ledger {
    /// Enters an endpoint that was admitted, at its phase.
    pub(crate) fn enter(&mut self, demand: &Demand, phase: u64) {
        self.load(demand.bus, demand.speed).add(demand.interval, phase, demand.time);
        if let Some(split) = &demand.split {
            let load = self.load(split.bus, Speed::High);
            for (microframe, time) in (0..).zip(split.microframes) {
                load.add(demand.interval, phase.saturating_add(microframe), time);
            }
        }
    }

    /// Finds the phase of the lowest load for an endpoint (BW-04), the first of several, and enters it there.
    /// Without `limited` there is always one.
    pub(crate) fn admit(&mut self, demand: &Demand, limited: bool) -> Result<u64, Shortage> {
        let candidates = demand.phases();
        let mut best: Option<(Duration, Duration, u64)> = None;
        for phase in candidates {
            let own = self.load(demand.bus, demand.speed).worst(demand.interval, phase);
            let over = demand.split.map_or(Duration::ZERO, |split| {
                let load = self.load(split.bus, Speed::High);
                let at = |microframe| load.worst(demand.interval, phase.saturating_add(microframe));
                let sums = (0..).zip(split.microframes).map(|(microframe, time)| at(microframe) + time);
                sums.max().unwrap_or_default()
            });
            if best.is_none_or(|(lowest, parent, _)| (own, over) < (lowest, parent)) {
                best = Some((own, over, phase));
            }
        }
        let (own, over, phase) = best.unwrap_or_default();
        if limited {
            if over > limit(Speed::High) {
                return Err(Shortage::Primary);
            }
            if own + demand.time > limit(demand.speed) {
                return Err(if demand.split.is_some() { Shortage::Secondary } else { Shortage::Primary });
            }
        }
        self.enter(demand, phase);
        Ok(phase)
    }

    /// BW-10: percent of the bus time that periodic endpoints can still get, at the worst time.
    pub(crate) fn percent_left(&mut self, bus: DomainId, speed: Speed) -> u8 {
        let left = limit(speed) - self.load(bus, speed).worst(1, 0);
        let percent = (left * 100).div_floor(frame(speed));
        u8::try_from(percent).unwrap_or(0)
    }

    /// What a bus has without any periodic endpoint.
    pub(crate) fn idle_percent(speed: Speed) -> u8 {
        let percent = (limit(speed) * 100).div_floor(frame(speed));
        u8::try_from(percent).unwrap_or(0)
    }

    fn load(&mut self, bus: DomainId, speed: Speed) -> &mut Load {
        self.loads.entry(bus).or_insert_with(|| Load::new(speed))
    }
}

impl Demand {
    /// The buses that it is a load of.
    pub(crate) fn buses(&self) -> impl Iterator<Item = DomainId> + use<> {
        core::iter::once(self.bus).chain(self.split.map(|split| split.bus))
    }

    /// The phases at which its intervals may begin (BW-04, ISO-26).
    fn phases(&self) -> impl Iterator<Item = u64> + use<> {
        let (end, step) = match (self.isochronous, self.speed.has_microframes()) {
            (true, true) => (self.interval.min(FRAME), 1),
            (true, false) => (1, FRAME),
            (false, true) => (self.interval.min(WINDOW), 1),
            (false, false) => (self.interval.min(WINDOW), FRAME),
        };
        (0..end).step_by(usize::try_from(step).unwrap_or(1))
    }
}

/// BW-01: what all periodic endpoints may have of a frame.
fn limit(speed: Speed) -> Duration {
    frame(speed) * if speed == Speed::High { 80 } else { 90 } / 100
}

fn frame(speed: Speed) -> Duration {
    if speed.has_microframes() { Duration::MICROFRAME } else { Duration::FRAME }
}

/// Time taken in each frame, or microframe, of the window.
#[derive(Debug)]
struct Load {
    /// Microframes of one entry.
    grain: u64,
    taken: Vec<Duration>,
}

impl Load {
    fn new(speed: Speed) -> Self {
        let grain = if speed.has_microframes() { 1 } else { FRAME };
        let entries = WINDOW.checked_div(grain).unwrap_or(WINDOW);
        Self { grain, taken: vec![Duration::ZERO; usize::try_from(entries).unwrap_or(0)] }
    }

    fn add(&mut self, interval: u64, phase: u64, time: Duration) {
        let (first, step) = self.entries(interval, phase);
        self.taken.iter_mut().skip(first).step_by(step).for_each(|taken| *taken += time);
    }

    /// The most that is taken in any of an endpoint's intervals.
    fn worst(&self, interval: u64, phase: u64) -> Duration {
        let (first, step) = self.entries(interval, phase);
        self.taken.iter().skip(first).step_by(step).copied().max().unwrap_or_default()
    }

    /// The first entry of a phase, and from each to the next.
    fn entries(&self, interval: u64, phase: u64) -> (usize, usize) {
        let interval = interval.clamp(self.grain, WINDOW);
        let first = phase.checked_rem(interval).unwrap_or(0).checked_div(self.grain).unwrap_or(0);
        let step = interval.checked_div(self.grain).unwrap_or(1);
        (usize::try_from(first).unwrap_or(0), usize::try_from(step).unwrap_or(1).max(1))
    }
}
