use crate::world::{World, millis};
use offload_core::{DeviceState, HcResume, RootHub};
use std::rc::Rc;
use usb_devices::{Hub, Peripheral, audio::uac1::Speaker, audio::uac2::Headset, hub::HubPort};
use usb_spec::{EndpointAddress, SetupPacket};
use xhcd::Hcd;
use xhci_model::{Policy, PowerState, PowerWell, Profile};

async fn configuration_value(hcd: &Hcd, device: &offload_core::UsbDevice) -> Option<u8> {
    let mut value = [0; 1];
    hcd.control_in(device, SetupPacket::get_configuration(), &mut value).await.ok()?;
    Some(value[0])
}

#[test] // req: PRT-20, PRT-21, PWR-09, PWR-10
fn a_port_is_suspended_and_resumed() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    let host = hcd.usb().host().clone();
    let slot = headset.slot_id().unwrap();
    let sleeping = host.clone();
    assert_eq!(world.run(async move { sleeping.port_suspend(slot, false).await }), Ok(()));
    world.settle(millis(20));
    world.device(1, |device: &mut Peripheral<Headset>| assert!(device.is_suspended()));
    assert_eq!(world.run(async move { host.port_resume(slot).await }), Ok(()));
    world.device(1, |device: &mut Peripheral<Headset>| assert!(!device.is_suspended()));
    assert_eq!(world.run(async move { configuration_value(&hcd, &headset).await }), Some(1));
}

#[test] // req: PRT-20
fn a_port_of_a_hub_is_suspended_and_resumed() {
    let world = World::default();
    let mut hub = Hub::new();
    hub.attach(world.kernel.now(), HubPort(2), Box::new(Peripheral::new(Speaker::new()))).unwrap();
    world.plug(1, hub);
    let (hcd, speaker) = world.start_with("1-1.2");
    let host = hcd.usb().host().clone();
    let slot = speaker.slot_id().unwrap();
    world.run(async move {
        assert_eq!(host.port_suspend(slot, false).await, Ok(()));
        assert_eq!(host.port_resume(slot).await, Ok(()));
    });
    world.settle(millis(100));
    assert_eq!(world.run(async move { configuration_value(&hcd, &speaker).await }), Some(1));
}

#[test] // req: PWR-09, PWR-10, OPR-14
fn bus_and_controller_sleep_and_wake() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    let host = hcd.usb().host().clone();
    let kernel = world.kernel.clone();
    world.run(async move {
        for _ in 0..3 {
            assert_eq!(host.bus_suspend(RootHub::Primary, false).await, Ok(()));
            assert_eq!(host.bus_suspend(RootHub::Shared, false).await, Ok(()));
            assert_eq!(host.hc_suspend(false).await, Ok(()));
            kernel.sleep(millis(1000)).await;
            assert_eq!(host.hc_resume(false).await, Ok(HcResume::Restored));
            assert_eq!(host.bus_resume(RootHub::Shared).await, Ok(()));
            assert_eq!(host.bus_resume(RootHub::Primary).await, Ok(()));
            assert_eq!(configuration_value(&hcd, &headset).await, Some(1));
        }
    });
}

/// The device answers over its own endpoint, not only over the default one.
async fn streams(hcd: &Hcd, headset: &Rc<offload_core::UsbDevice>) {
    hcd.set_interface(headset, 1, 1).await.unwrap();
    let stream = hcd.isoch_open(headset, EndpointAddress(0x01)).unwrap();
    stream.submit(stream.new_urb(8, 24).unwrap()).unwrap();
    let urb = stream.completed().await.unwrap();
    assert!(urb.packets.iter().all(|packet| packet.status.is_ok()));
}

