use super::{EventRingConsumer, EventRingMemory, RingFull, TransferRing, TransferRingMemory};
use host_bus::{HostBus, LocalBus};
use proptest::prelude::*;
use sim_time::Clock;
use std::rc::Rc;
use xhci_model::{Profile, Xhci};
use xhci_spec::trb::event::{CommandCompletion, HostController};
use xhci_spec::trb::transfer;
use xhci_spec::{CompletionCode, Gpa, Trb, TrbType};

fn bus() -> Rc<LocalBus> {
    LocalBus::new(Xhci::new(Profile::default(), 1).unwrap(), Clock::new(), 1 << 20)
}

fn read(bus: &dyn HostBus, at: Gpa) -> Trb {
    let mut bytes = [0; Trb::BYTES];
    bus.mem_read(at, &mut bytes);
    Trb::from_bytes(bytes)
}

/// The controller's end: takes what has its cycle, follows Links.
struct Consumer {
    at: Gpa,
    cycle: bool,
}

impl Consumer {
    fn next(&mut self, bus: &dyn HostBus) -> Option<(Gpa, Trb)> {
        loop {
            let (at, trb) = (self.at, read(bus, self.at));
            if trb.cycle() != self.cycle {
                return None;
            }
            if trb.trb_type() != TrbType::LINK {
                self.at = at.offset(16);
                return Some((at, trb));
            }
            self.at = trb.pointer();
            self.cycle ^= trb.toggle_cycle();
        }
    }
}

proptest! {
    #[test] // req: RNG-01, RNG-05, RNG-07, RNG-09
    fn what_is_queued_is_seen_once_in_order_and_whole(
        segments in 1usize..4,
        size in 3u32..9,
        tds in proptest::collection::vec((1usize..6, any::<bool>()), 1..200),
    ) {
        let bus = bus();
        let memory: Vec<Gpa> = (0..segments).map(|_| bus.alloc(256, 16, None).unwrap().address).collect();
        let mut ring = TransferRing::new(&*bus, &memory, size);
        let mut consumer = Consumer { at: memory[0], cycle: true };
        let (mut written, mut seen) = (0, 0);
        for (length, drain) in tds {
            let trbs: Vec<Trb> = (0..length)
                .map(|index| transfer::normal(Gpa(written + index as u64), 1).with_chain(index + 1 < length))
                .collect();
            let free = ring.free_trbs() as usize;
            match ring.queue_td(&*bus, &trbs) {
                Ok(span) => {
                    prop_assert!(length <= free);
                    prop_assert_eq!(read(&*bus, span.first).parameter, written);
                    written += length as u64;
                    prop_assert_eq!(read(&*bus, span.last).parameter, written - 1);
                }
                Err(full) => {
                    let needed = u32::try_from(length).unwrap();
                    prop_assert_eq!(full, RingFull { needed, free: ring.free_trbs() });
                    prop_assert!(length > free);
                }
            }
            while drain && let Some((at, trb)) = consumer.next(&*bus) {
                prop_assert_eq!(trb.parameter, seen);
                seen += 1;
                prop_assert!(ring.retire_through(at));
                prop_assert!(!ring.retire_through(at), "only once");
            }
            prop_assert_eq!(u64::from(ring.queued_trbs()), written - seen);
        }
    }

    #[test] // req: CMD-44, RNG-02
    fn the_dequeue_pointer_names_the_oldest_trb_and_its_cycle(
        steps in proptest::collection::vec(any::<bool>(), 1..100),
    ) {
        let bus = bus();
        let memory: Vec<Gpa> = (0..2).map(|_| bus.alloc(256, 16, None).unwrap().address).collect();
        let mut ring = TransferRing::new(&*bus, &memory, 5);
        let mut consumer = Consumer { at: memory[0], cycle: true };
        for queue in steps {
            if queue {
                let _full = ring.queue_td(&*bus, &[transfer::no_op()]);
            } else if let Some((at, _)) = consumer.next(&*bus) {
                ring.retire_through(at);
            }
            // Who starts at the dequeue pointer sees exactly what is queued.
            let (at, cycle) = ring.dequeue_pointer();
            let mut fresh = Consumer { at, cycle };
            let count = std::iter::from_fn(|| fresh.next(&*bus)).count();
            prop_assert_eq!(count, ring.queued_trbs() as usize);
        }
    }

    #[test] // req: EVR-03, EVR-04, RTS-10
    fn events_are_read_once_in_order_over_all_segments(bursts in proptest::collection::vec(0usize..300, 1..12)) {
        let bus = bus();
        let memory = EventRingMemory::alloc(&*bus, 2).unwrap();
        let mut consumer = memory.restart(&*bus);
        let (mut position, mut cycle, mut written, mut seen) = (0, true, 0u64, 0u64);
        for burst in bursts {
            for _ in 0..burst {
                let segment = memory.segments()[position / 256].address;
                let at = segment.offset(16 * (position as u64 % 256));
                let event = CommandCompletion {
                    command: Gpa(written << 4),
                    parameter: 0,
                    code: CompletionCode::SUCCESS,
                    slot: None,
                };
                bus.mem_write(at, &event.to_trb().with_cycle(cycle).to_bytes());
                written += 1;
                position = (position + 1) % 512;
                cycle ^= position == 0;
            }
            while let Some(trb) = consumer.poll(&*bus) {
                prop_assert_eq!(trb.pointer(), Gpa(seen << 4));
                seen += 1;
            }
            prop_assert_eq!(seen, written);
        }
    }
}

