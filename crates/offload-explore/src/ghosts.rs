//! What the invariants know by themselves, independent of the code that they check.

use kernel_sim::{Kernel, Object, Watched};
use offload_core::{DeviceState, Event, PmMessage, SystemPhase, UsageChange, UsbDevice};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

/// An invariant of reference 5.1, by its name there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Invariant {
    /// The usage count of a device is the number of its live sessions.
    S1,
    /// The usage count of a device does not change while it is frozen, nor grow when the device is gone.
    S2,
    /// A resume acts on what its suspend decided.
    S3,
    /// Nothing is powered down while an offloaded stream runs below it.
    S4,
    /// System suspend leaves a controller running if, and only if, a device on one of its buses is offloaded.
    S5,
    /// A device is RPM_ACTIVE if, and only if, it is not suspended; what is marked suspended is.
    S6,
    /// The count is frozen in transitions and while a device is suspended, and not otherwise.
    S7,
    /// A ring or buffer that a DSP or the controller uses is not freed.
    S8,
    /// No running endpoint targets an interrupter that is not there.
    S9,
    /// A sideband does not use freed memory.
    S10,
    /// Nobody uses a sideband, or waits for its mutex, when it is freed.
    S11,
    /// A put that was refused is made good.
    S14,
    /// References of runtime PM and opened streams are given back with the stream.
    S15,
    /// The address of the event ring maps the ring of the interrupter that the DSP was told.
    S16,
    /// A disconnect leaves nothing of a card.
    S17,
    /// Memory is not forgotten.
    Leak,
    /// After the last stream has stopped, a system suspend powers the controller down.
    L2,
    /// A DSP that gave a stream up has no running endpoint.
    L3,
    /// After a resume a stream goes on, or its owner was told that it does not.
    L5,
}

impl Invariant {
    /// All that are checked. S13 is the explorer's own (lock order and deadlocks), as L1 is (every run ends); L4 is a gap of
    /// the interface and no state, and S12 holds by construction.
    pub const ALL: [Self; 19] = [
        Self::S1,
        Self::S2,
        Self::S3,
        Self::S4,
        Self::S5,
        Self::S6,
        Self::S7,
        Self::S8,
        Self::S9,
        Self::S10,
        Self::S11,
        Self::S14,
        Self::S15,
        Self::S16,
        Self::S17,
        Self::Leak,
        Self::L2,
        Self::L3,
        Self::L5,
    ];

    /// Its name in the reference.
    pub const fn name(self) -> &'static str {
        match self {
            Self::S1 => "S1",
            Self::S2 => "S2",
            Self::S3 => "S3",
            Self::S4 => "S4",
            Self::S5 => "S5",
            Self::S6 => "S6",
            Self::S7 => "S7",
            Self::S8 => "S8",
            Self::S9 => "S9",
            Self::S10 => "S10",
            Self::S11 => "S11",
            Self::S14 => "S14",
            Self::S15 => "S15",
            Self::S16 => "S16",
            Self::S17 => "S17",
            Self::Leak => "leak",
            Self::L2 => "L2",
            Self::L3 => "L3",
            Self::L5 => "L5",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

pub(crate) struct Ghosts {
    kernel: Kernel,
    watches: &'static [Invariant],
    devices: RefCell<Vec<DeviceGhost>>,
    /// The way down of a system sleep under way, from its first callback to the last one of the way back.
    sleep: Watched<Cell<Option<PmMessage>>>,
    /// Nothing streamed when that sleep began.
    slept_idle: Cell<bool>,
    /// What suspends decided, by device.
    decisions: RefCell<Vec<(Rc<str>, bool)>>,
    /// A resume that acted otherwise than its suspend: reported when it is seen what became of it.
    pub(crate) acted_otherwise: RefCell<Option<String>>,
    /// A wakeup event came: a system sleep may be given up.
    pub(crate) woken: Watched<Cell<bool>>,
    /// What stopped a system suspend: which device gave what.
    pub(crate) sleep_failed: RefCell<Option<(Rc<str>, String)>>,
}

/// What is known of a device that is offloaded.
pub(crate) struct DeviceGhost {
    udev: Weak<UsbDevice>,
    name: Rc<str>,
    /// Streams that the class driver set up and did not take down.
    pub(crate) sessions: Cell<u32>,
    /// Calls under way that change the count.
    calling: Cell<u32>,
    refused_puts: Cell<u32>,
    frozen_usage: Cell<Option<u32>>,
}

/// While a call that changes the count is under way.
pub(crate) struct Calling<'a>(&'a Ghosts, usize);

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.0.with(self.1, |device| device.calling.set(device.calling.get() - 1));
    }
}

