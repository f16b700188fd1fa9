//! Register reads: no side effects (SEC-11).

use super::Register;
use crate::controller::Xhci;
use sim_time::Instant;
use xhci_spec::registers::operational::Config;
use xhci_spec::registers::runtime::{Erdp, Iman, Imod};

/// OPR-32: pages of 4 KiB.
const PAGE_SIZE: u32 = 1;

impl Xhci {
    /// Reads from BAR 0, any width and alignment. `now` is the time of the access.
    pub fn mmio_read(&self, now: Instant, offset: u64, buffer: &mut [u8]) {
        let mut at = offset;
        for byte in buffer {
            // OPR-02: narrow and misaligned reads give the bytes of the dwords they touch.
            let dword = u32::try_from(at & !3).map_or(0, |offset| self.read_dword(now, offset));
            let shift = (at & 3).wrapping_mul(8);
            let [low, ..] = (dword >> shift).to_le_bytes();
            *byte = low;
            at = at.wrapping_add(1);
        }
    }

    /// Reads an aligned dword, as drivers do.
    pub fn read32(&self, now: Instant, offset: u32) -> u32 {
        if offset.is_multiple_of(4) { self.read_dword(now, offset) } else { 0 }
    }

    #[expect(clippy::cast_possible_truncation, reason = "halves of 64-bit registers")]
    fn read_dword(&self, now: Instant, offset: u32) -> u32 {
        if !self.presence.is_accessible() {
            // OPR-08
            return !0;
        }
        let core = &self.core;
        let interrupter = |id| self.interrupters.get(id);
        match self.layout.register(offset) {
            Register::Capability(offset) => self.capabilities.read(offset),
            Register::Extended(offset) => {
                let constant = self.capabilities.read_extended(offset);
                self.legacy.read(offset, constant, core.status).unwrap_or(constant)
            }
            Register::Usbcmd => core.command.into_bits(),
            Register::Usbsts => core.status.into_bits(),
            Register::PageSize => PAGE_SIZE,
            Register::Dnctrl => self.notification_enable,
            Register::CrcrLow => self.command.read_crcr() as u32,
            Register::DcbaapLow => core.contexts.0 as u32,
            Register::DcbaapHigh => (core.contexts.0 >> 32) as u32,
            Register::Config => Config::new()
                .with_max_slots_en(self.slots.enabled)
                .with_u3e(core.u3_entry)
                .with_cie(core.configuration_information)
                .into_bits(),
            Register::Portsc(port) => self.ports.get(port).map_or(0, |port| port.read()),
            Register::Portpmsc(port) => self.ports.get(port).map_or(0, |port| port.read_portpmsc()),
            Register::Portli(port) => self.ports.get(port).map_or(0, |port| port.read_portli()),
            Register::Porthlpmc(port) => self.ports.get(port).map_or(0, |port| port.read_porthlpmc()),
            Register::Mfindex => core.microframes.mfindex(now),
            Register::Iman(id) => interrupter(id).map_or(0, |interrupter| {
                Iman::new()
                    .with_ip(interrupter.interrupt_pending)
                    .with_ie(interrupter.interrupt_enable)
                    .into_bits()
            }),
            Register::Imod(id) => interrupter(id).map_or(0, |interrupter| {
                Imod::new()
                    .with_interval(interrupter.moderation.interval)
                    .with_counter(interrupter.moderation.counter(now))
                    .into_bits()
            }),
            Register::Erstsz(id) => interrupter(id).map_or(0, |interrupter| interrupter.table_size.into()),
            Register::ErstbaLow(id) => interrupter(id).map_or(0, |interrupter| interrupter.table_base as u32),
            Register::ErstbaHigh(id) => {
                interrupter(id).map_or(0, |interrupter| (interrupter.table_base >> 32) as u32)
            }
            Register::ErdpLow(id) => interrupter(id).map_or(0, |interrupter| {
                // RTS-09: as written, with EHB live.
                Erdp::from_bits(interrupter.dequeue_pointer)
                    .with_ehb(interrupter.event_handler_busy)
                    .into_bits() as u32
            }),
            Register::ErdpHigh(id) => {
                interrupter(id).map_or(0, |interrupter| (interrupter.dequeue_pointer >> 32) as u32)
            }
            // DBS-01: doorbells read 0.
            Register::CrcrHigh | Register::CommandDoorbell | Register::Doorbell(_) | Register::Reserved => 0,
        }
    }
}
