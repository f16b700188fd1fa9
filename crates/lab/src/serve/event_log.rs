use crate::failure::Failure;
use sim_time::Instant;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use xhci_model::Event;

/// A text file of events, a line each.
#[derive(Clone)]
pub(super) struct EventLog(Arc<Mutex<BufWriter<File>>>);

impl EventLog {
    /// # Errors
    /// The file cannot be made.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path);
        let file = file.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        Ok(Self(Arc::new(Mutex::new(BufWriter::new(file)))))
    }

    pub(super) fn record(&self, at: Instant, event: &Event) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What could not be written is told by `flush`.
        let _told_later = writeln!(file, "{at} {event}");
    }

    /// # Errors
    /// Not everything could be written.
    pub(super) fn flush(&self) -> Result<(), Failure> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush().map_err(|error| Failure::Run(format!("event log: {error}")))
    }
}
