use crate::host::LocalBoxFuture;
use crate::{Errno, PmMessage, UsbInterface};
use std::rc::Rc;

/// A class driver, as the interfaces it is bound to see it (`struct usb_driver`).
///
/// Probing is the caller's: [`UsbInterface::probe`] and [`UsbInterface::claim`] tie a driver to an interface. The
/// defaults are those of a driver with nothing to do in a transition.
pub trait UsbDriver {
    /// The driver's name.
    fn name(&self) -> &str;

    /// Stops using the interface. On SUSPEND, FREEZE and HIBERNATE an error is ignored; on AUTO_SUSPEND it keeps the
    /// device awake.
    fn suspend<'a>(
        &'a self,
        intf: &'a Rc<UsbInterface>,
        message: PmMessage,
    ) -> LocalBoxFuture<'a, Result<(), Errno>> {
        let _ = (intf, message);
        Box::pin(async { Ok(()) })
    }

    /// Goes on after a suspend the device kept its state through. Errors are ignored.
    fn resume<'a>(&'a self, intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        let _ = intf;
        Box::pin(async { Ok(()) })
    }

    /// Goes on after a suspend that cost the device its state. Errors are ignored.
    fn reset_resume<'a>(&'a self, intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, Result<(), Errno>> {
        self.resume(intf)
    }

    /// Lets go of the interface: it is unbound, or the device is gone (then its state is
    /// [`DeviceState::NotAttached`](crate::DeviceState::NotAttached)). The mutexes of device and interface are held.
    fn disconnect<'a>(&'a self, intf: &'a Rc<UsbInterface>) -> LocalBoxFuture<'a, ()>;

    /// Whether the driver has `suspend` and `resume` at all; without, it is unbound for a system sleep.
    fn supports_suspend(&self) -> bool {
        true
    }
    /// Whether the driver has `reset_resume`; without, it is unbound and probed again when a device lost its state.
    fn supports_reset_resume(&self) -> bool {
        true
    }
    /// Whether the interface takes part in runtime PM; without, the device is never autosuspended.
    fn supports_autosuspend(&self) -> bool {
        true
    }
}
