//! A ring that nobody reads costs no memory, however long and whatever goes on (SEC-06).
#![expect(unsafe_code, reason = "a global allocator that counts")]

use crate::support::gadget::{Answer, Gadget};
use crate::support::interrupts::normal;
use crate::support::{Machine, Producer, dci, endpoint, ring_base};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use usb_spec::Speed;
use xhci_spec::context::EndpointType;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{Dci, Gpa, InterrupterId, PortId, SlotId};

struct Counting;

thread_local! {
    /// Bytes that this thread has from the heap; tests of other threads do not count.
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: i64) {
    LIVE.set(LIVE.get() + sign * i64::try_from(bytes).unwrap_or(0));
}

// SAFETY: every call is passed on to the system's allocator unchanged; counting touches no memory of the callers.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller keeps to the contract of `dealloc`; `at` came from `System`.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(size, 1);
        // SAFETY: the caller keeps to the contract of `realloc`; `at` came from `System`.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Endpoints of all kinds, each with a ring without end, and a port and a command ring to play with.
struct Load {
    machine: Machine,
    slot: SlotId,
    endpoints: Vec<Dci>,
}

impl Load {
    fn new() -> Self {
        let mut machine = Machine::typical();
        let slot = machine.enumerate(1, Gadget::new(Speed::High).isochronous(3).isochronous(4));
        let kinds = [
            (1, EndpointType::BULK_OUT),
            (2, EndpointType::BULK_IN),
            (3, EndpointType::ISOCH_OUT),
            (4, EndpointType::ISOCH_IN),
            (5, EndpointType::INTERRUPT_OUT),
            (6, EndpointType::BULK_OUT),
        ];
        let contexts: Vec<_> = kinds
            .into_iter()
            .map(|(number, kind)| {
                let ep = dci(number, kind.is_in());
                (ep, endpoint(slot, ep, kind, if kind.is_periodic() { 64 } else { 512 }, 0))
            })
            .collect();
        machine.configure(slot, &contexts);
        for (ep, context) in &contexts {
            let base = ring_base(slot, *ep);
            let mut ring = Producer::new(base, 64);
            for index in 0..63 {
                let trb = if context.ep_type().is_isoch() {
                    let trb = transfer::isoch(Gpa(0x20_0000), 8, transfer::IsochStart::Asap).with_ioc(true);
                    trb.with_interrupter_target(InterrupterId(1))
                } else if ep.endpoint_number() == 6 || index % 4 == 3 {
                    transfer::no_op().with_ioc(true).with_interrupter_target(InterrupterId(1))
                } else {
                    normal(1)
                };
                ring.push(&mut machine.memory, trb);
            }
            machine.memory.put(base + 63 * 16, &transfer::link(Gpa(base), false).with_cycle(true).to_bytes());
        }
        Self { machine, slot, endpoints: contexts.into_iter().map(|(ep, _)| ep).collect() }
    }

    /// A millisecond of everything: doorbells, stops, resets, commands, command stops, a dead doorbell, a device that
    /// comes and goes.
    fn turn(&mut self, turn: u64) {
        let Self { machine, slot, endpoints } = self;
        for ep in endpoints.iter() {
            machine.ring_doorbell(*slot, *ep);
        }
        machine.ring_doorbell(*slot, dci(9, true));
        let ep = endpoints[usize::try_from(turn).unwrap() % endpoints.len()];
        let trb = match turn % 3 {
            0 => command::stop_endpoint(*slot, ep, false),
            1 => command::reset_endpoint(*slot, ep, false),
            _ => command::no_op(),
        };
        machine.command.push(&mut machine.memory, trb);
        machine.write(machine.doorbells, 0);
        if turn.is_multiple_of(7) {
            machine.write(machine.op + 0x18, 2);
        }
        let port = PortId::new(2).unwrap();
        if turn.is_multiple_of(2) {
            machine.xhc.attach(machine.now, port, Box::new(Gadget::new(Speed::High))).unwrap();
        } else {
            machine.xhc.detach(machine.now, port);
        }
        machine.run_us(1_000);
        if turn.is_multiple_of(5) && machine.gadget(1).output[1].is_empty() {
            machine.gadget(1).output[1].push_back(Answer::Stall);
        }
        let gadget = machine.gadget(1);
        gadget.received.clear();
        gadget.asked.clear();
        machine.interrupts.clear();
    }
}

#[test] // req: SEC-06
fn ten_seconds_under_load_take_no_memory() {
    // Nobody reads either ring.
    let mut load = Load::new();
    let mut most = [0; 2];
    for turn in 0..10_000 {
        load.turn(turn);
        let half = usize::from(turn >= 5_000);
        most[half] = most[half].max(LIVE.get());
    }
    assert!(most[1] <= most[0], "{most:?}");
    // And it was load: both rings are full.
    for id in 0..2 {
        assert_eq!(load.machine.available(id), 255);
    }
}
