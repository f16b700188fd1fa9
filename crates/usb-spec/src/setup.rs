//! Setup packets (USB 2.0 9.3): the eight bytes that begin a control transfer.

pub mod audio;
pub mod standard;

use crate::Direction;
use core::fmt;

/// What a control transfer asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct SetupPacket {
    /// `bmRequestType`.
    pub request_type: RequestType,
    /// `bRequest`.
    pub request: u8,
    /// `wValue`.
    pub value: u16,
    /// `wIndex`.
    pub index: u16,
    /// `wLength`: bytes of the data stage; 0: none.
    pub length: u16,
}

impl SetupPacket {
    /// Size in bytes.
    pub const BYTES: usize = 8;

    /// The packet as it goes over the bus.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        let [value_lo, value_hi] = self.value.to_le_bytes();
        let [index_lo, index_hi] = self.index.to_le_bytes();
        let [length_lo, length_hi] = self.length.to_le_bytes();
        [self.request_type.0, self.request, value_lo, value_hi, index_lo, index_hi, length_lo, length_hi]
    }

    /// The packet of eight bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let [request_type, request, v0, v1, i0, i1, l0, l1] = bytes;
        Self {
            request_type: RequestType(request_type),
            request,
            value: u16::from_le_bytes([v0, v1]),
            index: u16::from_le_bytes([i0, i1]),
            length: u16::from_le_bytes([l0, l1]),
        }
    }

    /// Which way the data stage goes; the bit is set or not whatever `wLength` is.
    #[must_use]
    pub const fn direction(self) -> Direction {
        self.request_type.direction()
    }

    /// High byte of `wValue`: a descriptor type, or a control selector.
    #[must_use]
    pub const fn value_hi(self) -> u8 {
        (self.value >> 8) as u8
    }

    /// Low byte of `wValue`: a descriptor index, or a channel.
    #[must_use]
    pub const fn value_lo(self) -> u8 {
        self.value.to_le_bytes()[0]
    }

    /// High byte of `wIndex`: an entity of an audio function.
    #[must_use]
    pub const fn index_hi(self) -> u8 {
        (self.index >> 8) as u8
    }

    /// Low byte of `wIndex`: an interface, or an endpoint's address.
    #[must_use]
    pub const fn index_lo(self) -> u8 {
        self.index.to_le_bytes()[0]
    }
}

/// `bmRequestType`: direction in bit 7, kind in 6:5, recipient in 4:0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RequestType(pub u8);

/// Who defines a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RequestKind {
    /// USB 2.0 chapter 9.
    Standard,
    /// A device class.
    Class,
    /// The vendor.
    Vendor,
    /// 3, which means nothing.
    Reserved,
}

/// Whom a request is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Recipient {
    /// The device.
    Device,
    /// The interface in the low byte of `wIndex`.
    Interface,
    /// The endpoint in the low byte of `wIndex`.
    Endpoint,
    /// Something else: a hub's port, for example.
    Other,
    /// 4 to 31, which mean nothing.
    Reserved,
}

impl RequestType {
    /// The type of a request. [`Recipient::Reserved`] gives recipient 31.
    #[must_use]
    pub const fn new(direction: Direction, kind: RequestKind, recipient: Recipient) -> Self {
        let direction = match direction {
            Direction::Out => 0,
            Direction::In => 0x80,
        };
        let recipient = match recipient {
            Recipient::Device => 0,
            Recipient::Interface => 1,
            Recipient::Endpoint => 2,
            Recipient::Other => 3,
            Recipient::Reserved => 31,
        };
        Self(direction | (kind as u8) << 5 | recipient)
    }

    /// Which way the data stage goes.
    #[must_use]
    pub const fn direction(self) -> Direction {
        if self.0 & 0x80 == 0 { Direction::Out } else { Direction::In }
    }

    /// Who defines the request.
    #[must_use]
    pub const fn kind(self) -> RequestKind {
        match self.0 >> 5 & 3 {
            0 => RequestKind::Standard,
            1 => RequestKind::Class,
            2 => RequestKind::Vendor,
            _ => RequestKind::Reserved,
        }
    }

    /// Whom the request is for.
    #[must_use]
    pub const fn recipient(self) -> Recipient {
        match self.0 & 0x1F {
            0 => Recipient::Device,
            1 => Recipient::Interface,
            2 => Recipient::Endpoint,
            3 => Recipient::Other,
            _ => Recipient::Reserved,
        }
    }
}

impl fmt::Debug for RequestType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {:?}", self.direction(), self.kind(), self.recipient())
    }
}
