//! The whole state of a controller, to go on from (PWR-14).

use crate::controller::Xhci;
use crate::device::Device;

/// A controller between two calls: registers, rings, timers, everything but what is plugged in.
///
/// ```
/// use sim_time::Instant;
/// use xhci_model::{Profile, Xhci};
/// let mut xhc = Xhci::new(Profile::default(), 0)?;
/// let before = xhc.snapshot();
/// xhc.write32(Instant::ZERO, 0x80 + 0x38, 16);
/// let devices = xhc.take_devices();
/// let xhc = before.resume(devices);
/// assert_eq!(xhc.read32(Instant::ZERO, 0x80 + 0x38), 0, "CONFIG as it was");
/// # Ok::<(), xhci_model::ProfileError>(())
/// ```
#[derive(Debug)]
pub struct Snapshot(Box<Xhci>);

/// What is plugged into the root hub ports of a controller, taken out unseen. The state of devices is their owner's: a
/// snapshot goes on bit for bit with devices that are as they were.
pub struct Devices(pub(crate) Vec<Option<Box<dyn Device>>>);

impl Xhci {
    /// The state now. Outputs and events of the log that were not taken yet are part of it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(Box::new(self.without_devices()))
    }

    /// Takes what is plugged in, without anything noticing: for a controller that is to be dropped in favour of a
    /// [`Snapshot::resume`].
    pub fn take_devices(&mut self) -> Devices {
        Devices(self.ports.take_devices())
    }
}

impl Snapshot {
    /// A controller that goes on from here, with `devices` in the ports that they were taken from.
    pub fn resume(&self, devices: Devices) -> Xhci {
        let mut xhc = self.0.without_devices();
        xhc.ports.give_devices(devices.0);
        xhc
    }
}

impl core::fmt::Debug for Devices {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|device| device.as_ref().map(|device| device.speed())))
            .finish()
    }
}
