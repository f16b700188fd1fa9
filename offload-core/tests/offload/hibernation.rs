//! FREEZE, THAW, HIBERNATE, RESTORE: the usage is not asked.

use crate::world::World;
use expect_test::expect;
use offload_core::{Errno, PmMessage, SystemSleep, hibernate, usb_offload_put};

/// The stream of an offloaded device is cut; a USB 2 device stops with its bus.
#[test]
fn freeze_and_restore_ignore_the_usage() {
    let world = World::new();
    let headset = world.offloaded_headset(1);
    world.transcript();
    let (core, wake) = (world.core.clone(), world.soon());
    world.run(async move { hibernate(&core, wake).await }).unwrap();
    expect![[r#"
        -- freeze
        -- prepare
        -- suspend (FREEZE)
        1-1: pm_locked 1
        1-1:1.0: FREEZE done
        1-1: FREEZE done
            host flush slot 1
        usb2: pm_locked 1
        usb2:1.0: FREEZE done
            host bus_suspend shared root hub
        usb2: SUSPENDED
        usb2: FREEZE done
        usb1: pm_locked 1
        usb1:1.0: FREEZE done
            host bus_suspend primary root hub
        usb1: SUSPENDED
        usb1: FREEZE done
            host hc_suspend
        -- suspend late
        -- asleep
        -- resume early
        -- resume (RESTORE)
            host hc_resume PowerLost
            host bus_resume primary root hub
        usb1: CONFIGURED
        usb1: RESTORE done
        usb1:1.0: RESTORE done after reset
        usb1: pm_locked 0
            host bus_resume shared root hub
        usb2: CONFIGURED
        usb2: RESTORE done
        usb2:1.0: RESTORE done after reset
        usb2: pm_locked 0
            host reset_device slot 1
            host reset_device slot 1
            host port_init slot 1
            host configure slot 1
            host get_status slot 1
        1-1: RESTORE done
        1-1:1.0: RESTORE done after reset
        1-1: pm_locked 0
        -- complete
        -- thaw
    "#]]
    .assert_eq(&world.transcript());
    assert_eq!(headset.offload.usage(), 1);
}

/// Every message that suspends freezes the count, every message that resumes frees it.
#[test]
fn pm_locked_is_set_and_cleared_by_every_message() {
    let pairs = [
        (PmMessage::Suspend, PmMessage::Resume),
        (PmMessage::Freeze, PmMessage::Thaw),
        (PmMessage::Freeze, PmMessage::Recover),
        (PmMessage::Quiesce, PmMessage::Recover),
        (PmMessage::Hibernate, PmMessage::Restore),
    ];
    for (down, up) in pairs {
        let world = World::new();
        let headset = world.offloaded_headset(1);
        let (core, target) = (world.core.clone(), headset.clone());
        let refused = world.run(async move {
            let sleep = SystemSleep::prepare(&core);
            sleep.suspend(down).await.unwrap();
            let refused = usb_offload_put(&target);
            sleep.resume(up).await;
            sleep.complete().await;
            refused
        });
        assert_eq!(refused, Err(Errno::EAGAIN), "{down}");
        assert_eq!(usb_offload_put(&headset), Ok(()), "{up}");
        let asked = world.transcript().contains(" act ");
        assert_eq!(asked, down == PmMessage::Suspend, "{down}");
    }
}
