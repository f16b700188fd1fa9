//! Operational registers (xHCI 5.4), from CAPLENGTH on. The port registers are in [`super::port`].

use crate::Gpa;
use bitfield_struct::bitfield;

/// Offset of USBCMD.
pub const USBCMD: u32 = 0x00;
/// Offset of USBSTS.
pub const USBSTS: u32 = 0x04;
/// Offset of PAGESIZE: bit n set, pages of 2^(n+12) bytes.
pub const PAGESIZE: u32 = 0x08;
/// Offset of DNCTRL.
pub const DNCTRL: u32 = 0x14;
/// Offset of CRCR, 64 bits.
pub const CRCR: u32 = 0x18;
/// Offset of DCBAAP, 64 bits: the Device Context Base Address Array, 64-byte aligned.
pub const DCBAAP: u32 = 0x30;
/// Offset of CONFIG.
pub const CONFIG: u32 = 0x38;

/// USB Command (5.4.1).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Usbcmd {
    /// Run/Stop.
    pub rs: bool,
    /// Host Controller Reset; reads 1 until done.
    pub hcrst: bool,
    /// Interrupter Enable.
    pub inte: bool,
    /// Host System Error Enable.
    pub hsee: bool,
    #[bits(3)]
    __: u8,
    /// Light Host Controller Reset.
    pub lhcrst: bool,
    /// Controller Save State; reads 0.
    pub css: bool,
    /// Controller Restore State; reads 0.
    pub crs: bool,
    /// Enable Wrap Event.
    pub ewe: bool,
    /// Enable U3 MFINDEX Stop.
    pub eu3s: bool,
    __: bool,
    /// CEM Enable: Max Exit Latency Too Large is checked.
    pub cme: bool,
    /// Extended TBC Enable.
    pub ete: bool,
    /// Extended TBC TRB Status Enable.
    pub tsc_en: bool,
    /// VTIO Enable.
    pub vtioe: bool,
    #[bits(15)]
    __: u16,
}

/// USB Status (5.4.2).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Usbsts {
    /// HCHalted.
    pub hch: bool,
    __: bool,
    /// Host System Error; write 1 to clear.
    pub hse: bool,
    /// Event Interrupt; write 1 to clear.
    pub eint: bool,
    /// Port Change Detect; write 1 to clear.
    pub pcd: bool,
    #[bits(3)]
    __: u8,
    /// Save State Status.
    pub sss: bool,
    /// Restore State Status.
    pub rss: bool,
    /// Save/Restore Error; write 1 to clear.
    pub sre: bool,
    /// Controller Not Ready.
    pub cnr: bool,
    /// Host Controller Error.
    pub hce: bool,
    #[bits(19)]
    __: u32,
}

impl Usbsts {
    /// The bits that a write of 1 clears.
    pub const W1C: Self = Self::new().with_hse(true).with_eint(true).with_pcd(true).with_sre(true);
}

/// Device Notification Control (5.4.4): bit n lets notifications of type n through.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Dnctrl {
    /// N0 to N15.
    pub notification_enable: u16,
    __: u16,
}

impl Dnctrl {
    /// N1: Function Wake.
    pub const FUNCTION_WAKE: Self = Self::new().with_notification_enable(1 << 1);
}

/// Command Ring Control (5.4.5). Only CRR can be read back.
#[bitfield(u64)]
#[derive(PartialEq, Eq)]
pub struct Crcr {
    /// Ring Cycle State.
    pub rcs: bool,
    /// Command Stop.
    pub cs: bool,
    /// Command Abort.
    pub ca: bool,
    /// Command Ring Running.
    pub crr: bool,
    #[bits(2)]
    __: u8,
    /// Command Ring Pointer, 64-byte aligned.
    #[bits(58, from = Gpa::from_bits_6, into = Gpa::into_bits_6)]
    pub pointer: Gpa,
}

/// Configure (5.4.7).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Config {
    /// Max Device Slots Enabled.
    pub max_slots_en: u8,
    /// U3 Entry Enable.
    pub u3e: bool,
    /// Configuration Information Enable.
    pub cie: bool,
    #[bits(22)]
    __: u32,
}
