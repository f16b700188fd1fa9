//! Doorbells: which of them reach something, and when the ring is read.

use crate::support::any_profile;
use crate::support::gadget::{Answer, Gadget};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, on_every_profile, ring_base};
use sim_time::{Duration, Instant};
use usb_spec::Speed;
use xhci_model::{Budget, Policy, Profile, Violation};
use xhci_spec::context::{EndpointState, EndpointType};
use xhci_spec::trb::{command, transfer};
use xhci_spec::{CompletionCode, Dci, Gpa, SlotId, Trb};

/// A device with bulk endpoints 1 OUT (DCI 2) and 1 IN (DCI 3).
fn machine(profile: Profile) -> (Machine, SlotId) {
    let mut machine = Machine::new(profile);
    let slot = machine.enumerate(1, Gadget::new(Speed::High));
    let endpoints = [
        (dci(1, false), endpoint(slot, dci(1, false), EndpointType::BULK_OUT, 512, 0)),
        (dci(1, true), endpoint(slot, dci(1, true), EndpointType::BULK_IN, 512, 0)),
    ];
    assert_eq!(machine.configure(slot, &endpoints), CompletionCode::SUCCESS);
    (machine, slot)
}

fn offset(machine: &Machine, slot: SlotId) -> u32 {
    machine.doorbells + 4 * u32::from(slot.get())
}

/// TRB pointers of the events of interrupter 0.
fn completed(machine: &mut Machine) -> Vec<u64> {
    machine.take_events(0, true).iter().map(|event| event.parameter).collect()
}

#[test] // req: DBS-01
fn doorbells_read_0() {
    on_every_profile(|mut machine| {
        for slot in 0..=machine.read(4) & 0xFF {
            machine.xhc.write32(machine.now, machine.doorbells + 4 * slot, 0x0001_0001);
            assert_eq!(machine.read(machine.doorbells + 4 * slot), 0);
        }
        machine.run_us(100);
    });
}

#[test] // req: DBS-02, DBS-10
fn only_target_0_of_doorbell_0_is_the_command_ring() {
    let mut machine = Machine::new(Profile::default());
    let at = machine.command.push(&mut machine.memory, command::no_op());
    for value in [1, 31, 32, 247, 248, 255, 0x0001_0000, 0xFFFF_0000] {
        machine.write(machine.doorbells, value);
        assert_eq!(machine.accesses_in(Duration::from_millis(1)), 0, "{value:#x}");
        assert_eq!(machine.read(machine.op + 0x18), 0, "CRR");
    }
    // Bits 15:8 are nobody's.
    machine.write(machine.doorbells, 0xFF00);
    machine.run_us(100);
    assert_eq!(completed(&mut machine), [at.0]);
}

#[test] // req: DBS-03, DBS-04, DBS-10
fn a_target_is_an_endpoint() {
    let (mut machine, slot) = machine(any_profile());
    let bell = offset(&machine, slot);
    let rings = [(Dci::EP0, 1), (dci(1, false), 2), (dci(1, true), 3)].map(|(dci, target)| {
        let mut ring = Producer::new(ring_base(slot, dci), 64);
        (target, ring.push(&mut machine.memory, transfer::no_op().with_ioc(true)))
    });
    let dead = [0, 32, 100, 247, 248, 255, 0x0001_0002, 0xFFFF_0003, 4, 31];
    for value in dead {
        machine.write(bell, value);
        assert_eq!(machine.accesses_in(Duration::from_millis(1)), 0, "{value:#x}");
    }
    assert_eq!(machine.accesses_in(Duration::from_millis(100)), 0, "DBS-04: without a doorbell, nothing");
    for (target, trb) in rings {
        machine.write(bell, target);
        machine.run_us(500);
        assert_eq!(completed(&mut machine), [trb.0], "target {target}");
    }
}

