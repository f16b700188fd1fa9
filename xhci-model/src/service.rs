//! Endpoints in service: from a doorbell to a place in line for the bus, onto it, and back to the ring.

use crate::agenda::{EndpointId, Task};
use crate::bus::DomainId;
use crate::bus::domain::Class;
use crate::bus::frame::Frame;
use crate::controller::Xhci;
use crate::core::Core;
use crate::dma::{Dma, DmaError};
use crate::endpoints::Endpoint;
use crate::endpoints::completion::{Completions, transfer_event};
use crate::endpoints::td::{Head, TRBS_PER_VISIT, needs_no_bus};
use crate::endpoints::transact::{Flight, Next};
use crate::event::{Event, Outcome};
use crate::fault::{Probe, Wire};
use crate::interrupters::{Interrupters, Pending};
use crate::ports::Link;
use crate::rings::consumer::Fetched;
use crate::slots::Life;
use crate::splits::Split;
use sim_time::{Duration, Instant};
use xhci_spec::context::EndpointState;
use xhci_spec::{CompletionCode, InterrupterId};

/// SEC-03: so many endpoints without work are passed over before the bus lets other tasks in.
const SKIPS_PER_TURN: u32 = 64;

/// What came of an endpoint's turn.
pub(crate) enum Turn {
    /// Its transaction is on the wire for so long.
    Begun(Duration),
    /// Nothing to do, or not now.
    Passed,
    /// Its transaction fits only into a later frame.
    Postponed(Instant),
}

impl Xhci {
    /// A doorbell reaches its endpoint (DBS-07 to DBS-09).
    pub(crate) fn doorbell<D: Dma>(
        &mut self,
        id: EndpointId,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        if !self.core.running() {
            return Ok(());
        }
        let Some(endpoint) = self.slots.endpoint(id) else {
            return self.endpoint_not_enabled(id, now, dma);
        };
        // SEC-15: a doorbell from before a halt, or of an endpoint that is gone.
        if !core::mem::take(&mut endpoint.doorbell) {
            return Ok(());
        }
        match endpoint.state {
            EndpointState::STOPPED => self.set_endpoint_state(id, EndpointState::RUNNING, now, dma)?,
            EndpointState::RUNNING => {}
            _ => {
                if let Some(streams) = &mut endpoint.streams {
                    streams.forget_doorbells();
                }
                return Ok(());
            }
        }
        if let Some(endpoint) = self.slots.endpoint(id)
            && let Some(streams) = &mut endpoint.streams
            && core::mem::take(&mut streams.bad_doorbell)
        {
            // STR-08: told, and nothing else.
            self.tell_of_endpoint(id, CompletionCode::INVALID_STREAM_ID, now, dma)?;
        }
        self.kick(id, now);
        Ok(())
    }

    fn endpoint_not_enabled<D: Dma>(
        &mut self,
        id: EndpointId,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        if !self.slots.answer_due(id.slot, false) {
            return Ok(());
        }
        // DBS-06: without a device there is no context that could name an interrupter.
        let target = match self.slots.get(id.slot) {
            Some(slot) if slot.life != Life::Enabled => slot.interrupter_target(),
            _ => InterrupterId::PRIMARY,
        };
        let event = transfer_event(id, 0, CompletionCode::ENDPOINT_NOT_ENABLED, 0);
        self.interrupters.post(target, Pending::interrupting(event.to_trb()), now, &mut self.core, dma)
    }

    /// Gives a running endpoint that rests a reason to look at its ring.
    pub(crate) fn kick(&mut self, id: EndpointId, now: Instant) {
        let Self { slots, buses, core, .. } = self;
        let Some(endpoint) = slots.endpoint(id) else { return };
        if endpoint.busy || !endpoint.is_running() {
            return;
        }
        endpoint.busy = true;
        if endpoint.class.is_periodic() {
            self.arm_first_interval(id, now);
        } else {
            // TIM-19: a TRB and its data are read first.
            let takes = core.latency(|all| all.memory_read) + core.latency(|all| all.memory_read);
            if takes == Duration::ZERO {
                buses.enqueue(endpoint.domain, endpoint.class, id, now, &mut core.agenda);
            } else {
                let generation = endpoint.generation;
                core.agenda.push(now + takes, Task::Retry { endpoint: id, generation });
            }
        }
    }

