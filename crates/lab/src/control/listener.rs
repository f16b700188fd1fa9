use super::machine::Machine;
use super::request::{Request, Response};
use crate::failure::Failure;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

/// Answers requests on a socket at `path` until the process ends.
///
/// # Errors
/// The socket cannot be made there.
pub(crate) fn listen(path: &Path, machine: Arc<Machine>) -> Result<(), Failure> {
    let bound = UnixListener::bind(path);
    let listener = bound.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    thread::spawn(move || {
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => {
                    let machine = machine.clone();
                    thread::spawn(move || serve(&stream, &machine));
                }
                Err(error) => tracing::warn!(%error, "control socket"),
            }
        }
    });
    Ok(())
}

fn serve(mut stream: &UnixStream, machine: &Machine) {
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let response = match serde_json::from_str::<Request>(&line) {
            Ok(request) => machine.answer(request),
            Err(error) => Response::Failed(error.to_string()),
        };
        let text = serde_json::to_string(&response).unwrap_or_default();
        if writeln!(stream, "{text}").is_err() {
            return;
        }
    }
}
