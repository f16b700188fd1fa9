//! Bandwidth domains: one wire each, on which one transaction goes at a time (TIM-16, XFR-17).

use crate::agenda::{Agenda, EndpointId, Task};
use crate::bus::split::TranslatorKey;
use crate::profile::Policy;
use crate::slots::Place;
use sim_time::{Duration, Instant};
use std::collections::VecDeque;
use usb_spec::Speed;

/// A bus (BW-02): the high-speed bus that all USB 2 root ports share, or that of one of them; the full-speed bus of
/// a USB 2 root port; a USB 3 root port's wires to the host, or those away from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct DomainId(u16);

impl DomainId {
    const HIGH_SPEED: Self = Self(0);
    /// Buses of a root port.
    const PER_PORT: u16 = 2;

    /// The bus of an endpoint of a device at `place`. Only USB 3 has a wire for each direction.
    pub(crate) fn of(place: Place, is_in: bool, policy: &Policy) -> Self {
        let second = match place.speed {
            Speed::High if !policy.high_speed_bus_per_port => return Self::HIGH_SPEED,
            Speed::High => false,
            Speed::Full | Speed::Low => true,
            Speed::Super | Speed::SuperPlus => is_in,
        };
        let ports_before = u16::from(place.port.get()).saturating_sub(1);
        Self(ports_before.saturating_mul(Self::PER_PORT).saturating_add(if second { 2 } else { 1 }))
    }
}

/// Who waits for a bus, in the order of service.
#[derive(Clone, Debug, Default)]
struct Domain {
    /// The transaction that is on the wire.
    current: Option<EndpointId>,
    /// When it ends.
    until: Instant,
    isochronous: VecDeque<EndpointId>,
    interrupt: VecDeque<EndpointId>,
    control: VecDeque<EndpointId>,
    bulk: VecDeque<EndpointId>,
    /// A task for this bus is on the agenda, or being done.
    armed: bool,
}

/// The service class of an endpoint, in order of precedence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Class {
    Isochronous,
    Interrupt,
    Control,
    Bulk,
}

impl Class {
    /// The order of precedence.
    const ALL: [Self; 4] = [Self::Isochronous, Self::Interrupt, Self::Control, Self::Bulk];

    pub(crate) fn is_periodic(self) -> bool {
        matches!(self, Self::Isochronous | Self::Interrupt)
    }
}

/// All buses: those of the controller, and behind them those of transaction translators.
#[derive(Clone, Debug)]
pub(crate) struct Buses {
    domains: Vec<Domain>,
    translators: Vec<TranslatorKey>,
}

impl Buses {
    pub(crate) fn new(ports: usize) -> Self {
        let count = ports.saturating_mul(DomainId::PER_PORT.into()).saturating_add(1);
        Self { domains: (0..count).map(|_| Domain::default()).collect(), translators: Vec::new() }
    }

    fn get(&mut self, id: DomainId) -> Option<&mut Domain> {
        self.domains.get_mut(usize::from(id.0))
    }

    /// The bus behind a transaction translator, if a device has ever been there.
    pub(crate) fn find_translator(&self, key: TranslatorKey) -> Option<DomainId> {
        self.translators.iter().position(|other| *other == key).map(|index| self.translator_domain(index))
    }

    /// Translators come after the buses of the controller.
    fn translator_domain(&self, index: usize) -> DomainId {
        let first = self.domains.len().saturating_sub(self.translators.len());
        DomainId(u16::try_from(first.saturating_add(index)).unwrap_or(u16::MAX))
    }

    /// The bus behind a transaction translator (BW-02). One that nobody uses any more serves again.
    pub(crate) fn translator(&mut self, key: TranslatorKey, in_use: impl Fn(DomainId) -> bool) -> DomainId {
        if let Some(known) = self.find_translator(key) {
            return known;
        }
        let unused = (0..self.translators.len()).find(|index| !in_use(self.translator_domain(*index)));
        let index = unused.unwrap_or(self.translators.len());
        if let Some(entry) = self.translators.get_mut(index) {
            *entry = key;
        } else {
            self.translators.push(key);
            self.domains.push(Domain::default());
        }
        self.translator_domain(index)
    }

    /// Puts an endpoint in line. The caller sees to it that it is in line once.
    pub(crate) fn enqueue(
        &mut self,
        id: DomainId,
        class: Class,
        endpoint: EndpointId,
        now: Instant,
        agenda: &mut Agenda,
    ) {
        let Some(domain) = self.get(id) else { return };
        let queue = domain.queue(class);
        if class.is_periodic() {
            // TIM-16: by endpoint, however late one came.
            let place = queue.partition_point(|other| *other <= endpoint);
            queue.insert(place, endpoint);
        } else {
            queue.push_back(endpoint);
        }
        if domain.current.is_none() && !domain.armed {
            domain.armed = true;
            agenda.push(now, Task::Bus(id));
        }
    }

