//! The transitions themselves: `rpm_suspend`, `rpm_resume`, `rpm_idle` and the worker of `pm_wq`.

use super::device::PmDevice;
use super::idle::IdleStep;
use super::resume::{Parent, ResumeStep};
use super::status::{Request, RpmDone, RpmFlags, RpmResult, RpmStatus};
use super::suspend::{SuspendEnd, SuspendStep};
use crate::Errno;
use crate::offload::POWER;
use std::rc::Rc;

impl PmDevice {
    /// `rpm_suspend` in the caller's context.
    pub(super) async fn rpm_suspend(self: &Rc<Self>, flags: RpmFlags) -> RpmResult {
        let kernel = self.core().kernel();
        loop {
            kernel.step("rpm_suspend: under power.lock", &[POWER.of(self.name()).write()]).await;
            let step = self.power.suspend_step(flags, self.now());
            self.settle();
            match step {
                SuspendStep::Return(result) => return result,
                SuspendStep::Wait => self.wait_for_transition().await,
                SuspendStep::Suspended => {
                    self.suspended();
                    return Ok(RpmDone::Done);
                }
                SuspendStep::Callback => {
                    self.emit_status();
                    let transition = self.rpm.acquire();
                    let result = match self.ops() {
                        Some(ops) => ops.runtime_suspend().await,
                        None => Ok(()),
                    };
                    kernel.step("rpm_suspend: the callback is done", &[POWER.of(self.name()).write()]).await;
                    drop(transition);
                    let end = self.power.suspend_done(result, flags, self.now());
                    self.settle();
                    match end {
                        SuspendEnd::Suspended => {
                            self.suspended();
                            return Ok(RpmDone::Done);
                        }
                        SuspendEnd::SuspendedButResume => {
                            self.leave_parent();
                            // The outcome belongs to whoever asked for the resume.
                            let _resumed = Box::pin(self.rpm_resume(RpmFlags::SYNC)).await;
                            return Err(Errno::EAGAIN);
                        }
                        SuspendEnd::Failed(errno) => {
                            self.transition_over();
                            return Err(errno);
                        }
                        SuspendEnd::Retry => self.transition_over(),
                    }
                }
            }
        }
    }

    /// `rpm_suspend` that only queues; a device without callbacks is suspended on the spot.
    pub(super) fn request_suspend(self: &Rc<Self>, flags: RpmFlags) -> RpmResult {
        let step = self.power.suspend_step(RpmFlags { asynchronous: true, ..flags }, self.now());
        self.settle();
        match step {
            SuspendStep::Return(result) => result,
            // An asynchronous request neither waits nor calls: what is left is a device without callbacks.
            SuspendStep::Suspended | SuspendStep::Wait | SuspendStep::Callback => {
                self.suspended();
                Ok(RpmDone::Done)
            }
        }
    }

    /// `rpm_resume` in the caller's context. The parent is resumed first.
    pub(super) async fn rpm_resume(self: &Rc<Self>, flags: RpmFlags) -> RpmResult {
        let parent = self.parent();
        let mut holds_parent = false;
        let kernel = self.core().kernel();
        let result = loop {
            kernel.step("rpm_resume: under power.lock", &[POWER.of(self.name()).write()]).await;
            let step = match &parent {
                None => self.power.resume_step(flags, &Parent::None),
                Some(_) if holds_parent => self.power.resume_step(flags, &Parent::Held),
                Some(parent) => self.power.resume_step(flags, &Parent::Unknown(&parent.power)),
            };
            self.settle();
            match (step, &parent) {
                (ResumeStep::Return(result), _) => break result,
                (ResumeStep::Wait, _) => self.wait_for_transition().await,
                (ResumeStep::ResumeParent, Some(parent)) => {
                    parent.power.get_noresume();
                    holds_parent = true;
                    if parent.takes_part() {
                        let _status_decides = Box::pin(parent.rpm_resume(RpmFlags::SYNC)).await;
                        if parent.power.status() != RpmStatus::Active {
                            break Err(Errno::EBUSY);
                        }
                    }
                }
                (ResumeStep::Callback, parent) => {
                    self.emit_status();
                    let transition = self.rpm.acquire();
                    let result = match self.ops() {
                        Some(ops) => ops.runtime_resume().await,
                        None => Ok(()),
                    };
                    kernel.step("rpm_resume: the callback is done", &[POWER.of(self.name()).write()]).await;
                    drop(transition);
                    let result = self.power.resume_done(result, self.now());
                    self.settle();
                    if result.is_ok()
                        && let Some(parent) = parent
                    {
                        parent.power.child_became_active();
                    }
                    break self.resumed(result);
                }
                (ResumeStep::Active | ResumeStep::ResumeParent, _) => break self.resumed(Ok(())),
            }
        };
        if holds_parent && let Some(parent) = &parent {
            parent.put();
        }
        result
    }

