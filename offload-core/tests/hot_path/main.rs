//! The hot path on OS threads, over the locks of four makers: no simulation is needed, and nothing is lost.

mod locks;

use locks::{StdLock, TicketLock};
use offload_core::{Errno, OffloadState, RuntimePm, UsageChange, change_usage};
use sim_time::Instant;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// How often a thread calls.
const ROUNDS: u32 = 5_000;

/// A device that is awake, and one user more so that step a7 does not ask for an autosuspend.
struct Device<R: lock_api::RawMutex> {
    offload: OffloadState<R>,
    pm: RuntimePm<R>,
}

impl<R: lock_api::RawMutex> Device<R> {
    fn new() -> Self {
        let pm = RuntimePm::enabled_active();
        pm.get_noresume();
        Self { offload: OffloadState::new(), pm }
    }
    fn change(&self, change: UsageChange) -> Result<u32, Errno> {
        let outcome = change_usage(&self.offload, &self.pm, change, Instant::ZERO);
        assert!(!outcome.autosuspend);
        outcome.result
    }
}

/// S1: no session is left, so the count is 0, and no runtime PM reference is kept.
fn gets_and_puts_balance<R: lock_api::RawMutex + Send + Sync>() {
    let device = Device::<R>::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    assert!(device.change(UsageChange::Get).is_ok_and(|usage| (1..=4).contains(&usage)));
                    assert!(device.change(UsageChange::Put).is_ok_and(|usage| usage < 4));
                }
            });
        }
    });
    assert_eq!((device.offload.usage(), device.pm.usage_count()), (0, 1));
}

/// S2, S3, seen from outside: whoever freezes the count finds it unchanged until it is freed; and only then is anybody
/// refused.
fn a_frozen_count_stays<R: lock_api::RawMutex + Send + Sync>() {
    let device = Device::<R>::new();
    let (accepted, refused, done) = (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
    // Told at the end: a thread that failed on the spot would leave the others waiting.
    let moved = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let users: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    // Until both answers were seen, so that the test never passes for want of an encounter.
                    while accepted.load(Ordering::Relaxed) < ROUNDS || refused.load(Ordering::Relaxed) == 0 {
                        match device.change(UsageChange::Get) {
                            Ok(_) => accepted.fetch_add(1, Ordering::Relaxed),
                            Err(Errno::EAGAIN) => refused.fetch_add(1, Ordering::Relaxed),
                            Err(errno) => panic!("{errno} from an awake device"),
                        };
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                device.offload.set_pm_locked(true);
                let frozen = device.offload.usage();
                std::thread::yield_now();
                moved.fetch_add(u32::from(device.offload.usage() != frozen), Ordering::Relaxed);
                device.offload.set_pm_locked(false);
                std::thread::yield_now();
            }
        });
        let ends: Vec<_> = users.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        assert!(ends.iter().all(Result::is_ok));
    });
    assert_eq!(moved.load(Ordering::Relaxed), 0, "changed under pm_locked");
    assert_eq!(device.offload.usage(), accepted.load(Ordering::Relaxed));
    assert_eq!(device.pm.usage_count(), 1);
}

macro_rules! over_locks {
    ($($name:ident: $lock:ty;)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn gets_and_puts_of_four_threads_balance() {
                gets_and_puts_balance::<$lock>();
            }
            #[test]
            fn a_frozen_count_stays_while_threads_hammer_on_it() {
                a_frozen_count_stays::<$lock>();
            }
        })*
    };
}

over_locks! {
    parking_lot: ::parking_lot::RawMutex;
    spin: ::spin::Mutex<()>;
    std_mutex: StdLock;
    ticket: TicketLock;
}
