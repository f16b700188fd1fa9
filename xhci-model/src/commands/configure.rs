//! Configure Endpoint (xHCI 4.6.6): drops and adds, all or nothing.

use super::check::{self, Verdict};
use super::input::Input;
use super::{Phase, Step};
use crate::agenda::EndpointId;
use crate::bus::bandwidth::Shortage;
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use crate::endpoints::Endpoint;
use crate::event::Event;
use crate::slots::Life;
use sim_time::Instant;
use xhci_spec::context::{EndpointState, InputControlContext, SlotContext};
use xhci_spec::{CompletionCode, Dci, SlotId, Trb};

/// A new configuration, checked.
struct Change {
    control: InputControlContext,
    slot: Option<SlotContext>,
    added: Vec<Endpoint>,
}

impl Xhci {
    pub(crate) fn configure_endpoint<D: Dma>(
        &mut self,
        id: SlotId,
        trb: Trb,
        phase: Phase,
        now: Instant,
        dma: &mut D,
    ) -> Result<Step, DmaError> {
        let done = |code| Ok(Step::Done((code, Some(id))));
        // CMD-24
        let life = self.slots.get(id).map(|slot| slot.life);
        if !matches!(life, Some(Life::Addressed | Life::Configured)) {
            return done(CompletionCode::CONTEXT_STATE_ERROR);
        }
        if trb.dc() {
            return done(self.deconfigure(id, now, dma)?);
        }
        let input = Input::new(trb.pointer(), self.context_size());
        let Phase::Configuring(control) = phase else {
            let control = input.control(dma)?;
            // TIM-20: each context takes its time.
            let contexts = changeable().filter(|dci| control.adds(*dci) || control.drops(*dci)).count();
            let each = self.core.latency(|all| all.commands.configure_each);
            let due = now + each * u64::try_from(contexts).unwrap_or(0);
            return Ok(Step::Wait(Phase::Configuring(control), Some(due)));
        };
        let Some(mut change) = self.change(id, control, input, now, dma)? else {
            return done(CompletionCode::PARAMETER_ERROR);
        };
        if self.wakes_too_late(id, change.added.iter().map(|endpoint| &endpoint.context)) {
            return done(CompletionCode::MAX_EXIT_LATENCY_TOO_LARGE);
        }
        if let Some(shortage) = self.shortage(id, &mut change) {
            return done(shortage);
        }
        done(self.configure(id, change, now, dma)?)
    }

    /// CMD-33: every endpoint but the default one goes.
    fn deconfigure<D: Dma>(
        &mut self,
        id: SlotId,
        now: Instant,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let size = self.context_size();
        let Self { slots, buses, core, .. } = self;
        let Some(slot) = slots.get(id) else { return Ok(CompletionCode::SLOT_NOT_ENABLED) };
        // CMD-24: without a configuration there is nothing to do.
        if slot.life == Life::Configured {
            slot.drop_endpoints(size, now, buses, core, dma)?;
            slot.life = Life::Addressed;
            slot.context = slot.context.with_context_entries(1);
            slot.write_context(dma)?;
        }
        Ok(CompletionCode::SUCCESS)
    }

    /// Reads and checks the rest of the input context (CMD-25, CMD-26, CMD-28).
    fn change<D: Dma>(
        &mut self,
        id: SlotId,
        control: InputControlContext,
        input: Input,
        now: Instant,
        dma: &mut D,
    ) -> Result<Option<Change>, DmaError> {
        let Self { slots, core, .. } = self;
        let Some(slot) = slots.get(id) else { return Ok(None) };
        let Some(place) = slot.place else { return Ok(None) };
        let large_payload = core.profile.large_esit_payload;
        let mut verdict = Verdict::tolerable_unless(
            control.adds_slot() && !control.adds(Dci::EP0) && control.drop_flags() & 0b11 == 0,
        );
        let context = if control.adds_slot() { Some(input.slot(dma)?) } else { None };
        let mut added = Vec::new();
        for dci in changeable().filter(|dci| control.adds(*dci)) {
            let context = input.endpoint(dci, dma)?;
            // CMD-26: an endpoint that exists is dropped before it is added.
            let is_new = control.drops(dci) || !slot.has_endpoint(dci);
            verdict = verdict.max(Verdict::tolerable_unless(is_new)).max(check::endpoint(
                dci,
                &context,
                slot.speed(),
                &core.profile,
            ));
            // CTX-09: the upper byte counts only with LEC.
            let context = if large_payload { context } else { context.with_max_esit_payload_hi(0) };
            let endpoint = EndpointId { slot: id, dci };
            let mut endpoint = Endpoint::new(endpoint, context, place, &core.profile.policy);
            if large_payload {
                endpoint.allow_large_payload();
            }
            added.push(endpoint);
        }
        Ok(self.accept(verdict, now).then_some(Change { control, slot: context, added }))
    }

