//! `--pcapng FILE`.

use crate::failure::Failure;
use scope::Capture;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// A capture file and where it is.
#[derive(Clone)]
pub(crate) struct CaptureFile {
    path: PathBuf,
    capture: Capture,
}

impl CaptureFile {
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path);
        let file = file.map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?;
        Ok(Self { path: path.to_path_buf(), capture: Capture::to(BufWriter::new(file)) })
    }

    /// What devices are plugged in through.
    pub(crate) fn capture(&self) -> Capture {
        self.capture.clone()
    }

    /// # Errors
    /// Not everything could be written.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        let finished = self.capture.finish();
        finished.map_err(|error| Failure::Run(format!("{}: {error}", self.path.display())))?;
        tracing::info!("wrote {}", self.path.display());
        Ok(())
    }
}
