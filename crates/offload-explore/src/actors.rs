//! Who does something in a world: the tasks of a program.

use crate::card::Style;
use crate::machine::World;
use crate::program::{Begin, Program, Rebind, Request, Sleep};
use kernel_sim::TaskKind;
use offload_core::{
    PmCore, PmMessage, RpmStatus, SystemSleep, driver_unbind, hibernate, logical_disconnect, suspend_to_ram,
    unbind_interface, usb_reset_and_verify_device, usbfs_set_interface,
};
use sim_time::Duration;
use std::rc::Rc;

/// How long the machine sleeps.
const SLEEP: Duration = Duration::from_secs(1);
/// Longer than a device takes to be suspended.
const SUSPENDED_BY: Duration = Duration::from_millis(500);

/// What the first card does before the exploration begins.
///
/// # Panics
/// It can't: a defect of the scenario.
pub(crate) fn begin(world: &Rc<World>) {
    match world.machine.program.begin {
        Begin::Idle => {}
        Begin::Streaming => stream(world),
        Begin::Autosuspended => {
            idle(world);
            assert_eq!(
                world.cards[0].udev.pm().power.status(),
                RpmStatus::Suspended,
                "the scenario begins asleep"
            );
        }
        Begin::StreamingIdle => {
            stream(world);
            idle(world);
        }
    }
}

fn stream(world: &Rc<World>) {
    let card = world.cards[0].clone();
    world.run(async move {
        let result = card.enable().await;
        assert!(result.is_ok(), "the stream of the scenario does not begin: {result:?}");
    });
}

/// `power/control` goes to `auto`, and time passes.
fn idle(world: &Rc<World>) {
    world.cards[0].udev.pm().allow();
    let result = world.kernel().run_until(world.kernel().now() + SUSPENDED_BY);
    assert!(result.is_ok(), "the world of the scenario can't be built: {result:?}");
}

/// Starts the tasks of the program.
pub(crate) fn spawn(world: &Rc<World>) {
    let program = world.machine.program;
    requests(world);
    if program.auto {
        let card = world.cards[0].clone();
        world.spawn(TaskKind::User, "echo auto > power/control", async move { card.udev.pm().allow() });
    }
    if program.unplug {
        let udev = &world.cards[0].udev;
        if let Some(hub) = udev.parent() {
            logical_disconnect(&hub, udev.port());
        }
    }
    if let Some(rebind) = program.unbind {
        unbind(world, rebind);
    }
    if program.reset {
        let card = world.cards[0].clone();
        world.spawn(TaskKind::Kernel, "kworker __usb_queue_reset_device", async move { reset(&card).await });
    }
    if program.set_interface {
        let card = world.cards[0].clone();
        world.spawn(TaskKind::User, "ioctl USBDEVFS_SETINTERFACE", async move {
            if let Some(intf) = card.interface() {
                let _refused = usbfs_set_interface(&intf, 0).await;
            }
        });
    }
    if program.two_users {
        two_users(world);
    }
    if program.hw_params {
        let machine = world.machine.clone();
        // q6usb_hw_params looks the card up while it has its own mutex (B3). Mended: before that.
        world.spawn(TaskKind::User, "aplay", async move {
            let mended = machine.design.repairs().class_driver;
            if mended {
                drop(machine.register_mutex.lock().await);
            }
            let _q6 = machine.q6_mutex.lock().await;
            if !mended {
                drop(machine.register_mutex.lock().await);
            }
        });
    }
    if !program.sleep.is_empty() {
        sleep(world, program);
    }
}

fn requests(world: &Rc<World>) {
    let requests = world.machine.program.requests;
    if requests.is_empty() {
        return;
    }
    if matches!(world.cards[0].style, Style::Aoc(_)) {
        let hal = world.clone();
        world.spawn(TaskKind::User, "audio hal", async move {
            for request in requests {
                // Streams last.
                hal.kernel().step("the next request", &[]).await;
                carry_out(&hal, *request).await;
            }
        });
        return;
    }
    for request in requests {
        let asked = Rc::downgrade(world);
        let name = match request {
            Request::Enable(_) => "QMI enable request",
            Request::Disable(_) => "QMI disable request",
            Request::Bye => "QMI bye",
            Request::Any => "QMI request",
        };
        world.service.queue(name, async move {
            if let Some(world) = asked.upgrade() {
                carry_out(&world, *request).await;
            }
        });
    }
}

