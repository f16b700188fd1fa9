//! What the tests share: a log of lines with the time, and short spellings.
use kernel_sim::{Kernel, Schedule};
use sim_time::{Duration, Instant};
use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;

/// Lines with the virtual time in ms, in the order in which they happened.
#[derive(Clone)]
pub(crate) struct Log {
    kernel: Kernel,
    text: Rc<RefCell<String>>,
}

impl Log {
    pub(crate) fn new(kernel: &Kernel) -> Self {
        Self { kernel: kernel.clone(), text: Rc::default() }
    }
    /// Also records the kernel's own events.
    pub(crate) fn tracing(kernel: &Kernel) -> Self {
        let log = Self::new(kernel);
        let sink = log.clone();
        kernel.set_trace(Rc::new(move |_, event| sink.line(event.to_string())));
        log
    }
    pub(crate) fn line(&self, line: impl AsRef<str>) {
        let ms = self.kernel.now().since_start().as_millis();
        writeln!(self.text.borrow_mut(), "[{ms:>4}] {}", line.as_ref()).expect("a String takes everything");
    }
    pub(crate) fn take(&self) -> String {
        self.text.take()
    }
}

pub(crate) fn fifo() -> (Kernel, Log) {
    let kernel = Kernel::new(Schedule::Fifo);
    let log = Log::new(&kernel);
    (kernel, log)
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}
