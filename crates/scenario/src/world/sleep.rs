//! System sleep as it is seen from outside: when the processors were off, and what is to happen at a phase.

use super::World;
use crate::event_log::Room;
use crate::scenario::SleepPhase;
use offload_core::{Event, SystemPhase};
use sim_time::{Duration, Instant};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What happens at a phase. Called in the middle of the transition: it may not sleep.
pub(crate) type AtPhase = Box<dyn FnOnce()>;

/// Counts and triggers of system sleep.
pub(crate) struct SleepWatch {
    asleep: Cell<Duration>,
    interrupts_asleep: Cell<u64>,
    /// Since when the processors are off, and the interrupts until then.
    off: Cell<Option<(Instant, u64)>>,
    triggers: RefCell<Vec<(SleepPhase, AtPhase)>>,
}

impl SleepWatch {
    pub(super) fn new() -> Self {
        Self {
            asleep: Cell::new(Duration::ZERO),
            interrupts_asleep: Cell::new(0),
            off: Cell::new(None),
            triggers: RefCell::default(),
        }
    }

    /// How long the processors were off.
    pub(crate) fn asleep(&self) -> Duration {
        self.asleep.get()
    }
    /// Interrupts of vector 0 in that time.
    pub(crate) fn interrupts_asleep(&self) -> u64 {
        self.interrupts_asleep.get()
    }

    /// Has `act` called when the next system sleep reaches `phase`.
    pub(crate) fn at(&self, phase: SleepPhase, act: AtPhase) {
        self.triggers.borrow_mut().push((phase, act));
    }

    /// Listens to usbcore, for the log too.
    pub(super) fn watch(&self, world: &Rc<World>) {
        let weak = Rc::downgrade(world);
        let log = world.log.clone();
        world.core.set_event_sink(Rc::new(move |at, event| {
            log.record(at, Room::Core, event);
            if let (Event::System { phase }, Some(world)) = (event, weak.upgrade()) {
                world.sleep.reached(*phase, at, world.bus.interrupts(0));
            }
        }));
    }

    fn reached(&self, phase: SystemPhase, at: Instant, interrupts: u64) {
        let phase = match phase {
            SystemPhase::Freeze => SleepPhase::Freeze,
            SystemPhase::Suspend(_) => SleepPhase::Suspend,
            SystemPhase::SuspendLate => SleepPhase::Late,
            SystemPhase::Asleep => SleepPhase::Asleep,
            SystemPhase::ResumeEarly => SleepPhase::Early,
            SystemPhase::Resume(_) => SleepPhase::Resume,
            SystemPhase::Complete => SleepPhase::Complete,
            SystemPhase::Prepare | SystemPhase::Thaw => return,
        };
        match phase {
            SleepPhase::Asleep => self.off.set(Some((at, interrupts))),
            SleepPhase::Early => {
                if let Some((since, before)) = self.off.take() {
                    self.asleep.set(self.asleep.get() + at.since(since));
                    self.interrupts_asleep.set(self.interrupts_asleep.get() + (interrupts - before));
                }
            }
            _ => {}
        }
        self.pull(phase);
    }

    /// In the order in which they were set; nothing is borrowed meanwhile.
    fn pull(&self, phase: SleepPhase) {
        loop {
            let trigger = {
                let mut triggers = self.triggers.borrow_mut();
                let found = triggers.iter().position(|(at, _)| *at == phase);
                found.map(|index| triggers.remove(index))
            };
            match trigger {
                Some((_, act)) => act(),
                None => break,
            }
        }
    }
}
