//! The sideband API: reference 1.2, V4.

use crate::world::{World, first_interface};
use expect_test::expect;
use offload_core::{EpIndex, Errno, Leak, Sideband, SidebandType, UsbDevice, leaks};
use std::fmt::Display;
use std::rc::Rc;

fn ep(index: u8) -> EpIndex {
    EpIndex::new(index).unwrap()
}
fn register(udev: &UsbDevice) -> Option<Rc<Sideband>> {
    Sideband::register(&first_interface(udev), SidebandType::Vendor, None)
}
fn shown<T: Display>(result: Result<T, Errno>) -> String {
    result.map_or_else(|errno| errno.to_string(), |value| value.to_string())
}
fn done(result: Result<(), Errno>) -> String {
    shown(result.map(|()| 0))
}

#[test]
fn endpoints_error_by_error() {
    let world = World::new();
    let headset = world.headset(1);
    let slot = headset.slot_id().unwrap();
    world.host.enable_streams(slot, ep(4));
    let sb = register(&headset).unwrap();
    let table = world.run(async move {
        let mut rows = vec![
            ("stop, not linked", done(sb.stop_endpoint(ep(1)).await)),
            ("remove, not linked", done(sb.remove_endpoint(ep(1)).await)),
            ("buffer, not linked", format!("{:?}", sb.get_endpoint_buffer(ep(1)))),
            ("add", done(sb.add_endpoint(ep(1)).await)),
            ("add again", done(sb.add_endpoint(ep(1)).await)),
            ("add, streams", done(sb.add_endpoint(ep(4)).await)),
            ("add, no ring", done(sb.add_endpoint(ep(2)).await)),
            ("buffer, no ring", format!("{:?}", sb.get_endpoint_buffer(ep(2)))),
            ("stop, no ring", done(sb.stop_endpoint(ep(2)).await)),
            ("remove, no ring", done(sb.remove_endpoint(ep(2)).await)),
            ("stop", done(sb.stop_endpoint(ep(1)).await)),
            ("buffer", format!("{:#x?}", sb.get_endpoint_buffer(ep(1)).unwrap().dma_address().unwrap())),
            ("remove", done(sb.remove_endpoint(ep(1)).await)),
        ];
        sb.unregister().await;
        rows.extend([
            ("add, unregistered", done(sb.add_endpoint(ep(1)).await)),
            ("remove, unregistered", done(sb.remove_endpoint(ep(1)).await)),
            ("stop, unregistered", done(sb.stop_endpoint(ep(1)).await)),
        ]);
        rows
    });
    let text: String = table.iter().map(|(call, result)| format!("{call:<22}{result}\n")).collect();
    expect![[r#"
        stop, not linked      -EINVAL
        remove, not linked    -ENODEV
        buffer, not linked    None
        add                   0
        add again             -EBUSY
        add, streams          -EINVAL
        add, no ring          0
        buffer, no ring       None
        stop, no ring         -ENODEV
        remove, no ring       0
        stop                  0
        buffer                0x101000
        remove                0
        add, unregistered     -ENODEV
        remove, unregistered  -ENODEV
        stop, unregistered    -EINVAL
    "#]]
    .assert_eq(&text);
}

#[test]
fn interrupters_error_by_error() {
    let world = World::new();
    let (first, second) = (register(&world.headset(1)).unwrap(), register(&world.headset(2)).unwrap());
    let table = world.run(async move {
        let mut rows = vec![
            ("id, none", shown(first.interrupter_id())),
            ("buffer, none", format!("{:?}", first.get_event_buffer())),
            ("intr 4 of 4", done(first.create_interrupter(1, false, 0, 4).await)),
            ("intr -1", done(first.create_interrupter(1, false, 0, u32::MAX).await)),
            ("any", done(first.create_interrupter(1, false, 0, 0).await)),
            ("id", shown(first.interrupter_id())),
            ("any, again", done(first.create_interrupter(1, false, 0, 0).await)),
            ("other sideband, the same", done(second.create_interrupter(1, false, 0, 1).await)),
            ("other sideband, intr 3", done(second.create_interrupter(1, false, 0, 3).await)),
            ("its id", shown(second.interrupter_id())),
        ];
        first.remove_interrupter().await;
        first.remove_interrupter().await;
        rows.push(("id, removed", shown(first.interrupter_id())));
        first.unregister().await;
        rows.push(("any, unregistered", done(first.create_interrupter(1, false, 0, 0).await)));
        rows
    });
    let text: String = table.iter().map(|(call, result)| format!("{call:<26}{result}\n")).collect();
    expect![[r#"
        id, none                  -ENODEV
        buffer, none              None
        intr 4 of 4               -ENOMEM
        intr -1                   -ENOMEM
        any                       0
        id                        1
        any, again                -EBUSY
        other sideband, the same  -ENOMEM
        other sideband, intr 3    0
        its id                    3
        id, removed               -ENODEV
        any, unregistered         -ENODEV
    "#]]
    .assert_eq(&text);
}

#[test]
fn registration_needs_a_slot_a_virtual_device_and_nobody_before() {
    let world = World::new();
    let headset = world.headset(1);
    let interface = first_interface(&headset);
    assert!(Sideband::register(&interface, SidebandType::Audio, None).is_none());
    assert!(register(&world.root_hub()).is_none(), "a root hub has no slot");

    let sb = register(&headset).unwrap();
    // S12: at most one sideband per virtual device.
    assert!(register(&headset).is_none());
    let first = sb.clone();
    world.run(async move { first.unregister().await });
    assert!(!sb.is_registered());
    assert!(register(&headset).is_some());
}

#[test]
fn unregister_stops_unlinks_and_gives_back() {
    let world = World::new();
    let headset = world.headset(1);
    let sb = register(&headset).unwrap();
    let user = sb.clone();
    world.run(async move {
        user.add_endpoint(ep(1)).await.unwrap();
        user.add_endpoint(ep(0)).await.unwrap();
        user.create_interrupter(1, false, 0, 0).await.unwrap();
    });
    let interface: Rc<str> = "1-1:1.0".into();
    let handle = sb.interrupter().unwrap();
    assert_eq!(
        leaks(&world.hcd),
        [
            Leak::Interrupter { interface: interface.clone(), handle },
            Leak::Endpoints { interface, linked: 2 }
        ]
    );
    world.transcript();
    world.run(async move {
        sb.unregister().await;
        sb.unregister().await;
    });
    expect![[r#"
            host stop_endpoint slot 1 ep 0
        1-1:1.0: ep 0 unlinked
            host stop_endpoint slot 1 ep 1
        1-1:1.0: ep 1 unlinked
            host remove interrupter 1
        1-1:1.0: interrupter 1 returned
        1-1:1.0: sideband unregistered
    "#]]
    .assert_eq(&world.transcript());
    assert_eq!(leaks(&world.hcd), []);
}

/// remove stops the endpoint and does not care whether that worked; stop tells.
#[test]
fn a_failed_stop_does_not_keep_an_endpoint_linked() {
    let world = World::new();
    let sb = register(&world.headset(1)).unwrap();
    world.host.fail("stop_endpoint", Errno::ETIME);
    world.run(async move {
        sb.add_endpoint(ep(1)).await.unwrap();
        assert_eq!(sb.stop_endpoint(ep(1)).await, Err(Errno::ETIME));
        assert_eq!(sb.remove_endpoint(ep(1)).await, Ok(()));
        assert_eq!(sb.endpoints(), []);
    });
}