    /// A NAKed endpoint gets in line again.
    pub(crate) fn retry(&mut self, id: EndpointId, generation: u32, now: Instant) {
        let Self { slots, buses, core, .. } = self;
        if let Some(endpoint) = slots.endpoint(id)
            && endpoint.generation == generation
            && endpoint.is_running()
        {
            buses.enqueue(endpoint.domain, endpoint.class, id, now, &mut core.agenda);
        }
    }

    /// A transaction ended, or a bus has somebody in line: who is next.
    pub(crate) fn bus<D: Dma>(&mut self, bus: DomainId, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        if let Some(id) = self.buses.ended(bus, now)
            && !self.split_goes_on(id, bus, now)
        {
            self.end_transaction(id, now, dma)?;
            self.continue_command(id, now);
        }
        if !self.core.running() {
            return Ok(());
        }
        for _ in 0..SKIPS_PER_TURN {
            let Some((class, id)) = self.buses.next(bus) else {
                self.buses.rest(bus);
                return Ok(());
            };
            match self.begin_transaction(bus, class, id, now, dma)? {
                Turn::Begun(duration) => {
                    self.buses.begin(bus, id, now, duration, &mut self.core.agenda);
                    return Ok(());
                }
                Turn::Passed => {}
                Turn::Postponed(at) => {
                    self.buses.postpone(bus, class, id, at, &mut self.core.agenda);
                    return Ok(());
                }
            }
        }
        self.buses.go_on(bus, now, &mut self.core.agenda);
        Ok(())
    }

    fn begin_transaction<D: Dma>(
        &mut self,
        bus: DomainId,
        class: Class,
        id: EndpointId,
        now: Instant,
        dma: &mut D,
    ) -> Result<Turn, DmaError> {
        if let Some(endpoint) = self.slots.endpoint(id)
            && endpoint.split.started
            && bus == endpoint.domain
        {
            return Ok(endpoint.go_on_with_split(now, &mut self.core));
        }
        if class == Class::Isochronous && self.misses_interval(id, now, dma)? {
            return Ok(Turn::Passed);
        }
        if class == Class::Bulk && !self.choose_stream(id, now, dma)? {
            return Ok(Turn::Passed);
        }
        let Self { slots, ports, core, interrupters, completions, packet, .. } = self;
        let Some(slot) = slots.get(id.slot) else { return Ok(Turn::Passed) };
        let address = slot.address;
        let Some(endpoint) = slot.endpoint(id.dci) else { return Ok(Turn::Passed) };
        if !endpoint.is_running() || endpoint.stopping {
            endpoint.busy = false;
            return Ok(Turn::Passed);
        }
        let head = if class == Class::Isochronous {
            // The service interval found its TD; the bus only had to come free.
            Head::Data { is_in: endpoint.is_in(), bytes: endpoint.td_bytes }
        } else {
            match look(endpoint, interrupters, completions, core, now, dma)? {
                Look::Head(head) => head,
                Look::Full(target) => {
                    endpoint.busy = false;
                    interrupters.wait(target, id);
                    return Ok(Turn::Passed);
                }
            }
        };
        match head {
            Head::Idle | Head::Incomplete => {
                if endpoint.streams.is_some() {
                    self.rest_stream(id, now, dma)?;
                } else {
                    endpoint.busy = false;
                }
                return Ok(Turn::Passed);
            }
            Head::Busy | Head::Event => {
                self.retry_later(id, now);
                return Ok(Turn::Passed);
            }
            Head::Malformed(at) => {
                self.trb_error(id, at, now, dma)?;
                return Ok(Turn::Passed);
            }
            Head::Setup(_) | Head::Status { .. } | Head::Data { .. } => {}
        }
        if class == Class::Interrupt && interval_is_full(endpoint, head) {
            self.arm_next_interval(id, now);
            return Ok(Turn::Passed);
        }
        let device = match ports.get_mut(endpoint.port).map(|port| port.link()) {
            Some(Link::Active(device)) => Some(device),
            Some(Link::Suspended) => {
                endpoint.wait_for_port();
                return Ok(Turn::Passed);
            }
            Some(Link::Dead) | None => None,
        };
        if let Some(translator) = endpoint.translator.filter(|translator| translator.bus != bus) {
            return Ok(endpoint.begin_split(&translator, head, device, now, core));
        }
        let frame = Frame::at(now, endpoint.pace, &core.microframes);
        if let Some(at) = frame.postpones(now, || endpoint.longest(head)) {
            return Ok(Turn::Postponed(at));
        }
        let probe = Probe { endpoint: id, port: endpoint.port };
        let flight = endpoint.route.reach(device, now, |device| {
            let mut wire = Wire::new(device, &mut core.faults, probe);
            let flight = if class == Class::Isochronous {
                endpoint.transact_isochronous(address, &mut wire, packet, now, dma)
            } else {
                endpoint.transact(head, address, &mut wire, packet, now, dma)
            };
            flight.map(|flight| Flight { duration: flight.duration + wire.delay(), ..flight })
        });
        let flight = match (flight, head) {
            (Ok(flight), _) => flight,
            // ERR-02
            (Err(_), Head::Data { is_in, .. }) if core.profile.policy.data_buffer_error => {
                endpoint.without_buffer(is_in)
            }
            (Err(error), _) => return Err(error),
        };
        endpoint.packets_used = endpoint.packets_used.saturating_add(1);
        endpoint.flight = Some(flight);
        let Some(translator) = &endpoint.translator else { return Ok(Turn::Begun(flight.duration)) };
        let thinks = translator.think_time();
        endpoint.split_moves(flight.bytes, flight.is_in(), now, core);
        Ok(Turn::Begun(flight.duration + thinks))
    }

