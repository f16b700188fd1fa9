//! A host controller without a controller: it answers what [`HostController`] asks at once, and remembers which slots,
//! rings and interrupters there are.
//!
//! For worlds in which the usage count, the sideband and power management matter, and no transfer does.
#![forbid(unsafe_code)]

use offload_core::{
    EpIndex, Errno, HcResume, HostController, InterrupterHandle, LocalBoxFuture, RingFree, RootHub,
    SgSegment, SgTable, SlotId, VirtDeviceId,
};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::rc::Rc;

/// The controller.
///
/// ```
/// use abstract_host::AbstractHost;
/// use offload_core::{EpIndex, Errno, HostController, SlotId};
/// # let slot = SlotId::new(1).unwrap();
/// let host = AbstractHost::new(4);
/// host.enable_slot(slot, [EpIndex::from_address(0x01).unwrap()]);
/// assert_eq!(host.endpoint_ring(slot, EpIndex::from_address(0x81).unwrap()), None);
/// assert_eq!(host.create_secondary_interrupter(1, 0, 0).map(|handle| handle.index()), Some(1));
/// ```
pub struct AbstractHost {
    /// With the host's own, which is 0.
    interrupter_count: u16,
    listener: RefCell<Option<Listener>>,
    /// Downcalls that fail, by name.
    failures: RefCell<BTreeMap<&'static str, Errno>>,
    virt_devices: RefCell<BTreeMap<SlotId, VirtDeviceId>>,
    lives: Cell<u64>,
    rings: RefCell<BTreeSet<(SlotId, EpIndex)>>,
    streams: RefCell<BTreeSet<(SlotId, EpIndex)>>,
    interrupters: RefCell<BTreeSet<u16>>,
    power_lost: Cell<bool>,
}

type Listener = Box<dyn Fn(&str)>;
type Reply<'a, T> = LocalBoxFuture<'a, Result<T, Errno>>;

impl AbstractHost {
    /// Without slots. `interrupter_count` includes interrupter 0, which is the host's and never lent.
    pub fn new(interrupter_count: u16) -> Rc<Self> {
        Rc::new(Self {
            interrupter_count,
            listener: RefCell::default(),
            failures: RefCell::default(),
            virt_devices: RefCell::default(),
            lives: Cell::new(0),
            rings: RefCell::default(),
            streams: RefCell::default(),
            interrupters: RefCell::default(),
            power_lost: Cell::new(false),
        })
    }

    /// Tells `listener` of every later downcall that does something: `port_suspend slot 1`.
    pub fn set_listener(&self, listener: impl Fn(&str) + 'static) {
        self.listener.replace(Some(Box::new(listener)));
    }

    /// Puts a virtual device with running rings on `endpoints` into a slot.
    pub fn enable_slot(&self, slot: SlotId, endpoints: impl IntoIterator<Item = EpIndex>) {
        self.lives.set(self.lives.get() + 1);
        self.virt_devices.borrow_mut().insert(slot, VirtDeviceId::new(self.lives.get()));
        self.rings.borrow_mut().extend(endpoints.into_iter().map(|ep| (slot, ep)));
    }

    /// Sets up streams on an endpoint.
    pub fn enable_streams(&self, slot: SlotId, ep: EpIndex) {
        self.streams.borrow_mut().insert((slot, ep));
    }

    /// The next resume of the controller finds its state gone.
    pub fn lose_power(&self) {
        self.power_lost.set(true);
    }

    /// Makes a downcall fail from now on; by its name, `stop_endpoint` for `stop_endpoint_sync`.
    pub fn fail(&self, call: &'static str, errno: Errno) {
        self.failures.borrow_mut().insert(call, errno);
    }
    /// Lets a downcall succeed again.
    pub fn mend(&self, call: &'static str) {
        self.failures.borrow_mut().remove(call);
    }

    fn free_virt_devices(&self) {
        self.virt_devices.borrow_mut().clear();
        self.rings.borrow_mut().clear();
    }

    fn tell(&self, call: impl Display) {
        if let Some(listener) = &*self.listener.borrow() {
            listener(&call.to_string());
        }
    }

    fn reply(&self, call: &'static str, line: impl Display) -> Result<(), Errno> {
        self.tell(line);
        self.failures.borrow().get(call).map_or(Ok(()), |errno| Err(*errno))
    }

    fn answer<T: 'static>(&self, call: &'static str, detail: impl Display, ok: T) -> Reply<'_, T> {
        let result = self.reply(call, format!("{call} {detail}").trim_end()).map(|()| ok);
        Box::pin(async { result })
    }
}