    /// Puts an endpoint whose burst goes on first in line of its class.
    pub(crate) fn go_first(&mut self, id: DomainId, class: Class, endpoint: EndpointId) {
        if let Some(domain) = self.get(id) {
            domain.queue(class).push_front(endpoint);
        }
    }

    /// A bus task came up: whose transaction ends.
    pub(crate) fn ended(&mut self, id: DomainId, now: Instant) -> Option<EndpointId> {
        let domain = self.get(id)?;
        domain.current.take_if(|_| domain.until <= now)
    }

    /// Takes every transaction off its bus, ended or not.
    pub(crate) fn take_current(&mut self) -> Vec<EndpointId> {
        self.domains.iter_mut().filter_map(|domain| domain.current.take()).collect()
    }

    /// Whose turn it is: isochronous, interrupt, control, bulk. A free bus only.
    pub(crate) fn next(&mut self, id: DomainId) -> Option<(Class, EndpointId)> {
        let domain = self.get(id)?;
        if domain.current.is_some() {
            return None;
        }
        Class::ALL
            .into_iter()
            .find_map(|class| domain.queue(class).pop_front().map(|endpoint| (class, endpoint)))
    }

    /// The endpoint's transaction is on the wire for `duration`.
    pub(crate) fn begin(
        &mut self,
        id: DomainId,
        endpoint: EndpointId,
        now: Instant,
        duration: Duration,
        agenda: &mut Agenda,
    ) {
        let Some(domain) = self.get(id) else { return };
        domain.current = Some(endpoint);
        domain.until = now + duration;
        agenda.push(domain.until, Task::Bus(id));
    }

    /// Nobody is in line: the next one to come wakes the bus.
    pub(crate) fn rest(&mut self, id: DomainId) {
        if let Some(domain) = self.get(id) {
            domain.armed = domain.current.is_some();
        }
    }

    /// The bus goes on at `at`, after other tasks of that time.
    pub(crate) fn go_on(&mut self, id: DomainId, at: Instant, agenda: &mut Agenda) {
        if self.get(id).is_some() {
            agenda.push(at, Task::Bus(id));
        }
    }

    /// Nothing fits into the rest of the microframe: the bus is looked at again at `at`, with `endpoint` first
    /// in its class.
    pub(crate) fn postpone(
        &mut self,
        id: DomainId,
        class: Class,
        endpoint: EndpointId,
        at: Instant,
        agenda: &mut Agenda,
    ) {
        let Some(domain) = self.get(id) else { return };
        domain.queue(class).push_front(endpoint);
        self.go_on(id, at, agenda);
    }

    /// Forgets an endpoint that left service.
    pub(crate) fn remove(&mut self, id: DomainId, endpoint: EndpointId) {
        let Some(domain) = self.get(id) else { return };
        if domain.current == Some(endpoint) {
            domain.current = None;
        }
        for class in Class::ALL {
            domain.queue(class).retain(|queued| *queued != endpoint);
        }
    }

    /// Everybody at any bus.
    pub(crate) fn all(&self) -> impl Iterator<Item = EndpointId> {
        self.domains.iter().flat_map(|domain| domain.in_line().chain(domain.current))
    }

    /// Translators whose buses are kept.
    pub(crate) fn translators(&self) -> usize {
        self.translators.len()
    }

    /// How often an endpoint is in line, and on a bus.
    pub(crate) fn places_of(&self, endpoint: EndpointId) -> (usize, usize) {
        let in_line =
            self.domains.iter().flat_map(Domain::in_line).filter(|queued| *queued == endpoint).count();
        let on_bus = self.domains.iter().filter(|domain| domain.current == Some(endpoint)).count();
        (in_line, on_bus)
    }

    pub(crate) fn clear(&mut self) {
        self.domains.iter_mut().for_each(|domain| *domain = Domain::default());
    }
}

impl Domain {
    fn in_line(&self) -> impl Iterator<Item = EndpointId> {
        [&self.isochronous, &self.interrupt, &self.control, &self.bulk].into_iter().flatten().copied()
    }

    fn queue(&mut self, class: Class) -> &mut VecDeque<EndpointId> {
        match class {
            Class::Isochronous => &mut self.isochronous,
            Class::Interrupt => &mut self.interrupt,
            Class::Control => &mut self.control,
            Class::Bulk => &mut self.bulk,
        }
    }
}