#[test] // req: DRV-03, TRB-09
fn a_td_is_taken_out_of_the_middle_across_a_link() {
    let bus = bus();
    let memory: Vec<Gpa> = (0..2).map(|_| bus.alloc(256, 16, None).unwrap().address).collect();
    let mut ring = TransferRing::new(&*bus, &memory, 4);
    let trb = |n| transfer::normal(Gpa(n), 8);
    ring.queue_td(&*bus, &[trb(0), trb(1)]).unwrap();
    let middle = ring.queue_td(&*bus, &[trb(2).with_chain(true), trb(3).with_ioc(true)]).unwrap();
    ring.queue_td(&*bus, &[trb(4)]).unwrap();
    ring.overwrite_with_no_ops(&*bus, middle);
    let mut consumer = Consumer { at: memory[0], cycle: true };
    let seen: Vec<_> = std::iter::from_fn(|| consumer.next(&*bus)).map(|(_, trb)| trb.trb_type()).collect();
    let (normal, no_op) = (TrbType::NORMAL, TrbType::NO_OP_TRANSFER);
    assert_eq!(seen, [normal, normal, no_op, no_op, normal]);
    assert!(!read(&*bus, middle.last).ioc());
}

#[test] // req: EVR-09, INT-29
fn a_consumer_goes_on_where_another_one_stopped() {
    let bus = bus();
    let memory = EventRingMemory::alloc(&*bus, 1).unwrap();
    let first = memory.segments()[0].address;
    let event = HostController { code: CompletionCode::EVENT_LOST }.to_trb();
    let mut consumer = memory.restart(&*bus);
    for index in 0..5 {
        bus.mem_write(first.offset(16 * index), &event.with_cycle(true).to_bytes());
    }
    let rest = |consumer: &mut EventRingConsumer| std::iter::from_fn(|| consumer.poll(&*bus)).count();
    assert!(consumer.resume_at(&*bus, first.offset(16 * 3)));
    assert_eq!(rest(&mut consumer), 2);
    // Nothing unread: the old TRBs count as new, and a whole lap is skipped, as Linux does it.
    assert!(consumer.resume_at(&*bus, first.offset(16 * 5)));
    assert_eq!(rest(&mut consumer), 256);
    assert!(!consumer.resume_at(&*bus, first.offset(16 * 256)));
    assert!(!consumer.resume_at(&*bus, Gpa::NULL));
}

#[test] // req: CAP-27
fn ring_memory_lies_as_the_controller_needs_it() {
    let bus = bus();
    let memory = TransferRingMemory::alloc(&*bus, 3).unwrap();
    for segment in memory.segments() {
        assert_eq!(segment.address.0 % 4096, 0);
        assert_eq!(segment.len, TransferRing::SEGMENT_BYTES);
    }
    let ring = memory.ring(&*bus);
    assert_eq!(ring.free_trbs(), 3 * 255 - 1);
    let link = |index: usize| read(&*bus, memory.segments()[index].address.offset(16 * 255));
    assert_eq!([0, 1, 2].map(|index| link(index).toggle_cycle()), [false, false, true]);
    assert_eq!(link(2).pointer(), memory.segments()[0].address);
    memory.free(&*bus);
    assert_eq!(bus.dma_bytes_in_use(), 0);
}

#[test]
fn memory_that_runs_out_leaves_nothing_behind() {
    let bus = LocalBus::new(Xhci::new(Profile::default(), 1).unwrap(), Clock::new(), 10_000);
    assert!(TransferRingMemory::alloc(&*bus, 3).is_err());
    assert!(EventRingMemory::alloc(&*bus, 3).is_err());
    assert_eq!(bus.dma_bytes_in_use(), 0);
}
