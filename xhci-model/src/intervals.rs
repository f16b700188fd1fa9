//! Service intervals of periodic endpoints (xHCI 4.14.2): when they begin, and what an isochronous one does.

use crate::agenda::{EndpointId, Task};
use crate::bus::domain::Class;
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use crate::endpoints::isoch::schedule::Due;
use crate::service::ready;
use crate::splits::Split;
use crate::violation::Violation;
use sim_time::{Duration, Instant};
use xhci_spec::{CompletionCode, Gpa};

/// SEC-03: so many missed TDs are passed over at one visit.
const MISSED_PER_VISIT: u32 = 256;
/// ISO-14: before this revision an xrun does not say where the ring was empty.
const XRUN_POINTER: u16 = 0x0110;

impl Xhci {
    /// The first service interval of a periodic endpoint that was given work at `now`.
    pub(crate) fn arm_first_interval(&mut self, id: EndpointId, now: Instant) {
        let Self { slots, core, .. } = self;
        let Some(endpoint) = slots.endpoint(id) else { return };
        let earliest = if endpoint.is_isochronous() {
            // ISO-25: not before IST has passed.
            let lead = Duration::MICROFRAME * u64::from(core.profile.ist_microframes);
            core.microframes.first_from(now + lead)
        } else {
            core.microframes.index(now).saturating_add(1)
        };
        let index = endpoint.next_interval(earliest);
        self.arm_service(id, index, now);
    }

    /// The interval at `now` is over: the endpoint is served in the next one.
    pub(crate) fn arm_next_interval(&mut self, id: EndpointId, now: Instant) {
        let Self { slots, core, .. } = self;
        let Some(endpoint) = slots.endpoint(id) else { return };
        let index = if endpoint.is_isochronous() {
            // Late or not: an interval that has begun is not forgotten (ISO-28).
            endpoint.pass_interval();
            endpoint.service_index
        } else {
            let current = core.microframes.index(now).max(endpoint.service_index);
            endpoint.next_interval(current.saturating_add(1))
        };
        self.arm_service(id, index, now);
    }

    /// The endpoint is served when microframe `index` begins, now if it has.
    fn arm_service(&mut self, id: EndpointId, index: u64, now: Instant) {
        let Self { slots, core, .. } = self;
        if let Some(endpoint) = slots.endpoint(id) {
            endpoint.service_index = index;
            let generation = endpoint.generation;
            let at = core.microframes.start_of(index).max(now);
            core.agenda.push(at, Task::Service { endpoint: id, generation });
        }
    }

    /// A service interval begins.
    pub(crate) fn service<D: Dma>(
        &mut self,
        id: EndpointId,
        generation: u32,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let Self { slots, buses, core, .. } = self;
        let Some(endpoint) = slots.endpoint(id) else { return Ok(()) };
        if endpoint.generation != generation || !endpoint.is_running() {
            return Ok(());
        }
        endpoint.packets_used = 0;
        endpoint.bytes_used = 0;
        if endpoint.is_isochronous() {
            return self.serve_isochronous(id, now, dma);
        }
        buses.enqueue(endpoint.domain, endpoint.class, id, now, &mut core.agenda);
        Ok(())
    }

