//! When an interrupter interrupts: IP, IPE, EHB (xHCI 4.17).

mod bei;
mod lost_wakeups;
mod moderation;
mod signalling;
mod targets;

use crate::support::interrupts::{EHB, EINT, IE, INTE, IP, bulk, normal, on_every_profile_with_secondaries};
use crate::support::{Machine, on_every_profile};
use sim_time::Duration;
use xhci_spec::context::EndpointType;

#[test] // req: INT-04, INT-07, INT-11, INT-12, RTS-09
fn one_interrupt_until_the_handler_is_done() {
    on_every_profile(|mut machine| {
        machine.no_ops(10);
        assert_eq!(machine.interrupts.len(), 1);
        assert_eq!((machine.iman(0), machine.ehb(0), machine.eint()), (IE, true, true), "IP cleared itself");

        // The handler takes one event and says so: nine are left, so it is called again.
        machine.rings[0].at += 1;
        machine.ack(0);
        assert_eq!(machine.interrupts.len(), 2);
        assert!(machine.ehb(0));
        // It takes the rest: silence.
        assert_eq!(machine.take_events(0, true).len(), 9);
        machine.run_us(10_000);
        assert_eq!(machine.interrupts.len(), 2);
        assert!(!machine.ehb(0));
    });
}

#[test] // req: INT-12
fn the_handler_is_called_again_only_when_moderation_is_over() {
    let mut machine = Machine::typical();
    machine.write(machine.ir(0) + 4, 400);
    machine.no_ops(2);
    let first = machine.interrupts[0].0;
    machine.run((first + Duration::from_micros(20)).since(machine.now));
    machine.rings[0].at += 1;
    machine.ack(0);
    machine.run_us(1_000);
    assert_eq!(machine.interrupts.len(), 2);
    assert_eq!(machine.interrupts[1].0.since(first), Duration::from_micros(100));
}

#[test] // req: INT-13
fn erdp_without_ehb_keeps_the_handler_busy() {
    on_every_profile(|mut machine| {
        machine.no_ops(3);
        let at = machine.rings[0].base + 16;
        machine.write64(machine.ir(0) + 0x18, at);
        assert_eq!(u64::from(machine.read(machine.ir(0) + 0x18)), at | u64::from(EHB));
        machine.run_us(1_000);
        assert_eq!(machine.interrupts.len(), 1);
        // The pointer did move: with the same pointer and EHB, two events are left.
        machine.write64(machine.ir(0) + 0x18, at | 8);
        assert_eq!(machine.interrupts.len(), 2);
    });
}

#[test] // req: INT-03, INT-04
fn ip_is_set_whenever_all_conditions_are_met_whichever_comes_last() {
    on_every_profile(|mut machine| {
        let idle = |machine: &Machine| assert_eq!(machine.iman(0), 0);
        let set = |machine: &Machine| {
            assert_eq!((machine.iman(0), machine.ehb(0), machine.eint()), (IP, true, true));
        };
        let clear = |machine: &mut Machine| {
            machine.write(machine.op + 4, EINT);
            machine.write(machine.ir(0) + 4, 0);
            machine.write(machine.ir(0), IP);
            machine.take_events(0, true);
        };
        machine.write(machine.ir(0), 0);
        // IPE, by an event.
        idle(&machine);
        machine.no_ops(1);
        set(&machine);
        clear(&mut machine);
        // IMODC, by time.
        machine.write(machine.ir(0) + 4, 40_000 << 16);
        machine.no_ops(1);
        let left = machine.imodc(0);
        machine.run(Duration::from_nanos(250) * u64::from(left - 1));
        idle(&machine);
        machine.run(Duration::from_nanos(250));
        set(&machine);
        clear(&mut machine);
        // IMODC, by software.
        machine.write(machine.ir(0) + 4, 60_000 << 16);
        machine.no_ops(1);
        idle(&machine);
        machine.write(machine.ir(0) + 4, 0);
        set(&machine);
        // EHB: IP is 0, and an event is left.
        machine.write(machine.op + 4, EINT);
        machine.write(machine.ir(0), IP);
        machine.no_ops(1);
        idle(&machine);
        machine.ack(0);
        set(&machine);
        // IP: EHB is 0, and an event is left.
        machine.write(machine.op + 4, EINT);
        machine.ack(0);
        assert_eq!((machine.iman(0), machine.ehb(0), machine.eint()), (IP, false, false));
        machine.write(machine.ir(0) + 4, 400);
        machine.write(machine.ir(0), IP);
        idle(&machine);
        machine.run_us(99);
        idle(&machine);
        machine.run_us(1);
        set(&machine);
    });
}

