//! One machine: controllers, devices on their root hubs, and what all class drivers share.

use crate::card::Card;
use crate::client::Client;
use crate::ghosts::{Ghosts, Invariant};
use crate::host::Host;
use crate::invariants;
use crate::program::{Hardware, Place, Program};
use crate::qc::QcService;
use kernel_sim::{Kernel, LockClass, Mutex, TaskKind};
use offload_core::{
    Design, DeviceSetup, HcdSetup, OffloadDesign, PmCore, Repairs, RootHub, SlotId, Speed, UsbDevice, UsbHcd,
};
use sim_time::{Duration, Instant};
use std::future::Future;
use std::rc::Rc;

/// The endpoints of the streaming alternate setting: EP1 OUT and EP2 OUT, by index.
pub(crate) const STREAM_ENDPOINTS: u32 = 1 << 1 | 1 << 3;

const REGISTER_MUTEX: LockClass = LockClass::new("register_mutex");
const CTX_MUTEX: LockClass = LockClass::new("ctx_mutex");
const Q6_MUTEX: LockClass = LockClass::new("&data->mutex");

pub(crate) struct Machine {
    pub(crate) kernel: Kernel,
    pub(crate) core: PmCore,
    pub(crate) design: &'static dyn OffloadDesign,
    pub(crate) program: &'static Program,
    pub(crate) ghosts: Rc<Ghosts>,
    /// REG of the lock order.
    pub(crate) register_mutex: Mutex<()>,
    /// CTX: soc-usb's list of ports.
    pub(crate) ctx_mutex: Mutex<()>,
    /// Q6: the ASoC back end.
    pub(crate) q6_mutex: Mutex<()>,
}

/// A machine with all that is plugged in and bound.
pub(crate) struct World {
    pub(crate) machine: Rc<Machine>,
    pub(crate) controllers: Vec<Controller>,
    pub(crate) cards: Vec<Rc<Card>>,
    pub(crate) service: Rc<QcService>,
}

pub(crate) struct Controller {
    pub(crate) hcd: Rc<UsbHcd>,
    pub(crate) host: Rc<Host>,
}

impl Controller {
    /// Every device below that has a slot.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (Rc<UsbDevice>, SlotId)> {
        self.hcd.devices().into_iter().filter_map(|udev| udev.slot_id().map(|slot| (udev.clone(), slot)))
    }
}

impl World {
    pub(crate) fn new(
        kernel: &Kernel,
        program: &'static Program,
        design: Design,
        client: Client,
    ) -> Rc<Self> {
        let core = PmCore::new(kernel);
        core.set_design(design);
        // In parallel there are more orders than can be searched, and devices that do not depend on each other share little.
        core.set_async_suspend(false);
        // Where no defect hides another, everything is checked.
        let mended = design.rules().repairs() == Repairs::ALL;
        let ghosts = Ghosts::new(kernel, if mended { &Invariant::ALL } else { program.watches });
        let seen = ghosts.clone();
        core.set_event_sink(Rc::new(move |_at, event| seen.see(event)));
        let mutex = |class: LockClass| Mutex::new(kernel, class.clone(), class.name(), ());
        let machine = Rc::new(Machine {
            kernel: kernel.clone(),
            design: design.rules(),
            program,
            ghosts,
            register_mutex: mutex(REGISTER_MUTEX),
            ctx_mutex: mutex(CTX_MUTEX),
            q6_mutex: mutex(Q6_MUTEX),
            core,
        });
        let controllers: Vec<_> = (0..program.hardware.controllers)
            .map(|number| controller(&machine, &program.hardware, number))
            .collect();
        let service = QcService::new(&machine, client == Client::Qc);
        let mut cards = Vec::new();
        for (slot, place) in program.hardware.devices.iter().enumerate() {
            let udev = attach(&controllers, slot, place);
            if place.is_card {
                let host = controllers[usize::from(place.controller)].host.clone();
                cards.push(Card::new(&machine, &service, client, &udev, host, place));
            }
        }
        let world = Rc::new(Self { machine, controllers, cards, service });
        invariants::check(&world);
        for card in &world.cards {
            let card = card.clone();
            world.run(async move { card.bind().await });
        }
        world
    }

    pub(crate) fn kernel(&self) -> &Kernel {
        &self.machine.kernel
    }

    pub(crate) fn spawn(&self, kind: TaskKind, name: &'static str, task: impl Future<Output = ()> + 'static) {
        drop(self.kernel().spawn(kind, name, task));
    }

    /// Runs a task to its end while the world is built.
    ///
    /// # Panics
    /// The world of a scenario can't be built: a defect of the scenario.
    pub(crate) fn run(&self, task: impl Future<Output = ()> + 'static) {
        let kernel = self.kernel();
        let task = kernel.spawn(TaskKind::Kernel, "setup", task);
        let result = kernel.run_until_finished(&task, Instant::ZERO + Duration::from_secs(5));
        assert!(result.is_ok(), "the world of the scenario can't be built: {result:?}");
    }
}

fn controller(machine: &Machine, hardware: &Hardware, number: u8) -> Controller {
    let name: Rc<str> = if number == 0 { "xhci-hcd.0".into() } else { "xhci-hcd.1".into() };
    let host = Host::new(&machine.kernel, &machine.ghosts, &name);
    if hardware.loses_state {
        host.lose_state();
    }
    let setup = HcdSetup {
        name,
        platform: hardware.platform,
        first_bus: 1 + 2 * number,
        shared_bus: hardware.shared_bus,
    };
    Controller { hcd: UsbHcd::new(&machine.core, host.clone(), &setup), host }
}

fn attach(controllers: &[Controller], index: usize, place: &Place) -> Rc<UsbDevice> {
    let controller = &controllers[usize::from(place.controller)];
    let slot = u8::try_from(index + 1).ok().and_then(SlotId::new);
    let speed = if place.bus == RootHub::Shared { Speed::Super } else { Speed::High };
    let setup = DeviceSetup { quirks: place.quirks, ..DeviceSetup::new(place.port, slot) };
    let setup = if place.is_hub { DeviceSetup { hub: true, ..setup } } else { setup };
    let setup = DeviceSetup { speed, autosuspend_delay: place.autosuspend_delay, ..setup };
    let mut parent = controller.hcd.root_hub(place.bus);
    if let (Some(hub), Some(root)) = (place.behind, &parent) {
        parent = root.child(hub);
    }
    let Some(parent) = parent else { unreachable!("a scenario has its devices on buses that there are") };
    if let Some(slot) = slot {
        controller.host.enable_slot(slot, place.bus);
    }
    UsbDevice::attach(&parent, &setup)
}
