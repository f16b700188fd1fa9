use crate::world::World;
use offload_core::Errno;
use usb_devices::{Peripheral, audio::uac2::Headset};
use usb_spec::EndpointAddress;
use xhcd::UrbError;
use xhci_spec::Dci;

const DATA: EndpointAddress = EndpointAddress(0x01);
const FEEDBACK: EndpointAddress = EndpointAddress(0x81);

#[test] // req: CMD-26, CMD-31, CMD-32, UAC-03, BW-12
fn an_alternate_setting_brings_its_endpoints_and_takes_them_away() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    let bus = world.bus.clone();
    world.run(async move {
        let closed = bus.dma_bytes_in_use();
        for _ in 0..20 {
            assert_eq!(hcd.dci(&headset, DATA), Err(UrbError::NoDevice));
            assert!(hcd.isoch_open(&headset, DATA).is_err());
            for alternate in [1, 2, 1] {
                assert_eq!(hcd.set_interface(&headset, 1, alternate).await, Ok(()));
                assert_eq!(hcd.dci(&headset, DATA), Ok(Dci::new(2).unwrap()));
                assert_eq!(hcd.dci(&headset, FEEDBACK), Ok(Dci::new(3).unwrap()));
            }
            let stream = hcd.isoch_open(&headset, DATA).unwrap();
            assert!(!stream.has_ended());
            assert_eq!(hcd.set_interface(&headset, 1, 0).await, Ok(()));
            assert!(stream.has_ended());
            assert_eq!(bus.dma_bytes_in_use(), closed);
        }
        assert_eq!(hcd.set_interface(&headset, 1, 77).await, Err(Errno::EINVAL));
        assert_eq!(hcd.set_interface(&headset, 9, 0).await, Err(Errno::EINVAL));
    });
    world.device(1, |device: &mut Peripheral<Headset>| assert_eq!(device.alternate(1), Some(0)));
}

#[test] // req: UAC-01
fn an_isochronous_endpoint_is_no_bulk_endpoint() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    world.run(async move {
        hcd.set_interface(&headset, 1, 1).await.unwrap();
        assert_eq!(hcd.transfer_out(&headset, DATA, &[0; 8], None).await, Err(UrbError::Invalid));
        assert_eq!(hcd.transfer_in(&headset, DATA, &mut [0; 8], None).await, Err(UrbError::Invalid));
    });
}
