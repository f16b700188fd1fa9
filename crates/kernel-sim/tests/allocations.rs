//! The steady state takes nothing from the heap.
#![expect(unsafe_code, reason = "a global allocator that counts")]

use kernel_sim::{Kernel, LockClass, Mutex, Schedule, SpinLock, TaskKind, WaitQueue};
use sim_time::{Duration, Instant};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::rc::Rc;

struct Counting;

thread_local! {
    /// Of this thread: the test harness allocates beside the test when it feels like it.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: every call goes to the system's allocator unchanged; the counter touches no memory that it manages.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are those of `System`, from which the pointer came.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those of `System`, from which the pointer came.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn sleeping_waking_and_locking_take_nothing_from_the_heap() {
    let kernel = Kernel::new(Schedule::Seeded(1));
    let queue = WaitQueue::new(&kernel, "a packet");
    let packets = Rc::new(Cell::new(0_u32));
    let mutex = Mutex::new(&kernel, LockClass::new("outer"), "outer", 0_u32);
    let spinlock = SpinLock::new(&kernel, LockClass::new("inner"), "inner", 0_u32);

    let (kernel_in, queue_in, packets_in) = (kernel.clone(), queue.clone(), packets.clone());
    kernel.spawn(TaskKind::Firmware, "dsp", async move {
        loop {
            kernel_in.sleep(Duration::MICROFRAME).await;
            packets_in.set(packets_in.get() + 1);
            queue_in.wake_all();
        }
    });
    for name in ["reader", "another"] {
        let (kernel, queue, packets) = (kernel.clone(), queue.clone(), packets.clone());
        let (mutex, spinlock) = (mutex.clone(), spinlock.clone());
        kernel.clone().spawn(TaskKind::Daemon, name, async move {
            let mut seen = 0;
            loop {
                if !queue.wait_until_timeout(Duration::from_millis(10), || packets.get() > seen).await {
                    continue;
                }
                seen = packets.get();
                let mut count = mutex.lock().await;
                *count += 1;
                *spinlock.lock() += 1;
                kernel.yield_now().await;
            }
        });
    }

    let run_to = |ms| kernel.run_until(Instant::ZERO + Duration::from_millis(ms)).unwrap();
    run_to(100);
    let (locked, before) = (*spinlock.lock(), ALLOCATIONS.get());
    // Runs of one packet each: nothing is allocated at the beginning or end of a run, either.
    (101..1_101).for_each(run_to);
    let allocated = ALLOCATIONS.get() - before;
    assert_eq!(*spinlock.lock() - locked, 16_000, "8 packets a ms for two tasks");
    assert_eq!(allocated, 0);
}
