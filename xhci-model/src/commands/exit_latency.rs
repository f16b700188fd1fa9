//! Max Exit Latency (xHCI 4.23.5.2): how long the links to a device may take to wake up.

use crate::controller::Xhci;
use sim_time::Duration;
use xhci_spec::SlotId;
use xhci_spec::context::EndpointContext;

/// The largest Interval that counts: 2^15 microframes.
const LARGEST_INTERVAL: u8 = 15;

impl Xhci {
    /// OPR-23, PWR-12: with USBCMD.CME, a periodic endpoint whose interval is over before the links are awake is
    /// refused. The latency is the one that Evaluate Context set (CMD-30).
    pub(super) fn wakes_too_late<'a>(
        &mut self,
        id: SlotId,
        mut added: impl Iterator<Item = &'a EndpointContext>,
    ) -> bool {
        if !self.core.command.cme() {
            return false;
        }
        let exit = self.slots.get(id).map_or(0, |slot| slot.context.max_exit_latency());
        let exit = Duration::from_micros(exit.into());
        let interval = |endpoint: &EndpointContext| {
            Duration::MICROFRAME * (1_u64 << endpoint.interval().min(LARGEST_INTERVAL))
        };
        added.any(|endpoint| endpoint.ep_type().is_periodic() && interval(endpoint) < exit)
    }
}