impl HostController for AbstractHost {
    fn virt_device(&self, slot: SlotId) -> Option<VirtDeviceId> {
        self.virt_devices.borrow().get(&slot).copied()
    }
    fn endpoint_has_streams(&self, slot: SlotId, ep: EpIndex) -> bool {
        self.streams.borrow().contains(&(slot, ep))
    }
    fn endpoint_ring(&self, slot: SlotId, ep: EpIndex) -> Option<SgTable> {
        let page = u64::from(slot.get()) << 20 | u64::from(ep.get()) << 12;
        let segment = |n: u64| SgSegment { dma_address: page + n * 0x1000, length: 0x1000 };
        self.rings.borrow().contains(&(slot, ep)).then(|| SgTable { segments: vec![segment(0), segment(1)] })
    }
    fn stop_endpoint_sync(&self, slot: SlotId, ep: EpIndex) -> Reply<'_, ()> {
        let missing = !self.rings.borrow().contains(&(slot, ep));
        let result = self.reply("stop_endpoint", format_args!("stop_endpoint {slot} {ep}"));
        Box::pin(async move { if missing { Err(Errno::ENODEV) } else { result } })
    }
    fn create_secondary_interrupter(
        &self,
        _segments: u32,
        _imod_ns: u32,
        intr: u32,
    ) -> Option<InterrupterHandle> {
        let mut taken = self.interrupters.borrow_mut();
        let wanted = u16::try_from(intr).ok().filter(|intr| *intr < self.interrupter_count)?;
        let candidates = if wanted == 0 { 1..self.interrupter_count } else { wanted..wanted + 1 };
        let index = candidates.into_iter().find(|index| !taken.contains(index))?;
        taken.insert(index);
        Some(InterrupterHandle::new(index))
    }
    fn set_ip_autoclear(&self, _interrupter: InterrupterHandle, _autoclear: bool) {}
    fn remove_secondary_interrupter(&self, interrupter: InterrupterHandle) {
        self.tell(format_args!("remove {interrupter}"));
        self.interrupters.borrow_mut().remove(&interrupter.index());
    }
    fn interrupter_ring(&self, interrupter: InterrupterHandle) -> Option<SgTable> {
        let dma_address = 0xe000_0000 + u64::from(interrupter.index()) * 0x1000;
        Some(SgTable { segments: vec![SgSegment { dma_address, length: 0x1000 }] })
    }
    fn port_suspend(&self, slot: SlotId, wakeup: bool) -> Reply<'_, ()> {
        self.answer("port_suspend", format!("{slot}{}", if wakeup { " with wakeup" } else { "" }), ())
    }
    fn port_resume(&self, slot: SlotId) -> Reply<'_, ()> {
        self.answer("port_resume", slot, ())
    }
    fn port_disable(&self, slot: SlotId) -> Reply<'_, ()> {
        self.answer("port_disable", slot, ())
    }
    fn get_status(&self, slot: SlotId) -> Reply<'_, ()> {
        self.answer("get_status", slot, ())
    }
    fn bus_suspend(&self, root_hub: RootHub, wakeup: bool) -> Reply<'_, ()> {
        self.answer("bus_suspend", format!("{root_hub}{}", if wakeup { " with wakeup" } else { "" }), ())
    }
    fn bus_resume(&self, root_hub: RootHub) -> Reply<'_, ()> {
        self.answer("bus_resume", root_hub, ())
    }
    fn hc_suspend(&self, _wakeup: bool) -> Reply<'_, ()> {
        self.answer("hc_suspend", "", ())
    }
    fn hc_resume(&self, power_lost: bool) -> Reply<'_, HcResume> {
        let lost = self.power_lost.take() || power_lost;
        if lost {
            self.free_virt_devices();
        }
        let how = if lost { HcResume::PowerLost } else { HcResume::Restored };
        self.answer("hc_resume", format!("{how:?}"), how)
    }
    fn reset_device<'a>(&'a self, slot: SlotId, rings: &'a dyn RingFree) -> Reply<'a, SlotId> {
        Box::pin(async move {
            self.reply("reset_device", format_args!("reset_device {slot}"))?;
            if self.virt_device(slot).is_none() {
                self.enable_slot(slot, []);
                return Ok(slot);
            }
            for ep in EpIndex::all() {
                if self.rings.borrow().contains(&(slot, ep)) {
                    rings.ring_free(ep).await;
                    self.rings.borrow_mut().remove(&(slot, ep));
                }
            }
            Ok(slot)
        })
    }
    fn port_init(&self, slot: SlotId) -> Reply<'_, ()> {
        self.answer("port_init", slot, ())
    }
    fn configure(&self, slot: SlotId) -> Reply<'_, ()> {
        self.answer("configure", slot, ())
    }
    fn set_interface(&self, slot: SlotId, interface: u8, alternate: u8) -> Reply<'_, ()> {
        self.answer("set_interface", format!("{slot} interface {interface} alternate {alternate}"), ())
    }
    fn flush_endpoints(&self, slot: SlotId) -> LocalBoxFuture<'_, ()> {
        self.tell(format_args!("flush {slot}"));
        Box::pin(async {})
    }
    fn drop_endpoints(&self, slot: SlotId) -> Reply<'_, ()> {
        self.rings.borrow_mut().retain(|(of, _)| *of != slot);
        self.answer("drop_endpoints", slot, ())
    }
    fn free_device(&self, slot: SlotId) -> LocalBoxFuture<'_, ()> {
        self.tell(format_args!("free {slot}"));
        self.virt_devices.borrow_mut().remove(&slot);
        Box::pin(async {})
    }
}
