//! Interrupt moderation: IMODI and IMODC (xHCI 4.17.2, 5.5.2.2).

use crate::agenda::{Agenda, Task};
use sim_time::{Duration, Instant};
use xhci_spec::InterrupterId;

/// Unit of IMODI and IMODC.
const UNIT: Duration = Duration::from_nanos(250);
/// IMODI after reset: 1 ms.
const INTERVAL_RESET: u16 = 4000;

/// The register, and its deadline on the agenda.
#[derive(Clone, Debug)]
pub(crate) struct Moderation {
    /// IMODI.
    pub(crate) interval: u16,
    /// When IMODC reaches zero.
    zero: Instant,
    /// The deadline on the agenda; at most one.
    armed: Option<Instant>,
}

impl Moderation {
    pub(super) fn new() -> Self {
        Self { interval: INTERVAL_RESET, zero: Instant::ZERO, armed: None }
    }

    /// IMODC (INT-08): computed, never counted.
    pub(crate) fn counter(&self, now: Instant) -> u16 {
        let left = self.zero.since(now);
        let units = (left + UNIT - Duration::from_ticks(1)).div_floor(UNIT);
        u16::try_from(units).unwrap_or(u16::MAX)
    }

    /// INT-10: software sets both halves.
    #[expect(clippy::cast_possible_truncation, reason = "halves of a dword")]
    pub(super) fn write(&mut self, value: u32, now: Instant) {
        self.interval = value as u16;
        self.zero = now + UNIT * u64::from(value >> 16);
    }

    /// INT-08: IMODC is reloaded when IP goes from 1 to 0.
    pub(super) fn reload(&mut self, now: Instant) {
        self.zero = now + UNIT * u64::from(self.interval);
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.zero <= now
    }

    /// An interrupt waits for IMODC to reach zero. A deadline that comes too early arms the right one when it is
    /// there; one that would come too late is taken back, so that there is never more than one.
    pub(super) fn arm(&mut self, id: InterrupterId, agenda: &mut Agenda) {
        match self.armed {
            Some(armed) if armed <= self.zero => return,
            Some(_) => agenda.remove(&Task::Moderation(id)),
            None => {}
        }
        self.armed = Some(self.zero);
        agenda.push(self.zero, Task::Moderation(id));
    }

    /// The deadline is there.
    pub(super) fn disarm(&mut self) {
        self.armed = None;
    }
}
