//! The hub class (USB 2.0 11.23 and 11.24): descriptor, requests, port status.

pub mod superspeed;

use crate::bytes::{Reader, Writer};
use crate::descriptor::{DescriptorType, ParseError};
use crate::{Direction, Recipient, RequestKind, RequestType, SetupPacket, Speed};
use alloc::vec::Vec;
use bitfield_struct::bitfield;

/// `bRequest` CLEAR_TT_BUFFER.
pub const CLEAR_TT_BUFFER: u8 = 8;
/// `bRequest` RESET_TT.
pub const RESET_TT: u8 = 9;

/// A feature of a port, for SET_FEATURE and CLEAR_FEATURE (USB 2.0 table 11-17).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PortFeature(pub u16);

impl PortFeature {
    /// PORT_CONNECTION.
    pub const CONNECTION: Self = Self(0);
    /// PORT_ENABLE.
    pub const ENABLE: Self = Self(1);
    /// PORT_SUSPEND.
    pub const SUSPEND: Self = Self(2);
    /// PORT_OVER_CURRENT.
    pub const OVER_CURRENT: Self = Self(3);
    /// PORT_RESET.
    pub const RESET: Self = Self(4);
    /// PORT_POWER.
    pub const POWER: Self = Self(8);
    /// C_PORT_CONNECTION.
    pub const C_CONNECTION: Self = Self(16);
    /// C_PORT_ENABLE.
    pub const C_ENABLE: Self = Self(17);
    /// C_PORT_SUSPEND.
    pub const C_SUSPEND: Self = Self(18);
    /// C_PORT_OVER_CURRENT.
    pub const C_OVER_CURRENT: Self = Self(19);
    /// C_PORT_RESET.
    pub const C_RESET: Self = Self(20);
    /// PORT_TEST.
    pub const TEST: Self = Self(21);
    /// PORT_INDICATOR.
    pub const INDICATOR: Self = Self(22);
}

/// `wPortStatus` (USB 2.0 11.24.2.7.1).
#[bitfield(u16)]
#[derive(PartialEq, Eq)]
pub struct PortStatus {
    /// A device is there.
    pub connection: bool,
    /// The port is enabled.
    pub enable: bool,
    /// The port is suspended or resuming.
    pub suspend: bool,
    /// There is an over-current.
    pub over_current: bool,
    /// Reset is being signalled.
    pub reset: bool,
    #[bits(3)]
    __: u8,
    /// The port has power.
    pub power: bool,
    /// The device is a low-speed one.
    pub low_speed: bool,
    /// The device is a high-speed one.
    pub high_speed: bool,
    /// The port is in test mode.
    pub test: bool,
    /// Software drives the indicator.
    pub indicator: bool,
    #[bits(3)]
    __: u8,
}

impl PortStatus {
    /// The speed of the device at the port.
    #[must_use]
    pub const fn speed(self) -> Speed {
        match (self.low_speed(), self.high_speed()) {
            (true, _) => Speed::Low,
            (false, true) => Speed::High,
            (false, false) => Speed::Full,
        }
    }
}

/// `wPortChange` (USB 2.0 11.24.2.7.2): bits are cleared by CLEAR_FEATURE of the feature of that name.
#[bitfield(u16)]
#[derive(PartialEq, Eq)]
pub struct PortChange {
    /// Connection changed.
    pub connection: bool,
    /// The port was disabled by an error.
    pub enable: bool,
    /// Resume is complete.
    pub suspend: bool,
    /// Over-current changed.
    pub over_current: bool,
    /// Reset is complete.
    pub reset: bool,
    #[bits(11)]
    __: u16,
}

/// Hub descriptor of USB 2 (USB 2.0 11.23.2.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HubDescriptor {
    /// `bNbrPorts`.
    pub ports: u8,
    /// `wHubCharacteristics`: 1:0 power switching, 2 compound, 4:3 over-current, 6:5 TT think time, 7 indicators.
    pub characteristics: u16,
    /// `bPwrOn2PwrGood` in 2 ms.
    pub power_on_to_power_good: u8,
    /// `bHubContrCurrent` in mA.
    pub controller_current_ma: u8,
    /// Ports whose device cannot be removed, 1 to 255.
    pub fixed_ports: Vec<u8>,
}

impl HubDescriptor {
    /// TT Think Time: n + 1 times 8 full-speed bit times.
    #[must_use]
    pub const fn tt_think_time(&self) -> u8 {
        (self.characteristics >> 5 & 3).to_le_bytes()[0]
    }

    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Bit 0 is reserved, so that port n is bit n.
        let mut removable = alloc::vec![0u8; usize::from(self.ports) / 8 + 1];
        for &port in &self.fixed_ports {
            if let Some(byte) = removable.get_mut(usize::from(port / 8)) {
                *byte |= 1 << (port % 8);
            }
        }
        let power_mask = alloc::vec![0xFFu8; removable.len()];
        Writer::new(DescriptorType::HUB)
            .u8(self.ports)
            .u16(self.characteristics)
            .u8(self.power_on_to_power_good)
            .u8(self.controller_current_ma)
            .bytes(&removable)
            .bytes(&power_mask)
            .finish()
    }

    /// Reads a descriptor. The port power mask, which USB 2.0 does not use, need not be there.
    ///
    /// # Errors
    /// Another type, or too few bytes for its number of ports.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(bytes, "hub", DescriptorType::HUB)?;
        let ports = r.u8()?;
        let characteristics = r.u16()?;
        let power_on_to_power_good = r.u8()?;
        let controller_current_ma = r.u8()?;
        let removable = r.take(usize::from(ports) / 8 + 1)?;
        let is_fixed =
            |port: &u8| removable.get(usize::from(port / 8)).is_some_and(|b| b >> (port % 8) & 1 != 0);
        let fixed_ports = (1..=ports).filter(is_fixed).collect();
        Ok(Self { ports, characteristics, power_on_to_power_good, controller_current_ma, fixed_ports })
    }
}

impl SetupPacket {
    /// GET_DESCRIPTOR of the hub descriptor.
    #[must_use]
    pub const fn get_hub_descriptor(length: u16) -> Self {
        let value = (DescriptorType::HUB.0 as u16) << 8;
        class(Direction::In, Recipient::Device, 6, value, 0, length)
    }

    /// GET_STATUS of the hub: `wHubStatus`, `wHubChange`.
    #[must_use]
    pub const fn get_hub_status() -> Self {
        class(Direction::In, Recipient::Device, 0, 0, 0, 4)
    }

    /// GET_STATUS of a port: [`PortStatus`], [`PortChange`].
    #[must_use]
    pub const fn get_port_status(port: u8) -> Self {
        class(Direction::In, Recipient::Other, 0, 0, port as u16, 4)
    }

    /// SET_FEATURE of a port.
    #[must_use]
    pub const fn set_port_feature(port: u8, feature: PortFeature) -> Self {
        class(Direction::Out, Recipient::Other, 3, feature.0, port as u16, 0)
    }

    /// CLEAR_FEATURE of a port.
    #[must_use]
    pub const fn clear_port_feature(port: u8, feature: PortFeature) -> Self {
        class(Direction::Out, Recipient::Other, 1, feature.0, port as u16, 0)
    }
}

const fn class(
    direction: Direction,
    recipient: Recipient,
    request: u8,
    value: u16,
    index: u16,
    length: u16,
) -> SetupPacket {
    let request_type = RequestType::new(direction, RequestKind::Class, recipient);
    SetupPacket { request_type, request, value, index, length }
}
