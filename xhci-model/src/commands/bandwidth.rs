//! Get Port Bandwidth and Negotiate Bandwidth (xHCI 4.6.15, 4.6.13).

use super::check::speed_of;
use crate::agenda::EndpointId;
use crate::bus::DomainId;
use crate::bus::bandwidth::{Ledger, Shortage};
use crate::bus::split::TranslatorKey;
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use crate::endpoints::Endpoint;
use crate::interrupters::Pending;
use crate::ports::Protocol;
use crate::route::Route;
use crate::slots::Place;
use sim_time::Instant;
use usb_spec::Speed;
use xhci_spec::trb::event::BandwidthRequest;
use xhci_spec::{CompletionCode, PortId, Psiv, SlotId, Trb};

/// CTX-22: a byte for each of up to 255 ports, and one before them.
const CONTEXT_BYTES: usize = 256;

impl Xhci {
    /// CMD-51: what every root port has left for a device of the given speed.
    pub(crate) fn root_port_bandwidth<D: Dma>(
        &self,
        trb: Trb,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let Some(speed) = requested_speed(trb) else { return Ok(CompletionCode::PARAMETER_ERROR) };
        let mut bytes = [0; CONTEXT_BYTES];
        for (byte, port) in bytes.iter_mut().skip(1).zip((1..=u8::MAX).map_while(PortId::new)) {
            *byte = self.available_percent(port, speed);
        }
        write_context(trb, &bytes, self.core.profile.max_ports(), dma)
    }

    /// CMD-51: what the ports of a hub have left: of the bus that the hub is on, or of its transaction translators.
    pub(crate) fn hub_port_bandwidth<D: Dma>(
        &mut self,
        hub: SlotId,
        trb: Trb,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let refused = Ok(CompletionCode::PARAMETER_ERROR);
        let Some(speed) = requested_speed(trb) else { return refused };
        let Some(slot) = self.slots.get(hub).filter(|slot| slot.context.hub()) else { return refused };
        let (ports, multi) = (slot.context.number_of_ports(), slot.context.mtt());
        let Some(place) = slot.place else { return refused };
        let mut bytes = [0; CONTEXT_BYTES];
        for (byte, port) in bytes.iter_mut().skip(1).zip(1..=ports) {
            let key =
                TranslatorKey { root: place.port, hub: place.route, port: if multi { port } else { 0 } };
            let buses = if place.speed == Speed::High && !speed.has_microframes() {
                self.buses.find_translator(key).map(|bus| [bus; 2])
            } else {
                Some(self.buses_of(place))
            };
            *byte = match buses {
                Some(buses) if speed <= place.speed && speed.is_super() == place.speed.is_super() => {
                    self.percent_left(&buses, speed)
                }
                // Nobody is behind that translator.
                None => self.percent_left(&[], speed),
                Some(_) => 0,
            };
        }
        write_context(trb, &bytes, ports, dma)
    }

    /// BW-10: percent of the bus at a root port that periodic endpoints of a device of that speed can still get;
    /// 0 where such a device cannot be.
    fn available_percent(&self, port: PortId, speed: Speed) -> u8 {
        match self.ports.get(port) {
            Some(found) if (found.protocol() == Protocol::Usb3) == speed.is_super() => {
                let place = Place { port, route: Route::ROOT, speed, translator: None };
                self.percent_left(&self.buses_of(place), speed)
            }
            _ => 0,
        }
    }

    /// The buses of a device's endpoints, out and in.
    fn buses_of(&self, place: Place) -> [DomainId; 2] {
        match place.translator {
            Some(translator) => [translator.bus; 2],
            None => [false, true].map(|is_in| DomainId::of(place, is_in, &self.core.profile.policy)),
        }
    }

    /// What the fuller of some buses has left.
    fn percent_left(&self, buses: &[DomainId], speed: Speed) -> u8 {
        let mut ledger = self.ledger(buses, |_| false);
        let left = buses.iter().map(|bus| ledger.percent_left(*bus, speed)).min();
        left.unwrap_or_else(|| Ledger::idle_percent(speed))
    }

    /// What periodic endpoints take of some buses, without those that are gone.
    fn ledger(&self, buses: &[DomainId], gone: impl Fn(EndpointId) -> bool) -> Ledger {
        let mut ledger = Ledger::default();
        for (_, slot) in self.slots.numbered() {
            for endpoint in slot.enabled_endpoints().filter(|endpoint| !gone(endpoint.id)) {
                if let Some(demand) = endpoint.demand(&self.core.profile.policy)
                    && demand.buses().any(|bus| buses.contains(&bus))
                {
                    ledger.enter(&demand, endpoint.phase);
                }
            }
        }
        ledger
    }

    /// Finds room for endpoints, and with it the phase of each; those that are gone make room (BW-12, CMD-27).
    pub(super) fn admit(
        &self,
        added: &mut [Endpoint],
        gone: impl Fn(EndpointId) -> bool,
    ) -> Result<(), Shortage> {
        let policy = &self.core.profile.policy;
        let demands = added.iter().filter_map(|endpoint| endpoint.demand(policy));
        let buses: Vec<DomainId> = demands.flat_map(|demand| demand.buses().collect::<Vec<_>>()).collect();
        let mut ledger = self.ledger(&buses, gone);
        for endpoint in added {
            if let Some(demand) = endpoint.demand(policy) {
                endpoint.phase = ledger.admit(&demand, !policy.unlimited_bandwidth)?;
            }
        }
        Ok(())
    }

    /// CMD-49: who has periodic endpoints on the same bus is asked to give some back.
    pub(crate) fn negotiate_bandwidth<D: Dma>(
        &mut self,
        id: SlotId,
        now: Instant,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let Some(slot) = self.slots.get(id) else { return Ok(CompletionCode::SLOT_NOT_ENABLED) };
        let Some(place) = slot.place else { return Ok(CompletionCode::CONTEXT_STATE_ERROR) };
        let buses = self.buses_of(place);
        let Self { slots, interrupters, core, .. } = self;
        for (number, other) in slots.numbered().filter(|(number, _)| *number != id) {
            let mut endpoints = other.enabled_endpoints();
            if endpoints.any(|endpoint| endpoint.class.is_periodic() && buses.contains(&endpoint.bus())) {
                let event = BandwidthRequest { slot: Some(number) }.to_trb();
                let target = other.interrupter_target();
                interrupters.post(target, Pending::interrupting(event), now, core, dma)?;
            }
        }
        Ok(CompletionCode::SUCCESS)
    }
}

/// CTX-22: whole qwords, up to the last port.
fn write_context<D: Dma>(
    trb: Trb,
    bytes: &[u8; CONTEXT_BYTES],
    ports: u8,
    dma: &mut D,
) -> Result<CompletionCode, DmaError> {
    let used = usize::from(ports).saturating_add(1).next_multiple_of(8);
    dma.write(trb.pointer(), bytes.get(..used).unwrap_or(bytes))?;
    Ok(CompletionCode::SUCCESS)
}

fn requested_speed(trb: Trb) -> Option<Speed> {
    speed_of(Psiv((trb.control >> 16 & 0xF) as u8))
}
