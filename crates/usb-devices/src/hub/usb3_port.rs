//! One downstream port of a SuperSpeed hub (USB 3.2 10.3.1, 10.16.2).

use super::downstream::{DownstreamPort, reset_ends};
use crate::function::RequestError;
use sim_time::{Duration, Instant};
use usb_spec::hub::PortFeature;
use usb_spec::hub::superspeed::{LinkState, PortChange, PortStatus};
use xhci_model::Device;

/// From a receiver that is there to a link in U0. USB 3.2 7.5.4 bounds it by 360 ms.
const TRAINING_TIME: Duration = Duration::from_millis(1);
/// USB 3.2 7.5.12: tHotResetTimeout is 12 ms.
const HOT_RESET_TIME: Duration = Duration::from_millis(2);
/// USB 3.2 6.9.3: tReset, 80 to 120 ms.
const WARM_RESET_TIME: Duration = Duration::from_millis(100);
/// USB 3.2 7.2.4.2.7: U3 exit takes 20 ms at most.
const RESUME_TIME: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No power: nothing is seen of what is plugged in. Also while the hub is not configured.
    Off,
    /// Power, and no receiver at the other end.
    RxDetect,
    /// The link trains.
    Polling { until: Instant },
    /// Software switched the link off.
    Disabled,
    /// Packets pass.
    U0,
    /// Suspended.
    U3,
    /// On the way from U3 to U0.
    Resuming { until: Instant },
    /// A reset is under way; a warm one trains the link anew.
    Resetting { until: Instant, warm: bool },
}

/// A port, and what is plugged into it.
pub(super) struct Usb3Port {
    state: State,
    change: PortChange,
    device: Option<Box<dyn Device>>,
}

impl Usb3Port {
    pub(super) const fn new() -> Self {
        Self { state: State::Off, change: PortChange::new(), device: None }
    }
    /// Looks for a receiver.
    fn detect(&mut self, now: Instant) {
        self.state = match self.device {
            Some(_) => State::Polling { until: now + TRAINING_TIME },
            None => State::RxDetect,
        };
    }
    fn power_off(&mut self) {
        self.state = State::Off;
        self.change = PortChange::new();
    }
    /// USB 3.2 10.3.1.6: a hot reset needs a link, a warm one a device.
    fn reset(&mut self, now: Instant, warm: bool) {
        let has_link = matches!(self.state, State::U0 | State::U3 | State::Resuming { .. });
        let has_device = !matches!(self.state, State::Off | State::RxDetect);
        if if warm { has_device } else { has_link } {
            let takes = if warm { WARM_RESET_TIME } else { HOT_RESET_TIME };
            self.state = State::Resetting { until: now + takes, warm };
        }
    }
    /// USB 3.2 10.16.2.10: what cannot be reached from here is not done.
    fn set_link_state(&mut self, now: Instant, wanted: LinkState) -> Result<(), RequestError> {
        match (wanted, self.state) {
            (LinkState::U3, State::U0) => {
                if let Some(device) = &mut self.device {
                    device.suspend(now);
                }
                self.state = State::U3;
            }
            (LinkState::U0, State::U3) => self.state = State::Resuming { until: now + RESUME_TIME },
            (LinkState::DISABLED, state) if state != State::Off => self.state = State::Disabled,
            (LinkState::RX_DETECT, State::Disabled) => self.detect(now),
            // Nothing here enters U1 or U2 by itself.
            (LinkState(0..=5), _) => {}
            _ => return Err(RequestError),
        }
        Ok(())
    }
}

