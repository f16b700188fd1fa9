use crate::world::{World, millis};
use host_bus::HostBus;
use kernel_sim::{Kernel, Schedule, TaskKind};
use offload_core::Errno;
use usb_devices::{Hub, Peripheral, audio::uac2::Headset};
use usb_spec::{EndpointAddress, SetupPacket};
use xhcd::UrbError;
use xhci_model::Profile;
use xhci_spec::registers::operational::DCBAAP;

#[test] // req: ERR-01, ERR-03, ERR-09
fn a_controller_with_a_host_system_error_fails_everybody_in_time() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    let bus = world.bus.clone();
    let player = {
        let (hcd, headset) = (hcd.clone(), headset.clone());
        world.kernel.spawn(TaskKind::Kernel, "player", async move {
            hcd.set_interface(&headset, 1, 1).await.unwrap();
            let stream = hcd.isoch_open(&headset, EndpointAddress(0x01)).unwrap();
            for _ in 0..4 {
                stream.submit(stream.new_urb(8, 24).unwrap()).unwrap();
            }
            while let Some(urb) = stream.completed().await {
                let status = urb.packets[7].status;
                if status.is_err() {
                    return (status, stream.submit(urb).map_err(|(error, _)| error));
                }
                stream.submit(urb).unwrap();
            }
            (Ok(()), Ok(()))
        })
    };
    world.settle(millis(10));
    // The next device is looked for where no memory is.
    bus.write64(hcd.capabilities().operational + DCBAAP, 0xFFFF_0000);
    world.plug(2, Peripheral::new(Headset::new()));
    world.settle(millis(400));
    let caller = hcd.clone();
    world.run(async move {
        assert_eq!(caller.set_interface(&headset, 2, 1).await, Err(Errno::ESHUTDOWN));
        let mut value = [0; 1];
        let result = caller.control_in(&headset, SetupPacket::get_configuration(), &mut value).await;
        assert_eq!(result, Err(UrbError::Shutdown));
    });
    world.settle(millis(1));
    let shutdown = Err(UrbError::Shutdown);
    assert_eq!(player.try_take(), Some((shutdown, shutdown)));
    // Unplugging a device of a dead controller ends, too.
    world.unplug(1);
    world.settle(millis(1000));
}

#[test]
fn the_order_of_tasks_changes_nothing_that_a_user_sees() {
    let enumerate = |schedule: Schedule| {
        let world = World::on(Kernel::new(schedule), Profile::default());
        for port in [1, 2, 3] {
            world.plug(port, Peripheral::new(Headset::new()));
        }
        let hcd = world.start();
        let waiting = hcd.clone();
        let at = world.run(async move {
            for name in ["1-1", "1-2", "1-3"] {
                waiting.wait_for_device(name).await;
            }
            waiting.usb().devices().len()
        });
        assert_eq!(at, 5);
        world.kernel.now()
    };
    assert_eq!(enumerate(Schedule::Fifo), enumerate(Schedule::Fifo));
    for seed in 0..20 {
        assert_eq!(enumerate(Schedule::Seeded(seed)), enumerate(Schedule::Seeded(seed)));
    }
}

#[test]
fn a_world_that_ends_leaves_no_memory_behind() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    world.plug(2, Hub::new());
    let (hcd, headset) = world.start_with("1-1");
    world.settle(millis(500));
    let bus = std::rc::Rc::downgrade(&world.bus);
    world.kernel.shutdown();
    drop((hcd, headset, world));
    assert!(bus.upgrade().is_none());
}
