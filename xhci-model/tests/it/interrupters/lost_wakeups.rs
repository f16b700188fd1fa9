//! Every order of a handler's writes and an event's arrival: no event is left without an interrupt (INT-15).

use crate::support::Machine;
use crate::support::any_profile;
use crate::support::interrupts::{EINT, IE, IP};
use sim_time::Duration;
use xhci_model::Signalling;

/// What a handler does, each once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    ClearEint,
    ClearIp,
    Drain,
    /// ERDP where the drain ended, with EHB.
    Acknowledge,
}

use Step::{Acknowledge, ClearEint, ClearIp, Drain};

/// Linux.
const EARLY: [Step; 4] = [ClearEint, ClearIp, Drain, Acknowledge];
/// Others.
const LATE: [Step; 4] = [Drain, Acknowledge, ClearIp, ClearEint];

/// All orders of the four steps.
fn orders() -> Vec<[Step; 4]> {
    let mut orders = vec![EARLY, LATE];
    for a in EARLY {
        for b in EARLY {
            for c in EARLY {
                for d in EARLY {
                    let order = [a, b, c, d];
                    if EARLY.iter().all(|step| order.contains(step)) && !orders.contains(&order) {
                        orders.push(order);
                    }
                }
            }
        }
    }
    orders
}

struct Driver {
    machine: Machine,
    mode: Signalling,
    seen: usize,
    calls: usize,
}

impl Driver {
    fn step(&mut self, step: Step) {
        let machine = &mut self.machine;
        match step {
            ClearEint => machine.write(machine.op + 4, EINT),
            ClearIp => machine.write(machine.ir(0), IE | IP),
            Drain => self.seen += machine.take_events(0, false).len(),
            Acknowledge => machine.ack(0),
        }
    }

    /// Whether the host is interrupted: a message that it has not answered, or the pin.
    fn interrupted(&mut self) -> bool {
        match self.mode {
            Signalling::Line => self.machine.line.last().is_some_and(|(_, asserted)| *asserted),
            Signalling::Messages { .. } => !core::mem::take(&mut self.machine.interrupts).is_empty(),
        }
    }

    /// The handler runs while the host is interrupted, undisturbed, until nothing happens any more.
    fn settle(&mut self, order: [Step; 4], imodi: u32) {
        loop {
            self.machine.run(Duration::from_nanos(250) * u64::from(imodi) * 2 + Duration::from_micros(50));
            if !self.interrupted() {
                return;
            }
            self.calls += 1;
            assert!(self.calls < 20, "the host is interrupted for ever");
            order.into_iter().for_each(|step| self.step(step));
        }
    }
}

#[test] // req: INT-15, INT-02, INT-03, INT-06, INT-07
fn no_interleaving_of_a_handler_and_events_loses_a_wakeup() {
    let mut runs = 0;
    for mode in [Signalling::Messages { vectors: 8 }, Signalling::Line] {
        for imodi in [0_u32, 1, 160, 4000] {
            for order in orders() {
                // Two events arrive, each before one of the steps or behind the last. Time passes between the steps, or
                // not.
                for (first, second) in (0..5).flat_map(|first| (first..5).map(move |second| (first, second)))
                {
                    for pause_us in [0, 15, 60] {
                        runs += 1;
                        run(mode, imodi, order, [first, second], pause_us);
                    }
                }
            }
        }
    }
    assert_eq!(runs, 2 * 4 * 24 * 15 * 3);
}

fn run(mode: Signalling, imodi: u32, order: [Step; 4], arrivals: [usize; 2], pause_us: u64) {
    let what = || format!("{mode:?} IMODI {imodi} {order:?} arrivals {arrivals:?} pause {pause_us} us");
    let mut driver = Driver { machine: Machine::new(any_profile()), mode, seen: 0, calls: 0 };
    driver.machine.xhc.set_signalling(driver.machine.now, mode);
    driver.machine.write(driver.machine.ir(0) + 4, imodi);
    driver.machine.no_ops(1);
    assert!(driver.interrupted(), "{}", what());
    for (position, step) in order.into_iter().map(Some).chain([None]).enumerate() {
        for arrival in arrivals {
            if arrival == position {
                driver.machine.no_ops(1);
            }
        }
        if let Some(step) = step {
            driver.step(step);
            driver.machine.run_us(pause_us);
        }
    }
    driver.settle(order, imodi);
    assert_eq!(driver.seen, 3, "{}", what());
}
