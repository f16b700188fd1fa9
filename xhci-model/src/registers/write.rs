//! Register writes: they latch, and put work on the agenda. No memory is touched here.

use super::Register;
use crate::agenda::{EndpointId, Task};
use crate::controller::Xhci;
use crate::event::Event;
use crate::violation::Violation;
use sim_time::Instant;
use xhci_spec::registers::doorbell::Doorbell;
use xhci_spec::registers::operational::{Config, Usbcmd, Usbsts};
use xhci_spec::registers::port::Portsc;
use xhci_spec::{Dci, Gpa, SlotId};

impl Xhci {
    /// Writes to BAR 0: aligned dwords, and qwords as their low and then their high half (OPR-01, OPR-03).
    /// Any other write is ignored (OPR-02). The effect takes place when [`Xhci::advance`] is called.
    pub fn mmio_write(&mut self, now: Instant, offset: u64, data: &[u8]) {
        let Ok(offset) = u32::try_from(offset) else { return };
        match *data {
            [b0, b1, b2, b3] => self.write32(now, offset, u32::from_le_bytes([b0, b1, b2, b3])),
            [b0, b1, b2, b3, b4, b5, b6, b7] if offset.is_multiple_of(4) => {
                self.write32(now, offset, u32::from_le_bytes([b0, b1, b2, b3]));
                self.write32(now, offset.wrapping_add(4), u32::from_le_bytes([b4, b5, b6, b7]));
            }
            _ => self.core.violation(now, Violation::AccessWidth),
        }
    }

    /// Writes an aligned dword, as drivers do.
    pub fn write32(&mut self, now: Instant, offset: u32, value: u32) {
        if !offset.is_multiple_of(4) {
            self.core.violation(now, Violation::AccessWidth);
            return;
        }
        self.core.log.record(now, Event::RegisterWrite { offset: offset.into(), value: value.into() });
        let register = self.layout.register(offset);
        if self.core.status.hce() && register != Register::Usbcmd {
            // ERR-09
            return;
        }
        self.write_register(now, register, value);
    }

    fn write_register(&mut self, now: Instant, register: Register, value: u32) {
        let low = |old: u64| old & !0xFFFF_FFFF | u64::from(value);
        let high = |old: u64| old & 0xFFFF_FFFF | u64::from(value) << 32;
        match register {
            Register::Usbcmd => self.write_usbcmd(now, Usbcmd::from_bits(value)),
            Register::Usbsts => {
                let cleared = self.core.status.into_bits() & !(value & Usbsts::W1C.into_bits());
                self.core.status = Usbsts::from_bits(cleared);
            }
            Register::Dnctrl => self.notification_enable = value & 0xFFFF,
            Register::CrcrLow => {
                if self.command.write_crcr_low(value) {
                    self.arm_command_fetch(now);
                }
            }
            Register::CrcrHigh => self.command.write_crcr_high(value),
            Register::DcbaapLow => self.core.contexts = Gpa(low(self.core.contexts.0) & !0x3F),
            Register::DcbaapHigh => self.core.contexts = Gpa(high(self.core.contexts.0)),
            Register::Config => {
                // OPR-42: only while halted, and not more than there are.
                if !self.core.running() {
                    let wanted = Config::from_bits(value).max_slots_en();
                    self.slots.enabled = wanted.min(self.core.profile.slots);
                } else {
                    self.core.violation(now, Violation::ConfigWhileRunning);
                }
            }
            Register::Portsc(port) => {
                let Self { ports, core, .. } = self;
                if let Some(port) = ports.get_mut(port) {
                    port.write(Portsc::from_bits(value), now, core);
                }
            }
            Register::Portpmsc(port) => {
                if let Some(port) = self.ports.get_mut(port) {
                    port.portpmsc = value;
                }
            }
            Register::CommandDoorbell => {
                // DBS-02, DBS-05
                if value & 0xFF == 0 && self.core.running() {
                    self.command_doorbell(now);
                }
            }
            Register::Doorbell(slot) => self.write_doorbell(now, slot, Doorbell::from_bits(value)),
            Register::Iman(id)
            | Register::Imod(id)
            | Register::Erstsz(id)
            | Register::ErstbaLow(id)
            | Register::ErstbaHigh(id)
            | Register::ErdpLow(id)
            | Register::ErdpHigh(id) => {
                let Self { interrupters, core, .. } = self;
                let Some(interrupter) = interrupters.get_mut(id) else { return };
                let (base, dequeue) = (interrupter.table_base, interrupter.dequeue_pointer);
                match register {
                    Register::Iman(_) => interrupter.write_iman(value, now, core),
                    Register::Imod(_) => interrupter.write_imod(value, now, core),
                    Register::Erstsz(_) => {
                        let most = 1_u32 << core.profile.erst_max;
                        interrupter.write_table_size((value & 0xFFFF).min(most) as u16);
                    }
                    Register::ErstbaLow(_) => interrupter.write_table_base(low(base)),
                    Register::ErstbaHigh(_) => interrupter.write_table_base(high(base)),
                    Register::ErdpLow(_) => {
                        interrupter.write_dequeue(low(dequeue), value & 8 != 0, now, core);
                    }
                    _ => interrupter.write_dequeue(high(dequeue), false, now, core),
                }
            }
            Register::Capability(_)
            | Register::Extended(_)
            | Register::PageSize
            | Register::Mfindex
            | Register::Reserved => {}
        }
    }

    fn write_usbcmd(&mut self, now: Instant, value: Usbcmd) {
        if value.hcrst() {
            if self.core.running() {
                self.core.violation(now, Violation::ResetWhileRunning);
            }
            self.begin_reset(now);
            return;
        }
        if self.core.status.hce() || self.core.command.hcrst() {
            return;
        }
        let old = self.core.command;
        self.core.command = old
            .with_rs(value.rs())
            .with_inte(value.inte())
            .with_hsee(value.hsee())
            .with_ewe(value.ewe())
            .with_eu3s(value.eu3s());
        if value.rs() != old.rs() {
            let takes = self.core.latency(|all| if value.rs() { all.start } else { all.stop });
            self.core.agenda.push(now + takes, Task::RunStop);
        }
        if value.inte() && !old.inte() {
            self.interrupters.recheck_all(now, &mut self.core);
        }
    }

    fn write_doorbell(&mut self, now: Instant, slot: SlotId, doorbell: Doorbell) {
        // DBS-03, DBS-05, DBS-10: reserved targets, a halted controller, a stream where there are none.
        let Some(dci) = Dci::new(doorbell.target()) else { return };
        if !self.core.running() || doorbell.stream_id() != 0 {
            return;
        }
        let id = EndpointId { slot, dci };
        let Self { slots, core, .. } = self;
        let Some(owner) = slots.get(slot) else {
            core.violation(now, Violation::DeadDoorbell);
            return;
        };
        // DBS-04: doorbells before the service coalesce.
        let waiting = match owner.endpoint(dci) {
            Some(endpoint) => &mut endpoint.doorbell,
            None => {
                if !core.profile.policy.answer_dead_doorbells {
                    return;
                }
                &mut owner.doorbell_answer_due
            }
        };
        if core::mem::replace(waiting, true) {
            return;
        }
        let takes = core.latency(|all| all.doorbell);
        core.agenda.push(now + takes, Task::Doorbell(id));
    }
}
