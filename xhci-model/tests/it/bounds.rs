//! What software can make grow, repeat or outlive its end, and its bound (SEC-03, SEC-06, SEC-08, SEC-10, SEC-12, SEC-15).

use crate::support::any_profile;
use crate::support::bench::Bench;
use crate::support::probe::{Probe, Say};
use crate::support::{BUFFERS, COMMAND_RING, Machine, Producer, dci, endpoint};
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::context::{EndpointState, EndpointType};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, InterrupterId, Trb, TrbType};

#[test] // req: SEC-08
fn what_was_read_is_not_read_again() {
    // The data TRB is rewritten while its first packet is on the bus: what was read counts.
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_OUT);
    let trbs = bench.trbs("N2048 ioc");
    bench.probe().output[1].extend([Say::Data(0), Say::Nak, Say::Nak, Say::Nak, Say::Nak]);
    bench.machine.ring_doorbell(bench.slot, bench.ep);
    bench.machine.run_us(200);
    assert!(bench.probe().seen.len() >= 2);
    let trb = transfer::normal(Gpa(u64::MAX - 63), 0x1_FFFF).with_chain(true).with_cycle(true);
    bench.machine.memory.put(trbs[0].0, &trb.to_bytes());
    bench.machine.memory.take_accesses();
    bench.machine.run_us(2_000);
    assert_eq!(bench.events(), "1@0:0");
    assert!(bench.machine.memory.take_accesses().iter().all(|access| access.at & !0xF != trbs[0].0));
}

#[test] // req: SEC-06, EVR-13
fn a_full_ring_for_ten_seconds_under_load() {
    let mut bench = Bench::new(Profile::default(), Speed::High, EndpointType::BULK_OUT);
    bench.machine.event_ring(1, 16);
    // For ever: a TD with an event, No Ops with events, Event Data.
    let base = bench.ring.base;
    let ioc = |trb: Trb| trb.with_ioc(true).with_interrupter_target(InterrupterId(1)).with_cycle(true);
    let ring = [
        ioc(transfer::normal(Gpa(BUFFERS), 512)),
        ioc(transfer::no_op()),
        ioc(transfer::event_data(7)),
        transfer::link(Gpa(base), false).with_cycle(true),
    ];
    for (index, trb) in (0..).zip(ring) {
        bench.machine.memory.put(base + index * 16, &trb.to_bytes());
    }
    bench.machine.ring_doorbell(bench.slot, bench.ep);
    bench.machine.run(Duration::from_secs(10));
    let before = bench.probe().seen.len();
    // 14 events and the notice fit: 5 times around, and the rest waits on the ring, not in the controller.
    assert_eq!(before, 5);
    let mut codes = Vec::new();
    for _ in 0..100 {
        codes.extend(
            bench.machine.take_events(1, true).iter().map(|trb| (trb.completion_code().0, trb.parameter)),
        );
        bench.machine.run(Duration::from_millis(1));
    }
    let transfers: Vec<u64> = codes.iter().filter(|(code, _)| *code == 1).map(|(_, at)| *at).collect();
    let expected: Vec<u64> = [base, base + 16, 7].into_iter().cycle().take(transfers.len()).collect();
    assert!(transfers.len() > 1000);
    assert_eq!(transfers, expected, "none lost, none twice");
}

