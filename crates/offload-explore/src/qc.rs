//! A class driver as Qualcomm's: reference 4, sequences 3.1, 3.6 and 3.7, with its defects. In a design that mends the class
//! driver, what is different says so.
//!
//! The requests of the DSP are carried out by one ordered worker, `uaudio_svc`. The DSP itself is no task: what it asks for
//! is queued, and what it answers is a choice.

mod crash;
mod disable;
mod disconnect;
mod enable;
mod notify;
mod suspend;

use crate::card::Seat;
use crate::chip::Chip;
use crate::ghosts::Invariant;
use crate::machine::Machine;
use kernel_sim::{LockClass, Mutex, MutexGuard, Object, WaitQueue, Watched, WorkQueue};
use offload_core::{DeviceLock, Sideband, UsbDevice};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

const QDEV_MUTEX: LockClass = LockClass::new("qdev_mutex");

/// The QMI service with what its cards share (`uaudio_qdev`).
pub(crate) struct QcService {
    /// QD of the lock order.
    qdev_mutex: Mutex<()>,
    /// `card_slot`: cards with a stream, by their numbers.
    card_slot: Cell<u32>,
    /// The event ring that the fixed IO address maps, by number; set is `er_mapped`.
    event_ring: Cell<Option<u64>>,
    /// The number of the next event ring.
    next_event_ring: Cell<u64>,
    cards: RefCell<Vec<Weak<QcCard>>>,
    /// `uaudio_svc`: ordered, not freezable. There is none where no driver of this style is.
    queue: Option<WorkQueue>,
}

impl QcService {
    pub(crate) fn new(machine: &Machine, is_used: bool) -> Rc<Self> {
        let kernel = &machine.kernel;
        Rc::new(Self {
            qdev_mutex: Mutex::new(kernel, QDEV_MUTEX, QDEV_MUTEX.name(), ()),
            card_slot: Cell::new(0),
            event_ring: Cell::default(),
            next_event_ring: Cell::new(0),
            cards: RefCell::default(),
            queue: is_used.then(|| WorkQueue::new(kernel, "uaudio_svc", false)),
        })
    }

    /// Has the worker carry something out.
    pub(crate) fn queue(&self, name: &'static str, work: impl Future<Output = ()> + 'static) {
        if let Some(queue) = &self.queue {
            queue.queue(name, work);
        }
    }

    fn cards(&self) -> Vec<Rc<QcCard>> {
        self.cards.borrow().iter().filter_map(Weak::upgrade).collect()
    }
}

/// A card of the service (`uadev[card]`) and, while it is bound, its chip.
pub(crate) struct QcCard {
    me: Weak<Self>,
    seat: Seat,
    service: Rc<QcService>,
    chip: Watched<RefCell<Option<Rc<Chip>>>>,
    sideband: RefCell<Option<Rc<Sideband>>>,
    in_use: Watched<Cell<bool>>,
    kref: Cell<u32>,
    /// `uadev.udev` is set: by the first stream, and kept after it (X3).
    has_udev: Watched<Cell<bool>>,
    /// Entries that `info` should have.
    num_intf: Cell<u32>,
    /// `info[]`, of one entry.
    info: Cell<Option<Info>>,
    /// The number of the event ring of the interrupter.
    event_ring: Cell<Option<u64>>,
    /// W1 waits here for `in_use` to become 0.
    disconnect_wq: WaitQueue,
    /// Calls under way.
    busy: Cell<u32>,
}

/// An entry of `info[]`. What it says of endpoints is not cleared when the stream ends.
#[derive(Clone, Copy, Default)]
struct Info {
    in_use: bool,
}

/// QD and CH.
struct Locks<'a> {
    _chip: Option<MutexGuard<'a, ()>>,
    _qdev: MutexGuard<'a, ()>,
}

