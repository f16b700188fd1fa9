//! USB Legacy Support (xHCI 7.1): who owns the controller, firmware or the operating system.
//!
//! The firmware here does one thing: it lets go when it is asked to (EXT-04). No SMI is generated.

use super::extended;
use crate::profile::Profile;
use xhci_spec::registers::extended::{Usblegctlsts, Usblegsup};
use xhci_spec::registers::operational::Usbsts;

/// The two registers; which of them an offset is, follows from where the profile has the capability.
#[derive(Clone, Debug)]
pub(crate) struct LegacySupport {
    /// Bytes from the first extended capability; `None`: there is no such capability.
    offset: Option<u32>,
    owners: Usblegsup,
    /// Enables and RW1C bits; the mirrors of USBSTS are added when it is read.
    control: Usblegctlsts,
    /// Firmware has been asked to let go, and has not seen it yet.
    asked: bool,
}

impl LegacySupport {
    pub(crate) fn new(profile: &Profile) -> Self {
        Self {
            offset: extended::legacy_offset(profile),
            owners: Usblegsup::new().with_bios_owned(profile.policy.bios_owned),
            control: Usblegctlsts::new(),
            asked: false,
        }
    }

    /// The dword at `offset` in the extended capabilities, if it is one of the two. `constant` is what the
    /// capability list has there.
    pub(crate) fn read(&self, offset: u32, constant: u32, status: Usbsts) -> Option<u32> {
        match offset.checked_sub(self.offset?)? {
            0 => Some(constant | self.owners.into_bits()),
            4 => Some(
                self.control
                    .with_smi_on_event_interrupt(status.eint())
                    .with_smi_on_host_system_error(status.hse())
                    .into_bits(),
            ),
            _ => None,
        }
    }

    /// Writes the bytes of a dword that `mask` covers. Returns whether this asks firmware to let go.
    pub(crate) fn write(&mut self, offset: u32, value: u32, mask: u32) -> bool {
        match self.offset.and_then(|start| offset.checked_sub(start)) {
            Some(0) => self.write_owners(value, mask),
            Some(4) => {
                self.write_control(value, mask);
                false
            }
            _ => false,
        }
    }

    /// Whether firmware has been asked to let go and has not seen it yet.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked
    }

    /// EXT-04: firmware sees the claim and gives the controller up.
    pub(crate) fn firmware_lets_go(&mut self) {
        self.asked = false;
        if self.owners.os_owned() {
            self.owners.set_bios_owned(false);
        }
    }

    fn write_owners(&mut self, value: u32, mask: u32) -> bool {
        let semaphores = Usblegsup::new().with_bios_owned(true).with_os_owned(true).into_bits();
        let old = self.owners;
        let mask = mask & semaphores;
        self.owners = Usblegsup::from_bits(old.into_bits() & !mask | value & mask);
        if self.owners.os_owned() != old.os_owned() {
            self.control.set_smi_on_os_ownership_change(true);
        }
        let asks = self.owners.os_owned() && self.owners.bios_owned();
        asks && !core::mem::replace(&mut self.asked, true)
    }

    fn write_control(&mut self, value: u32, mask: u32) {
        let enables = Usblegctlsts::new()
            .with_usb_smi_enable(true)
            .with_smi_on_host_system_error_enable(true)
            .with_smi_on_os_ownership_enable(true)
            .with_smi_on_pci_command_enable(true)
            .with_smi_on_bar_enable(true)
            .into_bits();
        let write_1_to_clear = Usblegctlsts::new()
            .with_smi_on_os_ownership_change(true)
            .with_smi_on_pci_command(true)
            .with_smi_on_bar(true)
            .into_bits();
        let old = self.control.into_bits();
        let written = old & !(enables & mask) | value & enables & mask;
        self.control = Usblegctlsts::from_bits(written & !(value & mask & write_1_to_clear));
    }
}
