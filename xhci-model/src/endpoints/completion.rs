//! From what happened to a TRB to the events that tell of it (xHCI 4.10): no state, no memory.

use crate::agenda::EndpointId;
use crate::core::Core;
use crate::dma::{Dma, DmaError};
use crate::interrupters::{Interrupters, Pending};
use crate::profile::Profile;
use crate::rings::consumer::Fetched;
use crate::violation::Violation;
use sim_time::Instant;
use xhci_spec::trb::event::TransferEvent;
use xhci_spec::{CompletionCode, Gpa, InterrupterId, TrbType};

/// What the profile says about transfers and their events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// RNG-10: what is merely out of order is a TRB Error too.
    pub(crate) strict: bool,
    /// RNG-35: bytes that a TD may have.
    pub(crate) longest_td: Option<u32>,
    /// CAP-17: all Event Data TRBs of a TD that ended early are executed, not only the first.
    pub(crate) parse_all_event_data: bool,
    /// RNG-17: a short packet is told once.
    pub(crate) short_packet_once: bool,
    /// INT-20: this Interrupter Target and those beyond are refused.
    pub(crate) refused_targets: InterrupterId,
    /// ISO-24: the TRB at the end of a failed isochronous TD tells of it too.
    pub(crate) trailing_event: bool,
}

impl Rules {
    fn new(profile: &Profile) -> Self {
        let policy = &profile.policy;
        // INT-17: one interrupter alone gets everything.
        let refuses = policy.refuse_bad_targets && profile.interrupters > 1;
        Self {
            strict: policy.strict,
            longest_td: policy.longest_td,
            parse_all_event_data: profile.parse_all_event_data,
            short_packet_once: policy.short_packet_once,
            refused_targets: InterrupterId(if refuses { profile.interrupters } else { u16::MAX }),
            trailing_event: policy.isoch_trailing_event,
        }
    }
}

/// Events of one step, in order. One list serves the whole controller, so that a step allocates nothing.
#[derive(Clone, Debug)]
pub(crate) struct Completions {
    pub(crate) rules: Rules,
    events: Vec<(InterrupterId, Pending)>,
    violations: Vec<Violation>,
}

impl Completions {
    pub(crate) fn new(profile: &Profile) -> Self {
        Self { rules: Rules::new(profile), events: Vec::new(), violations: Vec::new() }
    }

    /// Software broke a rule; said with the next events.
    pub(crate) fn violation(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// A TRB is done without error: an event if it asked for one.
    #[inline]
    pub(crate) fn success(&mut self, endpoint: EndpointId, fetched: &Fetched) {
        if fetched.trb.ioc() {
            self.push(endpoint, fetched, CompletionCode::SUCCESS, 0);
        }
    }

    /// An event that points to its TRB. `length` is what the code makes of it: bytes not moved.
    #[inline]
    pub(crate) fn push(
        &mut self,
        endpoint: EndpointId,
        fetched: &Fetched,
        code: CompletionCode,
        length: u32,
    ) {
        let trb = transfer_event(endpoint, fetched.position.address.0, code, length).to_trb();
        self.events.push((
            fetched.trb.interrupter_target(),
            Pending { trb, blocks_interrupt: blocks(fetched, code) },
        ));
    }

    /// An Event Data TRB is executed (RNG-21).
    pub(crate) fn event_data(
        &mut self,
        endpoint: EndpointId,
        fetched: &Fetched,
        code: CompletionCode,
        edtla: u32,
    ) {
        if !fetched.trb.ioc() {
            return;
        }
        let event = transfer_event(endpoint, fetched.trb.parameter, code, edtla);
        let trb = TransferEvent { event_data: true, ..event }.to_trb();
        self.events.push((
            fetched.trb.interrupter_target(),
            Pending { trb, blocks_interrupt: blocks(fetched, code) },
        ));
    }

    /// An event of the endpoint as a whole, at a ring position (INT-18, XFR-22).
    pub(crate) fn at_position(
        &mut self,
        endpoint: EndpointId,
        target: InterrupterId,
        position: Gpa,
        code: CompletionCode,
        length: u32,
    ) {
        let trb = transfer_event(endpoint, position.0, code, length).to_trb();
        self.events.push((target, Pending::interrupting(trb)));
    }

    /// Forgets what was not said: the controller stopped.
    pub(crate) fn clear(&mut self) {
        self.events.clear();
        self.violations.clear();
    }

    /// Hands the events to their rings.
    #[inline]
    pub(crate) fn post<D: Dma>(
        &mut self,
        interrupters: &mut Interrupters,
        now: Instant,
        core: &mut Core,
        dma: &mut D,
    ) -> Result<(), DmaError> {
        for violation in self.violations.drain(..) {
            core.violation(now, violation);
        }
        for (target, event) in self.events.drain(..) {
            interrupters.post(target, event, now, core, dma)?;
        }
        Ok(())
    }
}

/// An event whose parameter is a pointer.
#[inline]
pub(crate) fn transfer_event(
    endpoint: EndpointId,
    parameter: u64,
    code: CompletionCode,
    length: u32,
) -> TransferEvent {
    let (slot, dci) = (Some(endpoint.slot), Some(endpoint.dci));
    TransferEvent { parameter, length, code, slot, endpoint: dci, event_data: false }
}

/// INT-01: BEI counts only for the event that IOC asked for, and only if all went well. INT-25: other TRBs have no BEI.
fn blocks(fetched: &Fetched, code: CompletionCode) -> bool {
    fetched.trb.bei()
        && matches!(fetched.trb.trb_type(), TrbType::NORMAL | TrbType::ISOCH | TrbType::EVENT_DATA)
        && fetched.trb.ioc()
        && matches!(code, CompletionCode::SUCCESS | CompletionCode::SHORT_PACKET)
}
