//! The model behind the bus, as a driver meets it.

use host_bus::{HostBus, LocalBus};
use sim_time::{Clock, Duration, Instant};
use std::cell::Cell;
use std::rc::Rc;
use xhci_model::{Profile, Xhci};
use xhci_spec::Gpa;
use xhci_spec::erst::ErstEntry;
use xhci_spec::registers::capability::{CAPLENGTH, CaplengthHciversion, DBOFF, RTSOFF};
use xhci_spec::registers::operational::{CRCR, Config, Crcr, DCBAAP, USBCMD, USBSTS, Usbcmd, Usbsts};
use xhci_spec::registers::runtime::{ERDP, ERSTBA, ERSTSZ, IMAN, IMOD, Iman};
use xhci_spec::trb::{command, transfer};

fn bus() -> Rc<LocalBus> {
    let xhc = Xhci::new(Profile::default(), 1).expect("the default profile is valid");
    LocalBus::new(xhc, Clock::new(), 1 << 20)
}

#[test]
fn memory_is_zeroed_at_every_allocation() {
    let bus = bus();
    let first = bus.alloc(6000, 64, None).unwrap();
    bus.mem_write(first.address, &[0xFF; 6000]);
    bus.free(first);
    let again = bus.alloc(6000, 64, None).unwrap();
    assert_eq!(again.address, first.address);
    let mut bytes = [1; 6000];
    bus.mem_read(again.address, &mut bytes);
    assert!(bytes.iter().all(|&byte| byte == 0));
    assert_eq!(bus.dma_bytes_in_use(), 6000);
}

#[test]
fn dwords_are_little_endian() {
    let bus = bus();
    let buffer = bus.alloc(8, 8, None).unwrap();
    bus.store_release(buffer.address, 0x0403_0201);
    let mut bytes = [0; 4];
    bus.mem_read(buffer.address, &mut bytes);
    assert_eq!(bytes, [1, 2, 3, 4]);
    assert_eq!(bus.load_acquire(buffer.address), 0x0403_0201);
}

#[test]
#[should_panic(expected = "no DMA memory")]
fn an_address_outside_is_a_drivers_bug() {
    bus().mem_write(Gpa(0x10), &[0]);
}

#[test] // req: INT-07, INT-11, CMD-08
fn interrupts_reach_the_handler_of_their_vector_with_nothing_borrowed() {
    let bus = bus();
    let operational = u32::from(CaplengthHciversion::from_bits(bus.read32(CAPLENGTH)).caplength());
    let interrupter = bus.read32(RTSOFF) + 0x20;
    let doorbells = bus.read32(DBOFF);
    let page = |len| bus.alloc(len, 4096, None).unwrap().address;
    let (dcbaa, commands, events, table) = (page(4096), page(4096), page(4096), page(64));

    bus.mem_write(table, &ErstEntry { segment: events, trbs: 256 }.to_bytes());
    for index in 0..2 {
        let trb = command::no_op().with_cycle(true);
        bus.mem_write(commands.offset(16 * index), &trb.to_bytes());
    }
    bus.mem_write(commands.offset(32), &transfer::link(commands, true).to_bytes());
    bus.write32(operational + 0x38, Config::new().with_max_slots_en(1).into_bits());
    bus.write64(operational + DCBAAP, dcbaa.0);
    bus.write64(operational + CRCR, Crcr::new().with_pointer(commands).with_rcs(true).into_bits());
    bus.write32(interrupter + ERSTSZ, 1);
    bus.write64(interrupter + ERDP, events.0);
    bus.write64(interrupter + ERSTBA, table.0);
    bus.write32(interrupter + IMOD, 0);
    bus.write32(interrupter + IMAN, Iman::new().with_ie(true).into_bits());

    let seen = Rc::new(Cell::new(0));
    let weak = Rc::downgrade(&bus);
    let counted = seen.clone();
    bus.request_irq(
        0,
        Rc::new(move || {
            let bus = weak.upgrade().unwrap();
            counted.set(counted.get() + 1);
            // Register access inside a handler: all events that have come are taken.
            let taken =
                (0..256).take_while(|n| bus.load_acquire(events.offset(16 * n + 12)) & 1 == 1).count();
            bus.write64(interrupter + ERDP, events.offset(16 * taken as u64).0 | 8);
            assert!(Usbsts::from_bits(bus.read32(operational + USBSTS)).eint());
        }),
    );
    bus.write32(operational + USBCMD, Usbcmd::new().with_rs(true).with_inte(true).into_bits());
    let run = |until: Instant| {
        let mut now = bus.now();
        while now <= until {
            bus.advance(now);
            let Some(next) = bus.next_deadline() else { break };
            now = next;
        }
    };
    run(Instant::ZERO + Duration::from_micros(100));
    assert!(!Usbsts::from_bits(bus.read32(operational + USBSTS)).hch());
    bus.write32(doorbells, 0);
    assert_eq!(seen.get(), 0, "a write only latches");
    run(Instant::ZERO + Duration::from_millis(1));

    assert!(seen.get() >= 1);
    assert_eq!(bus.interrupts(0), seen.get());
    assert_eq!(bus.interrupts(1), 0);
    assert_eq!(bus.counters().spurious, 0);
}
