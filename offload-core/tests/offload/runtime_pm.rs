//! Runtime PM of the tree: reference 3.1, sequence 3.4.

use crate::scripted::Scripted;
use crate::world::{World, first_interface};
use expect_test::expect;
use kernel_sim::{LockClass, Mutex};
use offload_core::{
    DeviceSetup, DeviceState, Errno, PmMessage, Quirks, RootHub, RpmDone, RpmStatus, usb_hcd_resume_root_hub,
    usb_remote_wakeup,
};
use sim_time::Duration;

/// Idle for its delay, a device is suspended, then its hub, then the bus; a resume goes the other way.
#[test]
fn a_tree_goes_to_sleep_from_below_and_wakes_from_above() {
    let world = World::new();
    let hub = world.plug_hub(&world.root_hub(), 1, 1);
    let headset = world.plug(&hub, 2, &DeviceSetup::new(1, None), Scripted::new("audio"));
    for udev in [&world.root_hub(), &hub, &headset] {
        udev.pm().allow();
    }
    world.transcript();
    world.pass(Duration::from_millis(1999));
    assert_eq!(world.transcript(), "");
    world.pass(Duration::from_secs(1));
    expect![[r#"
        1-1.1: RPM_SUSPENDING
        1-1.1: pm_locked 1
        1-1.1:1.0: AUTO_SUSPEND done
            host port_suspend slot 2
        1-1.1: SUSPENDED
        1-1.1: AUTO_SUSPEND done
            host flush slot 2
        1-1.1: RPM_SUSPENDED
        1-1: RPM_SUSPENDING
        1-1: pm_locked 1
        1-1:1.0: AUTO_SUSPEND done
            host port_suspend slot 1 with wakeup
        1-1: SUSPENDED
        1-1: AUTO_SUSPEND done
            host flush slot 1
        1-1: RPM_SUSPENDED
        usb1: RPM_SUSPENDING
        usb1: pm_locked 1
        usb1:1.0: AUTO_SUSPEND done
            host bus_suspend primary root hub with wakeup
        usb1: SUSPENDED
        usb1: AUTO_SUSPEND done
        usb1: RPM_SUSPENDED
    "#]]
    .assert_eq(&world.transcript());

    let before = world.kernel.now();
    let interface = first_interface(&headset);
    world.run(async move { interface.autopm_get().await }).unwrap();
    expect![[r#"
        usb1: RPM_RESUMING
            host bus_resume primary root hub
        usb1: CONFIGURED
        usb1: AUTO_RESUME done
        usb1:1.0: AUTO_RESUME done
        usb1: pm_locked 0
        usb1: RPM_ACTIVE
        1-1: RPM_RESUMING
            host port_resume slot 1
        1-1: CONFIGURED
            host get_status slot 1
        1-1: AUTO_RESUME done
        1-1:1.0: AUTO_RESUME done
        1-1: pm_locked 0
        1-1: RPM_ACTIVE
        1-1.1: RPM_RESUMING
            host port_resume slot 2
        1-1.1: CONFIGURED
            host get_status slot 2
        1-1.1: AUTO_RESUME done
        1-1.1:1.0: AUTO_RESUME done
        1-1.1: pm_locked 0
        1-1.1: RPM_ACTIVE
    "#]]
    .assert_eq(&world.transcript());
    assert_eq!(world.kernel.now() - before, Duration::from_millis(100), "two ports, 40 + 10 ms each");
}

/// power/control = on is what a device starts with.
#[test]
fn a_new_device_is_not_autosuspended() {
    let world = World::new();
    let headset = world.headset(1);
    world.pass(Duration::from_secs(60));
    assert_eq!(headset.pm().power.status(), RpmStatus::Active);
    assert_eq!(headset.pm().power.usage_count(), 1);
    headset.pm().allow();
    world.pass(Duration::from_secs(60));
    assert_eq!(headset.pm().power.status(), RpmStatus::Suspended);
    let pm = headset.pm().clone();
    assert_eq!(world.run(async move { pm.forbid().await }), Ok(RpmDone::Done));
    world.pass(Duration::from_secs(60));
    assert_eq!(headset.state(), DeviceState::Configured);
}

/// A used interface, a wakeup need without the ability, a quirk: each keeps the device awake.
#[test]
fn what_keeps_a_device_from_being_autosuspended() {
    let stays_active = |setup: &DeviceSetup, needs_wakeup: bool, used: bool| {
        let world = World::new();
        let headset = world.plug(&world.root_hub(), 1, setup, Scripted::new("audio"));
        first_interface(&headset).set_needs_remote_wakeup(needs_wakeup);
        if used {
            let interface = first_interface(&headset);
            world.run(async move { interface.autopm_get().await }).unwrap();
        }
        headset.pm().allow();
        world.pass(Duration::from_secs(10));
        headset.pm().power.status() == RpmStatus::Active
    };
    let plain = DeviceSetup::new(1, None);
    let quirky = DeviceSetup {
        quirks: Quirks { reset_resume: true, ..Quirks::default() },
        ..plain.clone().wakeup_capable()
    };
    assert!(!stays_active(&plain, false, false));
    assert!(stays_active(&plain, false, true));
    assert!(stays_active(&plain, true, false));
    assert!(!stays_active(&plain.clone().wakeup_capable(), true, false));
    assert!(!stays_active(&quirky, false, false));
    assert!(stays_active(&quirky, true, false));
}

/// A driver that refuses is asked again after another delay; nothing is latched, pm_locked goes.
#[test]
fn a_refused_autosuspend_is_tried_again() {
    let world = World::new();
    let driver = Scripted::new("audio").on_suspend(|_intf, _message| async { Err(Errno::EIO) });
    let headset = world.plug(&world.root_hub(), 1, &DeviceSetup::new(1, None), driver);
    headset.pm().allow();
    world.transcript();
    world.pass(Duration::from_secs(3));
    expect![[r#"
        1-1: RPM_SUSPENDING
        1-1: pm_locked 1
        1-1:1.0: AUTO_SUSPEND gave -EIO
        1-1: pm_locked 0
        1-1: RPM_ACTIVE
    "#]]
    .assert_eq(&world.transcript());
    world.pass(Duration::from_secs(10));
    assert_eq!(headset.pm().power.runtime_error(), None);
    assert_eq!(headset.state(), DeviceState::Configured);
    assert!(!headset.offload.is_pm_locked());
}

/// The interfaces above a refusing one have been suspended and are resumed; the refusing one is not called again.
#[test]
fn a_refusing_interface_has_the_later_ones_resumed() {
    let world = World::new();
    let driver = Scripted::new("audio").on_suspend(|intf, _message| async move {
        if intf.number() == 1 { Err(Errno::EBUSY) } else { Ok(()) }
    });
    let headset = world.plug(&world.root_hub(), 1, &DeviceSetup::new(1, None).interfaces(3), driver);
    headset.pm().allow();
    world.transcript();
    world.pass(Duration::from_millis(2500));
    expect![[r#"
        1-1: RPM_SUSPENDING
        1-1: pm_locked 1
        1-1:1.2: AUTO_SUSPEND done
        1-1:1.1: AUTO_SUSPEND gave -EBUSY
        1-1:1.2: AUTO_RESUME done
        1-1: pm_locked 0
        1-1: RPM_ACTIVE
    "#]]
    .assert_eq(&world.transcript());
}

/// If the device step fails, a device that answers gets its interfaces back, one that does not is left.
#[test]
fn a_failed_port_suspend_asks_the_device_before_its_interfaces_are_resumed() {
    let own = |answers: bool| {
        let world = World::new();
        let headset = world.headset(1);
        world.host.fail("port_suspend", Errno::EPROTO);
        if !answers {
            world.host.fail("get_status", Errno::ETIMEDOUT);
        }
        headset.pm().allow();
        world.transcript();
        world.pass(Duration::from_millis(2500));
        world.transcript()
    };
    expect![[r#"
        1-1: RPM_SUSPENDING
        1-1: pm_locked 1
        1-1:1.0: AUTO_SUSPEND done
            host port_suspend slot 1
        1-1: AUTO_SUSPEND gave -EPROTO
            host get_status slot 1
        1-1:1.0: AUTO_RESUME done
        1-1: pm_locked 0
        1-1: RPM_ACTIVE
    "#]]
    .assert_eq(&own(true));
    expect![[r#"
        1-1: RPM_SUSPENDING
        1-1: pm_locked 1
        1-1:1.0: AUTO_SUSPEND done
            host port_suspend slot 1
        1-1: AUTO_SUSPEND gave -EPROTO
            host get_status slot 1
        1-1: pm_locked 0
        1-1: RPM_ACTIVE
    "#]]
    .assert_eq(&own(false));
}

/// B2 in miniature: the suspend callback wants a mutex whose owner waits for the end of the suspend.
#[test]
fn a_suspend_callback_and_an_autoresume_deadlock_over_a_drivers_mutex() {
    let world = World::new();
    let mutex = Mutex::new(&world.kernel, LockClass::new("qdev_mutex"), "qdev_mutex", ());
    let own = mutex.clone();
    let driver = Scripted::new("audio").on_suspend(move |_intf, _message| {
        let mutex = own.clone();
        async move {
            drop(mutex.lock().await);
            Ok(())
        }
    });
    let headset = world.plug(&world.root_hub(), 1, &DeviceSetup::new(1, None), driver);
    headset.pm().allow();
    let (kernel, target) = (world.kernel.clone(), headset.clone());
    world.spawn("enable", async move {
        let _qdev = mutex.lock().await;
        kernel.sleep(Duration::from_secs(3)).await;
        target.autoresume().await
    });
    let error = world.kernel.run_until(world.soon() + Duration::from_secs(9)).unwrap_err();
    expect![[r#"
        deadlock at 3.000000000: 2 tasks wait for each other in a circle
          task 4 "enable" (kernel) holds qdev_mutex; waits for runtime PM of 1-1, up to task 5 "pm_wq 1-1"
          task 5 "pm_wq 1-1" (kernel) holds RPM transition(1-1); wants qdev_mutex, held by task 4 "enable"
    "#]]
    .assert_eq(&format!("{error}\n"));
}

/// A device that signals remote wakeup is resumed, and suspended again after its delay.
#[test]
fn remote_wakeup_resumes_a_device_for_its_delay() {
    let world = World::new();
    let headset = world.headset(1);
    headset.pm().allow();
    world.pass(Duration::from_secs(3));
    assert_eq!(headset.state(), DeviceState::Suspended);
    let target = headset.clone();
    world.run(async move { usb_remote_wakeup(&target).await }).unwrap();
    world.pass(Duration::from_millis(1900));
    assert_eq!(headset.state(), DeviceState::Configured);
    world.pass(Duration::from_millis(200));
    assert_eq!(headset.state(), DeviceState::Suspended);
}

/// A port event on a suspended bus resumes the root hub.
#[test]
fn a_port_event_resumes_the_root_hub() {
    let world = World::new();
    world.root_hub().pm().allow();
    world.pass(Duration::from_secs(1));
    assert!(!world.hcd.bus(RootHub::Primary).unwrap().is_running());
    usb_hcd_resume_root_hub(&world.hcd, RootHub::Primary);
    world.transcript();
    world.pass(Duration::from_secs(1));
    expect![[r#"
        usb1: RPM_RESUMING
            host bus_resume primary root hub
        usb1: CONFIGURED
        usb1: AUTO_RESUME done
        usb1:1.0: AUTO_RESUME done
        usb1: pm_locked 0
        usb1: RPM_ACTIVE
        usb1: RPM_SUSPENDING
        usb1: pm_locked 1
        usb1:1.0: AUTO_SUSPEND done
            host bus_suspend primary root hub with wakeup
        usb1: SUSPENDED
        usb1: AUTO_SUSPEND done
        usb1: RPM_SUSPENDED
    "#]]
    .assert_eq(&world.transcript());
}

/// A resume that comes while the suspend callback runs waits for it; it is RPM(u) of the lock order.
#[test]
fn a_resume_waits_for_a_suspend_under_way() {
    let world = World::new();
    let kernel = world.kernel.clone();
    let driver = Scripted::new("slow").on_suspend(move |_intf, _message| {
        let kernel = kernel.clone();
        async move {
            kernel.sleep(Duration::from_secs(1)).await;
            Ok(())
        }
    });
    let device = world.plug(&world.root_hub(), 1, &DeviceSetup::new(1, None), driver);
    device.pm().allow();
    world.pass(Duration::from_millis(2500));
    assert_eq!(device.pm().power.status(), RpmStatus::Suspending);
    let before = world.kernel.now();
    let target = device.clone();
    world.run(async move { target.autoresume().await }).unwrap();
    let waited = world.kernel.now() - before;
    assert_eq!(waited, Duration::from_millis(500 + 10 + 50), "the callback, the port down, the port up");
    assert_eq!(device.pm().power.status(), RpmStatus::Active);
}

/// A queued resume during a suspend is deferred to its end.
#[test]
fn a_queued_resume_during_a_suspend_is_deferred() {
    let world = World::new();
    let kernel = world.kernel.clone();
    let driver = Scripted::new("slow").on_suspend(move |_intf, message| {
        let kernel = kernel.clone();
        async move {
            assert_eq!(message, PmMessage::AutoSuspend);
            kernel.sleep(Duration::from_millis(5)).await;
            Ok(())
        }
    });
    let device = world.plug(&world.root_hub(), 1, &DeviceSetup::new(1, None), driver);
    device.pm().allow();
    world.pass(Duration::from_millis(2001));
    assert_eq!(device.pm().power.status(), RpmStatus::Suspending);
    assert_eq!(device.pm().request_resume(), Ok(RpmDone::Done));
    world.transcript();
    world.pass(Duration::from_millis(100));
    expect![[r#"
        1-1:1.0: AUTO_SUSPEND done
            host port_suspend slot 1
        1-1: SUSPENDED
        1-1: AUTO_SUSPEND done
            host flush slot 1
        1-1: RPM_SUSPENDED
        1-1: RPM_RESUMING
            host port_resume slot 1
        1-1: CONFIGURED
            host get_status slot 1
        1-1: AUTO_RESUME done
        1-1:1.0: AUTO_RESUME done
        1-1: pm_locked 0
        1-1: RPM_ACTIVE
    "#]]
    .assert_eq(&world.transcript());
}

/// The barrier carries out a resume that was asked for and leaves nothing pending.
#[test]
fn a_barrier_carries_out_a_queued_resume() {
    let world = World::new();
    let device = world.headset(1);
    device.pm().allow();
    world.pass(Duration::from_secs(3));
    assert_eq!(device.pm().power.status(), RpmStatus::Suspended);
    let pm = device.pm().clone();
    let carried_out = world.run(async move {
        // The worker has not had its turn yet.
        assert_eq!(pm.request_resume(), Ok(RpmDone::Done));
        pm.barrier().await
    });
    assert!(carried_out);
    assert_eq!(device.pm().power.status(), RpmStatus::Active);
}

/// disable, set_active and set_suspended: who refuses what.
#[test]
fn the_status_may_be_set_only_while_disabled_and_under_an_active_parent() {
    let world = World::new();
    let hub = world.plug_hub(&world.root_hub(), 1, 1);
    let device = world.plug(&hub, 2, &DeviceSetup::new(1, None), Scripted::new("audio"));
    device.pm().allow();
    hub.pm().allow();
    world.pass(Duration::from_secs(3));
    assert_eq!(hub.pm().power.status(), RpmStatus::Suspended);

    let pm = device.pm().clone();
    assert_eq!(pm.set_active(), Err(Errno::EAGAIN));
    world.run(async move {
        pm.disable(false).await;
        assert_eq!(pm.set_active(), Err(Errno::EBUSY));
        assert_eq!(pm.resume().await, Err(Errno::EACCES));
        pm.enable();
    });
    let (hub_pm, pm) = (hub.pm().clone(), device.pm().clone());
    world.run(async move {
        hub_pm.resume_and_get().await.unwrap();
        pm.disable(false).await;
        assert_eq!(pm.set_active(), Ok(()));
        pm.enable();
        assert_eq!(hub_pm.power.child_count(), 1);
    });
}