    /// The endpoint's transaction leaves the wire: its effect, and what comes next.
    pub(crate) fn end_transaction<D: Dma>(
        &mut self,
        id: EndpointId,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let Self { slots, core, interrupters, completions, buses, .. } = self;
        let Some(endpoint) = slots.endpoint(id) else { return Ok(()) };
        endpoint.split = Split::default();
        let Some(flight) = endpoint.flight.take() else { return Ok(()) };
        let Flight { kind, outcome, bytes, duration, .. } = flight;
        core.log.record(now, Event::Transaction { endpoint: id, kind, bytes, outcome, duration });
        endpoint.bytes_used = endpoint.bytes_used.saturating_add(bytes);
        let next = endpoint.finish(flight, completions);
        if next == Next::Halt {
            // EPS-11: the context says Halted before the event does.
            self.end_service(id, EndpointState::HALTED, now, dma)?;
            return self.completions.post(&mut self.interrupters, now, &mut self.core, dma);
        }
        completions.post(interrupters, now, core, dma)?;
        let more_packets = endpoint.td.in_td && endpoint.packets_used < endpoint.packets;
        match (endpoint.class, next) {
            (Class::Isochronous, _) | (Class::Interrupt, Next::Retry) => self.arm_next_interval(id, now),
            (Class::Interrupt, _) if more_packets => {
                buses.enqueue(endpoint.domain, Class::Interrupt, id, now, &mut core.agenda);
            }
            (Class::Interrupt, _) => self.arm_next_interval(id, now),
            // XFR-01, TIM-10: who was not ready is asked later, what went wrong is tried again at once.
            (_, Next::Retry) if outcome == Outcome::Nak => {
                endpoint.leave_stream_between_packets(dma)?;
                self.retry_later(id, now);
            }
            // XFR-17, XFR-19: a turn is a packet, or a burst.
            (class, _) if next == Next::Continue && more_packets && endpoint.speed.is_super() => {
                buses.go_first(endpoint.domain, class, id);
            }
            (class, _) => {
                endpoint.packets_used = 0;
                buses.enqueue(endpoint.domain, class, id, now, &mut core.agenda);
            }
        }
        Ok(())
    }

