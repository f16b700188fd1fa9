use super::footprint::Touch;
use crate::Kernel;
use std::future::poll_fn;
use std::task::Poll;

impl Kernel {
    /// A scheduling point between two atomic steps of a task (`a4: change offload_usage`): in an explored run others
    /// may run here first; in any other run the task goes on at once. `touches` says what the code from here to the
    /// task's next scheduling point does to objects that are no locks, wait queues or tasks of this kernel.
    ///
    /// Under a spinlock there is no such point: what it protects is one step.
    pub async fn step(&self, what: &'static str, touches: &[Touch]) {
        if !self.is_exploring() {
            return;
        }
        self.scheduling_point().await;
        self.record(self.context(), || what.into());
        for &touch in touches {
            self.touch(touch);
        }
    }

    /// An answer below `options` to a question that the world leaves open: whether a device answers, when a plug is
    /// pulled. An exploration tries them all; in any other run the answer is 0, which is the usual one.
    pub fn choose(&self, what: &'static str, options: u16) -> u16 {
        if options < 2 || !self.is_exploring() {
            return 0;
        }
        let answer = self.decide_value(options);
        self.record(self.context(), || format!("choice: {what}: {answer} of {options}"));
        answer
    }

    /// A line in the transcript of an explored run, in the column of the running task. Only made where one is written.
    pub fn note(&self, line: impl FnOnce() -> String) {
        if self.is_recorded() {
            self.record(self.context(), line);
        }
    }

    /// Lets others run in an explored run, without giving way to them.
    pub(crate) async fn scheduling_point(&self) {
        if !self.is_exploring() || self.spinlock_of(self.context()).is_some() {
            return;
        }
        let mut stopped = false;
        poll_fn(|_| {
            if std::mem::replace(&mut stopped, true) {
                return Poll::Ready(());
            }
            self.wake(self.context());
            Poll::Pending
        })
        .await;
    }
}
