use crate::Kernel;
use crate::alarm::Alarm;
use crate::run::RunError;
use crate::wait::Wait;
use sim_time::{Duration, Instant};
use std::future::poll_fn;
use std::task::Poll;

impl Kernel {
    /// Lets the task sleep (`msleep`). Others that are runnable run, even when the time is zero.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }

    /// Lets the task sleep until `at`; if that has passed, others run and the task goes on at once.
    pub async fn sleep_until(&self, at: Instant) {
        let mut alarm = Alarm::new(self);
        poll_fn(|_| {
            if !alarm.is_set() {
                self.might_sleep(|| Wait::Sleep { until: at, alarm: None });
                alarm.set(at);
            } else if alarm.has_fired() {
                return Poll::Ready(());
            }
            self.block(Wait::Sleep { until: at, alarm: alarm.timer() });
            Poll::Pending
        })
        .await;
    }

    /// Lets others run (`cond_resched`): a scheduling point where nothing is waited for.
    pub async fn yield_now(&self) {
        let mut yielded = false;
        poll_fn(|_| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            self.note_yield();
            self.wake(self.context());
            Poll::Pending
        })
        .await;
    }

    /// Reports a task that holds a spinlock where it may sleep, whether it would or not.
    pub(crate) fn might_sleep(&self, wait: impl FnOnce() -> Wait) {
        let me = self.context();
        if let Some(lock) = self.spinlock_of(me) {
            let waits_for = Some(Box::new(self.waits_for(&wait())));
            self.fail(|| RunError::SleepInAtomic { at: self.now(), task: self.named(me), lock, waits_for });
        }
    }
}
