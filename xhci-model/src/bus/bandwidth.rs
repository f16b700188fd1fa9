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

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "figures of a test")]
mod tests {
    use super::*;
    use crate::bus::time::Pace;
    use crate::event::TransactionKind;
    use crate::profile::Policy;
    use crate::route::Route;
    use crate::slots::Place;
    use xhci_spec::PortId;

    fn bus(port: u8, speed: Speed) -> DomainId {
        let port = PortId::new(port).unwrap();
        let place = Place { port, route: Route::ROOT, speed, translator: None };
        DomainId::of(place, false, &Policy::DEFAULT)
    }

    fn demand(speed: Speed, isochronous: bool, interval: u64, ticks: u64) -> Demand {
        let time = Duration::from_ticks(ticks);
        Demand { bus: bus(1, speed), speed, isochronous, interval, time, split: None }
    }

    #[test] // req: BW-01, BW-03
    fn a_bus_is_filled_to_its_limit_and_not_a_tick_more() {
        for (speed, interval, limit) in [
            (Speed::High, 1, 6_000_000),
            (Speed::Full, 8, 54_000_000),
            (Speed::Low, 8, 54_000_000),
            (Speed::Super, 1, 6_750_000),
            (Speed::SuperPlus, 1, 6_750_000),
        ] {
            let mut ledger = Ledger::default();
            let some = demand(speed, true, interval, limit - 1000);
            assert_eq!(ledger.admit(&some, true), Ok(0));
            assert_eq!(ledger.admit(&demand(speed, true, interval, 1001), true), Err(Shortage::Primary));
            assert_eq!(ledger.admit(&demand(speed, true, interval, 1000), true), Ok(0), "{speed}");
            assert_eq!(ledger.percent_left(bus(1, speed), speed), 0);
            assert_eq!(ledger.admit(&demand(speed, true, interval, 1), true), Err(Shortage::Primary));
            // Without limits, over it.
            assert_eq!(ledger.admit(&demand(speed, true, interval, limit), false), Ok(0));
            assert_eq!(ledger.percent_left(bus(1, speed), speed), 0);
        }
    }

    #[test] // req: BW-04, ISO-26
    fn the_first_phase_of_the_lowest_load_is_taken() {
        let mut ledger = Ledger::default();
        let mut take = |speed, isochronous, interval, ticks| {
            ledger.admit(&demand(speed, isochronous, interval, ticks), true)
        };
        // High speed: microframes of the interval in turn; the last one is shared by the smallest loads.
        let phases: Vec<_> = [50, 10, 20, 30, 40].map(|us| take(Speed::High, false, 4, us * 60_000)).to_vec();
        assert_eq!(phases, [Ok(0), Ok(1), Ok(2), Ok(3), Ok(1)]);
        // 50, 50, 20, 30: each eighth microframe is under one of these.
        assert_eq!(take(Speed::High, true, 8, 60_000), Ok(2));
        assert_eq!(take(Speed::High, true, 8, 60_000), Ok(6));
        assert_eq!(take(Speed::High, true, 64, 60_000), Ok(2), "21 and 21; within the first frame");
        assert_eq!(take(Speed::High, true, 64, 60_000), Ok(6));
        assert_eq!(take(Speed::High, false, 64, 60_000), Ok(10), "anywhere");
        // Every second one: the worse of two decides.
        assert_eq!(take(Speed::High, true, 2, 60_000), Ok(0));
        // Full speed: frames. Isochronous endpoints have no choice.
        assert_eq!(take(Speed::Full, false, 32, 60_000), Ok(0));
        assert_eq!(take(Speed::Full, false, 32, 60_000), Ok(8));
        assert_eq!(take(Speed::Full, true, 32, 60_000), Ok(0));
        assert_eq!(take(Speed::Full, false, 32, 60_000), Ok(16));
    }

    #[test] // req: BW-03
    fn long_intervals_count_once_in_a_window() {
        let mut ledger = Ledger::default();
        for phase in 0..8 {
            assert_eq!(ledger.admit(&demand(Speed::High, true, 1 << 15, 6_000_000), true), Ok(phase));
        }
        let more = demand(Speed::High, true, 1 << 14, 1);
        assert_eq!(ledger.admit(&more, true), Err(Shortage::Primary));
        assert_eq!(ledger.admit(&demand(Speed::High, false, 1 << 15, 6_000_000), true), Ok(8));
        assert_eq!(ledger.admit(&demand(Speed::High, false, 1, 1), true), Err(Shortage::Primary));
    }