#[test] // req: SEC-10
fn the_scratchpads_are_left_alone() {
    let canary: Vec<u8> = (0..4096_u32).map(|byte| (byte * 7).to_le_bytes()[0]).collect();
    let mut machine = Machine::cold(Profile::strict());
    machine.memory.put(crate::support::SCRATCHPAD_PAGE, &canary);
    machine.bring_up();
    let slot = machine.enumerate(1, Probe::new(Speed::High));
    let ep = dci(1, false);
    machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_OUT, 512, 0))]);
    let mut ring = Producer::new(crate::support::ring_base(slot, ep), 16);
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 4096).with_ioc(true));
    machine.memory.take_accesses();
    machine.ring_doorbell(slot, ep);
    machine.run_us(100_000);
    machine.write(machine.op, 2);
    machine.run_us(500_000);
    assert_eq!(machine.memory.slice(crate::support::SCRATCHPAD_PAGE, 4096), canary);
    let page = crate::support::SCRATCHPAD_PAGE..crate::support::SCRATCHPAD_PAGE + 4096;
    assert!(machine.memory.take_accesses().iter().all(|access| !page.contains(&access.at)));
    // HCSPARAMS2 asks for as many pages as the profile has.
    for (profile, pages) in [(Profile::default(), 0), (Profile::strict(), 4), (Profile::large(), 1023)] {
        let machine = Machine::cold(profile);
        let parameters = machine.read(8);
        assert_eq!((parameters >> 21 & 0x1F) << 5 | parameters >> 27, pages);
    }
}

#[test] // req: SEC-15
fn what_was_under_way_is_nobodys_after_a_reset_or_disable_slot() {
    for reset in [true, false] {
        let mut bench = Bench::new(any_profile(), Speed::Full, EndpointType::BULK_IN);
        bench.probe().sends(1, &[64]);
        bench.trbs("N64 ioc");
        bench.machine.ring_doorbell(bench.slot, bench.ep);
        // The packet is on the bus.
        while bench.probe().seen.is_empty() {
            bench.machine.run(Duration::from_nanos(500));
        }
        if reset {
            bench.machine.xhc.write32(bench.machine.now, bench.machine.op, 2);
            bench.machine.memory.take_accesses();
            bench.machine.run_us(100);
            bench.machine.run_us(1_000_000);
            assert_eq!(bench.machine.memory.take_accesses(), [], "nothing of it comes");
            assert_eq!(bench.machine.take_events(0, false), []);
            // As new.
            bench.machine.command = Producer::new(COMMAND_RING, 64);
            bench.machine.memory.put(COMMAND_RING, &[0; 1024]);
            bench.machine.rings.clear();
            bench.machine.bring_up();
        } else {
            let code = bench.machine.command_code(command::disable_slot(bench.slot));
            assert_eq!(code, CompletionCode::SUCCESS);
            bench.machine.run_us(10_000);
            let transfers =
                bench.machine.pending.iter().filter(|trb| trb.trb_type() == TrbType::TRANSFER_EVENT);
            // It may have ended before the command was executed, but not after.
            assert!(transfers.count() <= 1);
            assert_eq!(bench.machine.take_events(0, true), []);
        }
        bench.machine.take_events(0, true);
        assert_eq!(bench.machine.command_code(command::no_op()), CompletionCode::SUCCESS);
    }
}

#[test] // req: SEC-15, SEC-01
fn deadlines_of_endpoints_that_were_stopped_are_thrown_away() {
    // An interval of four seconds: each start leaves a deadline behind.
    let mut bench = Bench::with(Profile::default(), Speed::High, EndpointType::INTERRUPT_OUT, |context| {
        context.with_interval(15).with_max_packet_size(64)
    });
    bench.trbs("N8 ioc");
    for _ in 0..5_000 {
        bench.machine.ring_doorbell(bench.slot, bench.ep);
        bench.machine.run_us(10);
        bench
            .machine
            .command
            .push(&mut bench.machine.memory, command::stop_endpoint(bench.slot, bench.ep, false));
        bench.machine.write(bench.machine.doorbells, 0);
        bench.machine.run_us(100);
        bench.machine.take_events(0, true);
        bench.machine.xhc.check_invariants().unwrap();
    }
    // All of the old ones come due with the new one, which alone counts.
    bench.machine.ring_doorbell(bench.slot, bench.ep);
    bench.machine.run(Duration::from_secs(9));
    assert_eq!(bench.events(), "1@0:0");
    assert_eq!(bench.probe().seen.len(), 1);
}

