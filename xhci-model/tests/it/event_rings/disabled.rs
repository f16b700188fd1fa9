//! Interrupters without a ring, and targets that do not exist (xHCI 4.17.1, 5.5.2.3.1).

use crate::support::gadget::Gadget;
use crate::support::interrupts::segments::Segments;
use crate::support::interrupts::{Act, EHB, IE, IP, bulk, clog, normal, on_every_profile_with_secondaries};
use crate::support::{EVENT_RINGS, INPUT, Machine, dci, endpoint, on_every_profile};
use expect_test::expect;
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::{Event, LogLevel, Policy, Profile, Violation};
use xhci_spec::context::{EndpointState, EndpointType, InputControlContext};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Gpa, InterrupterId, TrbType};

#[test] // req: INT-21, INT-29
fn a_disabled_interrupter_touches_no_memory_and_never_interrupts() {
    on_every_profile_with_secondaries(|mut machine| {
        let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
        machine.write(machine.ir(1), IE);
        // One event, which stays unread: IP was set, and EHB.
        ring.push(&mut machine.memory, normal(1));
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        assert!(machine.ehb(1));
        let before = machine.interrupts.len();
        let base = machine.rings[1].base;
        machine.write(machine.ir(1) + 8, 0);
        assert_eq!(machine.read(machine.ir(1) + 0x10), u32::try_from(base + 0xFF00).unwrap(), "ERSTBA stays");
        // The memory of ring and table is somebody else's now.
        machine.memory.put(base, &[0xEE; 0x1_0000]);
        machine.xhc.set_log_level(LogLevel::Full);
        machine.xhc.drain_log().count();
        ring.push(&mut machine.memory, normal(1));
        ring.push(&mut machine.memory, normal(1));
        machine.xhc.write32(machine.now, machine.doorbells + 4 * u32::from(slot.get()), ep.get().into());
        let in_ring = |acts: Vec<(_, Act)>| {
            acts.into_iter()
                .filter(|(_, act)| match act {
                    Act::Read { at, .. } | Act::Write { at, .. } | Act::Publish { at } => {
                        (base..base + 0x1_0000).contains(at)
                    }
                    Act::Message { vector } => *vector == 1,
                    Act::Line { .. } => true,
                })
                .count()
        };
        let acts = machine.record(Duration::from_millis(5));
        assert_eq!(in_ring(acts), 0);
        assert_eq!(machine.gadget(1).received.len(), 3, "data moves all the same");
        let lost =
            |(_, event): &(_, Event)| matches!(event, Event::EventLost { interrupter: InterrupterId(1), .. });
        assert_eq!(machine.xhc.drain_log().filter(lost).count(), 2);
        // ERDP is latched and clears EHB, no more; ERSTSZ alone does not enable.
        let steps = [(0x18, 0x4_0000 | EHB), (0x1C, 0), (8, 1), (0x18, 0x4_1000 | EHB), (4, 0), (0, IE)];
        for (offset, value) in steps {
            machine.xhc.write32(machine.now, machine.ir(1) + offset, value);
            ring.push(&mut machine.memory, normal(1));
            machine.xhc.write32(machine.now, machine.doorbells + 4 * u32::from(slot.get()), ep.get().into());
            let acts = machine.record(Duration::from_millis(5));
            assert_eq!(in_ring(acts), 0, "after {offset:#x}");
        }
        assert_eq!(machine.read(machine.ir(1) + 0x18), 0x4_1000);
        assert_eq!((machine.iman(1), machine.ehb(1), machine.interrupts.len()), (IE, false, before));
        // ERSTBA enables.
        machine.event_ring(1, 64);
        ring.push(&mut machine.memory, normal(1));
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        assert_eq!(machine.available(1), 1, "none of those before");
        assert_eq!(machine.interrupts.last(), Some(&(machine.interrupts.last().unwrap().0, 1)));
    });
}

#[test] // req: INT-21, INT-02
fn disabling_drops_what_waited_for_room() {
    on_every_profile_with_secondaries(|mut machine| {
        let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
        machine.event_ring(1, 64);
        let base = machine.rings[1].base;
        machine.write64(machine.ir(1) + 0x18, base + 32);
        ring.push(&mut machine.memory, normal(1));
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        // A Stopped event waits.
        assert_eq!(machine.command_code(command::stop_endpoint(slot, ep, false)), CompletionCode::SUCCESS);
        machine.write(machine.ir(1) + 8, 0);
        machine.event_ring(1, 64);
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        let events = machine.take_events(1, true);
        assert_eq!(events.iter().map(|trb| trb.completion_code().0).collect::<Vec<_>>(), [1]);
    });
}

#[test] // req: INT-21, EVR-14
fn disabling_forgets_that_events_were_lost() {
    let mut machine = Machine::typical();
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    machine.target_slot(slot, 1);
    let ep = dci(1, false);
    let context = machine.slot_context(slot).with_context_entries(31);
    let control = InputControlContext::new().adding_slot().adding(ep);
    machine.input(control, context, &[(ep, endpoint(slot, ep, EndpointType::ISOCH_OUT, 28, 0))]);
    let configure = command::configure_endpoint(Gpa(INPUT), slot, false);
    assert_eq!(machine.command_code(configure), CompletionCode::SUCCESS);
    for disabled in [false, true] {
        clog(&mut machine, 1);
        for _ in 0..2 {
            machine.ring_doorbell(slot, ep);
            machine.run_us(5_000);
        }
        if disabled {
            machine.write(machine.ir(1) + 8, 0);
            machine.event_ring(1, 64);
        } else {
            machine.take_events(1, true);
        }
        machine.ring_doorbell(slot, ep);
        machine.run_us(5_000);
        let codes: Vec<u8> = machine.take_events(1, true).iter().map(|trb| trb.completion_code().0).collect();
        assert_eq!(codes, if disabled { vec![14] } else { vec![32, 14] });
    }
}

