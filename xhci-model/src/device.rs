//! What a USB device is to the bus: something that answers packets.
//!
//! A device knows no TRB, no ring and no slot. It sees resets, tokens and data packets at instants of virtual
//! time, and answers with handshakes or data, as a chip at the end of a cable does. Whatever it does between
//! packets (its sample clock, say) it derives from the instants that it is shown; it has no tick.

use core::any::Any;
use sim_time::Instant;
use usb_spec::Speed;

/// A USB device address, 0 (default) to 127.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct DeviceAddress(pub u8);

impl DeviceAddress {
    /// The address of every device after a bus reset.
    pub const DEFAULT: Self = Self(0);
}

/// A stream of a SuperSpeed bulk endpoint (USB 3.2 8.12.1.4): a Stream ID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct StreamId(pub u16);

impl StreamId {
    /// No streams.
    pub const NONE: Self = Self(0);
    /// Prime: the host says that it has work, and leaves the choice to the device.
    pub const PRIME: Self = Self(0xFFFE);
    /// NoStream.
    pub const NO_STREAM: Self = Self(0xFFFF);
}

/// What a token packet says: whom it is for, and the sequence of the data packet that goes with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    /// The device addressed. The host sends a token down the way to its device (see [`Device::downstream`]), so
    /// that a device with another address hears it only if host and device disagree.
    pub address: DeviceAddress,
    /// The endpoint number, 0 to 15; the direction follows from the call.
    pub endpoint: u8,
    /// OUT: the data toggle (USB 2: 0 or 1) of the packet. IN: the toggle that the host expects next.
    /// Isochronous: the number of packets that still follow in this service interval (high-bandwidth PIDs).
    /// A status stage: 1, at SuperSpeed too, where it is no data packet and has none.
    pub sequence: u8,
    /// The stream of a SuperSpeed bulk endpoint with streams; otherwise [`StreamId::NONE`].
    pub stream: StreamId,
}

/// A device's answer to an OUT or SETUP packet. An isochronous OUT packet has none; what is returned for it
/// is ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handshake {
    /// Taken.
    Ack,
    /// Not now: the host tries again.
    Nak,
    /// The endpoint is halted, or the request is not supported.
    Stall,
    /// Silence: the host times out. Also the answer to a token for somebody else.
    NoResponse,
}

/// A device's answer to an IN token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InReply {
    /// A data packet of `length` bytes, written to the start of the buffer. A length beyond the buffer's is a
    /// babbling device.
    Data {
        /// Bytes in the packet; 0 is a zero-length packet.
        length: usize,
        /// The packet's data toggle (USB 2: 0 or 1; isochronous: ignored).
        sequence: u8,
    },
    /// Nothing to send now.
    Nak,
    /// The endpoint is halted, or the request is not supported.
    Stall,
    /// Silence: the host times out. Also the answer to a token for somebody else.
    NoResponse,
}

/// An LPM token of a USB 2 port: the host asks for L1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LpmRequest {
    /// Best Effort Service Latency, 0 to 15: an index, from 125 µs to 10 ms.
    pub besl: u8,
    /// The device may signal resume.
    pub remote_wake: bool,
}

/// A device's answer to an LPM token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LpmAnswer {
    /// In L1 from now on.
    Ack,
    /// Not now.
    Nyet,
    /// L1 is not supported.
    Stall,
    /// LPM is not known, or the token is for somebody else.
    Silence,
}

/// A device, or a hub with what is plugged into it.
///
/// Calls come in order of time; `now` is the start of the transaction. Owners reach their own type again
/// through [`Any`], for example to read what a sound device recorded.
pub trait Device: Any + Send {
    /// The speed at which the device answers the reset handshake.
    fn speed(&self) -> Speed;
    /// The end of a bus reset: default address, no configuration, all toggles 0.
    fn bus_reset(&mut self, now: Instant);
    /// A SETUP transaction to endpoint 0. A device may not answer it with NAK or STALL (USB 2.0 8.5.3).
    fn setup(&mut self, now: Instant, address: DeviceAddress, packet: &[u8; 8]) -> Handshake;
    /// An OUT transaction with its data packet.
    fn out_packet(&mut self, now: Instant, token: Token, data: &[u8]) -> Handshake;
    /// An IN transaction. `buffer` has the room of one maximum-size packet of the endpoint.
    fn in_packet(&mut self, now: Instant, token: Token, buffer: &mut [u8]) -> InReply;
    /// An endpoint with streams, none of which is under way: which one the device moves data of (ERDY, or its answer
    /// to a host that begins), `None` if of none now (NRDY). `token.stream` is the stream that the host proposes,
    /// [`StreamId::PRIME`] if it leaves the choice to the device (HID = 1). A stream stays under way until its ring
    /// is empty or the device answers NAK. As it stands, takes what is proposed.
    fn stream_ready(&mut self, now: Instant, token: Token, is_in: bool) -> Option<StreamId> {
        let _same = (now, is_in);
        (token.stream != StreamId::PRIME).then_some(token.stream)
    }
    /// The bus went idle: the device is suspended (USB 2.0 7.1.7.6).
    fn suspend(&mut self, now: Instant);
    /// The host ended the suspension.
    fn resume(&mut self, now: Instant);
    /// A hub shows `visit` the device at its downstream port `port`, numbered from 1, if that port is enabled and
    /// passes packets on. Whoever is not shown hears and says nothing. The way to a device is its route through
    /// the hubs, not whatever answers an address.
    fn downstream(&mut self, now: Instant, port: u8, visit: &mut dyn FnMut(&mut dyn Device)) {
        let _not_a_hub = (now, port, visit);
    }
    /// The speed of the USB 2 side of a SuperSpeed device, at which it can be used while its USB 3 port is off.
    fn usb2_speed(&self) -> Option<Speed> {
        None
    }
    /// The speed that the handshake of a bus reset came to: [`speed`](Self::speed) or
    /// [`usb2_speed`](Self::usb2_speed). Said before [`bus_reset`](Self::bus_reset).
    fn connected_at(&mut self, _speed: Speed) {}
    /// An LPM token (USB 2.0 ECN Link Power Management). After an [`Ack`](LpmAnswer::Ack) no packet comes until the
    /// port is in U0 again.
    fn lpm(&mut self, _now: Instant, _address: DeviceAddress, _request: LpmRequest) -> LpmAnswer {
        LpmAnswer::Silence
    }
    /// Whether the device signals resume (USB 2.0 7.1.7.7): it is suspended, was permitted to wake the host, and has
    /// a reason. A hub answers for what is behind it, and lets its own ports react. Asked when the owner says that
    /// something happened to the device ([`Xhci::touch`](crate::Xhci::touch)).
    fn signals_wake(&mut self, _now: Instant) -> bool {
        false
    }
}