#[test] // req: INT-02, EVR-11, EVR-18
fn what_is_consumed_does_not_interrupt() {
    on_every_profile(|mut machine| {
        machine.write(machine.ir(0) + 4, 40_000);
        machine.no_ops(1);
        machine.take_events(0, true);
        machine.no_ops(2);
        assert_eq!(machine.interrupts.len(), 1, "moderation");
        // The driver polls. EHB is 0 already: the pointer alone takes IPE back.
        machine.take_events(0, false);
        let ring = &machine.rings[0];
        machine.write64(machine.ir(0) + 0x18, ring.base + ring.at * 16);
        machine.run_us(20_000);
        assert_eq!(machine.interrupts.len(), 1);
        assert_eq!((machine.iman(0), machine.ehb(0)), (IE, false));
    });
}

#[test] // req: INT-02, EVR-11
fn what_is_consumed_while_halted_does_not_interrupt_either() {
    on_every_profile(|mut machine| {
        machine.no_ops(2);
        machine.write(machine.op, INTE);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 1);
        // One of two: the ring is not empty.
        machine.rings[0].at += 1;
        machine.ack(0);
        assert_eq!(machine.interrupts.len(), 2);
        machine.take_events(0, true);
        machine.run_us(5_000);
        assert_eq!((machine.interrupts.len(), machine.iman(0), machine.ehb(0)), (2, IE, false));
        machine.write(machine.op, 1 | INTE);
        machine.run_us(5_000);
        assert_eq!(machine.interrupts.len(), 2);
    });
}

#[test] // req: INT-02, EVR-06
fn a_new_ring_forgets_that_events_were_posted() {
    // By what the ring ends while an event waits for moderation.
    for part in [0x10, 0x14, 8] {
        on_every_profile_with_secondaries(|mut machine| {
            machine.write(machine.ir(1) + 4, 60_000 << 16 | 60_000);
            machine.write(machine.ir(1), IE);
            let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
            machine.write(machine.ir(1) + 4, 60_000 << 16);
            ring.push(&mut machine.memory, normal(1));
            machine.ring_doorbell(slot, ep);
            machine.wait_for_events(1, 1);
            if part == 0x14 && machine.read(0x10) & 1 == 0 {
                // AC64 = 0: there is no high half.
                return;
            }
            let value = machine.read(machine.ir(1) + part);
            machine.write(machine.ir(1) + part, if part == 8 { 0 } else { value });
            machine.write(machine.ir(1) + 4, 0);
            machine.run_us(20_000);
            assert!(machine.interrupts.iter().all(|(_, vector)| *vector == 0));
            assert_eq!((machine.iman(1), machine.ehb(1)), (IE, false));
        });
    }
}

#[test] // req: INT-05, OPR-18, INT-23
fn enabling_late_signals_at_once() {
    on_every_profile(|mut machine| {
        machine.write(machine.ir(0), 0);
        machine.no_ops(3);
        assert_eq!((machine.iman(0), machine.interrupts.len()), (IP, 0), "events are written, IP is set");
        machine.write(machine.ir(0), IE);
        assert_eq!(machine.interrupts, [(machine.now, 0)]);
        assert_eq!(machine.iman(0), IE);
        machine.take_events(0, true);
        // The same with INTE.
        machine.write(machine.op, 1);
        machine.no_ops(1);
        assert_eq!((machine.iman(0), machine.interrupts.len()), (IP | IE, 1));
        machine.run_us(1_000);
        machine.write(machine.op, 1 | INTE);
        assert_eq!(machine.interrupts.len(), 2);
        assert_eq!(machine.interrupts[1], (machine.now, 0));
    });
}

