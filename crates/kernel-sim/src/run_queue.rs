use crate::explore::{Pick, Place};
use crate::task::RunState;
use crate::{Event, Kernel, TaskId, TaskKind};

/// The tasks that are ready, in the order in which they became so.
#[derive(Default)]
pub(crate) struct RunQueue {
    runnable: Vec<TaskId>,
    /// Ready, but frozen or on a host that is asleep.
    parked: Vec<TaskId>,
}

impl RunQueue {
    pub(crate) fn runnable(&self) -> &[TaskId] {
        &self.runnable
    }

    pub(crate) fn remove(&mut self, id: TaskId) {
        self.runnable.retain(|&other| other != id);
    }
}

impl Kernel {
    /// Makes a blocked task ready. Others take no notice: a wake-up is a hint to look again.
    pub(crate) fn wake(&self, id: TaskId) {
        if id != self.context() {
            // Who stays awake by itself takes no notice of the wake-ups of others.
            self.touch_place(Place::task(id.index()), true);
        }
        {
            let mut tasks = self.0.tasks.borrow_mut();
            let task = &mut tasks[id.index()];
            match task.run {
                RunState::Blocked => task.wait = None,
                RunState::Running => {
                    task.run = RunState::RunningWoken;
                    return;
                }
                RunState::Queued | RunState::Parked | RunState::RunningWoken | RunState::Finished => return,
            }
        }
        self.emit(|| Event::TaskWoken { task: id });
        self.enqueue(id);
    }

    /// Puts a task that is ready into the queue where it belongs.
    pub(crate) fn enqueue(&self, id: TaskId) {
        let mut tasks = self.0.tasks.borrow_mut();
        let mut queue = self.0.run_queue.borrow_mut();
        let task = &mut tasks[id.index()];
        if task.frozen || (self.is_host_asleep() && task.kind != TaskKind::Firmware) {
            task.run = RunState::Parked;
            queue.parked.push(id);
        } else {
            task.run = RunState::Queued;
            queue.runnable.push(id);
        }
    }

    /// Sorts the ready tasks again after the freezer or the power state of the host changed.
    pub(crate) fn requeue(&self) {
        let mut moved = {
            let mut queue = self.0.run_queue.borrow_mut();
            let mut moved = std::mem::take(&mut queue.runnable);
            moved.append(&mut queue.parked);
            moved
        };
        for id in moved.drain(..) {
            self.enqueue(id);
        }
    }

    pub(crate) fn anyone_runnable(&self) -> bool {
        !self.0.run_queue.borrow().runnable.is_empty()
    }

    /// Takes the task that the exploration chooses, else the scheduler.
    pub(crate) fn pick(&self) -> Pick {
        if self.is_exploring() {
            return self.pick_explored();
        }
        let mut queue = self.0.run_queue.borrow_mut();
        let Some(last) = queue.runnable.len().checked_sub(1) else { return Pick::Nobody };
        let choice = self.0.scheduler.borrow_mut().choose(&queue.runnable);
        Pick::Task(queue.runnable.remove(choice.min(last)))
    }

    pub(crate) fn clear_run_queue(&self) {
        *self.0.run_queue.borrow_mut() = RunQueue::default();
    }
}
