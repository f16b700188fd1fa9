//! Starting, stopping and resetting the controller (xHCI 4.2, 5.4.1).

use crate::agenda::Task;
use crate::boundary::{PAGE, crosses};
use crate::commands::CommandRing;
use crate::controller::Xhci;
use crate::dma::{Dma, DmaError};
use crate::event::Event;
use crate::interrupters::Interrupters;
use crate::microframes::MicroframeClock;
use crate::registers::LegacySupport;
use crate::slots::{Slot, Slots};
use crate::violation::Violation;
use sim_time::Instant;
use xhci_spec::Gpa;
use xhci_spec::registers::operational::{Usbcmd, Usbsts};

/// Bytes of an entry of the Device Context Base Address Array or the scratchpad array.
const POINTER: u64 = 8;

impl Xhci {
    /// Resets the controller as power-on, a Function Level Reset or the way from D3 to D0 do: everything, the
    /// legacy support capability included. It is not ready (USBSTS.CNR) for a while. Devices stay plugged in
    /// and are detected again.
    pub fn power_on_reset(&mut self, now: Instant) {
        self.cease(now);
        self.clear_registers(now);
        self.legacy = LegacySupport::new(&self.core.profile);
        self.reset_ports(now);
        self.core.become_ready_later(now);
    }

    /// The core well loses power: the ports notice nothing (PWR-03).
    pub(crate) fn reset_core(&mut self, now: Instant) {
        self.cease(now);
        self.core.drive_line(false, now);
        self.clear_registers(now);
        self.ports.rearm(now, &mut self.core);
        self.core.become_ready_later(now);
        self.remind_firmware(now);
    }

    /// USBCMD.RS changed: when its effect is due.
    pub(crate) fn arm_run_stop(&mut self, now: Instant) {
        let rs = self.core.command.rs();
        let takes = self.core.latency(|all| if rs { all.start } else { all.stop });
        self.run_stop_at = now + takes;
        if !core::mem::replace(&mut self.run_stop_armed, true) {
            self.core.agenda.push(self.run_stop_at, Task::RunStop);
        }
    }

