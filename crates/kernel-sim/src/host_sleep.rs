use crate::alarm::Alarm;
use crate::timer::TimerSide;
use crate::timer_queue::TimerAction;
use crate::wait::Wait;
use crate::{Event, Kernel, TaskId, Touch};
use sim_time::Instant;
use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

/// Whether the host's processors are on.
#[derive(Default)]
pub(crate) struct HostPower {
    /// The task that let the host sleep, while it sleeps.
    sleeper: Cell<Option<TaskId>>,
}

impl Kernel {
    /// Switches the host's processors off until `at` ([`Instant::MAX`]: without an alarm) or until
    /// [`wakeup`](Self::wakeup). Until then only hardware and [`TaskKind::Firmware`](crate::TaskKind::Firmware) tasks
    /// run. Timers of the host that became due meanwhile fire when it wakes; of its tasks this one goes on first.
    ///
    /// Called by the host's task that carries the system sleep out.
    pub async fn host_sleep_until(&self, at: Instant) {
        let mut alarm = Alarm::new(self);
        let mut power = SwitchedOff { kernel: self, by: None };
        poll_fn(|_| {
            if power.by.is_none() {
                self.might_sleep(|| Wait::HostWakeup);
                power.switch_off();
                self.emit(|| Event::HostSleep { until: at });
                if at < Instant::MAX {
                    alarm.set_action(TimerSide::AlwaysOn, at, TimerAction::WakeHost);
                }
            } else if !self.is_host_asleep() {
                return Poll::Ready(());
            }
            self.block(Wait::HostWakeup);
            Poll::Pending
        })
        .await;
    }

    /// A wakeup event: ends the sleep of the host. Without effect while it is awake.
    pub fn wakeup(&self) {
        self.touch(Touch::ANYTHING);
        if let Some(sleeper) = self.0.host.sleeper.take() {
            self.emit(|| Event::HostWake);
            self.wake(sleeper);
            self.requeue();
        }
    }

    /// Whether the host's processors are off.
    pub fn is_host_asleep(&self) -> bool {
        self.0.host.sleeper.get().is_some()
    }
}

/// Dropped before its end, a call of `host_sleep_until` leaves the host awake.
struct SwitchedOff<'a> {
    kernel: &'a Kernel,
    by: Option<TaskId>,
}

impl SwitchedOff<'_> {
    fn switch_off(&mut self) {
        self.kernel.touch(Touch::ANYTHING);
        self.by = Some(self.kernel.context());
        self.kernel.0.host.sleeper.set(self.by);
        self.kernel.requeue();
    }
}

impl Drop for SwitchedOff<'_> {
    fn drop(&mut self) {
        if self.by.is_some() && self.kernel.0.host.sleeper.get() == self.by {
            self.kernel.wakeup();
        }
    }
}
