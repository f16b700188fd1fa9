use crate::agenda::EndpointId;
use crate::event::TransactionKind;
use sim_time::{Duration, Instant};
use xhci_spec::{Dci, PortId, SlotId};

/// What happens to a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// NAK (USB 2) or NRDY (USB 3) in the device's place: not now. SETUP and isochronous packets have no such answer.
    Nak,
    /// STALL in the device's place. SETUP and isochronous packets have no such answer.
    Stall,
    /// The packet does not reach the device, or its data are damaged on the way: nobody answers.
    Lost,
    /// The device takes the packet, and its handshake is lost: the host sends it again. An IN packet is [`Lost`](Self::Lost).
    HandshakeLost,
    /// IN: the device sends more than the packet may have.
    Babble,
    /// The transaction translator of the hub in between reports an error, or its answer is lost (CC 36).
    SplitError,
    /// The controller does not keep up with the bus (CC 2).
    DataBuffer,
    /// The transaction takes this much longer on the bus.
    Delay(Duration),
}

/// A fault, and which transactions have it. Fields that are `None` match everything.
///
/// ```
/// use sim_time::{Duration, Instant};
/// use xhci_model::{Fault, FaultRule, Profile, Xhci};
/// use xhci_spec::{Dci, PortId};
/// let mut xhc = Xhci::new(Profile::default(), 0)?;
/// // The tenth to the twelfth transaction of an endpoint get no answer.
/// let rule = FaultRule {
///     port: PortId::new(1),
///     endpoint: Dci::from_endpoint(2, true),
///     skip: 9,
///     count: Some(3),
///     ..FaultRule::new(Fault::Lost)
/// };
/// let id = xhc.add_fault(rule);
/// xhc.remove_fault(id);
/// # Ok::<(), xhci_model::ProfileError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultRule {
    /// What happens.
    pub fault: Fault,
    /// Behind this root hub port.
    pub port: Option<PortId>,
    /// Of this device slot.
    pub slot: Option<SlotId>,
    /// Of this endpoint.
    pub endpoint: Option<Dci>,
    /// Of this kind.
    pub kind: Option<TransactionKind>,
    /// Not before.
    pub from: Instant,
    /// Before this time.
    pub until: Instant,
    /// So many transactions that match pass unharmed first.
    pub skip: u32,
    /// So many transactions are hit after that; `None`: all.
    pub count: Option<u32>,
}

impl Fault {
    /// XFR-11: a SETUP is never answered by NAK or STALL, and moves too little to be overrun.
    fn can_hit(self, kind: TransactionKind) -> bool {
        kind != TransactionKind::Setup
            || !matches!(self, Self::Nak | Self::Stall | Self::Babble | Self::DataBuffer)
    }
}

impl FaultRule {
    /// Every transaction, always.
    #[must_use]
    pub const fn new(fault: Fault) -> Self {
        Self {
            fault,
            port: None,
            slot: None,
            endpoint: None,
            kind: None,
            from: Instant::ZERO,
            until: Instant::MAX,
            skip: 0,
            count: None,
        }
    }

    fn matches(&self, probe: &Probe, kind: TransactionKind, now: Instant) -> bool {
        self.fault.can_hit(kind)
            && (self.from..self.until).contains(&now)
            && self.port.is_none_or(|port| port == probe.port)
            && self.slot.is_none_or(|slot| slot == probe.endpoint.slot)
            && self.endpoint.is_none_or(|dci| dci == probe.endpoint.dci)
            && self.kind.is_none_or(|wanted| wanted == kind)
    }
}

/// A rule that was added, to remove it by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultId(u32);

/// Whose transaction it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pub(crate) endpoint: EndpointId,
    pub(crate) port: PortId,
}

/// The rules in force, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultRules {
    rules: Vec<(FaultId, FaultRule)>,
    next: u32,
}

impl FaultRules {
    pub(crate) fn add(&mut self, rule: FaultRule) -> FaultId {
        let id = FaultId(self.next);
        self.next = self.next.wrapping_add(1);
        self.rules.push((id, rule));
        id
    }

    /// Whether there was such a rule.
    pub(crate) fn remove(&mut self, id: FaultId) -> bool {
        let before = self.rules.len();
        self.rules.retain(|(rule, _)| *rule != id);
        self.rules.len() != before
    }

    /// What happens to this transaction. A rule that is used up stays, and matches nothing.
    #[inline]
    pub(crate) fn ask(&mut self, probe: &Probe, kind: TransactionKind, now: Instant) -> Option<Fault> {
        if self.rules.is_empty() {
            return None;
        }
        self.first_answer(probe, kind, now)
    }

    #[cold]
    fn first_answer(&mut self, probe: &Probe, kind: TransactionKind, now: Instant) -> Option<Fault> {
        for (_, rule) in &mut self.rules {
            if !rule.matches(probe, kind, now) {
                continue;
            }
            if let Some(left) = rule.skip.checked_sub(1) {
                rule.skip = left;
                continue;
            }
            match &mut rule.count {
                Some(0) => continue,
                Some(left) => *left = left.saturating_sub(1),
                None => {}
            }
            return Some(rule.fault);
        }
        None
    }
}
