//! One downstream port (USB 2.0 11.5.1, 11.24.2.7).

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
pub(super) struct Port {
    state: State,
    change: PortChange,
    device: Option<Box<dyn Device>>,
}

impl Port {
    pub(super) const fn new() -> Self {
        Self { state: State::Off, change: PortChange::new(), device: None }
    }
    /// When the port changes by itself.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Resetting { until } | State::Resuming { until } => Some(until),
            _ => None,
        }
    }
    /// Does what was due by `now`, at the instants when it was.
    pub(super) fn settle(&mut self, now: Instant) {
        let Some(device) = &mut self.device else { return };
        match self.state {
            State::Resetting { until } if until <= now => {
                device.bus_reset(until);
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

    /// Plugs a device in, or gives it back if something is plugged in already.
    pub(super) fn attach(&mut self, device: Box<dyn Device>) -> Result<(), Box<dyn Device>> {
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
    pub(super) fn detach(&mut self) -> Option<Box<dyn Device>> {
        let device = self.device.take()?;
        if self.state != State::Off {
            self.state = State::Disconnected;
            self.change.set_connection(true);
        }
        Some(device)
    }
    pub(super) fn device(&self) -> Option<&dyn Device> {
        self.device.as_deref()
    }
    pub(super) fn device_mut(&mut self) -> Option<&mut dyn Device> {
        self.device.as_deref_mut()
    }
    /// The device to which tokens are repeated.
    pub(super) fn repeats_to(&mut self) -> Option<&mut dyn Device> {
        if self.state == State::Enabled { self.device.as_deref_mut() } else { None }
    }

    /// SetPortFeature(PORT_POWER).
    pub(super) fn power_on(&mut self) {
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
    /// ClearPortFeature(PORT_POWER), and what becomes of every port when the hub loses its configuration.
    pub(super) fn power_off(&mut self) {
        self.state = State::Off;
        self.change = PortChange::new();
    }
    /// SetPortFeature(PORT_RESET). Without effect where there is nothing to reset (USB 2.0 11.5.1.5).
    pub(super) fn reset(&mut self, now: Instant) {
        if !matches!(self.state, State::Off | State::Disconnected) {
            self.state = State::Resetting { until: now + RESET_TIME };
        }
    }
    /// ClearPortFeature(PORT_ENABLE).
    pub(super) fn disable(&mut self) {
        if matches!(self.state, State::Enabled | State::Suspended | State::Resuming { .. }) {
            self.state = State::Disabled;
        }
    }
    /// SetPortFeature(PORT_SUSPEND). Without effect unless the port is enabled (USB 2.0 11.24.2.7.1.3).
    pub(super) fn suspend(&mut self, now: Instant) {
        if self.state == State::Enabled
            && let Some(device) = &mut self.device
        {
            device.suspend(now);
            self.state = State::Suspended;
        }
    }
    /// ClearPortFeature(PORT_SUSPEND).
    pub(super) fn resume(&mut self, now: Instant) {
        if self.state == State::Suspended {
            self.state = State::Resuming { until: now + RESUME_TIME };
        }
    }
    /// Whether the device signals resume. A port that was suspended by itself goes on signalling it (USB 2.0
    /// 11.5.1.10).
    pub(super) fn wake(&mut self, now: Instant) -> bool {
        let Some(device) = &mut self.device else { return false };
        let listens = matches!(self.state, State::Enabled | State::Suspended);
        let wakes = listens && device.signals_wake(now);
        if wakes {
            self.resume(now);
        }
        wakes
    }
    /// The whole bus was suspended, and an enabled port with it.
    pub(super) fn bus_suspended(&mut self, now: Instant) {
        if let Some(device) = self.repeats_to() {
            device.suspend(now);
        }
    }
    /// The whole bus was resumed.
    pub(super) fn bus_resumed(&mut self, now: Instant) {
        if let Some(device) = self.repeats_to() {
            device.resume(now);
        }
    }
    /// ClearPortFeature of a change; `None` for another feature.
    pub(super) fn clear_change(&mut self, feature: PortFeature) -> Option<()> {
        match feature {
            PortFeature::C_CONNECTION => self.change.set_connection(false),
            PortFeature::C_ENABLE => self.change.set_enable(false),
            PortFeature::C_SUSPEND => self.change.set_suspend(false),
            PortFeature::C_OVER_CURRENT => self.change.set_over_current(false),
            PortFeature::C_RESET => self.change.set_reset(false),
            _ => return None,
        }
        Some(())
    }
    /// Whether the host is to be told of a change.
    pub(super) fn has_change(&self) -> bool {
        self.change != PortChange::new()
    }
    /// `wPortStatus` and `wPortChange`.
    pub(super) fn status(&self) -> (PortStatus, PortChange) {
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
        (status, self.change)
    }
}
