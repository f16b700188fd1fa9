//! When an interrupter interrupts: IP, IPE, EHB, IMOD, BEI (xHCI 4.17).

use crate::support::gadget::{Answer, Gadget};
use crate::support::{BUFFERS, Machine, Producer, dci, endpoint, ring_base};
use sim_time::Duration;
use usb_spec::Speed;
use xhci_model::Profile;
use xhci_spec::context::EndpointType;
use xhci_spec::trb::{command, transfer};
use xhci_spec::{Gpa, InterrupterId};

/// Queues `count` No-Ops with one doorbell and lets them complete.
fn no_ops(machine: &mut Machine, count: usize) {
    for _ in 0..count {
        machine.command.push(&mut machine.memory, command::no_op());
    }
    machine.write(machine.doorbells, 0);
}

#[test] // req: INT-04, INT-07, INT-11, INT-12, RTS-09
fn one_interrupt_until_the_handler_is_done() {
    let mut machine = Machine::new(Profile::default());
    no_ops(&mut machine, 10);
    machine.run_us(1_000);
    assert_eq!(machine.interrupts.len(), 1);
    assert_eq!(machine.read(machine.ir(0)), 2, "IP cleared itself with the message");
    assert_eq!(machine.read(machine.ir(0) + 0x18) & 8, 8, "EHB");
    assert_eq!(machine.read(machine.op + 4) & 8, 8, "EINT");

    // The handler takes one event and says so: nine are left, so it is called again.
    machine.rings[0].at += 1;
    machine.ack(0);
    machine.run_us(1);
    assert_eq!(machine.interrupts.len(), 2);
    // It takes the rest: silence.
    machine.take_events(0, true);
    machine.run_us(1_000);
    assert_eq!(machine.interrupts.len(), 2);
}

#[test] // req: INT-13
fn erdp_without_ehb_keeps_the_handler_busy() {
    let mut machine = Machine::new(Profile::default());
    no_ops(&mut machine, 2);
    machine.run_us(100);
    let at = machine.rings[0].base + 16;
    machine.write64(machine.ir(0) + 0x18, at);
    machine.run_us(1_000);
    assert_eq!(machine.interrupts.len(), 1);
    assert_eq!(machine.read(machine.ir(0) + 0x18) & 8, 8);
}

