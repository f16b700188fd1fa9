//! Register writes: they latch, and put work on the agenda. No memory is touched here.

use super::Register;
use crate::agenda::{EndpointId, Task};
use crate::controller::Xhci;
use crate::device::StreamId;
use crate::event::Event;
use crate::violation::Violation;
use sim_time::Instant;
use xhci_spec::registers::doorbell::Doorbell;
use xhci_spec::registers::operational::{Config, Crcr, Usbcmd, Usbsts};
use xhci_spec::registers::port::Portsc;
use xhci_spec::{Dci, Gpa, SlotId};

impl Xhci {
    /// Writes to BAR 0: aligned dwords, and qwords as their low and then their high half (OPR-01, OPR-03).
    /// Narrow writes act on the extended capabilities alone (EXT-04); any other write is ignored (OPR-02). The
    /// effect takes place when [`Xhci::advance`] is called.
    pub fn mmio_write(&mut self, now: Instant, offset: u64, data: &[u8]) {
        let Ok(offset) = u32::try_from(offset) else { return };
        match *data {
            [b0, b1, b2, b3] => self.write32(now, offset, u32::from_le_bytes([b0, b1, b2, b3])),
            [b0, b1, b2, b3, b4, b5, b6, b7] if offset.is_multiple_of(4) => {
                self.write32(now, offset, u32::from_le_bytes([b0, b1, b2, b3]));
                self.write32(now, offset.wrapping_add(4), u32::from_le_bytes([b4, b5, b6, b7]));
            }
            _ => self.write_bytes(now, offset, data),
        }
    }

    /// Writes an aligned dword, as drivers do.
    pub fn write32(&mut self, now: Instant, offset: u32, value: u32) {
        if !offset.is_multiple_of(4) {
            return self.write_bytes(now, offset, &value.to_le_bytes());
        }
        if !self.presence.is_accessible() {
            // OPR-08
            return;
        }
        self.core.log.record(now, Event::RegisterWrite { offset: offset.into(), value: value.into() });
        let register = self.layout.register(offset);
        if self.core.status.cnr() && register.is_live() {
            // OPR-09
            self.core.violation(now, Violation::WriteWhileNotReady);
            if self.core.profile.policy.drop_writes_while_not_ready {
                return;
            }
        }
        self.write_register(now, register, value);
    }

    /// A write that is no aligned dword: the bytes of a dword of an extended capability, or a mistake.
    fn write_bytes(&mut self, now: Instant, offset: u32, data: &[u8]) {
        if !self.presence.is_accessible() {
            return;
        }
        let start = usize::try_from(offset & 3).unwrap_or(0);
        let (mut value, mut mask) = ([0; 4], [0; 4]);
        let fits = start.saturating_add(data.len()) <= 4;
        match self.layout.register(offset & !3) {
            Register::Extended(at) if fits => {
                let bytes = value.iter_mut().zip(&mut mask).skip(start).zip(data);
                bytes.for_each(|((value, mask), byte)| (*value, *mask) = (*byte, 0xFF));
                let (value, mask) = (u32::from_le_bytes(value), u32::from_le_bytes(mask));
                self.core
                    .log
                    .record(now, Event::RegisterWrite { offset: offset.into(), value: value.into() });
                self.write_extended(now, at, value, mask);
            }
            _ => self.core.violation(now, Violation::AccessWidth),
        }
    }

    fn write_extended(&mut self, now: Instant, offset: u32, value: u32, mask: u32) {
        if self.legacy.write(offset, value, mask) {
            self.arm_firmware(now);
        }
    }

