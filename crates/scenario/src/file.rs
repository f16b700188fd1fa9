//! Scenario files.

use crate::check::{self, Context};
use crate::error::{Fault, ScenarioError};
use crate::scenario::Scenario;
use crate::schema;
use std::path::Path;

impl Scenario {
    /// Reads a scenario file. Paths of WAV files in it start at the file's directory.
    ///
    /// # Errors
    /// With file, line and field: what is wrong and what is allowed.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let whole =
            |reason: String| ScenarioError { path: path.to_path_buf(), line: None, field: None, reason };
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => whole("no such file".into()),
            std::io::ErrorKind::InvalidData => whole("not a text file".into()),
            _ => whole(error.to_string()),
        })?;
        Self::parse(&text, path)
    }

    /// Reads a scenario from the text of the file `path`.
    ///
    /// # Errors
    /// As [`Scenario::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ScenarioError> {
        let directory = path.parent().unwrap_or_else(|| Path::new(""));
        let parse = || {
            let file: schema::File = toml::from_str(text).map_err(Fault::from)?;
            check::scenario(&file, &Context { text, directory })
        };
        parse().map_err(|fault: Fault| fault.locate(path, text))
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
