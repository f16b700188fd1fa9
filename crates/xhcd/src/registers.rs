//! Register access by name: where each block begins was read from the capability registers.

use crate::Capabilities;
use host_bus::HostBus;
use std::rc::Rc;
use xhci_spec::registers::doorbell::{self, Doorbell};
use xhci_spec::registers::operational::{self as op, Config, Crcr, Usbcmd, Usbsts};
use xhci_spec::registers::port::{self, Portsc};
use xhci_spec::registers::runtime::{self as rt, Iman, Imod, Mfindex};
use xhci_spec::{Dci, Gpa, InterrupterId, PortId, SlotId};

pub(crate) struct Registers {
    bus: Rc<dyn HostBus>,
    operational: u32,
    runtime: u32,
    doorbells: u32,
}

impl Registers {
    pub(crate) fn new(bus: Rc<dyn HostBus>, capabilities: &Capabilities) -> Self {
        Self {
            bus,
            operational: capabilities.operational,
            runtime: capabilities.runtime,
            doorbells: capabilities.doorbells,
        }
    }

    pub(crate) fn usbcmd(&self) -> Usbcmd {
        Usbcmd::from_bits(self.bus.read32(self.operational + op::USBCMD))
    }
    pub(crate) fn set_usbcmd(&self, value: Usbcmd) {
        self.bus.write32(self.operational + op::USBCMD, value.into_bits());
    }
    pub(crate) fn usbsts(&self) -> Usbsts {
        Usbsts::from_bits(self.bus.read32(self.operational + op::USBSTS))
    }
    /// Clears the write-1-to-clear bits that are set in `bits`.
    pub(crate) fn clear_usbsts(&self, bits: Usbsts) {
        self.bus.write32(self.operational + op::USBSTS, bits.into_bits());
    }
    pub(crate) fn pagesize(&self) -> u32 {
        self.bus.read32(self.operational + op::PAGESIZE)
    }
    pub(crate) fn set_dnctrl(&self, value: op::Dnctrl) {
        self.bus.write32(self.operational + op::DNCTRL, value.into_bits());
    }
    pub(crate) fn dnctrl(&self) -> op::Dnctrl {
        op::Dnctrl::from_bits(self.bus.read32(self.operational + op::DNCTRL))
    }
    pub(crate) fn config(&self) -> Config {
        Config::from_bits(self.bus.read32(self.operational + op::CONFIG))
    }
    pub(crate) fn dcbaap(&self) -> Gpa {
        Gpa(self.bus.read64(self.operational + op::DCBAAP))
    }
    pub(crate) fn set_config(&self, value: Config) {
        self.bus.write32(self.operational + op::CONFIG, value.into_bits());
    }
    pub(crate) fn set_dcbaap(&self, at: Gpa) {
        self.bus.write64(self.operational + op::DCBAAP, at.0);
    }
    pub(crate) fn crcr(&self) -> Crcr {
        Crcr::from_bits(self.bus.read64(self.operational + op::CRCR))
    }
    pub(crate) fn set_crcr(&self, value: Crcr) {
        self.bus.write64(self.operational + op::CRCR, value.into_bits());
    }

    pub(crate) fn portsc(&self, port: PortId) -> Portsc {
        Portsc::from_bits(self.bus.read32(self.operational + port::port_offset(port) + port::PORTSC))
    }
    pub(crate) fn set_portsc(&self, port: PortId, value: Portsc) {
        self.bus.write32(self.operational + port::port_offset(port) + port::PORTSC, value.into_bits());
    }

    pub(crate) fn mfindex(&self) -> Mfindex {
        Mfindex::from_bits(self.bus.read32(self.runtime + rt::MFINDEX))
    }
    pub(crate) fn iman(&self, interrupter: InterrupterId) -> Iman {
        Iman::from_bits(self.bus.read32(self.interrupter(interrupter) + rt::IMAN))
    }
    pub(crate) fn set_iman(&self, interrupter: InterrupterId, value: Iman) {
        self.bus.write32(self.interrupter(interrupter) + rt::IMAN, value.into_bits());
    }
    pub(crate) fn set_imod(&self, interrupter: InterrupterId, value: Imod) {
        self.bus.write32(self.interrupter(interrupter) + rt::IMOD, value.into_bits());
    }
    pub(crate) fn set_erstsz(&self, interrupter: InterrupterId, entries: u32) {
        self.bus.write32(self.interrupter(interrupter) + rt::ERSTSZ, entries);
    }
    pub(crate) fn set_erstba(&self, interrupter: InterrupterId, table: Gpa) {
        self.bus.write64(self.interrupter(interrupter) + rt::ERSTBA, table.0);
    }
    /// Offset of an interrupter's ERDP, for the consumer of its ring.
    pub(crate) fn erdp(&self, interrupter: InterrupterId) -> u32 {
        self.interrupter(interrupter) + rt::ERDP
    }

    pub(crate) fn interrupter_state(&self, id: InterrupterId) -> SavedInterrupter {
        let at = self.interrupter(id);
        SavedInterrupter {
            iman: self.iman(id),
            imod: Imod::from_bits(self.bus.read32(at + rt::IMOD)),
            erstsz: self.bus.read32(at + rt::ERSTSZ),
            erstba: Gpa(self.bus.read64(at + rt::ERSTBA)),
            erdp: self.bus.read64(at + rt::ERDP),
        }
    }
    pub(crate) fn restore_interrupter(&self, id: InterrupterId, saved: &SavedInterrupter) {
        self.set_erstsz(id, saved.erstsz);
        self.set_erstba(id, saved.erstba);
        self.bus.write64(self.erdp(id), saved.erdp);
        self.set_iman(id, saved.iman);
        self.set_imod(id, saved.imod);
    }

    pub(crate) fn ring_command_doorbell(&self) {
        self.bus.write32(self.doorbells + doorbell::COMMAND, Doorbell::COMMAND.into_bits());
    }
    pub(crate) fn ring_doorbell(&self, slot: SlotId, endpoint: Dci) {
        let doorbell = Doorbell::endpoint(endpoint);
        self.bus.write32(self.doorbells + doorbell::slot_offset(slot), doorbell.into_bits());
    }

    fn interrupter(&self, interrupter: InterrupterId) -> u32 {
        self.runtime + rt::interrupter_offset(interrupter)
    }
}

/// The registers of an interrupter.
pub(crate) struct SavedInterrupter {
    iman: Iman,
    imod: Imod,
    erstsz: u32,
    erstba: Gpa,
    erdp: u64,
}