    fn write_register(&mut self, now: Instant, register: Register, value: u32) {
        // OPR-06: without 64-bit addresses the high halves stay 0.
        let high_half = if self.core.profile.addresses_64 { value } else { 0 };
        let low = |old: u64| old & !0xFFFF_FFFF | u64::from(value);
        let high = |old: u64| old & 0xFFFF_FFFF | u64::from(high_half) << 32;
        match register {
            Register::Usbcmd => self.write_usbcmd(now, Usbcmd::from_bits(value)),
            Register::Usbsts => {
                let cleared = self.core.status.into_bits() & !(value & Usbsts::W1C.into_bits());
                self.core.status = Usbsts::from_bits(cleared);
            }
            Register::Dnctrl => self.notification_enable = value & 0xFFFF,
            Register::CrcrLow => self.write_crcr(now, value),
            Register::CrcrHigh => self.command.write_crcr_high(high_half),
            Register::DcbaapLow => {
                if value & 0x3F != 0 {
                    self.core.violation(now, Violation::Misaligned);
                }
                self.write_dcbaap(now, low(self.core.contexts.0) & !0x3F);
            }
            Register::DcbaapHigh => self.write_dcbaap(now, high(self.core.contexts.0)),
            Register::Config => self.write_config(now, Config::from_bits(value)),
            Register::Extended(offset) => self.write_extended(now, offset, value, !0),
            Register::Portsc(port) => {
                self.ports.write_portsc(port, Portsc::from_bits(value), now, &mut self.core);
            }
            Register::Portpmsc(port) => self.ports.write_portpmsc(port, value, &self.core),
            Register::Portli(port) => {
                if let Some(port) = self.ports.get_mut(port) {
                    port.write_portli();
                }
            }
            Register::Porthlpmc(port) => {
                if let Some(port) = self.ports.get_mut(port) {
                    port.write_porthlpmc(value, self.core.profile.hardware_lpm);
                }
            }
            Register::CommandDoorbell => {
                // DBS-02, DBS-05, DBS-10
                let doorbell = Doorbell::from_bits(value);
                if doorbell.target() == 0 && doorbell.stream_id() == 0 && self.core.running() {
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
                        let [low, high, ..] = value.to_le_bytes();
                        let (wanted, most) = (u16::from_le_bytes([low, high]), 1 << core.profile.erst_max);
                        if wanted > most {
                            core.violation(now, Violation::TooManySegments);
                        }
                        interrupter.write_table_size(wanted.min(most));
                    }
                    Register::ErstbaLow(_) => {
                        if value & 0x3F != 0 {
                            core.violation(now, Violation::Misaligned);
                        }
                        interrupter.write_table_base(low(base), false, now, core);
                    }
                    Register::ErstbaHigh(_) => interrupter.write_table_base(high(base), true, now, core),
                    Register::ErdpLow(_) => {
                        interrupter.write_dequeue(low(dequeue), value & 8 != 0, now, core);
                    }
                    _ => interrupter.write_dequeue(high(dequeue), false, now, core),
                }
            }
            Register::Capability(_) | Register::PageSize | Register::Mfindex | Register::Reserved => {}
        }
    }

    fn write_crcr(&mut self, now: Instant, value: u32) {
        let crcr = Crcr::from_bits(value.into());
        if value & 0x30 != 0 {
            self.core.violation(now, Violation::Misaligned);
        }
        // OPR-40: an abort may come with a pointer; it is ignored as any other.
        if self.command.read_crcr() != 0 && !crcr.cs() && !crcr.ca() {
            self.core.violation(now, Violation::CommandRingWhileRunning);
        }
        if self.command.write_crcr_low(value) {
            self.arm_command_fetch(now);
        }
    }

    fn write_dcbaap(&mut self, now: Instant, value: u64) {
        if self.core.running() {
            self.core.violation(now, Violation::DcbaapWhileRunning);
        }
        self.core.contexts = Gpa(value);
    }

    /// OPR-42: only while halted, and not more slots than there are.
    fn write_config(&mut self, now: Instant, value: Config) {
        if self.core.running() {
            self.core.violation(now, Violation::ConfigWhileRunning);
            return;
        }
        let slots = self.core.profile.slots;
        if value.max_slots_en() > slots {
            self.core.violation(now, Violation::TooManySlots);
        }
        let able = self.capabilities.parameters2();
        self.slots.enabled = value.max_slots_en().min(slots);
        self.core.u3_entry = value.u3e() && able.u3c();
        self.core.configuration_information = value.cie() && able.cic();
    }

    fn write_usbcmd(&mut self, now: Instant, value: Usbcmd) {
        let light = value.lhcrst() && self.core.profile.light_reset;
        if value.hcrst() || light {
            if self.core.running() {
                self.core.violation(now, Violation::ResetWhileRunning);
            }
            return if value.hcrst() { self.begin_reset(now) } else { self.begin_light_reset(now) };
        }
        let old = self.core.command;
        // OPR-25, ERR-09: after an error there is nothing but a reset, and while that goes on, nothing at all.
        if self.core.failed || old.hcrst() || old.lhcrst() {
            return;
        }
        // CAP-24: what the controller is not able to do cannot be enabled.
        let able = self.capabilities.parameters2();
        let mut ete = value.ete() && able.etc();
        let mut tsc_en = value.tsc_en() && able.etc_tsc();
        if self.core.running() && (ete, tsc_en) != (old.ete(), old.tsc_en()) {
            // OPR-24
            self.core.violation(now, Violation::ExtendedTbcWhileRunning);
            (ete, tsc_en) = (old.ete(), old.tsc_en());
        }
        self.core.command = old
            .with_rs(value.rs())
            .with_inte(value.inte())
            .with_hsee(value.hsee())
            .with_ewe(value.ewe())
            .with_eu3s(value.eu3s())
            .with_cme(value.cme() && able.cmc())
            .with_ete(ete)
            .with_tsc_en(tsc_en);
        if value.rs() != old.rs() {
            self.arm_run_stop(now);
        }
        self.write_save_restore(now, value);
        if value.inte() != old.inte() {
            self.interrupters.recheck_all(now, &mut self.core);
        }
        if value.ewe() && !old.ewe() {
            self.arm_mfindex_wrap(now);
        }
    }

    fn write_doorbell(&mut self, now: Instant, slot: SlotId, doorbell: Doorbell) {
        // DBS-03, DBS-05, DBS-10: reserved targets, a halted controller, a stream where there are none.
        let Some(dci) = Dci::new(doorbell.target()) else { return };
        if !self.core.running() {
            return;
        }
        let id = EndpointId { slot, dci };
        let stream = StreamId(doorbell.stream_id());
        let Self { slots, core, .. } = self;
        let is_for_it = match slots.endpoint(id).and_then(|endpoint| endpoint.streams.as_mut()) {
            Some(streams) => streams.ring(stream),
            None => stream == StreamId::NONE,
        };
        if !is_for_it {
            return;
        }
        // DBS-04: doorbells before the service coalesce.
        let waits = match slots.endpoint(id) {
            Some(endpoint) => core::mem::replace(&mut endpoint.doorbell, true),
            None => {
                core.violation(now, Violation::DeadDoorbell);
                if !core.profile.policy.answer_dead_doorbells || slot.get() > slots.enabled {
                    return;
                }
                slots.answer_due(slot, true)
            }
        };
        if waits {
            return;
        }
        let takes = core.latency(|all| all.doorbell);
        core.agenda.push(now + takes, Task::Doorbell(id));
    }
}
