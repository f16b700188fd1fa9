//! What holds between any two calls, for tests and fuzzers.

use crate::agenda::EndpointId;
use crate::controller::Xhci;
use crate::endpoints::Endpoint;
use thiserror::Error;

/// Bookkeeping of the controller that does not agree with itself: a defect of the model, whatever its input was.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{what}")]
pub struct BrokenInvariant {
    what: String,
}

/// SEC-01: deadlines of the controller as a whole and of each port, interrupter and endpoint.
const DEADLINES: usize = 64;
const DEADLINES_EACH: usize = 4;

impl Xhci {
    /// Checks the bookkeeping: who is in line is running and is so once, who is on a bus has a transaction, a halted
    /// controller does nothing, and what software can make grow is within its bound.
    pub fn check_invariants(&self) -> Result<(), BrokenInvariant> {
        let mut endpoints = 0_usize;
        for (_, slot) in self.slots.numbered() {
            for endpoint in slot.enabled_endpoints() {
                endpoints = endpoints.saturating_add(1);
                self.check_endpoint(endpoint)?;
            }
        }
        for id in self.buses.all() {
            let known = self.slots.numbered().any(|(number, slot)| {
                number == id.slot && slot.enabled_endpoints().any(|endpoint| endpoint.id == id)
            });
            holds(known, || format!("{id} is at a bus and not enabled"))?;
        }
        let translators = self.buses.translators();
        let slots = self.core.profile.slots.into();
        holds(translators <= slots, || format!("{translators} translators, at most one for each slot"))?;
        let each = usize::from(self.core.profile.max_ports())
            .saturating_mul(2)
            .saturating_add(self.core.profile.interrupters.into())
            .saturating_add(endpoints)
            .saturating_mul(DEADLINES_EACH);
        let most = self.deadlines_kept().saturating_add(DEADLINES).saturating_add(each);
        let deadlines = self.core.agenda.len();
        holds(deadlines <= most, || format!("{deadlines} deadlines, at most {most}"))
    }

    fn check_endpoint(&self, endpoint: &Endpoint) -> Result<(), BrokenInvariant> {
        let id: EndpointId = endpoint.id;
        let (in_line, on_bus) = self.buses.places_of(id);
        let working = in_line > 0 || on_bus > 0 || endpoint.flight.is_some();
        holds(in_line.saturating_add(on_bus) <= 1, || format!("{id} is at its bus more than once"))?;
        holds(!working || endpoint.busy, || format!("{id} is at its bus and not busy"))?;
        holds(!working || endpoint.is_running(), || format!("{id} is at its bus and not running"))?;
        holds(endpoint.flight.is_none() || on_bus == 1, || format!("{id} has a transaction and no bus"))?;
        holds(!endpoint.busy || self.core.running(), || format!("{id} is busy at a halted controller"))?;
        holds(endpoint.keeps_to_bounds(), || format!("{id} holds more of its ring than it may"))
    }
}

fn holds(it: bool, what: impl FnOnce() -> String) -> Result<(), BrokenInvariant> {
    if it { Ok(()) } else { Err(BrokenInvariant { what: what() }) }
}
