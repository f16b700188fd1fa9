use super::RuntimePm;
use crate::event::Event;
use crate::host::LocalBoxFuture;
use crate::offload::POWER;
use crate::system_pm::SleepState;
use crate::{Errno, PmCore, PmMessage};
use kernel_sim::{LockClass, LockMap, Mutex, MutexGuard, TimerHandle, WaitQueue, Watched};
use sim_time::Instant;
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

/// What a bus does for a device in power transitions (`struct dev_pm_ops`).
pub trait PmOps {
    /// Powers down. Called without the device's mutex.
    fn runtime_suspend(&self) -> LocalBoxFuture<'_, Result<(), Errno>>;
    /// Powers up. Called without the device's mutex.
    fn runtime_resume(&self) -> LocalBoxFuture<'_, Result<(), Errno>>;
    /// The device seems idle: `Ok` lets it be suspended.
    fn runtime_idle(&self) -> LocalBoxFuture<'_, Result<(), Errno>> {
        Box::pin(async { Ok(()) })
    }
    /// A system transition downwards. The device's mutex is held.
    fn suspend(&self, message: PmMessage) -> LocalBoxFuture<'_, Result<(), Errno>>;
    /// A system transition upwards. The device's mutex is held.
    fn resume(&self, message: PmMessage) -> LocalBoxFuture<'_, Result<(), Errno>>;
    /// System sleep is over. The device's mutex is held.
    fn complete(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// A device as the PM core sees it (`struct device`): its place in the tree, its mutex, its power state.
pub struct PmDevice {
    name: Rc<str>,
    core: PmCore,
    parent: Option<Weak<Self>>,
    children: Watched<RefCell<Vec<Weak<Self>>>>,
    lock_depth: u8,
    mutex: Mutex<()>,
    /// Runtime PM state.
    pub power: Watched<RuntimePm>,
    ops: OnceCell<Weak<dyn PmOps>>,
    /// RPM(u) of the lock order: held by whoever runs a callback.
    pub(super) rpm: LockMap,
    pub(super) transition: WaitQueue,
    timer: RefCell<Option<(Instant, TimerHandle)>>,
    may_wakeup: Watched<Cell<bool>>,
    can_wakeup: Watched<Cell<bool>>,
    pub(crate) sleep: SleepState,
}

/// The class of every device's mutex. Nesting follows the tree, so the subclass is the depth.
const DEVICE_MUTEX: LockClass = LockClass::new("&dev->mutex");
const RPM: LockClass = LockClass::new("RPM transition");

impl PmDevice {
    /// A device below `parent`, registered with the PM core; runtime PM is disabled and the status suspended.
    /// `lock_depth` is greater than the parent's.
    pub fn new(
        core: &PmCore,
        name: impl Into<Rc<str>>,
        parent: Option<&Rc<Self>>,
        lock_depth: u8,
    ) -> Rc<Self> {
        let name = name.into();
        let device = Rc::new(Self {
            core: core.clone(),
            parent: parent.map(Rc::downgrade),
            children: core.watched("dev children", &name, RefCell::default()),
            lock_depth,
            mutex: Mutex::new(core.kernel(), DEVICE_MUTEX, name.clone(), ()),
            power: Watched::new(core.kernel(), POWER.of(&name), RuntimePm::default()),
            ops: OnceCell::new(),
            rpm: LockMap::new(core.kernel(), RPM, name.clone()),
            transition: WaitQueue::new(core.kernel(), format!("runtime PM of {name}")),
            timer: RefCell::default(),
            may_wakeup: core.watched("power/wakeup", &name, Cell::new(false)),
            can_wakeup: core.watched("power.can_wakeup", &name, Cell::new(false)),
            sleep: SleepState::new(core, &name),
            name,
        });
        if let Some(parent) = parent {
            parent.children.borrow_mut().push(Rc::downgrade(&device));
        }
        core.add_device(&device);
        device
    }

    /// Who carries out transitions. Without one they succeed at once. Set once.
    pub fn set_ops(&self, ops: Weak<dyn PmOps>) {
        // A second set is ignored: the bus of a device does not change.
        let _already_set = self.ops.set(ops);
    }
    pub(crate) fn ops(&self) -> Option<Rc<dyn PmOps>> {
        self.ops.get()?.upgrade()
    }

    /// The kernel's name of the device.
    pub fn name(&self) -> &Rc<str> {
        &self.name
    }
    /// What the devices share.
    pub fn core(&self) -> &PmCore {
        &self.core
    }
    /// The device above.
    pub fn parent(&self) -> Option<Rc<Self>> {
        self.parent.as_ref()?.upgrade()
    }
    /// The devices below, in order of registration.
    pub fn children(&self) -> Vec<Rc<Self>> {
        self.children.borrow().iter().filter_map(Weak::upgrade).collect()
    }

    /// `device_lock`: PMD of the lock order.
    pub async fn lock(&self) -> MutexGuard<'_, ()> {
        self.mutex.lock_nested(self.lock_depth).await
    }
    /// Whether the running task owns the device's mutex.
    pub fn is_locked_by_current(&self) -> bool {
        self.mutex.is_held_by_current()
    }

    /// `device_set_wakeup_capable` and `power/wakeup`: whether the device can wake the system, and may.
    pub fn set_wakeup(&self, can: bool, may: bool) {
        self.can_wakeup.set(can);
        self.may_wakeup.set(may);
    }
    /// Whether the device is able to signal wakeup.
    pub fn can_wakeup(&self) -> bool {
        self.can_wakeup.get()
    }
    /// Whether the device may wake the system.
    pub fn may_wakeup(&self) -> bool {
        self.can_wakeup.get() && self.may_wakeup.get()
    }

    /// Takes the device out of the PM core: runtime PM is disabled, waiting timers are gone (`device_del`).
    pub async fn remove(self: &Rc<Self>) {
        self.core.remove_device(self);
        if let Some(parent) = self.parent() {
            parent.children.borrow_mut().retain(|child| !std::ptr::eq(child.as_ptr(), &raw const **self));
        }
        self.disable(false).await;
        self.forget_child_at_parent();
    }

    /// The parent no longer counts this device as one of its active children.
    fn forget_child_at_parent(self: &Rc<Self>) {
        // `pm_runtime_remove` sets the status to suspended, which tells the parent.
        let _disabled_so_it_works = self.set_suspended();
    }

    pub(crate) fn now(&self) -> Instant {
        self.core.now()
    }

    pub(super) fn emit_status(&self) {
        self.core.emit(|| Event::Rpm { device: self.name.clone(), status: self.power.status() });
    }

    /// Brings the timer and the worker in line with what was decided under `power.lock`.
    pub(crate) fn settle(self: &Rc<Self>) {
        let (expires, work_wanted) = {
            let mut power = self.power.lock();
            (power.timer_expires, std::mem::take(&mut power.work_wanted))
        };
        self.program_timer(expires);
        if work_wanted {
            let device = self.clone();
            self.core.spawn_worker(format!("pm_wq {}", self.name), async move { device.work().await });
        }
    }

    fn program_timer(self: &Rc<Self>, expires: Option<Instant>) {
        let mut timer = self.timer.borrow_mut();
        if timer.as_ref().map(|(at, _)| *at) == expires {
            return;
        }
        if let Some((_, handle)) = timer.take() {
            handle.cancel();
        }
        if let Some(at) = expires {
            let device = Rc::downgrade(self);
            let fire = move || {
                if let Some(device) = device.upgrade() {
                    device.timer.replace(None);
                    device.timer_fired();
                }
            };
            *timer = Some((at, self.core.kernel().after(at.since(self.now()), fire)));
        }
    }
}

impl fmt::Debug for PmDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PmDevice")
            .field("name", &self.name)
            .field("power", &self.power)
            .finish_non_exhaustive()
    }
}
