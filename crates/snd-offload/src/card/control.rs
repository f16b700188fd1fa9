use offload_core::{Errno, LocalBoxFuture};
use usb_spec::SetupPacket;

/// The default control pipe of a card.
pub trait ControlPipe {
    /// A request with data from the device. Gives the bytes that came.
    ///
    /// # Errors
    /// What the transfer gave; `-EPIPE` is a STALL.
    fn control_in<'a>(
        &'a self,
        setup: SetupPacket,
        data: &'a mut [u8],
    ) -> LocalBoxFuture<'a, Result<usize, Errno>>;

    /// A request with data to the device.
    ///
    /// # Errors
    /// As [`ControlPipe::control_in`].
    fn control_out<'a>(&'a self, setup: SetupPacket, data: &'a [u8])
    -> LocalBoxFuture<'a, Result<(), Errno>>;
}
