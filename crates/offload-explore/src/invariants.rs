//! The checks of reference 5.1 that look at a world at rest. What can be noticed when it happens is noticed there
//! ([`Host`](crate::host::Host), [`Ghosts`]).

use crate::card::Card;
use crate::ghosts::{Ghosts, Invariant};
use crate::machine::{Controller, World};
use kernel_sim::CheckAt;
use offload_core::{DeviceState, PmMessage, RpmStatus, UsbDevice};
use std::rc::{Rc, Weak};

type Check = fn(&World) -> Result<(), String>;

/// Has the invariants of interest checked whenever nobody can run, and at the end.
pub(crate) fn check(world: &Rc<World>) {
    // The first one that fails is the verdict: what was noticed when it happened comes before its consequences.
    let checks: [(Invariant, Check); 9] = [
        (Invariant::S5, controllers_agree),
        (Invariant::S1, usage_is_sessions),
        (Invariant::S6, status_is_state),
        (Invariant::S7, frozen_in_transitions),
        (Invariant::S3, resumed_as_suspended),
        (Invariant::S15, references_are_given_back),
        (Invariant::L2, idle_controllers_sleep),
        (Invariant::L3, given_up_is_stopped),
        (Invariant::L5, streams_go_on),
    ];
    for (invariant, check) in checks {
        if world.machine.ghosts.watches(invariant) {
            for at in [CheckAt::Rest, CheckAt::End] {
                let checked: Weak<World> = Rc::downgrade(world);
                let check = move || checked.upgrade().map_or(Ok(()), |world| check(&world));
                world.kernel().check(invariant.name(), at, check);
            }
        }
    }
    if world.machine.ghosts.watches(Invariant::S14) {
        let checked: Weak<World> = Rc::downgrade(world);
        let check = move || checked.upgrade().map_or(Ok(()), |world| puts_are_made_good(&world));
        world.kernel().check(Invariant::S14.name(), CheckAt::End, check);
    }
}

fn ghosts(world: &World) -> &Ghosts {
    &world.machine.ghosts
}

fn usage_is_sessions(world: &World) -> Result<(), String> {
    ghosts(world).each_at_rest(|ghost, udev| {
        let (users, sessions) = (world.machine.design.users(udev), ghost.sessions.get());
        if users == sessions {
            Ok(())
        } else {
            Err(format!("{}: offload_usage {users}, live sessions {sessions}", ghost.name()))
        }
    })
}

fn puts_are_made_good(world: &World) -> Result<(), String> {
    ghosts(world).each_at_rest(|ghost, udev| {
        let users = world.machine.design.users(udev);
        if ghost.refused_puts() == 0 || users <= ghost.sessions.get() {
            Ok(())
        } else {
            Err(format!("{}: a put was refused and offload_usage is still {users}", ghost.name()))
        }
    })
}

/// Whether a host sleeps that SUSPEND has put to sleep.
fn suspended_to_ram(world: &World) -> bool {
    ghosts(world).sleep() == Some(PmMessage::Suspend) && world.kernel().is_host_asleep()
}

fn is_offloaded(world: &World, controller: &Controller) -> bool {
    controller.slots().any(|(udev, _slot)| udev.is_attached() && world.machine.design.users(&udev) > 0)
}

fn controllers_agree(world: &World) -> Result<(), String> {
    if let Some((device, errno)) = &*ghosts(world).sleep_failed.borrow() {
        let of_controller = |controller: &&Controller| controller.hcd.controller().name() == device;
        let controller = world.controllers.iter().find(of_controller);
        if controller.is_some_and(|controller| is_offloaded(world, controller)) {
            return Err(format!(
                "{device}: system suspend failed with {errno} because a device is offloaded"
            ));
        }
    }
    if !suspended_to_ram(world) {
        return Ok(());
    }
    for controller in &world.controllers {
        let (runs, offloaded) = (controller.host.is_running(), is_offloaded(world, controller));
        if runs != offloaded {
            let name = controller.hcd.controller().name();
            let state = if runs { "left running" } else { "powered down" };
            let usage = if offloaded { "a device is" } else { "no device is" };
            return Err(format!("{name}: {state} in system suspend, and {usage} offloaded"));
        }
    }
    Ok(())
}

