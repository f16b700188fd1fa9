//! Interrupt moderation: IMODI and IMODC (xHCI 4.17.2, 5.5.2.2).

use crate::support::interrupts::{IE, IP, on_every_profile_with_secondaries};
use crate::support::{Machine, on_every_profile};
use expect_test::expect;
use sim_time::Duration;

#[test] // req: INT-08, INT-09, RTS-05
fn interrupts_of_a_storm_keep_their_distance() {
    // IMODI: interrupts in 40 ms, shortest and longest distance in ns. The handler takes all events and is done at once.
    // Below 16 (4 us) it is the events that are further apart.
    let mut table = String::new();
    for interval in [0_u32, 1, 16, 39, 160, 1000, 4000, 40_000, 65_535] {
        let mut machine = Machine::typical();
        machine.event_ring(1, 2048);
        machine.write(machine.ir(1) + 4, interval);
        machine.write(machine.ir(1), IE);
        machine.storm(1, 1);
        let (mut times, mut most) = (Vec::new(), 0);
        machine.run_handling(Duration::from_millis(40), |machine, vector| {
            assert_eq!(vector, 1);
            times.push(machine.now);
            most = most.max(machine.take_events(1, true).len());
        });
        let distances = || times.windows(2).map(|pair| pair[1].since(pair[0]).as_nanos());
        let (shortest, longest) = (distances().min().unwrap(), distances().max().unwrap());
        if interval < 16 {
            assert_eq!(most, 1, "an interrupt for each event");
            assert!(times.len() > 30_000);
        } else {
            table += &format!("{interval:5}: {:5} {shortest:8} {longest:8}\n", times.len());
        }
    }
    expect![[r#"
           16: 10000     4000     4000
           39:  4103     9750     9750
          160:  1000    40000    40000
         1000:   160   250000   250000
         4000:    40  1000000  1000000
        40000:     4 10000000 10000000
        65535:     3 16383750 16383750
    "#]]
    .assert_eq(&table);
}

#[test] // req: INT-08, TIM-22, RTS-05
fn imodc_counts_down_once_per_250_ns_from_the_end_of_ip() {
    on_every_profile(|mut machine| {
        machine.write(machine.ir(0) + 4, 1000);
        assert_eq!(machine.imodc(0), 0, "the write sets both halves");
        machine.no_ops(1);
        assert_eq!(machine.interrupts.len(), 1);
        let start = machine.now;
        let mut samples = Vec::new();
        for ns in
            [0, 1, 249, 250, 251, 500, 1_000, 2_000, 249_749, 249_750, 249_999, 250_000, 250_001, 900_000]
        {
            machine.run((start + Duration::from_nanos(ns)).since(machine.now));
            samples.push((ns, machine.imodc(0)));
        }
        let expected = [
            (0, 1000),
            (1, 1000),
            (249, 1000),
            (250, 999),
            (251, 999),
            (500, 998),
            (1_000, 996),
            (2_000, 992),
            (249_749, 2),
            (249_750, 1),
            (249_999, 1),
            (250_000, 0),
            (250_001, 0),
            (900_000, 0),
        ];
        assert_eq!(samples, expected);
        assert_eq!(machine.read(machine.ir(0) + 4), 1000, "IMODI stays");
    });
}

#[test] // req: INT-08
fn a_written_ip_reloads_imodc_too() {
    on_every_profile(|mut machine| {
        machine.write(machine.ir(0), 0);
        machine.write(machine.ir(0) + 4, 1000);
        machine.no_ops(1);
        assert_eq!((machine.iman(0), machine.imodc(0)), (IP, 0), "nobody has cleared IP");
        machine.run_us(10);
        machine.write(machine.ir(0), IP);
        assert_eq!((machine.iman(0), machine.imodc(0)), (0, 1000));
        machine.run_us(1);
        machine.write(machine.ir(0), IP);
        assert_eq!(machine.imodc(0), 996, "IP was 0 already");
    });
}

#[test] // req: INT-10, INT-03
fn software_shortens_and_lengthens_the_wait() {
    // IMODC as written 10 us after an interrupt with IMODI 4000, while an event waits; the next interrupt comes so
    // many ns after the write.
    let mut table = String::new();
    for counter in [0_u32, 1, 8, 3_959, 3_960, 3_961, 8_000, 65_535] {
        let mut machine = Machine::typical();
        machine.write(machine.ir(0) + 4, 4000);
        machine.no_ops(1);
        let first = machine.now;
        machine.take_events(0, true);
        machine.no_ops(1);
        machine.run((first + Duration::from_micros(10)).since(machine.now));
        assert_eq!(machine.interrupts.len(), 1, "the second waits");
        let written = machine.now;
        machine.write(machine.ir(0) + 4, counter << 16 | 160);
        assert_eq!(
            machine.read(machine.ir(0) + 4),
            if counter == 0 { 160 << 16 | 160 } else { counter << 16 | 160 }
        );
        machine.run_us(20_000);
        let after: Vec<u64> =
            machine.interrupts[1..].iter().map(|(at, _)| at.since(written).as_nanos()).collect();
        table += &format!("{counter:5}: {after:?}\n");
    }
    expect![[r#"
            0: [0]
            1: [250]
            8: [2000]
         3959: [989750]
         3960: [990000]
         3961: [990250]
         8000: [2000000]
        65535: [16383750]
    "#]]
    .assert_eq(&table);
}

#[test] // req: INT-10
fn a_new_interval_counts_from_the_next_reload() {
    let mut machine = Machine::typical();
    machine.event_ring(1, 2048);
    machine.write(machine.ir(1) + 4, 4000);
    machine.write(machine.ir(1), IE);
    machine.storm(1, 1);
    let start = machine.now;
    let mut times = Vec::new();
    machine.run_handling(Duration::from_micros(3_900), |machine, _| {
        times.push(machine.now.since(start).as_nanos());
        machine.take_events(1, true);
        if times.len() == 2 {
            // IMODC stays what it is.
            let counter = machine.imodc(1);
            assert_eq!(counter, 4000);
            machine.write(machine.ir(1) + 4, counter << 16 | 2000);
        }
    });
    let distances: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(distances, [1_000_000, 1_000_000, 500_000, 500_000, 500_000]);
}

#[test] // req: INT-09
fn each_interrupter_has_its_own_interval() {
    on_every_profile_with_secondaries(|mut machine| {
        machine.event_ring(1, 2048);
        machine.write(machine.ir(0) + 4, 8000);
        machine.write(machine.ir(1) + 4, 400);
        machine.write(machine.ir(1), IE);
        machine.storm(1, 1);
        machine.run_handling(Duration::from_millis(3), |machine, vector| {
            machine.take_events(vector, true);
        });
        let before = machine.interrupts.len();
        machine.run_handling(Duration::from_millis(1), |machine, vector| {
            machine.take_events(vector, true);
        });
        assert_eq!(machine.interrupts[before..].iter().filter(|(_, vector)| *vector == 1).count(), 10);
    });
}

#[test] // req: SEC-06
fn writing_imod_often_leaves_one_deadline() {
    let mut machine = Machine::typical();
    machine.write(machine.ir(0) + 4, 4000);
    machine.no_ops(1);
    machine.take_events(0, true);
    machine.no_ops(1);
    for counter in (1..60_000_u32).rev() {
        machine.xhc.write32(machine.now, machine.ir(0) + 4, counter << 16 | 4000);
        machine.run(Duration::ZERO);
    }
    // One look after the other: what waits is MFINDEX's wrap and this interrupt.
    let mut looks = 0;
    let end = machine.now + Duration::from_millis(20);
    while let Some(next) = machine.xhc.poll_timeout().filter(|next| *next <= end) {
        machine.run(next.since(machine.now));
        looks += 1;
    }
    assert_eq!((looks, machine.interrupts.len()), (1, 2));
}