#[test] // req: INT-08, INT-09, TIM-22, RTS-05
fn moderation_keeps_interrupts_apart() {
    // IMODI | events, one every 10 us for 10 ms | shortest distance between interrupts in us
    let mut table = String::new();
    for interval in [0_u32, 40, 160, 4000] {
        let mut machine = Machine::new(Profile::default());
        machine.write(machine.ir(0) + 4, interval);
        for _ in 0..1000 {
            no_ops(&mut machine, 1);
            machine.run_us(10);
            machine.take_events(0, true);
        }
        let times: Vec<u64> =
            machine.interrupts.iter().map(|(at, _)| at.since_start().as_nanos() / 1000).collect();
        let shortest = times.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap_or(0);
        table += &format!("{interval:4} {:4} {shortest:4}\n", times.len());
    }
    expect_test::expect![[r#"
           0 1000   10
          40 1000   10
         160  250   40
        4000   10 1000
    "#]]
    .assert_eq(&table);
}

#[test] // req: INT-10
fn writing_imodc_zero_interrupts_at_once() {
    let mut machine = Machine::new(Profile::default());
    machine.write(machine.ir(0) + 4, 4000);
    no_ops(&mut machine, 1);
    machine.run_us(100);
    machine.take_events(0, true);
    no_ops(&mut machine, 1);
    machine.run_us(100);
    assert_eq!(machine.interrupts.len(), 1, "the second waits for moderation");
    assert!(machine.read(machine.ir(0) + 4) >> 16 > 0);
    machine.write(machine.ir(0) + 4, 4000);
    assert_eq!(machine.interrupts.len(), 2);
}

#[test] // req: INT-05, OPR-18, INT-14, INT-23
fn polling_needs_no_enable_and_enabling_late_signals_at_once() {
    let mut machine = Machine::new(Profile::default());
    machine.write(machine.ir(0), 0);
    for _ in 0..1000 {
        no_ops(&mut machine, 1);
        machine.run_us(20);
        assert_eq!(machine.take_events(0, false).len(), 1);
        let ring = &machine.rings[0];
        machine.write64(machine.ir(0) + 0x18, ring.base + ring.at * 16);
    }
    assert_eq!(machine.interrupts.len(), 0);
    assert_eq!(machine.read(machine.ir(0)), 1, "IP shows that an event came");
    no_ops(&mut machine, 1);
    machine.run_us(20);
    machine.write(machine.ir(0), 2);
    assert_eq!(machine.interrupts.len(), 1);
}

#[test] // req: INT-15
fn no_order_of_the_handlers_writes_loses_a_wakeup() {
    // An event arrives before, between or after the handler's writes; then nothing else happens. Either
    // the handler has seen it, or it is called again.
    for arrival in 0..5 {
        for order in [[0, 1, 2, 3], [2, 3, 1, 0], [1, 2, 0, 3], [3, 2, 1, 0]] {
            let mut machine = Machine::new(Profile::default());
            no_ops(&mut machine, 1);
            machine.run_us(100);
            assert_eq!(machine.interrupts.len(), 1);
            let mut seen = 0;
            for step in 0..5 {
                if step == arrival {
                    no_ops(&mut machine, 1);
                    machine.run_us(100);
                }
                match order.get(step) {
                    Some(0) => machine.write(machine.op + 4, 8),
                    Some(1) => machine.write(machine.ir(0), 3),
                    Some(2) => seen += machine.take_events(0, false).len(),
                    Some(_) => machine.ack(0),
                    None => {}
                }
            }
            machine.run(Duration::from_millis(2));
            assert!(
                seen == 2 || machine.interrupts.len() > 1,
                "arrival {arrival} order {order:?}: seen {seen}, interrupts {:?}",
                machine.interrupts
            );
        }
    }
}

#[test] // req: INT-01, INT-25, INT-26, TRB-41
fn bei_holds_back_the_interrupt_that_ioc_asked_for_and_no_other() {
    // IOC ISP BEI, the device's answer: events, interrupts
    let mut table = String::new();
    let packet = |bytes| Answer::Data(vec![1; bytes]);
    let answers = [("full", packet(64)), ("short", packet(10)), ("stall", Answer::Stall)];
    for (ioc, isp, bei) in [(1, 0, 0), (1, 0, 1), (0, 1, 0), (0, 1, 1), (1, 1, 1), (0, 0, 0)] {
        for (name, answer) in &answers {
            let mut machine = Machine::new(Profile::default());
            let slot = machine.enumerate(1, Gadget::new(Speed::High));
            let ep = dci(1, true);
            machine.configure(slot, &[(ep, endpoint(slot, ep, EndpointType::BULK_IN, 64, 0))]);
            machine.write(machine.ir(1), 2);
            machine.gadget(1).answer(1, answer.clone());
            let trb = transfer::normal(Gpa(BUFFERS), 64)
                .with_ioc(ioc == 1)
                .with_isp(isp == 1)
                .with_bei(bei == 1)
                .with_interrupter_target(InterrupterId(1));
            Producer::new(ring_base(slot, ep), 16).push(&mut machine.memory, trb);
            machine.ring_doorbell(slot, ep);
            machine.run_us(1_000);
            let interrupts = machine.interrupts.iter().filter(|(_, id)| *id == 1).count();
            let events = machine.take_events(1, true).len();
            table += &format!("{ioc} {isp} {bei} {name:5}: {events} {interrupts}\n");
        }
    }
    expect_test::expect![[r#"
        1 0 0 full : 1 1
        1 0 0 short: 1 1
        1 0 0 stall: 1 1
        1 0 1 full : 1 0
        1 0 1 short: 1 0
        1 0 1 stall: 1 1
        0 1 0 full : 0 0
        0 1 0 short: 1 1
        0 1 0 stall: 1 1
        0 1 1 full : 0 0
        0 1 1 short: 1 1
        0 1 1 stall: 1 1
        1 1 1 full : 1 0
        1 1 1 short: 1 0
        1 1 1 stall: 1 1
        0 0 0 full : 0 0
        0 0 0 short: 0 0
        0 0 0 stall: 1 1
    "#]]
    .assert_eq(&table);
}
