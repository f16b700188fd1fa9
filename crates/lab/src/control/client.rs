use super::request::{Request, Response};
use crate::failure::Failure;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Asks the server behind the control socket at `path`, and prints its answer.
///
/// # Errors
/// Nobody listens there; what was asked cannot be done.
pub(crate) fn run(path: &Path, request: &Request) -> Result<(), Failure> {
    match ask(path, request)? {
        Response::Done(text) => {
            print!("{text}");
            Ok(())
        }
        Response::Failed(reason) => Err(Failure::usage(reason)),
    }
}

fn ask(path: &Path, request: &Request) -> Result<Response, Failure> {
    let failure = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let mut stream = UnixStream::connect(path).map_err(|error| failure(&error))?;
    let line = serde_json::to_string(request).map_err(|error| failure(&error))?;
    writeln!(stream, "{line}").map_err(|error| failure(&error))?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).map_err(|error| failure(&error))?;
    if answer.is_empty() {
        return Err(failure(&"the server hung up"));
    }
    serde_json::from_str(&answer).map_err(|error| failure(&error))
}