#[test] // req: SEC-12, INT-08
fn an_interrupt_storm_is_bounded_by_who_acknowledges_and_by_moderation() {
    // No Ops with events that go around for ever, as fast as the controller can.
    let storm = |moderation: u32, acknowledgements: u64| {
        let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_OUT);
        bench.machine.write(bench.machine.ir(0) + 4, moderation);
        let base = bench.ring.base;
        bench.machine.memory.put(base, &transfer::no_op().with_ioc(true).with_cycle(true).to_bytes());
        bench.machine.memory.put(base + 16, &transfer::link(Gpa(base), false).with_cycle(true).to_bytes());
        bench.machine.ack(0);
        bench.machine.interrupts.clear();
        bench.machine.ring_doorbell(bench.slot, bench.ep);
        for _ in 0..acknowledgements {
            bench.machine.run_us(100);
            bench.machine.take_events(0, true);
        }
        bench.machine.run_us(10_000);
        bench.machine.interrupts.len() as u64
    };
    // Without moderation: one, and one more for each time that EHB is cleared.
    assert_eq!(storm(0, 0), 1);
    assert_eq!(storm(0, 1), 2);
    assert_eq!(storm(0, 100), 101);
    // 100 acknowledgements in 10 ms, and one interrupt in a millisecond.
    let moderated = storm(4000, 100);
    assert!((10..=12).contains(&moderated), "{moderated}");
}

#[test] // req: SEC-03, XFR-17
fn a_ring_without_end_starves_nobody() {
    let mut bench = Bench::new(any_profile(), Speed::High, EndpointType::BULK_OUT);
    let base = bench.ring.base;
    for (index, trb) in (0..).zip([transfer::no_op(), transfer::no_op(), transfer::link(Gpa(base), false)]) {
        bench.machine.memory.put(base + index * 16, &trb.with_cycle(true).to_bytes());
    }
    bench.go();
    assert_eq!((bench.events().as_str(), bench.state()), ("", EndpointState::RUNNING));
    // The default endpoint of the same device, on the same bus.
    bench.ep = Dci::EP0;
    bench.ring = Producer::new(crate::support::ring_base(bench.slot, Dci::EP0), 64);
    bench.probe().endless[0] = Some(64);
    bench.trbs("S1024 in, D1024 in, T ioc");
    let begun = bench.machine.now;
    bench.machine.ring_doorbell(bench.slot, Dci::EP0);
    bench.machine.run_us(250);
    assert_eq!(bench.events(), "1@2:0");
    let took = bench.probe().seen.last().unwrap().at.since(begun);
    assert!(took < Duration::from_micros(250), "{took}");
    // And the endless one can be stopped.
    bench.ep = dci(1, false);
    assert_eq!(bench.stop(), CompletionCode::SUCCESS);
}

#[test] // req: SEC-15, ERR-01
fn an_event_that_a_host_system_error_overtook_is_not_written_later() {
    // The STALL is to be shown in the device context before its event; the context is gone.
    let mut bench = Bench::new(Profile::default(), Speed::High, EndpointType::BULK_OUT);
    bench.probe().output[1].push_back(Say::Stall);
    bench.trbs("N8 ioc");
    let context = crate::support::CONTEXTS + u64::from(bench.slot.get()) * 0x1000;
    bench.machine.memory.unmap(context..context + 0x1000);
    bench.go();
    assert_eq!(bench.machine.read(bench.machine.op + 4) & 5, 5, "HSE and HCHalted");
    bench.machine.memory.map();
    bench.machine.write(bench.machine.op, 2);
    bench.machine.run_us(200_000);
    bench.machine.command = Producer::new(COMMAND_RING, 64);
    bench.machine.memory.put(COMMAND_RING, &[0; 1024]);
    bench.machine.rings.clear();
    bench.machine.bring_up();
    bench.machine.pending.clear();
    // Another device: when one of its endpoints has something to tell, nothing else is told.
    bench.port = 2;
    bench.slot = bench.machine.enumerate(2, Probe::new(Speed::High));
    bench.ep = Dci::EP0;
    bench.ring = Producer::new(crate::support::ring_base(bench.slot, Dci::EP0), 64);
    bench.trbs("S, T in ioc");
    bench.go();
    assert_eq!(bench.events(), "1@1:0");
}
