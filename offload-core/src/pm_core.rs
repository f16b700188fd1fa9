use crate::event::{Event, EventSink};
use crate::host::LocalBoxFuture;
use crate::runtime_pm::PmDevice;
use crate::{Design, OffloadDesign, UsbInterface};
use kernel_sim::{Kernel, Object, Watched, WorkQueue};
use sim_time::Instant;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::rc::{Rc, Weak};

/// Finds a driver for an interface that lost its own and probes it.
pub type Binder = Rc<dyn Fn(Rc<UsbInterface>) -> LocalBoxFuture<'static, ()>>;

/// What all devices of a kernel share: the PM core's list of devices, the work queues, the event sink. A handle.
#[derive(Clone)]
pub struct PmCore(Rc<Shared>);

struct Shared {
    kernel: Kernel,
    /// `dpm_list`: in order of registration, so parents come before children.
    dpm_list: Watched<RefCell<Vec<Weak<PmDevice>>>>,
    hub_wq: WorkQueue,
    sink: RefCell<Option<EventSink>>,
    binder: RefCell<Option<Binder>>,
    async_suspend: Watched<Cell<bool>>,
    wakeup_event: Watched<Cell<bool>>,
    design: Cell<Design>,
}

impl PmCore {
    /// For this kernel, without devices.
    pub fn new(kernel: &Kernel) -> Self {
        Self(Rc::new(Shared {
            kernel: kernel.clone(),
            dpm_list: Watched::new(kernel, Object::new("dpm_list"), RefCell::default()),
            // No hub event, hence no unplug, is handled between freeze and thaw.
            hub_wq: WorkQueue::new(kernel, "usb_hub_wq", true),
            sink: RefCell::default(),
            binder: RefCell::default(),
            async_suspend: Watched::new(kernel, Object::new("pm_async"), Cell::new(true)),
            wakeup_event: Watched::new(kernel, Object::new("wakeup event"), Cell::new(false)),
            design: Cell::default(),
        }))
    }

    /// Which version of the usage count the devices have: the merged one, until this is called. Before there are devices.
    pub fn set_design(&self, design: Design) {
        self.0.design.set(design);
    }
    /// What the version of the usage count does.
    pub fn design(&self) -> &'static dyn OffloadDesign {
        self.0.design.get().rules()
    }

    /// The kernel.
    pub fn kernel(&self) -> &Kernel {
        &self.0.kernel
    }
    /// The present.
    pub fn now(&self) -> Instant {
        self.0.kernel.now()
    }
    /// The freezable queue of hub events.
    pub fn hub_wq(&self) -> &WorkQueue {
        &self.0.hub_wq
    }

    /// Sends every later event to `sink`.
    pub fn set_event_sink(&self, sink: EventSink) {
        self.0.sink.replace(Some(sink));
    }

    /// Who rebinds interfaces at the end of a system sleep. Without one they stay unbound.
    pub fn set_binder(&self, binder: Binder) {
        self.0.binder.replace(Some(binder));
    }

    /// `/sys/power/pm_async`: whether devices that do not depend on each other sleep in parallel. On by default.
    pub fn set_async_suspend(&self, on: bool) {
        self.0.async_suspend.set(on);
    }

    /// `pm_wakeup_event`: something asks for the machine. A system suspend under way is abandoned, a sleeping host wakes.
    pub fn wakeup_event(&self) {
        self.0.wakeup_event.set(true);
        if self.0.kernel.is_host_asleep() {
            self.0.kernel.wakeup();
        }
    }
    pub(crate) fn forget_wakeup_event(&self) {
        self.0.wakeup_event.set(false);
    }
    pub(crate) fn wakeup_event_came(&self) -> bool {
        self.0.wakeup_event.get()
    }

    pub(crate) fn async_suspend(&self) -> bool {
        self.0.async_suspend.get()
    }
    pub(crate) fn binder(&self) -> Option<Binder> {
        self.0.binder.borrow().clone()
    }

    /// Two branches when nobody listens.
    pub(crate) fn emit(&self, event: impl FnOnce() -> Event) {
        let sink = self.0.sink.borrow().clone();
        if sink.is_none() && !self.0.kernel.is_recorded() {
            return;
        }
        let event = event();
        self.0.kernel.note(|| event.to_string());
        if let Some(sink) = sink {
            sink(self.now(), &event);
        }
    }

    /// State of `owner` that tasks share, declared to the explorer.
    pub(crate) fn watched<T>(&self, what: &str, owner: &str, value: T) -> Watched<T> {
        Watched::new(self.kernel(), Object::new(what).of(owner), value)
    }

    /// A worker of `pm_wq`: not freezable, and as many at a time as there is work.
    pub(crate) fn spawn_worker(&self, name: String, work: impl Future<Output = ()> + 'static) {
        drop(self.0.kernel.spawn(kernel_sim::TaskKind::Kernel, name, work));
    }

    pub(crate) fn add_device(&self, device: &Rc<PmDevice>) {
        let mut list = self.0.dpm_list.borrow_mut();
        list.retain(|entry| entry.strong_count() > 0);
        list.push(Rc::downgrade(device));
    }

    /// Takes a device out of system sleep's sight (`device_pm_remove`).
    pub(crate) fn remove_device(&self, device: &PmDevice) {
        self.0.dpm_list.borrow_mut().retain(|entry| !std::ptr::eq(entry.as_ptr(), device));
    }

    /// Every device, parents before children.
    pub(crate) fn devices(&self) -> Vec<Rc<PmDevice>> {
        self.0.dpm_list.borrow().iter().filter_map(Weak::upgrade).collect()
    }
}

impl fmt::Debug for PmCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PmCore").field("devices", &self.0.dpm_list.borrow().len()).finish_non_exhaustive()
    }
}
