//! One downstream port (USB 2.0 11.5.1, 11.24.2.7).

use super::downstream::{DownstreamPort, reset_ends};
use crate::function::RequestError;
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use usb_spec::hub::{PortChange, PortFeature, PortStatus};
use xhci_model::Device;

/// USB 2.0 7.1.7.5: a hub drives reset for 10 to 20 ms.
const RESET_TIME: Duration = Duration::from_millis(10);
/// USB 2.0 7.1.7.7: a hub signals resume for 20 ms.
const RESUME_TIME: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No power: nothing is seen of what is plugged in. Also while the hub is not configured.
    Off,
    /// Power, and nothing plugged in.
    Disconnected,
    /// A device is there and hears nothing.
    Disabled,
    /// Reset is being signalled; enabled after it.
    Resetting { until: Instant },
    /// Tokens are repeated.
    Enabled,
    /// The device sees an idle bus.
    Suspended,
    /// Resume is being signalled.
    Resuming { until: Instant },
}

/// A port, and what is plugged into it.
pub(super) struct Usb2Port {
    state: State,
    change: PortChange,
    device: Option<Box<dyn Device>>,
}

impl Usb2Port {
    pub(super) const fn new() -> Self {
        Self { state: State::Off, change: PortChange::new(), device: None }
    }
    /// SetPortFeature(PORT_POWER).
    fn power_on(&mut self) {
        if self.state != State::Off {
            return;
        }
        if self.device.is_some() {
            self.state = State::Disabled;
            self.change.set_connection(true);
        } else {
            self.state = State::Disconnected;
        }
    }
    /// ClearPortFeature(PORT_POWER).
    fn power_off(&mut self) {
        self.state = State::Off;
        self.change = PortChange::new();
    }
    /// SetPortFeature(PORT_RESET). Without effect where there is nothing to reset (USB 2.0 11.5.1.5).
    fn reset(&mut self, now: Instant) {
        if !matches!(self.state, State::Off | State::Disconnected) {
            self.state = State::Resetting { until: now + RESET_TIME };
        }
    }
    /// ClearPortFeature(PORT_ENABLE).
    fn disable(&mut self) {
        if matches!(self.state, State::Enabled | State::Suspended | State::Resuming { .. }) {
            self.state = State::Disabled;
        }
    }
    /// SetPortFeature(PORT_SUSPEND). Without effect unless the port is enabled (USB 2.0 11.24.2.7.1.3).
    fn suspend(&mut self, now: Instant) {
        if self.state == State::Enabled
            && let Some(device) = &mut self.device
        {
            device.suspend(now);
            self.state = State::Suspended;
        }
    }
    /// ClearPortFeature(PORT_SUSPEND).
    fn resume(&mut self, now: Instant) {
        if self.state == State::Suspended {
            self.state = State::Resuming { until: now + RESUME_TIME };
        }
    }
}

impl DownstreamPort for Usb2Port {
    fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Resetting { until } | State::Resuming { until } => Some(until),
            _ => None,
        }
    }
    fn settle(&mut self, now: Instant) {
        let Some(device) = &mut self.device else { return };
        match self.state {
            State::Resetting { until } if until <= now => {
                reset_ends(device.as_mut(), until);
                self.state = State::Enabled;
                self.change.set_reset(true);
            }
            State::Resuming { until } if until <= now => {
                device.resume(until);
                self.state = State::Enabled;
                self.change.set_suspend(true);
            }
            _ => {}
        }
    }
    fn attach(&mut self, _now: Instant, device: Box<dyn Device>) -> Result<(), Box<dyn Device>> {
        if self.device.is_some() {
            return Err(device);
        }
        self.device = Some(device);
        if self.state == State::Disconnected {
            self.state = State::Disabled;
            self.change.set_connection(true);
        }
        Ok(())
    }
    fn detach(&mut self) -> Option<Box<dyn Device>> {
        let device = self.device.take()?;
        if self.state != State::Off {
            self.state = State::Disconnected;
            self.change.set_connection(true);
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
        if self.state == State::Enabled { self.device.as_deref_mut() } else { None }
    }
    /// USB 2.0 11.5.1.1, 11.5.1.2: unconfigured or just configured, a port is without power.
    fn configuration_changed(&mut self, _now: Instant, _configured: bool) {
        self.power_off();
    }
    fn set_feature(&mut self, now: Instant, feature: PortFeature, selector: u8) -> Result<(), RequestError> {
        // Selectors are of indicators and tests, which this hub has not.
        match (feature, selector) {
            (PortFeature::RESET, 0) => self.reset(now),
            (PortFeature::SUSPEND, 0) => self.suspend(now),
            (PortFeature::POWER, 0) => self.power_on(),
            _ => return Err(RequestError),
        }
        Ok(())
    }
    fn clear_feature(&mut self, now: Instant, feature: PortFeature) -> Result<(), RequestError> {
        match feature {
            PortFeature::ENABLE => self.disable(),
            PortFeature::SUSPEND => self.resume(now),
            PortFeature::POWER => self.power_off(),
            PortFeature::C_CONNECTION => self.change.set_connection(false),
            PortFeature::C_ENABLE => self.change.set_enable(false),
            PortFeature::C_SUSPEND => self.change.set_suspend(false),
            PortFeature::C_OVER_CURRENT => self.change.set_over_current(false),
            PortFeature::C_RESET => self.change.set_reset(false),
            _ => return Err(RequestError),
        }
        Ok(())
    }
    fn status(&self) -> (u16, u16) {
        let enabled = matches!(self.state, State::Enabled | State::Suspended | State::Resuming { .. });
        let connected = !matches!(self.state, State::Off | State::Disconnected);
        let speed = self.device.as_ref().map(|device| device.speed());
        let status = PortStatus::new()
            .with_power(self.state != State::Off)
            .with_connection(connected)
            .with_reset(matches!(self.state, State::Resetting { .. }))
            .with_enable(enabled)
            // USB 2.0 11.24.2.7.1.3: set until the resume is over.
            .with_suspend(enabled && self.state != State::Enabled)
            .with_low_speed(connected && speed == Some(Speed::Low))
            // Known after the handshake of a reset.
            .with_high_speed(enabled && speed == Some(Speed::High));
        (status.into(), self.change.into())
    }
    /// USB 2.0 11.5.1.10
    fn wake(&mut self, now: Instant) -> bool {
        let Some(device) = &mut self.device else { return false };
        let listens = matches!(self.state, State::Enabled | State::Suspended);
        let wakes = listens && device.signals_wake(now);
        if wakes {
            self.resume(now);
        }
        wakes
    }
}
