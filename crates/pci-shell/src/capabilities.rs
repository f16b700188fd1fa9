//! The configuration space of an xHCI function: where everything is, and its reset values.

use crate::config::ConfigSpace;

/// A vendor ID that is not assigned, so that no driver knows quirks of it.
pub const VENDOR_ID: u16 = 0x1234;
/// The device ID that goes with it.
pub const PRODUCT_ID: u16 = 0x5811;

pub(crate) const COMMAND: usize = 0x04;
pub(crate) const COMMAND_MEMORY: u16 = 1 << 1;
pub(crate) const COMMAND_BUS_MASTER: u16 = 1 << 2;
pub(crate) const COMMAND_INTX_DISABLE: u16 = 1 << 10;
pub(crate) const STATUS: usize = 0x06;
pub(crate) const STATUS_INTERRUPT: u16 = 1 << 3;
pub(crate) const BAR0: usize = 0x10;

const POWER: usize = 0x40;
pub(crate) const PMCSR: usize = POWER + 4;
pub(crate) const PMCSR_STATE: u16 = 3;
pub(crate) const PMCSR_PME_ENABLE: u16 = 1 << 8;
pub(crate) const PMCSR_PME_STATUS: u16 = 1 << 15;

/// xHCI 5.2.4: SBRN, FLADJ and DBESL are here and nowhere else.
const SERIAL_BUS_RELEASE: usize = 0x60;

pub(crate) const MSI: usize = 0x70;
pub(crate) const MSI_CONTROL: usize = MSI + 2;
pub(crate) const MSI_ADDRESS: usize = MSI + 4;
pub(crate) const MSI_DATA: usize = MSI + 12;
pub(crate) const MSI_MASK: usize = MSI + 16;
pub(crate) const MSI_PENDING: usize = MSI + 20;

const MSIX: usize = 0x90;
pub(crate) const MSIX_CONTROL: usize = MSIX + 2;
pub(crate) const MSIX_FUNCTION_MASK: u16 = 1 << 14;
pub(crate) const MSIX_ENABLE: u16 = 1 << 15;

const ADVANCED_FEATURES: usize = 0xA0;
pub(crate) const FLR_CONTROL: usize = ADVANCED_FEATURES + 4;

/// What the sizes of a function decide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Bytes of BAR 0, a power of two.
    pub(crate) bar: u64,
    /// Messages of MSI, a power of two up to 32, as its exponent; none without MSI.
    pub(crate) msi_log2: Option<u8>,
    /// Entries of the MSI-X table; 0 without MSI-X.
    pub(crate) msix_entries: u16,
    /// Offset of the MSI-X table in the BAR.
    pub(crate) msix_table: u32,
    /// Offset of the MSI-X pending bits in the BAR.
    pub(crate) msix_pending: u32,
}

/// Configuration space after power-on.
pub(crate) fn config_space(sizes: &Sizes) -> ConfigSpace {
    let mut config = ConfigSpace::new();
    let fixed = |config: &mut ConfigSpace, offset, value: &[u8]| {
        for (byte, at) in value.iter().zip(offset..) {
            config.field(at, [*byte], [0]);
        }
    };
    fixed(&mut config, 0x00, &VENDOR_ID.to_le_bytes());
    fixed(&mut config, 0x02, &PRODUCT_ID.to_le_bytes());
    let command = COMMAND_MEMORY | COMMAND_BUS_MASTER | 1 << 6 | 1 << 8 | COMMAND_INTX_DISABLE;
    config.field(COMMAND, [0; 2], command.to_le_bytes());
    // PCI-02: a list of capabilities; error bits are cleared by a 1.
    config.field(STATUS, 0x0010_u16.to_le_bytes(), [0; 2]);
    config.clearing(STATUS, 0xF900_u16.to_le_bytes());
    // PCI-01: serial bus, USB, xHCI.
    fixed(&mut config, 0x08, &[1, 0x30, 0x03, 0x0C]);
    config.field(0x0C, [0], [0xFF]);
    // PCI-03: 64-bit memory, not prefetchable; sizing reads the mask back.
    let bar_mask = !(sizes.bar - 1);
    config.field(BAR0, 4_u64.to_le_bytes(), bar_mask.to_le_bytes());
    fixed(&mut config, 0x2C, &VENDOR_ID.to_le_bytes());
    fixed(&mut config, 0x2E, &PRODUCT_ID.to_le_bytes());
    fixed(&mut config, 0x34, &[low_byte(POWER)]);
    config.field(0x3C, [0], [0xFF]);
    fixed(&mut config, 0x3D, &[1]);

    let after_msi = if sizes.msix_entries > 0 { MSIX } else { ADVANCED_FEATURES };
    let after_power = if sizes.msi_log2.is_some() { MSI } else { after_msi };
    // PCI-07: version 3, PME from D0 and D3hot; No_Soft_Reset.
    fixed(&mut config, POWER, &[0x01, low_byte(after_power), 0x03, 0x48]);
    config.field(PMCSR, [0x08, 0], [3, 1]);
    config.clearing(PMCSR, PMCSR_PME_STATUS.to_le_bytes());
    // PCI-04 to PCI-06: USB 3.1; frame length as nominal and, by NFC, not adjustable; no recommended latencies.
    fixed(&mut config, SERIAL_BUS_RELEASE, &[0x31, 0x60, 0x00]);
    if let Some(msi_log2) = sizes.msi_log2 {
        // PCI-08: 64-bit addresses, a mask bit per message.
        let msi_control = u16::from(msi_log2) << 1 | 1 << 7 | 1 << 8;
        fixed(&mut config, MSI, &[0x05, low_byte(after_msi)]);
        config.field(MSI_CONTROL, msi_control.to_le_bytes(), 0x0071_u16.to_le_bytes());
        config.field(MSI_ADDRESS, [0; 8], (!3_u64).to_le_bytes());
        config.field(MSI_DATA, [0; 2], [0xFF; 2]);
        let messages = u32::MAX >> (32 - (1_u32 << msi_log2));
        config.field(MSI_MASK, [0; 4], messages.to_le_bytes());
    }
    if let Some(last_entry) = sizes.msix_entries.checked_sub(1) {
        // PCI-09
        fixed(&mut config, MSIX, &[0x11, low_byte(ADVANCED_FEATURES)]);
        config.field(MSIX_CONTROL, last_entry.to_le_bytes(), 0xC000_u16.to_le_bytes());
        fixed(&mut config, MSIX + 4, &sizes.msix_table.to_le_bytes());
        fixed(&mut config, MSIX + 8, &sizes.msix_pending.to_le_bytes());
    }
    // PCI-12: function-level reset, for a function without PCI Express capability.
    fixed(&mut config, ADVANCED_FEATURES, &[0x13, 0, 6, 0x03, 0, 0]);
    config.field(FLR_CONTROL, [0], [1]);
    config
}

fn low_byte(offset: usize) -> u8 {
    u8::try_from(offset).unwrap_or(0)
}
