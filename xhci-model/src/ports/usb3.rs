//! The state machine of a USB 3 port (xHCI 4.15, 4.19.1.2).

use super::port::{Phase, Port, off};
use crate::core::Core;
use sim_time::{Duration, Instant};
use xhci_spec::PortLinkState;
use xhci_spec::registers::port::Portsc;

/// USB 3.2 7.5.4: tPollingLFPSTimeout.
const POLLING_TIMEOUT: Duration = Duration::from_millis(360);
/// USB 3.2 7.5.10: tRecoveryActive and tRecoveryConfiguration, 12 ms and 6 ms.
const RECOVERY_TIMEOUT: Duration = Duration::from_millis(18);

impl Port {
    /// In Polling: the link trains, or will not.
    pub(super) fn train(&mut self, now: Instant, core: &mut Core) {
        if self.defects.training_fails {
            self.begin(Phase::PollingTimeout, POLLING_TIMEOUT, now, core);
        } else {
            let takes = core.latency(|all| all.usb3_training);
            self.begin(Phase::Training, takes, now, core);
        }
    }

    /// PRT-29, PRT-30: a hot reset needs a link, a warm reset nothing but power.
    pub(super) fn reset_usb3(&mut self, warm: bool, now: Instant, core: &mut Core) {
        if warm {
            if self.phase() != Some(Phase::WarmReset) {
                self.warm_reset(now, core);
            }
        } else if self.portsc.ped() && !self.portsc.pr() {
            self.portsc = self.portsc.with_pr(true).with_pls(PortLinkState::HOT_RESET);
            let takes = core.latency(|all| all.usb3_hot_reset);
            self.begin(Phase::Reset, takes, now, core);
        }
    }

    fn warm_reset(&mut self, now: Instant, core: &mut Core) {
        self.portsc = self
            .portsc
            .with_pr(true)
            .with_ped(false)
            // PRT-10, PRT-50: what a reset ends is no change of the connection.
            .with_cas(false)
            .with_pls(PortLinkState::RX_DETECT);
        let takes = core.latency(|all| all.usb3_warm_reset);
        self.begin(Phase::WarmReset, takes, now, core);
    }

    pub(super) fn set_link_state_usb3(&mut self, wanted: PortLinkState, now: Instant, core: &mut Core) {
        match (self.portsc.pls(), wanted, self.phase()) {
            // PRT-33
            (PortLinkState::U3 | PortLinkState::RESUME, PortLinkState::U0, None | Some(Phase::Wake)) => {
                self.portsc = self.portsc.with_pls(PortLinkState::RECOVERY);
                let takes = core.latency(|all| all.usb3_resume);
                self.begin(Phase::Resume, takes, now, core);
            }
            (_, PortLinkState::U0, Some(Phase::Suspend)) => self.cancel(),
            // PRT-31
            (PortLinkState::DISABLED, PortLinkState::RX_DETECT, _) => {
                self.portsc = self.portsc.with_pls(PortLinkState::RX_DETECT);
                self.detect(now, core);
            }
            // PRT-12, PRT-35: CTC
            (PortLinkState::RX_DETECT, PortLinkState::COMPLIANCE_MODE, _) => self.compliance_permitted = true,
            _ => {}
        }
    }

    pub(super) fn end_usb3(&mut self, phase: Phase, now: Instant, core: &mut Core) {
        let reset = Portsc::new().with_prc(true);
        match phase {
            Phase::Training if core::mem::take(&mut self.defects.cold_attach) => {
                // PRT-10: a receiver is there, and no link.
                self.portsc = self.portsc.with_pls(PortLinkState::RX_DETECT).with_cas(true);
                self.change(Portsc::new().with_csc(true), now, core);
            }
            Phase::Training => {
                self.has_trained = true;
                self.come_up(Portsc::new().with_csc(true), now, core);
            }
            Phase::PollingTimeout => self.give_up_training(core),
            Phase::Reset if core::mem::take(&mut self.defects.hot_reset_fails) => self.warm_reset(now, core),
            Phase::Reset => self.come_up(reset, now, core),
            Phase::WarmReset => self.end_warm_reset(now, core),
            // Hardware's own doing: PLC stays as it is (PRT-53).
            Phase::Recovery => self.portsc = self.portsc.with_pls(PortLinkState::U0),
            Phase::Failing => self.fail_link(Portsc::new(), now, core),
            _ => {}
        }
    }

    fn end_warm_reset(&mut self, now: Instant, core: &mut Core) {
        let changes = Portsc::new().with_prc(true).with_wrc(true);
        if self.device.is_some() && !self.defects.training_fails {
            let appears = !self.portsc.ccs();
            self.has_trained = true;
            return self.come_up(changes.with_csc(appears), now, core);
        }
        let vanishes = self.portsc.ccs();
        self.portsc = off(self.portsc).with_pls(PortLinkState::RX_DETECT);
        self.change(changes.with_csc(vanishes), now, core);
        self.detect(now, core);
    }

    /// PRT-35: a link that never came up since power-on may want to be measured.
    fn give_up_training(&mut self, core: &Core) {
        let permitted = !core.profile.compliance_transition || self.compliance_permitted;
        let state = if permitted && !self.has_trained {
            PortLinkState::COMPLIANCE_MODE
        } else {
            PortLinkState::DISABLED
        };
        self.portsc = self.portsc.with_pls(state);
    }

    /// PRT-34, PRT-37: an error of the link in U0 sends it to Recovery; if that fails, to Inactive.
    pub(super) fn link_error(&mut self, fatal: bool, now: Instant, core: &mut Core) {
        if self.portsc.ped() && self.portsc.pls() == PortLinkState::U0 {
            self.link_power.count_link_error();
            if !fatal && core.profile.link_soft_errors {
                self.link_power.count_soft_error();
            }
            self.portsc = self.portsc.with_pls(PortLinkState::RECOVERY);
            let (phase, takes) = if fatal {
                (Phase::Failing, RECOVERY_TIMEOUT)
            } else {
                (Phase::Recovery, core.latency(|all| all.usb3_recovery))
            };
            self.begin(phase, takes, now, core);
        }
    }

    /// PRT-34, PRT-54: the link is Inactive; only a warm reset brings it back.
    pub(super) fn fail_link(&mut self, changes: Portsc, now: Instant, core: &mut Core) {
        self.cancel();
        self.portsc = self.portsc.with_ped(false).with_pls(PortLinkState::INACTIVE);
        self.change(changes.with_plc(true), now, core);
    }
}
