use crate::world::World;
use host_bus::HostBus;
use offload_core::RootHub;
use xhci_model::Profile;

#[test] // req: DRV-01, OPR-45, EXT-06, EXT-07, CAP-13, CAP-08
fn the_controller_comes_up_with_two_root_hubs() {
    for contexts_64 in [false, true] {
        for scratchpads in [0, 5, 64] {
            let world = World::new(Profile { contexts_64, scratchpads, ..Profile::default() });
            let hcd = world.start();
            assert_eq!(hcd.capabilities().max_slots, 64);
            assert_eq!(hcd.usb().buses().len(), 2);
            let names: Vec<_> = hcd.usb().devices().iter().map(|device| device.name().clone()).collect();
            assert_eq!(names, ["usb1".into(), "usb2".into()]);
            let usbsts = world.bus.read32(hcd.capabilities().operational + 4);
            assert_eq!(usbsts & 1, 0, "HCHalted is clear: {usbsts:#x}");
        }
    }
}

#[test] // req: EXT-14
fn a_controller_without_usb_3_ports_has_one_root_hub() {
    let world = World::new(Profile { usb3_ports: 0, ..Profile::default() });
    let hcd = world.start();
    assert!(hcd.usb().root_hub(RootHub::Primary).is_some());
    assert!(hcd.usb().root_hub(RootHub::Shared).is_none());
}
