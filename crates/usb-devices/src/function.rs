//! What a device does, apart from what every device does.

use crate::Descriptors;
use sim_time::Instant;
use usb_spec::{SetupPacket, Speed};
use xhci_model::Handshake;

/// The request is not supported: the transfer ends with a STALL (USB 2.0 9.2.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestError;

/// A function's answer to an IN token of one of its endpoints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply {
    /// A packet: so many bytes at the start of the buffer. Zero is a zero-length packet.
    Data(usize),
    /// Nothing to send now. Not for isochronous endpoints, which have no handshake: they are silent.
    Nak,
    /// The endpoint halts until the host clears it.
    Stall,
}

/// The part of a device above chapter 9: its interfaces.
///
/// [`Peripheral`](crate::Peripheral) keeps addresses, configurations, alternate settings, halts, toggles and
/// control transfers; it asks a function only for what the descriptors promise: requests of class and vendor,
/// and packets of endpoints that exist in the alternate settings in force.
pub trait Function: Send + 'static {
    /// The speed at which the device answers the reset handshake.
    fn speed(&self) -> Speed;
    /// The descriptors. Asked for once.
    fn descriptors(&self) -> Descriptors;
    /// The bus was reset: back to the state after power-on. There is no configuration any more, as
    /// [`Function::set_configuration`] has just said.
    fn bus_reset(&mut self, now: Instant);
    /// The host chose the configuration, or none. All interfaces are at alternate setting 0.
    fn set_configuration(&mut self, now: Instant, configured: bool);
    /// The host chose an alternate setting that the descriptors list, perhaps the one in force.
    fn set_interface(&mut self, now: Instant, interface: u8, alternate: u8);
    /// A request with data to the host, or without data but with that direction. Writes what there is; more
    /// than the host asked for is cut. `reply` has room for 512 bytes at least.
    fn control_in(
        &mut self,
        now: Instant,
        setup: &SetupPacket,
        reply: &mut [u8],
    ) -> Result<usize, RequestError>;
    /// A request with data from the host (all of `wLength`), or without data.
    fn control_out(&mut self, now: Instant, setup: &SetupPacket, data: &[u8]) -> Result<(), RequestError>;
    /// A packet to an endpoint. For an isochronous endpoint the answer is not looked at.
    fn packet_out(&mut self, now: Instant, endpoint: u8, data: &[u8]) -> Handshake;
    /// A packet from an endpoint; `buffer` has the room of its maximum packet size, or less if the host's has.
    fn packet_in(&mut self, now: Instant, endpoint: u8, buffer: &mut [u8]) -> Reply;
    /// The bus went idle.
    fn suspend(&mut self, now: Instant);
    /// The bus is awake again.
    fn resume(&mut self, now: Instant);
    /// Whether there is a reason to wake the host. Asked of a suspended device that may.
    fn signals_wake(&mut self, _now: Instant) -> bool {
        false
    }
}

/// Writes `bytes` to the start of `reply`; their number.
pub(crate) fn reply_with(reply: &mut [u8], bytes: &[u8]) -> Result<usize, RequestError> {
    reply.get_mut(..bytes.len()).ok_or(RequestError)?.copy_from_slice(bytes);
    Ok(bytes.len())
}