#[test] // req: PWR-01, PWR-02, PWR-03, PWR-04, PWR-09, PWR-10, DRV-05
fn a_controller_whose_core_lost_power_is_restored() {
    // "large" wants more scratchpads than this machine has memory.
    for name in ["default", "minimal", "strict"] {
        let world = World::new(name.parse().unwrap());
        world.plug(1, Peripheral::new(Headset::new()));
        let (hcd, headset) = world.start_with("1-1");
        let host = hcd.usb().host().clone();
        let (kernel, bus) = (world.kernel.clone(), world.bus.clone());
        let life = host.virt_device(headset.slot_id().unwrap());
        let (used, asleep) = (hcd.clone(), headset.clone());
        world.run(async move {
            for _ in 0..3 {
                assert_eq!(host.bus_suspend(RootHub::Shared, false).await, Ok(()));
                assert_eq!(host.bus_suspend(RootHub::Primary, false).await, Ok(()));
                assert_eq!(host.hc_suspend(false).await, Ok(()));
                bus.with_xhci(|xhc| xhc.set_power_state(kernel.now(), PowerState::D3));
                kernel.sleep(millis(1000)).await;
                bus.with_xhci(|xhc| {
                    xhc.lose_power(kernel.now(), PowerWell::Core);
                    xhc.set_power_state(kernel.now(), PowerState::D0);
                });
                assert_eq!(host.hc_resume(false).await, Ok(HcResume::Restored), "{name}");
                assert_eq!(host.bus_resume(RootHub::Primary).await, Ok(()));
                assert_eq!(host.bus_resume(RootHub::Shared).await, Ok(()));
                assert_eq!(configuration_value(&used, &asleep).await, Some(1), "{name}");
                streams(&used, &asleep).await;
                assert_eq!(
                    host.virt_device(asleep.slot_id().unwrap()),
                    life,
                    "the same slot in the same life"
                );
            }
        });
        drop(hcd);
    }
}

#[test] // req: PWR-05, PWR-06
fn a_controller_that_cannot_restore_is_set_up_anew() {
    let fails = Policy { restore_fails: true, ..Policy::DEFAULT };
    let not_saved = Policy { save_fails: true, ..Policy::DEFAULT };
    for policy in [fails, not_saved] {
        let world = World::new(Profile { policy, ..Profile::default() });
        world.plug(1, Peripheral::new(Headset::new()));
        let (hcd, headset) = world.start_with("1-1");
        let host = hcd.usb().host().clone();
        let core = world.core.clone();
        world.run(async move {
            core.kernel().freeze_processes().await.unwrap();
            host.bus_suspend(RootHub::Primary, false).await.unwrap();
            host.bus_suspend(RootHub::Shared, false).await.unwrap();
            assert_eq!(host.hc_suspend(false).await, Ok(()));
            assert_eq!(host.hc_resume(false).await, Ok(HcResume::PowerLost));
            core.kernel().sleep(millis(100)).await;
            let slot = host.reset_device(headset.slot_id().unwrap(), &Nobody).await.unwrap();
            host.port_init(slot).await.unwrap();
            host.configure(slot).await.unwrap();
            core.kernel().thaw_processes();
            streams(&hcd, &headset).await;
        });
    }
}

#[test] // req: PWR-06, SLT-08, OPR-16
fn a_controller_that_lost_power_finds_its_devices_again() {
    let world = World::default();
    let mut hub = Hub::new();
    hub.attach(world.kernel.now(), HubPort(2), Box::new(Peripheral::new(Headset::new()))).unwrap();
    world.plug(1, hub);
    let (hcd, headset) = world.start_with("1-1.2");
    let hub = hcd.device("1-1").unwrap();
    let host = hcd.usb().host().clone();
    let life = host.virt_device(headset.slot_id().unwrap());
    let devices = [hub, headset.clone()];
    world.run({
        let (hcd, host, core) = (hcd.clone(), host.clone(), world.core.clone());
        async move {
            // As in system sleep: the hub events of the ports that come up again wait.
            core.kernel().freeze_processes().await.unwrap();
            host.bus_suspend(RootHub::Primary, false).await.unwrap();
            host.bus_suspend(RootHub::Shared, false).await.unwrap();
            host.hc_suspend(false).await.unwrap();
            assert_eq!(host.hc_resume(true).await, Ok(HcResume::PowerLost));
            core.kernel().sleep(millis(100)).await;
            for device in devices {
                let slot = device.slot_id().unwrap();
                assert_eq!(host.virt_device(slot), None);
                let slot = host.reset_device(slot, &Nobody).await.unwrap();
                host.port_init(slot).await.unwrap();
                host.configure(slot).await.unwrap();
                assert!(host.get_status(slot).await.is_ok());
            }
            core.kernel().thaw_processes();
            core.kernel().sleep(millis(500)).await;
            assert_eq!(hcd.usb().devices().len(), 4, "nothing is found to be new");
        }
    });
    assert_eq!(headset.state(), DeviceState::Configured);
    assert_ne!(host.virt_device(headset.slot_id().unwrap()), life, "another life in the same slot");
    assert_eq!(world.run(async move { configuration_value(&hcd, &headset).await }), Some(1));
}