async fn carry_out(world: &Rc<World>, request: Request) {
    let request = match request {
        Request::Any => {
            let what = "the request (0: none, 1: enable, 2: disable, 3: the DSP crashes)";
            match world.kernel().choose(what, 4) {
                1 => Request::Enable(0),
                2 => Request::Disable(0),
                3 => Request::Bye,
                _ => return,
            }
        }
        request => request,
    };
    let kernel = world.kernel();
    let result = match request {
        Request::Enable(card) => world.cards[usize::from(card)].enable().await,
        Request::Disable(card) => world.cards[usize::from(card)].disable().await,
        Request::Bye => {
            world.service.handle_bye().await;
            Ok(())
        }
        Request::Any => Ok(()),
    };
    kernel.note(|| match result {
        Ok(()) => "request done".into(),
        Err(errno) => format!("request refused: {errno}"),
    });
}

fn unbind(world: &Rc<World>, rebind: Rebind) {
    let card = world.cards[0].clone();
    let kernel = world.kernel().clone();
    world.spawn(TaskKind::User, "echo 1-1:1.0 > unbind", async move {
        if let Some(intf) = card.interface() {
            driver_unbind(&intf).await;
        }
        if rebind == Rebind::Perhaps && kernel.choose("left unbound (0) or bound again (1)", 2) == 1 {
            card.bind().await;
        }
    });
}

/// Two users of one sideband that know nothing of each other.
fn two_users(world: &Rc<World>) {
    let Some(sideband) = world.cards[0].sideband() else { return };
    let used = sideband.clone();
    world.spawn(TaskKind::Kernel, "user", async move {
        for ep in used.endpoints() {
            let _not_linked = used.remove_endpoint(ep).await;
        }
    });
    world.spawn(TaskKind::Kernel, "owner", async move { sideband.unregister().await });
}

/// Sequence 3.3: the audio driver has no pre_reset, so it is unbound first and bound again afterwards.
async fn reset(card: &Rc<crate::card::Card>) {
    let udev = &card.udev;
    let _device_lock = udev.lock().await;
    if !udev.is_attached() || udev.state() == offload_core::DeviceState::Suspended {
        return;
    }
    let awake = udev.autoresume().await.is_ok();
    if let Some(intf) = card.interface() {
        unbind_interface(&intf).await;
    }
    let done = match udev.parent() {
        Some(hub) => {
            let port = hub.port_lock(udev.port());
            let _port = port.lock().await;
            usb_reset_and_verify_device(udev).await.is_ok()
        }
        None => false,
    };
    if done {
        card.bind_locked().await;
    }
    if awake {
        udev.autosuspend().await;
    }
}

fn sleep(world: &Rc<World>, program: &'static Program) {
    let sleeper = world.clone();
    world.spawn(TaskKind::User, "echo mem > /sys/power/state", async move {
        let options = u16::try_from(program.sleep.len()).unwrap_or(1);
        let way = sleeper.kernel().choose("the way to sleep", options);
        let core = &sleeper.machine.core;
        let wake = sleeper.kernel().now() + SLEEP;
        let result = match program.sleep[usize::from(way)] {
            Sleep::Mem => suspend_to_ram(core, wake).await.map_err(|error| error.to_string()),
            Sleep::MemAborted => {
                let interrupted = sleeper.machine.clone();
                let interrupt = async move {
                    interrupted.ghosts.woken.set(true);
                    interrupted.core.wakeup_event();
                };
                sleeper.spawn(TaskKind::Kernel, "wakeup interrupt", interrupt);
                suspend_to_ram(core, wake).await.map_err(|error| error.to_string())
            }
            Sleep::Disk => hibernate(core, wake).await.map_err(|error| error.to_string()),
            Sleep::DiskAborted => {
                snapshot(core).await;
                Ok(())
            }
        };
        sleeper.kernel().note(|| match result {
            Ok(()) => "the system sleep is over".into(),
            Err(error) => error,
        });
    });
}

/// The first half of every hibernation: everything is quiesced, the image is made, and everything goes on.
async fn snapshot(core: &PmCore) {
    let kernel = core.kernel();
    if kernel.freeze_processes().await.is_err() {
        return;
    }
    let devices = SystemSleep::prepare(core);
    let result = devices.suspend(PmMessage::Freeze).await;
    if result.is_ok() {
        devices.suspend_late().await;
        devices.resume_early();
    }
    devices.resume(if result.is_ok() { PmMessage::Thaw } else { PmMessage::Recover }).await;
    devices.complete().await;
    kernel.thaw_processes();
}
