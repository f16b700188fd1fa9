use super::decider::{Candidate, Decider};
use super::footprint::{Footprint, Object, Objects, Place, Touch};
use super::recorder::Recorder;
use crate::task::RunState;
use crate::wait::Wait;
use crate::{Kernel, RunError, TaskId};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

/// What a kernel keeps of the exploration that it is a run of.
#[derive(Default)]
pub(crate) struct Exploration {
    /// Tasks stop at scheduling points, and the engine is asked. Off while the program builds its world.
    on: Cell<bool>,
    /// Set while the kernel is new.
    engine: OnceCell<Rc<RefCell<Engine>>>,
    /// In a run whose transcript is wanted.
    recorder: OnceCell<Rc<Recorder>>,
}

/// Asks the [`Decider`] and notes what happens between its answers.
pub(crate) struct Engine {
    pub(crate) decider: Box<dyn Decider>,
    pub(crate) limits: Limits,
    pub(crate) run: RunRecord,
    objects: Objects,
    candidates: Vec<Candidate>,
    last: Option<Last>,
    slice: Footprint,
    slice_open: bool,
    yielded: bool,
    /// What the invariants that are checked at every step look at.
    visible: Footprint,
}

/// What bounds a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Steps after which a run has failed.
    pub(crate) steps: u32,
    /// Steps after which a run is of no interest.
    pub(crate) interesting_steps: u32,
    pub(crate) early_time_outs: bool,
}

/// What is known of a run when it is over.
#[derive(Clone, Default, Debug)]
pub(crate) struct RunRecord {
    /// The answers where there was more than one.
    pub(crate) choices: Vec<u16>,
    pub(crate) steps: u32,
    pub(crate) preemptions: u32,
    /// It was given up because the rest is known or of no interest.
    pub(crate) given_up: bool,
    /// A task that lets others go first again and again was not chosen although it could have been.
    pub(crate) unfair: bool,
    /// Over who ran in which order.
    pub(crate) fingerprint: u32,
}

/// Who ran last.
#[derive(Clone, Copy)]
struct Last {
    task: TaskId,
    /// It could go on and did not ask to let others go first.
    leaving_costs: bool,
    yielded: bool,
    /// It was chosen right after it had let others go first.
    again: bool,
}

/// Whose turn it is.
pub(crate) enum Pick {
    Task(TaskId),
    /// Nobody can run.
    Nobody,
    /// The run ends here.
    Stop,
}

impl Engine {
    pub(crate) fn new(decider: Box<dyn Decider>, limits: Limits) -> Self {
        Self {
            decider,
            limits,
            run: RunRecord::default(),
            objects: Objects::default(),
            candidates: Vec::new(),
            last: None,
            slice: Footprint::EMPTY,
            slice_open: false,
            yielded: false,
            visible: Footprint::EMPTY,
        }
    }

    fn begin_run(&mut self) {
        let mut choices = std::mem::take(&mut self.run.choices);
        choices.clear();
        self.run = RunRecord { choices, fingerprint: FNV_START, ..RunRecord::default() };
        self.last = None;
        self.slice_open = false;
        self.decider.begin();
    }

    /// Notes an answer where there was more than one.
    fn note_choice(&mut self, options: usize, answer: usize) {
        if options > 1 {
            self.run.choices.push(u16::try_from(answer).unwrap_or(u16::MAX));
        }
    }

