use crate::Kernel;
use sim_time::Instant;
use std::rc::Rc;

/// Something that works by itself beside the tasks: a controller with its devices.
pub trait Hardware {
    /// Does everything that is due at `now`. Called whenever no task can run, also without need. May run
    /// interrupt handlers, which may wake tasks and set timers.
    fn advance(&self, now: Instant);
    /// When it must be called next; `None` if only an outside act (a register write) matters.
    fn next_deadline(&self) -> Option<Instant>;
}

impl Kernel {
    /// Connects hardware to this kernel's time. Several are advanced in the order in which they were attached.
    pub fn attach_hardware(&self, hardware: Rc<dyn Hardware>) {
        self.0.hardware.borrow_mut().push(hardware);
    }

    pub(crate) fn advance_hardware(&self, now: Instant) {
        let mut index = 0;
        // Nothing stays borrowed: an interrupt handler may do everything with the kernel.
        while let Some(hardware) = self.hardware(index) {
            hardware.advance(now);
            index += 1;
        }
    }

    pub(crate) fn next_hardware_deadline(&self) -> Option<Instant> {
        let mut index = 0;
        let mut earliest = None;
        while let Some(hardware) = self.hardware(index) {
            earliest = crate::timer::earlier(earliest, hardware.next_deadline());
            index += 1;
        }
        earliest
    }

    fn hardware(&self, index: usize) -> Option<Rc<dyn Hardware>> {
        self.0.hardware.borrow().get(index).cloned()
    }
}
