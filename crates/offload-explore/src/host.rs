//! An abstract xHCI: what is powered, which rings exist, where a DSP streams. It does nothing else, and it knows when
//! something is used that is gone.

use crate::ghosts::{Ghosts, Invariant};
use kernel_sim::{Kernel, LockClass, Object, SpinLock, Watched};
use offload_core::{
    EpIndex, Errno, HcResume, HostController, InterrupterHandle, LocalBoxFuture, RingFree, RootHub,
    SgSegment, SgTable, SlotId, VirtDeviceId,
};
use std::cell::Cell;
use std::rc::Rc;

/// Which interrupters the controller has: 0 is the host's.
const INTERRUPTERS: u16 = 4;
/// Slots of these scenarios, and 0, which is none.
const SLOTS: usize = 4;
const XHCI_LOCK: LockClass = LockClass::new("&xhci->lock");

pub(crate) struct Host {
    kernel: Kernel,
    ghosts: Rc<Ghosts>,
    name: Rc<str>,
    /// XL of the lock order.
    lock: SpinLock<()>,
    slots: [Watched<Cell<Slot>>; SLOTS],
    power: Watched<Cell<Power>>,
    interrupters: Watched<Cell<u16>>,
    lives: Watched<Cell<u64>>,
}

/// A slot and its virtual device. Endpoints are bits, by index.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// 0: not in use.
    life: u64,
    bus: Option<RootHub>,
    rings: u32,
    /// The endpoint's state is Running: the controller reads TRBs that a DSP wrote, and moves data.
    running: u32,
    /// The DSP has the ring mapped and writes to it.
    mapped: u32,
    /// Where the events of a running endpoint go.
    target: u16,
    port_suspended: bool,
    port_disabled: bool,
}

#[derive(Clone, Copy, Default)]
struct Power {
    primary_suspended: bool,
    shared_suspended: bool,
    halted: bool,
    core_off: bool,
    /// Whether the next resume finds the saved state gone.
    loses_state: bool,
}

type Reply<'a, T> = LocalBoxFuture<'a, Result<T, Errno>>;

fn bit(ep: EpIndex) -> u32 {
    1 << ep.get()
}

fn done<T: 'static>(result: Result<T, Errno>) -> Reply<'static, T> {
    Box::pin(async { result })
}

impl Host {
    pub(crate) fn new(kernel: &Kernel, ghosts: &Rc<Ghosts>, name: &Rc<str>) -> Rc<Self> {
        const NAMES: [&str; SLOTS] = ["no slot", "slot 1", "slot 2", "slot 3"];
        let slot = |index: usize| {
            Watched::new(kernel, Object::new(NAMES[index]).of(name), Cell::new(Slot::default()))
        };
        Rc::new(Self {
            kernel: kernel.clone(),
            ghosts: ghosts.clone(),
            name: name.clone(),
            lock: SpinLock::new(kernel, XHCI_LOCK, name.clone(), ()),
            slots: std::array::from_fn(slot),
            power: Watched::new(kernel, Object::new("xhci power").of(name), Cell::default()),
            interrupters: Watched::new(kernel, Object::new("xhci->interrupters").of(name), Cell::default()),
            lives: Watched::new(kernel, Object::new("xhci virt device ids").of(name), Cell::new(1)),
        })
    }

    /// A device is addressed; endpoint 0 has its ring.
    pub(crate) fn enable_slot(&self, slot: SlotId, bus: RootHub) {
        let life = self.lives.get();
        self.lives.set(life + 1);
        self.change(slot, |state| *state = Slot { life, bus: Some(bus), rings: 1, ..Slot::default() });
    }

    /// The next resume of the controller finds its state gone.
    pub(crate) fn lose_state(&self) {
        self.power.set(Power { loses_state: true, ..self.power.get() });
    }

    /// Whether the controller is powered and runs.
    pub(crate) fn is_running(&self) -> bool {
        let power = self.power.get();
        !power.halted && !power.core_off
    }

    /// Whether an endpoint moves data.
    pub(crate) fn is_streaming(&self, slot: SlotId) -> bool {
        self.slot(slot).running != 0
    }

