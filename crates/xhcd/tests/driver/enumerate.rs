use crate::world::{World, millis, port};
use offload_core::{DeviceState, Speed};
use usb_devices::{Hub, Peripheral, audio, hub::HubPort};
use usb_spec::SetupPacket;
use usb_spec::descriptor::DescriptorType;
use xhcd::UrbError;
use xhci_model::Profile;

#[test] // req: DRV-02, PRT-15, PRT-18, CMD-10, CMD-19, CMD-20, CTX-13
fn a_high_speed_headset_is_configured() {
    for contexts_64 in [false, true] {
        let world = World::new(Profile { contexts_64, ..Profile::default() });
        world.plug(2, Peripheral::new(audio::uac2::Headset::new()));
        let (hcd, headset) = world.start_with("1-2");
        assert_eq!(headset.speed(), Speed::High);
        assert_eq!(headset.state(), DeviceState::Configured);
        assert_eq!(headset.interfaces().len(), 3);
        assert_eq!(hcd.device_at(port(2)).unwrap().name(), headset.name());
        let descriptors = hcd.descriptors(&headset).unwrap();
        assert_eq!(descriptors.configuration.interfaces.len(), 3);
        assert!(descriptors.product.is_some());
        world.device(2, |device: &mut Peripheral<audio::uac2::Headset>| {
            assert!(device.is_configured());
            assert_eq!(device.address().0, 1);
        });
    }
}

#[test] // req: DRV-02, CMD-37
fn a_full_speed_speaker_is_configured() {
    let world = World::default();
    world.plug(1, Peripheral::new(audio::uac1::Speaker::new()));
    let (hcd, speaker) = world.start_with("1-1");
    assert_eq!(speaker.speed(), Speed::Full);
    let configuration = hcd.configuration(&speaker).unwrap();
    assert_eq!(configuration.interfaces.len(), 2);
    world.device(1, |device: &mut Peripheral<audio::uac1::Speaker>| assert!(device.is_configured()));
}

#[test] // req: XFR-12, RNG-18, XFR-02, EPS-10
fn control_transfers_read_and_a_stalled_one_leaves_the_pipe_usable() {
    let world = World::default();
    world.plug(1, Peripheral::new(audio::uac2::Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    world.run(async move {
        let mut bytes = [0; 255];
        let long = SetupPacket::get_descriptor(DescriptorType::DEVICE, 0, 255);
        assert_eq!(hcd.control_in(&headset, long, &mut bytes).await, Ok(18), "a short data stage");
        assert_eq!(bytes[..2], [18, 1]);

        let unknown = SetupPacket::get_descriptor(DescriptorType(0x7F), 0, 4);
        for _ in 0..3 {
            assert_eq!(hcd.control_in(&headset, unknown, &mut bytes[..4]).await, Err(UrbError::Stall));
            let again = hcd.control_in(&headset, SetupPacket::get_configuration(), &mut bytes[..1]).await;
            assert_eq!((again, bytes[0]), (Ok(1), 1));
        }
        let wrong = hcd.control_in(&headset, long, &mut bytes[..7]).await;
        assert_eq!(wrong, Err(UrbError::Invalid));
    });
}

#[test] // req: CTX-08, CTX-06, XFR-29
fn devices_behind_a_hub_are_configured() {
    let world = World::default();
    let mut hub = Hub::new();
    hub.attach(world.kernel.now(), HubPort(1), Box::new(Peripheral::new(audio::uac2::Headset::new())))
        .unwrap();
    hub.attach(world.kernel.now(), HubPort(4), Box::new(Peripheral::new(audio::uac1::Speaker::new())))
        .unwrap();
    world.plug(3, hub);
    let (hcd, hub) = world.start_with("1-3");
    assert_eq!(hub.speed(), Speed::High);
    let waiting = hcd.clone();
    let (headset, speaker) = world
        .run(async move { (waiting.wait_for_device("1-3.1").await, waiting.wait_for_device("1-3.4").await) });
    assert_eq!((headset.speed(), speaker.speed()), (Speed::High, Speed::Full));

    // Hot-plugged, and pulled out again.
    world.device(3, |hub: &mut Hub| hub.detach(world.kernel.now(), HubPort(1))).unwrap();
    let waiting = hcd.clone();
    world.run(async move { waiting.wait_for_removal("1-3.1").await });
    let now = world.kernel.now();
    world.device(3, |hub: &mut Hub| {
        hub.attach(now, HubPort(2), Box::new(Peripheral::new(audio::uac2::Headset::new()))).unwrap();
    });
    let waiting = hcd.clone();
    world.run(async move { waiting.wait_for_device("1-3.2").await });
    assert!(hcd.device("1-3.4").is_some());

    // The hub goes, and all that is behind it.
    world.unplug(3);
    let waiting = hcd.clone();
    world.run(async move { waiting.wait_for_removal("1-3").await });
    world.settle(millis(500));
    let names: Vec<_> = hcd.usb().devices().iter().map(|device| device.name().to_string()).collect();
    assert_eq!(names, ["usb1", "usb2"]);
}

#[test] // req: SLT-06, CMD-13, PRT-17
fn a_device_may_come_and_go_and_leaves_no_memory_behind() {
    let world = World::default();
    let hcd = world.start();
    world.settle(millis(10));
    let before = world.bus.dma_bytes_in_use();
    for _ in 0..5 {
        world.plug(1, Peripheral::new(audio::uac2::Headset::new()));
        let waiting = hcd.clone();
        let headset = world.run(async move { waiting.wait_for_device("1-1").await });
        assert_eq!(headset.slot_id().unwrap().get(), 1, "the lowest slot is free again");
        world.unplug(1);
        let waiting = hcd.clone();
        world.run(async move { waiting.wait_for_removal("1-1").await });
        world.settle(millis(10));
        assert_eq!(headset.state(), DeviceState::NotAttached);
        assert_eq!(world.bus.dma_bytes_in_use(), before);
    }
}