    /// `rpm_resume` that only queues; a device without callbacks under an active parent is active on the spot.
    pub(super) fn request_rpm_resume(self: &Rc<Self>) -> RpmResult {
        let parent = self.parent();
        let parent = parent.as_ref().map_or(Parent::None, |parent| Parent::Unknown(&parent.power));
        let step = self.power.resume_step(RpmFlags::ASYNC, &parent);
        self.settle();
        match step {
            ResumeStep::Return(result) => result,
            ResumeStep::Active | ResumeStep::Wait | ResumeStep::ResumeParent | ResumeStep::Callback => {
                self.resumed(Ok(()))
            }
        }
    }

    /// `rpm_idle` in the caller's context.
    pub(super) async fn rpm_idle(self: &Rc<Self>, flags: RpmFlags) -> RpmResult {
        let kernel = self.core().kernel();
        kernel.step("rpm_idle: under power.lock", &[POWER.of(self.name()).write()]).await;
        let step = self.power.idle_step(flags);
        self.settle();
        match step {
            IdleStep::Return(result) => return result,
            IdleStep::Suspend => {}
            IdleStep::Callback => {
                let verdict = match self.ops() {
                    Some(ops) => ops.runtime_idle().await,
                    None => Ok(()),
                };
                self.power.idle_done();
                self.transition.wake_all();
                verdict?;
            }
        }
        self.rpm_suspend(flags.auto()).await
    }

    /// `rpm_idle` that only queues.
    pub(super) fn request_rpm_idle(self: &Rc<Self>) -> RpmResult {
        let step = self.power.idle_step(RpmFlags::ASYNC);
        self.settle();
        match step {
            IdleStep::Return(result) => result,
            IdleStep::Suspend | IdleStep::Callback => self.request_suspend(RpmFlags::ASYNC.auto()),
        }
    }

    /// What the worker of `pm_wq` does for this device.
    pub(super) async fn work(self: &Rc<Self>) {
        // Nobody waits for the result of queued work.
        let _result = match self.power.take_request() {
            Request::None => Ok(RpmDone::Done),
            Request::Idle => self.rpm_idle(RpmFlags::NOWAIT).await,
            Request::Suspend => self.rpm_suspend(RpmFlags::NOWAIT).await,
            Request::Autosuspend => self.rpm_suspend(RpmFlags::NOWAIT.auto()).await,
            Request::Resume => self.rpm_resume(RpmFlags::NOWAIT).await,
        };
    }

    /// The timer softirq of the autosuspend delay.
    pub(super) fn timer_fired(self: &Rc<Self>) {
        if let Some(flags) = self.power.timer_expired(self.now()) {
            let _refused = self.request_suspend(flags);
        }
    }

    /// RPM(u) of the lock order: a wait condition, not a lock; nobody owns it and nothing interrupts the wait.
    pub(super) async fn wait_for_transition(self: &Rc<Self>) {
        let over = || !self.power.status().in_transition();
        self.transition.wait_for_holder(&self.rpm, over).await;
    }

    fn takes_part(&self) -> bool {
        let power = self.power.lock();
        power.disable_depth == 0 && !power.ignore_children
    }

    fn transition_over(&self) {
        self.emit_status();
        self.transition.wake_all();
    }

    fn leave_parent(&self) -> Option<Rc<Self>> {
        self.transition_over();
        let parent = self.parent()?;
        parent.power.child_became_suspended();
        Some(parent)
    }

    /// `RPM_SUSPENDED` was reached: the parent may be idle now.
    pub(super) fn suspended(&self) {
        if let Some(parent) = self.leave_parent()
            && !parent.power.lock().ignore_children
        {
            let _refused = parent.request_rpm_idle();
        }
    }

    /// A resume ended; an active device that nobody uses may go idle again.
    fn resumed(self: &Rc<Self>, result: Result<(), Errno>) -> RpmResult {
        self.transition_over();
        result?;
        let _refused = self.request_rpm_idle();
        Ok(RpmDone::Done)
    }
}