    /// Whether the port of the device, or its bus, is really suspended.
    pub(crate) fn is_physically_suspended(&self, slot: SlotId) -> bool {
        let state = self.slot(slot);
        state.port_suspended || state.port_disabled || self.is_bus_suspended(state.bus)
    }

    fn is_bus_suspended(&self, bus: Option<RootHub>) -> bool {
        let power = self.power.get();
        power.halted
            || power.core_off
            || match bus {
                Some(RootHub::Primary) => power.primary_suspended,
                Some(RootHub::Shared) => power.shared_suspended,
                None => false,
            }
    }

    /// A DSP begins to stream: it has the ring of an endpoint, rings the doorbell, and wants its events at `interrupter`.
    pub(crate) fn dsp_starts(&self, slot: SlotId, ep: EpIndex, interrupter: u16) {
        let state = self.slot(slot);
        if state.life == 0 {
            return;
        }
        if self.is_physically_suspended(slot) {
            let what = || format!("{}: a stream starts on {slot}, whose bus is suspended", self.name);
            self.ghosts.violated(Invariant::S4, what);
        }
        if self.interrupters.get() & 1 << interrupter == 0 {
            let what = || {
                format!(
                    "{}: a stream on {slot} targets interrupter {interrupter}, which is not there",
                    self.name
                )
            };
            self.ghosts.violated(Invariant::S9, what);
        }
        self.change(slot, |state| {
            state.running |= bit(ep);
            state.mapped |= bit(ep);
            state.target = interrupter;
        });
    }

    /// The DSP no longer has the ring: it gave it back, it crashed, or the mapping was taken away.
    pub(crate) fn dsp_unmapped(&self, slot: SlotId, ep: EpIndex) {
        self.change(slot, |state| state.mapped &= !bit(ep));
    }

    /// The memory that an endpoint moves data from or to is freed (S8).
    pub(crate) fn free_payload(&self, slot: SlotId, ep: EpIndex) {
        if self.slot(slot).running & bit(ep) != 0 {
            let what = || {
                format!("{}: the transfer buffer of {slot} {ep} is freed while the endpoint runs", self.name)
            };
            self.ghosts.violated(Invariant::S8, what);
        }
    }

    fn slot(&self, slot: SlotId) -> Slot {
        self.slots.get(usize::from(slot.get())).map(|state| state.get()).unwrap_or_default()
    }

    fn change(&self, slot: SlotId, act: impl FnOnce(&mut Slot)) {
        if let Some(cell) = self.slots.get(usize::from(slot.get())) {
            let mut state = cell.get();
            act(&mut state);
            cell.set(state);
        }
    }

    /// A ring is freed; S8 if the DSP still has it.
    fn free_ring(&self, slot: SlotId, ep: EpIndex) {
        if self.slot(slot).mapped & bit(ep) != 0 {
            let what =
                || format!("{}: the ring of {slot} {ep} is freed while the DSP writes to it", self.name);
            self.ghosts.violated(Invariant::S8, what);
        }
        self.change(slot, |state| {
            state.rings &= !bit(ep);
            state.running &= !bit(ep);
        });
    }

    fn free_rings(&self, slot: SlotId) {
        let rings = self.slot(slot).rings;
        for ep in EpIndex::all().filter(|ep| rings & bit(*ep) != 0) {
            self.free_ring(slot, ep);
        }
    }

    /// S4: something stops under a stream, though neither its user nor a power-off wants that.
    fn stops(&self, what_stops: &str, concerned: impl Fn(&Slot) -> bool) {
        let streams = |state: &Slot| state.running != 0 && concerned(state);
        if self.ghosts.streams_survive() && self.slots.iter().any(|slot| streams(&slot.get())) {
            self.ghosts
                .violated(Invariant::S4, || format!("{}: {what_stops} under a running stream", self.name));
        }
    }

    /// Resumes from the reset of the controller: every virtual device is freed.
    fn free_virt_devices(&self) {
        for cell in &self.slots {
            let state = cell.get();
            if state.life != 0 {
                cell.set(Slot { life: 0, rings: 0, running: 0, mapped: 0, ..state });
            }
        }
    }

