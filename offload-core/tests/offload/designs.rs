//! What the versions of the usage count do with the same calls.

use crate::world::World;
use expect_test::expect;
use offload_core::{
    ClassDriverRules, Design, DeviceLock, Errno, HcdSetup, OffloadDesign, Platform, PmMessage, RpmStatus,
    Sideband, SidebandType, SystemSleep, UsbDevice,
};
use std::fmt::Write;
use std::rc::Rc;

fn world(design: Design) -> World {
    let world = World::new();
    world.core.set_design(design);
    world
}

/// A call with the device's mutex held where the design wants that.
async fn call(design: &'static dyn OffloadDesign, udev: Rc<UsbDevice>, get: bool) -> Result<(), Errno> {
    let wanted = design.class_driver().device_lock != DeviceLock::Never;
    let _device_lock = if wanted { Some(udev.lock().await) } else { None };
    if get { design.get(&udev).await } else { design.put(&udev).await }
}

fn shown(result: Result<(), Errno>) -> String {
    result.map_or_else(|errno| errno.to_string(), |()| "0".into())
}

/// get awake; put between the suspend and the resume of a system sleep, and the users after it; get while the device is
/// autosuspended, and its status then.
#[test]
fn a_put_in_system_sleep_and_a_get_on_a_suspended_device() {
    let mut table = String::new();
    for design in Design::ALL {
        let world = world(design);
        let rules = design.rules();
        let headset = world.headset(1);
        let got = world.run(call(rules, headset.clone(), true));
        let (core, udev) = (world.core.clone(), headset.clone());
        let put = world.run(async move {
            let devices = SystemSleep::prepare(&core);
            devices.suspend(PmMessage::Suspend).await.unwrap();
            let put = call(rules, udev, false).await;
            devices.resume(PmMessage::Resume).await;
            devices.complete().await;
            put
        });
        let users = rules.users(&headset);
        headset.offload.change(offload_core::UsageChange::Put).unwrap();
        headset.pm().allow();
        world.pass(sim_time::Duration::from_secs(10));
        assert_eq!(headset.pm().power.status(), RpmStatus::Suspended);
        let late = world.run(call(rules, headset.clone(), true));
        let status = headset.pm().power.status();
        let (got, put, late) = (shown(got), shown(put), shown(late));
        writeln!(
            table,
            "{design:7} get {got}; asleep: put {put}, users {users}; suspended: get {late}, {status}"
        )
        .unwrap();
    }
    expect![[r#"
        legacy  get 0; asleep: put -EBUSY, users 1; suspended: get -EBUSY, RPM_SUSPENDED
        rfc-v1  get 0; asleep: put -EBUSY, users 1; suspended: get -EBUSY, RPM_SUSPENDED
        rfc-v2  get 0; asleep: put -EBUSY, users 1; suspended: get -EBUSY, RPM_SUSPENDED
        v1      get 0; asleep: put -EBUSY, users 1; suspended: get -EBUSY, RPM_SUSPENDED
        v2      get 0; asleep: put -EBUSY, users 1; suspended: get -EBUSY, RPM_SUSPENDED
        v3      get 0; asleep: put -EAGAIN, users 1; suspended: get -EBUSY, RPM_SUSPENDED
        v4      get 0; asleep: put -EAGAIN, users 1; suspended: get -EBUSY, RPM_SUSPENDED
        fixed   get 0; asleep: put 0, users 0; suspended: get -EBUSY, RPM_SUSPENDED
    "#]]
    .assert_eq(&table);
}

/// B23: only ours keeps an offloaded device awake.
#[test]
fn a_user_keeps_the_device_awake_in_the_fixed_design_only() {
    let awake = Design::ALL.into_iter().filter(|design| {
        let world = world(*design);
        let headset = world.headset(1);
        world.run(call(design.rules(), headset.clone(), true)).unwrap();
        headset.pm().allow();
        world.pass(sim_time::Duration::from_secs(10));
        headset.pm().power.status() == RpmStatus::Active
    });
    assert_eq!(awake.collect::<Vec<_>>(), [Design::Fixed]);
}

/// Which designs have the sideband count, and the class driver.
#[test]
fn somebody_counts_with_every_interrupter() {
    for design in Design::ALL {
        let world = world(design);
        let headset = world.headset(1);
        let (counts, udev) = (design.rules().class_driver().counts, headset.clone());
        world.run(async move {
            let sideband =
                Sideband::register(&udev.interface(0).unwrap(), SidebandType::Vendor, None).unwrap();
            sideband.create_interrupter(1, false, 0, 0).await.unwrap();
            assert_eq!(udev.offload.usage(), u32::from(!counts), "{design}: with the interrupter");
            sideband.remove_interrupter().await;
            assert_eq!(udev.offload.usage(), 0, "{design}: without it");
        });
    }
    let by_class_driver = |design: &Design| design.rules().class_driver();
    assert_eq!(
        by_class_driver(&Design::V1),
        ClassDriverRules { counts: true, device_lock: DeviceLock::Body }
    );
}

/// B9, B26, B27: a stream on the bus that xhci-plat does not look at, on controllers that do not look at all.
#[test]
fn the_fixed_design_sleeps_with_a_stream_on_every_controller() {
    for platform in [Platform::XhciPlat, Platform::Pci, Platform::Dwc3] {
        for design in [Design::V4, Design::Fixed] {
            let world = World::with(&HcdSetup { platform, ..HcdSetup::default() });
            world.core.set_design(design);
            let headset = world.headset(1);
            world.run(call(design.rules(), headset, true)).unwrap();
            let (core, wake) = (world.core.clone(), world.soon());
            let slept = world.run(async move { offload_core::suspend_to_ram(&core, wake).await.is_ok() });
            let halted = world.transcript().contains("host hc_suspend");
            let expected = design == Design::Fixed || platform != Platform::Pci;
            assert_eq!((slept, halted), (expected, false), "{platform:?} {design}");
        }
    }
}
