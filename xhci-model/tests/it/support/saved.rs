//! What Linux saves of a controller before it sleeps, and writes back afterwards.

use super::Machine;
use sim_time::Duration;

pub const SRE: u32 = 1 << 10;
const CSS: u32 = 1 << 8;
const CRS: u32 = 1 << 9;
const SSS: u32 = 1 << 8;
const RSS: u32 = 1 << 9;

/// `xhci_save_registers`. CRCR is none of them.
#[derive(Clone)]
pub struct SavedRegisters {
    command: u32,
    notifications: u32,
    contexts: u64,
    config: u32,
    interrupters: Vec<SavedInterrupter>,
}

#[derive(Clone)]
struct SavedInterrupter {
    iman: u32,
    imod: u32,
    table_size: u32,
    table: u64,
    dequeue: u64,
}

impl Machine {
    pub fn halt_controller(&mut self) {
        self.write(self.op, self.read(self.op) & !5);
        self.wait_ms(16, |machine| machine.usbsts() & 1 != 0);
    }

    pub fn run_controller(&mut self) {
        self.write(self.op, 4);
        self.write(self.op, 5);
        self.wait_ms(16, |machine| machine.usbsts() & 1 == 0);
    }

    pub fn save_registers(&self) -> SavedRegisters {
        let interrupters = (0..).zip(&self.rings).map(|(id, _)| SavedInterrupter {
            iman: self.read(self.ir(id)),
            imod: self.read(self.ir(id) + 4),
            table_size: self.read(self.ir(id) + 8),
            table: self.read64(self.ir(id) + 0x10),
            dequeue: self.read64(self.ir(id) + 0x18),
        });
        SavedRegisters {
            command: self.read(self.op),
            notifications: self.read(self.op + 0x14),
            contexts: self.read64(self.op + 0x30),
            config: self.read(self.op + 0x38),
            interrupters: interrupters.collect(),
        }
    }

    /// `xhci_restore_registers`.
    pub fn restore_registers(&mut self, saved: &SavedRegisters) {
        self.wait_ms(100, |machine| machine.usbsts() & 1 << 11 == 0);
        self.write(self.op, saved.command);
        self.write(self.op + 0x14, saved.notifications);
        self.write64(self.op + 0x30, saved.contexts);
        self.write(self.op + 0x38, saved.config);
        for (id, interrupter) in (0..).zip(&saved.interrupters) {
            let ir = self.ir(id);
            self.write(ir + 8, interrupter.table_size);
            self.write64(ir + 0x10, interrupter.table);
            self.write64(ir + 0x18, interrupter.dequeue);
            self.write(ir, interrupter.iman);
            self.write(ir + 4, interrupter.imod);
        }
    }

    /// `xhci_set_cmd_ring_deq`.
    pub fn write_crcr(&mut self) {
        let at = self.command.base + self.command.at * 16;
        assert_eq!(at & 0x3F, 0, "a pointer has no low bits: align the ring first");
        self.write64(self.op + 0x18, at | u64::from(self.command.cycle));
    }

    /// Pads the command ring, so that its next TRB is one that CRCR can name.
    pub fn align_command_ring(&mut self) {
        while !self.command.at.is_multiple_of(4) {
            self.command_code(xhci_spec::trb::command::no_op());
        }
    }

    /// USBCMD.CSS; gives how long it took and whether it failed.
    pub fn save_state(&mut self) -> (Duration, bool) {
        self.write(self.op, self.read(self.op) | CSS);
        self.while_busy(SSS, 20)
    }

    /// USBCMD.CRS; gives how long it took and whether it failed.
    pub fn restore_state(&mut self) -> (Duration, bool) {
        self.write(self.op, self.read(self.op) | CRS);
        self.while_busy(RSS, 100)
    }

    fn while_busy(&mut self, bit: u32, limit_ms: u64) -> (Duration, bool) {
        let begin = self.now;
        if self.usbsts() & bit != 0 {
            assert_eq!(self.usbsts() & SRE, 0, "SRE is of the last one");
        }
        self.wait_ms(limit_ms, |machine| machine.usbsts() & bit == 0);
        assert_eq!(self.read(self.op) & (CSS | CRS), 0, "read as 0");
        (self.now.since(begin), self.usbsts() & SRE != 0)
    }
}
