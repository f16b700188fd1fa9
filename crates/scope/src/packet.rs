//! Packets of USB 2.0 chapter 8, from the packet identifier to the CRC.

use crc::{CRC_16_USB, Crc};
use xhci_model::Token;

/// Packet identifiers (USB 2.0 table 8-1), with their check bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pid {
    Out = 0xE1,
    In = 0x69,
    Setup = 0x2D,
    Data0 = 0xC3,
    Data1 = 0x4B,
    Data2 = 0x87,
    MData = 0x0F,
    Ack = 0xD2,
    Nak = 0x5A,
    Stall = 0x1E,
}

impl Pid {
    /// DATA0 or DATA1 by data toggle, or by the lowest bit of a USB 3 sequence number.
    pub(crate) fn of_toggle(sequence: u8) -> Self {
        if sequence & 1 == 0 { Self::Data0 } else { Self::Data1 }
    }

    /// DATA0, DATA1 or DATA2.
    pub(crate) fn of_number(number: u8) -> Self {
        match number {
            0 => Self::Data0,
            1 => Self::Data1,
            _ => Self::Data2,
        }
    }
}

/// OUT, IN or SETUP.
pub(crate) fn token(pid: Pid, token: Token) -> [u8; 3] {
    let fields = u16::from(token.address.0 & 0x7F) | u16::from(token.endpoint & 0xF) << 7;
    let [low, high] = (fields | u16::from(crc5(fields)) << 11).to_le_bytes();
    [pid as u8, low, high]
}

/// A data packet; `packet` is overwritten.
pub(crate) fn data(pid: Pid, payload: &[u8], packet: &mut Vec<u8>) {
    const CRC16: Crc<u16> = Crc::<u16>::new(&CRC_16_USB);
    packet.clear();
    packet.push(pid as u8);
    packet.extend_from_slice(payload);
    packet.extend_from_slice(&CRC16.checksum(payload).to_le_bytes());
}

/// ACK, NAK or STALL.
pub(crate) fn handshake(pid: Pid) -> [u8; 1] {
    [pid as u8]
}

/// USB 2.0 8.3.5.1: x^5 + x^2 + 1 over the eleven bits of a token. The `crc` crate counts whole bytes only.
fn crc5(fields: u16) -> u8 {
    // The polynomial with its lowest power in bit 4, as bits go out lowest first.
    const POLYNOMIAL: u8 = 0b1_0100;
    let step = |crc: u8, bit: u16| {
        let differs = (fields >> bit & 1 != 0) != (crc & 1 != 0);
        if differs { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 }
    };
    !(0..11).fold(0x1F, step) & 0x1F
}

#[cfg(test)]
mod tests {
    use super::*;
    use xhci_model::{DeviceAddress, StreamId};

    fn to(address: u8, endpoint: u8) -> Token {
        Token { address: DeviceAddress(address), endpoint, sequence: 0, stream: StreamId::NONE }
    }

    /// Captures of analyzers, and the examples of the paper "Cyclic Redundancy Checks in USB".
    #[test]
    fn packets_are_those_of_real_buses() {
        assert_eq!(token(Pid::Setup, to(0, 0)), [0x2D, 0x00, 0x10]);
        let crc = |address, endpoint| token(Pid::Out, to(address, endpoint))[2] >> 3;
        // The paper prints bits in the order in which they go out: 10111, 11100, 01110.
        assert_eq!([crc(0x15, 0xE), crc(0x3A, 0xA), crc(0x70, 0x4)], [0b1_1101, 0b0_0111, 0b0_1110]);
        let mut packet = Vec::new();
        data(Pid::Data0, &[0x80, 6, 0, 1, 0, 0, 0x40, 0], &mut packet);
        assert_eq!(packet, [0xC3, 0x80, 6, 0, 1, 0, 0, 0x40, 0, 0xDD, 0x94]);
        data(Pid::Data1, &[], &mut packet);
        assert_eq!(packet, [0x4B, 0, 0]);
        data(Pid::Data0, &[0, 1, 2, 3], &mut packet);
        assert_eq!(packet[5..], [0xEF, 0x7A]);
    }
}
