//! `xhci-lab offload-golden`: what a sequence of offload and sideband calls returns.

use crate::cli::GoldenArgs;
use crate::failure::Failure;
use offload_golden::{Answer, Recording, RunFailure, Sequence, SequenceError, Value};
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

pub(crate) fn run(args: &GoldenArgs) -> Result<(), Failure> {
    let (name, text) = read(args.file.as_deref())?;
    let wrong = |SequenceError { line, reason }| Failure::usage(format_args!("{name}:{line}: {reason}"));
    let recording = match Sequence::parse(&text).map_err(wrong)?.run(args.design) {
        Ok(recording) => recording,
        Err(RunFailure::Sequence(error)) => return Err(wrong(error)),
        Err(RunFailure::Machine { line, error }) => {
            return Err(Failure::Run(format!("{name}:{line}: {error}")));
        }
    };
    print(&recording, args).map_err(Failure::from)
}

/// The text and what it is called in messages.
fn read(file: Option<&Path>) -> Result<(String, String), Failure> {
    let mut text = String::new();
    let (name, result) = match file.filter(|path| *path != Path::new("-")) {
        None => ("stdin".into(), io::stdin().read_to_string(&mut text)),
        Some(path) => {
            let file = fs::File::open(path);
            (path.display().to_string(), file.and_then(|mut file| file.read_to_string(&mut text)))
        }
    };
    match result {
        Ok(_) => Ok((name, text)),
        Err(error) => Err(Failure::usage(format_args!("{name}: {}", reason(&error)))),
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::IsADirectory => "is a directory".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::InvalidData => "not a text (UTF-8)".into(),
        _ => error.to_string(),
    }
}

fn print(recording: &Recording, args: &GoldenArgs) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for Answer { line, call, value } in &recording.answers {
        let shown = if args.numbers { value.as_number() } else { value.to_string() };
        if args.calls {
            writeln!(out, "{line}: {call} = {shown}")?;
        } else if *value != Value::Void {
            writeln!(out, "{shown}")?;
        }
    }
    out.flush()
}
