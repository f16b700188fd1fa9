use super::decider::Decider;
use super::depth_first::DIFFERS;
use super::engine::Engine;
use super::recorder::Recorder;
use super::transcript::Transcript;
use super::verdict::Verdict;
use crate::{Kernel, LockOrder, RunError, Schedule};
use sim_time::{Duration, Instant};
use std::any::Any;
use std::cell::{Cell, RefCell, RefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Once;

/// Runs a program again and again, each time in a fresh world.
pub(crate) struct Runner<'p, P> {
    program: &'p P,
    time_limit: Duration,
    /// Goes from kernel to kernel, so that all runs use the same memory.
    engine: Rc<RefCell<Engine>>,
    /// Over all runs.
    pub(crate) lock_order: LockOrder,
}

impl<'p, P, W> Runner<'p, P>
where
    P: Fn(&Kernel) -> W,
{
    pub(crate) fn new(program: &'p P, time_limit: Duration, engine: Engine) -> Self {
        let engine = Rc::new(RefCell::new(engine));
        Self { program, time_limit, engine, lock_order: LockOrder::default() }
    }

    /// Who answers, what bounds a run, and the record of the run before. Not to be kept while a run goes on.
    pub(crate) fn engine(&self) -> RefMut<'_, Engine> {
        self.engine.borrow_mut()
    }
    /// Who answers from now on; returns who did so far.
    pub(crate) fn set_decider(&self, decider: Box<dyn Decider>) -> Box<dyn Decider> {
        std::mem::replace(&mut self.engine().decider, decider)
    }

    /// One run: how it ended.
    pub(crate) fn run(&mut self) -> Verdict {
        self.run_recorded(None)
    }

    /// One run with its transcript.
    pub(crate) fn run_with_transcript(&mut self) -> (Verdict, Transcript) {
        let recorder = Rc::new(Recorder::default());
        let verdict = self.run_recorded(Some(recorder.clone()));
        let transcript = recorder.finish(verdict.to_string());
        (verdict, transcript)
    }

    fn run_recorded(&mut self, recorder: Option<Rc<Recorder>>) -> Verdict {
        let kernel = Kernel::new(Schedule::Fifo);
        kernel.install_engine(self.engine.clone(), recorder);
        kernel.0.lock_order.replace(std::mem::take(&mut self.lock_order));
        let world = (self.program)(&kernel);
        kernel.begin_exploring();
        let end = kernel.now() + self.time_limit;
        let outcome = quietly(|| explore(&kernel, end));
        kernel.end_exploring();
        self.lock_order = kernel.0.lock_order.take();
        let verdict = match outcome {
            Ok(Ok(())) => Verdict::Ok,
            Ok(Err(error)) => error.into(),
            Err(payload) => Verdict::Panic(message(payload)),
        };
        kernel.shutdown();
        drop(world);
        verdict
    }
}

fn explore(kernel: &Kernel, end: Instant) -> Result<(), RunError> {
    kernel.run_until(end)?;
    if kernel.has_given_up() {
        return Ok(());
    }
    if let Some(task) = kernel.first_unfinished() {
        return Err(RunError::TimeLimit { task: kernel.named(task), limit: end });
    }
    kernel.check_end()
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Catches panics, which are an answer here, without a message on stderr for each of them.
fn quietly<T>(act: impl FnOnce() -> T) -> std::thread::Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
    let outer = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(act));
    QUIET.set(outer);
    result
}

fn message(payload: Box<dyn Any + Send>) -> String {
    let text = match payload.downcast_ref::<&str>() {
        Some(text) => (*text).to_owned(),
        None => payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "(no message)".into()),
    };
    if text.contains(DIFFERS) {
        resume_unwind(payload);
    }
    text
}
