//! A controller that lost its state: every device is reset when it resumes.

use crate::scripted::Scripted;
use crate::world::{World, first_interface};
use expect_test::expect;
use offload_core::{
    DeviceSetup, EpIndex, Errno, Quirks, Sideband, SidebandEvent, SidebandType, suspend_to_ram,
};
use sim_time::Duration;
use std::cell::RefCell;
use std::rc::Rc;

fn sleep_and_wake(world: &World) {
    let (core, wake) = (world.core.clone(), world.soon());
    world.transcript();
    world.run(async move { suspend_to_ram(&core, wake).await }).unwrap();
}

/// B6: the virtual devices are new, the sideband still points to the old one.
#[test]
fn after_power_loss_a_sideband_dangles() {
    let world = World::new();
    let headset = world.headset(1);
    let sb = Sideband::register(&first_interface(&headset), SidebandType::Vendor, None).unwrap();
    world.host.lose_power();
    sleep_and_wake(&world);
    let transcript = world.transcript();
    let resume: String =
        transcript.lines().skip_while(|l| !l.starts_with("-- resume (")).flat_map(|l| [l, "\n"]).collect();
    expect![[r#"
        -- resume (RESUME)
            host hc_resume PowerLost
        usb1: RESUME act 0
            host bus_resume primary root hub
        usb1: CONFIGURED
        usb1: RESUME done
        usb1:1.0: RESUME done after reset
        usb1: pm_locked 0
        usb2: RESUME act 0
            host bus_resume shared root hub
        usb2: CONFIGURED
        usb2: RESUME done
        usb2:1.0: RESUME done after reset
        usb2: pm_locked 0
        1-1: RESUME act 0
        1-1: CONFIGURED
            host reset_device slot 1
            host reset_device slot 1
            host port_init slot 1
            host configure slot 1
            host get_status slot 1
        1-1: RESUME done
        1-1:1.0: RESUME done after reset
        1-1: pm_locked 0
        -- complete
        -- thaw
    "#]]
    .assert_eq(&resume);
    world.run(async move {
        let ep = EpIndex::new(1).unwrap();
        assert_eq!(sb.add_endpoint(ep).await, Ok(()));
        assert_eq!(sb.get_endpoint_buffer(ep), None);
        assert_eq!(sb.stop_endpoint(ep).await, Err(Errno::ENODEV));
        sb.unregister().await;
    });
    expect![[r#"
        1-1:1.0: add_endpoint uses a freed virtual device
        1-1:1.0: ep 1 linked
        1-1:1.0: endpoint access uses a freed virtual device
        1-1:1.0: endpoint access uses a freed virtual device
        1-1:1.0: unregister uses a freed virtual device
        1-1:1.0: endpoint access uses a freed virtual device
        1-1:1.0: ep 1 unlinked
        1-1:1.0: sideband unregistered
    "#]]
    .assert_eq(&world.transcript());
}

/// The owner of a linked endpoint is told before the ring goes; by index.
#[test]
fn a_reset_tells_the_owner_of_a_ring_before_it_frees_it() {
    let world = World::new();
    let quirks = Quirks { reset_resume: true, ..Quirks::default() };
    let setup = DeviceSetup { quirks, ..DeviceSetup::new(1, None) };
    let headset = world.plug(&world.root_hub(), 1, &setup, Scripted::new("audio"));
    let told = Rc::new(RefCell::new(Vec::new()));
    let log = told.clone();
    let notify = move |intf: Rc<offload_core::UsbInterface>, event: SidebandEvent| {
        log.borrow_mut().push(format!("{} {event:?}", intf.name()));
        let answer: offload_core::LocalBoxFuture<'static, Result<(), Errno>> = Box::pin(async { Ok(()) });
        answer
    };
    let interface = first_interface(&headset);
    let sb = Sideband::register(&interface, SidebandType::Vendor, Some(Rc::new(notify))).unwrap();
    world.run(async move { sb.add_endpoint(EpIndex::new(1).unwrap()).await }).unwrap();
    sleep_and_wake(&world);
    // Once: the second Reset Device, under A0, finds no ring.
    assert_eq!(*told.borrow(), ["1-1:1.0 RingFree(EpIndex(1))"]);
    expect![[r#"
        -- freeze
        -- prepare
        -- suspend (SUSPEND)
        1-1: pm_locked 1
        1-1: SUSPEND act 0
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
            host reset_device slot 1
            host reset_device slot 1
            host port_init slot 1
            host configure slot 1
            host get_status slot 1
        1-1: RESUME done
        1-1:1.0: RESUME done after reset
        1-1: pm_locked 0
        -- complete
        -- thaw
    "#]]
    .assert_eq(&world.transcript());
}

/// A driver that cannot follow a reset is unbound after the resume.
#[test]
fn a_driver_without_reset_resume_is_unbound() {
    let world = World::new();
    let quirks = Quirks { reset_resume: true, ..Quirks::default() };
    let setup = DeviceSetup { quirks, ..DeviceSetup::new(1, None) };
    let driver = Scripted { no_reset_resume: true, ..Scripted::new("simple") };
    let device = world.plug(&world.root_hub(), 1, &setup, driver);
    sleep_and_wake(&world);
    assert!(device.interface(0).unwrap().driver().is_none());
    assert!(device.interface(0).unwrap().needs_binding());
}

/// A device that does not answer after a resume is reset; one that cannot be reset is disconnected by the hub.
#[test]
fn a_silent_device_is_reset_and_then_disconnected() {
    let world = World::new();
    let _headset = world.headset(1);
    world.host.fail("get_status", Errno::EPROTO);
    sleep_and_wake(&world);
    assert!(world.transcript().contains("host reset_device slot 1"));
    world.pass(Duration::from_millis(1));
    assert!(world.hcd.device("1-1").is_none());
}
