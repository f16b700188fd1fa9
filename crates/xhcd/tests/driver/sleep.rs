//! usbcore's power management over this driver, with the device at the other end of the cable as the witness.

use crate::world::{World, millis};
use offload_core::{DeviceState, RpmStatus, hibernate, suspend_to_ram};
use sim_time::Duration;
use usb_devices::{Hub, Peripheral, audio::uac1::Speaker, audio::uac2::Headset, hub::HubPort};
use usb_spec::{EndpointAddress, SetupPacket};

#[test] // req: PRT-20, PRT-21, PWR-09, PWR-10
fn the_machine_sleeps_and_its_devices_are_there_afterwards() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let mut hub = Hub::new();
    hub.attach(world.kernel.now(), HubPort(3), Box::new(Peripheral::new(Speaker::new()))).unwrap();
    world.plug(2, hub);
    let (hcd, headset) = world.start_with("1-1");
    let waiting = hcd.clone();
    let speaker = world.run(async move { waiting.wait_for_device("1-2.3").await });
    for _ in 0..3 {
        let core = world.core.clone();
        let wake = world.kernel.now() + Duration::from_secs(10);
        let slept = world.run(async move { suspend_to_ram(&core, wake).await });
        assert!(slept.is_ok(), "{slept:?}");
        world.settle(millis(500));
        assert_eq!(hcd.usb().devices().len(), 5);
        for device in [&headset, &speaker] {
            assert_eq!(device.state(), DeviceState::Configured);
            let (hcd, device) = (hcd.clone(), device.clone());
            let mut value = [0; 1];
            world.run(async move {
                let setup = SetupPacket::get_configuration();
                assert_eq!(hcd.control_in(&device, setup, &mut value).await, Ok(1));
                assert_eq!(value, [1]);
            });
        }
    }
    let now = world.kernel.now();
    let another = Box::new(Peripheral::new(Headset::new()));
    world.device(2, |hub: &mut Hub| hub.attach(now, HubPort(1), another)).unwrap();
    world.run(async move {
        hcd.wait_for_device("1-2.1").await;
        hcd.set_interface(&headset, 1, 1).await.unwrap();
        let stream = hcd.isoch_open(&headset, EndpointAddress(0x01)).unwrap();
        stream.submit(stream.new_urb(8, 24).unwrap()).unwrap();
        let urb = stream.completed().await.unwrap();
        assert!(urb.packets.iter().all(|packet| packet.status.is_ok()));
    });
}

#[test] // req: PWR-06, SLT-08, OPR-16
fn a_hibernated_machine_finds_its_devices_as_they_were() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let mut hub = Hub::new();
    hub.attach(world.kernel.now(), HubPort(3), Box::new(Peripheral::new(Speaker::new()))).unwrap();
    world.plug(2, hub);
    let (hcd, headset) = world.start_with("1-1");
    let waiting = hcd.clone();
    let speaker = world.run(async move { waiting.wait_for_device("1-2.3").await });
    let (user, chosen) = (hcd.clone(), headset.clone());
    world.run(async move { user.set_interface(&chosen, 1, 2).await }).unwrap();
    let core = world.core.clone();
    let wake = world.kernel.now() + Duration::from_secs(10);
    let slept = world.run(async move { hibernate(&core, wake).await });
    assert!(slept.is_ok(), "{slept:?}");
    world.settle(millis(1000));
    assert_eq!(hcd.usb().devices().len(), 5);
    assert_eq!((headset.state(), speaker.state()), (DeviceState::Configured, DeviceState::Configured));
    world.device(1, |device: &mut Peripheral<Headset>| assert_eq!(device.alternate(1), Some(2)));
    let now = world.kernel.now();
    let another = Box::new(Peripheral::new(Headset::new()));
    world.device(2, |hub: &mut Hub| hub.attach(now, HubPort(1), another)).unwrap();
    world.run(async move {
        hcd.wait_for_device("1-2.1").await;
        let stream = hcd.isoch_open(&headset, EndpointAddress(0x01)).unwrap();
        stream.submit(stream.new_urb(8, 24).unwrap()).unwrap();
        assert_eq!(stream.completed().await.unwrap().packets[7].status, Ok(()));
    });
}

#[test] // req: PRT-20, PRT-21
fn an_idle_device_is_suspended_and_woken_by_use() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let (_hcd, headset) = world.start_with("1-1");
    let asleep = || world.device(1, |device: &mut Peripheral<Headset>| device.is_suspended());
    headset.pm().allow();
    world.settle(Duration::from_secs(3));
    assert_eq!(headset.pm().power.status(), RpmStatus::Suspended);
    assert_eq!(headset.state(), DeviceState::Suspended);
    assert!(asleep());
    let user = headset.clone();
    world.run(async move { user.autoresume().await }).unwrap();
    assert!(!asleep());
    assert_eq!(headset.state(), DeviceState::Configured);
    world.settle(Duration::from_secs(3));
    assert!(!asleep(), "in use");
    let user = headset.clone();
    world.run(async move { user.autosuspend().await });
    world.settle(Duration::from_secs(3));
    assert!(asleep());
    // Unplugged while it sleeps.
    world.unplug(1);
    world.settle(millis(500));
    assert_eq!(headset.state(), DeviceState::NotAttached);
}