    #[test] // req: BW-08
    fn a_split_transaction_needs_both_buses() {
        let mut microframes = [Duration::ZERO; SPLIT_MICROFRAMES];
        microframes[0] = Duration::from_ticks(1_000_000);
        microframes[2] = Duration::from_ticks(2_000_000);
        let split = Some(SplitDemand { bus: bus(1, Speed::High), microframes });
        let behind = |port, ticks| Demand {
            bus: bus(port, Speed::Full),
            split,
            ..demand(Speed::Full, true, 8, ticks)
        };
        let mut ledger = Ledger::default();
        assert_eq!(ledger.admit(&behind(1, 50_000_000), true), Ok(0));
        assert_eq!(ledger.admit(&behind(1, 5_000_000), true), Err(Shortage::Secondary));
        assert_eq!(ledger.admit(&behind(2, 50_000_000), true), Ok(0));
        assert_eq!(ledger.admit(&behind(3, 50_000_000), true), Ok(0));
        // Three times 2 000 000 of 6 000 000 ticks in every eighth microframe.
        assert_eq!(ledger.admit(&behind(4, 50_000_000), true), Err(Shortage::Primary));
        assert_eq!(ledger.percent_left(bus(1, Speed::High), Speed::High), 0);
        // In the first one there is room for half of it.
        assert_eq!(ledger.admit(&demand(Speed::High, true, 8, 6_000_000), true), Ok(1));
        assert_eq!(ledger.admit(&demand(Speed::High, true, 8, 3_000_000), true), Ok(3));
    }

    /// How many endpoints the software model of Linux for Panther Point (`xhci_check_bw_table`) admits: a limit in
    /// blocks, of which so many percent are kept free, an overhead for each packet and each burst.
    fn linux(speed: Speed, packet: u64, packets: u64) -> u64 {
        let (limit, reserved, block, overhead, burst) = match speed {
            Speed::Low => (1285, 10, 1, 128, 0),
            Speed::Full => (1285, 10, 1, 20, 0),
            Speed::High => (1607, 20, 4, 26, 0),
            Speed::Super | Speed::SuperPlus => (3906, 10, 16, 8, 32),
        };
        let left = limit - u64::div_ceil(limit * reserved, 100);
        left / (packets * (overhead + packet.div_ceil(block)) + burst)
    }

    #[test] // req: BW-07
    fn no_less_is_admitted_than_linux_counts_on() {
        for (speed, isochronous, packet, packets) in [
            (Speed::Low, false, 8, 1),
            (Speed::Low, false, 1, 1),
            (Speed::Full, false, 64, 1),
            (Speed::Full, false, 8, 1),
            (Speed::Full, true, 1023, 1),
            (Speed::Full, true, 360, 1),
            (Speed::Full, true, 192, 1),
            (Speed::High, false, 64, 1),
            (Speed::High, false, 1024, 1),
            (Speed::High, true, 1024, 1),
            (Speed::High, true, 1024, 3),
            (Speed::High, true, 512, 2),
            (Speed::High, true, 192, 1),
            (Speed::Super, true, 1024, 48),
            (Speed::Super, true, 1024, 16),
            (Speed::Super, true, 1024, 1),
            (Speed::Super, false, 64, 1),
        ] {
            let pace = Pace::of(speed, &Policy::DEFAULT).worst();
            let each = if isochronous {
                pace.isochronous(true, packet)
            } else {
                pace.transaction(TransactionKind::In, packet)
            };
            let interval = if speed.has_microframes() { 1 } else { 8 };
            let demand = demand(speed, isochronous, interval, (each * packets).as_ticks());
            let mut ledger = Ledger::default();
            let ours = (0..10_000).take_while(|_| ledger.admit(&demand, true).is_ok()).count();
            let linux = linux(speed, packet, packets);
            let least = linux * if speed == Speed::Low { 85 } else { 95 } / 100;
            assert!(
                u64::try_from(ours).is_ok_and(|ours| ours >= least),
                "{speed} {packet}: {ours}, Linux {linux}"
            );
        }
    }
}