#[test] // req: PWR-06, CMD-10
fn lost_devices_get_their_slots_again_in_whatever_order_they_come() {
    let world = World::default();
    for port in 1..=4 {
        world.plug(port, Peripheral::new(Headset::new()));
    }
    let (hcd, _) = world.start_with("1-4");
    world.settle(millis(2000));
    // Slot 2 becomes a gap.
    world.unplug(2);
    let waiting = hcd.clone();
    world.run(async move { waiting.wait_for_removal("1-2").await });
    let devices = ["1-4", "1-1", "1-3"].map(|name| hcd.device(name).unwrap());
    let slots = || devices.each_ref().map(|device| device.slot_id().unwrap().get());
    let before = slots();
    let core = world.core.clone();
    let (order, used) = (devices.clone(), hcd.clone());
    world.run(async move {
        let host = used.usb().host().clone();
        core.kernel().freeze_processes().await.unwrap();
        assert_eq!(host.hc_resume(true).await, Ok(HcResume::PowerLost));
        core.kernel().sleep(millis(100)).await;
        for device in order {
            let slot = device.slot_id().unwrap();
            assert_eq!(host.reset_device(slot, &Nobody).await, Ok(slot));
            assert_eq!(host.port_init(slot).await, Ok(()));
            assert_eq!(host.configure(slot).await, Ok(()));
        }
        core.kernel().thaw_processes();
        core.kernel().sleep(millis(500)).await;
        assert_eq!(used.usb().devices().len(), 5);
    });
    assert_eq!(slots(), before);
    world.plug(2, Peripheral::new(Headset::new()));
    world.settle(millis(1000));
    let gap = [1, 2, 3, 4].into_iter().find(|slot| !before.contains(slot));
    let second = hcd.device("1-2").unwrap();
    assert_eq!(second.slot_id().map(|slot| slot.get()), gap, "the gap is free");
}

#[test] // req: CMD-46, CMD-47, PRT-18
fn a_device_is_reset_and_comes_back_the_same() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    let freed = Rc::new(std::cell::RefCell::new(Vec::new()));
    let rings = Notes(freed.clone());
    world.run(async move {
        let host = hcd.usb().host().clone();
        hcd.set_interface(&headset, 1, 1).await.unwrap();
        let slot = headset.slot_id().unwrap();
        assert_eq!(host.reset_device(slot, &rings).await, Ok(slot));
        assert_eq!(host.port_init(slot).await, Ok(()));
        assert_eq!(host.configure(slot).await, Ok(()));
        assert_eq!(configuration_value(&hcd, &headset).await, Some(1));
        assert_eq!(hcd.set_interface(&headset, 1, 1).await, Ok(()));
    });
    assert_eq!(*freed.borrow(), [1, 2], "data and feedback of setting 1");
}

struct Nobody;
impl offload_core::RingFree for Nobody {
    fn ring_free(&self, _ep: offload_core::EpIndex) -> offload_core::LocalBoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

struct Notes(Rc<std::cell::RefCell<Vec<u8>>>);
impl offload_core::RingFree for Notes {
    fn ring_free(&self, ep: offload_core::EpIndex) -> offload_core::LocalBoxFuture<'_, ()> {
        self.0.borrow_mut().push(ep.get());
        Box::pin(async {})
    }
}