    fn fold(&mut self, value: u32) {
        let folded = value
            .to_le_bytes()
            .iter()
            .fold(self.run.fingerprint, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        self.run.fingerprint = folded;
    }

    /// Chooses among the candidates; `None` gives the run up.
    fn decide(&mut self) -> Option<Candidate> {
        let chosen = if self.run.steps < self.limits.interesting_steps {
            self.decider.task(&self.candidates)
        } else {
            None
        };
        let Some(index) = chosen else {
            self.run.given_up = true;
            return None;
        };
        let candidate = self.candidates[index];
        self.note_choice(self.candidates.len(), index);
        self.fold(candidate.task.get() << 1 | u32::from(candidate.time_out));
        self.run.steps += 1;
        self.run.preemptions += candidate.cost;
        self.last = Some(Last {
            task: candidate.task,
            leaving_costs: false,
            yielded: false,
            again: candidate.yielded,
        });
        self.slice = Footprint::EMPTY;
        self.slice_open = true;
        self.yielded = false;
        Some(candidate)
    }

    /// The candidates in their order: who goes on for nothing, the others round robin after it, who let others go
    /// first, time-outs. The first answer is always the run without preemptions.
    fn gather(&mut self, kernel: &Kernel) {
        let last = self.last;
        let leaving = u32::from(last.is_some_and(|last| last.leaving_costs));
        let after = last.map_or(TaskId::SWAPPER, |last| last.task);
        self.candidates.clear();
        let queue = kernel.0.run_queue.borrow();
        self.candidates.extend(queue.runnable().iter().map(|&task| {
            let goes_on = last.is_some_and(|last| last.task == task);
            let yielded = goes_on && last.is_some_and(|last| last.yielded);
            Candidate { task, time_out: false, yielded, cost: if goes_on { 0 } else { leaving } }
        }));
        self.candidates.sort_unstable_by_key(|candidate| {
            let goes_on = candidate.task == after;
            (candidate.yielded, !goes_on, candidate.task < after, candidate.task)
        });
        if last.is_some_and(|last| last.again && last.yielded) && self.candidates.len() > 1 {
            // Who lets others go first in a loop waits for them.
            self.candidates.pop_if(|candidate| candidate.yielded);
            self.run.unfair = true;
        }
        if self.limits.early_time_outs {
            let tasks = kernel.0.tasks.borrow();
            for (index, task) in tasks.iter().enumerate() {
                let timed = task.wait.as_ref().is_some_and(|wait| wait.alarm().is_some());
                if task.run == RunState::Blocked && timed {
                    let task = TaskId::from_index(index);
                    self.candidates.push(Candidate { task, time_out: true, yielded: false, cost: 1 });
                }
            }
        }
    }

    fn end_slice(&mut self, runnable: bool) {
        if !std::mem::replace(&mut self.slice_open, false) {
            return;
        }
        if self.slice.writes_what_is_read_by(&self.visible) {
            self.slice.add(Place::VISIBLE, true);
        }
        let yielded = runnable && self.yielded;
        let leaving_costs = runnable && !yielded;
        if let Some(last) = &mut self.last {
            (last.leaving_costs, last.yielded) = (leaving_costs, yielded);
        }
        self.decider.slice_done(&self.slice, leaving_costs);
    }
}

/// The offset basis of FNV-1a.
const FNV_START: u32 = 0x811c_9dc5;

impl Kernel {
    /// Makes this kernel a run of an exploration, before the world is built in it.
    pub(crate) fn install_engine(&self, engine: Rc<RefCell<Engine>>, recorder: Option<Rc<Recorder>>) {
        engine.borrow_mut().visible = Footprint::EMPTY;
        let installed = self.0.explore.engine.set(engine);
        assert!(installed.is_ok(), "a kernel is explored once");
        if let Some(recorder) = recorder {
            self.0.explore.recorder.get_or_init(|| recorder);
        }
    }

    pub(crate) fn begin_exploring(&self) {
        self.with_engine(Engine::begin_run);
        self.0.explore.on.set(true);
    }

    pub(crate) fn end_exploring(&self) {
        // A task that panicked has left its slice open.
        self.with_engine(|engine| engine.end_slice(false));
        self.0.explore.on.set(false);
    }

    /// Whether tasks stop at scheduling points.
    pub fn is_exploring(&self) -> bool {
        self.0.explore.on.get()
    }

    fn with_engine<T>(&self, act: impl FnOnce(&mut Engine) -> T) -> Option<T> {
        self.0.explore.engine.get().map(|engine| act(&mut engine.borrow_mut()))
    }

