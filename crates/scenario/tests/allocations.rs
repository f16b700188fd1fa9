//! A stream allocates nothing per TD, event or register access: four seconds more of it, 32,000 TDs, cost next to no
//! allocation more.
#![expect(unsafe_code, reason = "a global allocator that counts")]

use scenario::{RunOptions, Scenario};
use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged; counting touches no memory of the callers.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the contract of `dealloc`; `at` came from `System`.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract of `realloc`; `at` came from `System`.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and TDs of a stream of so many milliseconds.
fn stream(ms: u32) -> (u64, u64) {
    let text = format!(
        r#"
        title = "a stream"
        [topology]
        device = [{{ name = "headset", port = "1", kind = "uac2", client = "aoc" }}]
        [audio]
        ms = {ms}
        [[stream]]
        name = "music"
        [[timeline]]
        at_ms = 0
        action = "start"
        stream = "music"
        "#
    );
    let scenario = Scenario::parse(&text, Path::new("a stream")).unwrap_or_else(|error| panic!("{error}"));
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let run = scenario.run(RunOptions::default());
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    assert_eq!(run.failure, None);
    let music = run.report.streams.first().expect("the stream");
    assert!(music.bit_exact);
    (allocations, music.tds)
}

#[test]
fn a_longer_stream_allocates_no_more() {
    let (short, short_tds) = stream(1_000);
    let (long, long_tds) = stream(5_000);
    assert!(long_tds - short_tds >= 32_000);
    let more = long.saturating_sub(short);
    assert!(more < 64, "{more} allocations more for {} TDs more", long_tds - short_tds);
}
