use super::transcript::{Column, Line, LineKind, Transcript};
use crate::{Event, Kernel, TaskId};
use std::cell::RefCell;

/// Writes the transcript of a run.
#[derive(Default)]
pub(crate) struct Recorder(RefCell<Transcript>);

impl Recorder {
    pub(crate) fn finish(&self, ending: String) -> Transcript {
        Transcript { ending, ..self.0.take() }
    }

    pub(crate) fn line(&self, kernel: &Kernel, task: TaskId, text: String) {
        self.push(kernel, task, text, LineKind::Major);
    }

    pub(crate) fn event(&self, kernel: &Kernel, event: &Event) {
        let context = kernel.context();
        let (task, text, kind) = match event {
            Event::TaskSwitch { .. } | Event::TaskFrozen { .. } => return,
            // Seen once in an exploration, so it is no matter of this run.
            Event::LockOrderViolation { .. } => return,
            // What wakes others outside of tasks is hardware and timers: who was woken tells what for.
            Event::TaskWoken { .. } if context == TaskId::SWAPPER => return,
            Event::TaskSpawned { name, .. } => (context, format!("starts \"{name}\""), LineKind::Major),
            Event::TaskWoken { task } => {
                (context, format!("wakes \"{}\"", kernel.task_name(*task)), LineKind::Minor)
            }
            Event::TaskEnded { task } => (*task, "ends".into(), LineKind::Minor),
            Event::LockWait { task, lock } => {
                let blocked = kernel.lock_owner_of_wait(*task);
                let owner = blocked.map(|owner| format!(", held by \"{}\"", kernel.task_name(owner)));
                (*task, format!("waits for {lock}{}", owner.unwrap_or_default()), LineKind::Major)
            }
            Event::LockAcquired { task, lock } => {
                let handed_over = *task != context;
                let verb = if handed_over { "is handed" } else { "takes" };
                let kind = if handed_over { LineKind::Major } else { LineKind::Takes(lock.clone()) };
                (*task, format!("{verb} {lock}"), kind)
            }
            Event::LockReleased { task, lock } => {
                (*task, format!("releases {lock}"), LineKind::Releases(lock.clone()))
            }
            Event::WorkQueued { queue, work } => {
                (context, format!("queues \"{work}\" on {queue}"), LineKind::Major)
            }
            Event::WorkStarted { worker, work } => (*worker, format!("begins \"{work}\""), LineKind::Major),
            Event::WorkFinished { worker, work } => {
                (*worker, format!("finishes \"{work}\""), LineKind::Minor)
            }
            other => (context, other.to_string(), LineKind::Major),
        };
        self.push(kernel, task, text, kind);
    }

    fn push(&self, kernel: &Kernel, task: TaskId, text: String, kind: LineKind) {
        let mut transcript = self.0.borrow_mut();
        if !transcript.columns.iter().any(|column| column.task == task) {
            transcript.columns.push(Column { task, name: kernel.task_name(task) });
            transcript.columns.sort_unstable_by_key(|column| column.task);
        }
        let task = Some(task).filter(|&task| task != TaskId::SWAPPER);
        transcript.lines.push(Line { step: kernel.steps_explored(), at: kernel.now(), task, text, kind });
    }
}
