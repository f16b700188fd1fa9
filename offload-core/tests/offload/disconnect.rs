//! Unplug and unbind: sequences 3.1 and 3.2.

use crate::scripted::Scripted;
use crate::world::{World, first_interface};
use expect_test::expect;
use offload_core::{
    DeviceSetup, DeviceState, Errno, Sideband, SidebandType, driver_unbind, hub_port_disconnect,
    usb_offload_get, usb_offload_put, usb_remove_hcd,
};
use sim_time::Duration;
use std::cell::RefCell;
use std::rc::Rc;

/// Puts once and says what came of it.
fn putting_driver(results: &Rc<RefCell<Vec<String>>>) -> Scripted {
    let results = results.clone();
    Scripted::new("audio").on_disconnect(move |intf| {
        let udev = intf.device().unwrap();
        results.borrow_mut().push(format!("{} put {:?}", udev.state(), usb_offload_put(&udev)));
        async {}
    })
}

#[test]
fn an_unplugged_hub_takes_its_devices_along_in_order() {
    let world = World::new();
    let root = world.root_hub();
    let hub = world.plug_hub(&root, 1, 1);
    let results = Rc::default();
    let headset = world.plug(&hub, 2, &DeviceSetup::new(3, None).interfaces(2), putting_driver(&results));
    usb_offload_get(&headset).unwrap();
    world.transcript();
    world.run(async move { hub_port_disconnect(&root, 1).await });
    expect![[r#"
        1-1: disconnect
        1-1: NOTATTACHED
        1-1.3: NOTATTACHED
        1-1.3: disconnect
        1-1.3: usb_offload_put -> usage 0
        1-1.3:1.0: unbound
        1-1.3: usb_offload_put -> usage 0
        1-1.3:1.1: unbound
            host flush slot 2
            host drop_endpoints slot 2
        1-1.3: RPM_SUSPENDED
            host free slot 2
        1-1:1.0: unbound
            host flush slot 1
            host drop_endpoints slot 1
        1-1: RPM_SUSPENDED
            host free slot 1
    "#]]
    .assert_eq(&world.transcript());
    // The object is dying but awake, so its count still goes: once, then it is 0.
    assert_eq!(*results.borrow(), ["NOTATTACHED put Ok(())", "NOTATTACHED put Ok(())"]);
    assert!(world.hcd.device("1-1").is_none() && world.hcd.device("1-1.3").is_none());
    assert_eq!(usb_offload_get(&headset), Err(Errno::EBUSY), "B22 ends with device_del");
    assert_eq!(headset.slot_id(), None);
    assert_eq!(hub.state(), DeviceState::NotAttached);
}

#[test]
fn unplugging_a_suspended_device_cannot_wake_it_and_the_put_fails() {
    let world = World::new();
    let results = Rc::default();
    let headset = world.plug(&world.root_hub(), 1, &DeviceSetup::new(1, None), putting_driver(&results));
    usb_offload_get(&headset).unwrap();
    headset.pm().allow();
    world.pass(Duration::from_secs(3));
    let root = world.root_hub();
    world.run(async move { hub_port_disconnect(&root, 1).await });
    assert_eq!(*results.borrow(), ["NOTATTACHED put Err(-EBUSY)"]);
}

#[test]
fn unbinding_wakes_the_device_and_leaves_alternate_setting_0() {
    let world = World::new();
    let results = Rc::default();
    let headset = world.plug(&world.root_hub(), 1, &DeviceSetup::new(1, None), putting_driver(&results));
    let interface = first_interface(&headset);
    let streaming = interface.clone();
    world.run(async move {
        streaming.autopm_get().await.unwrap();
        streaming.set_alternate(2).await.unwrap();
        streaming.autopm_put().await;
    });
    usb_offload_get(&headset).unwrap();
    headset.pm().allow();
    world.pass(Duration::from_secs(3));
    assert_eq!(headset.state(), DeviceState::Suspended);
    world.transcript();
    world.run(async move { driver_unbind(&interface).await });
    expect![[r#"
        1-1: RPM_RESUMING
            host port_resume slot 1
        1-1: CONFIGURED
            host get_status slot 1
        1-1: AUTO_RESUME done
        1-1:1.0: AUTO_RESUME done
        1-1: pm_locked 0
        1-1: RPM_ACTIVE
        1-1: usb_offload_put -> usage 0
            host set_interface slot 1 interface 0 alternate 0
        1-1:1.0: unbound
    "#]]
    .assert_eq(&world.transcript());
    assert_eq!(*results.borrow(), ["CONFIGURED put Ok(())"]);
    assert_eq!(headset.offload.usage(), 0);
}

/// A controller that is removed takes everything along.
#[test]
fn a_removed_controller_leaves_nothing() {
    let world = World::new();
    let hub = world.plug_hub(&world.root_hub(), 1, 1);
    let headset = world.plug(&hub, 2, &DeviceSetup::new(1, None), Scripted::new("audio"));
    let hcd = world.hcd.clone();
    world.run(async move { usb_remove_hcd(&hcd).await });
    assert_eq!((headset.state(), headset.slot_id()), (DeviceState::NotAttached, None));
    assert_eq!(hub.children().len(), 0);
    let core = world.core.clone();
    world.transcript();
    let wake = world.soon();
    world.run(async move { offload_core::suspend_to_ram(&core, wake).await }).unwrap();
    assert!(!world.transcript().contains("host"), "nobody is left to suspend");
}

/// What hangs on a device goes before its slot: the sideband is unregistered by the driver's disconnect.
#[test]
fn a_driver_unregisters_its_sideband_before_the_slot_is_freed() {
    let world = World::new();
    let held: Rc<RefCell<Option<Rc<Sideband>>>> = Rc::default();
    let own = held.clone();
    let driver = Scripted::new("audio").on_disconnect(move |_intf| {
        let sideband = own.take().unwrap();
        async move { sideband.unregister().await }
    });
    let headset = world.plug(&world.root_hub(), 1, &DeviceSetup::new(1, None), driver);
    held.replace(Sideband::register(&first_interface(&headset), SidebandType::Vendor, None));
    world.transcript();
    let root = world.root_hub();
    world.run(async move { hub_port_disconnect(&root, 1).await });
    let transcript = world.transcript();
    let at = |text| transcript.find(text).unwrap_or_else(|| panic!("{text} in\n{transcript}"));
    assert!(at("sideband unregistered") < at("host drop_endpoints slot 1"));
    assert!(at("host drop_endpoints slot 1") < at("host free slot 1"));
    assert!(!transcript.contains("freed virtual device"));
}
