//! What `usb_offload_get` and `usb_offload_put` give in every phase of a system sleep: reference 3.2.

use crate::scripted::Scripted;
use crate::world::World;
use expect_test::expect;
use offload_core::{
    DeviceSetup, Errno, PmMessage, SystemSleep, UsbDevice, suspend_to_ram, usb_offload_get, usb_offload_put,
};
use sim_time::Duration;
use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;

fn shown(result: Result<(), Errno>) -> String {
    result.map_or_else(|errno| errno.to_string(), |()| "0".into())
}

/// A get and a put, so that the count is as before if both are accepted or both refused.
fn probe(table: &RefCell<String>, phase: &str, udevs: &[&Rc<UsbDevice>]) {
    let mut table = table.borrow_mut();
    write!(table, "{phase:<28}").unwrap();
    for udev in udevs {
        let get = shown(usb_offload_get(*udev));
        let put = shown(usb_offload_put(*udev));
        write!(table, "{get:>8}{put:>8}").unwrap();
    }
    *table = format!("{}\n", table.trim_end());
}

#[test]
fn errno_by_phase_of_an_active_and_of_a_runtime_suspended_device() {
    let world = World::new();
    let active = world.headset(1);
    let suspended = world.headset(2);
    suspended.pm().allow();
    world.pass(Duration::from_secs(3));

    let table = Rc::new(RefCell::new(String::new()));
    let (core, rows) = (world.core.clone(), table.clone());
    let (a, s) = (active.clone(), suspended.clone());
    world.run(async move {
        let probe = |phase| probe(&rows, phase, &[&a, &s]);
        probe("awake");
        let sleep = SystemSleep::prepare(&core);
        probe("prepared, before suspend");
        sleep.suspend(PmMessage::Suspend).await.unwrap();
        probe("after own suspend");
        sleep.suspend_late().await;
        probe("late .. early");
        sleep.resume_early();
        probe("early .. own resume");
        sleep.resume(PmMessage::Resume).await;
        probe("after own resume");
        sleep.complete().await;
        probe("complete");
    });
    expect![[r#"
        awake                              0       0  -EBUSY  -EBUSY
        prepared, before suspend           0       0  -EBUSY  -EBUSY
        after own suspend            -EAGAIN -EAGAIN  -EBUSY  -EBUSY
        late .. early                 -EBUSY  -EBUSY  -EBUSY  -EBUSY
        early .. own resume          -EAGAIN -EAGAIN  -EBUSY  -EBUSY
        after own resume                   0       0       0       0
        complete                           0       0       0       0
    "#]]
    .assert_eq(&table.borrow());
    assert_eq!(active.offload.usage(), 0);
    assert_eq!(usb_offload_get(None), Err(Errno::ENODEV));
    assert_eq!(usb_offload_put(None), Err(Errno::ENODEV));
}

/// B7b: the window of `usb_resume` in which runtime PM is switched off on an awake device.
#[test]
fn the_window_at_the_end_of_resume_refuses_with_ebusy() {
    let world = World::new();
    let headset = world.offloaded_headset(1);
    let core = world.core.clone();
    let (seen, target, kernel) = (Rc::new(RefCell::new(Vec::new())), headset.clone(), world.kernel.clone());
    let log = seen.clone();
    let sleeper = world.spawn("sleeper", async move {
        let sleep = SystemSleep::prepare(&core);
        sleep.suspend(PmMessage::Suspend).await.unwrap();
        sleep.resume(PmMessage::Resume).await;
        sleep.complete().await;
    });
    let watched = sleeper.id();
    world.run(async move {
        while !sleeper.is_finished() {
            let result = shown(usb_offload_put(&target));
            if log.borrow().last() != Some(&result) {
                log.borrow_mut().push(result);
            }
            usb_offload_get(&target).ok();
            kernel.yield_now().await;
        }
        assert_eq!(sleeper.id(), watched);
    });
    assert_eq!(*seen.borrow(), ["0", "-EAGAIN", "-EBUSY", "0"]);
}

/// B1 in miniature: a driver that ends its stream in its suspend callback cannot give its reference back.
#[test]
fn a_put_from_the_suspend_callback_is_refused_and_the_usage_stays() {
    let world = World::new();
    let results = Rc::new(RefCell::new(Vec::new()));
    let log = results.clone();
    let driver = Scripted::new("audio").on_suspend(move |intf, _message| {
        log.borrow_mut().push(usb_offload_put(&intf.device().unwrap()));
        async { Ok(()) }
    });
    let headset = world.plug(&world.root_hub(), 1, &DeviceSetup::new(1, None), driver);
    usb_offload_get(&headset).unwrap();

    let (core, wake) = (world.core.clone(), world.soon());
    world.run(async move { suspend_to_ram(&core, wake).await }).unwrap();

    assert_eq!(*results.borrow(), [Err(Errno::EAGAIN)]);
    let leaks: Vec<String> = offload_core::leaks(&world.hcd).iter().map(ToString::to_string).collect();
    assert_eq!(leaks, ["1-1: usage 1"]);
    // An extra put clears exactly one leaked count.
    assert_eq!(usb_offload_put(&headset), Ok(()));
    assert_eq!(offload_core::leaks(&world.hcd), []);
}

#[test]
fn a_put_at_zero_is_accepted_and_changes_nothing() {
    let world = World::new();
    let headset = world.headset(1);
    assert_eq!(usb_offload_put(&headset), Ok(()));
    assert_eq!(headset.offload.usage(), 0);
    usb_offload_get(&headset).unwrap();
    usb_offload_get(&headset).unwrap();
    assert_eq!(headset.offload.usage(), 2);
}

/// B23: no runtime PM reference is kept, so an offloaded device is autosuspended; then B7: the put fails.
#[test]
fn usage_does_not_prevent_autosuspend() {
    let world = World::new();
    let headset = world.offloaded_headset(1);
    headset.pm().allow();
    world.transcript();
    world.pass(Duration::from_secs(3));
    expect![[r#"
        1-1: RPM_SUSPENDING
        1-1: pm_locked 1
        1-1:1.0: AUTO_SUSPEND done
            host port_suspend slot 1
        1-1: SUSPENDED
        1-1: AUTO_SUSPEND done
            host flush slot 1
        1-1: RPM_SUSPENDED
    "#]]
    .assert_eq(&world.transcript());
    assert_eq!(usb_offload_put(&headset), Err(Errno::EBUSY));
    assert_eq!(headset.offload.usage(), 1);
}

/// The get itself asks for the autosuspend that ends it: step a7 arms the timer from the last use.
#[test]
fn a_get_restarts_the_autosuspend_delay() {
    let world = World::new();
    let headset = world.headset(1);
    headset.pm().allow();
    world.pass(Duration::from_millis(1500));
    usb_offload_get(&headset).unwrap();
    world.pass(Duration::from_millis(1900));
    assert_eq!(usb_offload_put(&headset), Ok(()), "3.4 s after attach, 1.9 s after the get");
    world.pass(Duration::from_millis(2100));
    assert_eq!(usb_offload_get(&headset), Err(Errno::EBUSY));
}
