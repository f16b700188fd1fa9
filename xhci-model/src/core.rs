//! What every stage of the controller may touch: time keeping, the agenda, the outputs and the two registers
//! that say whether the machine runs.

use crate::agenda::{Agenda, Task};
use crate::event::{Event, Log};
use crate::fault::FaultRules;
use crate::interrupters::{Signalling, Signals};
use crate::microframes::MicroframeClock;
use crate::output::Output;
use crate::ports::PowerState;
use crate::profile::{Latencies, Latency, Profile};
use crate::rng::Rng;
use crate::stall::Stall;
use crate::violation::{Violation, Violations};
use sim_time::{Duration, Instant};
use std::collections::VecDeque;
use xhci_spec::Gpa;
use xhci_spec::registers::operational::{Usbcmd, Usbsts};

#[derive(Clone, Debug)]
pub(crate) struct Core {
    pub(crate) profile: Profile,
    pub(crate) agenda: Agenda,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) signals: Signals,
    pub(crate) log: Log,
    pub(crate) microframes: MicroframeClock,
    pub(crate) command: Usbcmd,
    pub(crate) status: Usbsts,
    /// Stopped by an error: only a reset starts again (ERR-03).
    pub(crate) failed: bool,
    pub(crate) violations: Violations,
    rng: Rng,
    pub(crate) stall: Stall,
    pub(crate) faults: FaultRules,
    /// DCBAAP.
    pub(crate) contexts: Gpa,
    /// CONFIG.U3E: the entry into U3 sets PORTSC.PLC.
    pub(crate) u3_entry: bool,
    /// CONFIG.CIE: the Input Control Context names configuration, interface and alternate setting.
    pub(crate) configuration_information: bool,
    pub(crate) power: PowerState,
    /// PME# was asserted since the controller fell asleep.
    woke: bool,
}

impl Core {
    pub(crate) fn new(profile: Profile, seed: u64) -> Self {
        let mut core = Self {
            signals: Signals::new(Signalling::Messages { vectors: profile.interrupters }),
            profile,
            agenda: Agenda::new(),
            outputs: VecDeque::new(),
            log: Log::default(),
            microframes: MicroframeClock::default(),
            command: Usbcmd::new(),
            status: Usbsts::new().with_hch(true),
            failed: false,
            violations: Violations::default(),
            rng: Rng::new(seed),
            stall: Stall::default(),
            faults: FaultRules::default(),
            contexts: Gpa(0),
            u3_entry: false,
            configuration_information: false,
            power: PowerState::D0,
            woke: false,
        };
        core.become_ready_later(Instant::ZERO);
        core
    }

    /// Whether the controller does work: started, and not stopped by an error.
    pub(crate) fn running(&self) -> bool {
        !self.status.hch()
    }

    /// How long it takes this time: `core.latency(|all| all.doorbell)` (TIM-27).
    #[inline]
    pub(crate) fn latency(&mut self, of: impl FnOnce(&Latencies) -> Latency) -> Duration {
        let Latency { min, max } = of(&self.profile.latencies);
        let range = max - min;
        if range == Duration::ZERO {
            return min;
        }
        min + Duration::from_ticks(self.rng.up_to(range.as_ticks()))
    }

    /// The interrupt pin, if interrupts go that way.
    pub(crate) fn drive_line(&mut self, asserted: bool, now: Instant) {
        if self.signals.drive(asserted, &mut self.outputs) {
            self.log.record(now, Event::Line { asserted });
        }
    }

    pub(crate) fn set_power_state(&mut self, state: PowerState) {
        self.power = state;
        self.woke = false;
    }

    /// PRT-56, PRT-62: something happened that may wake the system; only a sleeping controller says so, once.
    pub(crate) fn power_management_event(&mut self, now: Instant) {
        if self.power == PowerState::D3 && !core::mem::replace(&mut self.woke, true) {
            self.log.record(now, Event::PowerManagementEvent);
            self.outputs.push_back(Output::PowerManagementEvent);
        }
    }

    /// Software broke a rule (ERR-13).
    pub(crate) fn violation(&mut self, now: Instant, violation: Violation) {
        self.violations.count(violation);
        self.log.record(now, Event::Violation(violation));
    }

    /// HCHalted becomes 1: no memory is touched any more (OPR-13).
    pub(crate) fn halt(&mut self, now: Instant) {
        if self.running() {
            self.status.set_hch(true);
            self.microframes.stop(now);
            self.log.record(now, Event::Halted(true));
        }
    }

    /// OPR-30: not ready until the latency of power-on is over.
    pub(crate) fn become_ready_later(&mut self, now: Instant) {
        let takes = self.latency(|all| all.power_on);
        if takes > Duration::ZERO {
            self.status.set_cnr(true);
            self.agenda.push(now + takes, Task::Ready);
        }
    }
}
