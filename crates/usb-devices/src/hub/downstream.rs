//! What the ports of a hub have in common, of whichever bus they are.

use crate::function::RequestError;
use sim_time::Instant;
use usb_spec::hub::PortFeature;
use xhci_model::Device;

/// A downstream port, and what is plugged into it.
pub(super) trait DownstreamPort: Send {
    /// When the port changes by itself.
    fn deadline(&self) -> Option<Instant>;
    /// Does what was due by `now`, at the instants when it was.
    fn settle(&mut self, now: Instant);
    /// Plugs a device in, or gives it back if something is plugged in already.
    fn attach(&mut self, now: Instant, device: Box<dyn Device>) -> Result<(), Box<dyn Device>>;
    /// Pulls the device out.
    fn detach(&mut self) -> Option<Box<dyn Device>>;
    fn device(&self) -> Option<&dyn Device>;
    fn device_mut(&mut self) -> Option<&mut dyn Device>;
    /// The device to which packets are passed on.
    fn repeats_to(&mut self) -> Option<&mut dyn Device>;
    /// What becomes of every port when the hub gains or loses its configuration.
    fn configuration_changed(&mut self, now: Instant, configured: bool);
    /// SET_FEATURE; `selector` is the high byte of `wIndex`.
    fn set_feature(&mut self, now: Instant, feature: PortFeature, selector: u8) -> Result<(), RequestError>;
    /// CLEAR_FEATURE
    fn clear_feature(&mut self, now: Instant, feature: PortFeature) -> Result<(), RequestError>;
    /// `wPortStatus` and `wPortChange`.
    fn status(&self) -> (u16, u16);
    /// Whether the host is to be told of a change.
    fn has_change(&self) -> bool {
        self.status().1 != 0
    }
    /// Whether the device signals resume. A port that was suspended by itself goes on signalling it.
    fn wake(&mut self, now: Instant) -> bool;
    /// The whole bus was suspended, and an enabled port with it.
    fn bus_suspended(&mut self, now: Instant) {
        if let Some(device) = self.repeats_to() {
            device.suspend(now);
        }
    }
    /// The whole bus was resumed.
    fn bus_resumed(&mut self, now: Instant) {
        if let Some(device) = self.repeats_to() {
            device.resume(now);
        }
    }
}

/// The end of a reset at `at`, as the device sees it.
pub(super) fn reset_ends(device: &mut dyn Device, at: Instant) {
    device.connected_at(device.speed());
    device.bus_reset(at);
}
