//! A deterministic kernel: tasks, locks, wait queues, work queues and timers on a virtual clock.