    /// OPR-12, OPR-13: what USBCMD.RS asks for happens.
    pub(crate) fn run_or_stop<D: Dma>(&mut self, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        if now < self.run_stop_at {
            // RS was changed again in the meantime.
            self.core.agenda.push(self.run_stop_at, Task::RunStop);
            return Ok(());
        }
        self.run_stop_armed = false;
        match (self.core.command.rs(), self.core.running()) {
            (true, false) => self.start(now, dma),
            (false, true) => {
                // OPR-13: what is on a bus gets to its packet boundary. The device has seen the packet; were it
                // abandoned, the two would disagree on the toggle.
                let on_bus = self.buses.take_current();
                // A split transaction may wait for its complete-split.
                let flying = self.slots.iter().flat_map(Slot::endpoints);
                let flying: Vec<_> =
                    flying.filter(|endpoint| endpoint.flight.is_some()).map(|endpoint| endpoint.id).collect();
                for endpoint in on_bus.into_iter().chain(flying) {
                    self.end_transaction(endpoint, now, dma)?;
                }
                self.core.halt(now);
                self.stop_service();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn start<D: Dma>(&mut self, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        self.check_arrays(now, dma)?;
        // PWR-07
        self.saved = None;
        self.core.status.set_hch(false);
        self.core.microframes.start(now);
        self.core.log.record(now, Event::Halted(false));
        self.ports.controller_started(now, &mut self.core);
        self.interrupters.recheck_all(now, &mut self.core);
        self.arm_mfindex_wrap(now);
        Ok(())
    }

    /// CAP-08, CAP-27: the arrays that software must have in place before it sets RS.
    fn check_arrays<D: Dma>(&mut self, now: Instant, dma: &mut D) -> Result<(), DmaError> {
        let contexts = self.core.contexts;
        let entries = u64::from(self.slots.enabled).saturating_add(1);
        if crosses(contexts, entries.saturating_mul(POINTER), PAGE) {
            self.core.violation(now, Violation::CrossesBoundary);
        }
        let pages = self.core.profile.scratchpads;
        if pages == 0 {
            return Ok(());
        }
        let mut pointer = [0; 8];
        dma.read(contexts, &mut pointer)?;
        let array = dma.resolve(Gpa(u64::from_le_bytes(pointer)));
        if array.is_null() {
            self.core.violation(now, Violation::NoScratchpads);
        } else if array.0 & 0x3F != 0 {
            self.core.violation(now, Violation::Misaligned);
        } else if pages <= 512 && crosses(array, u64::from(pages).saturating_mul(POINTER), PAGE) {
            // More of them make an array of more than a page.
            self.core.violation(now, Violation::CrossesBoundary);
        }
        Ok(())
    }

    /// Nothing is on a bus or in line any more; endpoints keep their states (OPR-14).
    pub(crate) fn stop_service(&mut self) {
        self.buses.clear();
        self.completions.clear();
        self.command.halt();
        self.slots.forget_doorbells();
        for slot in self.slots.iter() {
            for endpoint in slot.endpoints() {
                endpoint.leave_service();
                endpoint.doorbell = false;
            }
        }
    }

    /// OPR-15: everything ends at once.
    pub(crate) fn begin_reset(&mut self, now: Instant) {
        self.end_everything(now, Usbcmd::new().with_hcrst(true));
    }

    /// OPR-17: as [`begin_reset`](Self::begin_reset), but the ports notice nothing.
    pub(crate) fn begin_light_reset(&mut self, now: Instant) {
        self.end_everything(now, Usbcmd::new().with_lhcrst(true));
        self.ports.rearm(now, &mut self.core);
    }

    fn end_everything(&mut self, now: Instant, command: Usbcmd) {
        self.cease(now);
        self.core.command = command;
        self.core.drive_line(false, now);
        self.core.status = Usbsts::new().with_hch(true);
        let takes = self.core.latency(|all| all.reset);
        self.core.agenda.push(now + takes, Task::ResetDone);
        self.remind_firmware(now);
    }

    /// Whatever was to come is off.
    fn cease(&mut self, now: Instant) {
        self.core.halt(now);
        self.core.agenda.clear();
        self.run_stop_armed = false;
        self.wrap_armed = false;
    }

    /// The agenda was cleared: firmware that was asked answers all the same.
    fn remind_firmware(&mut self, now: Instant) {
        if self.legacy.is_asked() {
            self.arm_firmware(now);
        }
    }

    pub(crate) fn end_reset(&mut self, now: Instant) {
        let light = self.core.command.lhcrst();
        self.clear_registers(now);
        if !light {
            self.reset_ports(now);
        }
    }

    /// OPR-10: the core well is as after power-on.
    fn clear_registers(&mut self, now: Instant) {
        let Self { core, .. } = self;
        core.command = Usbcmd::new();
        core.status = Usbsts::new().with_hch(true);
        core.failed = false;
        core.contexts = Gpa::NULL;
        core.u3_entry = false;
        core.configuration_information = false;
        core.microframes = MicroframeClock::default();
        self.command = CommandRing::default();
        self.command_waits = false;
        self.port_waits = false;
        self.notification_enable = 0;
        self.interrupters = Interrupters::new(core);
        self.slots = Slots::new(core.profile.slots);
        self.buses.clear();
        core.log.record(now, Event::Reset);
    }

    fn reset_ports(&mut self, now: Instant) {
        // Devices forget their addresses: slots of before are of no use.
        self.saved = None;
        self.ports.controller_reset(now, &mut self.core);
    }

    /// EXT-04: firmware answers a claim of ownership.
    pub(crate) fn arm_firmware(&mut self, now: Instant) {
        let takes = self.core.latency(|all| all.firmware_handoff);
        self.core.agenda.push(now + takes, Task::FirmwareLetsGo);
    }
}
