//! A controller with a USB 2 and a SuperSpeed bus.

use crate::scripted::Scripted;
use crate::world::World;
use expect_test::expect;
use offload_core::{DeviceSetup, RootHub, Speed, suspend_to_ram, usb_offload_get, xhci_sideband_check};

/// B9: the controller asks the primary bus only. An offloaded SuperSpeed device keeps the shared bus running, the
/// controller wants to suspend all the same and cannot.
#[test]
fn an_offloaded_superspeed_device_is_not_seen_and_the_sleep_fails() {
    let world = World::new();
    let shared = world.hcd.root_hub(RootHub::Shared).unwrap();
    let setup = DeviceSetup::new(1, None).speed(Speed::Super);
    let headset = world.plug(&shared, 1, &setup, Scripted::new("audio"));
    usb_offload_get(&headset).unwrap();
    world.transcript();

    let (core, wake) = (world.core.clone(), world.soon());
    let error = world.run(async move { suspend_to_ram(&core, wake).await }).unwrap_err();
    assert_eq!(error.to_string(), "devices failed to suspend: -EINVAL");
    expect![[r#"
        -- freeze
        -- prepare
        -- suspend (SUSPEND)
        2-1: pm_locked 1
        2-1: SUSPEND act 1
        2-1:1.0: SUSPEND done
        usb2: pm_locked 1
        usb2: SUSPEND act 1
        usb2:1.0: SUSPEND skipped
        usb1: pm_locked 1
        usb1: SUSPEND act 0
        usb1:1.0: SUSPEND done
            host bus_suspend primary root hub
        usb1: SUSPENDED
        usb1: SUSPEND done
        xhci-hcd.0: SUSPEND act 0
        xhci-hcd.0: SUSPEND failed, -EINVAL
        -- resume (RESUME)
        usb1: RESUME act 0
            host bus_resume primary root hub
        usb1: CONFIGURED
        usb1: RESUME done
        usb1:1.0: RESUME done
        usb1: pm_locked 0
        usb2: RESUME act 1
        usb2:1.0: RESUME skipped
        usb2: pm_locked 0
        2-1: RESUME act 1
        2-1:1.0: RESUME done
        2-1: pm_locked 0
        -- complete
        -- thaw
    "#]]
    .assert_eq(&world.transcript());
    // Every device got its resume.
    assert!(world.hcd.devices().iter().all(|udev| !udev.offload.is_pm_locked() && udev.can_submit()));
}

#[test]
fn the_sideband_check_looks_at_the_primary_bus() {
    let world = World::new();
    let check = || {
        let hcd = world.hcd.clone();
        world.run(async move { xhci_sideband_check(&hcd).await })
    };
    let shared = world.hcd.root_hub(RootHub::Shared).unwrap();
    let setup = DeviceSetup::new(1, None).speed(Speed::Super);
    let fast = world.plug(&shared, 7, &setup, Scripted::new("audio"));
    usb_offload_get(&fast).unwrap();
    assert!(!check());
    world.offloaded_headset(1);
    assert!(check());
}

#[test]
fn names_and_levels_follow_the_topology() {
    let world = World::new();
    let hub = world.plug_hub(&world.root_hub(), 1, 4);
    world.plug(&hub, 2, &DeviceSetup::new(2, None).interfaces(2), Scripted::new("audio"));
    let shared = world.hcd.root_hub(RootHub::Shared).unwrap();
    world.plug(&shared, 3, &DeviceSetup::new(1, None), Scripted::new("storage"));
    let lines: Vec<String> = offload_core::snapshot(&world.hcd).iter().map(ToString::to_string).collect();
    expect![[r#"
        usb1: CONFIGURED RPM_ACTIVE usage 0 pm_locked 0 pm usage 1 active children 1; usb1:1.0 hub autopm 0
        1-4: CONFIGURED RPM_ACTIVE usage 0 pm_locked 0 pm usage 1 active children 1; 1-4:1.0 hub autopm 0
        1-4.2: CONFIGURED RPM_ACTIVE usage 0 pm_locked 0 pm usage 1 active children 0; 1-4.2:1.0 audio autopm 0; 1-4.2:1.1 audio autopm 0
        usb2: CONFIGURED RPM_ACTIVE usage 0 pm_locked 0 pm usage 1 active children 1; usb2:1.0 hub autopm 0
        2-1: CONFIGURED RPM_ACTIVE usage 0 pm_locked 0 pm usage 1 active children 0; 2-1:1.0 storage autopm 0
    "#]].assert_eq(&(lines.join("\n") + "\n"));
}
