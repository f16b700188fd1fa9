//! The hub class of USB 3 (USB 3.2 10.15 and 10.16), where it differs from that of USB 2.

use super::{PortFeature, class};
use crate::bytes::{Reader, Writer};
use crate::descriptor::{DescriptorType, ParseError};
use crate::{Direction, Recipient, SetupPacket};
use alloc::vec::Vec;
use bitfield_struct::bitfield;

/// `bRequest` SET_HUB_DEPTH: `wValue` is how many hubs are above this one.
pub const SET_HUB_DEPTH: u8 = 12;
/// `bRequest` GET_PORT_ERR_COUNT.
pub const GET_PORT_ERR_COUNT: u8 = 13;

/// Features of a port that USB 2 has not (USB 3.2 table 10-9).
impl PortFeature {
    /// PORT_LINK_STATE; the high byte of `wIndex` is the [`LinkState`].
    pub const LINK_STATE: Self = Self(5);
    /// PORT_U1_TIMEOUT; the high byte of `wIndex` is the time-out.
    pub const U1_TIMEOUT: Self = Self(23);
    /// PORT_U2_TIMEOUT; the high byte of `wIndex` is the time-out.
    pub const U2_TIMEOUT: Self = Self(24);
    /// C_PORT_LINK_STATE.
    pub const C_LINK_STATE: Self = Self(25);
    /// C_PORT_CONFIG_ERROR.
    pub const C_CONFIG_ERROR: Self = Self(26);
    /// PORT_REMOTE_WAKE_MASK; the high byte of `wIndex` is the mask.
    pub const REMOTE_WAKE_MASK: Self = Self(27);
    /// BH_PORT_RESET: a warm reset.
    pub const BH_RESET: Self = Self(28);
    /// C_BH_PORT_RESET.
    pub const C_BH_RESET: Self = Self(29);
    /// FORCE_LINKPM_ACCEPT.
    pub const FORCE_LINKPM_ACCEPT: Self = Self(30);
}

/// The state of a link (USB 3.2 table 10-13), four bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LinkState(pub u8);

impl LinkState {
    /// U0: packets pass.
    pub const U0: Self = Self(0);
    /// U1
    pub const U1: Self = Self(1);
    /// U2
    pub const U2: Self = Self(2);
    /// U3: suspended.
    pub const U3: Self = Self(3);
    /// SS.Disabled
    pub const DISABLED: Self = Self(4);
    /// Rx.Detect: nothing is there yet.
    pub const RX_DETECT: Self = Self(5);
    /// SS.Inactive: the link failed.
    pub const INACTIVE: Self = Self(6);
    /// Polling: the link trains.
    pub const POLLING: Self = Self(7);
    /// Recovery
    pub const RECOVERY: Self = Self(8);
    /// Hot Reset
    pub const HOT_RESET: Self = Self(9);

    const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    const fn into_bits(self) -> u8 {
        self.0
    }
}

/// `wPortStatus` of a USB 3 hub (USB 3.2 10.16.2.6.1).
#[bitfield(u16)]
#[derive(PartialEq, Eq)]
pub struct PortStatus {
    /// A device is there.
    pub connection: bool,
    /// The port is enabled.
    pub enable: bool,
    __: bool,
    /// There is an over-current.
    pub over_current: bool,
    /// A reset is under way.
    pub reset: bool,
    /// The state of the link.
    #[bits(4)]
    pub link_state: LinkState,
    /// The port has power.
    pub power: bool,
    /// Negotiated speed: 0 is 5 Gb/s.
    #[bits(3)]
    pub speed: u8,
    #[bits(3)]
    __: u8,
}

/// `wPortChange` of a USB 3 hub (USB 3.2 10.16.2.6.2): bits are cleared by CLEAR_FEATURE of the feature of that name.
#[bitfield(u16)]
#[derive(PartialEq, Eq)]
pub struct PortChange {
    /// Connection changed.
    pub connection: bool,
    #[bits(2)]
    __: u8,
    /// Over-current changed.
    pub over_current: bool,
    /// A reset is complete.
    pub reset: bool,
    /// A warm reset is complete.
    pub bh_reset: bool,
    /// The link went from U3 to U0.
    pub link_state: bool,
    /// The link could not be configured.
    pub config_error: bool,
    #[bits(8)]
    __: u8,
}

/// Hub descriptor of USB 3 (USB 3.2 10.15.2.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HubDescriptor {
    /// `bNbrPorts`, 1 to 15.
    pub ports: u8,
    /// `wHubCharacteristics`: 1:0 power switching, 2 compound, 4:3 over-current.
    pub characteristics: u16,
    /// `bPwrOn2PwrGood` in 2 ms.
    pub power_on_to_power_good: u8,
    /// `bHubContrCurrent` in 4 mA.
    pub controller_current_4ma: u8,
    /// `bHubHdrDecLat` in 0.1 µs.
    pub header_decode_latency: u8,
    /// `wHubDelay` in ns.
    pub delay_ns: u16,
    /// `DeviceRemovable`: bit n is set if the device at port n cannot be removed.
    pub fixed_ports: u16,
}

impl HubDescriptor {
    /// The descriptor.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::new(DescriptorType::SUPERSPEED_HUB)
            .u8(self.ports)
            .u16(self.characteristics)
            .u8(self.power_on_to_power_good)
            .u8(self.controller_current_4ma)
            .u8(self.header_decode_latency)
            .u16(self.delay_ns)
            .u16(self.fixed_ports)
            .finish()
    }

    /// Reads a descriptor.
    ///
    /// # Errors
    /// Another type, or too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(bytes, "SuperSpeed hub", DescriptorType::SUPERSPEED_HUB)?;
        Ok(Self {
            ports: r.u8()?,
            characteristics: r.u16()?,
            power_on_to_power_good: r.u8()?,
            controller_current_4ma: r.u8()?,
            header_decode_latency: r.u8()?,
            delay_ns: r.u16()?,
            fixed_ports: r.u16()?,
        })
    }
}

impl SetupPacket {
    /// GET_DESCRIPTOR of the hub descriptor of USB 3.
    #[must_use]
    pub const fn get_superspeed_hub_descriptor(length: u16) -> Self {
        let value = (DescriptorType::SUPERSPEED_HUB.0 as u16) << 8;
        class(Direction::In, Recipient::Device, 6, value, 0, length)
    }

    /// SET_HUB_DEPTH.
    #[must_use]
    pub const fn set_hub_depth(depth: u16) -> Self {
        class(Direction::Out, Recipient::Device, SET_HUB_DEPTH, depth, 0, 0)
    }

    /// SET_FEATURE PORT_LINK_STATE of a port.
    #[must_use]
    pub const fn set_port_link_state(port: u8, state: LinkState) -> Self {
        let index = port as u16 | (state.0 as u16) << 8;
        class(Direction::Out, Recipient::Other, 3, PortFeature::LINK_STATE.0, index, 0)
    }
}
