//! What offload-core asks of the controller driver below it: control plane only, no transfer ever passes here.

mod ids;
mod sg_table;

pub use ids::{EpIndex, InterrupterHandle, RootHub, SlotId, VirtDeviceId};
pub use sg_table::{SgSegment, SgTable};

use crate::Errno;
use std::future::Future;
use std::pin::Pin;

/// A boxed future of the one thread that simulates the kernel.
pub type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// How a controller came back from system sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HcResume {
    /// The saved state was restored; slots, rings and interrupters are as before.
    Restored,
    /// The controller was set up anew: every virtual device is gone and both buses lost power.
    PowerLost,
}

/// Told by [`HostController::reset_device`] about each transfer ring, before the ring is freed.
pub trait RingFree {
    /// The ring of `ep` is about to be freed. The caller frees it when the future is done.
    fn ring_free(&self, ep: EpIndex) -> LocalBoxFuture<'_, ()>;
}

/// The controller driver, seen from usbcore and from the sideband.
///
/// Futures may sleep. The implementation takes its own leaf locks (`xhci->lock`) and none of usbcore's; every
/// lock above it is taken by the caller. Calls with a slot that does not exist give [`Errno::ENODEV`].
pub trait HostController {
    // --- sideband ---

    /// The virtual device in `slot`, if the slot is in use. The identity changes when a slot is freed and taken
    /// again, so that a pointer kept over that is seen to dangle.
    fn virt_device(&self, slot: SlotId) -> Option<VirtDeviceId>;

    /// Whether streams are set up on an endpoint.
    fn endpoint_has_streams(&self, slot: SlotId, ep: EpIndex) -> bool;

    /// The memory of an endpoint's transfer ring; `None` without a ring.
    fn endpoint_ring(&self, slot: SlotId, ep: EpIndex) -> Option<SgTable>;

    /// Stop Endpoint command, waited for (`xhci_stop_endpoint_sync`).
    ///
    /// # Errors
    /// `-ENODEV`: no ring, or the output context does not say Running. `-ESHUTDOWN`: dying, halted or without
    /// power. `-ETIME`: the command was aborted or its ring stopped. `-ENOMEM`. Any completion code is success.
    fn stop_endpoint_sync(&self, slot: SlotId, ep: EpIndex) -> LocalBoxFuture<'_, Result<(), Errno>>;

    /// Takes a secondary interrupter and programs its event ring (`xhci_create_secondary_interrupter`).
    ///
    /// `segments`: 0 means 2, capped by ERST Max. `imod_ns`: moderation, in nanoseconds. `intr_num`: 0 takes the
    /// lowest free index from 1 up, else exactly that one. `None` for every failure: one interrupter only, index out of range
    /// or taken, no memory. Interrupt Enable stays 0.
    fn create_secondary_interrupter(
        &self,
        segments: u32,
        imod_ns: u32,
        intr_num: u32,
    ) -> Option<InterrupterHandle>;

    /// Whether Interrupt Pending clears itself, so that removal need not write it.
    fn set_ip_autoclear(&self, interrupter: InterrupterHandle, autoclear: bool);

    /// Skips what is left in the event ring, disables and frees the interrupter. Index 0 and unknown indices are
    /// refused silently.
    fn remove_secondary_interrupter(&self, interrupter: InterrupterHandle);

    /// The memory of an interrupter's event ring.
    fn interrupter_ring(&self, interrupter: InterrupterHandle) -> Option<SgTable>;

    // --- ports, buses, controller ---

    /// Suspends the port of the device: `SetFeature(PORT_SUSPEND)` on its hub, or U3 on a root port, with
    /// `wakeup` the device's remote wakeup is switched on before.
    ///
    /// # Errors
    /// What the transfers or the port gave; `-EBUSY` if the port refused.
    fn port_suspend(&self, slot: SlotId, wakeup: bool) -> LocalBoxFuture<'_, Result<(), Errno>>;

    /// Brings a suspended port back to U0 and switches remote wakeup off. The recovery times of the bus are the
    /// caller's.
    ///
    /// # Errors
    /// `-ENODEV` if nothing is connected any more, else what the transfers gave.
    fn port_resume(&self, slot: SlotId) -> LocalBoxFuture<'_, Result<(), Errno>>;

