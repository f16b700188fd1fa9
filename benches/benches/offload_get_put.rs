//! One `usb_offload_get` and one `usb_offload_put` of an awake device, against the floor of two locked adds.

use criterion::{Criterion, criterion_group, criterion_main};
use offload_core::{OffloadState, RuntimePm, UsageChange, change_usage};
use sim_time::Instant;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

fn get_put(state: &OffloadState, pm: &RuntimePm, now: Instant) {
    let got = change_usage(state, pm, UsageChange::Get, now);
    let put = change_usage(state, pm, UsageChange::Put, now);
    black_box((got, put));
}

/// An awake device that somebody else keeps awake, so that put does not ask for an autosuspend.
fn awake() -> (OffloadState, RuntimePm) {
    let pm = RuntimePm::enabled_active();
    pm.get_noresume();
    (OffloadState::new(), pm)
}

fn uncontended(c: &mut Criterion) {
    let mut group = c.benchmark_group("offload_get_put");
    let floor = AtomicU64::new(0);
    group.bench_function("floor_two_locked_adds", |b| {
        b.iter(|| {
            black_box(&floor).fetch_add(1, Ordering::SeqCst);
            black_box(&floor).fetch_sub(1, Ordering::SeqCst);
        });
    });
    let (state, pm) = awake();
    group.bench_function("uncontended", |b| {
        b.iter(|| get_put(black_box(&state), black_box(&pm), Instant::ZERO));
    });
    group.finish();
}

/// The same while another thread does the same to the same device.
fn contended(c: &mut Criterion) {
    let (state, pm) = awake();
    let (stop, stopped) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let (state, pm) = (&state, &pm);
        scope.spawn(move || {
            while let Err(mpsc::TryRecvError::Empty) = stopped.try_recv() {
                (0..1000).for_each(|_| get_put(state, pm, Instant::ZERO));
            }
        });
        c.bench_function("offload_get_put/two_threads_same_device", |b| {
            b.iter(|| get_put(black_box(state), black_box(pm), Instant::ZERO));
        });
        // The other thread ends when its channel is gone.
        drop(stop);
    });
    assert_eq!(state.usage(), 0, "every get was put");
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = uncontended, contended
}
criterion_main!(benches);
