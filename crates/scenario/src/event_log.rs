//! The event log: one text, in virtual time, of everything that every part of the world tells.

use crate::xruns::RingXruns;
use host_bus::LocalBus;
use sim_time::Instant;
use std::cell::RefCell;
use std::fmt::{self, Write};
use std::rc::{Rc, Weak};
use xhci_model::LogLevel;
use xhci_spec::{Dci, SlotId};

/// The log of one world. A handle; clones write into the same text. A line is the time in seconds, the part of the world,
/// and what happened.
#[derive(Clone)]
pub(crate) struct EventLog(Rc<Shared>);

struct Shared {
    level: LogLevel,
    text: RefCell<String>,
    ring_xruns: RingXruns,
    /// The controller keeps its events until they are fetched.
    bus: RefCell<Weak<LocalBus>>,
}

/// Who tells something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Room {
    /// The controller and the bus.
    Controller,
    /// Tasks, locks, host sleep.
    Kernel,
    /// usbcore.
    Core,
    /// Class drivers and the DSP.
    Sound,
    /// The timeline of the scenario.
    Timeline,
}

impl Room {
    const fn name(self) -> &'static str {
        match self {
            Self::Controller => "xhc",
            Self::Kernel => "kernel",
            Self::Core => "usb",
            Self::Sound => "snd",
            Self::Timeline => "lab",
        }
    }
}

impl EventLog {
    pub(crate) fn new(level: LogLevel) -> Self {
        Self(Rc::new(Shared {
            level,
            text: RefCell::default(),
            ring_xruns: RingXruns::default(),
            bus: RefCell::default(),
        }))
    }

    pub(crate) fn level(&self) -> LogLevel {
        self.0.level
    }

    /// Whether anything is kept at all.
    pub(crate) fn is_on(&self) -> bool {
        self.0.level != LogLevel::Off
    }

    /// Takes the events of this controller from now on.
    pub(crate) fn listen_to(&self, bus: &Rc<LocalBus>) {
        // Empty rings are counted also when nothing is kept.
        let level = if self.is_on() { self.0.level } else { LogLevel::Summary };
        bus.with_xhci(|xhc| xhc.set_log_level(level));
        self.0.bus.replace(Rc::downgrade(bus));
    }

    /// Adds a line, behind what the controller did before.
    pub(crate) fn record(&self, at: Instant, room: Room, what: impl fmt::Display) {
        if self.is_on() {
            self.drain_controller();
            self.line(at, room, what);
        }
    }

    /// Fetches what the controller did.
    pub(crate) fn drain_controller(&self) {
        let Some(bus) = self.0.bus.borrow().upgrade() else { return };
        bus.with_xhci(|xhc| {
            for (at, event) in xhc.drain_log() {
                self.0.ring_xruns.note(&event);
                if self.is_on() {
                    self.line(at, Room::Controller, event);
                }
            }
        });
    }

    /// How often the ring of an endpoint was found empty at a service interval.
    pub(crate) fn ring_xruns(&self, slot: SlotId, endpoint: Dci) -> u64 {
        self.drain_controller();
        self.0.ring_xruns.of(slot, endpoint)
    }

    /// The text, which is empty afterwards.
    pub(crate) fn take(&self) -> String {
        self.drain_controller();
        self.0.text.take()
    }

    fn line(&self, at: Instant, room: Room, what: impl fmt::Display) {
        let mut text = self.0.text.borrow_mut();
        let start = text.len();
        // A String takes everything.
        let _infallible = write!(text, "{at} {:<6} {what}", room.name());
        // One event is one line, whatever its text.
        while let Some(found) = text[start..].find('\n') {
            text.replace_range(start + found..=start + found, "; ");
        }
        text.push('\n');
    }
}

/// Whether an event of the kernel is one of the many that every step of a task makes.
pub(crate) fn is_routine(event: &kernel_sim::Event) -> bool {
    use kernel_sim::Event as E;
    matches!(
        event,
        E::TaskWoken { .. }
            | E::TaskSwitch { .. }
            | E::TaskEnded { .. }
            | E::LockWait { .. }
            | E::LockAcquired { .. }
            | E::LockReleased { .. }
            | E::WorkQueued { .. }
            | E::WorkStarted { .. }
            | E::WorkFinished { .. }
    )
}
