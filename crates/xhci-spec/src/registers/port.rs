//! Port registers (xHCI 5.4.8 to 5.4.11), in the operational register block.

use crate::{PortId, Psiv};
use bitfield_struct::bitfield;

/// Offset of the registers of port 1, relative to the operational registers.
pub const PORT_BASE: u32 = 0x400;
/// Bytes from one port's registers to the next one's.
pub const PORT_STRIDE: u32 = 0x10;
/// Offset of PORTSC in a port's registers.
pub const PORTSC: u32 = 0x00;
/// Offset of PORTPMSC in a port's registers.
pub const PORTPMSC: u32 = 0x04;
/// Offset of PORTLI in a port's registers.
pub const PORTLI: u32 = 0x08;
/// Offset of PORTHLPMC in a port's registers.
pub const PORTHLPMC: u32 = 0x0C;

/// Offset of a port's registers, relative to the operational registers.
#[must_use]
pub const fn port_offset(port: PortId) -> u32 {
    PORT_BASE + PORT_STRIDE * (port.get() as u32 - 1)
}

open_enum! {
    /// Port Link State (PLS): what PORTSC reads. Of the values, 0, 2, 3, 5, 10 and 15 can be written.
    pub struct PortLinkState(u8) {
        /// Active.
        U0 = 0, "U0";
        /// USB3 U1.
        U1 = 1, "U1";
        /// USB3 U2, or USB2 L1.
        U2 = 2, "U2";
        /// Suspended.
        U3 = 3, "U3";
        /// Disabled.
        DISABLED = 4, "Disabled";
        /// Waiting for a device.
        RX_DETECT = 5, "RxDetect";
        /// USB3: needs a warm reset.
        INACTIVE = 6, "Inactive";
        /// USB3: training; USB2: connected and disabled.
        POLLING = 7, "Polling";
        /// USB3: retraining.
        RECOVERY = 8, "Recovery";
        /// USB3: in-band reset.
        HOT_RESET = 9, "Hot Reset";
        /// USB3: compliance mode.
        COMPLIANCE_MODE = 10, "Compliance Mode";
        /// Test mode.
        TEST_MODE = 11, "Test Mode";
        /// Resume signalling.
        RESUME = 15, "Resume";
    }
}

/// Port Status and Control (5.4.8).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Portsc {
    /// Current Connect Status.
    pub ccs: bool,
    /// Port Enabled/Disabled; writing 1 disables the port.
    pub ped: bool,
    __: bool,
    /// Over-current Active.
    pub oca: bool,
    /// Port Reset; writing 1 starts one.
    pub pr: bool,
    /// Port Link State; written only together with `lws`.
    #[bits(4)]
    pub pls: PortLinkState,
    /// Port Power.
    pub pp: bool,
    /// Port Speed.
    #[bits(4)]
    pub speed: Psiv,
    /// Port Indicator Control.
    #[bits(2)]
    pub pic: u8,
    /// Port Link State Write Strobe; reads 0.
    pub lws: bool,
    /// Connect Status Change; write 1 to clear, as the six that follow.
    pub csc: bool,
    /// Port Enabled/Disabled Change.
    pub pec: bool,
    /// Warm Port Reset Change.
    pub wrc: bool,
    /// Over-current Change.
    pub occ: bool,
    /// Port Reset Change.
    pub prc: bool,
    /// Port Link State Change.
    pub plc: bool,
    /// Port Config Error Change.
    pub cec: bool,
    /// Cold Attach Status.
    pub cas: bool,
    /// Wake on Connect Enable.
    pub wce: bool,
    /// Wake on Disconnect Enable.
    pub wde: bool,
    /// Wake on Over-current Enable.
    pub woe: bool,
    #[bits(2)]
    __: u8,
    /// Device Removable: 1 is a device that is not.
    pub dr: bool,
    /// Warm Port Reset; USB3 only, reads 0.
    pub wpr: bool,
}

impl Portsc {
    /// The seven change bits, CSC to CEC; a write of 1 clears each.
    pub const CHANGES: Self = Self::from_bits(0x00FE_0000);

    /// Fields that a plain write-back keeps: PP, PIC, WCE, WDE, WOE.
    pub const PRESERVED: Self =
        Self::new().with_pp(true).with_pic(3).with_wce(true).with_wde(true).with_woe(true);

    /// The change bits that are set.
    #[inline]
    #[must_use]
    pub const fn changes(self) -> Self {
        Self::from_bits(self.into_bits() & Self::CHANGES.into_bits())
    }

    /// Whether any change bit is set: the port's PSCEG (xHCI 4.19.2).
    #[inline]
    #[must_use]
    pub const fn has_changes(self) -> bool {
        self.changes().into_bits() != 0
    }

    /// What to write so that nothing happens: write-1 bits 0, the rest as read. Set on top what is meant.
    #[inline]
    #[must_use]
    pub const fn neutral(self) -> Self {
        Self::from_bits(self.into_bits() & Self::PRESERVED.into_bits())
    }
}

/// Port PM Status and Control of a USB2 port (5.4.9.2).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct PortpmscUsb2 {
    /// L1 Status: 1 success, 2 not yet, 3 not supported, 4 timeout or error.
    #[bits(3)]
    pub l1s: u8,
    /// Remote Wake Enable.
    pub rwe: bool,
    /// Best Effort Service Latency, an index.
    #[bits(4)]
    pub besl: u8,
    /// L1 Device Slot.
    pub l1_device_slot: u8,
    /// Hardware LPM Enable.
    pub hle: bool,
    #[bits(11)]
    __: u16,
    /// Port Test Control.
    #[bits(4)]
    pub port_test_control: u8,
}

/// Port PM Status and Control of a USB3 port (5.4.9.1).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct PortpmscUsb3 {
    /// U1 Timeout in µs up to 0x7F; 0xFF: accepts only.
    pub u1_timeout: u8,
    /// U2 Timeout in 256 µs; 0xFF: accepts only.
    pub u2_timeout: u8,
    /// Force Link PM Accept.
    pub fla: bool,
    #[bits(15)]
    __: u16,
}

/// Port Link Info of a USB3 port (5.4.10); reserved at a USB2 port.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Portli {
    /// Link Error Count.
    pub link_error_count: u16,
    /// Receive lanes less one.
    #[bits(4)]
    pub rx_lane_count: u8,
    /// Transmit lanes less one.
    #[bits(4)]
    pub tx_lane_count: u8,
    __: u8,
}

/// Port Hardware LPM Control of a USB2 port (5.4.11.2).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Porthlpmc {
    /// Host Initiated Resume Duration Mode.
    #[bits(2)]
    pub hirdm: u8,
    /// L1 Timeout in 256 µs; 0 is 128 µs.
    pub l1_timeout: u8,
    /// Best Effort Service Latency Deep, an index.
    #[bits(4)]
    pub besld: u8,
    #[bits(18)]
    __: u32,
}
