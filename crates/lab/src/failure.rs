//! How a command ends that did not do what it was asked.

use std::fmt;
use std::process::ExitCode;

/// Why a command failed; decides the exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked for makes no sense, or a file can't be used: exit code 2. One line each.
    Usage(Vec<String>),
    /// The run did not come out as it should: exit code 1.
    Run(String),
    /// Nobody reads the output any more: no message, exit code 1.
    BrokenPipe,
}

impl Failure {
    pub(crate) fn usage(reason: impl fmt::Display) -> Self {
        Self::Usage(vec![reason.to_string()])
    }

    /// Tells on stderr what is wrong.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Usage(reasons) => {
                for reason in reasons {
                    eprintln!("error: {}", reason.replace('\n', " "));
                }
                ExitCode::from(2)
            }
            Self::Run(reason) => {
                eprintln!("failed: {reason}");
                ExitCode::from(1)
            }
            Self::BrokenPipe => ExitCode::from(1),
        }
    }
}

/// From printing to stdout.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::Run(format!("standard output: {error}")),
        }
    }
}