#[test] // req: INT-05, INT-03
fn enabling_late_tells_of_events_behind_a_cleared_ehb_too() {
    on_every_profile(|mut machine| {
        machine.write(machine.ir(0), 0);
        machine.write(machine.ir(0) + 4, 400);
        machine.no_ops(2);
        machine.ack(0);
        assert_eq!((machine.iman(0), machine.ehb(0)), (IP, false));
        machine.write(machine.ir(0), IE);
        let first = machine.now;
        machine.run_us(1_000);
        assert_eq!(machine.interrupts, [(first, 0), (first + Duration::from_micros(100), 0)]);
    });
}

#[test] // req: INT-14
fn a_driver_that_only_polls_goes_on_for_ever() {
    let mut machine = Machine::typical();
    machine.write(machine.ir(1) + 4, 4000);
    machine.storm(1, 1);
    let mut events = 0;
    while events < 100_000 {
        machine.run_us(200);
        events += machine.take_events(1, false).len();
        let ring = &machine.rings[1];
        machine.write64(machine.ir(1) + 0x18, ring.base + ring.at * 16);
    }
    assert_eq!((machine.iman(1), machine.ehb(1)), (IP, true), "set by the first event, and nobody cares");
    assert_eq!(machine.take_events(1, false), []);
}

#[test] // req: INT-24
fn hcrst_clears_interrupters_and_halting_does_not() {
    on_every_profile(|mut machine| {
        machine.write(machine.ir(0), 0);
        machine.no_ops(2);
        machine.write(machine.ir(0), IE);
        assert_eq!(machine.interrupts.len(), 1);
        machine.write(machine.op, 1);
        machine.ack(0);
        // IMODC runs, IP and EHB are set, IPE is set.
        machine.write(machine.ir(0) + 4, 65_535 << 16 | 77);
        let before = (machine.iman(0), machine.ehb(0));
        assert_eq!(before, (IP | IE, true));
        machine.write(machine.op, 0);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 1);
        assert_eq!((machine.iman(0), machine.ehb(0)), before);
        assert_eq!(machine.read(machine.ir(0) + 4) & 0xFFFF, 77);
        machine.write(machine.op, 2);
        machine.wait_ms(100, |machine| machine.read(machine.op) & 2 == 0);
        assert_eq!((machine.iman(0), machine.ehb(0)), (0, false));
        assert_eq!(machine.read(machine.ir(0) + 4), 4000, "IMODC 0");
        // Nothing is left of the event that was pending.
        machine.interrupts.clear();
        machine.bring_up();
        machine.run_us(20_000);
        assert_eq!((machine.iman(0), machine.interrupts.len()), (IE, 0));
    });
}

#[test] // req: INT-24, OPR-10
fn hcrst_clears_the_secondary_interrupters_too() {
    on_every_profile_with_secondaries(|mut machine| {
        machine.write(machine.ir(1), IE);
        let (slot, ep, mut ring) = bulk(&mut machine, EndpointType::BULK_OUT);
        // INTE = 0: IP stays. One event of two is taken, so that IPE is 1.
        machine.write(machine.op, 1);
        for _ in 0..2 {
            ring.push(&mut machine.memory, normal(1));
        }
        machine.ring_doorbell(slot, ep);
        machine.wait_for_events(1, 2);
        machine.rings[1].at += 1;
        machine.ack(1);
        machine.write(machine.ir(1), IE | IP);
        machine.write(machine.ir(1) + 4, 65_535 << 16 | 77);
        machine.write(machine.op, 0);
        machine.wait_ms(16, |machine| machine.read(machine.op + 4) & 1 == 1);
        let state = |machine: &Machine, id| (machine.iman(id), machine.ehb(id));
        assert_eq!(machine.read(machine.ir(1) + 4) & 0xFFFF, 77);
        assert_eq!(machine.iman(1) & IE, IE);
        machine.write(machine.op, 2);
        machine.wait_ms(100, |machine| machine.read(machine.op) & 2 == 0);
        let count = u16::try_from(machine.read(4) >> 8 & 0x7FF).unwrap();
        for id in 0..count {
            assert_eq!(state(&machine, id), (0, false), "interrupter {id}");
            let registers = [4, 8, 0x10, 0x14, 0x18, 0x1C].map(|at| machine.read(machine.ir(id) + at));
            assert_eq!(registers, [4000, 0, 0, 0, 0, 0], "interrupter {id}");
        }
    });
}
