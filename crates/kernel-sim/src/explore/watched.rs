use super::footprint::{Object, Place};
use crate::Kernel;
use std::cell::Cell;
use std::fmt;
use std::ops::Deref;

/// A value that tasks share without a lock of this kernel. Whenever a task uses it, the explorer is told that the task
/// [touches](Kernel::touch) the object. Outside of exploration a use costs a branch.
///
/// ```
/// use kernel_sim::{Kernel, Object, Schedule, Watched};
/// use std::cell::Cell;
///
/// let kernel = Kernel::new(Schedule::Fifo);
/// let flag = Watched::new(&kernel, Object::new("can_submit").of("1-1"), Cell::new(false));
/// flag.set(true);
/// assert!(flag.get());
/// ```
pub struct Watched<T> {
    kernel: Kernel,
    object: Object,
    /// Looked up at the first use in an exploration: there are many uses, and many that are never used.
    place: Cell<Option<Place>>,
    value: T,
}

impl<T> Watched<T> {
    /// A value that the explorer knows as `object`.
    pub fn new(kernel: &Kernel, object: Object, value: T) -> Self {
        Self { kernel: kernel.clone(), object, place: Cell::new(None), value }
    }

    /// The object that uses of `this` touch.
    pub fn object(this: &Self) -> Object {
        this.object
    }
}

impl<T> Deref for Watched<T> {
    type Target = T;
    fn deref(&self) -> &T {
        if self.kernel.is_exploring() {
            let place = self.place.get().unwrap_or_else(|| {
                let place = self.kernel.place(|| self.object);
                self.place.set(Some(place));
                place
            });
            // Shared values are cells: what is done with the reference can't be seen.
            self.kernel.touch_place(place, true);
        }
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
