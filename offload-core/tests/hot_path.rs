//! The hot path on OS threads: no simulation is needed, and nothing is lost.

use offload_core::{Errno, OffloadState, RuntimePm, UsageChange, change_usage};
use sim_time::Instant;

fn is_shared<T: Send + Sync>(_: &T) {}

#[test]
fn gets_and_puts_of_many_threads_balance() {
    let (offload, pm): (OffloadState, RuntimePm) = (OffloadState::new(), RuntimePm::enabled_active());
    is_shared(&offload);
    is_shared(&pm);
    // One user more keeps step a7 from asking for an autosuspend.
    pm.get_noresume();
    let change = |change| change_usage(&offload, &pm, change, Instant::ZERO);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    let got = change(UsageChange::Get);
                    assert!(got.result.is_ok_and(|usage| (1..=4).contains(&usage)) && !got.autosuspend);
                    assert!(change(UsageChange::Put).result.is_ok_and(|usage| usage < 4));
                }
            });
        }
    });
    // S1: no session is left, so the count is 0, and no runtime PM reference is kept.
    assert_eq!((offload.usage(), pm.usage_count()), (0, 1));
}

/// S2, seen from outside: whoever freezes the count finds it unchanged until it is freed.
#[test]
fn a_frozen_count_stays_while_threads_hammer_on_it() {
    let (offload, pm): (OffloadState, RuntimePm) = (OffloadState::new(), RuntimePm::enabled_active());
    pm.get_noresume();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    let result = change_usage(&offload, &pm, UsageChange::Get, Instant::ZERO).result;
                    assert!(result.is_ok() || result == Err(Errno::EAGAIN));
                }
            });
        }
        for _ in 0..1_000 {
            offload.set_pm_locked(true);
            let frozen = offload.usage();
            std::thread::yield_now();
            assert_eq!(offload.usage(), frozen);
            offload.set_pm_locked(false);
        }
    });
}
