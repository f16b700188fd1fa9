//! The registers that a controller forgets when it sleeps (xHCI 4.23.2): saved before, written back after.

use crate::controller::Controller;
use crate::registers::{Registers, SavedInterrupter};
use xhci_spec::registers::operational::{Config, Dnctrl, Usbcmd};
use xhci_spec::{Gpa, InterrupterId};

/// All but CRCR, which cannot be read (PWR-01, PWR-04).
pub(crate) struct SavedRegisters {
    command: Usbcmd,
    notifications: Dnctrl,
    contexts: Gpa,
    config: Config,
    interrupters: Vec<(InterrupterId, SavedInterrupter)>,
}

impl SavedRegisters {
    fn write_back(&self, registers: &Registers) {
        registers.set_usbcmd(self.command);
        registers.set_dnctrl(self.notifications);
        registers.set_dcbaap(self.contexts);
        registers.set_config(self.config);
        for (id, interrupter) in &self.interrupters {
            registers.restore_interrupter(*id, interrupter);
        }
    }
}

impl Controller {
    /// `xhci_save_registers`: also those of the interrupters that are lent.
    pub(crate) fn save_registers(&self) {
        let registers = &self.registers;
        let lent = self.interrupters.borrow();
        let used = lent.iter().enumerate().filter(|(index, lent)| *index == 0 || lent.is_some());
        let ids = used.filter_map(|(index, _)| Some(InterrupterId(u16::try_from(index).ok()?)));
        self.saved.replace(Some(SavedRegisters {
            command: registers.usbcmd(),
            notifications: registers.dnctrl(),
            contexts: registers.dcbaap(),
            config: registers.config(),
            interrupters: ids.map(|id| (id, registers.interrupter_state(id))).collect(),
        }));
    }

    /// `xhci_restore_registers`, and CRCR. False if nothing was saved.
    pub(crate) fn restore_registers(&self) -> bool {
        let Some(saved) = self.saved.take() else { return false };
        saved.write_back(&self.registers);
        self.registers.set_crcr(self.commands.restart(&*self.bus));
        true
    }
}
