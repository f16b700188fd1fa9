use super::footprint::Object;
use crate::{Kernel, RunError};
use sim_time::Instant;
use std::cell::RefCell;
use std::fmt;

/// When an invariant must hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckAt {
    /// Whenever nobody can run, before time moves on.
    Rest,
    /// At the end of an explored run that nothing else ended.
    End,
}

/// An invariant that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The name of the invariant.
    pub invariant: &'static str,
    /// When it was seen.
    pub at: Instant,
    /// What is wrong.
    pub what: String,
}

/// The invariants of one world.
#[derive(Default)]
pub(crate) struct Invariants {
    each_step: RefCell<Vec<Invariant>>,
    rest: RefCell<Vec<Invariant>>,
    end: RefCell<Vec<Invariant>>,
}

struct Invariant {
    name: &'static str,
    check: Box<dyn Fn() -> Result<(), String>>,
}

impl Kernel {
    /// Has `check` called at these points from now on. An `Err` ends the run with
    /// [`RunError::Invariant`]. It must not wake tasks or change what they see.
    pub fn check(&self, name: &'static str, at: CheckAt, check: impl Fn() -> Result<(), String> + 'static) {
        let list = match at {
            CheckAt::Rest => &self.0.invariants.rest,
            CheckAt::End => &self.0.invariants.end,
        };
        list.borrow_mut().push(Invariant { name, check: Box::new(check) });
    }

    /// As [`check`](Self::check), after every step of a task. `objects` is all that it looks at and that a task
    /// [touches](Kernel::touch): an exploration keeps the order of steps that change any of it. With an empty list it
    /// keeps the order of all steps that change anything.
    pub fn check_each_step(
        &self,
        name: &'static str,
        objects: &[Object],
        check: impl Fn() -> Result<(), String> + 'static,
    ) {
        self.make_visible(objects);
        self.0.invariants.each_step.borrow_mut().push(Invariant { name, check: Box::new(check) });
    }

    /// Something in the world noticed by itself that an invariant does not hold: the run ends after the present step. The
    /// objects by which it noticed must be known to the explorer ([`Watched`](crate::Watched)).
    pub fn violate(&self, invariant: &'static str, what: impl FnOnce() -> String) {
        self.fail(|| RunError::Invariant(Violation { invariant, at: self.now(), what: what() }));
    }

    pub(crate) fn check_step(&self) -> Result<(), RunError> {
        self.check_all(&self.0.invariants.each_step)
    }
    pub(crate) fn check_rest(&self) -> Result<(), RunError> {
        self.check_all(&self.0.invariants.rest)
    }
    pub(crate) fn check_end(&self) -> Result<(), RunError> {
        self.check_all(&self.0.invariants.end)
    }

    fn check_all(&self, invariants: &RefCell<Vec<Invariant>>) -> Result<(), RunError> {
        for Invariant { name, check } in &*invariants.borrow() {
            if let Err(what) = check() {
                return Err(RunError::Invariant(Violation { invariant: name, at: self.now(), what }));
            }
        }
        Ok(())
    }
}

impl Invariants {
    pub(crate) fn clear(&self) {
        for list in [&self.each_step, &self.rest, &self.end] {
            drop(list.take());
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} violated at {}: {}", self.invariant, self.at, self.what)
    }
}