    /// The task that the exploration chooses.
    pub(crate) fn pick_explored(&self) -> Pick {
        if !self.anyone_runnable() {
            return Pick::Nobody;
        }
        let decided = self.with_engine(|engine| {
            if engine.run.steps >= engine.limits.steps {
                return Err(engine.last.map_or(TaskId::SWAPPER, |last| last.task));
            }
            engine.gather(self);
            Ok(engine.decide())
        });
        let chosen = match decided {
            Some(Ok(Some(chosen))) => chosen,
            Some(Err(last)) => {
                let steps = self.with_engine(|engine| engine.limits.steps).unwrap_or(0);
                self.fail(|| RunError::StepLimit { at: self.now(), steps, last: self.named(last) });
                return Pick::Stop;
            }
            _ => return Pick::Stop,
        };
        if chosen.time_out {
            self.time_out_early(chosen.task);
        }
        self.0.run_queue.borrow_mut().remove(chosen.task);
        Pick::Task(chosen.task)
    }

    /// Ends the wait of a blocked task as its time-out would.
    fn time_out_early(&self, id: TaskId) {
        let alarm = self.0.tasks.borrow()[id.index()].wait.as_ref().and_then(Wait::alarm);
        if let Some((side, key)) = alarm {
            self.cancel_timer(side, key);
        }
        self.wake(id);
    }

    /// The chosen task has stopped.
    pub(crate) fn end_slice(&self, id: TaskId) {
        let runnable = self.0.tasks.borrow()[id.index()].run == RunState::Queued;
        self.with_engine(|engine| engine.end_slice(runnable));
    }

    /// Nobody could run, and hardware and timers had their turn.
    pub(crate) fn note_rest(&self) {
        if self.is_exploring() {
            self.with_engine(|engine| {
                engine.last = None;
                engine.decider.rested();
            });
        }
    }

    /// The running task let others go first.
    pub(crate) fn note_yield(&self) {
        if self.is_exploring() {
            self.with_engine(|engine| engine.yielded = true);
        }
    }

    /// The answer to an open question.
    pub(crate) fn decide_value(&self, options: u16) -> u16 {
        let answer = self.with_engine(|engine| {
            let answer = engine.decider.value(options);
            engine.note_choice(usize::from(options), usize::from(answer));
            engine.fold(u32::from(answer));
            answer
        });
        answer.unwrap_or(0)
    }

    /// Where footprints keep an object. Any place will do where nobody explores.
    pub(crate) fn place(&self, object: impl FnOnce() -> Object) -> Place {
        self.with_engine(|engine| engine.objects.place(object())).unwrap_or(Place::VISIBLE)
    }

    pub(crate) fn touch_place(&self, place: Place, write: bool) {
        if self.is_exploring() {
            self.with_engine(|engine| engine.slice.add(place, write));
        }
    }

    /// The running task touches something that the explorer can't see by itself. What is said before the next
    /// scheduling point counts for the step since the last one. Without effect, and next to free, in a run that is
    /// not explored.
    pub fn touch(&self, touch: Touch) {
        if self.is_exploring() {
            self.with_engine(|engine| engine.objects.add(touch, &mut engine.slice));
        }
    }

    /// An invariant looks at these objects after every step.
    pub(crate) fn make_visible(&self, objects: &[Object]) {
        self.with_engine(|engine| {
            for &object in objects {
                engine.objects.add(object.read(), &mut engine.visible);
            }
            if objects.is_empty() {
                engine.visible.add_everything_read();
            }
        });
    }

    /// A line of the transcript, in the column of `task`. One branch when there is none.
    pub(crate) fn record(&self, task: TaskId, line: impl FnOnce() -> String) {
        if self.is_exploring()
            && let Some(recorder) = self.0.explore.recorder.get()
        {
            recorder.line(self, task, line());
        }
    }

    pub(crate) fn record_event(&self, event: &crate::Event) {
        if self.is_exploring()
            && let Some(recorder) = self.0.explore.recorder.get()
        {
            recorder.event(self, event);
        }
    }

    /// Whether the decider ended the run.
    pub(crate) fn has_given_up(&self) -> bool {
        self.with_engine(|engine| engine.run.given_up).unwrap_or(false)
    }

    /// The number of the present step.
    pub(crate) fn steps_explored(&self) -> u32 {
        self.with_engine(|engine| engine.run.steps).unwrap_or(0)
    }

    /// Whether a transcript is written, so that [`note`](Self::note) has an effect.
    pub fn is_recorded(&self) -> bool {
        self.is_exploring() && self.0.explore.recorder.get().is_some()
    }
}