impl DownstreamPort for Usb3Port {
    fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Polling { until } | State::Resuming { until } | State::Resetting { until, .. } => {
                Some(until)
            }
            _ => None,
        }
    }
    fn settle(&mut self, now: Instant) {
        let Some(device) = &mut self.device else { return };
        match self.state {
            State::Polling { until } if until <= now => {
                reset_ends(device.as_mut(), until);
                self.state = State::U0;
                self.change.set_connection(true);
            }
            State::Resetting { until, warm } if until <= now => {
                reset_ends(device.as_mut(), until);
                self.state = State::U0;
                self.change.set_reset(true);
                if warm {
                    self.change.set_bh_reset(true);
                }
            }
            State::Resuming { until } if until <= now => {
                device.resume(until);
                self.state = State::U0;
                self.change.set_link_state(true);
            }
            _ => {}
        }
    }
    fn attach(&mut self, now: Instant, device: Box<dyn Device>) -> Result<(), Box<dyn Device>> {
        if self.device.is_some() {
            return Err(device);
        }
        self.device = Some(device);
        if self.state == State::RxDetect {
            self.detect(now);
        }
        Ok(())
    }
    fn detach(&mut self) -> Option<Box<dyn Device>> {
        let device = self.device.take()?;
        let was_seen = !matches!(self.state, State::Off | State::Disabled | State::Polling { .. });
        if was_seen {
            self.change.set_connection(true);
        }
        if !matches!(self.state, State::Off | State::Disabled) {
            self.state = State::RxDetect;
        }
        Some(device)
    }
    fn device(&self) -> Option<&dyn Device> {
        self.device.as_deref()
    }
    fn device_mut(&mut self) -> Option<&mut dyn Device> {
        self.device.as_deref_mut()
    }
    fn repeats_to(&mut self) -> Option<&mut dyn Device> {
        if self.state == State::U0 { self.device.as_deref_mut() } else { None }
    }
    /// USB 3.2 10.3.1.1: with a configuration the ports have power at once.
    fn configuration_changed(&mut self, now: Instant, configured: bool) {
        self.power_off();
        if configured {
            self.detect(now);
        }
    }
    fn set_feature(&mut self, now: Instant, feature: PortFeature, selector: u8) -> Result<(), RequestError> {
        match feature {
            PortFeature::RESET => self.reset(now, false),
            PortFeature::BH_RESET => self.reset(now, true),
            PortFeature::LINK_STATE => self.set_link_state(now, LinkState(selector))?,
            PortFeature::POWER if self.state == State::Off => self.detect(now),
            PortFeature::POWER => {}
            // Nothing here enters U1 or U2 by itself, and every wake is passed on.
            PortFeature::U1_TIMEOUT
            | PortFeature::U2_TIMEOUT
            | PortFeature::REMOTE_WAKE_MASK
            | PortFeature::FORCE_LINKPM_ACCEPT => {}
            _ => return Err(RequestError),
        }
        Ok(())
    }
    fn clear_feature(&mut self, _now: Instant, feature: PortFeature) -> Result<(), RequestError> {
        match feature {
            PortFeature::POWER => self.power_off(),
            PortFeature::C_CONNECTION => self.change.set_connection(false),
            PortFeature::C_OVER_CURRENT => self.change.set_over_current(false),
            PortFeature::C_RESET => self.change.set_reset(false),
            PortFeature::C_BH_RESET => self.change.set_bh_reset(false),
            PortFeature::C_LINK_STATE => self.change.set_link_state(false),
            PortFeature::C_CONFIG_ERROR => self.change.set_config_error(false),
            PortFeature::FORCE_LINKPM_ACCEPT => {}
            _ => return Err(RequestError),
        }
        Ok(())
    }
    fn status(&self) -> (u16, u16) {
        let link_state = match self.state {
            State::Off | State::Disabled => LinkState::DISABLED,
            State::RxDetect => LinkState::RX_DETECT,
            State::Polling { .. } => LinkState::POLLING,
            State::U0 => LinkState::U0,
            State::U3 => LinkState::U3,
            State::Resuming { .. } => LinkState::RECOVERY,
            State::Resetting { warm: false, .. } => LinkState::HOT_RESET,
            State::Resetting { warm: true, .. } => LinkState::RX_DETECT,
        };
        let enabled = matches!(self.state, State::U0 | State::U3 | State::Resuming { .. });
        let resets = matches!(self.state, State::Resetting { .. });
        let status = PortStatus::new()
            .with_connection(enabled || resets)
            .with_enable(enabled)
            .with_reset(resets)
            .with_link_state(link_state)
            .with_power(self.state != State::Off);
        (status.into(), self.change.into())
    }
    /// USB 3.2 10.8: U3 is left, or a device in U0 speaks for itself.
    fn wake(&mut self, now: Instant) -> bool {
        let Some(device) = &mut self.device else { return false };
        let wakes = matches!(self.state, State::U0 | State::U3) && device.signals_wake(now);
        if wakes && self.state == State::U3 {
            self.state = State::Resuming { until: now + RESUME_TIME };
        }
        wakes
    }
}