impl Ghosts {
    pub(crate) fn new(kernel: &Kernel, watches: &'static [Invariant]) -> Rc<Self> {
        Rc::new(Self {
            kernel: kernel.clone(),
            watches,
            devices: RefCell::default(),
            sleep: Watched::new(kernel, Object::new("system sleep"), Cell::new(None)),
            slept_idle: Cell::new(false),
            woken: Watched::new(kernel, Object::new("wakeup event seen"), Cell::new(false)),
            decisions: RefCell::default(),
            acted_otherwise: RefCell::default(),
            sleep_failed: RefCell::default(),
        })
    }

    /// Whether an invariant is of interest.
    pub(crate) fn watches(&self, invariant: Invariant) -> bool {
        self.watches.contains(&invariant)
    }

    /// An invariant does not hold.
    pub(crate) fn violated(&self, invariant: Invariant, what: impl FnOnce() -> String) {
        if self.watches(invariant) {
            self.kernel.violate(invariant.name(), what);
        }
    }

    /// A device that may be offloaded: its number.
    pub(crate) fn add_device(&self, udev: &Rc<UsbDevice>) -> usize {
        let mut devices = self.devices.borrow_mut();
        devices.push(DeviceGhost {
            udev: Rc::downgrade(udev),
            name: udev.name().clone(),
            sessions: Cell::new(0),
            calling: Cell::new(0),
            refused_puts: Cell::new(0),
            frozen_usage: Cell::new(None),
        });
        devices.len() - 1
    }

    fn with<T>(&self, device: usize, act: impl FnOnce(&DeviceGhost) -> T) -> Option<T> {
        self.devices.borrow().get(device).map(act)
    }

