//! A stream that runs allocates nothing: not per TD, event or register access, nor for the short log.
#![expect(unsafe_code, reason = "a global allocator that counts")]

use scenario::audio::Synthetic;
use scenario::{ClientStyle, DeviceKind, LogLevel, Progress, RunOptions, Scenario, StreamPlan};
use sim_time::Duration;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use usb_spec::audio::PcmFormat;

struct Counting;

thread_local! {
    /// Of this thread: the test harness allocates beside the test when it feels like it.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: every call is passed on to the system's allocator unchanged; counting touches no memory of the callers.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the contract of `dealloc`; `at` came from `System`.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps to the contract of `realloc`; `at` came from `System`.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations from the second to the fifth second of virtual time, in the midst of a stream of six seconds.
fn allocations_in_the_midst(client: ClientStyle, device: DeviceKind, log: LogLevel) -> u64 {
    let format = PcmFormat::packed(48_000, 2, 16);
    let plan = StreamPlan {
        audio: Synthetic { format, frames: 6 * 48_000 }.render(),
        client,
        device,
        drift_ppm: 0,
        sleep_ms: None,
        unplug_at_ms: None,
        seed: 0,
    };
    let scenario = Scenario::stream(plan).unwrap_or_else(|error| panic!("{error}"));
    let (mut first, mut last) = (None, 0);
    let mut on_progress = |progress: Progress| {
        if (Duration::from_secs(2)..=Duration::from_secs(5)).contains(&progress.at) {
            last = ALLOCATIONS.get();
            first.get_or_insert(last);
        }
    };
    let run = scenario.run(RunOptions { log, on_progress: Some(&mut on_progress), ..RunOptions::default() });
    assert_eq!(run.failure, None);
    assert!(run.report.streams[0].bit_exact, "{client} {device}");
    last - first.expect("the stream is longer than that")
}

// One test: the counter is one for all threads.
#[test]
fn a_running_stream_allocates_nothing() {
    for log in [LogLevel::Off, LogLevel::Summary] {
        for device in [DeviceKind::Uac2, DeviceKind::Uac1] {
            for client in [ClientStyle::Aoc, ClientStyle::Qc, ClientStyle::Urb] {
                let allocations = allocations_in_the_midst(client, device, log);
                assert_eq!(allocations, 0, "{client}, {device}, log {log:?}");
            }
        }
    }
    // The full log grows: proof that allocations are seen at all.
    assert_ne!(allocations_in_the_midst(ClientStyle::Aoc, DeviceKind::Uac2, LogLevel::Full), 0);
}
