//! `usb_offload_check` over a tree of hubs: order and locks.

use crate::scripted::Scripted;
use crate::world::World;
use expect_test::expect;
use kernel_sim::Event;
use offload_core::{DeviceSetup, usb_offload_check, usb_offload_get, usb_offload_put};
use std::cell::RefCell;
use std::rc::Rc;

#[test]
fn walks_in_pre_order_with_each_childs_mutex_held() {
    let world = World::new();
    let root = world.root_hub();
    let hub = world.plug_hub(&root, 1, 2);
    let deep = world.plug(&hub, 2, &DeviceSetup::new(3, None), Scripted::new("audio"));
    let late = world.plug(&root, 3, &DeviceSetup::new(4, None), Scripted::new("storage"));
    world.headset(1);

    let lines = Rc::new(RefCell::new(String::new()));
    let sink = lines.clone();
    world.kernel.set_trace(Rc::new(move |_at, event| match event {
        Event::LockAcquired { lock, .. } => sink.borrow_mut().push_str(&format!("+ {lock}\n")),
        Event::LockReleased { lock, .. } => sink.borrow_mut().push_str(&format!("- {lock}\n")),
        _ => {}
    }));
    let check = || {
        let root = world.root_hub();
        lines.borrow_mut().clear();
        world.run(async move {
            let _root_lock = root.lock().await;
            usb_offload_check(&root).await
        })
    };

    // A parent's mutex is held while its children's are taken, one at a time, in port order.
    assert!(!check());
    expect![[r#"
        + &dev->mutex/2(usb1)
        + &dev->mutex/4(1-1)
        - &dev->mutex/4(1-1)
        + &dev->mutex/4(1-2)
        + &dev->mutex/6(1-2.3)
        - &dev->mutex/6(1-2.3)
        - &dev->mutex/4(1-2)
        + &dev->mutex/4(1-4)
        - &dev->mutex/4(1-4)
        - &dev->mutex/2(usb1)
    "#]]
    .assert_eq(&lines.borrow());

    // The first hit ends the walk.
    usb_offload_get(&deep).unwrap();
    usb_offload_get(&late).unwrap();
    assert!(check());
    expect![[r#"
        + &dev->mutex/2(usb1)
        + &dev->mutex/4(1-1)
        - &dev->mutex/4(1-1)
        + &dev->mutex/4(1-2)
        + &dev->mutex/6(1-2.3)
        - &dev->mutex/6(1-2.3)
        - &dev->mutex/4(1-2)
        - &dev->mutex/2(usb1)
    "#]]
    .assert_eq(&lines.borrow());

    usb_offload_put(&deep).unwrap();
    usb_offload_get(&root).unwrap();
    assert!(check());
    expect![[r#"
        + &dev->mutex/2(usb1)
        - &dev->mutex/2(usb1)
    "#]]
    .assert_eq(&lines.borrow());
}