    /// A call that changes the count begins.
    pub(crate) fn calling(&self, device: usize) -> Calling<'_> {
        self.with(device, |device| device.calling.set(device.calling.get() + 1));
        Calling(self, device)
    }

    /// A stream has its usage reference.
    pub(crate) fn session_begins(&self, device: usize) {
        self.with(device, |device| device.sessions.set(device.sessions.get() + 1));
    }
    /// Every stream of the device is taken down: whether there was one.
    pub(crate) fn sessions_end(&self, device: usize) -> bool {
        self.with(device, |device| device.sessions.take() > 0).unwrap_or(false)
    }
    /// A put of a live session was refused.
    pub(crate) fn put_refused(&self, device: usize) {
        self.with(device, |device| device.refused_puts.set(device.refused_puts.get() + 1));
    }

    /// The way down of the system sleep under way.
    pub(crate) fn sleep(&self) -> Option<PmMessage> {
        self.sleep.get()
    }
    /// Whether a stream is to survive what power management does at present: it does not survive a hibernation.
    pub(crate) fn streams_survive(&self) -> bool {
        matches!(self.sleep.get(), None | Some(PmMessage::Suspend))
    }
    /// Whether nothing streamed when the system sleep under way began.
    pub(crate) fn slept_idle(&self) -> bool {
        self.slept_idle.get()
    }

    /// Calls `check` for each device that is there and whose count is not just being changed.
    pub(crate) fn each_at_rest(
        &self,
        mut check: impl FnMut(&DeviceGhost, &Rc<UsbDevice>) -> Result<(), String>,
    ) -> Result<(), String> {
        for device in &*self.devices.borrow() {
            let there = device.udev.upgrade().filter(|udev| udev.state() != DeviceState::NotAttached);
            if let Some(udev) = there.filter(|_| device.calling.get() == 0) {
                check(device, &udev)?;
            }
        }
        Ok(())
    }

    /// Follows what the subsystem tells.
    pub(crate) fn see(&self, event: &Event) {
        match event {
            Event::System { phase: SystemPhase::Suspend(message) } => {
                self.sleep.set(Some(*message));
                let idle = self.devices.borrow().iter().all(|device| device.sessions.get() == 0);
                self.slept_idle.set(idle);
            }
            Event::System { phase: SystemPhase::Complete } => self.sleep.set(None),
            Event::SleepFailed { device, message: PmMessage::Suspend, errno } if !self.woken.get() => {
                self.sleep_failed.replace(Some((device.clone(), errno.to_string())));
            }
            Event::Usage { device, change: UsageChange::Get, result: Ok(_) } => self.got(device),
            Event::PmLocked { device, locked } => self.frozen(device, *locked),
            Event::DanglingVirtDevice { interface, call } => {
                self.violated(Invariant::S10, || format!("{interface}: {call} uses a freed virtual device"));
            }
            Event::FreedSideband { interface, call } => {
                self.violated(Invariant::S11, || format!("{interface}: {call} on a freed sideband"));
            }
            _ => {}
        }
        self.follow_decisions(event);
    }

    /// B22: a device that is gone has no users.
    fn got(&self, name: &Rc<str>) {
        let devices = self.devices.borrow();
        let device = devices.iter().find(|device| Rc::ptr_eq(&device.name, name));
        if device.and_then(|device| device.udev.upgrade()).is_some_and(|udev| !udev.is_attached()) {
            self.violated(Invariant::S2, || {
                format!("{name}: usb_offload_get succeeded on a device that is gone")
            });
        }
    }

    fn frozen(&self, name: &Rc<str>, locked: bool) {
        let devices = self.devices.borrow();
        let Some(device) = devices.iter().find(|device| Rc::ptr_eq(&device.name, name)) else { return };
        let Some(usage) = device.udev.upgrade().map(|udev| udev.offload.usage()) else { return };
        let before = device.frozen_usage.replace(locked.then_some(usage));
        if let Some(before) = before.filter(|before| !locked && *before != usage) {
            self.violated(Invariant::S2, || {
                format!("{name}: offload_usage went from {before} to {usage} while frozen")
            });
        }
    }

    fn follow_decisions(&self, event: &Event) {
        let (name, message, act) = match event {
            Event::Decision { device, message, act } => (device, *message, *act),
            Event::EarlyExit { device, message } => (device, *message, false),
            _ => return,
        };
        let mut decisions = self.decisions.borrow_mut();
        let index = decisions.iter().position(|(known, _)| Rc::ptr_eq(known, name));
        match (message, index) {
            (PmMessage::Suspend, None) => decisions.push((name.clone(), act)),
            (PmMessage::Suspend, Some(index)) => decisions[index].1 = act,
            (PmMessage::Resume, Some(index)) if decisions[index].1 != act => {
                let acts = |act: bool| if act { "left running" } else { "powered down" };
                let before = acts(decisions[index].1);
                let what = format!("{name}: resumed as if {}, it was {before}", acts(act));
                self.acted_otherwise.borrow_mut().get_or_insert(what);
            }
            _ => {}
        }
    }
}

impl DeviceGhost {
    pub(crate) fn name(&self) -> &Rc<str> {
        &self.name
    }
    /// Refused puts that nobody made good.
    pub(crate) fn refused_puts(&self) -> u32 {
        self.refused_puts.get()
    }
}