    /// CMD-27, CMD-34: what is dropped makes room for what is added.
    fn shortage(&mut self, id: SlotId, change: &mut Change) -> Option<CompletionCode> {
        if self.exceeds_endpoint_limit(id, change) {
            return Some(CompletionCode::RESOURCE_ERROR);
        }
        let gone = |endpoint: EndpointId| endpoint.slot == id && change.control.touches(endpoint.dci);
        self.admit(&mut change.added, gone).err().map(|shortage| match shortage {
            Shortage::Primary => CompletionCode::BANDWIDTH_ERROR,
            Shortage::Secondary => CompletionCode::SECONDARY_BANDWIDTH_ERROR,
        })
    }

    fn exceeds_endpoint_limit(&self, id: SlotId, change: &Change) -> bool {
        let Some(limit) = self.core.profile.policy.endpoint_limit else { return false };
        let elsewhere: usize = self
            .slots
            .numbered()
            .map(|(number, slot)| {
                let stays = |dci: &Dci| number != id || !change.control.touches(*dci);
                changeable().filter(|dci| slot.has_endpoint(*dci)).filter(stays).count()
            })
            .sum();
        let wanted = elsewhere.saturating_add(change.added.len());
        wanted > usize::from(limit)
    }

    fn configure<D: Dma>(
        &mut self,
        id: SlotId,
        change: Change,
        now: Instant,
        dma: &mut D,
    ) -> Result<CompletionCode, DmaError> {
        let size = self.context_size();
        let Self { slots, buses, core, .. } = self;
        let Some(slot) = slots.get(id) else { return Ok(CompletionCode::SLOT_NOT_ENABLED) };
        for dci in changeable().filter(|dci| change.control.touches(*dci)) {
            slot.drop_endpoint(dci, size, now, buses, core, dma)?;
        }
        for endpoint in change.added {
            let id = endpoint.id;
            slot.put_endpoint(endpoint);
            core.log.record(now, Event::EndpointState { endpoint: id, state: EndpointState::RUNNING });
            slot.write_endpoint_context(id.dci, size, dma)?;
        }
        if let Some(context) = change.slot {
            // CMD-30, CTX-23: what makes the device a hub.
            slot.context = slot
                .context
                .with_hub(context.hub())
                .with_number_of_ports(context.number_of_ports())
                .with_mtt(context.mtt())
                .with_tt_think_time(context.tt_think_time());
        }
        // CMD-31, CMD-32
        let entries = slot.highest_endpoint();
        slot.context = slot.context.with_context_entries(entries);
        slot.life = if entries > 1 { Life::Configured } else { Life::Addressed };
        slot.write_context(dma)?;
        Ok(CompletionCode::SUCCESS)
    }
}

/// Whether a command makes of an endpoint something that it was not.
trait Touches {
    fn touches(&self, dci: Dci) -> bool;
}

impl Touches for InputControlContext {
    fn touches(&self, dci: Dci) -> bool {
        self.drops(dci) || self.adds(dci)
    }
}

/// CMD-25: the flags of the slot and the default endpoint say nothing about endpoints.
fn changeable() -> impl Iterator<Item = Dci> {
    Dci::all().filter(|dci| *dci != Dci::EP0)
}