#[test] // req: DBS-04, SEC-11
fn doorbells_before_the_service_count_once() {
    let (mut machine, slot) = machine(any_profile());
    let bell = offset(&machine, slot);
    machine.write(bell, 2);
    let once = machine.accesses_in(Duration::from_millis(1));
    assert!(once > 0);
    for _ in 0..1000 {
        machine.xhc.write32(machine.now, bell, 2);
    }
    assert_eq!(machine.accesses_in(Duration::from_millis(1)), once);
}

#[test] // req: DBS-05
fn a_halted_controller_does_not_remember_doorbells() {
    let (mut machine, slot) = machine(any_profile());
    let bell = offset(&machine, slot);
    let mut ring = Producer::new(ring_base(slot, dci(1, false)), 64);
    let trb = ring.push(&mut machine.memory, transfer::no_op().with_ioc(true));
    let no_op = machine.command.push(&mut machine.memory, command::no_op());
    machine.stop();
    machine.write(bell, 2);
    machine.write(machine.doorbells, 0);
    machine.start();
    machine.run(Duration::from_millis(20));
    assert!(completed(&mut machine).is_empty());
    assert_eq!(machine.read(machine.op + 0x18), 0);
    machine.write(bell, 2);
    machine.run_us(500);
    machine.write(machine.doorbells, 0);
    machine.run_us(500);
    assert_eq!(completed(&mut machine), [trb.0, no_op.0]);
}

#[test] // req: DBS-06, DBS-07, TRB-52, ERR-13
fn what_is_not_enabled_answers_only_if_the_policy_says_so() {
    for answers in [false, true] {
        let policy = Policy { answer_dead_doorbells: answers, ..Policy::DEFAULT };
        let (mut machine, slot) = machine(Profile { policy, ..Profile::default() });
        let enabled = machine.command(command::enable_slot(0)).slot.unwrap();
        let disabled = SlotId::new(9).unwrap();
        let beyond = SlotId::new(17).unwrap();
        machine.evaluate_interrupter(slot, xhci_spec::InterrupterId(1));
        // Endpoint, slot and the interrupter that hears of it.
        let cases = [(slot, 5, Some(1)), (enabled, 1, Some(0)), (disabled, 31, Some(0)), (beyond, 1, None)];
        for (count, (slot, target, hears)) in (1..).zip(cases) {
            let bell = offset(&machine, slot);
            machine.write(bell, target);
            machine.write(bell, target);
            let accesses = machine.accesses_in(Duration::from_millis(1));
            assert_eq!(machine.xhc.violations(Violation::DeadDoorbell), 2 * count);
            let seen = [0, 1].map(|id| machine.take_events(id, true));
            let event =
                Trb::from_dwords([0, 0, 12 << 24, u32::from(slot.get()) << 24 | target << 16 | 32 << 10]);
            for (id, events) in seen.into_iter().enumerate() {
                let expected = if answers && hears == Some(id) { vec![event] } else { vec![] };
                let events: Vec<_> = events.into_iter().map(|trb| trb.with_cycle(false)).collect();
                assert_eq!(events, expected, "slot {slot} on interrupter {id}");
            }
            if !answers || hears.is_none() {
                assert_eq!(accesses, 0);
            }
        }
    }
}

#[test] // req: DBS-08, EPS-09
fn a_halted_endpoint_does_not_hear_its_doorbell() {
    let (mut machine, slot) = machine(any_profile());
    let (ep, bell) = (dci(1, true), offset(&machine, slot));
    let mut ring = Producer::new(ring_base(slot, ep), 64);
    machine.gadget(1).answer(1, Answer::Stall);
    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 512).with_ioc(true));
    machine.write(bell, 3);
    machine.run_us(500);
    assert_eq!(machine.endpoint_context(slot, ep).ep_state(), EndpointState::HALTED);
    completed(&mut machine);
    machine.write(bell, 3);
    assert_eq!(machine.accesses_in(Duration::from_millis(10)), 0);
    // Reset Endpoint alone does not start it; the next doorbell does.
    machine.command_code(command::reset_endpoint(slot, ep, false));
    machine.gadget(1).answer(1, Answer::Data(vec![1; 512]));
    assert_eq!(machine.accesses_in(Duration::from_millis(10)), 0);
    machine.write(bell, 3);
    machine.run_us(500);
    assert_eq!(completed(&mut machine), [ring_base(slot, ep)]);
    // Error: a TRB that cannot be executed.
    ring.push(&mut machine.memory, Trb::from_dwords([0, 0, 0, 63 << 10]));
    machine.write(bell, 3);
    machine.run_us(500);
    assert_eq!(machine.endpoint_context(slot, ep).ep_state(), EndpointState::ERROR);
    machine.write(bell, 3);
    assert_eq!(machine.accesses_in(Duration::from_millis(10)), 0);
}

