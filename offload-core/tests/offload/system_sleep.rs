//! What is suspended and what is left running: reference 3.2, sequence 3.5.

use crate::scripted::Scripted;
use crate::world::World;
use expect_test::expect;
use offload_core::{
    DeviceSetup, DeviceState, Errno, HcdSetup, Platform, PmMessage, Quirks, SleepError, SystemSleep,
    UsageChange, suspend_to_ram, usb_offload_get,
};
use sim_time::Duration;
use std::rc::Rc;

fn sleep_and_wake(world: &World) -> Result<(), SleepError> {
    let (core, wake) = (world.core.clone(), world.soon());
    world.transcript();
    world.run(async move { suspend_to_ram(&core, wake).await })
}

/// An audio interface, and a volume interface that waits for key presses.
fn headset_with_keys(world: &World) -> Rc<offload_core::UsbDevice> {
    let setup = DeviceSetup::new(1, None).interfaces(2).wakeup_capable();
    let headset = world.plug(&world.root_hub(), 1, &setup, Scripted::new("audio"));
    headset.interface(1).unwrap().set_needs_remote_wakeup(true);
    headset
}

#[test]
fn nothing_offloaded_everything_sleeps() {
    let world = World::new();
    headset_with_keys(&world);
    let before = world.kernel.now();
    sleep_and_wake(&world).unwrap();
    expect![[r#"
        -- freeze
        -- prepare
        -- suspend (SUSPEND)
        1-1: pm_locked 1
        1-1: SUSPEND act 0
        1-1:1.1: SUSPEND done
        1-1:1.0: SUSPEND done
        1-1: port left active
        1-1: SUSPENDED
        1-1: SUSPEND done
            host flush slot 1
        usb2: pm_locked 1
        usb2: SUSPEND act 0
        usb2:1.0: SUSPEND done
            host bus_suspend shared root hub
        usb2: SUSPENDED
        usb2: SUSPEND done
        usb1: pm_locked 1
        usb1: SUSPEND act 0
        usb1:1.0: SUSPEND done
            host bus_suspend primary root hub
        usb1: SUSPENDED
        usb1: SUSPEND done
        xhci-hcd.0: SUSPEND act 0
            host hc_suspend
        -- suspend late
        -- asleep
        -- resume early
        -- resume (RESUME)
            host hc_resume Restored
        usb1: RESUME act 0
            host bus_resume primary root hub
        usb1: CONFIGURED
        usb1: RESUME done
        usb1:1.0: RESUME done
        usb1: pm_locked 0
        usb2: RESUME act 0
            host bus_resume shared root hub
        usb2: CONFIGURED
        usb2: RESUME done
        usb2:1.0: RESUME done
        usb2: pm_locked 0
        1-1: RESUME act 0
        1-1: CONFIGURED
            host get_status slot 1
        1-1: RESUME done
        1-1:1.0: RESUME done
        1-1:1.1: RESUME done
        1-1: pm_locked 0
        -- complete
        -- thaw
    "#]]
    .assert_eq(&world.transcript());
    assert_eq!(world.kernel.now() - before, Duration::from_secs(1));
}

/// S4, S5: no ancestor of an offloaded device is powered down. The sibling is marked suspended while its port runs
/// on (B12).
#[test]
fn an_offloaded_device_keeps_its_bus_and_the_controller_running() {
    let world = World::new();
    let headset = headset_with_keys(&world);
    world.headset(2);
    usb_offload_get(&headset).unwrap();
    sleep_and_wake(&world).unwrap();
    expect![[r#"
        -- freeze
        -- prepare
        -- suspend (SUSPEND)
        1-2: pm_locked 1
        1-2: SUSPEND act 0
        1-2:1.0: SUSPEND done
        1-2: port left active
        1-2: SUSPENDED
        1-2: SUSPEND done
            host flush slot 2
        1-1: pm_locked 1
        1-1: SUSPEND act 1
        1-1:1.1: SUSPEND skipped
        1-1:1.0: SUSPEND done
        usb2: pm_locked 1
        usb2: SUSPEND act 0
        usb2:1.0: SUSPEND done
            host bus_suspend shared root hub
        usb2: SUSPENDED
        usb2: SUSPEND done
        usb1: pm_locked 1
        usb1: SUSPEND act 1
        usb1:1.0: SUSPEND skipped
        xhci-hcd.0: SUSPEND act 1
        -- suspend late
        -- asleep
        -- resume early
        -- resume (RESUME)
        usb1: RESUME act 1
        usb1:1.0: RESUME skipped
        usb1: pm_locked 0
        usb2: RESUME act 0
            host bus_resume shared root hub
        usb2: CONFIGURED
        usb2: RESUME done
        usb2:1.0: RESUME done
        usb2: pm_locked 0
        1-1: RESUME act 1
        1-1:1.0: RESUME done
        1-1:1.1: RESUME skipped
        1-1: pm_locked 0
        1-2: RESUME act 0
        1-2: CONFIGURED
            host get_status slot 2
        1-2: RESUME done
        1-2:1.0: RESUME done
        1-2: pm_locked 0
        -- complete
        -- thaw
    "#]]
    .assert_eq(&world.transcript());
    assert_eq!(headset.offload.usage(), 1);
}

/// S3 holds the count constant over a sleep. Where it is broken, the decision of the resume is another one.
#[test]
fn resume_evaluates_the_usage_anew() {
    let world = World::new();
    let headset = headset_with_keys(&world);
    usb_offload_get(&headset).unwrap();
    world.transcript();
    let core = world.core.clone();
    let target = headset.clone();
    world.run(async move {
        let sleep = SystemSleep::prepare(&core);
        sleep.suspend(PmMessage::Suspend).await.unwrap();
        target.offload.set_pm_locked(false);
        target.offload.change(UsageChange::Put).unwrap();
        target.offload.set_pm_locked(true);
        sleep.resume(PmMessage::Resume).await;
        sleep.complete().await;
    });
    let transcript = world.transcript();
    let resume: String = transcript
        .lines()
        .skip_while(|line| !line.starts_with("-- resume"))
        .flat_map(|l| [l, "\n"])
        .collect();
    expect![[r#"
        -- resume (RESUME)
        usb1: RESUME act 0
        usb1:1.0: RESUME done
        usb1: pm_locked 0
        usb2: RESUME act 0
            host bus_resume shared root hub
        usb2: CONFIGURED
        usb2: RESUME done
        usb2:1.0: RESUME done
        usb2: pm_locked 0
        1-1: RESUME act 0
        1-1:1.0: RESUME done
        1-1:1.1: RESUME done
        1-1: pm_locked 0
        -- complete
    "#]]
    .assert_eq(&resume);
}

/// A device with the wakeup setting it needs is left as autosuspend put it: it takes the early exit. B14: with a usage
/// kept, the resume then skips the device, and it stays suspended while runtime PM says active.
#[test]
fn early_exit_with_a_usage_kept_leaves_the_device_suspended() {
    let world = World::new();
    let headset = world.offloaded_headset(1);
    headset.pm().allow();
    world.pass(Duration::from_secs(3));
    assert_eq!(headset.state(), DeviceState::Suspended);

    sleep_and_wake(&world).unwrap();
    let transcript = world.transcript();
    let own: String = transcript.lines().filter(|l| l.starts_with("1-1")).flat_map(|l| [l, "\n"]).collect();
    expect![[r#"
        1-1: SUSPEND suspended already
        1-1: RESUME act 1
        1-1:1.0: RESUME done
        1-1: pm_locked 0
        1-1: RPM_ACTIVE
    "#]]
    .assert_eq(&own);
    assert_eq!(headset.state(), DeviceState::Suspended);
    assert!(!headset.offload.is_pm_locked());

    // The next cycle of runtime PM heals it: AUTO_RESUME never asks for the usage.
    world.pass(Duration::from_secs(3));
    let target = headset.clone();
    world.run(async move { target.autoresume().await }).unwrap();
    assert_eq!(headset.state(), DeviceState::Configured);
}

/// An autosuspended device whose wakeup setting is wrong for system sleep is resumed first: no early exit.
#[test]
fn a_wrong_wakeup_setting_resumes_an_autosuspended_device_first() {
    let world = World::new();
    let headset = headset_with_keys(&world);
    headset.pm().allow();
    world.pass(Duration::from_secs(3));
    assert_eq!(headset.state(), DeviceState::Suspended);
    sleep_and_wake(&world).unwrap();
    let transcript = world.transcript();
    let own: String = transcript.lines().filter(|l| l.starts_with("1-1: ")).flat_map(|l| [l, "\n"]).collect();
    expect![[r#"
        1-1: RPM_RESUMING
        1-1: CONFIGURED
        1-1: AUTO_RESUME done
        1-1: pm_locked 0
        1-1: RPM_ACTIVE
        1-1: pm_locked 1
        1-1: SUSPEND act 0
        1-1: port left active
        1-1: SUSPENDED
        1-1: SUSPEND done
        1-1: RESUME act 0
        1-1: CONFIGURED
        1-1: RESUME done
        1-1: pm_locked 0
    "#]]
    .assert_eq(&own);
}

/// B26: on PCI a root hub left running stops the sleep.
#[test]
fn a_pci_controller_refuses_to_sleep_with_an_offloaded_device() {
    let world = World::with(&HcdSetup { platform: Platform::Pci, shared_bus: false, ..HcdSetup::default() });
    let headset = world.offloaded_headset(1);
    let error = sleep_and_wake(&world).unwrap_err();
    assert_eq!(error.to_string(), "devices failed to suspend: -EBUSY");
    expect![[r#"
        -- freeze
        -- prepare
        -- suspend (SUSPEND)
        1-1: pm_locked 1
        1-1: SUSPEND act 1
        1-1:1.0: SUSPEND done
        usb1: pm_locked 1
        usb1: SUSPEND act 1
        usb1:1.0: SUSPEND skipped
        xhci-hcd.0: SUSPEND failed, -EBUSY
        -- resume (RESUME)
        usb1: RESUME act 1
        usb1:1.0: RESUME skipped
        usb1: pm_locked 0
        1-1: RESUME act 1
        1-1:1.0: RESUME done
        1-1: pm_locked 0
        -- complete
        -- thaw
    "#]]
    .assert_eq(&world.transcript());
    assert!(!headset.offload.is_pm_locked());
    assert_eq!(offload_core::usb_offload_put(&headset), Ok(()));
}

/// A controller that runtime PM suspended is resumed before system sleep suspends it again.
#[test]
fn a_runtime_suspended_controller_is_resumed_first() {
    let world = World::with(&HcdSetup { shared_bus: false, ..HcdSetup::default() });
    // With the wakeup setting that autosuspend chose, the root hub takes the early exit.
    world.root_hub().pm().set_wakeup(true, true);
    world.root_hub().pm().allow();
    world.hcd.controller().allow();
    world.pass(Duration::from_secs(1));
    assert!(world.transcript().ends_with("host hc_suspend\nxhci-hcd.0: RPM_SUSPENDED\n"));
    sleep_and_wake(&world).unwrap();
    let transcript = world.transcript();
    let host: Vec<&str> = transcript.lines().filter_map(|line| line.trim().strip_prefix("host ")).collect();
    assert_eq!(
        host,
        ["hc_resume Restored", "hc_suspend", "hc_resume Restored", "bus_resume primary root hub"]
    );
}

/// What a device without children gives does not stop a system sleep; what its root hub gives does.
#[test]
fn only_a_root_hub_can_fail_a_system_sleep() {
    let world = World::new();
    let setup = DeviceSetup::new(1, None).speed(offload_core::Speed::Super);
    let shared = world.hcd.root_hub(offload_core::RootHub::Shared).unwrap();
    let disk = world.plug(&shared, 1, &setup, Scripted::new("storage"));
    world.host.fail("port_suspend", Errno::EPROTO);
    let core = world.core.clone();
    let sleep = world.run(async move {
        let sleep = SystemSleep::prepare(&core);
        sleep.suspend(PmMessage::Suspend).await.unwrap();
        sleep
    });
    // Counted as suspended, with the state unchanged.
    assert_eq!(disk.state(), DeviceState::Configured);
    assert!(disk.offload.is_pm_locked() && !disk.can_submit());
    world.host.mend("port_suspend");
    world.run(async move {
        sleep.resume(PmMessage::Resume).await;
        sleep.complete().await;
    });
    assert!(!disk.offload.is_pm_locked() && disk.can_submit());

    world.host.fail("bus_suspend", Errno::EBUSY);
    assert_eq!(sleep_and_wake(&world).unwrap_err().to_string(), "devices failed to suspend: -EBUSY");
    assert_eq!(disk.state(), DeviceState::Configured);
    assert_eq!(offload_core::leaks(&world.hcd), []);
}

/// A wakeup event between prepare and the last callback abandons the sleep.
#[test]
fn a_wakeup_event_abandons_the_sleep() {
    let world = World::new();
    let core = world.core.clone();
    let driver = Scripted::new("audio").on_suspend(move |_intf, _message| {
        core.wakeup_event();
        async { Ok(()) }
    });
    let headset = world.plug(&world.root_hub(), 1, &DeviceSetup::new(1, None), driver);
    let error = sleep_and_wake(&world).unwrap_err();
    assert_eq!(error.to_string(), "devices failed to suspend: -EBUSY");
    assert_eq!(headset.state(), DeviceState::Configured);
    assert!(headset.can_submit());
}

/// The quirk does not ask for offload (B24).
#[test]
fn disconnect_suspend_disables_the_port_of_an_offloaded_device() {
    let world = World::new();
    let quirks = Quirks { disconnect_suspend: true, ..Quirks::default() };
    let setup = DeviceSetup { quirks, ..DeviceSetup::new(1, None) };
    let headset = world.plug(&world.root_hub(), 1, &setup, Scripted::new("audio"));
    usb_offload_get(&headset).unwrap();
    sleep_and_wake(&world).unwrap();
    assert!(world.transcript().contains("host port_disable slot 1"));
}

/// A driver that cannot suspend is unbound for the sleep, and bound again by the binder.
#[test]
fn a_driver_without_suspend_is_unbound_and_bound_again() {
    let world = World::new();
    let driver = Scripted { no_pm: true, ..Scripted::new("legacy") };
    let device = world.plug(&world.root_hub(), 1, &DeviceSetup::new(1, None), driver);
    world.core.set_binder(Rc::new(|intf| {
        Box::pin(async move {
            intf.probe(Rc::new(Scripted::new("modern")), async { Ok(()) }).await.unwrap();
        })
    }));
    sleep_and_wake(&world).unwrap();
    assert_eq!(device.interface(0).unwrap().driver().unwrap().name(), "modern");
}

/// Devices without dependency sleep in parallel; one at a time gives the same decisions.
#[test]
fn one_at_a_time_and_in_parallel_decide_the_same() {
    let decisions = |parallel| {
        let world = World::new();
        world.core.set_async_suspend(parallel);
        let hub = world.plug_hub(&world.root_hub(), 3, 3);
        let headset = world.plug(&hub, 4, &DeviceSetup::new(1, None), Scripted::new("audio"));
        world.headset(1);
        usb_offload_get(&headset).unwrap();
        sleep_and_wake(&world).unwrap();
        let mut lines: Vec<String> =
            world.transcript().lines().filter(|l| l.contains(" act ")).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(decisions(true), decisions(false));
    assert!(decisions(true).contains(&"1-3: SUSPEND act 1".to_owned()));
}
