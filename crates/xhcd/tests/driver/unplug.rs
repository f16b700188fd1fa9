use crate::world::{World, millis};
use kernel_sim::TaskKind;
use offload_core::DeviceState;
use usb_devices::{Peripheral, audio::uac2::Headset};
use usb_spec::descriptor::DescriptorType;
use usb_spec::{EndpointAddress, SetupPacket};
use xhcd::UrbError;

const DATA: EndpointAddress = EndpointAddress(0x01);

#[test] // req: XFR-30, CMD-07, ISO-22
fn streams_of_an_unplugged_device_end_and_give_everything_back() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    let player = {
        let (hcd, headset) = (hcd.clone(), headset.clone());
        world.kernel.spawn(TaskKind::Kernel, "player", async move {
            hcd.set_interface(&headset, 1, 1).await.unwrap();
            let stream = hcd.isoch_open(&headset, DATA).unwrap();
            for _ in 0..40 {
                stream.submit(stream.new_urb(8, 24).unwrap()).unwrap();
            }
            let mut results = Vec::new();
            while let Some(urb) = stream.completed().await {
                results.extend(urb.packets.iter().map(|packet| packet.status));
            }
            let refused = stream.submit(stream.new_urb(1, 24).unwrap()).unwrap_err().0;
            (results, refused)
        })
    };
    world.settle(millis(12));
    world.unplug(1).unwrap();
    world.kernel.run_until_finished(&player, world.kernel.now() + millis(1000)).unwrap();
    let (results, refused) = player.try_take().unwrap();
    assert_eq!(results.len(), 320);
    let played = results.iter().take_while(|status| status.is_ok()).count();
    assert!((60..120).contains(&played), "{played} packets were played");
    let after = &results[played..];
    let silent = after.iter().take_while(|status| **status == Err(UrbError::Protocol)).count();
    assert!(after[silent..].iter().all(|status| *status == Err(UrbError::Shutdown)), "{after:?}");
    assert_eq!(refused, UrbError::NoDevice);
    assert_eq!(headset.state(), DeviceState::NotAttached);
    assert!(hcd.device("1-1").is_none());
}

#[test] // req: XFR-30, XFR-11, CMD-07
fn a_control_transfer_of_an_unplugged_device_fails() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    world.unplug(1).unwrap();
    world.run(async move {
        let mut bytes = [0; 18];
        let setup = SetupPacket::get_descriptor(DescriptorType::DEVICE, 0, 18);
        let result = hcd.control_in(&headset, setup, &mut bytes).await;
        assert!(matches!(result, Err(UrbError::Protocol | UrbError::Shutdown)), "{result:?}");
        hcd.wait_for_removal("1-1").await;
        assert_eq!(hcd.control_in(&headset, setup, &mut bytes).await, Err(UrbError::NoDevice));
    });
}

#[test] // req: CMD-21, CMD-07, PRT-17, PRT-43
fn devices_may_vanish_at_any_moment_of_enumeration() {
    // The reset of the port alone takes 50 ms, twice; the whole takes less than half a second.
    for milliseconds in (1..450).step_by(7) {
        let world = World::default();
        let hcd = world.start();
        world.plug(1, Peripheral::new(Headset::new()));
        world.settle(millis(milliseconds));
        world.unplug(1).unwrap();
        world.settle(millis(20));
        world.plug(1, Peripheral::new(Headset::new()));
        let waiting = hcd.clone();
        // The old device may still be in the tree: it is the new one that is waited for.
        world.settle(millis(200));
        let headset = world.run(async move { waiting.wait_for_device("1-1").await });
        assert_eq!(headset.state(), DeviceState::Configured, "unplugged after {milliseconds} ms");
        world.device(1, |device: &mut Peripheral<Headset>| assert!(device.is_configured()));
    }
}