#[test] // req: DBS-09
fn a_stopped_endpoint_goes_on_where_it_stopped() {
    let (mut machine, slot) = machine(any_profile());
    let (ep, bell) = (dci(1, false), offset(&machine, slot));
    let mut ring = Producer::new(ring_base(slot, ep), 64);
    let mut push = |machine: &mut Machine| ring.push(&mut machine.memory, transfer::no_op().with_ioc(true)).0;
    let first = push(&mut machine);
    machine.write(bell, 2);
    machine.run_us(500);
    assert_eq!(completed(&mut machine), [first]);
    let second = push(&mut machine);
    machine.command_code(command::stop_endpoint(slot, ep, false));
    machine.pending.clear();
    let third = push(&mut machine);
    assert!(completed(&mut machine).is_empty());
    machine.write(bell, 2);
    machine.run_us(500);
    assert_eq!(completed(&mut machine), [second, third]);
    assert_eq!(machine.endpoint_context(slot, ep).ep_state(), EndpointState::RUNNING);
    // Running: the ring is looked at again.
    let fourth = push(&mut machine);
    machine.write(bell, 2);
    machine.run_us(500);
    assert_eq!(completed(&mut machine), [fourth]);
}

#[test] // req: DBS-11
fn the_ring_is_read_after_the_doorbell() {
    let (mut machine, slot) = machine(any_profile());
    let (ep, bell) = (dci(1, false), offset(&machine, slot));
    let mut ring = Producer::new(ring_base(slot, ep), 64);
    machine.memory.take_accesses();
    machine.xhc.write32(machine.now, bell, 2);
    assert_eq!(machine.memory.take_accesses(), [], "a write has no way to memory");
    // Written after the doorbell, before it is heard: seen.
    let at = ring.push(&mut machine.memory, transfer::no_op().with_ioc(true));
    machine.run_us(500);
    assert_eq!(machine.memory.take_accesses()[0].at, at.0 + 12);
    assert_eq!(completed(&mut machine), [at.0]);
}

/// Between any two steps of the controller, software adds a TRB and rings.
#[test] // req: DBS-12
fn a_doorbell_at_any_step_is_heard() {
    for step in 0.. {
        let (mut machine, slot) = machine(any_profile());
        let (ep, bell) = (dci(1, false), offset(&machine, slot));
        let mut ring = Producer::new(ring_base(slot, ep), 64);
        let mut trbs =
            vec![ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 600).with_ioc(true)).0];
        machine.xhc.write32(machine.now, bell, 2);
        let mut steps = 0;
        let end: Instant = machine.now + Duration::from_millis(1);
        while let Some(next) = machine.xhc.poll_timeout().filter(|next| *next <= end) {
            if steps == step {
                trbs.push(
                    ring.push(&mut machine.memory, transfer::normal(Gpa(BUFFERS), 10).with_ioc(true)).0,
                );
                machine.xhc.write32(machine.now, bell, 2);
            }
            machine.now = machine.now.max(next);
            let _ = machine.xhc.advance(machine.now, &mut machine.memory, Budget(1));
            steps += 1;
        }
        machine.run(Duration::from_millis(1));
        assert_eq!(completed(&mut machine), trbs, "rung at step {step}");
        assert_eq!(machine.gadget(1).received.len(), if trbs.len() == 2 { 3 } else { 2 });
        if step >= steps {
            assert_eq!(step, 5, "steps to ring at");
            return;
        }
    }
}