#[test] // req: INT-22
fn the_primary_ring_may_be_taken_away_for_a_while() {
    // ERSTSZ 0, then a new ring in the order of Linux, in the order of SeaBIOS, and without the high halves.
    let linux: &[u32] = &[8, 0x10, 0x14, 0x18, 0x1C];
    let seabios: &[u32] = &[8, 0x18, 0x1C, 0x10, 0x14];
    let low: &[u32] = &[8, 0x10, 0x18];
    for order in [linux, seabios, low] {
        on_every_profile(|mut machine| {
            let (slot, ep, mut transfers) = bulk(&mut machine, EndpointType::BULK_OUT);
            machine.write(machine.ir(0) + 8, 0);
            machine.memory.put(machine.rings[0].base, &[0xEE; 0x1_0000]);
            let received = machine.gadget(1).received.len();
            transfers.push(&mut machine.memory, normal(0));
            machine.ring_doorbell(slot, ep);
            for _ in 0..3 {
                machine.command.push(&mut machine.memory, command::no_op());
            }
            machine.write(machine.doorbells, 0);
            machine.xhc.detach(machine.now, xhci_spec::PortId::new(1).unwrap());
            machine.run_us(20_000);
            assert_eq!(machine.read(machine.op + 4) & 0x1005, 0, "neither HCE nor HSE nor halted");
            assert!(machine.memory.slice(machine.rings[0].base, 0x1000).iter().all(|byte| *byte == 0xEE));
            let _ = received;
            let mut ring =
                Segments::new(&mut machine, 0, EVENT_RINGS + 0xF000, &[(EVENT_RINGS + 0x1000, 64)]);
            for offset in order {
                let value = match offset {
                    8 => 1,
                    0x10 => EVENT_RINGS + 0xF000,
                    0x18 => ring.address() | 8,
                    _ => 0,
                };
                machine.write(machine.ir(0) + offset, u32::try_from(value).unwrap());
            }
            machine.run_us(20_000);
            let mut told: Vec<(u8, u8)> = Vec::new();
            for trb in ring.take_all(&machine) {
                told.push((trb.trb_type().0, trb.completion_code().0));
            }
            told.sort_unstable();
            // The device is gone when its TD goes over the bus: a transaction error.
            assert_eq!(told, [(32, 4), (33, 1), (33, 1), (33, 1), (34, 1)], "{order:x?}");
        });
    }
}

#[test] // req: INT-22
fn an_event_of_a_command_under_way_goes_to_the_next_ring() {
    let mut machine = Machine::new(Profile::strict());
    machine.command.push(&mut machine.memory, command::no_op());
    machine.write(machine.doorbells, 0);
    machine.run_us(100);
    machine.write(machine.ir(0) + 8, 0);
    machine.run_us(5_000);
    assert_eq!(machine.available(0), 0);
    machine.event_ring(0, 64);
    assert_eq!(machine.available(0), 1);
    assert_eq!(machine.interrupts.len(), 1);
    assert_eq!(machine.iman(0) & IP, 0);
}

#[test] // req: INT-20
fn a_strict_controller_refuses_targets_that_do_not_exist() {
    let policy = Policy { refuse_bad_targets: true, ..Policy::DEFAULT };
    let mut machine = Machine::new(Profile { policy, ..Profile::default() });
    let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
    ring.push(&mut machine.memory, normal(7));
    ring.push(&mut machine.memory, normal(1));
    let silent = transfer::normal(Gpa(0x1000), 8).with_interrupter_target(InterrupterId(8));
    ring.push(&mut machine.memory, silent);
    ring.push(&mut machine.memory, normal(0));
    machine.event_ring(7, 16);
    machine.ring_doorbell(slot, ep);
    machine.run_us(5_000);
    assert_eq!(machine.gadget(1).received.len(), 2);
    assert_eq!(machine.endpoint_context(slot, ep).ep_state(), EndpointState::ERROR);
    expect![[r#"
        Transfer Event: TRB Error 0x122020 length 0 slot 1 ep 2
    "#]]
    .assert_eq(&machine.transcript(0));
    assert_eq!(machine.take_events(1, true).len(), 1);
    assert_eq!(machine.xhc.violations(Violation::BadInterrupterTarget), 1);
    // While the primary ring is full, that waits too.
    let mut machine = Machine::new(Profile { policy, ..Profile::default() });
    let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
    clog(&mut machine, 0);
    ring.push(&mut machine.memory, normal(900));
    machine.ring_doorbell(slot, ep);
    machine.run_us(5_000);
    assert_eq!(machine.endpoint_context(slot, ep).ep_state(), EndpointState::RUNNING);
    assert_eq!(machine.take_events(0, true).len(), 1, "the notice");
    machine.run_us(5_000);
    let codes: Vec<u8> = machine.take_events(0, true).iter().map(|trb| trb.completion_code().0).collect();
    assert_eq!((codes, machine.gadget(1).received.len()), (vec![5], 0));
    // One interrupter: targets mean nothing, so that there is nothing to refuse.
    let mut machine = Machine::new(Profile { policy, ..Profile::minimal() });
    let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
    ring.push(&mut machine.memory, normal(9));
    machine.ring_doorbell(slot, ep);
    machine.run_us(5_000);
    let events = machine.take_events(0, true);
    assert_eq!(events.iter().map(|trb| trb.trb_type()).collect::<Vec<_>>(), [TrbType::TRANSFER_EVENT]);
    assert_eq!(events[0].completion_code(), CompletionCode::SUCCESS);
}