fn idle_controllers_sleep(world: &World) -> Result<(), String> {
    if !suspended_to_ram(world) || !ghosts(world).slept_idle() {
        return Ok(());
    }
    match world.controllers.iter().find(|controller| controller.host.is_running()) {
        Some(controller) => {
            Err(format!("{}: left running, though nothing streams", controller.hcd.controller().name()))
        }
        None => Ok(()),
    }
}

fn every_device(world: &World) -> impl Iterator<Item = (&Controller, Rc<UsbDevice>)> {
    world
        .controllers
        .iter()
        .flat_map(|controller| controller.hcd.devices().into_iter().map(move |udev| (controller, udev)))
}

fn status_is_state(world: &World) -> Result<(), String> {
    if let Some(message) = ghosts(world).sleep() {
        return if message == PmMessage::Suspend && world.kernel().is_host_asleep() {
            suspended_is_suspended(world)
        } else {
            Ok(())
        };
    }
    for (_controller, udev) in every_device(world) {
        let power = &udev.pm().power;
        let status = power.status();
        if !udev.is_attached() || status.in_transition() || power.disable_depth() > 0 {
            continue;
        }
        let suspended = udev.state() == DeviceState::Suspended;
        if (status == RpmStatus::Active) == suspended {
            return Err(format!("{}: {status}, and its state is {}", udev.name(), udev.state()));
        }
    }
    Ok(())
}

/// B12: nothing is marked suspended whose port is active on an active bus.
fn suspended_is_suspended(world: &World) -> Result<(), String> {
    for controller in &world.controllers {
        for (udev, slot) in controller.slots() {
            let marked = udev.state() == DeviceState::Suspended;
            if marked && !controller.host.is_physically_suspended(slot) {
                return Err(format!(
                    "{}: marked SUSPENDED, and neither its port nor its bus is",
                    udev.name()
                ));
            }
        }
    }
    Ok(())
}

fn frozen_in_transitions(world: &World) -> Result<(), String> {
    if ghosts(world).sleep().is_some() {
        return Ok(());
    }
    for (_controller, udev) in every_device(world) {
        let status = udev.pm().power.status();
        if udev.is_attached() && udev.offload.is_pm_locked() && status == RpmStatus::Active {
            return Err(format!("{}: offload_pm_locked on an awake device", udev.name()));
        }
    }
    Ok(())
}

/// Said after what became of it (S6).
fn resumed_as_suspended(world: &World) -> Result<(), String> {
    if ghosts(world).sleep().is_some() {
        return Ok(());
    }
    ghosts(world).acted_otherwise.borrow().clone().map_or(Ok(()), Err)
}

fn references_are_given_back(world: &World) -> Result<(), String> {
    let idle = |card: &&Rc<Card>| card.is_idle() && card.udev.is_attached();
    world.cards.iter().filter(idle).try_for_each(|card| card.leaks())
}

fn given_up_is_stopped(world: &World) -> Result<(), String> {
    for controller in &world.controllers {
        for card in world.cards.iter().filter(|card| card.is_idle()) {
            let slot = card.udev.slot_id().filter(|_| controller.hcd.device(card.udev.name()).is_some());
            if let Some(slot) = slot
                && !card.has_stream()
                && controller.host.is_streaming(slot)
            {
                return Err(format!("{}: no stream, and an endpoint runs", card.udev.name()));
            }
        }
    }
    Ok(())
}

fn streams_go_on(world: &World) -> Result<(), String> {
    if ghosts(world).sleep().is_some() {
        return Ok(());
    }
    for controller in &world.controllers {
        for card in world.cards.iter().filter(|card| card.is_idle() && card.believes_in_stream()) {
            let there = controller.hcd.device(card.udev.name()).filter(|udev| udev.is_attached());
            let slot = there.and_then(|udev| udev.slot_id());
            if let Some(slot) = slot {
                let (streams, asleep) =
                    (controller.host.is_streaming(slot), controller.host.is_physically_suspended(slot));
                if !streams || asleep {
                    let what = if asleep { "its bus is suspended" } else { "its endpoint does not run" };
                    return Err(format!("{}: the stream is taken to go on, but {what}", card.udev.name()));
                }
            }
        }
    }
    Ok(())
}
