//! One device, its users, runtime suspend and system suspend, in every order.

use crate::scripted::Scripted;
use crate::world::World;
use expect_test::expect;
use kernel_sim::{
    CheckAt, Coverage, Explorer, Kernel, Reduction, Report, Strategy, TaskKind, Verdict, Watched,
};
use offload_core::{
    DeviceSetup, Event, HcdSetup, RpmStatus, SystemPhase, UsbDevice, suspend_to_ram,
    usb_offload_get_preemptible, usb_offload_put_preemptible,
};
use sim_time::Duration;
use std::cell::Cell;
use std::rc::Rc;

/// What the invariants know by themselves.
#[derive(Default)]
struct Ghosts {
    /// Client sessions that live on the device.
    sessions: Cell<u32>,
    /// A get or put is under way: the count may or may not have changed.
    calling: Cell<bool>,
    usage_before: Cell<u32>,
    /// From the first suspend callback of a system sleep to the last resume callback.
    asleep: Cell<bool>,
}

/// A headset that nobody uses, awake.
fn headset(world: &World) -> Rc<UsbDevice> {
    let setup = DeviceSetup { autosuspend_delay: Duration::ZERO, ..DeviceSetup::new(1, None) };
    world.core.set_async_suspend(false);
    world.plug(&world.root_hub(), 1, &setup, Scripted::new("audio"))
}

fn check_invariants(world: &World, headset: &Rc<UsbDevice>, ghosts: &Rc<Ghosts>) {
    let asleep = ghosts.clone();
    world.core.set_event_sink(Rc::new(move |_at, event| match event {
        Event::System { phase: SystemPhase::Suspend(_) } => asleep.asleep.set(true),
        Event::System { phase: SystemPhase::Complete } => asleep.asleep.set(false),
        _ => {}
    }));
    let (udev, seen) = (headset.clone(), ghosts.clone());
    world.kernel.check("S1", CheckAt::Rest, move || match (udev.offload.usage(), seen.sessions.get()) {
        (usage, sessions) if usage == sessions || seen.calling.get() => Ok(()),
        (usage, sessions) => Err(format!("{}: offload_usage {usage}, live sessions {sessions}", udev.name())),
    });
    let counted = [Watched::object(&headset.offload), Watched::object(&headset.pm().power)];
    let (udev, seen) = (headset.clone(), ghosts.clone());
    world.kernel.check_each_step("S2", &counted, move || {
        let usage = udev.offload.usage();
        let changed = seen.usage_before.replace(usage) != usage;
        let status = udev.pm().power.status();
        if changed && (udev.offload.is_pm_locked() || status != RpmStatus::Active) {
            return Err(format!("{}: offload_usage changed to {usage} in {status}", udev.name()));
        }
        Ok(())
    });
    let (udev, seen) = (headset.clone(), ghosts.clone());
    world.kernel.check("S7", CheckAt::Rest, move || {
        let awake = udev.pm().power.status() == RpmStatus::Active && !seen.asleep.get();
        if awake && udev.offload.is_pm_locked() {
            return Err(format!("{}: pm_locked while awake", udev.name()));
        }
        Ok(())
    });
}

/// A client that begins a session, and ends it if `ends`, beside an autosuspend and a suspend to RAM.
fn program(kernel: &Kernel, ends: bool) -> World {
    let world = World::on(kernel, &HcdSetup::default());
    let headset = headset(&world);
    let ghosts = Rc::new(Ghosts::default());
    check_invariants(&world, &headset, &ghosts);
    let udev = headset.clone();
    world.spawn("client", async move {
        ghosts.calling.set(true);
        if usb_offload_get_preemptible(&udev).await.is_ok() {
            ghosts.sessions.set(1);
            if ends {
                // As the class driver in the kernel does: nobody looks at the result.
                let _ignored = usb_offload_put_preemptible(&udev).await;
                ghosts.sessions.set(0);
            }
        }
        ghosts.calling.set(false);
    });
    let udev = headset;
    world.spawn("echo auto", async move { udev.pm().allow() });
    let (core, wake) = (world.core.clone(), world.soon());
    kernel.spawn(TaskKind::User, "echo mem", async move { suspend_to_ram(&core, wake).await.map_err(drop) });
    world
}

/// With at most two preemptions.
fn explore(reduction: Reduction, ends: bool) -> Report {
    let strategy = Strategy::Exhaustive { preemptions: Some(2) };
    Explorer::new(strategy).reduction(reduction).explore(|kernel| program(kernel, ends))
}

/// S1, S2, S7.
#[test]
fn a_get_against_runtime_and_system_suspend_breaks_nothing() {
    let report = explore(Reduction::SleepSets, false);
    assert_eq!((report.verdict(), report.coverage), (&Verdict::Ok, Coverage::Preemptions(2)), "{report}");
}

/// B7: the put is refused because the device is on its way to sleep, and nobody makes it good.
#[test]
fn a_put_that_is_refused_leaves_the_count_above_the_sessions() {
    let [report, all] = [Reduction::SleepSets, Reduction::Off].map(|reduction| explore(reduction, true));
    assert_eq!([&report, &all].map(|report| report.verdict().name()), ["S1", "S1"]);
    let size = |report: &Report| (report.findings[0].preemptions, report.findings[0].steps);
    assert_eq!(size(&report), size(&all));
    expect![[r#"
        S1: found as schedule 299; 1 preemption, 14 steps, none is shorter
        replay ks1-0:1,1:2,5:2-7c50208b-3142

             | client                                         | echo auto          | echo mem                                       | pm_wq 1-1
           1 |                                                | starts "pm_wq 1-1" |                                                |
           1 |                                                | ends               |                                                |
           3 | usb_offload_get: pm_runtime_get_if_active      |                    |                                                |
           4 | usb_offload_get: offload_usage, under          |                    |                                                |
             |   offload_lock                                 |                    |                                                |
           4 | 1-1: usb_offload_get -> usage 1                |                    |                                                |
           5 | usb_offload_get: pm_runtime_put_autosuspend    |                    |                                                |
           7 |                                                |                    |                                                | rpm_suspend: under power.lock
           7 |                                                |                    |                                                | 1-1: RPM_SUSPENDING
           7 |                                                |                    |                                                | takes RPM transition(1-1)
           8 |                                                |                    |                                                | usb_suspend_both: pm_locked = 1
           8 |                                                |                    |                                                | 1-1: pm_locked 1
           8 |                                                |                    |                                                | 1-1:1.0: AUTO_SUSPEND done
           9 |                                                |                    |                                                | takes port->status_lock(usb1 port 1)
           9 |                                                |                    |                                                | sleeps until 0.010000000
          10 | usb_offload_put: pm_runtime_get_if_active      |                    |                                                |
          10 | 1-1: usb_offload_put -> -EBUSY                 |                    |                                                |
          10 | ends                                           |                    |                                                |
          11 |                                                |                    | -- freeze                                      |
          11 |                                                |                    | freezing processes                             |
          11 |                                                |                    | freezing kernel threads                        |
          11 |                                                |                    | -- prepare                                     |
          11 |                                                |                    | -- suspend (SUSPEND)                           |
          14 |                                                |                    | waits for runtime PM of 1-1, up to task 6      |
             |                                                |                    |   "pm_wq 1-1"                                  |
        S1 violated at 0.000000000: 1-1: offload_usage 1, live sessions 0"#]]
    .assert_eq(&report.findings[0].to_string());
}
