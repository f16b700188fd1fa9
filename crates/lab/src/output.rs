//! Files of a run: all of them, or none.

use crate::failure::Failure;
use scenario::audio::{Audio, write_wav};
use std::fs;
use std::path::{Path, PathBuf};

/// A directory for results. Whether it can be written is found out before the run; what was made for that is taken away
/// again unless files were kept.
pub(crate) struct OutDir {
    path: PathBuf,
    /// The directories that did not exist before, the outermost first.
    created: Vec<PathBuf>,
    /// The file that is being written.
    unfinished: Option<PathBuf>,
    kept: bool,
}

impl OutDir {
    /// # Errors
    /// The directory can't be made, or no file can be made in it.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let missing = path.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists());
        let mut created: Vec<PathBuf> = missing.map(Path::to_path_buf).collect();
        created.reverse();
        let mut dir = Self { path: path.to_path_buf(), created, unfinished: None, kept: false };
        dir.probe().map_err(|error| failure(path, &error))?;
        Ok(dir)
    }

    /// Puts a text file into the directory.
    pub(crate) fn keep_text(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        let part = self.begin(name);
        fs::write(&part, text).map_err(|error| failure(&part, &error))?;
        self.finish(name)
    }

    /// Puts a WAV file into the directory.
    pub(crate) fn keep_wav(&mut self, name: &str, audio: &Audio) -> Result<(), Failure> {
        write_wav(&self.begin(name), audio).map_err(Failure::usage)?;
        self.finish(name)
    }

    fn probe(&mut self) -> std::io::Result<()> {
        fs::create_dir_all(&self.path)?;
        let file = self.begin("probe");
        fs::write(&file, "")?;
        fs::remove_file(file)?;
        self.unfinished = None;
        Ok(())
    }

    /// Files are written under another name first, so that no half file has the name of a whole one.
    fn begin(&mut self, name: &str) -> PathBuf {
        let part = self.path.join(format!(".{name}.part"));
        self.unfinished = Some(part.clone());
        part
    }

    fn finish(&mut self, name: &str) -> Result<(), Failure> {
        let file = self.path.join(name);
        if let Some(part) = self.unfinished.take() {
            fs::rename(part, &file).map_err(|error| failure(&file, &error))?;
        }
        tracing::info!("wrote {}", file.display());
        self.kept = true;
        Ok(())
    }
}

fn failure(path: &Path, error: &std::io::Error) -> Failure {
    let reason = match error.kind() {
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => "is not a directory".into(),
        _ => error.to_string(),
    };
    Failure::usage(format_args!("{}: {reason}", path.display()))
}

impl Drop for OutDir {
    fn drop(&mut self) {
        if let Some(part) = self.unfinished.take() {
            // Perhaps it was never made.
            let _nothing_to_remove = fs::remove_file(part);
        }
        if !self.kept {
            for dir in self.created.iter().rev() {
                let _nothing_to_remove = fs::remove_dir(dir);
            }
        }
    }
}