    /// Disables the port of the device (quirk: disconnect instead of suspend).
    ///
    /// # Errors
    /// What the transfer gave.
    fn port_disable(&self, slot: SlotId) -> LocalBoxFuture<'_, Result<(), Errno>>;

    /// GET_STATUS of the device: is it still there?
    ///
    /// # Errors
    /// `-EPROTO`, `-ETIMEDOUT` and the like if it does not answer.
    fn get_status(&self, slot: SlotId) -> LocalBoxFuture<'_, Result<(), Errno>>;

    /// Suspends every port of a root hub that is still active.
    ///
    /// # Errors
    /// `-EBUSY` if a port is in transition or woke up.
    fn bus_suspend(&self, root_hub: RootHub, wakeup: bool) -> LocalBoxFuture<'_, Result<(), Errno>>;

    /// Undoes [`HostController::bus_suspend`].
    ///
    /// # Errors
    /// `-ESHUTDOWN` if the controller has no power.
    fn bus_resume(&self, root_hub: RootHub) -> LocalBoxFuture<'_, Result<(), Errno>>;

    /// Halts the controller and saves its state. Called with both buses suspended.
    ///
    /// # Errors
    /// `-ETIMEDOUT` if it did not halt or save.
    fn hc_suspend(&self, wakeup: bool) -> LocalBoxFuture<'_, Result<(), Errno>>;

    /// Restores the state and runs again; `power_lost` skips the restore and sets up anew.
    ///
    /// # Errors
    /// `-ETIMEDOUT`, `-ESHUTDOWN`.
    fn hc_resume(&self, power_lost: bool) -> LocalBoxFuture<'_, Result<HcResume, Errno>>;

    /// `dwc3_core_exit`: the core that the controller is in loses its power, whatever the controller does.
    fn core_exit(&self) {}

    /// `dwc3_core_init_for_resume`: it has power again.
    fn core_init(&self) {}

    // --- one device ---

    /// Frees the rings a reset invalidates and resets the slot (`xhci_discover_or_reset_device`): for each ring
    /// of a linked endpoint `rings` is told first. The slot changes if the old one was gone.
    ///
    /// # Errors
    /// `-ENODEV`, `-ESHUTDOWN`, `-ETIME`, or what the command gave.
    fn reset_device<'a>(
        &'a self,
        slot: SlotId,
        rings: &'a dyn RingFree,
    ) -> LocalBoxFuture<'a, Result<SlotId, Errno>>;

    /// Port reset, address, and descriptors compared (`hub_port_init` after the Reset Device command).
    ///
    /// # Errors
    /// `-ENODEV` if the device is gone or is another one.
    fn port_init(&self, slot: SlotId) -> LocalBoxFuture<'_, Result<(), Errno>>;

    /// Configure Endpoint for the whole configuration, then SET_CONFIGURATION.
    ///
    /// # Errors
    /// `-ENOSPC` without bandwidth, else what the transfers gave.
    fn configure(&self, slot: SlotId) -> LocalBoxFuture<'_, Result<(), Errno>>;

    /// Selects an alternate setting: bandwidth at the controller, then SET_INTERFACE. Rings of the old
    /// setting are freed without notice.
    ///
    /// # Errors
    /// `-EHOSTUNREACH` while suspended, `-ENOSPC` without bandwidth, else what the transfer gave.
    fn set_interface(
        &self,
        slot: SlotId,
        interface: u8,
        alternate: u8,
    ) -> LocalBoxFuture<'_, Result<(), Errno>>;

    /// Cancels every URB of the device and waits for them.
    fn flush_endpoints(&self, slot: SlotId) -> LocalBoxFuture<'_, ()>;

    /// Drops all endpoints but the default one; their rings are freed without notice.
    ///
    /// # Errors
    /// What the command gave; the rings are gone all the same.
    fn drop_endpoints(&self, slot: SlotId) -> LocalBoxFuture<'_, Result<(), Errno>>;

    /// Disable Slot, then the virtual device is freed.
    fn free_device(&self, slot: SlotId) -> LocalBoxFuture<'_, ()>;
}
