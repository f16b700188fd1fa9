//! xHCI Extended Capabilities (xHCI 7): the list, Supported Protocol, USB Legacy Support.

use crate::PortId;
use bitfield_struct::bitfield;

open_enum! {
    /// Extended Capability ID.
    pub struct CapabilityId(u8) {
        /// USB Legacy Support.
        LEGACY_SUPPORT = 1, "USB Legacy Support";
        /// Supported Protocol.
        SUPPORTED_PROTOCOL = 2, "Supported Protocol";
        /// Extended Power Management.
        EXTENDED_POWER_MANAGEMENT = 3, "Extended Power Management";
        /// I/O Virtualization.
        IO_VIRTUALIZATION = 4, "I/O Virtualization";
        /// Message Interrupt.
        MESSAGE_INTERRUPT = 5, "Message Interrupt";
        /// Local Memory.
        LOCAL_MEMORY = 6, "Local Memory";
        /// USB Debug Capability.
        USB_DEBUG = 10, "USB Debug";
        /// Extended Message Interrupt.
        EXTENDED_MESSAGE_INTERRUPT = 17, "Extended Message Interrupt";
    }
}

/// First dword of every capability.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct CapabilityHeader {
    /// Which capability.
    #[bits(8)]
    pub id: CapabilityId,
    /// Offset of the next capability in dwords from this one; 0: last.
    pub next: u8,
    /// The capability's own.
    pub specific: u16,
}

/// USB Legacy Support, DW0 (7.1.1).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Usblegsup {
    /// [`CapabilityId::LEGACY_SUPPORT`].
    #[bits(8)]
    pub id: CapabilityId,
    /// Offset of the next capability in dwords.
    pub next: u8,
    /// HC BIOS Owned Semaphore.
    pub bios_owned: bool,
    #[bits(7)]
    __: u8,
    /// HC OS Owned Semaphore.
    pub os_owned: bool,
    #[bits(7)]
    __: u8,
}

/// USB Legacy Support Control/Status, DW1 (7.1.2).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Usblegctlsts {
    /// USB SMI Enable.
    pub usb_smi_enable: bool,
    #[bits(3)]
    __: u8,
    /// SMI on Host System Error Enable.
    pub smi_on_host_system_error_enable: bool,
    __: u8,
    /// SMI on OS Ownership Enable.
    pub smi_on_os_ownership_enable: bool,
    /// SMI on PCI Command Enable.
    pub smi_on_pci_command_enable: bool,
    /// SMI on BAR Enable.
    pub smi_on_bar_enable: bool,
    /// SMI on Event Interrupt: mirrors USBSTS.EINT.
    pub smi_on_event_interrupt: bool,
    #[bits(3)]
    __: u8,
    /// SMI on Host System Error: mirrors USBSTS.HSE.
    pub smi_on_host_system_error: bool,
    __: u8,
    /// SMI on OS Ownership Change; write 1 to clear.
    pub smi_on_os_ownership_change: bool,
    /// SMI on PCI Command; write 1 to clear.
    pub smi_on_pci_command: bool,
    /// SMI on BAR; write 1 to clear.
    pub smi_on_bar: bool,
}

/// Supported Protocol, DW0 (7.2).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct ProtocolRevision {
    /// [`CapabilityId::SUPPORTED_PROTOCOL`].
    #[bits(8)]
    pub id: CapabilityId,
    /// Offset of the next capability in dwords.
    pub next: u8,
    /// Minor revision in BCD.
    pub minor: u8,
    /// Major revision in BCD: 2 or 3.
    pub major: u8,
}

/// Supported Protocol, DW1: "USB ".
pub const PROTOCOL_NAME_USB: u32 = u32::from_le_bytes(*b"USB ");

/// Supported Protocol, DW2.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct ProtocolPorts {
    /// Compatible Port Offset: the first port, from 1.
    pub offset: u8,
    /// Compatible Port Count.
    pub count: u8,
    __: bool,
    /// USB2: High-speed Only.
    pub hso: bool,
    /// USB2: Integrated Hub Implemented.
    pub ihi: bool,
    /// USB2: Hardware LMP Capability.
    pub hlc: bool,
    /// USB2: BESL LPM Capability.
    pub blc: bool,
    #[bits(3)]
    __: u8,
    /// USB3: Link Soft Error Count Capability.
    pub lsecc: bool,
    /// Hub Depth; 0: no limit given.
    #[bits(3)]
    pub mhd: u8,
    /// Protocol Speed ID Count: dwords from offset 0x10 on; 0: default speeds.
    #[bits(4)]
    pub psic: u8,
}

impl ProtocolPorts {
    /// Whether a port is one of these.
    #[must_use]
    pub const fn contains(self, port: PortId) -> bool {
        port.get() >= self.offset() && port.get() - self.offset() < self.count()
    }
}

/// Supported Protocol, DW3.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct ProtocolSlotType {
    /// Slot Type for Enable Slot.
    #[bits(5)]
    pub slot_type: u8,
    #[bits(27)]
    __: u32,
}

/// Protocol Speed ID dword (7.2.1).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct ProtocolSpeedId {
    /// Protocol Speed ID Value, 1 to 15: the speed's number in PORTSC.
    #[bits(4)]
    pub psiv: u8,
    /// Exponent: 0 b/s, 1 kb/s, 2 Mb/s, 3 Gb/s.
    #[bits(2)]
    pub psie: u8,
    /// PSI Type: 0 symmetric, 2 asymmetric receive, 3 asymmetric transmit.
    #[bits(2)]
    pub plt: u8,
    /// Full duplex.
    pub pfd: bool,
    #[bits(5)]
    __: u8,
    /// Link Protocol: 0 SuperSpeed, 1 SuperSpeedPlus.
    #[bits(2)]
    pub lp: u8,
    /// Mantissa.
    pub psim: u16,
}
