use crate::world::World;
use host_bus::HostBus;
use offload_core::{EpIndex, Errno, InterrupterHandle};
use sim_time::Duration;
use usb_devices::{Peripheral, audio::uac2::Headset};
use usb_spec::EndpointAddress;
use xhcd::rings::{EventRingConsumer, EventSegment, TransferRing};
use xhci_spec::registers::doorbell::{Doorbell, slot_offset};
use xhci_spec::registers::runtime::{ERDP, ERSTSZ, IMAN, interrupter_offset};
use xhci_spec::trb::event::Event;
use xhci_spec::trb::transfer::{self, IsochStart};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, SlotId};

const DATA: EndpointAddress = EndpointAddress(0x01);

#[test] // req: DRV-07, INT-17, INT-29, EVR-09, INT-23
fn a_borrower_streams_over_a_lent_ring_without_one_host_interrupt() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    let bus = world.bus.clone();
    let kernel = world.kernel.clone();
    world.run(async move {
        hcd.set_interface(&headset, 1, 1).await.unwrap();
        let host = hcd.usb().host().clone();
        let slot = headset.slot_id().unwrap();
        let ep = EpIndex::from_address(DATA.0).unwrap();
        let lent = host.create_secondary_interrupter(1, 0, 0).unwrap();
        assert_eq!(lent, InterrupterHandle::new(1));
        let ring_memory = host.endpoint_ring(slot, ep).unwrap();
        let event_memory = host.interrupter_ring(lent).unwrap();
        assert_eq!((ring_memory.segments.len(), event_memory.segments.len()), (2, 1));

        // From here on only what a DSP has: addresses and registers.
        let runtime = hcd.capabilities().runtime + interrupter_offset(InterrupterId(lent.index()));
        let doorbell = hcd.capabilities().doorbells + slot_offset(SlotId::new(slot.get()).unwrap());
        let ring_at = Gpa(ring_memory.dma_address().unwrap());
        let mut ring = TransferRing::new(&*bus, &[ring_at], TransferRing::SEGMENT_TRBS);
        let segment = EventSegment { address: Gpa(event_memory.dma_address().unwrap()), trbs: 256 };
        let mut events = EventRingConsumer::new(&[segment]);
        let payload = bus.alloc(24, 64, None).unwrap();
        let (host_before, lent_before) = (bus.interrupts(0), bus.interrupts(1));
        let mut played = 0;
        // 800 TDs: three times round the one segment, three times round the event ring.
        for _ in 0..100 {
            for _ in 0..8 {
                let trb = transfer::isoch(payload.address, 24, IsochStart::Asap)
                    .with_ioc(true)
                    .with_interrupter_target(InterrupterId(lent.index()));
                ring.queue_td(&*bus, &[trb]).unwrap();
            }
            bus.write32(doorbell, Doorbell::endpoint(Dci::new(ep.dci()).unwrap()).into_bits());
            kernel.sleep(Duration::from_millis(1)).await;
            while let Some(trb) = events.poll(&*bus) {
                let Event::Transfer(event) = Event::from_trb(trb) else { panic!("{trb:?}") };
                if event.code == CompletionCode::SUCCESS {
                    played += 1;
                    assert!(ring.retire_through(event.trb().unwrap()));
                }
            }
            events.acknowledge(&*bus, runtime + ERDP, true);
        }
        assert!(played >= 780, "{played} packets");
        assert_eq!(bus.interrupts(0), host_before, "the host sees nothing of the stream");
        assert_eq!(bus.interrupts(1), lent_before, "Interrupt Enable stays 0");
        assert_eq!(bus.read32(runtime + IMAN) & 2, 0);

        // A stopped endpoint is stopped once.
        assert_eq!(host.stop_endpoint_sync(slot, ep).await, Ok(()));
        assert_eq!(host.stop_endpoint_sync(slot, ep).await, Err(Errno::ENODEV));
        host.remove_secondary_interrupter(lent);
        assert_eq!(bus.read32(runtime + ERSTSZ), 0);
        assert!(host.interrupter_ring(lent).is_none());
        bus.free(payload);
    });
    let recorded = world.function(1, |headset: &mut Headset| headset.recording().bytes.len());
    assert!(recorded >= 780 * 24);
}

#[test] // req: INT-29, RTS-12
fn interrupters_are_given_out_by_index() {
    let world = World::default();
    let hcd = world.start();
    let host = hcd.usb().host().clone();
    let before = world.bus.dma_bytes_in_use();
    let take = |index| host.create_secondary_interrupter(0, 250, index);
    let handle = |index| Some(InterrupterHandle::new(index));
    assert_eq!(take(3), handle(3));
    assert_eq!([take(0), take(0), take(0)], [handle(1), handle(2), handle(4)]);
    assert_eq!(take(3), None, "taken");
    assert_eq!(take(8), None, "beyond MaxIntrs");
    assert_eq!(take(u32::MAX), None, "a negative number");
    assert_eq!(host.interrupter_ring(InterrupterHandle::new(1)).unwrap().segments.len(), 2);
    host.remove_secondary_interrupter(InterrupterHandle::new(2));
    host.remove_secondary_interrupter(InterrupterHandle::new(2));
    host.remove_secondary_interrupter(InterrupterHandle::new(0));
    host.remove_secondary_interrupter(InterrupterHandle::new(99));
    assert_eq!(take(0), handle(2), "the lowest free one again");
    for index in 1..=4 {
        host.remove_secondary_interrupter(InterrupterHandle::new(index));
    }
    assert_eq!(world.bus.dma_bytes_in_use(), before);
}

#[test] // req: CMD-05, EPS-08
fn what_does_not_exist_cannot_be_lent() {
    let world = World::default();
    world.plug(1, Peripheral::new(Headset::new()));
    let (hcd, headset) = world.start_with("1-1");
    world.run(async move {
        let host = hcd.usb().host().clone();
        let slot = headset.slot_id().unwrap();
        let data = EpIndex::from_address(DATA.0).unwrap();
        assert!(host.virt_device(slot).is_some());
        assert_eq!(host.endpoint_ring(slot, data), None);
        assert_eq!(host.stop_endpoint_sync(slot, data).await, Err(Errno::ENODEV));
        let other = offload_core::SlotId::new(9).unwrap();
        assert_eq!(host.virt_device(other), None);
        assert_eq!(host.stop_endpoint_sync(other, data).await, Err(Errno::ENODEV));
        assert_eq!(host.set_interface(other, 0, 0).await, Err(Errno::ENODEV));
        assert!(!host.endpoint_has_streams(slot, data));
    });
}