/// While somebody is at work for a card.
struct Busy<'a>(&'a Cell<u32>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl QcCard {
    pub(crate) fn new(seat: Seat, service: &Rc<QcService>) -> Rc<Self> {
        let kernel = &seat.machine.kernel.clone();
        let name = seat.udev.name().clone();
        let flag = |what| Watched::new(kernel, Object::new(what).of(&name), Cell::new(false));
        let card = Rc::new_cyclic(|me| Self {
            me: me.clone(),
            chip: Watched::new(kernel, Object::new("uadev.chip").of(&name), RefCell::default()),
            sideband: RefCell::default(),
            in_use: flag("uadev.in_use"),
            kref: Cell::new(0),
            has_udev: flag("uadev.udev"),
            num_intf: Cell::new(0),
            info: Cell::default(),
            event_ring: Cell::default(),
            disconnect_wq: WaitQueue::new(kernel, format!("uadev.disconnect_wq of {name}")),
            busy: Cell::new(0),
            service: service.clone(),
            seat,
        });
        service.cards.borrow_mut().push(Rc::downgrade(&card));
        card
    }

    /// Whether the design mends the class driver.
    fn is_mended(&self) -> bool {
        self.seat.machine.design.repairs().class_driver
    }

    pub(crate) fn sideband(&self) -> Option<Rc<Sideband>> {
        self.sideband.borrow().clone()
    }

    fn udev(&self) -> &Rc<UsbDevice> {
        &self.seat.udev
    }

    fn chip(&self) -> Option<Rc<Chip>> {
        self.chip.borrow().clone()
    }

    fn busy(&self) -> Busy<'_> {
        self.busy.set(self.busy.get() + 1);
        Busy(&self.busy)
    }

    /// QD, then CH of the chip that there is.
    async fn lock<'a>(&'a self, chip: Option<&'a Chip>) -> Locks<'a> {
        let qdev = self.service.qdev_mutex.lock().await;
        let chip = match chip {
            Some(chip) => Some(chip.mutex.lock().await),
            None => None,
        };
        Locks { _chip: chip, _qdev: qdev }
    }

    /// The device's mutex, in designs where the class driver holds it for `how_long`.
    async fn device_lock(&self, how_long: DeviceLock) -> Option<MutexGuard<'_, ()>> {
        if self.seat.machine.design.class_driver().device_lock == how_long {
            Some(self.seat.udev.lock().await)
        } else {
            None
        }
    }

    fn bit(&self) -> u32 {
        1 << self.seat.number
    }

    fn null_dereference(&self, pointer: &str) {
        // What the machine would do, and as final.
        panic!("BUG: kernel NULL pointer dereference: {pointer} of {}", self.seat.udev.name());
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.busy.get() == 0 && self.service.queue.as_ref().is_none_or(WorkQueue::is_idle)
    }

    /// S15, at rest.
    pub(crate) fn leaks(&self) -> Result<(), String> {
        let name = self.udev().name();
        if self.info.get().is_some_and(|info| info.in_use) {
            return Ok(());
        }
        let Some(chip) = self.chip() else {
            let intf = self.udev().interface(0);
            let references = intf.map_or(0, |intf| intf.pm().power.usage_count());
            return if references > 0 && self.seat.machine.ghosts.sleep().is_none() {
                Err(format!("{name}: unbound with {references} references of the interface"))
            } else {
                Ok(())
            };
        };
        if chip.is_shut_down() {
            return Ok(());
        }
        match (chip.active(), chip.opened.get()) {
            (0, false) => Ok(()),
            (active, opened) => {
                let opened = u8::from(opened);
                Err(format!("{name}: no stream, but chip->active is {active} and subs->opened {opened}"))
            }
        }
    }

    /// The design counts in the class driver: a put, whose result it ignores.
    async fn put(&self) {
        if !self.seat.machine.design.class_driver().counts {
            return;
        }
        let refused = self.seat.machine.design.put(self.udev()).await.is_err();
        if refused {
            self.seat.machine.ghosts.put_refused(self.seat.number);
        }
    }

    /// The DSP is told where its event ring is.
    fn check_event_ring(&self) {
        let mapped = if self.is_mended() { self.event_ring.get() } else { self.service.event_ring.get() };
        if mapped != self.event_ring.get() {
            let what = || {
                let name = self.udev().name();
                let ring = |ring: Option<u64>| ring.map_or_else(|| "none".into(), |ring| ring.to_string());
                let (mapped, own) = (ring(mapped), ring(self.event_ring.get()));
                format!(
                    "{name}: the DSP is told an address that maps event ring {mapped}, the interrupter has {own}"
                )
            };
            self.seat.machine.ghosts.violated(Invariant::S16, what);
        }
    }
}
