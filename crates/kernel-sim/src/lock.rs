use crate::explore::{Object, Place};
use crate::lock_order::ClassNode;
use crate::wait::Wait;
use crate::{Event, Kernel, TaskId};
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// The kind of a lock: all locks of one class obey one order, whichever object they protect (lockdep's class). Its
/// name is its identity.
#[derive(Clone)]
pub struct LockClass(Name);

#[derive(Clone)]
enum Name {
    Static(&'static str),
    Shared(Rc<str>),
}

impl LockClass {
    /// The class of that name.
    pub const fn new(name: &'static str) -> Self {
        Self(Name::Static(name))
    }
    /// The class of a name that is made at run time (`lockdep_register_key`).
    pub fn dynamic(name: impl Into<Rc<str>>) -> Self {
        Self(Name::Shared(name.into()))
    }
    /// Its name.
    pub fn name(&self) -> &str {
        match &self.0 {
            Name::Static(name) => name,
            Name::Shared(name) => name,
        }
    }
}

impl PartialEq for LockClass {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}
impl Eq for LockClass {}

impl fmt::Display for LockClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for LockClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.name(), f)
    }
}

/// A lock as reports and events name it. Shown as `class/subclass(name)`, without what says nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockDesc {
    /// Its class.
    pub class: LockClass,
    /// The level at which it was or is taken (`mutex_lock_nested`); 0 is the plain one.
    pub subclass: u8,
    /// Which lock of the class it is.
    pub name: Rc<str>,
}

impl LockDesc {
    /// Shown without the name.
    pub(crate) fn class_level(&self) -> impl fmt::Display {
        fmt::from_fn(|f| match self.subclass {
            0 => f.write_str(self.class.name()),
            subclass => write!(f, "{}/{subclass}", self.class.name()),
        })
    }
}

impl fmt::Display for LockDesc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.class_level())?;
        if *self.name == *self.class.name() { Ok(()) } else { write!(f, "({})", self.name) }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LockKind {
    Mutex,
    Spin,
    /// No lock, but something that is held and waited for like one.
    Map,
}

/// What the kernel knows of one lock.
pub(crate) struct LockInfo {
    pub(crate) class: LockClass,
    pub(crate) name: Rc<str>,
    pub(crate) kind: LockKind,
    pub(crate) owner: Cell<Option<TaskId>>,
    place: Place,
    /// Of subclass 0.
    node: ClassNode,
}

#[derive(Clone)]
pub(crate) struct HeldLock {
    pub(crate) lock: Rc<LockInfo>,
    pub(crate) subclass: u8,
    pub(crate) node: ClassNode,
}

impl LockInfo {
    pub(crate) fn new(kernel: &Kernel, class: LockClass, name: Rc<str>, kind: LockKind) -> Rc<Self> {
        let node = kernel.0.lock_order.borrow_mut().node(&class, 0);
        let place = kernel.place(|| Object::new(class.name()).of(&name));
        Rc::new(Self { class, name, kind, owner: Cell::new(None), place, node })
    }

    pub(crate) fn desc(&self, subclass: u8) -> LockDesc {
        LockDesc { class: self.class.clone(), subclass, name: self.name.clone() }
    }
}

impl HeldLock {
    pub(crate) fn desc(&self) -> LockDesc {
        self.lock.desc(self.subclass)
    }
}

impl Kernel {
    fn held(&self, lock: &Rc<LockInfo>, subclass: u8) -> HeldLock {
        let node = if subclass == 0 {
            lock.node
        } else {
            self.0.lock_order.borrow_mut().node(&lock.class, subclass)
        };
        HeldLock { lock: lock.clone(), subclass, node }
    }

    /// Before a lock is taken, whether that will block or not: the order counts, not the luck.
    pub(crate) fn lock_attempt(&self, lock: &Rc<LockInfo>, subclass: u8) {
        let me = self.context();
        self.touch_lock(lock);
        let wanted = self.held(lock, subclass);
        let violation = {
            let tasks = self.0.tasks.borrow();
            let task = &tasks[me.index()];
            if task.held.is_empty() {
                return;
            }
            self.0.lock_order.borrow_mut().attempt(self.now(), me, &task.name, &task.held, &wanted)
        };
        for violation in violation {
            self.emit(|| Event::LockOrderViolation { task: me, violation });
        }
    }

    /// `task` owns the lock from now on.
    pub(crate) fn lock_acquired(&self, task: TaskId, lock: &Rc<LockInfo>, subclass: u8) {
        self.touch_lock(lock);
        let held = self.held(lock, subclass);
        lock.owner.set(Some(task));
        self.0.tasks.borrow_mut()[task.index()].held.push(held);
        self.emit(|| Event::LockAcquired { task, lock: lock.desc(subclass) });
    }

    /// The owner gives the lock up.
    pub(crate) fn lock_released(&self, lock: &Rc<LockInfo>) {
        self.touch_lock(lock);
        let Some(task) = lock.owner.take() else { return };
        let held = {
            let mut tasks = self.0.tasks.borrow_mut();
            let held = &mut tasks[task.index()].held;
            let position = held.iter().rposition(|held| Rc::ptr_eq(&held.lock, lock));
            position.map(|position| held.remove(position))
        };
        if let Some(held) = held {
            self.emit(|| Event::LockReleased { task, lock: held.desc() });
        }
    }

    /// The running task changes the lock, or its luck depends on it.
    pub(crate) fn touch_lock(&self, lock: &LockInfo) {
        self.touch_place(lock.place, true);
    }

    /// The owner of the lock that a task waits for.
    pub(crate) fn lock_owner_of_wait(&self, task: TaskId) -> Option<TaskId> {
        match &self.0.tasks.borrow()[task.index()].wait {
            Some(Wait::Lock { lock, .. }) => lock.owner.get(),
            _ => None,
        }
    }

    /// The spinlock that the running task must give up before it may sleep.
    pub(crate) fn spinlock_of(&self, task: TaskId) -> Option<LockDesc> {
        let tasks = self.0.tasks.borrow();
        let held = tasks[task.index()].held.iter().rfind(|held| held.lock.kind == LockKind::Spin)?;
        Some(held.desc())
    }
}
