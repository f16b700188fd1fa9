//! The world of a scenario: controller, devices, kernel, drivers, DSP, on one clock.

mod cards;
mod machine;
mod shared_device;
mod sleep;
mod sockets;

pub(crate) use cards::Cards;
pub(crate) use machine::Machine;
pub(crate) use sleep::SleepWatch;
pub(crate) use sockets::{Sockets, TapePosition};

use crate::event_log::{EventLog, Room, is_routine};
use crate::run::RunOptions;
use crate::scenario::{PortPath, Scenario};
use host_bus::{ArenaFull, LocalBus};
use kernel_sim::{Hardware, Kernel, Schedule};
use offload_core::PmCore;
use sim_time::Instant;
use std::cell::OnceCell;
use std::rc::Rc;
use thiserror::Error;
use xhcd::BringUpError;
use xhci_model::{LogLevel, ProfileError, Xhci};

/// DMA memory of the machine.
const ARENA_BYTES: usize = 4 << 20;

/// Why the world could not be built or did not start.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(crate) enum WorldError {
    #[error("controller: {0}")]
    Profile(#[from] ProfileError),
    #[error("port {port}: {reason}")]
    Attach { port: PortPath, reason: String },
    #[error("the controller does not start: {0}")]
    BringUp(#[from] BringUpError),
    #[error("{device}: no class driver binds: {reason}")]
    Bind { device: String, reason: String },
    #[error(transparent)]
    Memory(#[from] ArenaFull),
}

/// Everything there is.
pub(crate) struct World {
    pub(crate) kernel: Kernel,
    pub(crate) bus: Rc<LocalBus>,
    pub(crate) core: PmCore,
    pub(crate) log: EventLog,
    pub(crate) sockets: Sockets,
    pub(crate) sleep: SleepWatch,
    pub(crate) cards: Cards,
    /// There once the controller's driver has started.
    pub(crate) machine: OnceCell<Machine>,
}

impl World {
    /// Builds the hardware and switches it on. No driver runs yet.
    pub(crate) fn build(scenario: &Scenario, options: &RunOptions<'_>) -> Result<Rc<Self>, WorldError> {
        let kernel = Kernel::new(match scenario.seed {
            0 => Schedule::Fifo,
            seed => Schedule::Seeded(seed),
        });
        let log = EventLog::new(options.log);
        let xhc = Xhci::new(scenario.profile.clone(), scenario.seed)?;
        let bus = LocalBus::new(xhc, kernel.clock(), ARENA_BYTES);
        log.listen_to(&bus);
        kernel.attach_hardware(Rc::new(LoggedBus { bus: bus.clone(), log: log.clone() }));
        listen_to_kernel(&kernel, &log);
        let world = Rc::new(Self {
            sockets: Sockets::new(scenario, &bus, options.capture.clone())?,
            core: PmCore::new(&kernel),
            sleep: SleepWatch::new(),
            cards: Cards::new(scenario, &kernel),
            machine: OnceCell::new(),
            log,
            bus,
            kernel,
        });
        world.sleep.watch(&world);
        Ok(world)
    }

    /// Frees everything: tasks hold handles of the world that holds their kernel.
    pub(crate) fn shutdown(&self) {
        self.kernel.shutdown();
        self.cards.clear();
    }
}

fn listen_to_kernel(kernel: &Kernel, log: &EventLog) {
    if !log.is_on() {
        return;
    }
    let full = log.level() == LogLevel::Full;
    let log = log.clone();
    kernel.set_trace(Rc::new(move |at, event| {
        if full || !is_routine(event) {
            log.record(at, Room::Kernel, event);
        }
    }));
}

/// The controller, whose events are fetched each time it has worked.
struct LoggedBus {
    bus: Rc<LocalBus>,
    log: EventLog,
}

impl Hardware for LoggedBus {
    fn advance(&self, now: Instant) {
        self.bus.advance(now);
        self.log.drain_controller();
    }
    fn next_deadline(&self) -> Option<Instant> {
        self.bus.next_deadline()
    }
}
