//! Where a device is that is being addressed, and whose transaction translator speaks for it (CTX-06, SEC-13).

use super::check::Verdict;
use crate::bus::DomainId;
use crate::bus::split::{Translator, TranslatorKey};
use crate::controller::Xhci;
use crate::ports::Link;
use crate::route::Route;
use crate::slots::{Place, Slot};
use sim_time::Instant;
use usb_spec::Speed;
use xhci_spec::context::SlotContext;
use xhci_spec::{PortId, SlotId};

impl Xhci {
    /// The place that a slot context names, and what its translator fields are worth. The translator is found among
    /// the devices as they are plugged in, whatever the fields say.
    pub(super) fn place(
        &mut self,
        id: SlotId,
        context: &SlotContext,
        port: PortId,
        speed: Speed,
        now: Instant,
    ) -> (Place, Verdict) {
        let route = Route::new(context.route_string());
        let place = Place { port, route, speed, translator: None };
        if speed.has_microframes() {
            return (place, Verdict::Good);
        }
        let found = match self.ports.get_mut(port).map(|port| port.link()) {
            Some(Link::Active(root)) => route.translator(root, now),
            _ => return (place, self.named_hub(context)),
        };
        let Some((hub, hub_port)) = found else {
            return (place, Verdict::tolerable_unless(context.parent_hub_slot_id() == 0));
        };
        let policy = &self.core.profile.policy;
        let hub_place = Place { port, route: hub, speed: Speed::High, translator: None };
        let parent = DomainId::of(hub_place, false, policy);
        let hub_slot = self.slots.numbered().find(|(number, slot)| *number != id && is_hub(slot, hub_place));
        let multi = hub_slot.map_or(*context, |(_, slot)| slot.context).mtt();
        let think_time = hub_slot.map_or(0, |(_, slot)| slot.context.tt_think_time());
        // CTX-06, CMD-17
        let agrees = hub_slot.is_some_and(|(number, _)| number.get() == context.parent_hub_slot_id())
            && context.parent_port_number().min(15) == hub_port
            && context.mtt() == multi;
        let Self { slots, buses, .. } = self;
        let key = TranslatorKey { root: port, hub, port: if multi { hub_port } else { 0 } };
        let bus = buses.translator(key, |bus| {
            let behind = |slot: &Slot| slot.place.and_then(|place| place.translator).map(|each| each.bus);
            slots.numbered().any(|(number, slot)| number != id && behind(slot) == Some(bus))
        });
        let translator = Translator { hub, bus, parent, think_time };
        (Place { translator: Some(translator), ..place }, Verdict::tolerable_unless(agrees))
    }

    /// CMD-17: nothing answers at the root port; the fields can only be looked at.
    fn named_hub(&mut self, context: &SlotContext) -> Verdict {
        let Some(hub) = SlotId::new(context.parent_hub_slot_id()) else { return Verdict::Good };
        let hub = self.slots.get(hub).filter(|hub| hub.context.hub() && hub.speed() == Speed::High);
        let ports = hub.map_or(0, |hub| hub.context.number_of_ports());
        Verdict::tolerable_unless((1..=ports).contains(&context.parent_port_number()))
    }
}

/// Whether the slot is that of the hub there.
fn is_hub(slot: &Slot, place: Place) -> bool {
    slot.context.hub() && slot.place == Some(place)
}