    fn serve_isochronous<D: Dma>(
        &mut self,
        id: EndpointId,
        now: Instant,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        let Self { slots, buses, core, interrupters, completions, .. } = self;
        let Some(endpoint) = slots.endpoint(id) else { return Ok(()) };
        let (contiguous, each) = (core.profile.contiguous_frame_ids, core.profile.policy.missed_service_each);
        // ISO-28: a controller that comes late finds out which intervals it has missed.
        let late = core.microframes.start_of(endpoint.service_index) < now;
        let meets = if late {
            endpoint.next_interval(core.microframes.first_from(now))
        } else {
            endpoint.service_index
        };
        let in_future = late && core.microframes.start_of(meets) > now;
        let mut missed = None;
        let mut left = MISSED_PER_VISIT;
        let due = loop {
            if in_future && endpoint.service_index >= meets {
                break Due::Later(meets);
            }
            let due = endpoint.due(meets, contiguous, dma, completions)?;
            completions.post(interrupters, now, core, dma)?;
            if let Due::Malformed(at) = due
                && !interrupters.ready(at.trb.interrupter_target(), now, core, dma)?
            {
                endpoint.read_again();
                break Due::Nothing;
            }
            if !matches!(due, Due::Transact | Due::Missed | Due::Event) {
                break due;
            }
            if ready(endpoint, interrupters, now, core, dma)?.is_some() {
                // EVR-13: while its event has no room, no TD is taken; the intervals pass.
                break Due::Nothing;
            }
            if due == Due::Transact {
                if in_future {
                    endpoint.read_again();
                    break Due::Later(meets);
                }
                break due;
            }
            if due == Due::Event {
                endpoint.pass(completions);
            } else {
                missed = endpoint.drop_td();
                if each && let Some(last) = missed.take() {
                    endpoint.report_missed(&last, completions);
                }
            }
            completions.post(interrupters, now, core, dma)?;
            left = left.saturating_sub(1);
            if left == 0 {
                let behind = endpoint.service_index < meets;
                break if behind { Due::Later(endpoint.service_index) } else { Due::Nothing };
            }
        };
        if let Some(last) = missed {
            // ISO-17: the event for the last one stands for all.
            endpoint.report_missed(&last, completions);
            completions.post(interrupters, now, core, dma)?;
        }
        match due {
            Due::Transact => {
                if endpoint.speed.is_super() && !endpoint.bursts_are_right(core.command.ete()) {
                    core.violation(now, Violation::BurstCount);
                }
                buses.enqueue(endpoint.domain, Class::Isochronous, id, now, &mut core.agenda);
            }
            Due::Later(index) => self.arm_service(id, index, now),
            Due::Missed | Due::Event | Due::Nothing => {
                endpoint.service_index = meets;
                self.arm_next_interval(id, now);
            }
            Due::Empty => return self.xrun(id, now, dma),
            Due::Malformed(at) => return self.trb_error(id, at, now, dma),
        }
        Ok(())
    }

    /// ISO-14, ISO-15: the ring is empty in a service interval.
    fn xrun<D: Dma>(&mut self, id: EndpointId, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        let Self { slots, core, interrupters, completions, .. } = self;
        let Some(slot) = slots.get(id.slot) else { return Ok(()) };
        let target = slot.interrupter_target();
        let Some(endpoint) = slot.endpoint(id.dci) else { return Ok(()) };
        endpoint.busy = false;
        endpoint.first = true;
        let code =
            if endpoint.is_in() { CompletionCode::RING_OVERRUN } else { CompletionCode::RING_UNDERRUN };
        let tells_where = core.profile.hci_version >= XRUN_POINTER;
        let at = if tells_where { endpoint.dequeue().address } else { Gpa::NULL };
        completions.at_position(id, target, at, code, 0);
        completions.post(interrupters, now, core, dma)
    }

    /// The bus did not come free in time for the fetched TD: its interval is missed (ISO-32: a TD is never moved
    /// in the next one). Returns whether that is so.
    pub(crate) fn misses_interval<D: Dma>(
        &mut self,
        id: EndpointId,
        now: Instant,
        dma: &mut D,
    ) -> Result<bool, DmaError> {
        let Self { slots, buses, core, interrupters, completions, .. } = self;
        let Some(endpoint) = slots.endpoint(id) else { return Ok(false) };
        let ends = core.microframes.start_of(endpoint.service_index.saturating_add(endpoint.interval));
        if now + endpoint.interval_time() <= ends {
            return Ok(false);
        }
        // Of a split transaction, tokens may still be in line.
        endpoint.leave_buses(buses);
        endpoint.split = Split::default();
        if let Some(last) = endpoint.drop_td() {
            endpoint.report_missed(&last, completions);
            completions.post(interrupters, now, core, dma)?;
        }
        self.arm_next_interval(id, now);
        Ok(true)
    }
}