    /// XFR-01: not before the next microframe, or a later one.
    pub(crate) fn retry_later(&mut self, id: EndpointId, now: Instant) {
        let Self { slots, core, .. } = self;
        if let Some(endpoint) = slots.endpoint(id) {
            endpoint.packets_used = 0;
            let wait = u64::from(core.profile.policy.nak_interval_microframes.max(1));
            let index = core.microframes.index(now).saturating_add(wait);
            let at = core.microframes.start_of(index);
            let generation = endpoint.generation;
            core.agenda.push(at, Task::Retry { endpoint: id, generation });
        }
    }

    /// EPS-03: the endpoint goes to Error at a TRB that cannot be executed.
    pub(crate) fn trb_error<D: Dma>(
        &mut self,
        id: EndpointId,
        at: Fetched,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        self.completions.push(id, &at, CompletionCode::TRB_ERROR, 0);
        self.end_service(id, EndpointState::ERROR, now, dma)?;
        self.completions.post(&mut self.interrupters, now, &mut self.core, dma)
    }
}

/// EVR-13: the first interrupter without room among those that the fetched TRBs may report to. Whatever goes over the
/// bus may fail, and a failure is told whether or not the TRB asks for an event (RNG-27).
#[inline]
pub(crate) fn ready<D: Dma>(
    endpoint: &Endpoint,
    interrupters: &mut Interrupters,
    now: Instant,
    core: &mut Core,
    dma: &mut D,
) -> Result<Option<InterrupterId>, DmaError> {
    for fetched in &endpoint.fetched {
        if fetched.trb.ioc() || !needs_no_bus(fetched.trb) {
            let target = fetched.trb.interrupter_target();
            if !interrupters.ready(target, now, core, dma)? {
                return Ok(Some(target));
            }
        }
    }
    Ok(None)
}

/// What a look at the ring found.
enum Look {
    Head(Head),
    /// An event has no room in this interrupter's ring.
    Full(InterrupterId),
}

/// Executes what needs no transaction, as far as there is room for its events (EVR-13) and not more than a visit's
/// worth (SEC-03), and says what comes next.
fn look<D: Dma>(
    endpoint: &mut Endpoint,
    interrupters: &mut Interrupters,
    completions: &mut Completions,
    core: &mut Core,
    now: Instant,
    dma: &mut D,
) -> Result<Look, DmaError> {
    let before = endpoint.passed;
    while endpoint.passed.wrapping_sub(before) < TRBS_PER_VISIT {
        let head = endpoint.head(endpoint.max_packet, dma, completions)?;
        completions.post(interrupters, now, core, dma)?;
        match head {
            Head::Event | Head::Setup(_) | Head::Status { .. } | Head::Data { .. } => {
                if let Some(target) = ready(endpoint, interrupters, now, core, dma)? {
                    return Ok(Look::Full(target));
                }
            }
            Head::Malformed(at) => {
                let target = at.trb.interrupter_target();
                if !interrupters.ready(target, now, core, dma)? {
                    // It is found wanting once more when there is room to say so.
                    endpoint.read_again();
                    return Ok(Look::Full(target));
                }
            }
            Head::Idle | Head::Incomplete | Head::Busy => {}
        }
        if head != Head::Event {
            return Ok(Look::Head(head));
        }
        endpoint.pass(completions);
        completions.post(interrupters, now, core, dma)?;
    }
    Ok(Look::Head(Head::Busy))
}

/// XFR-15: Max ESIT Payload is used up, or would not hold the next packet.
fn interval_is_full(endpoint: &Endpoint, head: Head) -> bool {
    let next = match head {
        Head::Data { bytes, .. } => bytes.min(endpoint.max_packet),
        _ => 0,
    };
    endpoint.packets_used > 0 && endpoint.bytes_used.saturating_add(next) > endpoint.esit_payload
}
