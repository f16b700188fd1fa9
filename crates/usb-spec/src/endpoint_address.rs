//! Endpoint addresses (USB 2.0 9.6.6).

use core::fmt;

/// Which way data goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// From the host to the device.
    Out,
    /// From the device to the host.
    In,
}

/// `bEndpointAddress`: the endpoint's number in bits 3:0, IN in bit 7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EndpointAddress(pub u8);

impl EndpointAddress {
    /// The address of an endpoint; the number modulo 16.
    #[must_use]
    pub const fn new(number: u8, direction: Direction) -> Self {
        match direction {
            Direction::Out => Self(number & 0xF),
            Direction::In => Self(number & 0xF | 0x80),
        }
    }

    /// The endpoint's number, 0 to 15.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0 & 0xF
    }

    /// Whether the endpoint sends to the host.
    #[must_use]
    pub const fn is_in(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Which way data goes.
    #[must_use]
    pub const fn direction(self) -> Direction {
        if self.is_in() { Direction::In } else { Direction::Out }
    }
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}", self.0)
    }
}

impl fmt::Debug for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
