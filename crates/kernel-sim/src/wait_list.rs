use crate::{Kernel, TaskId};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// The place of one wait in a list. Never used again, so that a wait that was woken can't be taken for a later one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticket(u64);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter<T> {
    pub(crate) ticket: Ticket,
    pub(crate) task: TaskId,
    pub(crate) note: T,
}

/// Tasks that wait for one thing, first come first, each with a note of what exactly it wants.
pub(crate) struct WaitList<T> {
    waiters: RefCell<VecDeque<Waiter<T>>>,
    next: Cell<u64>,
}

impl<T> Default for WaitList<T> {
    fn default() -> Self {
        Self { waiters: RefCell::default(), next: Cell::default() }
    }
}

impl<T: Copy> WaitList<T> {
    pub(crate) fn add(&self, task: TaskId, note: T) -> Ticket {
        let ticket = Ticket(self.next.get());
        self.next.set(ticket.0 + 1);
        self.waiters.borrow_mut().push_back(Waiter { ticket, task, note });
        ticket
    }

    /// Adds a task that is not in the list yet.
    pub(crate) fn add_once(&self, task: TaskId, note: T) {
        if !self.waiters.borrow().iter().any(|waiter| waiter.task == task) {
            self.add(task, note);
        }
    }

    pub(crate) fn contains(&self, ticket: Ticket) -> bool {
        self.waiters.borrow().iter().any(|waiter| waiter.ticket == ticket)
    }

    /// Takes a wait back; false if it had been woken.
    pub(crate) fn remove(&self, ticket: Ticket) -> bool {
        let mut waiters = self.waiters.borrow_mut();
        let position = waiters.iter().position(|waiter| waiter.ticket == ticket);
        position.and_then(|position| waiters.remove(position)).is_some()
    }

    pub(crate) fn pop_first(&self) -> Option<Waiter<T>> {
        self.waiters.borrow_mut().pop_front()
    }

    pub(crate) fn wake_first(&self, kernel: &Kernel) {
        if let Some(waiter) = self.pop_first() {
            kernel.wake(waiter.task);
        }
    }

    pub(crate) fn wake_all(&self, kernel: &Kernel) {
        while let Some(waiter) = self.pop_first() {
            kernel.wake(waiter.task);
        }
    }
}
