//! A deterministic kernel: tasks, locks, wait queues, work queues and timers on a virtual clock.
//!
//! A task is a future; a task switch happens only at an await, and a [`Scheduler`] chooses who runs next.
//! Time moves only when nobody can run. Same inputs and seed: same order of everything.
//!
//! Locks are Linux's: a [`Mutex`] has an owner, a class and first-come hand-over, a [`SpinLock`] must not be held
//! across an await. What can't end is reported in the kernel's terms: a [`Deadlock`] with the locks held and
//! wanted, a [`LockOrderViolation`] even when no run deadlocked.
//!
//! What only some orders of steps bring about, an [`Explorer`] looks for: it runs a program again and again and shows
//! the shortest run that fails.
//!
//! ```
//! use kernel_sim::{Kernel, LockClass, Mutex, Schedule, TaskKind};
//! use sim_time::{Duration, Instant};
//!
//! let kernel = Kernel::new(Schedule::Fifo);
//! let counter = Mutex::new(&kernel, LockClass::new("counter_mutex"), "counter", 0);
//! let task = kernel.spawn(TaskKind::Kernel, "ticker", {
//!     let (kernel, counter) = (kernel.clone(), counter.clone());
//!     async move {
//!         kernel.sleep(Duration::from_millis(1)).await;
//!         *counter.lock().await += 1;
//!         kernel.now()
//!     }
//! });
//! kernel.run_until_finished(&task, Instant::MAX)?;
//! assert_eq!(task.try_take(), Some(Instant::ZERO + Duration::from_millis(1)));
//! # Ok::<(), kernel_sim::RunError>(())
//! ```
#![forbid(unsafe_code)]

mod alarm;
mod completion;
mod deadlock;
mod event;
mod explore;
mod freezer;
mod hardware;
mod host_sleep;
mod join;
mod kernel;
mod lock;
mod lock_map;
mod lock_order;
mod mutex;
mod rng;
mod run;
mod run_queue;
mod scheduler;
mod sleep;
mod spinlock;
mod task;
mod timer;
mod timer_queue;
mod wait;
mod wait_list;
mod wait_queue;
mod work_queue;

pub use completion::Completion;
pub use deadlock::{BlockedTask, Deadlock, TaskName, WaitsFor};
pub use event::{Event, TraceSink};
pub use explore::{
    CheckAt, Coverage, Explorer, Finding, Line, Object, Progress, Reduction, ReplayToken, Replayed, Report,
    Strategy, TokenError, Touch, Transcript, Verdict, Violation, Watched,
};
pub use freezer::{FREEZE_TIMEOUT, FreezeTimeout};
pub use hardware::Hardware;
pub use join::JoinHandle;
pub use kernel::Kernel;
pub use lock::{LockClass, LockDesc};
pub use lock_map::{LockMap, LockMapGuard};
pub use lock_order::{LockOrder, LockOrderEdge, LockOrderViolation};
pub use mutex::{Mutex, MutexGuard};
pub use run::RunError;
pub use scheduler::{Schedule, Scheduler};
pub use spinlock::{SpinLock, SpinLockGuard};
pub use task::{TaskId, TaskKind};
pub use timer::TimerHandle;
pub use wait_queue::WaitQueue;
pub use work_queue::WorkQueue;