    fn set_power(&self, change: impl FnOnce(&mut Power)) {
        let mut power = self.power.get();
        change(&mut power);
        self.power.set(power);
    }

    /// A command of the controller: queued under the lock, then waited for.
    async fn command(&self, what: &'static str) {
        drop(self.lock.lock());
        self.kernel.step(what, &[]).await;
    }
}

impl HostController for Host {
    fn virt_device(&self, slot: SlotId) -> Option<VirtDeviceId> {
        Some(self.slot(slot).life).filter(|life| *life != 0).map(VirtDeviceId::new)
    }
    fn endpoint_has_streams(&self, _slot: SlotId, _ep: EpIndex) -> bool {
        false
    }
    fn endpoint_ring(&self, slot: SlotId, ep: EpIndex) -> Option<SgTable> {
        let dma_address = u64::from(slot.get()) << 20 | u64::from(ep.get()) << 12;
        let ring = || SgTable { segments: vec![SgSegment { dma_address, length: 0x1000 }] };
        (self.slot(slot).rings & bit(ep) != 0).then(ring)
    }
    fn stop_endpoint_sync(&self, slot: SlotId, ep: EpIndex) -> Reply<'_, ()> {
        Box::pin(async move {
            if self.slot(slot).running & bit(ep) == 0 {
                return Err(Errno::ENODEV);
            }
            self.command("xhci_stop_endpoint_sync: Stop Endpoint command").await;
            self.change(slot, |state| state.running &= !bit(ep));
            Ok(())
        })
    }
    fn create_secondary_interrupter(
        &self,
        _segments: u32,
        _imod_ns: u32,
        intr: u32,
    ) -> Option<InterrupterHandle> {
        let _xhci_lock = self.lock.lock();
        let taken = self.interrupters.get();
        let wanted = u16::try_from(intr).ok().filter(|intr| *intr < INTERRUPTERS)?;
        let candidates = if wanted == 0 { 1..INTERRUPTERS } else { wanted..wanted + 1 };
        let index = candidates.into_iter().find(|index| taken & 1 << index == 0)?;
        self.interrupters.set(taken | 1 << index);
        Some(InterrupterHandle::new(index))
    }
    fn set_ip_autoclear(&self, _interrupter: InterrupterHandle, _autoclear: bool) {}
    fn remove_secondary_interrupter(&self, interrupter: InterrupterHandle) {
        let _xhci_lock = self.lock.lock();
        let index = interrupter.index();
        let targets = |state: &Slot| state.running != 0 && state.target == index;
        if self.slots.iter().any(|slot| targets(&slot.get())) {
            let what =
                || format!("{}: {interrupter} is removed while a running endpoint targets it", self.name);
            self.ghosts.violated(Invariant::S9, what);
        }
        self.interrupters.set(self.interrupters.get() & !(1 << index));
    }
    fn interrupter_ring(&self, interrupter: InterrupterHandle) -> Option<SgTable> {
        let dma_address = 0xe000_0000 + u64::from(interrupter.index()) * 0x1000;
        Some(SgTable { segments: vec![SgSegment { dma_address, length: 0x1000 }] })
    }

    fn port_suspend(&self, slot: SlotId, _wakeup: bool) -> Reply<'_, ()> {
        let life = self.slot(slot).life;
        self.stops("a port is suspended", |state| state.life == life);
        self.change(slot, |state| state.port_suspended = true);
        done(Ok(()))
    }
    fn port_resume(&self, slot: SlotId) -> Reply<'_, ()> {
        self.change(slot, |state| state.port_suspended = false);
        done(Ok(()))
    }
    fn port_disable(&self, slot: SlotId) -> Reply<'_, ()> {
        let life = self.slot(slot).life;
        self.stops("a port is disabled", |state| state.life == life);
        self.change(slot, |state| state.port_disabled = true);
        done(Ok(()))
    }
    fn get_status(&self, _slot: SlotId) -> Reply<'_, ()> {
        done(Ok(()))
    }
    fn bus_suspend(&self, root_hub: RootHub, _wakeup: bool) -> Reply<'_, ()> {
        Box::pin(async move {
            self.command("xhci_bus_suspend").await;
            self.stops("a bus is suspended", |state| state.bus == Some(root_hub));
            self.set_power(|power| match root_hub {
                RootHub::Primary => power.primary_suspended = true,
                RootHub::Shared => power.shared_suspended = true,
            });
            Ok(())
        })
    }
    fn bus_resume(&self, root_hub: RootHub) -> Reply<'_, ()> {
        self.set_power(|power| match root_hub {
            RootHub::Primary => power.primary_suspended = false,
            RootHub::Shared => power.shared_suspended = false,
        });
        done(Ok(()))
    }
    fn hc_suspend(&self, _wakeup: bool) -> Reply<'_, ()> {
        Box::pin(async move {
            self.command("xhci_suspend").await;
            self.stops("the controller is halted", |_| true);
            self.set_power(|power| power.halted = true);
            Ok(())
        })
    }
    fn hc_resume(&self, power_lost: bool) -> Reply<'_, HcResume> {
        let lost = power_lost || self.power.get().loses_state;
        self.set_power(|power| (power.halted, power.loses_state) = (false, false));
        if lost {
            self.free_virt_devices();
        }
        done(Ok(if lost { HcResume::PowerLost } else { HcResume::Restored }))
    }
    fn core_exit(&self) {
        self.stops("the dwc3 core is powered down", |_| true);
        self.set_power(|power| power.core_off = true);
    }
    fn core_init(&self) {
        self.set_power(|power| power.core_off = false);
    }
    fn reset_device<'a>(&'a self, slot: SlotId, rings: &'a dyn RingFree) -> Reply<'a, SlotId> {
        Box::pin(async move {
            let state = self.slot(slot);
            let Some(bus) = state.bus else { return Err(Errno::ENODEV) };
            if state.life == 0 {
                self.enable_slot(slot, bus);
                return Ok(slot);
            }
            self.command("xhci_discover_or_reset_device: Reset Device command").await;
            for ep in EpIndex::all().skip(1) {
                if self.slot(slot).rings & bit(ep) != 0 {
                    rings.ring_free(ep).await;
                    self.free_ring(slot, ep);
                }
            }
            Ok(slot)
        })
    }
    fn port_init(&self, slot: SlotId) -> Reply<'_, ()> {
        self.change(slot, |state| (state.port_suspended, state.port_disabled) = (false, false));
        done(Ok(()))
    }
    fn configure(&self, _slot: SlotId) -> Reply<'_, ()> {
        Box::pin(async move {
            self.command("xhci_check_bandwidth: Configure Endpoint command").await;
            Ok(())
        })
    }
    fn set_interface(&self, slot: SlotId, _interface: u8, alternate: u8) -> Reply<'_, ()> {
        Box::pin(async move {
            if self.slot(slot).life == 0 {
                return Err(Errno::ENODEV);
            }
            if self.is_physically_suspended(slot) {
                return Err(Errno::ETIMEDOUT);
            }
            self.command("xhci_check_bandwidth: Configure Endpoint command").await;
            let rings = self.slot(slot).rings;
            for ep in EpIndex::all().skip(1).filter(|ep| rings & bit(*ep) != 0) {
                self.free_ring(slot, ep);
            }
            if alternate != 0 {
                self.change(slot, |state| state.rings |= crate::machine::STREAM_ENDPOINTS);
            }
            Ok(())
        })
    }
    fn flush_endpoints(&self, _slot: SlotId) -> LocalBoxFuture<'_, ()> {
        Box::pin(async {})
    }
    fn drop_endpoints(&self, slot: SlotId) -> Reply<'_, ()> {
        Box::pin(async move {
            self.command("xhci_check_bandwidth: Configure Endpoint command").await;
            self.free_rings(slot);
            Ok(())
        })
    }
    fn free_device(&self, slot: SlotId) -> LocalBoxFuture<'_, ()> {
        Box::pin(async move {
            self.command("xhci_disable_slot: Disable Slot command").await;
            self.change(slot, |state| *state = Slot::default());
        })
    }
}
