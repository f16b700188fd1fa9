//! Which register an offset from BAR 0 is.

use crate::profile::Profile;
use xhci_spec::registers::{operational, port, runtime};
use xhci_spec::{InterrupterId, PortId, SlotId};

/// Length of the capability registers.
pub(crate) const CAPLENGTH: u32 = 0x80;
/// Register blocks begin on pages, so that a VMM can map the doorbells alone.
const PAGE: u32 = 0x1000;
/// Doorbells 0 to 255 (DBS-01).
const DOORBELL_BYTES: u32 = 0x400;
const SMALLEST_BAR: u32 = 0x1_0000;

/// Offsets of the register blocks from BAR 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) runtime: u32,
    pub(crate) doorbells: u32,
    pub(crate) extended: u32,
    /// Size of BAR 0.
    pub(crate) bytes: u32,
    ports: u8,
    interrupters: u16,
    slots: u8,
}

/// A 32-bit register; of a 64-bit register, one half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Register {
    Capability(u32),
    Usbcmd,
    Usbsts,
    PageSize,
    Dnctrl,
    CrcrLow,
    CrcrHigh,
    DcbaapLow,
    DcbaapHigh,
    Config,
    Portsc(PortId),
    Portpmsc(PortId),
    Portli(PortId),
    Porthlpmc(PortId),
    Mfindex,
    Iman(InterrupterId),
    Imod(InterrupterId),
    Erstsz(InterrupterId),
    ErstbaLow(InterrupterId),
    ErstbaHigh(InterrupterId),
    ErdpLow(InterrupterId),
    ErdpHigh(InterrupterId),
    CommandDoorbell,
    Doorbell(SlotId),
    Extended(u32),
    /// Reads 0, ignores writes (OPR-07).
    Reserved,
}

impl Register {
    /// Whether software may not write it before the controller is ready (OPR-09).
    pub(super) fn is_live(self) -> bool {
        !matches!(
            self,
            Self::Capability(_) | Self::Extended(_) | Self::PageSize | Self::Mfindex | Self::Reserved
        )
    }
}

impl Layout {
    /// CAP-03 corrected: the blocks follow from the sizes.
    pub(crate) fn new(profile: &Profile) -> Self {
        let ports = profile.max_ports();
        let block = |size: u32| size.next_multiple_of(PAGE);
        let operational = port::PORT_STRIDE.saturating_mul(ports.into()).saturating_add(port::PORT_BASE);
        let runtime = block(CAPLENGTH.saturating_add(operational));
        let sets = runtime::INTERRUPTER_STRIDE.saturating_mul(profile.interrupters.into());
        let doorbells = runtime.saturating_add(block(runtime::INTERRUPTER_BASE.saturating_add(sets)));
        let extended = doorbells.saturating_add(block(DOORBELL_BYTES));
        let bytes = extended.saturating_add(PAGE).next_power_of_two().max(SMALLEST_BAR);
        Self {
            runtime,
            doorbells,
            extended,
            bytes,
            ports,
            interrupters: profile.interrupters,
            slots: profile.slots,
        }
    }

    /// The register at `offset`, a multiple of 4.
    #[inline]
    pub(crate) fn register(&self, offset: u32) -> Register {
        if let Some(offset) = offset.checked_sub(self.extended) {
            return if offset < PAGE { Register::Extended(offset) } else { Register::Reserved };
        }
        if let Some(offset) = offset.checked_sub(self.doorbells) {
            return self.doorbell(offset / 4);
        }
        if let Some(offset) = offset.checked_sub(self.runtime) {
            return self.runtime(offset);
        }
        match offset.checked_sub(CAPLENGTH) {
            Some(offset) => self.operational(offset),
            None => Register::Capability(offset),
        }
    }

    fn doorbell(&self, index: u32) -> Register {
        match u8::try_from(index) {
            Ok(0) => Register::CommandDoorbell,
            Ok(number) if number <= self.slots => {
                SlotId::new(number).map_or(Register::Reserved, Register::Doorbell)
            }
            _ => Register::Reserved,
        }
    }

    fn runtime(&self, offset: u32) -> Register {
        let Some(offset) = offset.checked_sub(runtime::INTERRUPTER_BASE) else {
            return if offset == runtime::MFINDEX { Register::Mfindex } else { Register::Reserved };
        };
        let index = u16::try_from(offset / runtime::INTERRUPTER_STRIDE).unwrap_or(u16::MAX);
        if index >= self.interrupters {
            // RTS-11
            return Register::Reserved;
        }
        let id = InterrupterId(index);
        match offset % runtime::INTERRUPTER_STRIDE {
            runtime::IMAN => Register::Iman(id),
            runtime::IMOD => Register::Imod(id),
            runtime::ERSTSZ => Register::Erstsz(id),
            runtime::ERSTBA => Register::ErstbaLow(id),
            0x14 => Register::ErstbaHigh(id),
            runtime::ERDP => Register::ErdpLow(id),
            0x1C => Register::ErdpHigh(id),
            _ => Register::Reserved,
        }
    }

    fn operational(&self, offset: u32) -> Register {
        if let Some(offset) = offset.checked_sub(port::PORT_BASE) {
            let number = (offset / port::PORT_STRIDE).saturating_add(1);
            let id = u8::try_from(number).ok().filter(|number| *number <= self.ports).and_then(PortId::new);
            return match (id, offset % port::PORT_STRIDE) {
                (Some(id), port::PORTSC) => Register::Portsc(id),
                (Some(id), port::PORTPMSC) => Register::Portpmsc(id),
                (Some(id), port::PORTLI) => Register::Portli(id),
                (Some(id), port::PORTHLPMC) => Register::Porthlpmc(id),
                _ => Register::Reserved,
            };
        }
        match offset {
            operational::USBCMD => Register::Usbcmd,
            operational::USBSTS => Register::Usbsts,
            operational::PAGESIZE => Register::PageSize,
            operational::DNCTRL => Register::Dnctrl,
            operational::CRCR => Register::CrcrLow,
            0x1C => Register::CrcrHigh,
            operational::DCBAAP => Register::DcbaapLow,
            0x34 => Register::DcbaapHigh,
            operational::CONFIG => Register::Config,
            _ => Register::Reserved,
        }
    }
}
