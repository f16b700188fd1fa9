//! Bringing the controller up (xHCI 4.2, DRV-01): from whatever state it is in to running, with empty rings.

use crate::BringUpError;
use crate::controller::{Controller, HcState};
use sim_time::Duration;
use xhci_spec::InterrupterId;
use xhci_spec::registers::extended::Usblegsup;
use xhci_spec::registers::operational::{Config, Dnctrl, Usbcmd};
use xhci_spec::registers::runtime::{Iman, Imod};

/// Linux's moderation of interrupter 0: 160 units of 250 ns, 40 µs.
const MODERATION: u16 = 160;
/// Steps in which status bits are polled.
const POLL: Duration = Duration::from_micros(100);
/// xHCI 5.4.1.1: halted within 16 ms; Linux allows twice that.
const HALT_TIMEOUT: Duration = Duration::from_millis(32);
/// Linux's limit for a reset.
const RESET_TIMEOUT: Duration = Duration::from_secs(10);
/// EXT-03: firmware has a second to let go.
const HAND_OFF_TIMEOUT: Duration = Duration::from_secs(1);

impl Controller {
    /// Takes the controller from firmware, resets it, gives it its memory and lets it run.
    pub(crate) async fn bring_up(&self) -> Result<(), BringUpError> {
        self.take_from_firmware().await?;
        self.halt().await?;
        self.reset().await?;
        self.initialise()?;
        self.run().await
    }

    /// Stops the schedule. Registers, slots and rings stay.
    pub(crate) async fn halt(&self) -> Result<(), BringUpError> {
        self.registers.set_usbcmd(self.registers.usbcmd().with_rs(false).with_inte(false));
        self.set_state(HcState::Halted);
        self.wait("USBSTS.HCH", true, HALT_TIMEOUT, || self.registers.usbsts().hch()).await
    }

    /// Starts the schedule, with interrupts.
    pub(crate) async fn run(&self) -> Result<(), BringUpError> {
        let command = self.registers.usbcmd().with_inte(true);
        self.registers.set_usbcmd(command);
        self.registers.set_usbcmd(command.with_rs(true));
        self.wait("USBSTS.HCH", false, HALT_TIMEOUT, || self.registers.usbsts().hch()).await?;
        self.set_state(HcState::Running);
        Ok(())
    }

    /// Host Controller Reset; every slot is lost.
    pub(crate) async fn reset(&self) -> Result<(), BringUpError> {
        self.registers.set_usbcmd(Usbcmd::new().with_hcrst(true));
        self.wait("USBCMD.HCRST", false, RESET_TIMEOUT, || self.registers.usbcmd().hcrst()).await?;
        // OPR-09: nothing but USBSTS may be touched while the controller is not ready.
        self.wait("USBSTS.CNR", false, RESET_TIMEOUT, || self.registers.usbsts().cnr()).await
    }

    /// Writes everything that a controller needs after a reset, with empty rings (OPR-45).
    pub(crate) fn initialise(&self) -> Result<(), BringUpError> {
        let pages = self.registers.pagesize();
        if pages & 1 == 0 {
            return Err(BringUpError::PageSize(pages));
        }
        let bus = &*self.bus;
        self.memory.clear_dcbaa(bus);
        self.registers.set_config(Config::new().with_max_slots_en(self.capabilities.max_slots));
        self.registers.set_dcbaap(self.memory.dcbaa.address);
        self.registers.set_crcr(self.commands.restart(bus));
        self.registers.set_dnctrl(Dnctrl::FUNCTION_WAKE);
        self.start_event_ring();
        self.registers.set_imod(InterrupterId::PRIMARY, Imod::new().with_interval(MODERATION));
        self.registers.set_iman(InterrupterId::PRIMARY, Iman::new().with_ie(true));
        Ok(())
    }

    /// ERSTSZ, ERSTBA, ERDP: Linux's order; the ring counts as full until ERDP is written, and nothing is
    /// posted before RS (EVR-08).
    fn start_event_ring(&self) {
        let ring = &self.memory.event_ring;
        let consumer = ring.restart(&*self.bus);
        let primary = InterrupterId::PRIMARY;
        let entries = u32::try_from(ring.segments().len()).unwrap_or(u32::MAX);
        self.registers.set_erstsz(primary, entries);
        self.registers.set_erstba(primary, ring.table());
        consumer.acknowledge(&*self.bus, self.registers.erdp(primary), false);
        self.events.replace(consumer);
    }

    async fn take_from_firmware(&self) -> Result<(), BringUpError> {
        let Some(at) = self.capabilities.legacy_support else { return Ok(()) };
        let semaphore = || Usblegsup::from_bits(self.bus.read32(at));
        if semaphore().bios_owned() || !semaphore().os_owned() {
            self.bus.write32(at, semaphore().with_os_owned(true).into_bits());
            let owned = || semaphore().bios_owned();
            self.wait("USBLEGSUP.BIOS Owned", false, HAND_OFF_TIMEOUT, owned).await?;
        }
        // EXT-05: no system management interrupts any more, and their status bits cleared.
        const KEEP: u32 = 0x000E_1FEE;
        const STATUS: u32 = 0xE000_0000;
        self.bus.write32(at + 4, self.bus.read32(at + 4) & KEEP | STATUS);
        Ok(())
    }

    pub(crate) async fn wait(
        &self,
        register: &'static str,
        wanted: bool,
        timeout: Duration,
        bit: impl Fn() -> bool,
    ) -> Result<(), BringUpError> {
        let deadline = self.kernel.now() + timeout;
        while bit() != wanted {
            if self.kernel.now() >= deadline {
                return Err(BringUpError::Timeout { register, wanted, milliseconds: timeout.as_millis() });
            }
            self.kernel.sleep(POLL).await;
        }
        Ok(())
    }
}
